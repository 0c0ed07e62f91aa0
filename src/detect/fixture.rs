//! Fixtures: the small history a detector is tested on.
//!
//! One CloudTrail record a line. Events whose id begins with `hit-` must be evidence of a finding, those with `miss-`
//! must not. A record may carry `"repeat": {"times": 20, "every_seconds": 86400}` to stand for many of its kind, and any
//! `%` in its text is the repetition's number.

use chrono::{DateTime, Duration};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Repeat {
    times: u32,
    every_seconds: i64,
}

/// The records a fixture's text stands for.
///
/// # Errors
/// The line and what is wrong with it.
pub fn expand(fixture: &str) -> Result<Vec<Value>, String> {
    let mut records = Vec::new();
    for (at, line) in fixture.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let failed = |reason: String| format!("line {}: {reason}", at + 1);
        let mut record: Map<String, Value> = serde_json::from_str(line).map_err(|e| failed(e.to_string()))?;
        let Some(repeat) = record.remove("repeat") else {
            records.push(Value::Object(record));
            continue;
        };
        let repeat: Repeat = serde_json::from_value(repeat).map_err(|e| failed(e.to_string()))?;
        let begin = record.get("eventTime").and_then(Value::as_str).unwrap_or_default();
        let begin = DateTime::parse_from_rfc3339(begin).map_err(|e| failed(format!("eventTime: {e}")))?;
        let id = record.get("eventID").and_then(Value::as_str).unwrap_or_default().to_owned();
        let text = Value::Object(record).to_string();
        for n in 0..repeat.times {
            let mut copy: Map<String, Value> =
                serde_json::from_str(&text.replace('%', &n.to_string())).map_err(|e| failed(e.to_string()))?;
            let time = begin + Duration::seconds(repeat.every_seconds * i64::from(n));
            copy.insert("eventTime".into(), time.format("%Y-%m-%dT%H:%M:%SZ").to_string().into());
            copy.insert("eventID".into(), format!("{id}-{n}").into());
            records.push(Value::Object(copy));
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_record_stands_for_many() {
        let line = r#"{"eventID":"hit-a","eventTime":"2024-01-01T00:00:00Z","eventName":"Get%","repeat":{"times":2,"every_seconds":60}}"#;
        let records = expand(line).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[1]["eventID"], "hit-a-1");
        assert_eq!(records[1]["eventTime"], "2024-01-01T00:01:00Z");
        assert_eq!(records[1]["eventName"], "Get1");
    }
}
