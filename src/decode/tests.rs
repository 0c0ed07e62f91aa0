use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

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

fn cell(decoded: &Decoded, column: &str, row: usize) -> Option<String> {
    let array = decoded.batch.column_by_name(column).unwrap();
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

/// A record with every documented member, and one nobody documented.
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
fn the_identity_is_taken_apart() {
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
fn another_type_than_documented_costs_the_column_and_not_the_record() {
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
fn a_repeated_member_hides_nothing() {
    let decoded = read(r#"{"eventTime":"2024-01-01T00:00:00Z","eventName":"A","eventName":"B","eventName":"C"}"#);
    assert_eq!(cell(&decoded, "event_name", 0).as_deref(), Some("A"));
    assert_eq!(cell(&decoded, "extra", 0).as_deref(), Some(r#"{"eventName":["B","C"]}"#));
}

#[test]
fn bad_records_are_rejected_with_place_and_reason_and_the_rest_kept() {
    let text = r#"{"Records":[{"eventTime":"2024-01-01T00:00:00Z","eventID":"1"},{"eventTime":"soon"},{"eventID":"2"},
        {"eventTime":"2024-01-01T00:00:00Z","a":nul},{"eventTime":"2024-01-01T00:00:01Z","eventID":"3"}]}"#;
    let decoded = read(text);
    assert_eq!(decoded.batch.num_rows(), 2);
    let reasons: Vec<_> = decoded.rejects.iter().map(|r| (r.offset as usize, r.reason.as_str())).collect();
    assert_eq!(reasons.len(), 3);
    assert_eq!(
        reasons[0],
        (text.find(r#"{"eventTime":"soon"#).unwrap(), "eventTime \"soon\" is no time between 2006 and 2099")
    );
    assert_eq!(reasons[1].1, "no eventTime: not a CloudTrail record");
    assert!(reasons[2].1.starts_with("no sound JSON"));
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
fn bytes_that_are_no_utf8_cost_a_character() {
    let bytes = b"[{\"eventTime\":\"2024-01-01T00:00:00Z\",\"userAgent\":\"a\xffb\"}]";
    let decoded = decode(vec![(object(), Bytes::from_static(bytes))], Limits::default());
    assert_eq!(decoded.rejects.len(), 0);
    assert_eq!(cell(&decoded, "user_agent", 0).as_deref(), Some("a\u{fffd}b"));
}

#[test]
fn rows_of_several_objects_are_told_apart() {
    let one = r#"{"eventTime":"2024-01-01T00:00:00Z"}"#;
    let objects = vec![(object(), one.into()), (object(), Bytes::from("junk")), (object(), [one, one].concat().into())];
    let decoded = decode(objects, Limits::default());
    let rows: Vec<_> = decoded.objects.iter().map(|o| (o.rows.clone(), o.rejects)).collect();
    assert_eq!(rows, [(0..1, 0), (1..1, 1), (1..3, 0)]);
}
