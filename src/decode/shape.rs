//! Recognises JSON objects that are not records: envelopes of exports, streams and search engines.
//!
//! One small function per envelope checks the members that have no column and returns the values with the records. They
//! are only called for objects without `eventTime`, so a plain archive costs nothing extra. Envelopes can be nested
//! (the message of a log subscription can be an EventBridge event); the caller recognises the values in turn.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::event::Event;
use super::json;
use super::ocsf::record;

/// The shape of an object that is not a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Shape<'a> {
    /// An envelope with these raw JSON values: records, lists of records, or strings that contain records.
    Envelope(Vec<&'a str>),
    /// An OCSF event, to be converted to a record.
    Ocsf,
    /// An object of CloudTrail or its delivery without events.
    NoEvents,
    /// Not events of CloudTrail, or in a format that is not supported; with the reason.
    Unsupported(String),
}

/// The shape of an object; `None` for a record or an unknown object.
pub fn of<'a>(object: &Event<'a>) -> Option<Shape<'a>> {
    let members = Members(&object.extra);
    if object.has_event_time() {
        return if members.0.is_empty() { None } else { lake_row(members) };
    }
    ENVELOPES.iter().find_map(|recognise| recognise(members))
}

type Envelope = for<'a> fn(Members<'_, 'a>) -> Option<Shape<'a>>;

const ENVELOPES: &[Envelope] = &[
    event_bridge,
    lookup_events,
    lake_row,
    lake_query_results,
    log_subscription,
    log_event,
    search_results,
    search_hit,
    splunk,
    digest,
    configuration,
    ocsf,
];

/// The members of an object that have no column.
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

fn envelope(raw: &str) -> Option<Shape<'_>> {
    Some(Shape::Envelope(vec![raw]))
}

/// EventBridge: `{"detail-type": "AWS API Call via CloudTrail", "detail": {record}}`.
fn event_bridge<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let (kind, detail) = (members.string("detail-type")?, members.object("detail")?);
    let kind = json::text(kind).unwrap_or_default();
    if kind.ends_with("via CloudTrail") {
        return envelope(detail);
    }
    let kind: String = kind.chars().filter(|c| !c.is_control()).take(80).collect();
    Some(Shape::Unsupported(format!("EventBridge event that is not from CloudTrail: {kind}")))
}

/// `aws cloudtrail lookup-events`: `{"Events": [{"CloudTrailEvent": "record"}]}`, or one of the elements.
fn lookup_events<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    envelope(members.string("CloudTrailEvent").or_else(|| members.list("Events"))?)
}

/// A row of CloudTrail Lake: `{"eventJson": "record"}`, with any other columns.
fn lake_row<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    envelope(members.string("eventJson").or_else(|| members.object("eventJson"))?)
}

/// `aws cloudtrail get-query-results`: `{"QueryResultRows": [[{"eventJson": "record"}, ...]]}`, one object per cell.
fn lake_query_results<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    type Cell<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;
    let rows = members.list("QueryResultRows")?;
    let event = |row: &Vec<Cell<'a>>| row.iter().find_map(|cell| Some(cell.get("eventJson")?.get()));
    let rows: Option<Vec<_>> = serde_json::from_str::<Vec<Vec<Cell>>>(rows).ok()?.iter().map(event).collect();
    Some(rows.map_or_else(
        || Shape::Unsupported("CloudTrail Lake query results without the column eventJson".into()),
        Shape::Envelope,
    ))
}

/// CloudWatch Logs subscription: `{"messageType": "DATA_MESSAGE", "logEvents": [{"message": "record"}]}`. A control
/// message only tests whether the destination is reachable.
fn log_subscription<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let (kind, events) = (members.string("messageType")?, members.list("logEvents")?);
    if kind == "\"CONTROL_MESSAGE\"" { Some(Shape::NoEvents) } else { envelope(events) }
}

/// An element of `logEvents`: `{"id": "...", "timestamp": 1, "message": "record"}`.
fn log_event<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    members.get("timestamp")?;
    envelope(members.string("message")?)
}

/// Search results of OpenSearch or Elasticsearch: `{"hits": {"hits": [...]}}`.
fn search_results<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let mut hits = None;
    json::members(members.object("hits")?, |name, raw| {
        if name == "hits" && raw.starts_with('[') {
            hits = Some(raw);
        }
    })
    .ok()?;
    envelope(hits?)
}

/// A search hit, or a line of an index dump: `{"_index": "...", "_source": {record}}`.
fn search_hit<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    envelope(members.object("_source")?)
}

/// Splunk's export: `{"preview": false, "result": {"_raw": "record"}}` per line, or a list `results`.
fn splunk<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    if let Some(record) = members.string("_raw") {
        return envelope(record);
    }
    members.get("preview")?;
    match members.object("result").or_else(|| members.list("results")) {
        Some(records) => envelope(records),
        None => members.has("lastrow").then_some(Shape::NoEvents),
    }
}

/// A digest file of CloudTrail.
fn digest<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    (members.has("digestS3Object") && members.has("logFiles")).then_some(Shape::NoEvents)
}

/// A history file of AWS Config, often stored in the same bucket.
fn configuration<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    (members.has("fileVersion") && members.has("configurationItems")).then_some(Shape::NoEvents)
}

/// An OCSF event of Security Lake: an envelope if it contains the original record, else an event to convert.
fn ocsf<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    members.get("class_uid")?;
    let metadata = members.object("metadata")?;
    if let Some(product) = record::other_product(metadata) {
        return Some(Shape::Unsupported(format!("OCSF event of {product}, not of CloudTrail")));
    }
    if let Some(raw) = members.string("raw_data").filter(|raw| *raw != "\"\"") {
        return envelope(raw);
    }
    let unsupported = || Shape::Unsupported("OCSF event that is not an API call".into());
    Some(members.object("api").map_or_else(unsupported, |_| Shape::Ocsf))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Option<Shape<'_>> {
        of(&Event::parse(text).unwrap())
    }

    #[test]
    fn records_are_found_in_every_envelope() {
        for (text, expected) in [
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
            assert_eq!(shape(text), Some(Shape::Envelope(vec![expected])), "{text}");
        }
    }

    #[test]
    fn objects_without_events_are_not_envelopes() {
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
    fn unsupported_objects_have_a_reason() {
        for (text, expected) in [
            (r#"{"detail-type":"GuardDuty Finding","detail":{}}"#, "GuardDuty Finding"),
            (r#"{"class_uid":3001,"metadata":{}}"#, "not an API call"),
            (r#"{"class_uid":6003,"metadata":{"product":{"name":"AWS EKS"}},"api":{}}"#, "OCSF event of AWS EKS"),
            (r#"{"QueryResultRows":[[{"eventID":"1"}]]}"#, "without the column eventJson"),
        ] {
            assert!(matches!(shape(text), Some(Shape::Unsupported(reason)) if reason.contains(expected)), "{text}");
        }
    }

    #[test]
    fn an_object_with_event_time_is_a_record_whatever_its_other_members() {
        assert_eq!(shape(r#"{"eventTime":"x","detail-type":"AWS via CloudTrail","detail":{}}"#), None);
        assert_eq!(shape(r#"{"eventTime":"x","message":"{}","timestamp":1}"#), None);
        assert_eq!(shape(r#"{"unheard":"of"}"#), None);
    }
}
