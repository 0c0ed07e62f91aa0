use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType, UInt32Type};

use super::*;
use crate::schema::{EVENTS, Kind, Origin};
use crate::source::LogKey;

fn object() -> LogObject {
    let path = "AWSLogs/111122223333/CloudTrail/us-east-1/2024/02/29/x.json";
    LogObject {
        path: path.into(),
        url: format!("s3://trail/{path}"),
        size_bytes: 0,
        last_modified: Default::default(),
        version: "1".into(),
        key: LogKey::parse(path),
    }
}

fn read(text: &str) -> Decoded {
    decode(vec![(object(), Bytes::from(text.to_owned()))], Limits::default())
}

/// A column with its dictionary resolved.
fn plain(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values).unwrap(),
        _ => column.clone(),
    }
}

fn cell(decoded: &Decoded, column: &str, row: usize) -> Option<String> {
    let array = plain(decoded.batch.column_by_name(column).unwrap());
    if array.is_null(row) {
        return None;
    }
    let kind = EVENTS.iter().find(|c| c.name == column).unwrap().kind;
    Some(match kind {
        Kind::Text | Kind::Json => array.as_string::<i32>().value(row).to_owned(),
        Kind::Bool => array.as_boolean().value(row).to_string(),
        Kind::Integer => array.as_primitive::<Int64Type>().value(row).to_string(),
        Kind::Time | Kind::Day => array.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
    })
}

/// A record with every documented member and an undocumented one.
const FULL: &str = r#"{
  "eventVersion": "1.11", "eventTime": "2024-02-29T12:00:00Z", "eventSource": "iam.amazonaws.com", "eventName": "CreateUser",
  "awsRegion": "us-east-1", "sourceIPAddress": "203.0.113.9", "userAgent": "aws-cli/2.15 \"x\"",
  "errorCode": "AccessDenied", "errorMessage": "no\u00e9", "requestID": "r-1", "eventID": "e-1", "eventType": "AwsApiCall",
  "apiVersion": "2010-05-08", "managementEvent": true, "readOnly": "false", "recipientAccountId": "999999999999",
  "sharedEventID": "s-1", "vpcEndpointId": "vpce-1", "vpcEndpointAccountId": "222222222222", "eventCategory": "Management",
  "sessionCredentialFromConsole": "true",
  "userIdentity": {"type": "AssumedRole", "principalId": "AROA1:run-7", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/run-7",
    "accountId": "111122223333", "accessKeyId": "ASIA1", "invokedBy": "cloudformation.amazonaws.com",
    "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROA1", "arn": "arn:aws:iam::111122223333:role/deploy", "accountId": "111122223333", "userName": "deploy"},
      "attributes": {"creationDate": "2024-02-29T11:00:00Z", "mfaAuthenticated": "false"}, "sourceIdentity": "maria",
      "webIdFederationData": {"federatedProvider": "arn:aws:iam::111122223333:oidc-provider/ci", "attributes": {}}}, "inScopeOf": {"x": [1]}},
  "requestParameters": {"userName": "eve", "tags": [{"key": "a"}]}, "responseElements": null,
  "additionalEventData": {"bytesTransferredOut": 12e400}, "resources": [{"ARN": "arn:x", "accountId": "1", "type": "AWS::S3::Object"}],
  "serviceEventDetails": {"a": 1}, "insightDetails": {"b": 2}, "tlsDetails": {"tlsVersion": "TLSv1.3"}, "edgeDeviceDetails": {"c": 3},
  "addendum": {"reason": "DELIVERY_DELAY"}, "eventContext": {"tagContext": {}}, "newMember": {"deep": [true, null]}
}"#;

