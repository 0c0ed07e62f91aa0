//! What a JSON object holds that is no record itself: envelopes of exports, streams and search engines.
//!
//! One small function an envelope looks at the members that have no column and says where the records are. It sees an
//! object only when that has no `eventTime`, so a plain archive never pays for it. Envelopes lie within each other (a
//! subscription's message may be an EventBridge event); whoever asks goes on with what is found here.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::event::Event;
use super::json;
use super::ocsf::record;

/// What an object is, if it is no record.
#[derive(Debug, PartialEq, Eq)]
pub enum Shape<'a> {
    /// An envelope: raw JSON values that are records, lists of records, or strings with records as text.
    Holds(Vec<&'a str>),
    /// An OCSF event, which a record was made into.
    Ocsf,
    /// It belongs to CloudTrail or its delivery and holds no events.
    NoEvents,
    /// It holds events in a form that cannot be read, and why.
    Refused(String),
}

/// The shape of an object; `None` for a record, and for what nobody knows.
pub fn of<'a>(object: &Event<'a>) -> Option<Shape<'a>> {
    let members = Members(&object.extra);
    if object.has_event_time() {
        return if members.0.is_empty() { None } else { lake_row(members) };
    }
    ENVELOPES.iter().find_map(|envelope| envelope(members))
}

type Envelope = for<'a> fn(Members<'_, 'a>) -> Option<Shape<'a>>;

const ENVELOPES: &[Envelope] = &[
    event_bridge,
    lookup_events,
    lake_row,
    lake_answer,
    subscription,
    subscription_event,
    search_answer,
    search_hit,
    splunk,
    digest,
    configuration,
    ocsf,
];

/// Members of an object that have no column.
#[derive(Clone, Copy)]
struct Members<'m, 'a>(&'m [(Cow<'a, str>, &'a str)]);

impl<'a> Members<'_, 'a> {
    fn get(self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, raw)| *raw)
    }

    fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A member that is an object.
    fn object(self, name: &str) -> Option<&'a str> {
        self.get(name).filter(|raw| raw.starts_with('{'))
    }

    /// A member that is a list.
    fn list(self, name: &str) -> Option<&'a str> {
        self.get(name).filter(|raw| raw.starts_with('['))
    }

    /// A member that is a string.
    fn string(self, name: &str) -> Option<&'a str> {
        self.get(name).filter(|raw| raw.starts_with('"'))
    }
}

fn holds(raw: &str) -> Option<Shape<'_>> {
    Some(Shape::Holds(vec![raw]))
}

/// EventBridge: `{"detail-type": "AWS API Call via CloudTrail", "detail": {record}}`.
fn event_bridge<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let (kind, detail) = (members.string("detail-type")?, members.object("detail")?);
    let kind = json::text(kind).unwrap_or_default();
    if kind.ends_with("via CloudTrail") {
        return holds(detail);
    }
    let kind: String = kind.chars().filter(|c| !c.is_control()).take(80).collect();
    Some(Shape::Refused(format!("an EventBridge event that is not from CloudTrail: {kind}")))
}

/// `aws cloudtrail lookup-events`: `{"Events": [{"CloudTrailEvent": "record"}]}`, and such elements by themselves.
fn lookup_events<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    holds(members.string("CloudTrailEvent").or_else(|| members.list("Events"))?)
}

/// A row of CloudTrail Lake: `{"eventJson": "record"}`, whatever other columns were asked for.
fn lake_row<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    holds(members.string("eventJson").or_else(|| members.object("eventJson"))?)
}

/// `aws cloudtrail get-query-results`: `{"QueryResultRows": [[{"eventJson": "record"}, ...]]}`, one object a cell.
fn lake_answer<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    type Cell<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;
    let rows = members.list("QueryResultRows")?;
    let event = |row: &Vec<Cell<'a>>| row.iter().find_map(|cell| Some(cell.get("eventJson")?.get()));
    let rows: Option<Vec<_>> = serde_json::from_str::<Vec<Vec<Cell>>>(rows).ok()?.iter().map(event).collect();
    Some(rows.map_or_else(
        || Shape::Refused("an answer of CloudTrail Lake without the column eventJson".into()),
        Shape::Holds,
    ))
}

/// CloudWatch Logs subscription: `{"messageType": "DATA_MESSAGE", "logEvents": [{"message": "record"}]}`. A control
/// message is CloudWatch trying the door.
fn subscription<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let (kind, events) = (members.string("messageType")?, members.list("logEvents")?);
    if kind == "\"CONTROL_MESSAGE\"" { Some(Shape::NoEvents) } else { holds(events) }
}

/// An element of `logEvents`: `{"id": "...", "timestamp": 1, "message": "record"}`.
fn subscription_event<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    members.get("timestamp")?;
    holds(members.string("message")?)
}

/// An answer of OpenSearch or Elasticsearch: `{"hits": {"hits": [...]}}`.
fn search_answer<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let mut hits = None;
    json::members(members.object("hits")?, |name, raw| {
        if name == "hits" && raw.starts_with('[') {
            hits = Some(raw);
        }
    })
    .ok()?;
    holds(hits?)
}

