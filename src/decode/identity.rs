//! Decides whether two rows are the same event: by `event_id` where it identifies one event, else by the whole content.
//!
//! Logs that were made shareable have the same id in many records: `***`, all zeros, `EXAMPLE`. Such an id identifies
//! nothing, and its rows differ in their content.

use std::borrow::Cow;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
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

#[cfg(test)]
mod tests {
    use super::*;

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
