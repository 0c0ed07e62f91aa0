//! Recognises JSON objects that are not records: envelopes of exports, streams, collectors and search engines.
//!
//! One small function per envelope checks the members that have no column and returns the values with the records. They
//! are only called for objects without `eventTime`, so a plain archive costs nothing extra. Envelopes can be nested
//! (the message of a log subscription can be an EventBridge event); the caller recognises the values in turn.
//!
//! A member of a known envelope may have another type than documented: tools write one record for a list of one, an
//! object for a list, or JSON text. These are read; any other type is unsupported, with the name of the member.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::event::{Event, record_slot, shortened, slot};
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
        let is_s3_notification =
            || members.has("s3") && object.text(const { slot("event_source") }).is_some_and(|s| s.ends_with(":s3"));
        return match members.get_any_case("eventJson") {
            Some(raw) if raw.starts_with(['{', '"']) => envelope(raw),
            _ if is_s3_notification() => {
                unsupported("S3 event notification, not an API call: ingest the objects it names")
            }
            _ => None,
        };
    }
    ENVELOPES.iter().find_map(|recognise| recognise(members))
}

type Envelope = for<'a> fn(Members<'_, 'a>) -> Option<Shape<'a>>;

/// More specific envelopes come first.
const ENVELOPES: &[Envelope] = &[
    event_bridge,
    lookup_events,
    lake_row,
    lake_query_results,
    log_subscription,
    log_insights_results,
    search_results,
    search_hit,
    splunk,
    wazuh,
    notification,
    queue_message,
    steampipe,
    collected_line,
    elastic_document,
    records,
    digest,
    configuration,
    ocsf,
    table_row,
];

/// The members of an object that have no column.
#[derive(Clone, Copy)]
struct Members<'m, 'a>(&'m [(Cow<'a, str>, &'a str)]);

impl<'a> Members<'_, 'a> {
    fn get(self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, raw)| *raw)
    }

    fn get_any_case(self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, raw)| *raw)
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

    /// The records in the member with this name, see [`list_of_records`].
    fn records(self, name: &str) -> Option<Shape<'a>> {
        self.get(name).map(|raw| list_of_records(name, raw))
    }

    /// The record in the member with this name.
    fn record(self, name: &str) -> Option<Shape<'a>> {
        let raw = self.get(name)?;
        if raw.starts_with(['{', '[', '"']) && !is_empty(raw) {
            return envelope(raw);
        }
        unsupported(format!("`{name}` without a record: expected an object or JSON text, found {}", shortened(raw)))
    }
}

fn envelope(raw: &str) -> Option<Shape<'_>> {
    Some(Shape::Envelope(vec![raw]))
}

fn unsupported<'a>(reason: impl Into<String>) -> Option<Shape<'a>> {
    Some(Shape::Unsupported(reason.into()))
}

/// True for an empty list, also as text.
fn is_empty(raw: &str) -> bool {
    json::is_empty_list(raw.trim_matches('"'))
}

/// The records in a member that should be a list. Null is an empty list.
fn list_of_records<'a>(name: &str, raw: &'a str) -> Shape<'a> {
    match raw.as_bytes().first() {
        Some(b'[' | b'"') => Shape::Envelope(vec![raw]),
        Some(b'{') => Shape::Envelope(entries(raw)),
        Some(b'n') => Shape::NoEvents,
        _ => Shape::Unsupported(format!("`{name}` without records: expected a list, found {}", shortened(raw))),
    }
}

/// The records in an object that a tool wrote for a list: `{"0": {record}, "1": {record}}`, or a list of one unrolled.
fn entries(object: &str) -> Vec<&str> {
    let (mut values, mut is_list) = (Vec::new(), true);
    let read = json::members(object, |name, raw| {
        is_list &= raw.starts_with('{') && record_slot(&name).is_none();
        values.push(raw);
    });
    if read.is_ok() && is_list && !values.is_empty() { values } else { vec![object] }
}