/// A hit of it, or a line of a dump: `{"_index": "...", "_source": {record}}`.
fn search_hit<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    holds(members.object("_source")?)
}

/// Splunk's export: `{"preview": false, "result": {"_raw": "record"}}` a line, or `results` in a list.
fn splunk<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    if let Some(record) = members.string("_raw") {
        return holds(record);
    }
    members.get("preview")?;
    match members.object("result").or_else(|| members.list("results")) {
        Some(records) => holds(records),
        None => members.has("lastrow").then_some(Shape::NoEvents),
    }
}

/// CloudTrail's digest, which signs the logs of an hour.
fn digest<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    (members.has("digestS3Object") && members.has("logFiles")).then_some(Shape::NoEvents)
}

/// AWS Config's history, which lies beside the logs.
fn configuration<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    (members.has("fileVersion") && members.has("configurationItems")).then_some(Shape::NoEvents)
}

/// Security Lake's OCSF: the record itself when it brings that, else an event to make it from.
fn ocsf<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    members.get("class_uid")?;
    let metadata = members.object("metadata")?;
    if let Some(other) = record::other_product(metadata) {
        return Some(Shape::Refused(format!("OCSF of {other}, not of CloudTrail")));
    }
    if let Some(raw) = members.string("raw_data").filter(|raw| *raw != "\"\"") {
        return holds(raw);
    }
    let refused = || Shape::Refused("OCSF that is no API call".into());
    Some(members.object("api").map_or_else(refused, |_| Shape::Ocsf))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Option<Shape<'_>> {
        of(&Event::parse(text).unwrap())
    }

    #[test]
    fn every_envelope_says_where_its_records_are() {
        for (text, held) in [
            (r#"{"detail-type":"AWS API Call via CloudTrail","resources":[],"detail":{"a":1}}"#, r#"{"a":1}"#),
            (r#"{"Events":[{"EventId":"1"}],"NextToken":"x"}"#, r#"[{"EventId":"1"}]"#),
            (r#"{"EventId":"1","EventTime":1.5,"CloudTrailEvent":"{}"}"#, r#""{}""#),
            (r#"{"eventJson":"{}","eventTime":"2024-01-01T00:00:00Z"}"#, r#""{}""#),
            (r#"{"QueryResultRows":[[{"eventID":"1"},{"eventJson":"{}"}]]}"#, r#""{}""#),
            (r#"{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[{}]}"#, "[{}]"),
            (r#"{"id":"1","timestamp":1,"message":"{}"}"#, r#""{}""#),
            (r#"{"took":1,"hits":{"total":{"value":1},"hits":[{"_id":"1"}]}}"#, r#"[{"_id":"1"}]"#),
            (r#"{"_index":"i","_source":{"a":1}}"#, r#"{"a":1}"#),
            (r#"{"preview":false,"result":{"_raw":"{}"}}"#, r#"{"_raw":"{}"}"#),
            (r#"{"preview":false,"results":[{"_raw":"{}"}]}"#, r#"[{"_raw":"{}"}]"#),
            (r#"{"_time":"now","_raw":"{}"}"#, r#""{}""#),
            (r#"{"class_uid":3001,"metadata":{},"raw_data":"{}"}"#, r#""{}""#),
        ] {
            assert_eq!(shape(text), Some(Shape::Holds(vec![held])), "{text}");
        }
    }

    #[test]
    fn what_holds_no_events_is_no_envelope() {
        for text in [
            r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","timestamp":1,"message":"checking"}]}"#,
            r#"{"awsAccountId":"1","digestS3Object":"AWSLogs/x","logFiles":[{"s3Object":"y"}]}"#,
            r#"{"fileVersion":"1.0","configurationItems":[]}"#,
            r#"{"preview":false,"lastrow":true}"#,
        ] {
            assert_eq!(shape(text), Some(Shape::NoEvents), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, expected) in [
            (r#"{"detail-type":"GuardDuty Finding","detail":{}}"#, "GuardDuty Finding"),
            (r#"{"class_uid":3001,"metadata":{}}"#, "no API call"),
            (r#"{"class_uid":6003,"metadata":{"product":{"name":"AWS EKS"}},"api":{}}"#, "OCSF of AWS EKS"),
            (r#"{"QueryResultRows":[[{"eventID":"1"}]]}"#, "without the column eventJson"),
        ] {
            assert!(matches!(shape(text), Some(Shape::Refused(reason)) if reason.contains(expected)), "{text}");
        }
    }

    #[test]
    fn a_record_is_no_envelope_whatever_it_is_called() {
        assert_eq!(shape(r#"{"eventTime":"x","detail-type":"AWS via CloudTrail","detail":{}}"#), None);
        assert_eq!(shape(r#"{"eventTime":"x","message":"{}","timestamp":1}"#), None);
        assert_eq!(shape(r#"{"unheard":"of"}"#), None);
    }
}
