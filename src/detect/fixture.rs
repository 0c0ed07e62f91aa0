//! Fixtures: the small history that a detector is tested on.
//!
//! One CloudTrail record per line. Events whose id begins with `hit-` must be evidence of a finding, those with `miss-`
//! must not. A record with `"repeat": {"times": 20, "every_seconds": 86400}` is repeated; in each copy, every `%` is
//! replaced by the number of the copy.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, Duration, SecondsFormat};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Finding, Problem};
use crate::engine::Place;

#[derive(Deserialize)]
struct Repeat {
    times: u32,
    every_seconds: i64,
}

/// The records of a fixture, with repetitions expanded.
///
/// # Errors
/// The first problem, with its position.
pub fn expand(fixture: &str) -> Result<Vec<Value>, Problem> {
    let mut records = Vec::new();
    for (at, line) in fixture.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let failed = |reason: String| Problem::at(Place { line: at as u64 + 1, column: 1 }, reason);
        let not_json = |e: serde_json::Error| {
            let place = Place { line: at as u64 + 1, column: e.column().max(1) as u64 };
            Problem::at(place, format!("{}; a fixture has one JSON record per line", words(&e)))
        };
        let mut record: Map<String, Value> = serde_json::from_str(line).map_err(not_json)?;
        let Some(repeat) = record.remove("repeat") else {
            records.push(Value::Object(record));
            continue;
        };
        let repeat: Repeat = serde_json::from_value(repeat).map_err(|e| failed(format!("repeat: {e}")))?;
        let begin = record.get("eventTime").and_then(Value::as_str).unwrap_or_default();
        let begin = DateTime::parse_from_rfc3339(begin).map_err(|e| failed(format!("eventTime: {e}")))?;
        let id = record.get("eventID").and_then(Value::as_str).unwrap_or_default().to_owned();
        let text = Value::Object(record).to_string();
        for n in 0..repeat.times {
            let mut copy: Map<String, Value> =
                serde_json::from_str(&text.replace('%', &n.to_string())).map_err(not_json)?;
            let time = begin + Duration::seconds(repeat.every_seconds * i64::from(n));
            copy.insert("eventTime".into(), time.format("%Y-%m-%dT%H:%M:%SZ").to_string().into());
            copy.insert("eventID".into(), format!("{id}-{n}").into());
            records.push(Value::Object(copy));
        }
    }
    for prefix in ["hit-", "miss-"] {
        if ids(&records, prefix).is_empty() {
            let reason = format!("no eventID begins with {prefix}; a fixture needs both hit- and miss- events");
            return Err(Problem::at(Place { line: 1, column: 1 }, reason));
        }
    }
    Ok(records)
}

/// What happens after the window in a test of whether a detector reads later days: each record again `days` later, and
/// again after that as the opposite, a change instead of a read and a failure instead of a success. Records without a time
/// are left out.
pub fn later(records: &[Value], days: u64) -> Vec<Value> {
    let copy = |record: &Value, n: u64| {
        let mut copy = record.clone();
        let time = DateTime::parse_from_rfc3339(record.get("eventTime")?.as_str()?).ok()?;
        let time = time.to_utc().checked_add_days(Days::new(n * days))?;
        let id = record.get("eventID").and_then(Value::as_str).unwrap_or_default();
        let is_read = record.get("readOnly").and_then(Value::as_bool) == Some(true);
        let failed = record.get("errorCode").is_some();
        let members = copy.as_object_mut()?;
        members.insert("eventTime".into(), time.to_rfc3339_opts(SecondsFormat::Secs, true).into());
        members.insert("eventID".into(), format!("later-{n}-{id}").into());
        if n > 1 {
            members.insert("readOnly".into(), (!is_read).into());
            match failed {
                true => members.remove("errorCode"),
                false => members.insert("errorCode".into(), "AccessDenied".into()),
            };
        }
        Some(copy)
    };
    [1, 2].iter().flat_map(|n| records.iter().filter_map(move |record| copy(record, *n))).collect()
}

/// The parser's message without its position, which counts from the start of the line's text.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn ids<'a>(records: &'a [Value], prefix: &str) -> BTreeSet<&'a str> {
    let ids = records.iter().filter_map(|record| record.get("eventID")?.as_str());
    ids.filter(|id| id.starts_with(prefix)).collect()
}

