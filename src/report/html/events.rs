//! The events of all findings as one table, and their next steps, for the page. Findings share events, and events share most
//! of their texts: a page of 5,000 findings is a fifth of the size, and the browser reads this only when a finding is shown.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// Events by number. Findings refer to them by these numbers.
#[derive(Debug, Default, Serialize)]
pub struct EventTable {
    /// Names of the columns.
    members: Vec<String>,
    /// Every text of an event, once.
    texts: Vec<String>,
    /// One row per event: for a text its number, other values as they are.
    rows: Vec<Vec<Value>>,
    /// Next steps of the findings; a finding has the number of its list.
    next_steps: Vec<Value>,
    #[serde(skip)]
    number_of_text: HashMap<String, usize>,
    #[serde(skip)]
    number_of_row: HashMap<String, usize>,
}

impl EventTable {
    /// Takes the events and next steps out of the findings of a report, and leaves their numbers.
    pub fn take(report: &mut Value) -> EventTable {
        let mut table = EventTable::default();
        for part in ["findings", "resolved"] {
            let findings = report.get_mut(part).and_then(Value::as_array_mut);
            for finding in findings.into_iter().flatten() {
                let events = finding.pointer_mut("/evidence/events").and_then(Value::as_array_mut);
                for event in events.into_iter().flatten() {
                    if let Value::Object(members) = event.take() {
                        *event = table.number(members).into();
                    }
                }
                if let Some(steps) = finding.get_mut("next_steps") {
                    let number = table.next_steps.len();
                    table.next_steps.push(std::mem::replace(steps, number.into()));
                }
            }
        }
        table
    }

    fn number(&mut self, event: Map<String, Value>) -> usize {
        if self.members.is_empty() {
            self.members = event.keys().cloned().collect();
        }
        let row: Vec<Value> = self.members.clone().iter().map(|name| self.cell(event.get(name))).collect();
        let next = self.rows.len();
        let number = *self.number_of_row.entry(Value::from(row.clone()).to_string()).or_insert(next);
        if number == next {
            self.rows.push(row);
        }
        number
    }

    fn cell(&mut self, value: Option<&Value>) -> Value {
        let Some(Value::String(text)) = value else { return value.cloned().unwrap_or_default() };
        let next = self.texts.len();
        let number = *self.number_of_text.entry(text.clone()).or_insert(next);
        if number == next {
            self.texts.push(text.clone());
        }
        number.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_of_two_findings_is_kept_once() {
        let event = |id: &str, record: i64| json!({"event_id": id, "region": "r", "error": null, "record": record});
        let finding =
            |events: Value| json!({"id": "x", "evidence": {"total": 9, "events": events}, "next_steps": ["a"]});
        let mut report = json!({
            "findings": [finding(json!([event("a", 1), event("b", 2)])), finding(json!([event("b", 2)]))],
            "resolved": [finding(json!([event("b", 3)]))],
        });
        let table = EventTable::take(&mut report);
        assert_eq!(report["findings"][0]["evidence"], json!({"total": 9, "events": [0, 1]}));
        assert_eq!(report["findings"][1]["evidence"]["events"], json!([1]));
        assert_eq!(report["resolved"][0]["evidence"]["events"], json!([2]));
        assert_eq!(report["findings"][1]["next_steps"], 1);
        assert_eq!(table.next_steps, [json!(["a"]), json!(["a"]), json!(["a"])]);
        assert_eq!(table.members, ["error", "event_id", "record", "region"]);
        assert_eq!(table.texts, ["a", "r", "b"]);
        let expected = json!([[null, 0, 1, 1], [null, 2, 2, 1], [null, 2, 3, 1]]);
        assert_eq!(serde_json::to_value(&table).expect("a table")["rows"], expected);
    }
}
