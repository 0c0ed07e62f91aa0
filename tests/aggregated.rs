//! Aggregated events, CloudTrail's five-minute summaries of data events: they are read, kept as a kind of their own, and
//! used by detectors where single data events are not logged. The records have the form that AWS documents in "CloudTrail
//! record contents for aggregated events".

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;

use crate::common::{arg, gzip, number, query, succeeds, trailhunt, write};
use serde_json::{Value, json};
use trailhunt::detect::{Hunt, Library, rows};
use trailhunt::engine::Parameters;
use trailhunt::workbench::fixture;

const ROLE: &str = "arn:aws:iam::111122223333:role/support";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/support/i-0123456789abcdef0";

/// A dimension of a summary with its counts.
type Dimension<'a> = (&'a str, Vec<(&'a str, u64)>);

fn dimension((name, counts): &Dimension) -> Value {
    let statistics: Vec<_> = counts.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    json!({"dimension": name, "statistics": statistics, "aggregationType": "Count"})
}

/// A summary of calls to S3; `start` is the start of its five minutes.
fn summary(start: &str, primary: Dimension, details: &[Dimension]) -> Value {
    let begin: chrono::DateTime<chrono::Utc> = start.parse().unwrap();
    let end = (begin + chrono::Duration::minutes(5)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let details: Vec<_> = details.iter().map(dimension).collect();
    json!({
        "eventVersion": "1.0", "accountId": "111122223333", "eventId": uuid(&format!("{start}{primary:?}{details:?}")),
        "eventCategory": "Aggregated", "eventType": "AwsAggregatedEvent", "awsRegion": "us-west-2",
        "eventSource": "s3.amazonaws.com",
        "timeWindow": {"windowStart": start, "windowEnd": end, "windowSize": "PT5M"},
        "summary": {"primaryDimension": dimension(&primary), "details": details}
    })
}

/// A GUID that depends on the text.
fn uuid(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    uuid::Uuid::from_slice(&hash[..16]).unwrap().to_string()
}

/// The summaries of `reads` reads of bucket-1 by one session, in each of AWS's templates. Three calls failed, and as many
/// list the bucket.
fn templates(start: &str, reads: u64) -> Vec<Value> {
    let (bucket, calls) = ("arn:aws:s3:::bucket-1", reads + 6);
    let apis = vec![("GetObject", reads + 3), ("ListObjects", 3)];
    let rest = || [("sourceIPAddress", vec![("198.51.100.7", calls)]), ("errorCode", vec![("AccessDenied", 3)])];
    let with = |more: [Dimension<'static>; 2], first: Vec<Dimension<'static>>| [first, more.to_vec()].concat();
    vec![
        summary(
            start,
            ("eventName", vec![("GetObject", reads + 3)]),
            &[
                ("resourceARN", vec![(bucket, reads + 3)]),
                ("userIdentity", vec![(SESSION, reads + 3)]),
                rest()[1].clone(),
            ],
        ),
        summary(
            start,
            ("resourceARN", vec![(bucket, calls)]),
            &with(rest(), vec![("eventName", apis.clone()), ("userIdentity", vec![(SESSION, calls)])]),
        ),
        summary(
            start,
            ("userIdentity", vec![(SESSION, calls)]),
            &with(rest(), vec![("eventName", apis), ("resourceARN", vec![(bucket, calls)])]),
        ),
    ]
}

/// A single data event: the session reads an object of bucket-1.
fn read(time: &str, n: u64) -> Value {
    json!({
        "eventVersion": "1.09", "eventTime": time, "eventID": uuid(&format!("{time}{n}")), "eventCategory": "Data",
        "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "awsRegion": "us-west-2", "readOnly": true,
        "managementEvent": false, "eventType": "AwsApiCall", "recipientAccountId": "111122223333",
        "sourceIPAddress": "198.51.100.7", "userAgent": "Boto3/1.34",
        "requestParameters": {"bucketName": "bucket-1", "key": format!("{n}")},
        "userIdentity": {"type": "AssumedRole", "arn": SESSION, "accountId": "111122223333",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE}}}
    })
}

fn key(kind: &str, id: u32) -> String {
    format!(
        "AWSLogs/111122223333/{kind}/us-west-2/2025/11/17/111122223333_{kind}_us-west-2_20251117T1925Z_{id:016}.json.gz"
    )
}

fn ingest(dir: &Path, objects: &[(String, Value)]) -> std::path::PathBuf {
    for (key, content) in objects {
        write(&dir.join("archive").join(key), &gzip(content.to_string().as_bytes()));
    }
    let lake = dir.join("lake");
    let ran = trailhunt(&["ingest", arg(&dir.join("archive")), "--lake", arg(&lake)]);
    assert!(ran.code == 0 || ran.out.contains("reject"), "{}{}", ran.out, ran.err);
    lake
}

#[test]
fn summaries_in_their_folder_and_among_calls_are_kept_as_their_own_kind() {
    let dir = tempfile::tempdir().unwrap();
    let start = "2025-11-17T19:20:00Z";
    let mixed = [templates("2025-11-17T19:25:00Z", 50), vec![read(start, 1)]].concat();
    let lake = ingest(
        dir.path(),
        &[
            (key("CloudTrail-Aggregated", 1), json!(templates(start, 800))),
            // Delivered again, by another trail.
            (key("CloudTrail-Aggregated", 2), json!({ "Records": templates(start, 800) })),
            (key("CloudTrail", 3), json!({ "Records": mixed })),
        ],
    );
    let totals = query(
        &lake,
        "SELECT count(*) AS objects, sum(records) AS records, sum(kept) AS kept, sum(duplicates) AS duplicates, \
         sum(id_conflicts + rejects) AS others FROM objects",
    );
    assert_eq!(totals, [json!({"objects": 3, "records": 10, "kept": 7, "duplicates": 3, "others": 0})]);
    for (table, expected) in [
        ("events", 7),
        ("aggregated_records", 6),
        ("unique_events", 1),
        ("calls", 1),
        ("identified_calls", 1),
        ("daily_activity", 1),
        ("daily_account", 1),
        ("hourly_api_use", 1),
    ] {
        assert_eq!(number(&lake, &format!("SELECT count(*) FROM {table}")), expected, "{table}");
    }
    assert_eq!(number(&lake, "SELECT sum(calls) FROM daily_account"), 1);
    let rows = query(
        &lake,
        "SELECT account_id, aws_region, event_source, template, is_primary, dimension, name, calls, event_time, \
         window_end FROM aggregated_events WHERE template = 'RESOURCE_ACCESS' AND event_time < '2025-11-17T19:25:00Z' \
         ORDER BY is_primary DESC, dimension, name",
    );
    let entries: Vec<_> =
        rows.iter().map(|row| (row["dimension"].as_str(), row["name"].as_str(), &row["calls"])).collect();
    assert_eq!(
        entries,
        [
            (Some("resourceARN"), Some("arn:aws:s3:::bucket-1"), &json!(806)),
            (Some("errorCode"), Some("AccessDenied"), &json!(3)),
            (Some("eventName"), Some("GetObject"), &json!(803)),
            (Some("eventName"), Some("ListObjects"), &json!(3)),
            (Some("sourceIPAddress"), Some("198.51.100.7"), &json!(806)),
            (Some("userIdentity"), Some(SESSION), &json!(806)),
        ]
    );
    let first = &rows[0];
    assert_eq!((&first["account_id"], &first["aws_region"]), (&json!("111122223333"), &json!("us-west-2")));
    assert_eq!(first["event_time"], json!("2025-11-17T19:20:00Z"));
    assert_eq!(first["window_end"], json!("2025-11-17T19:25:00Z"));
    let status = succeeds(&["lake", "status", "--lake", arg(&lake)]).out;
    assert!(status.contains("of these  6 aggregated events, which are no calls; 0 summaries"), "{status}");
    let answer = succeeds(&["query", "aggregated_activity", "--lake", arg(&lake), "--format", "json"]).out;
    let answer: Vec<Value> = serde_json::from_str(&answer).unwrap();
    let of_bucket = |row: &&Value| row["template"] == "RESOURCE_ACCESS" && row["dimension"] == "resourceARN";
    assert_eq!(answer.iter().find(of_bucket).unwrap()["calls"], json!(806 + 56));
}

#[test]
fn a_malformed_summary_is_kept_and_counted_and_one_without_a_time_is_a_reject() {
    let dir = tempfile::tempdir().unwrap();
    let good = summary("2025-11-17T19:20:00Z", ("eventName", vec![("PutObject", 5)]), &[]);
    let with = |id: &str, changes: Value| {
        let mut record = good.clone();
        record["eventId"] = json!(uuid(id));
        for (member, value) in changes.as_object().unwrap() {
            record[member] = value.clone();
        }
        record
    };
    let odd_count = json!({"primaryDimension": {"dimension": "eventName", "statistics": [{"name": "A", "value": "7"},
        {"name": "B", "value": {}}, 4]}, "details": "none"});
    let records = [
        good.clone(),
        with("text", json!({"summary": "lost"})),
        with("null", json!({"summary": null})),
        with("list", json!({"summary": {"primaryDimension": []}})),
        with("count", json!({ "summary": odd_count })),
        with("type", json!({"eventCategory": null})),
        with("no window", json!({"timeWindow": null})),
        with("bad window", json!({"timeWindow": {"windowStart": "soon"}})),
    ];
    let lake = ingest(dir.path(), &[(key("CloudTrail-Aggregated", 1), json!(records))]);
    let totals = query(&lake, "SELECT records, kept, rejects FROM objects");
    assert_eq!(totals, [json!({"records": 8, "kept": 6, "rejects": 2})]);
    let reasons = query(&lake, "SELECT reason FROM rejects ORDER BY reason");
    let expected = ["aggregated event without `timeWindow.windowStart`", "unknown format of the event time: \"soon\""];
    assert_eq!(reasons.iter().map(|row| row["reason"].as_str().unwrap()).collect::<Vec<_>>(), expected);
    assert_eq!(number(&lake, "SELECT count(*) FROM aggregated_records WHERE NOT is_readable"), 3);
    assert_eq!(number(&lake, "SELECT count(DISTINCT event_id) FROM aggregated_events"), 6, "each record has a row");
    assert_eq!(number(&lake, "SELECT count(*) FROM aggregated_events WHERE dimension IS NULL"), 3);
    assert_eq!(number(&lake, "SELECT sum(calls) FROM aggregated_events"), 5 + 7 + 5, "a count as text is read");
    assert_eq!(number(&lake, "SELECT count(*) FROM events WHERE extra LIKE '%\"summary\":\"lost\"%'"), 1);
    assert_eq!(number(&lake, "SELECT count(*) FROM calls"), 0);
    let status = trailhunt(&["lake", "status", "--lake", arg(&lake)]).out;
    assert!(
        status.contains("6 aggregated events, which are no calls; 3 summaries of an undocumented form"),
        "{status}"
    );
}

fn hunt(records: &[Value], id: &str) -> Hunt {
    let library = Library::load(&[]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let hunt = runtime.block_on(fixture::hunt(records, &[library.get(id).unwrap()])).unwrap();
    assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
    hunt
}

fn ask(records: &[Value], sql: &str) -> Vec<Value> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (session, _) = fixture::session(records).await.unwrap();
        let batches = session.query("test", sql, &Parameters::new()).await.unwrap().collect().await.unwrap();
        rows(&batches).unwrap().into_iter().map(Value::Object).collect()
    })
}