/// The values that `find` returns for the rows of a list of lists of cells. A row without one contributes its first
/// cell, which is then rejected. `None` when no row has one.
fn found_in_rows<'a>(rows: &'a str, find: impl Fn(&'a str) -> Option<&'a str>) -> Option<Vec<&'a str>> {
    let mut is_found = false;
    let mut values = Vec::new();
    let rows: Vec<&RawValue> = serde_json::from_str(rows).ok()?;
    for row in rows {
        let cells: Vec<&RawValue> = serde_json::from_str(row.get()).unwrap_or_else(|_| vec![row]);
        let found = cells.iter().find_map(|cell| find(cell.get())).filter(|raw| !is_empty(raw));
        is_found |= found.is_some();
        values.extend(found.or_else(|| cells.first().map(|cell| cell.get())));
    }
    (is_found || values.is_empty()).then_some(values)
}

/// `{"Records": ...}` whose value is not a list; lists are opened by [`split`](super::split) unless they are empty. Some
/// tools write the name in lower case.
fn records<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let mut values = Vec::new();
    let mut is_envelope = false;
    for (name, raw) in members.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case("records")) {
        is_envelope = true;
        match list_of_records(name, raw) {
            Shape::Envelope(found) => values.extend(found),
            unsupported @ Shape::Unsupported(_) => return Some(unsupported),
            _ => {}
        }
    }
    is_envelope.then_some(Shape::Envelope(values))
}

/// EventBridge: `{"detail-type": "AWS API Call via CloudTrail", "detail": {record}}`.
fn event_bridge<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let Some(kind) = members.string("detail-type") else {
        return members.object("detail").and_then(envelope);
    };
    let kind = json::text(kind).unwrap_or_default();
    if kind.ends_with("via CloudTrail") {
        return members.record("detail");
    }
    unsupported(format!("EventBridge event that is not from CloudTrail: {}", shortened(&kind)))
}

/// `aws cloudtrail lookup-events`: `{"Events": [{"CloudTrailEvent": "record"}]}`, or one of the elements. The answers of
/// `aws logs filter-log-events` and `get-log-events` have `events` with log events.
fn lookup_events<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let answer = || members.records("Events").or_else(|| members.records("events"));
    members.record("CloudTrailEvent").or_else(answer)
}

/// A row of CloudTrail Lake: `{"eventJson": "record"}`, with any other columns. Query results have `eventjson`.
fn lake_row<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let (name, _) = members.0.iter().find(|(name, _)| name.eq_ignore_ascii_case("eventJson"))?;
    members.record(name)
}

/// `aws cloudtrail get-query-results`: `{"QueryResultRows": [[{"eventJson": "record"}, ...]]}`, one object per cell.
fn lake_query_results<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let rows = members.get("QueryResultRows")?;
    let event = |cell: &'a str| {
        let mut event = None;
        json::members(cell, |name, raw| {
            if name.eq_ignore_ascii_case("eventJson") {
                event = Some(raw);
            }
        })
        .ok()?;
        event
    };
    let rows = found_in_rows(rows, event).map(Shape::Envelope);
    rows.or_else(|| unsupported("CloudTrail Lake query results without the column eventJson: select it"))
}

/// CloudWatch Logs subscription: `{"messageType": "DATA_MESSAGE", "logEvents": [{"message": "record"}]}`. A control
/// message only tests whether the destination is reachable.
fn log_subscription<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let is_control = members.get("messageType") == Some("\"CONTROL_MESSAGE\"");
    if is_control && members.has("logEvents") { Some(Shape::NoEvents) } else { members.records("logEvents") }
}

/// `aws logs get-query-results` of Logs Insights: `{"results": [[{"field": "@message", "value": "record"}, ...]]}`.
fn log_insights_results<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let rows = members.list("results").filter(|rows| rows[1..].trim_start().starts_with('['))?;
    let message = |cell: &'a str| {
        let field = record::member(cell, "field").and_then(json::text)?;
        if field == "@message" { record::member(cell, "value") } else { None }
    };
    let rows = found_in_rows(rows, message).map(Shape::Envelope);
    rows.or_else(|| unsupported("Logs Insights results without @message: add `fields @message` to the query"))
}

/// Search results of OpenSearch or Elasticsearch: `{"hits": {"hits": [...]}}`, or only the inner list.
fn search_results<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let Some(hits) = members.object("hits") else { return members.records("hits") };
    let hits = record::member(hits, "hits").map(|hits| list_of_records("hits.hits", hits));
    hits.or_else(|| unsupported("search results without `hits.hits`"))
}