#[test]
fn every_member_of_a_record_can_be_rebuilt_from_its_row() {
    let decoded = read(FULL);
    assert_eq!((decoded.batch.num_rows(), decoded.rejects.len()), (1, 0));
    let mut original: BTreeMap<String, String> = BTreeMap::new();
    json::members(FULL, |name, raw| {
        original.insert(name.into_owned(), raw.to_owned());
    })
    .unwrap();
    for column in EVENTS {
        let Origin::Record(member) = column.from else { continue };
        let raw = original.remove(member).unwrap_or_else(|| panic!("{member} is missing from the test record"));
        let expected = match column.kind {
            _ if raw == "null" => None,
            Kind::Json => Some(raw),
            Kind::Time => time::micros(&json::text(&raw).unwrap()).map(|us| us.to_string()),
            _ => json::text(&raw).map(|text| text.into_owned()),
        };
        assert_eq!(cell(&decoded, column.name, 0), expected, "{member}");
    }
    assert_eq!(cell(&decoded, "extra", 0).unwrap(), r#"{"newMember":{"deep": [true, null]}}"#);
    assert_eq!(original.into_keys().collect::<Vec<_>>(), ["newMember"]);
}

#[test]
fn the_identity_is_parsed_into_columns() {
    let decoded = read(FULL);
    for (column, expected) in [
        ("actor", "arn:aws:iam::111122223333:role/deploy"),
        ("session_name", "run-7"),
        ("account_id", "999999999999"),
        ("access_key_id", "ASIA1"),
        ("invoked_by", "cloudformation.amazonaws.com"),
        ("session_issuer_arn", "arn:aws:iam::111122223333:role/deploy"),
        ("mfa_authenticated", "false"),
        ("session_creation_time", "1709204400000000"),
        ("source_identity", "maria"),
        ("federated_provider", "arn:aws:iam::111122223333:oidc-provider/ci"),
        ("source_record", "0"),
    ] {
        assert_eq!(cell(&decoded, column, 0).as_deref(), Some(expected), "{column}");
    }
    assert_eq!(decoded.days, [19782]);
}

#[test]
fn a_value_of_another_type_is_kept_in_extra() {
    let decoded = read(
        r#"{"eventTime":"2024-01-01T00:00:00Z","eventName":{"x":1},"readOnly":7,"awsRegion":12,"userIdentity":"odd","requestParameters":"text"}"#,
    );
    assert_eq!((decoded.rejects.len(), decoded.objects[0].retyped_members), (0, 2));
    assert_eq!(cell(&decoded, "event_name", 0), None);
    assert_eq!(cell(&decoded, "read_only", 0), None);
    assert_eq!(cell(&decoded, "aws_region", 0).as_deref(), Some("12"));
    assert_eq!(cell(&decoded, "extra", 0).unwrap(), r#"{"eventName":{"x":1},"readOnly":7}"#);
    assert_eq!(cell(&decoded, "user_identity", 0).as_deref(), Some("\"odd\""));
    assert_eq!(cell(&decoded, "request_parameters", 0).as_deref(), Some("\"text\""));
}

#[test]
fn repeated_members_are_kept_in_extra() {
    let decoded = read(r#"{"eventTime":"2024-01-01T00:00:00Z","eventName":"A","eventName":"B","eventName":"C"}"#);
    assert_eq!(cell(&decoded, "event_name", 0).as_deref(), Some("A"));
    assert_eq!(cell(&decoded, "extra", 0).as_deref(), Some(r#"{"eventName":["B","C"]}"#));
}

#[test]
fn invalid_records_are_rejected_with_offset_and_reason_and_the_rest_is_kept() {
    let text = r#"{"Records":[{"eventTime":"2024-01-01T00:00:00Z","eventID":"1"},{"eventTime":"soon"},{"eventID":"2"},
        {"eventTime":"2024-01-01T00:00:00Z","a":nul},{"eventTime":"2024-01-01T00:00:01Z","eventID":"3"},
        {"eventTime":"9999-01-01T00:00:00Z"}]}"#;
    let decoded = read(text);
    assert_eq!(decoded.batch.num_rows(), 2);
    let reasons: Vec<_> = decoded.rejects.iter().map(|r| (r.offset as usize, r.reason.as_str())).collect();
    assert_eq!(reasons.len(), 4);
    assert_eq!(reasons[0], (text.find(r#"{"eventTime":"soon"#).unwrap(), "unknown format of the event time: \"soon\""));
    assert_eq!(reasons[1].1, "not a CloudTrail record: no eventTime");
    assert!(reasons[2].1.starts_with("invalid JSON"));
    assert_eq!(reasons[3].1, "event time out of range (2006 to 2099): \"9999-01-01T00:00:00Z\"");
    assert!(decoded.rejects.iter().all(|r| r.object.starts_with("s3://trail/AWSLogs/")));
}

#[test]
fn a_lone_surrogate_cannot_hide_the_members_after_it() {
    let decoded = read(
        r#"{"eventTime":"2024-01-01T00:00:00Z","userAgent":"\ud800","requestParameters":{"a":"\udc00","b":"seen"}}"#,
    );
    assert_eq!(decoded.rejects.len(), 0);
    assert_eq!(cell(&decoded, "user_agent", 0).as_deref(), Some("\u{fffd}"));
    assert_eq!(cell(&decoded, "request_parameters", 0).as_deref(), Some(r#"{"a":"\ufffd","b":"seen"}"#));
}

#[test]
fn invalid_utf8_is_replaced() {
    let bytes = b"[{\"eventTime\":\"2024-01-01T00:00:00Z\",\"userAgent\":\"a\xffb\"}]";
    let decoded = decode(vec![(object(), Bytes::from_static(bytes))], Limits::default());
    assert_eq!(decoded.rejects.len(), 0);
    assert_eq!(cell(&decoded, "user_agent", 0).as_deref(), Some("a\u{fffd}b"));
}

#[test]
fn the_rows_of_each_object_are_known() {
    let one = r#"{"eventTime":"2024-01-01T00:00:00Z"}"#;
    let objects = vec![(object(), one.into()), (object(), Bytes::from("junk")), (object(), [one, one].concat().into())];
    let decoded = decode(objects, Limits::default());
    let rows: Vec<_> = decoded.objects.iter().map(|o| (o.rows.clone(), o.rejects)).collect();
    assert_eq!(rows, [(0..1, 0), (1..1, 1), (1..3, 0)]);
}

/// A record for the envelopes below.
fn record(id: u32) -> String {
    format!(
        r#"{{"eventVersion":"1.09","eventTime":"2024-01-01T00:00:0{id}Z","eventName":"ListBuckets","eventID":"{id}"}}"#
    )
}

/// `text` as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn ids(decoded: &Decoded) -> Vec<String> {
    (0..decoded.batch.num_rows()).map(|row| cell(decoded, "event_id", row).unwrap()).collect()
}

fn reasons(decoded: &Decoded) -> Vec<&str> {
    decoded.rejects.iter().map(|reject| reject.reason.as_str()).collect()
}

fn read_bytes(bytes: Vec<u8>) -> Decoded {
    decode(vec![(object(), bytes.into())], Limits::default())
}

#[test]
fn records_are_read_from_every_envelope() {
    let (one, two) = (record(1), record(2));
    let (quoted_one, quoted_two) = (quoted(&one), quoted(&two));
    let bridge = |record: &str| {
        format!(r#"{{"version":"0","detail-type":"AWS API Call via CloudTrail","time":"x","detail":{record}}}"#)
    };
    let looked_up = |record: &str| format!(r#"{{"EventId":"1","EventTime":1704067200.0,"CloudTrailEvent":{record}}}"#);
    let message = |record: &str| format!(r#"{{"id":"3","timestamp":1704067200000,"message":{record}}}"#);
    let splunk = |record: &str| format!(r#"{{"preview":false,"result":{{"_time":"x","_raw":{record}}}}}"#);
    let hit = |record: &str| format!(r#"{{"_index":"trail","_source":{record}}}"#);
    for (name, text) in [
        ("EventBridge lines", format!("{}\n{}", bridge(&one), bridge(&two))),
        ("EventBridge list", format!("[{},{}]", bridge(&one), bridge(&two))),
        ("lookup-events", format!(r#"{{"Events":[{},{}]}}"#, looked_up(&quoted_one), looked_up(&quoted_two))),
        ("lookup-events lines", format!("{}\n{}", looked_up(&quoted_one), looked_up(&quoted_two))),
        ("lake rows", format!(r#"[{{"eventJson":{quoted_one}}},{{"eventTime":"2024","eventJson":{quoted_two}}}]"#)),
        (
            "lake answer",
            format!(
                r#"{{"QueryResultRows":[[{{"a":"1"}},{{"eventJson":{quoted_one}}}],[{{"eventJson":{quoted_two}}}]]}}"#
            ),
        ),
        ("log export", format!("2024-01-01T00:00:01.000Z {one}\r\n2024-01-01T00:00:02.000Z {two}\r\n")),
        (
            "subscription",
            format!(
                r#"{{"messageType":"DATA_MESSAGE","logEvents":[{},{}]}}"#,
                message(&quoted_one),
                message(&quoted_two)
            ),
        ),
        (
            "subscription of EventBridge",
            format!(
                r#"{{"messageType":"DATA_MESSAGE","logEvents":[{},{}]}}"#,
                message(&quoted(&bridge(&one))),
                message(&quoted(&bridge(&two)))
            ),
        ),
        ("search answer", format!(r#"{{"took":1,"hits":{{"total":2,"hits":[{},{}]}}}}"#, hit(&one), hit(&two))),
        ("search dump", format!("{}\n{}", hit(&one), hit(&two))),
        (
            "Splunk lines",
            format!("{}\n{}\n{{\"preview\":false,\"lastrow\":true}}", splunk(&quoted_one), splunk(&quoted_two)),
        ),
        ("Splunk fields", format!(r#"{{"preview":false,"results":[{one},{two}]}}"#)),
        (
            "OCSF with its source",
            format!(r#"{{"class_uid":1,"metadata":{{}},"raw_data":{}}}"#, quoted(&format!("[{one},{two}]"))),
        ),
        ("Records in lower case", format!(r#"{{"records":[{one},{two}]}}"#)),
        ("Records with numbered entries", format!(r#"{{"Records":{{"0":{one},"1":{two}}}}}"#)),
        ("Records as text", format!(r#"{{"Records":{}}}"#, quoted(&format!("[{one},{two}]")))),
        ("Records with one record, among others", format!("{{\"Records\":{one}}}\n{{\"Records\":[{two}]}}")),
        ("list of files", format!(r#"[{{"Records":[{one}]}},{{"Records":[{two}]}}]"#)),
        ("one event of lookup-events", format!("{{\"Events\":{}}}\n{two}", looked_up(&quoted_one))),
        ("list of texts", format!("[{quoted_one},{quoted_two}]")),
        ("lines of texts", format!("{quoted_one}\n{quoted_two}")),
        ("lake rows in lower case", format!("{{\"eventjson\":{quoted_one}}}\n{{\"EVENTJSON\":{two}}}")),
        (
            "filter-log-events",
            format!(r#"{{"events":[{},{}],"searchedLogStreams":[]}}"#, message(&quoted_one), message(&quoted_two)),
        ),
        (
            "Logs Insights",
            format!(
                r#"{{"results":[[{{"field":"@ptr","value":"p"}},{{"field":"@message","value":{quoted_one}}}],[{{"field":"@message","value":{quoted_two}}}]],"status":"Complete"}}"#
            ),
        ),
        ("Logs Insights export", format!(r#"[{{"@timestamp":"t","@message":{one}}},{{"@message":{quoted_two}}}]"#)),
        (
            "SNS lines",
            format!(
                "{{\"Type\":\"Notification\",\"Message\":{quoted_one}}}\n{{\"Type\":\"Notification\",\"Message\":{}}}",
                quoted(&bridge(&two))
            ),
        ),
        (
            "SNS in a Lambda event",
            format!(
                r#"{{"Records":[{{"EventSource":"aws:sns","Sns":{{"Type":"Notification","Message":{quoted_one}}}}},{{"messageId":"1","body":{quoted_two}}}]}}"#
            ),
        ),
        (
            "Steampipe",
            format!(r#"{{"rows":[{{"timestamp":"t","cloudtrail_event":{one}}},{{"cloudtrail_event":{quoted_two}}}]}}"#),
        ),
        (
            "Elastic documents",
            format!(
                r#"{{"hits":{{"hits":[{},{}]}}}}"#,
                hit(&format!(r#"{{"@timestamp":"t","event":{{"action":"a","original":{quoted_one}}}}}"#)),
                hit(&format!(r#"{{"event.original":{quoted_two},"aws":{{"cloudtrail":{{}}}}}}"#)),
            ),
        ),
        (
            "Filebeat and Vector",
            format!(
                "{{\"@timestamp\":\"t\",\"log\":{{\"offset\":0}},\"message\":{quoted_one}}}\n{{\"source_type\":\"aws_s3\",\"message\":{quoted_two}}}"
            ),
        ),
        ("Fluent Bit", format!("{{\"date\":1.5,\"log\":{quoted_one}}}\n{{\"date\":2.5,\"log\":{quoted_two}}}")),
        (
            "Wazuh",
            format!(
                "{{\"integration\":\"aws\",\"aws\":{one}}}\n{{\"timestamp\":\"t\",\"rule\":{{}},\"data\":{{\"integration\":\"aws\",\"aws\":{two}}}}}"
            ),
        ),
        ("Records in a string", looked_up(&quoted(&format!(r#"{{"Records":[{one},{two}]}}"#)))),
    ] {
        let decoded = read(&text);
        assert_eq!((ids(&decoded), reasons(&decoded)), (vec!["1".to_owned(), "2".to_owned()], vec![]), "{name}");
        assert_eq!(cell(&decoded, "extra", 0), None, "{name}");
        assert_eq!(cell(&decoded, "source_record", 1).as_deref(), Some("1"), "{name}");
    }
}

#[test]
fn an_invalid_record_in_an_envelope_is_rejected_with_its_offset() {
    let element = |id: &str, event: &str| format!(r#"{{"EventId":"{id}","CloudTrailEvent":{event}}}"#);
    let bad = [
        element("b1", &quoted(r#"{"eventTime":"2024-01-01T00:00:00Z","a":nul}"#)),
        element("b2", &quoted("words")),
        element("b3", "\"\""),
        r#"{"EventId":"b4","CloudTrailEvent":null}"#.to_owned(),
        element("b5", &quoted(r#"{"eventTime":"2024-01-01T00:00:00Z""#)),
    ];
    let good = |id| element("g", &quoted(&record(id)));
    let text = format!(r#"{{"Events":[{},{},{}]}}"#, good(1), bad.join(","), good(2));
    let decoded = read(&text);
    assert_eq!(ids(&decoded), ["1", "2"]);
    assert_eq!(decoded.rejects.len(), bad.len());
    for (reject, element) in decoded.rejects.iter().zip(&bad) {
        let at = text.find(element).unwrap();
        assert!((at..at + element.len()).contains(&(reject.offset as usize)), "{reject:?}");
    }
    let text = format!(r#"{{"hits":{{"hits":[{{"_source":{}}},{{"_source":{{"eventTime":"soon"}}}}]}}}}"#, record(1));
    let decoded = read(&text);
    assert_eq!(ids(&decoded), ["1"]);
    assert_eq!(decoded.rejects[0].offset as usize, text.find(r#"{"eventTime":"soon"#).unwrap());
}

#[test]
fn no_type_in_an_envelope_is_silently_ignored() {
    let one = record(1);
    for envelope in [
        r#"{"Records":$}"#,
        r#"{"records":$}"#,
        r#"[{"Records":$}]"#,
        r#"{"detail-type":"AWS API Call via CloudTrail","detail":$}"#,
        r#"{"Events":$}"#,
        r#"{"Events":[{"CloudTrailEvent":$}]}"#,
        r#"{"events":[{"timestamp":1,"message":$}]}"#,
        r#"{"eventJson":$}"#,
        r#"{"QueryResultRows":[[{"eventjson":$}]]}"#,
        r#"{"messageType":"DATA_MESSAGE","logEvents":$}"#,
        r#"{"logEvents":[{"id":"1","timestamp":1,"message":$}]}"#,
        r#"{"results":[[{"field":"@message","value":$}]]}"#,
        r#"{"hits":$}"#,
        r#"{"hits":{"hits":$}}"#,
        r#"{"hits":{"hits":[{"_index":"i","_source":$}]}}"#,
        r#"{"_source":{"event":{"original":$}}}"#,
        r#"{"preview":false,"result":$}"#,
        r#"{"preview":false,"results":$}"#,
        r#"{"preview":false,"result":{"_raw":$}}"#,
        r#"{"integration":"aws","aws":$}"#,
        r#"{"data":{"integration":"aws","aws":$}}"#,
        r#"{"Type":"Notification","Message":$}"#,
        r#"{"Records":[{"Sns":$}]}"#,
        r#"{"Messages":[{"MessageId":"1","Body":$}]}"#,
        r#"{"rows":$}"#,
        r#"{"rows":[{"cloudtrail_event":$}]}"#,
        r#"{"date":1.5,"log":$}"#,
        r#"{"class_uid":1,"metadata":{},"raw_data":$}"#,
    ] {
        for value in
            ["7", "true", "\"words\"", "\"\"", "\"7\"", "{}", r#"{"a":1}"#, "\"{}\"", "[7]", "[null]", r#"["words"]"#]
        {
            let text = envelope.replace('$', value);
            // The line after it is not affected.
            let decoded = read(&format!("{text}\n{}", record(2)));
            assert_eq!(ids(&decoded), ["2"], "{text}");
            assert!(!decoded.rejects.is_empty(), "{text}");
        }
        let lists = ["Records", "records", "Events", "logEvents", "hits", "results", "result", "Messages", "rows"];
        let is_list = lists.iter().any(|name| envelope.contains(&format!("\"{name}\":$")));
        for empty in ["[]", "\"[ ]\"", r#"["[]"]"#].into_iter().filter(|empty| !is_list || empty.len() > 5) {
            let text = envelope.replace('$', empty);
            assert!(!read(&text).rejects.is_empty(), "{text}");
        }
        for value in [&one, &quoted(&one), &format!("[{one}]"), &quoted(&format!("[{one}]"))] {
            let text = envelope.replace('$', value);
            let decoded = read(&text);
            assert_eq!(decoded.batch.num_rows() + decoded.rejects.len(), 1, "{text}");
        }
    }
}

#[test]
fn a_lone_surrogate_in_an_envelope_cannot_hide_members() {
    let inner = r#"{"eventTime":"2024-01-01T00:00:00Z","userAgent":"\ud800","eventName":"ListBuckets"}"#;
    let decoded = read(&format!(r#"{{"CloudTrailEvent":{}}}"#, quoted(inner)));
    assert_eq!(cell(&decoded, "user_agent", 0).as_deref(), Some("\u{fffd}"));
    assert_eq!(cell(&decoded, "event_name", 0).as_deref(), Some("ListBuckets"));
}

#[test]
fn objects_without_events_are_ignored_and_unsupported_formats_are_rejected() {
    let digest = r#"{"awsAccountId":"1","digestS3Object":"x","logFiles":[{"s3Object":"y","oldestEventTime":"z"}]}"#;
    let control = r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","timestamp":1,"message":"checking"}]}"#;
    let null = r#"{"Records":null}"#;
    for text in [digest, control, null, "", "\u{feff}", r#"{"Records":[]}"#, r#"{"Events":[]}"#] {
        let decoded = read(text);
        assert_eq!((decoded.batch.num_rows(), decoded.rejects.len()), (0, 0), "{text}");
    }
    for (text, expected) in [
        (
            r#"{"class_uid":3001,"metadata":{},"unmapped":{"eventType":"AwsApiCall"}}"#,
            "OCSF event that is not an API call",
        ),
        ("Event name,Event time\nListBuckets,2024-01-01T00:00:00Z\n{\n", "CSV"),
        ("just\nsome\nlines\n", "expected JSON"),
        (r#"{"@timestamp":"2024-01-01T00:00:00Z","level":"info"}"#, "no eventTime"),
        (r#"{"timestamp":1,"message":"started"}"#, "no eventTime"),
        (r#"{"Records":7}"#, "`Records` without records: expected a list, found 7"),
        (r#"{"Records":""}"#, "envelope without a record: the text is empty"),
        (r#"{"Records":"words"}"#, "expected JSON"),
        (r#"{"Records":{"a":1}}"#, "no eventTime"),
        (r#"{"Events":true}"#, "`Events` without records"),
        (",,", "expected JSON"),
        (
            r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"2024-01-01T00:00:00Z","eventName":"ObjectCreated:Put","s3":{"object":{"key":"k"}}}]}"#,
            "S3 event notification, not an API call",
        ),
        (r#"{"eventTime":"2024-02-30T00:00:00Z"}"#, "event time that does not exist: \"2024-02-30T00:00:00Z\""),
        (r#"{"eventTime":null}"#, "unknown format of the event time: null"),
    ] {
        let decoded = read(text);
        assert_eq!((decoded.batch.num_rows(), decoded.rejects.len()), (0, 1), "{text}");
        assert!(decoded.rejects[0].reason.contains(expected), "{}", decoded.rejects[0].reason);
    }
}

#[test]
fn a_renamed_event_time_is_found() {
    let decoded = read(r#"{"@timestamp":"2024-01-01T00:00:00.000Z","eventName":"ListBuckets","eventID":"1"}"#);
    assert_eq!((ids(&decoded), decoded.rejects.len()), (vec!["1".to_owned()], 0));
}

#[test]
fn an_object_with_an_event_time_is_a_record_even_with_a_member_records() {
    for records in ["[]", "null", "7", "{\"a\":1}"] {
        let record = record(1).replacen('{', &format!("{{\"Records\":{records},"), 1);
        let decoded = read(&record);
        assert_eq!((ids(&decoded), reasons(&decoded)), (vec!["1".to_owned()], vec![]), "{records}");
        assert_eq!(cell(&decoded, "extra", 0), Some(format!("{{\"Records\":{records}}}")));
    }
}

#[test]
fn gzip_within_gzip_is_read_also_in_a_bundle() {
    use std::io::Write;
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let twice = |n: u32| gzip(&gzip(record(n).as_bytes()));
    let lines = [gzip(record(1).as_bytes()), gzip(record(2).as_bytes())].concat();
    assert_eq!(ids(&read_bytes(gzip(&lines))), ["1", "2"]);
    let (one, two) = (twice(1), twice(2));
    let files: &[(&str, &[u8])] = &[("1.json.gz", &one), ("2.json.gz", &two)];
    assert_eq!(ids(&read_bytes(gzip(&bundle::tests::tar_of(files)))), ["1", "2"]);
    assert_eq!(reasons(&read_bytes(gzip(&gzip(&one)))), ["gzip within gzip: more than 3 layers"]);
}

#[test]
fn events_of_lake_integrations_are_read() {
    let event = r#"{"eventVersion":"1.0","eventCategory":"ActivityAuditLog","eventType":"ActivityLog","eventID":"1","eventTime":"2024-02-29T12:00:00","metadata":{"ingestionTime":"2024-02-29T12:01:00"},"eventData":{"eventName":"Export"}}"#;
    for text in [event.to_owned(), format!(r#"{{"eventJson":{}}}"#, quoted(event))] {
        let decoded = read(&text);
        assert_eq!((ids(&decoded), reasons(&decoded)), (vec!["1".to_owned()], vec![]));
        assert_eq!(cell(&decoded, "event_time", 0).as_deref(), Some("1709208000000000"));
        assert_eq!(cell(&decoded, "event_category", 0).as_deref(), Some("ActivityAuditLog"));
        assert!(cell(&decoded, "extra", 0).unwrap().contains(r#""eventData":{"eventName":"Export"}"#));
    }
}

#[test]
fn root_without_an_arn_is_in_the_partition_of_its_region() {
    let record = |region: &str, account: u32| {
        format!(
            r#"{{"eventTime":"2024-01-01T00:00:00Z","awsRegion":"{region}","userIdentity":{{"type":"Root","accountId":"{account}"}}}}"#
        )
    };
    let decoded = read(&format!("[{},{}]", record("us-gov-west-1", 1), record("eu-west-1", 2)));
    let actors = [0, 1].map(|row| cell(&decoded, "actor", row).unwrap());
    assert_eq!(actors, ["arn:aws-us-gov:iam::1:root", "arn:aws:iam::2:root"]);
}

#[test]
fn the_content_of_a_row_does_not_depend_on_its_object_or_white_space() {
    let record = |name: &str, parameters: &str| {
        format!(
            r#"{{"eventTime":"2024-01-01T00:00:00Z","eventID":"***","eventName":"{name}","requestParameters":{parameters}}}"#
        )
    };
    let decoded = read(
        &[
            record("A", r#"{"a":1}"#),
            record("A", r#"{ "a": 1 }"#),
            record("B", r#"{"a":1}"#),
            record("A", r#"{"a":2}"#),
        ]
        .join("\n"),
    );
    let content = RowContent::new(&decoded.batch).unwrap();
    assert_eq!(content.hash(0), content.hash(1));
    assert!(content.hash(0) != content.hash(2) && content.hash(0) != content.hash(3));
    let columns = decoded.batch.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
    let stored = columns.iter().zip(decoded.batch.columns()).map(|(name, column)| (name, plain(column), true));
    let stored = RecordBatch::try_from_iter_with_nullable(stored).unwrap();
    assert_eq!(RowContent::new(&stored).unwrap().hash(2), content.hash(2), "dictionaries or not");
}

#[test]
fn insights_and_network_activity_have_their_own_category() {
    let text = r#"{"Records":[
        {"eventTime":"2024-01-01T00:00:00Z","eventCategory":"Insight","insightDetails":{"state":"Start"}},
        {"eventTime":"2024-01-01T00:00:00Z","eventType":"AwsCloudTrailInsight","insightDetails":{"state":"End"}},
        {"eventTime":"2024-01-01T00:00:00Z","eventCategory":"NetworkActivity","eventType":"AwsVpceEvent","vpcEndpointId":"vpce-1"}]}"#;
    let decoded = read(text);
    let category = |row| cell(&decoded, "event_category", row).unwrap();
    assert_eq!([category(0), category(1), category(2)], ["Insight", "Insight", "NetworkActivity"]);
    assert_eq!(cell(&decoded, "insight_details", 1).as_deref(), Some(r#"{"state":"End"}"#));
    assert_eq!(cell(&decoded, "vpc_endpoint_id", 2).as_deref(), Some("vpce-1"));
}

#[test]
fn an_aggregated_event_has_its_window_as_time_and_keeps_its_summary() {
    let event = r#"{"eventVersion":"1.0","accountId":"444455556666","eventId":"62759c1a-6248-48e1-a6b3-d5fb7e6c4bc0","eventCategory":"Aggregated","eventType":"AwsAggregatedEvent","awsRegion":"us-west-2","eventSource":"s3.amazonaws.com","timeWindow":{"windowStart":"2024-02-29T12:00:00Z","windowSize":"PT5M"},"summary":{"a":1}}"#;
    for text in
        [event.to_owned(), format!("[{event}]"), format!(r#"{{"id":"1","timestamp":1,"message":{}}}"#, quoted(event))]
    {
        let decoded = read(&text);
        assert_eq!((ids(&decoded).len(), reasons(&decoded)), (1, vec![]));
        for (column, expected) in [
            ("event_time", Some("1709208000000000")),
            ("event_id", Some("62759c1a-6248-48e1-a6b3-d5fb7e6c4bc0")),
            ("account_id", Some("444455556666")),
            ("event_category", Some("Aggregated")),
            ("actor", None),
            (
                "extra",
                Some(r#"{"timeWindow":{"windowStart":"2024-02-29T12:00:00Z","windowSize":"PT5M"},"summary":{"a":1}}"#),
            ),
        ] {
            assert_eq!(cell(&decoded, column, 0).as_deref(), expected, "{column}");
        }
    }
    let call = event.replace(r#""awsRegion""#, r#""eventName":"GetObject","awsRegion""#);
    assert_eq!(reasons(&read(&call)), ["not a CloudTrail record: no eventTime"], "a call has a time");
}

#[test]
fn files_in_a_zip_or_tar_are_read_as_separate_objects() {
    let log = "AWSLogs/222222222222/CloudTrail/us-east-1/2024/01/01/a.json.gz";
    let zipped = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(format!(r#"{{"Records":[{},{{"eventTime":"soon"}}]}}"#, record(1)).as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let lines = format!("{}\n{}", record(2), record(3));
    let files: &[(&str, &[u8])] = &[
        (log, &zipped),
        ("notes.txt", b"words"),
        ("AWSLogs/222222222222/CloudTrail-Digest/us-east-1/2024/01/01/d.json.gz", b"{}"),
        ("b.ndjson", lines.as_bytes()),
        ("inner.zip", &bundle::tests::zip_of(&[("x.json", b"{}")])),
    ];
    for bytes in [bundle::tests::tar_of(files), bundle::tests::zip_of(files)] {
        let decoded = read_bytes(bytes);
        assert_eq!(ids(&decoded), ["1", "2", "3"]);
        let url = object().url;
        assert_eq!(cell(&decoded, "source_object", 0), Some(format!("{url}!{log}")));
        assert_eq!(cell(&decoded, "account_id", 0).as_deref(), Some("222222222222"));
        assert_eq!(cell(&decoded, "account_id", 1).as_deref(), Some("111122223333"), "the bundle's own key");
        assert_eq!(cell(&decoded, "source_record", 2).as_deref(), Some("1"));
        let rejects: Vec<_> = decoded.rejects.iter().map(|r| (r.object.as_str(), r.reason.as_str())).collect();
        assert_eq!(rejects[0].0, format!("{url}!{log}"));
        assert_eq!(
            rejects[1],
            (format!("{url}!inner.zip").as_str(), "zip or tar inside another one; unpack the outer one")
        );
        let others: Vec<_> = decoded.others.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
        assert_eq!(others, [("CloudTrail-Digest", 1), ("other files", 1)]);
        assert_eq!((decoded.objects.len(), decoded.objects[0].rows.len(), decoded.objects[0].rejects), (1, 3, 2));
    }
}

#[test]
fn exceeding_a_limit_is_a_reject_and_does_not_affect_other_records() {
    let two = format!("{}\n{}", record(1), record(2));
    let limits = |change: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    };
    let limited = |text: &str, limits| decode(vec![(object(), Bytes::from(text.to_owned()))], limits);

    let long = record(1).replace("ListBuckets", &"x".repeat(300));
    let decoded = limited(&format!("{long}\n{}", record(2)), limits(&|l| l.record_bytes_max = 200));
    assert_eq!(ids(&decoded), ["2"]);
    assert!(decoded.rejects[0].reason.ends_with("exceeds the limit of 200 bytes"), "{:?}", decoded.rejects);

    let decoded = limited(&two, limits(&|l| l.object_bytes_max = record(1).len() + 10));
    assert_eq!(
        (ids(&decoded), decoded.rejects.len()),
        (vec!["1".to_owned()], 2),
        "the limit, and the truncated record"
    );

    let mut nested = record(1);
    for _ in 0..6 {
        nested = format!(r#"{{"_source":{nested}}}"#);
    }
    let decoded = read(&format!("{nested}\n{}", record(2)));
    assert_eq!(ids(&decoded), ["2"]);
    assert_eq!(reasons(&decoded), ["nested envelopes deeper than 5"]);

    let files: &[(&str, &[u8])] = &[("1.json", two.as_bytes()), ("2.json", two.as_bytes())];
    for bytes in [bundle::tests::tar_of(files), bundle::tests::zip_of(files)] {
        let decoded = decode(vec![(object(), bytes.clone().into())], limits(&|l| l.members_max = 1));
        assert_eq!(reasons(&decoded), ["more than 1 file in this zip or tar; the rest was not read"]);
        assert_eq!(decoded.batch.num_rows(), 2);
        let decoded = decode(vec![(object(), bytes.into())], limits(&|l| l.object_bytes_max = two.len()));
        let reason = "the files of this zip or tar exceed its size limit; unpack it and ingest the folder";
        assert_eq!(reasons(&decoded), [reason]);
        assert_eq!(decoded.batch.num_rows(), 2);
    }
}

#[test]
fn rejects_beyond_the_limit_are_counted_but_not_listed() {
    let decoded = read(&format!("[{}{}]", "1,".repeat(10_500), record(1)));
    assert_eq!((ids(&decoded), decoded.objects[0].rejects), (vec!["1".to_owned()], 10_500));
    assert_eq!(decoded.rejects.len(), 10_001);
    assert_eq!(decoded.rejects[10_000].reason, "500 more rejects of this object, not listed");
    let decoded = read(&format!("[{}{}]", "1,".repeat(10_001), record(1)));
    assert_eq!(decoded.rejects[10_000].reason, "1 more reject of this object, not listed");
}

#[test]
fn a_record_with_very_many_members_is_read_quickly() {
    let members: String = (0..300_000).map(|n| format!(r#","a{n}":1"#)).collect();
    let decoded = read(&format!(r#"{{"eventTime":"2024-01-01T00:00:00Z"{members}}}"#));
    assert_eq!((decoded.batch.num_rows(), decoded.rejects.len()), (1, 0));
}

#[test]
fn every_row_has_its_caller_and_each_caller_is_stored_once() {
    let caller = |n: usize| format!(r#"{{"type":"IAMUser","arn":"arn:aws:iam::1:user/{n}","accountId":"{n}"}}"#);
    let record = |n: usize| {
        let identity = caller(n);
        format!(r#"{{"eventTime":"2024-01-01T00:00:00Z","eventID":"{n}","userIdentity":{identity}}}"#)
    };
    // An identity that is a prefix of another one, and one that is not an object.
    let odd = [
        r#"{"eventTime":"2024-01-01T00:00:00Z","userIdentity":"root"}"#.to_owned(),
        r#"{"eventTime":"2024-01-01T00:00:00Z","userIdentity":"rootless"}"#.to_owned(),
        r#"{"eventTime":"2024-01-01T00:00:00Z"}"#.to_owned(),
    ];
    let records: Vec<_> = (0..60).chain(0..60).chain([7, 7, 59]).map(record).chain(odd).collect();
    let decoded = read(&format!("{{\"Records\":[{}]}}", records.join(",")));
    let rows = decoded.batch.num_rows();
    assert_eq!((rows, decoded.rejects.len()), (126, 0));
    for row in 0..123 {
        let n = cell(&decoded, "event_id", row).unwrap();
        assert_eq!(cell(&decoded, "actor", row), Some(format!("arn:aws:iam::1:user/{n}")));
        assert_eq!(cell(&decoded, "account_id", row), Some(n.clone()));
        assert_eq!(cell(&decoded, "user_identity", row), Some(caller(n.parse().unwrap())));
    }
    assert_eq!(cell(&decoded, "user_identity", 123).as_deref(), Some(r#""root""#));
    assert_eq!(cell(&decoded, "user_identity", 124).as_deref(), Some(r#""rootless""#));
    assert_eq!((cell(&decoded, "user_identity", 125), cell(&decoded, "actor", 125)), (None, None));
    let actors = decoded.batch.column_by_name("actor").unwrap().as_dictionary::<UInt32Type>();
    assert_eq!(actors.values().len(), 1 + 60 + 2, "no caller, the users, the odd ones");
}

#[test]
fn the_first_of_repeated_identities_counts_whether_known_or_not() {
    let record = |first: &str, second: &str| {
        format!(
            r#"{{"eventTime":"2024-01-01T00:00:00Z","userIdentity":{{"type":"IAMUser","arn":"{first}"}},"userIdentity":{{"type":"IAMUser","arn":"{second}"}}}}"#
        )
    };
    let decoded = read(&format!("[{},{},{}]", record("a", "b"), record("c", "a"), record("a", "c")));
    let actors: Vec<_> = (0..3).map(|row| cell(&decoded, "actor", row).unwrap()).collect();
    assert_eq!(actors, ["a", "c", "a"]);
    assert!(cell(&decoded, "extra", 1).unwrap().contains(r#""arn":"a""#));
}

#[test]
fn escapes_in_one_record_do_not_affect_others() {
    let record = |text: &str| format!(r#"{{"eventTime":"2024-01-01T00:00:00Z","userAgent":"{text}"}}"#);
    let decoded = read(&format!("[{},{},{}]", record("plain"), record("a\\tb \\ud800"), record("plain")));
    let agents: Vec<_> = (0..3).map(|row| cell(&decoded, "user_agent", row).unwrap()).collect();
    assert_eq!(agents, ["plain", "a\tb \u{fffd}", "plain"]);
}
