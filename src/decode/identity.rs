//! Decides whether two rows are the same event: by `event_id` where it identifies one event, else by the whole content.
//!
//! Logs that were made shareable have the same id in many records: `***`, all zeros, `EXAMPLE`. Such an id identifies
//! nothing, and its rows differ in their content. Rows with one GUID that differ in their [`Facts`] are different events
//! too.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{TimestampMicrosecondType, UInt32Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::schema::{EVENTS, Kind};

/// Columns that say where a row was read.
const ORIGIN: &[&str] = &["source_object", "source_record"];

/// The GUID in an event id. `None` for an id that is not a GUID, or a placeholder such as one of only zeros: it does not
/// identify an event.
pub fn unique_id(event_id: &str) -> Option<u128> {
    let id = uuid::Uuid::try_parse(event_id).ok()?.as_u128();
    let digits_used = (0..32).fold(0u16, |used, digit| used | 1 << (id >> (4 * digit) & 0xf));
    (digits_used.count_ones() > 2).then_some(id)
}

/// Hashes the content of rows.
pub struct RowContent<'a> {
    columns: Vec<(ArrayFormatter<'a>, Kind)>,
}

impl<'a> RowContent<'a> {
    /// The content of the rows of a decoded batch, or of a data file with the same columns.
    ///
    /// # Errors
    /// [`Error::Internal`] when a column cannot be formatted, which is a defect.
    pub fn new(batch: &'a RecordBatch) -> Result<RowContent<'a>> {
        const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_null("\u{0}");
        let kind =
            |name: &str| EVENTS.iter().find(|column| column.name == name).map_or(Kind::Text, |column| column.kind);
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.filter(|(field, _)| !ORIGIN.contains(&field.name().as_str()));
        let columns = columns.map(|(field, array)| {
            let formatter = ArrayFormatter::try_new(array.as_ref(), &OPTIONS)?;
            Ok((formatter, kind(field.name())))
        });
        let columns = columns.collect::<std::result::Result<_, arrow::error::ArrowError>>();
        Ok(RowContent { columns: columns.map_err(|e| Error::Internal(e.to_string()))? })
    }

    /// The first 128 bits of the SHA-256 of a row's values, except where the row was read. White space between the
    /// values of JSON does not count.
    pub fn hash(&self, row: usize) -> u128 {
        let mut hasher = Sha256::new();
        for (column, kind) in &self.columns {
            let value = column.value(row).to_string();
            let value = if *kind == Kind::Json { without_space(&value) } else { Cow::Borrowed(value.as_str()) };
            hasher.update(value.as_bytes());
            hasher.update([0x1f]);
        }
        hasher.finalize().iter().take(16).fold(0, |hash, byte| hash << 8 | u128::from(*byte))
    }
}

/// JSON text without the white space outside its strings.
fn without_space(json: &str) -> Cow<'_, str> {
    let (mut in_string, mut is_escaped) = (false, false);
    let is_kept = |c: &char| {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if in_string => is_escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        in_string || !matches!(c, ' ' | '\t' | '\n' | '\r')
    };
    if json.contains([' ', '\t', '\n', '\r']) { json.chars().filter(is_kept).collect() } else { Cow::Borrowed(json) }
}

/// Columns that [`identities`] reads.
pub const IDENTITY_COLUMNS: &[&str] =
    &["event_id", "event_time", "event_source", "event_name", "aws_region", "error_code", ADDENDUM];

const ADDENDUM: &str = "addendum";

/// Added to the `addendum` of a row whose event the lake already has. sql/views/unique_events.sql looks for it.
const REPEATS: &str = "repeats";

/// What all formats of an event state in the same form, in 64 bits: the second of the day, and short hashes of its source,
/// name, region and error code. Whole records cannot be compared: the copies of one event in CloudTrail's files, Security
/// Lake, CloudTrail Lake and collectors differ in their members. A known id takes 8 more bytes for it.
///
/// The hash of a fact is 0 if it is missing, and a missing fact agrees with any value. Two events with one id agree by
/// chance if they have the same time and differ in one fact only, in one of 500 to 4,000 cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Facts(u64);

