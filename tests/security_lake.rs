//! Amazon Security Lake as a source: OCSF events, as Parquet or JSON, decode to the same columns as CloudTrail's
//! records.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use std::collections::BTreeMap;

use crate::common::security_lake::{RECORD, VERSION_1, VERSION_2, parquet_of};
use crate::common::{arg, query, trailhunt};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use serde_json::{Value, json};
use trailhunt::decode::{Decoded, Limits, decode};
use trailhunt::source::{LogKey, LogObject};

const KEY: &str = "aws/S3_DATA/2.0/region=eu-west-1/accountId=111122223333/eventDay=20240507/x.gz.parquet";

fn read(bytes: impl Into<Bytes>) -> Decoded {
    let object = LogObject {
        path: KEY.into(),
        url: format!("s3://lake/{KEY}"),
        size_bytes: 0,
        last_modified: Default::default(),
        version: "1".into(),
        key: LogKey::parse(KEY),
    };
    decode(vec![(object, bytes.into())], Limits::default())
}

/// A row's cells that are not null. JSON text is parsed, so that its formatting does not matter.
fn row(decoded: &Decoded, at: usize) -> BTreeMap<String, Value> {
    let schema = decoded.batch.schema();
    let cell = |(field, column): (&std::sync::Arc<arrow::datatypes::Field>, &arrow::array::ArrayRef)| {
        let text = ArrayFormatter::try_new(column, &FormatOptions::default()).unwrap().value(at).to_string();
        let is_object = text.starts_with(['{', '[']);
        let value = if is_object { serde_json::from_str(&text).unwrap() } else { Value::from(text) };
        let is_valid = column.logical_nulls().is_none_or(|nulls| nulls.is_valid(at));
        is_valid.then(|| (field.name().clone(), value))
    };
    schema.fields().iter().zip(decoded.batch.columns()).filter_map(cell).collect()
}

fn reasons(decoded: &Decoded) -> Vec<&str> {
    decoded.rejects.iter().map(|reject| reject.reason.as_str()).collect()
}

fn codecs() -> [Compression; 4] {
    let (gzip, zstd) = (GzipLevel::default(), ZstdLevel::default());
    [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(gzip), Compression::ZSTD(zstd)]
}

#[test]
fn an_event_of_either_version_has_the_columns_of_its_record() {
    let expected = row(&read(RECORD), 0);
    for event in [VERSION_1, VERSION_2] {
        let mut forms = vec![("JSON", event.as_bytes().to_vec())];
        forms.extend(codecs().map(|codec| ("Parquet", parquet_of(event, codec))));
        for (form, bytes) in forms {
            let decoded = read(bytes);
            assert_eq!((decoded.batch.num_rows(), reasons(&decoded)), (1, vec![]), "{form}");
            assert_eq!(decoded.objects[0].retyped_members, 0);
            let mut cells = row(&decoded, 0);
            let rest = cells.remove("extra").unwrap();
            assert_eq!(cells, expected, "{form}");
            assert_eq!(rest["ocsf"]["cloud"]["provider"], "AWS");
            assert_eq!(rest["ocsf"]["status"], "Failure");
            assert!(rest["ocsf"].get("api").is_none() && rest["ocsf"].get("unmapped").is_none(), "{rest}");
        }
    }
}

/// The cells of an event of version 2 with some members changed.
fn changed(change: impl Fn(&mut Value)) -> BTreeMap<String, Value> {
    let mut event: Value = serde_json::from_str(VERSION_2).unwrap();
    change(&mut event);
    let decoded = read(event.to_string());
    assert_eq!((decoded.batch.num_rows(), reasons(&decoded)), (1, vec![]));
    row(&decoded, 0)
}