/// Eleven days on which the session reads 20 objects, and a last one on which it reads `reads`.
fn days_of_summaries(reads: u64) -> Vec<Value> {
    let day = |day: u64| templates(&format!("2025-11-{day:02}T10:00:00Z"), if day < 12 { 20 } else { reads });
    (1..=12).flat_map(day).collect()
}

#[test]
fn reads_that_only_summaries_state_are_found() {
    let found = hunt(&days_of_summaries(5000), "bucket_reads").findings;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].entity, ROLE);
    assert!(found[0].summary.contains("read 5000 objects (0.0 MB) from bucket bucket-1"), "{}", found[0].summary);
    assert!(found[0].summary.contains("at least so many, from aggregated events"), "{}", found[0].summary);
    assert_eq!(found[0].evidence.events.len(), 3, "the records of the day");
    assert!(found[0].evidence.events.iter().all(|event| event.source_object.is_some()), "the evidence is in the lake");
    assert!(hunt(&days_of_summaries(25), "bucket_reads").findings.is_empty());
}

#[test]
fn calls_that_only_summaries_state_are_found() {
    let records = |reads: u64| -> Vec<Value> {
        let hour = |hour: u64| {
            templates(
                &format!("2025-11-{:02}T{:02}:00:00Z", 1 + hour / 4, 8 + hour % 4),
                if hour < 40 { 20 } else { reads },
            )
        };
        (0..=40).flat_map(hour).collect()
    };
    let found = hunt(&records(9000), "call_rate").findings;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].summary.starts_with(&format!("{ROLE} made 9003 calls in an hour")), "{}", found[0].summary);
    assert!(found[0].summary.ends_with("at least so many, from aggregated events"), "{}", found[0].summary);
    assert!(hunt(&records(30), "call_rate").findings.is_empty());
}