/// Bits of each fact after the second of the day, from the highest. The last is the addendum.
const FACT_BITS: [(&str, u32); 5] =
    [("event_source", 10), ("event_name", 12), ("aws_region", 9), ("error_code", 10), (ADDENDUM, 6)];

/// How the facts of two rows with one id relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// They are the same event.
    Same,
    /// They are the same event, and one of the rows is an addendum that the other is not.
    Addendum,
    /// They are different events.
    Different,
}

impl Facts {
    /// Compares the facts of two rows with one id. An addendum may correct the region and the error code.
    pub fn relation(self, other: Facts) -> Relation {
        let (mut low, mut agrees) = (0, [true; FACT_BITS.len()]);
        for (fact, (_, bits)) in FACT_BITS.iter().enumerate().rev() {
            let of = |facts: Facts| facts.0 >> low & ((1 << bits) - 1);
            let (a, b) = (of(self), of(other));
            agrees[fact] = a == b || FACT_BITS[fact].0 != ADDENDUM && (a == 0 || b == 0);
            low += bits;
        }
        match agrees {
            _ if self.0 >> low != other.0 >> low => Relation::Different,
            [true, true, true, true, true] => Relation::Same,
            [true, true, _, _, false] => Relation::Addendum,
            _ => Relation::Different,
        }
    }
}

/// The id and the facts of every row. The id is `None` where it does not identify an event. An addendum with an id of its
/// own has the id of the event that it updates.
///
/// # Errors
/// [`Error::Internal`] when a column is missing, which is a defect.
pub fn identities(batch: &RecordBatch) -> Result<Vec<(Option<u128>, Facts)>> {
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| Error::Internal(format!("rows without {name}")));
    let times = column("event_time")?.as_primitive::<TimestampMicrosecondType>();
    let second = |time: i64| time.div_euclid(1_000_000).rem_euclid(86_400) as u64;
    let mut facts: Vec<u64> = times.iter().map(|time| time.map_or(0, second)).collect();
    let addenda: Vec<_> = texts(column(ADDENDUM)?)?.iter().map(|text| text.and_then(Addendum::parse)).collect();
    for (name, bits) in FACT_BITS {
        let hashes = match name {
            ADDENDUM => addenda.iter().map(|addendum| addendum.as_ref().map_or(0, |a| hash(&a.text, bits))).collect(),
            _ => hashes(column(name)?, bits)?,
        };
        facts.iter_mut().zip(hashes).for_each(|(facts, hash)| *facts = *facts << bits | hash);
    }
    let ids = texts(column("event_id")?)?.iter().zip(&addenda).map(|(id, addendum)| {
        let id = id.and_then(unique_id)?;
        Some(addendum.as_ref().and_then(|addendum| addendum.event).unwrap_or(id))
    });
    // Rows without an id are compared as a whole.
    Ok(ids.zip(facts).map(|(id, facts)| (id, id.map_or_else(Facts::default, |_| Facts(facts)))).collect())
}

/// What the `addendum` of a record says.
struct Addendum {
    /// Without [`REPEATS`].
    text: String,
    /// `originalEventID`.
    event: Option<u128>,
}

impl Addendum {
    fn parse(json: &str) -> Option<Addendum> {
        let mut members = members(json);
        members.remove(REPEATS);
        let event = members.get("originalEventID").and_then(Value::as_str).and_then(unique_id);
        (!members.is_empty()).then(|| Addendum { text: Value::Object(members).to_string(), event })
    }
}