#[test]
fn contradicting_members_are_both_kept() {
    let cells = changed(|event| {
        event["unmapped"]["eventName"] = json!("GetObject");
        event["unmapped"]["requestParameters"] = json!({"bucketName": "other", "key": "k"});
        event["unmapped"]["ownMember"] = json!({"deep": 1});
        event["cloud"]["account"] = json!({"uid": "999999999999"});
    });
    assert_eq!(cells["event_name"], "PutObject");
    assert_eq!(cells["request_parameters"], json!({"bucketName": "b", "key": "k", "x-amz-acl": "private"}));
    assert_eq!(cells["account_id"], "111122223333");
    assert_eq!(cells["extra"]["ownMember"], json!({"deep": 1}));
    let unmapped = json!({"eventName": "GetObject", "requestParameters": {"bucketName": "other"}});
    assert_eq!(cells["extra"]["ocsf"]["unmapped"], unmapped);
    assert_eq!(cells["extra"]["ocsf"]["cloud"]["account"]["uid"], "999999999999");
}

#[test]
fn a_list_of_all_categories_is_not_a_category() {
    let cells =
        changed(|event| event["metadata"]["product"]["feature"]["name"] = json!("Management, Data, and Insights"));
    assert!(!cells.contains_key("event_category"));
    assert_eq!(cells["extra"]["ocsf"]["metadata"]["product"]["feature"]["name"], "Management, Data, and Insights");
}

#[test]
fn a_console_sign_in_has_its_outcome_and_mfa() {
    let cells = changed(|event| {
        event["api"]["operation"] = json!("ConsoleLogin");
        event["api"]["response"] = json!({});
        (event["is_mfa"], event["dst_endpoint"]) = (json!(false), json!({"svc_name": "https://console"}));
    });
    assert_eq!(cells["response_elements"], json!({"ConsoleLogin": "Failure"}));
    let additional = json!({"LoginTo": "https://console", "MFAUsed": "No", "SignatureVersion": "SigV4"});
    assert_eq!(cells["additional_event_data"], additional);
}

#[test]
fn a_web_identity_user_keeps_its_identity_provider() {
    let cells = changed(|event| event["actor"]["user"]["type"] = json!("WebIdentityUser"));
    assert_eq!(cells["user_identity"]["identityProvider"], "arn:aws:iam::111122223333:oidc-provider/ci");
    assert!(!cells.contains_key("federated_provider"));
}

#[test]
fn the_original_record_in_raw_data_takes_precedence() {
    let whole = RECORD.replace('\n', "");
    let mut event: Value = serde_json::from_str(VERSION_2).unwrap();
    event["raw_data"] = json!(whole);
    let decoded = read(parquet_of(&event.to_string(), Compression::SNAPPY));
    assert_eq!((row(&decoded, 0), reasons(&decoded)), (row(&read(RECORD), 0), vec![]));
}