/// A search hit, or a line of an index dump: `{"_index": "...", "_source": {record}}`.
fn search_hit<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let without_source = || members.has("_index").then(|| Shape::Unsupported(NO_SOURCE.into()));
    members.record("_source").or_else(without_source)
}

const NO_SOURCE: &str = "search hit without `_source`: export whole documents";

/// Splunk's export: `{"preview": false, "result": {"_raw": "record"}}` per line, or a list `results`.
fn splunk<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    if members.has("_raw") {
        return members.record("_raw");
    }
    members.get("preview")?;
    let last_row = || members.has("lastrow").then_some(Shape::NoEvents);
    members.records("result").or_else(|| members.records("results")).or_else(last_row)
}

/// Wazuh: `{"integration": "aws", "aws": {record}}`, or an archived event or alert with that in `data`.
fn wazuh<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let event = members.object("aws").filter(|_| members.get("integration") == Some("\"aws\""));
    let archived = || record::member(members.object("data")?, "aws").filter(|raw| raw.starts_with('{'));
    let event = event.or_else(archived)?;
    match record::member(event, "source").and_then(json::text) {
        Some(source) if source != "cloudtrail" => {
            unsupported(format!("Wazuh event of {}, not of CloudTrail", shortened(&source)))
        }
        _ => envelope(event),
    }
}

/// SNS: `{"Type": "Notification", "Message": "record"}`, in a Lambda event below `Sns`. CloudTrail's own notifications
/// only name new log files.
fn notification<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    if members.has("s3Bucket") && members.has("s3ObjectKey") {
        return unsupported("CloudTrail's notification of new log files, without records: ingest the files it names");
    }
    if let Some(notification) = members.object("Sns") {
        return envelope(notification);
    }
    members.get("Message")?;
    let kind = json::text(members.string("Type")?).unwrap_or_default();
    if kind == "Notification" {
        return members.record("Message");
    }
    unsupported(format!("SNS message that is not a notification: {}", shortened(&kind)))
}

/// SQS: `{"Messages": [{"MessageId": "...", "Body": "record"}]}`, in a Lambda event with small initials.
fn queue_message<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    match (members.get_any_case("messageId"), members.has("Messages")) {
        (Some(_), _) => members.record("Body").or_else(|| members.record("body")),
        (None, true) => members.records("Messages"),
        (None, false) => None,
    }
}

/// Steampipe: `{"rows": [{"cloudtrail_event": {record}, ...}]}`, or one of the rows.
fn steampipe<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    members.record("cloudtrail_event").or_else(|| members.records("rows"))
}

/// A line that a collector read, kept as text: `message` (Filebeat, Logstash, Vector, events of CloudWatch Logs),
/// `@message` (exports of Logs Insights), `log` (Fluent Bit, Docker) or `event.original` (Elastic).
fn collected_line<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    let original = || record::member(members.object("event")?, "original");
    let lines = ["event.original", "@message", "message"].into_iter().map(|name| members.get(name));
    // Elastic's `log` is an object with the file and offset of the line.
    let lines = [original()].into_iter().chain(lines).chain([members.string("log")]);
    lines.flatten().find(|raw| may_have_record(raw)).and_then(envelope)
}

/// True for an object, and for text that is JSON, perhaps after a time.
fn may_have_record(raw: &str) -> bool {
    let text = raw.trim_start_matches('"').trim_start();
    (text.starts_with(['{', '[']) && !is_empty(raw))
        || (text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('{'))
}

/// A document of Elastic's integration, in which members of the record are missing or renamed.
fn elastic_document<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    record::member(members.object("aws")?, "cloudtrail")?;
    unsupported("Elastic document without `event.original`: ingest the log files, or preserve the original event")
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
        return unsupported(format!("OCSF event of {product}, not of CloudTrail"));
    }
    let original = members.get("raw_data").filter(|raw| raw.starts_with(['{', '"']));
    if let Some(raw) = original.filter(|raw| *raw != "\"\"" && !is_empty(raw)) {
        return envelope(raw);
    }
    let is_not_call = || unsupported("OCSF event that is not an API call");
    members.object("api").map_or_else(is_not_call, |_| Some(Shape::Ocsf))
}

