//! The records of the first events of each finding, so that a reader of the report sees them without the lake.
//!
//! A record is the text of its members as they are in the lake: short members first, so that a cut record keeps them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::sections::Row;
use crate::detect::{Finding, rows};
use crate::engine::{Parameters, Session, bind_days};
use crate::error::{Error, Result};
use crate::schema::{Column, EVENTS, Kind, Origin};

/// Events per finding.
const EVENTS_PER_FINDING_MAX: usize = 3;
/// Bytes of one record. Most have fewer than 3,000; CloudTrail's limit is 256 KB.
const RECORD_BYTES_MAX: usize = 8 * 1024;
/// Bytes of all records of a report.
const RECORDS_BYTES_MAX: usize = 1024 * 1024;
/// Events that are looked up, so that a report of thousands of findings does not read most of a day.
const EVENTS_MAX: usize = 2_000;

/// The records in a report.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Records {
    /// Records by event id: of the first 3 events of each finding, the heaviest findings first.
    pub events: BTreeMap<String, Record>,
    /// Such events without a record, because the report would become too large.
    pub left_out: u64,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Record {
    /// Its members as JSON. If it is cut, the text ends anywhere.
    pub text: String,
    /// Bytes of the whole text, if it is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_from_bytes: Option<u64>,
}

impl Records {
    /// Reads the records of the first events of `findings`, which come in order of importance.
    ///
    /// # Errors
    /// When the events cannot be read.
    pub async fn of(findings: &[Finding], session: &Session) -> Result<Records> {
        let events = findings.iter().flat_map(|finding| finding.evidence.events.iter().take(EVENTS_PER_FINDING_MAX));
        let mut known = BTreeSet::new();
        let mut days = BTreeSet::new();
        let mut ids = Vec::new();
        let mut left_out = 0;
        for event in events {
            // Without a time, the lake has no such event.
            let Some(day) = event.event_time.as_deref().and_then(|time| time.get(..10)) else { continue };
            if !known.insert(event.event_id.as_str()) {
                continue;
            }
            if ids.len() == EVENTS_MAX {
                left_out += 1;
                continue;
            }
            days.insert(day);
            ids.push(event.event_id.clone());
        }
        if ids.is_empty() {
            return Ok(Records::default());
        }
        let mut texts = texts(&ids, &days, session).await?;
        let in_order = ids.into_iter().filter_map(|id| texts.remove(&id).map(|text| (id, text)));
        let (events, too_many) = within(RECORDS_BYTES_MAX, in_order);
        Ok(Records { events, left_out: left_out + too_many })
    }
}

/// The text of each event's record.
async fn texts(ids: &[String], days: &BTreeSet<&str>, session: &Session) -> Result<BTreeMap<String, String>> {
    let mut parameters = Parameters::new();
    let days = bind_days(&mut parameters, days);
    let columns: Vec<_> = members().map(|(column, _)| format!("e.{}", column.name)).collect();
    let wanted = session.temp_table("event_id", ids.iter().cloned())?;
    let sql = format!(
        "SELECT {}, e.extra FROM {wanted} AS w JOIN events AS e ON e.event_id = w.event_id WHERE e.event_date IN ({days})",
        columns.join(", "),
    );
    let batches = session.query("records", &sql, &parameters).await?.collect().await?;
    let rows = rows(&batches).map_err(|e| Error::query("records", e))?;
    Ok(rows.iter().filter_map(|row| Some((row.get("event_id")?.as_str()?.to_owned(), text(row)))).collect())
}

/// Columns that are members of a record, with the member's name; short ones first.
fn members() -> impl Iterator<Item = (&'static Column, &'static str)> {
    EVENTS.iter().filter_map(|column| match column.from {
        Origin::Record(name) => Some((column, name)),
        _ => None,
    })
}

/// A row as the text of a record. JSON columns stay as delivered.
fn text(row: &Row) -> String {
    let mut parts = Vec::new();
    for (column, name) in members() {
        match row.get(column.name) {
            None | Some(Value::Null) => {}
            Some(Value::String(json)) if column.kind == Kind::Json => parts.push(format!("\"{name}\":{json}")),
            Some(value) => parts.push(format!("\"{name}\":{value}")),
        }
    }
    let extra = row.get("extra").and_then(Value::as_str).unwrap_or_default().trim();
    let extra = extra.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default().trim();
    if !extra.is_empty() {
        parts.push(extra.to_owned());
    }
    format!("{{{}}}", parts.join(","))
}

/// The first records whose texts fit into `bytes_max`, each cut to its limit, and the number of those that do not fit.
fn within(bytes_max: usize, texts: impl Iterator<Item = (String, String)>) -> (BTreeMap<String, Record>, u64) {
    let mut records = BTreeMap::new();
    let mut left_out = 0;
    let mut bytes = 0;
    for (id, mut text) in texts {
        let whole = text.len();
        text.truncate(text.floor_char_boundary(RECORD_BYTES_MAX));
        if bytes + text.len() > bytes_max {
            left_out += 1;
            continue;
        }
        bytes += text.len();
        let cut_from_bytes = (text.len() < whole).then_some(whole as u64);
        records.insert(id, Record { text, cut_from_bytes });
    }
    (records, left_out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_has_every_member_as_delivered() {
        let row = json!({
            "event_time": "2024-03-04T01:39:38Z",
            "event_name": "GetUser",
            "read_only": true,
            "user_agent": null,
            "actor": "arn:aws:iam::1:user/a",
            "request_parameters": "{\"n\": 12345678901234567890123, \"s\":\"</script>\"}",
            "extra": "{\"newMember\":[1, 2]}",
        });
        let expected = "{\"eventTime\":\"2024-03-04T01:39:38Z\",\"eventName\":\"GetUser\",\"readOnly\":true,\
                        \"requestParameters\":{\"n\": 12345678901234567890123, \"s\":\"</script>\"},\"newMember\":[1, 2]}";
        assert_eq!(text(row.as_object().expect("an object")), expected);
    }

    #[test]
    fn a_long_record_is_cut_between_characters_and_states_its_size() {
        let text = "é".repeat(RECORD_BYTES_MAX);
        let (records, left_out) = within(usize::MAX, [("a".to_owned(), text.clone())].into_iter());
        assert_eq!(left_out, 0);
        assert_eq!(records["a"].text.len(), RECORD_BYTES_MAX);
        assert_eq!(records["a"].cut_from_bytes, Some(text.len() as u64));
    }

    #[test]
    fn records_beyond_the_limit_of_the_report_are_counted() {
        let of = |id: &str, bytes: usize| (id.to_owned(), "x".repeat(bytes));
        let (records, left_out) = within(10, [of("a", 6), of("b", 6), of("c", 4)].into_iter());
        assert_eq!(records.keys().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(left_out, 1);
        assert_eq!(records["a"], Record { text: "xxxxxx".into(), cut_from_bytes: None });
    }
}