#[test]
fn invalid_rows_and_lines_do_not_affect_others() {
    let bad = VERSION_2.replace("1715076000000", "17").replace(r#""time_dt":"2024-05-07T12:00:00.000+02:00","#, "");
    let lines = [VERSION_2, &bad, VERSION_2].join("\n");
    let decoded = read(parquet_of(&lines, Compression::SNAPPY));
    assert_eq!(reasons(&decoded), ["not a CloudTrail record: no eventTime"]);
    assert_eq!((decoded.batch.num_rows(), decoded.rejects[0].offset), (2, 1));
    let decoded = read(lines.clone());
    assert_eq!((decoded.batch.num_rows(), decoded.rejects.len()), (2, 1));
    assert_eq!(decoded.rejects[0].offset as usize, VERSION_2.len() + 1);
}

#[test]
fn a_parquet_object_of_another_table_is_one_reject() {
    let flow = r#"{"class_uid":4001,"metadata":{"product":{"name":"Amazon VPC"}},"traffic":{"bytes":1}}"#;
    let audit = r#"{"class_uid":6003,"metadata":{"product":{"name":"Amazon EKS"}},"api":{"operation":"create"}}"#;
    for (lines, expected) in [
        (flow.to_owned(), "Parquet without OCSF events of CloudTrail: no column api"),
        (r#"{"a":1}"#.to_owned(), "Parquet without OCSF events of CloudTrail: no column class_uid"),
        (r#"{"event_time":"2024-01-01","event_id":"1"}"#.to_owned(), "no column class_uid"),
        ([audit; 3].join("\n"), "OCSF events of Amazon EKS, not of CloudTrail: 3 rows"),
    ] {
        let decoded = read(parquet_of(&lines, Compression::SNAPPY));
        assert_eq!((decoded.batch.num_rows(), decoded.rejects.len()), (0, 1), "{lines}");
        assert!(decoded.rejects[0].reason.contains(expected), "{}", decoded.rejects[0].reason);
    }
    assert_eq!(reasons(&read(flow)), ["OCSF event of Amazon VPC, not of CloudTrail"]);
}

#[test]
fn a_truncated_or_damaged_object_is_a_reject_and_the_rows_before_the_damage_are_kept() {
    let event = |n: usize| VERSION_2.replace("9b6c31ba-0001-4a5b-8c6d-7e8f90a1b2c3", &format!("9b6c31ba-{n}"));
    let lines = (0..1000).map(event).collect::<Vec<_>>().join("\n");
    let whole = parquet_of(&lines, Compression::SNAPPY);
    assert_eq!(read(whole.clone()).batch.num_rows(), 1000);
    let decoded = read(whole[..whole.len() / 2].to_vec());
    assert_eq!(reasons(&decoded), ["truncated Parquet: the footer is missing"]);

    // Invalid UTF-8 in the last row group makes the whole batch around it unreadable.
    let mut broken = parquet_of(&lines, Compression::UNCOMPRESSED);
    let at = broken.windows(12).position(|bytes| bytes == b"9b6c31ba-950").unwrap();
    broken[at] = 0xff;
    let decoded = read(broken);
    assert_eq!((decoded.batch.num_rows(), decoded.rejects.len()), (768, 1), "{:?}", decoded.rejects);
    assert!(decoded.rejects[0].reason.starts_with("damaged Parquet"), "{}", decoded.rejects[0].reason);
}

#[test]
fn a_hostile_event_is_read_quickly_or_rejected() {
    let members: String = (0..100_000).map(|n| format!(r#""a{n}":"1","#)).collect();
    let deep = ["a."; 100_000].concat();
    let nested = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    for unmapped in [format!(r#"{members}"{deep}":"1""#), format!(r#""requestParameters":{nested}"#)] {
        let event = VERSION_2.replace(r#""unmapped":{"#, &format!(r#""unmapped":{{{unmapped},"#));
        let decoded = read(event);
        assert_eq!((decoded.batch.num_rows(), reasons(&decoded)), (1, vec![]));
    }
    let again = VERSION_2.replace(r#""severity_id":1"#, r#""severity_id":1,"severity_id":2"#);
    assert_eq!(reasons(&read(again)), ["OCSF event with repeated members that contradict each other"]);
}

#[test]
fn the_same_event_in_the_archive_and_in_security_lake_is_a_duplicate() {
    let dir = tempfile::tempdir().unwrap();
    let (bucket, lake) = (dir.path().join("bucket"), dir.path().join("lake"));
    let put = |key: &str, bytes: &[u8]| {
        let path = bucket.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let other = VERSION_1.replace("9b6c31ba-0001-4a5b-8c6d-7e8f90a1b2c3", "9b6c31ba-0002");
    let both = parquet_of(&format!("{VERSION_1}\n{other}"), Compression::SNAPPY);
    put("AWSLogs/111122223333/CloudTrail/eu-west-1/2024/05/07/a.json", RECORD.as_bytes());
    put(KEY, &both);
    put(&KEY.replace("S3_DATA", "VPC_FLOW"), b"never read");
    put(&KEY.replace("eventDay=20240507", "eventDay=20240508"), &both);
    let ran = trailhunt(&["ingest", arg(&bucket), "--lake", arg(&lake), "--to", "2024-05-08"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("2 kept, 1 duplicate, 0 rejects"), "{}", ran.out);
    assert!(ran.out.contains("1 VPC_FLOW"), "{}", ran.out);
    let rows = query(&lake, "SELECT event_id, actor, account_id FROM events ORDER BY event_id");
    assert_eq!(rows[0]["actor"], rows[1]["actor"]);
    assert_eq!(rows[1]["event_id"], "9b6c31ba-0002");
}