/// The result of testing a detector on its fixture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FixtureResult {
    /// Number of events that should be evidence.
    pub hits: usize,
    /// Number of events that should not be evidence.
    pub misses: usize,
    /// The hits that are not evidence.
    pub missed: Vec<String>,
    /// The misses that are evidence.
    pub wrong: Vec<String>,
}

impl FixtureResult {
    /// Compares a detector's findings with its fixture: `hit-` events must be evidence, `miss-` events must not.
    pub fn of(id: &str, records: &[Value], findings: &[Finding]) -> FixtureResult {
        let own = findings.iter().filter(|finding| finding.detector == id);
        let evidence = own.flat_map(|finding| &finding.evidence.events).map(|event| event.event_id.as_str());
        let evidence: BTreeSet<&str> = evidence.collect();
        let (hits, misses) = (ids(records, "hit-"), ids(records, "miss-"));
        let owned = |ids: Vec<&&str>| ids.into_iter().map(|id| (*id).to_owned()).collect();
        FixtureResult {
            hits: hits.len(),
            misses: misses.len(),
            missed: owned(hits.difference(&evidence).collect()),
            wrong: owned(misses.intersection(&evidence).collect()),
        }
    }

    /// True when all hits and no misses are evidence.
    pub fn passed(&self) -> bool {
        self.missed.is_empty() && self.wrong.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_record_is_expanded() {
        let line = r#"{"eventID":"hit-a","eventTime":"2024-01-01T00:00:00Z","eventName":"Get%","repeat":{"times":2,"every_seconds":60}}"#;
        let records = expand(&format!("{line}\n{}", r#"{"eventID":"miss-b"}"#)).unwrap();
        assert_eq!(records.len(), 3);
        assert_eq!(records[1]["eventID"], "hit-a-1");
        assert_eq!(records[1]["eventTime"], "2024-01-01T00:01:00Z");
        assert_eq!(records[1]["eventName"], "Get1");
    }

    #[test]
    fn later_copies_have_their_own_ids_and_begin_after_the_records() {
        let line = r#"{"eventID":"hit-a","eventTime":"2024-01-30T08:00:00Z","readOnly":true}"#;
        let records = expand(&format!("{line}\n{}", r#"{"eventID":"miss-b"}"#)).unwrap();
        let later = later(&records, 2);
        let of = |name: &str| later.iter().map(|record| record[name].clone()).collect::<Vec<_>>();
        assert_eq!(of("eventID"), ["later-1-hit-a", "later-2-hit-a"]);
        assert_eq!(of("eventTime"), ["2024-02-01T08:00:00Z", "2024-02-03T08:00:00Z"]);
        assert_eq!(of("readOnly"), [true, false]);
        assert_eq!(of("errorCode"), [Value::Null, "AccessDenied".into()]);
    }

    #[test]
    fn problems_are_reported_with_their_position() {
        let reason = |text: &str| expand(text).unwrap_err().to_string();
        assert_eq!(
            reason("{\"eventID\":\"hit-a\"}\n{\"eventID\":,}"),
            "line 2, column 12: expected value; a fixture has one JSON record per line"
        );
        assert!(reason("{\"eventID\":\"hit-a\"}").starts_with("line 1, column 1: no eventID begins with miss-"));
    }

    #[test]
    fn a_hit_must_be_evidence_and_a_miss_must_not() {
        use crate::detect::finding::tests::finding;
        let records = expand("{\"eventID\":\"hit-a\"}\n{\"eventID\":\"miss-b\"}").unwrap();
        let mut found = finding("x", "ana", crate::detect::Severity::Low);
        found.evidence.events = vec![crate::detect::Event { event_id: "miss-b".into(), ..Default::default() }];
        let result = FixtureResult::of("x", &records, &[found.clone()]);
        assert_eq!(
            (result.missed.clone(), result.wrong.clone()),
            (vec!["hit-a".to_owned()], vec!["miss-b".to_owned()])
        );
        found.evidence.events[0].event_id = "hit-a".into();
        assert!(FixtureResult::of("x", &records, &[found.clone()]).passed());
        assert!(!FixtureResult::of("y", &records, &[found]).passed(), "findings of other detectors do not count");
    }
}