#[test]
fn calls_in_events_and_in_summaries_are_counted_once() {
    let start = "2025-11-17T19:20:00Z";
    let reads = "SELECT actor, bucket, reads, is_summarised FROM daily_bucket_reads ORDER BY actor";
    let hours = "SELECT count(*) AS hours FROM hourly_aggregated_calls";
    let row = |reads: u64, is_summarised: bool| {
        vec![json!({"actor": ROLE, "bucket": "bucket-1", "reads": reads, "is_summarised": is_summarised})]
    };
    let events: Vec<Value> = (0..40).map(|n| read(&format!("2025-11-17T19:2{}:{:02}Z", n % 5, n), n)).collect();
    // Three templates, and the same from a second trail, whose records have ids of their own.
    let of_another_trail = |record: &Value| {
        let mut record = record.clone();
        record["eventId"] = json!(uuid(&record.to_string()));
        record
    };
    let once = templates(start, 40);
    let twice: Vec<Value> = once.iter().cloned().chain(once.iter().map(of_another_trail)).collect();
    assert_eq!(ask(&twice, "SELECT count(*) AS n FROM aggregated_records"), [json!({"n": 6})]);
    assert_eq!(ask(&twice, reads), row(40, true));
    assert_eq!(ask(&twice, "SELECT calls FROM hourly_aggregated_calls"), [json!({"calls": 43})]);
    let both = [&twice[..], &events].concat();
    assert_eq!(ask(&both, reads), row(40, false));
    assert_eq!(ask(&[&once[..1], &events].concat(), hours), [json!({"hours": 0})]);
    // Fewer events than calls: not all of them are logged one by one.
    assert_eq!(ask(&[&twice[..], &events[..10]].concat(), reads), row(40, true));
    // A second window adds to the first.
    let next = [&templates("2025-11-17T19:25:00Z", 7)[..], &once].concat();
    assert_eq!(ask(&next, reads), row(47, true));
}