fn members(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

/// Marks these rows as records of an event that the lake already has: views count each event once.
///
/// # Errors
/// [`Error::Internal`] when the column is missing, which is a defect.
pub fn mark_repeats(batch: RecordBatch, is_repeat: &[bool]) -> Result<RecordBatch> {
    if !is_repeat.contains(&true) {
        return Ok(batch);
    }
    let bug = |e: arrow::error::ArrowError| Error::Internal(e.to_string());
    let at = batch.schema().index_of(ADDENDUM).map_err(bug)?;
    // The mark comes first, so that a view finds it at the start of the text.
    let mark = |addendum: Option<&str>| match addendum {
        Some(json) if !members(json).is_empty() => json.replacen('{', &format!("{{\"{REPEATS}\":true,"), 1),
        Some(json) => format!("{{\"{REPEATS}\":true,\"{ADDENDUM}\":{json}}}"),
        None => format!("{{\"{REPEATS}\":true}}"),
    };
    let marked = texts(batch.column(at))?.iter().zip(is_repeat).map(|(addendum, is_repeat)| match is_repeat {
        true => Some(Cow::Owned(mark(addendum))),
        false => addendum.map(Cow::Borrowed),
    });
    let marked: StringArray = marked.collect();
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(marked);
    RecordBatch::try_new(batch.schema(), columns).map_err(bug)
}

fn texts(column: &ArrayRef) -> Result<&StringArray> {
    column.as_string_opt::<i32>().ok_or_else(|| Error::Internal(format!("texts of type {}", column.data_type())))
}

/// A hash of each text; 0 for a null and an empty text.
fn hashes(column: &ArrayRef, bits: u32) -> Result<Vec<u64>> {
    if let Some(dictionary) = column.as_dictionary_opt::<UInt32Type>() {
        let values = hashes(dictionary.values(), bits)?;
        return Ok(dictionary.keys().iter().map(|key| key.map_or(0, |key| values[key as usize])).collect());
    }
    // Rows of a data file are sorted by source and name: neighbours have the same text.
    let (mut hashes, mut last) = (Vec::with_capacity(column.len()), ("", 0));
    for text in texts(column)? {
        let text = text.unwrap_or_default();
        if text != last.0 {
            last = (text, hash(text, bits));
        }
        hashes.push(last.1);
    }
    Ok(hashes)
}

/// A hash of a text in so many bits. Only that of an empty text is 0.
fn hash(text: &str, bits: u32) -> u64 {
    if text.is_empty() {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish() % ((1 << bits) - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(second: u64, of: [&str; 5]) -> Facts {
        let facts = of.iter().zip(FACT_BITS);
        Facts(facts.fold(second, |facts, (text, (_, bits))| facts << bits | hash(text, bits)))
    }

    #[test]
    fn events_differ_in_a_fact_that_both_have_and_an_addendum_may_correct_two() {
        let event = facts(86_399, ["s3", "GetObject", "us-east-1", "AccessDenied", ""]);
        for (other, expected) in [
            (event, Relation::Same),
            (facts(86_399, ["", "GetObject", "", "", ""]), Relation::Same),
            (facts(86_398, ["s3", "GetObject", "us-east-1", "AccessDenied", ""]), Relation::Different),
            (facts(86_399, ["iam", "GetObject", "us-east-1", "AccessDenied", ""]), Relation::Different),
            (facts(86_399, ["s3", "PutObject", "us-east-1", "AccessDenied", ""]), Relation::Different),
            (facts(86_399, ["s3", "GetObject", "us-west-2", "AccessDenied", ""]), Relation::Different),
            (facts(86_399, ["s3", "GetObject", "us-east-1", "NoSuchKey", ""]), Relation::Different),
            (facts(86_399, ["s3", "GetObject", "us-west-2", "NoSuchKey", "{}"]), Relation::Addendum),
            (facts(86_399, ["s3", "PutObject", "us-east-1", "AccessDenied", "{}"]), Relation::Different),
        ] {
            assert_eq!((event.relation(other), other.relation(event)), (expected, expected), "{other:?}");
        }
    }

    #[test]
    fn only_guids_that_are_not_placeholders_are_unique() {
        assert_eq!(unique_id("0e1d2c3b-0000-4000-8000-000000000061"), Some(0x0e1d2c3b_0000_4000_8000_000000000061));
        for id in [
            "",
            "***",
            "REDACTED",
            "e-1",
            "EXAMPLE8-9621-4d00-b913-beca2EXAMPLE",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "11111111-1111-1111-1111-111111111112",
        ] {
            assert_eq!(unique_id(id), None, "{id}");
        }
    }

    #[test]
    fn white_space_outside_strings_is_removed() {
        let json = "{\n  \"a b\" : [ 1,\t\"c \\\" d\" ]\r\n}";
        assert_eq!(without_space(json), "{\"a b\":[1,\"c \\\" d\"]}");
        assert!(matches!(without_space("{\"a\":1}"), Cow::Borrowed(_)));
    }
}