/// A row of a table, such as one of Athena, Steampipe or this program's own answers.
fn table_row<'a>(members: Members<'_, 'a>) -> Option<Shape<'a>> {
    if members.has("event_name") || members.get_any_case("eventName").is_some() {
        return unsupported(
            "row of a table with renamed members: ingest the log files, or select the column with the whole record, \
             such as `eventJson`, `CloudTrailEvent` or `cloudtrail_event`",
        );
    }
    None
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
            (r#"{"eventjson":"{}","eventTime":"2024-01-01T00:00:00Z"}"#, r#""{}""#),
            (r#"{"QueryResultRows":[[{"EVENTJSON":"{}"}]]}"#, r#""{}""#),
            (
                r#"{"events":[{"timestamp":1,"message":"{}"}],"nextForwardToken":"f"}"#,
                r#"[{"timestamp":1,"message":"{}"}]"#,
            ),
            (
                r#"{"results":[[{"field":"@ptr","value":"p"},{"field":"@message","value":"{}"}]],"status":"x"}"#,
                r#""{}""#,
            ),
            (r#"{"@timestamp":"2024","@message":{"a":1}}"#, r#"{"a":1}"#),
            (r#"{"hits":[{"_id":"1"}]}"#, r#"[{"_id":"1"}]"#),
            (r#"{"integration":"aws","aws":{"source":"cloudtrail"}}"#, r#"{"source":"cloudtrail"}"#),
            (r#"{"timestamp":"t","data":{"integration":"aws","aws":{"a":1}}}"#, r#"{"a":1}"#),
            (r#"{"Type":"Notification","Message":"{}"}"#, r#""{}""#),
            (r#"{"EventSource":"aws:sns","Sns":{"Type":"Notification"}}"#, r#"{"Type":"Notification"}"#),
            (r#"{"Messages":[{"MessageId":"1"}]}"#, r#"[{"MessageId":"1"}]"#),
            (r#"{"MessageId":"1","Body":"{}"}"#, r#""{}""#),
            (r#"{"rows":[{"a":1}]}"#, r#"[{"a":1}]"#),
            (r#"{"timestamp":"t","cloudtrail_event":{"a":1}}"#, r#"{"a":1}"#),
            (r#"{"@timestamp":"t","log":{"offset":0},"message":"{}"}"#, r#""{}""#),
            (r#"{"date":1.5,"log":"{}"}"#, r#""{}""#),
            (r#"{"timestamp":1,"message":"2024-01-01T00:00:00Z {}"}"#, r#""2024-01-01T00:00:00Z {}""#),
            (r#"{"event":{"action":"a","original":"{}"},"aws":{"cloudtrail":{}}}"#, r#""{}""#),
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
            (r#"{"QueryResultRows":7}"#, "without the column eventJson"),
            (r#"{"results":[[{"field":"eventName","value":"x"}]]}"#, "Logs Insights results without @message"),
            (r#"{"eventTime":"t","eventSource":"aws:s3","s3":{}}"#, "S3 event notification"),
            (r#"{"s3Bucket":"b","s3ObjectKey":["k"]}"#, "notification of new log files"),
            (r#"{"Type":"SubscriptionConfirmation","Message":"confirm"}"#, "SubscriptionConfirmation"),
            (r#"{"data":{"aws":{"source":"guardduty"}}}"#, "Wazuh event of guardduty"),
            (r#"{"event":{"dataset":"aws.cloudtrail"},"aws":{"cloudtrail":{}}}"#, "without `event.original`"),
            (r#"{"_index":"i","fields":{}}"#, "without `_source`"),
            (r#"{"hits":{"total":1}}"#, "without `hits.hits`"),
            (r#"{"event_time":"t","event_name":"ListBuckets"}"#, "row of a table"),
            (r#"{"eventtime":"t","eventname":"ListBuckets"}"#, "row of a table"),
        ] {
            assert!(matches!(shape(text), Some(Shape::Unsupported(reason)) if reason.contains(expected)), "{text}");
        }
    }

    #[test]
    fn a_list_of_records_of_another_type_is_read_or_has_a_reason() {
        for name in ["Records", "records", "Events", "events", "logEvents", "Messages", "rows", "hits"] {
            let of = |value: &str| format!(r#"{{"{name}":{value}}}"#);
            for list in ["[]", "[{}]", "\"[{}]\"", "\"\""] {
                assert_eq!(shape(&of(list)), Some(Shape::Envelope(vec![list])), "{name}");
            }
            assert_eq!(
                shape(&of("7")),
                Some(Shape::Unsupported(format!("`{name}` without records: expected a list, found 7")))
            );
            let empty = [Some(Shape::NoEvents), Some(Shape::Envelope(vec![]))];
            assert!(empty.contains(&shape(&of("null"))), "{name}");
        }
        for name in ["Records", "records", "Events", "events", "logEvents", "Messages", "rows"] {
            let of = |value: &str| format!(r#"{{"{name}":{value}}}"#);
            let one = r#"{"eventTime":"t","userIdentity":{}}"#;
            assert_eq!(shape(&of(one)), Some(Shape::Envelope(vec![one])), "{name}");
            assert_eq!(shape(&of(r#"{"userIdentity":{}}"#)), Some(Shape::Envelope(vec![r#"{"userIdentity":{}}"#])));
            let two = Some(Shape::Envelope(vec![r#"{"a":1}"#, "{}"]));
            assert_eq!(shape(&of(r#"{"0":{"a":1},"1":{}}"#)), two, "{name}");
        }
        let search = r#"{"hits":{"hits":{"_source":{"a":1}}}}"#;
        assert_eq!(shape(search), Some(Shape::Envelope(vec![r#"{"a":1}"#])));
        let splunk = r#"{"preview":false,"results":{"_raw":"{}"}}"#;
        assert_eq!(shape(splunk), Some(Shape::Envelope(vec![r#"{"_raw":"{}"}"#])));
        let twice = r#"{"Records":{"a":1},"Records":"[]"}"#;
        assert_eq!(shape(twice), Some(Shape::Envelope(vec![r#"{"a":1}"#, r#""[]""#])));
    }

    #[test]
    fn a_record_of_another_type_is_read_or_has_a_reason() {
        for (name, rest) in [
            ("detail", r#""detail-type":"AWS API Call via CloudTrail""#),
            ("CloudTrailEvent", r#""EventId":"1""#),
            ("eventJson", r#""a":"1""#),
            ("_source", r#""_index":"i""#),
            ("_raw", r#""_time":"t""#),
            ("Message", r#""Type":"Notification""#),
            ("Body", r#""MessageId":"1""#),
            ("cloudtrail_event", r#""a":"1""#),
        ] {
            let of = |value: &str| format!(r#"{{{rest},"{name}":{value}}}"#);
            for record in ["{}", "\"{}\"", "[{}]"] {
                assert_eq!(shape(&of(record)), Some(Shape::Envelope(vec![record])), "{name}");
            }
            for other in ["null", "7", "true"] {
                let Some(Shape::Unsupported(reason)) = shape(&of(other)) else { panic!("{name}: {other}") };
                assert!(reason.starts_with(&format!("`{name}` without a record")), "{reason}");
            }
        }
    }

    #[test]
    fn a_row_without_a_record_does_not_hide_the_others() {
        let text = r#"{"results":[[{"field":"@message","value":"{}"}],[{"field":"a","value":"b"}]]}"#;
        assert_eq!(shape(text), Some(Shape::Envelope(vec![r#""{}""#, r#"{"field":"a","value":"b"}"#])));
        let text = r#"{"QueryResultRows":[{"eventJson":"{}"},[{"eventJson":null}]]}"#;
        assert_eq!(shape(text), Some(Shape::Envelope(vec![r#""{}""#, "null"])), "a row unrolled, and a null");
    }

    #[test]
    fn an_object_with_event_time_is_a_record_whatever_its_other_members() {
        assert_eq!(shape(r#"{"eventTime":"x","detail-type":"AWS via CloudTrail","detail":{}}"#), None);
        assert_eq!(shape(r#"{"eventTime":"x","message":"{}","timestamp":1}"#), None);
        assert_eq!(shape(r#"{"unheard":"of"}"#), None);
    }
}