#[test]
fn what_a_summary_does_not_tell_is_not_guessed() {
    let (anna, ben) = ("arn:aws:iam::111122223333:user/anna", "arn:aws:iam::111122223333:user/ben");
    let api = |people: Vec<(&'static str, u64)>, buckets: Vec<(&'static str, u64)>| {
        let total = people.iter().map(|(_, n)| n).sum();
        summary(
            "2025-11-17T19:20:00Z",
            ("eventName", vec![("GetObject", total)]),
            &[("userIdentity", people), ("resourceARN", buckets)],
        )
    };
    let sql = "SELECT actor, bucket, reads FROM aggregated_reads ORDER BY actor, bucket";
    // Who read which of the two buckets is unknown.
    let even = api(vec![(anna, 50), (ben, 50)], vec![("arn:aws:s3:::b-1", 50), ("arn:aws:s3:::b-2", 50)]);
    assert!(ask(&[even], sql).is_empty());
    // Anna made 90 of 100 calls, so at least 70 of the 80 reads of b-1 are hers.
    let most = api(vec![(anna, 90), (ben, 10)], vec![("arn:aws:s3:::b-1", 80), ("arn:aws:s3:::b-2", 20)]);
    let expected =
        [json!({"actor": anna, "bucket": "b-1", "reads": 70}), json!({"actor": anna, "bucket": "b-2", "reads": 10})];
    assert_eq!(ask(&[most], sql), expected);
    // Services are left out, as in calls. A person's session is the person.
    let person = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0a1b/maria";
    let mixed = api(vec![("athena.amazonaws.com", 50), (person, 60)], vec![("arn:aws:s3:::b-1", 110)]);
    assert_eq!(ask(&[mixed], sql), [json!({"actor": person, "bucket": "b-1", "reads": 60})]);
}
