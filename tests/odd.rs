//! Unusual formats and damage: each file gives its events or a listed reject, and never affects other files. Once with
//! self-written files, once with files found in real archives (`../shared/data/odd`) and the counts listed with them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::common::{arg, gzip, number, query, shared_data, succeeds, tar_of, trailhunt, write, zip_of};
use serde_json::{Value, json};

/// A self-written file of an archive, and what an ingest must make of it.
struct Odd {
    /// Its path below the folder of the archive.
    file: String,
    bytes: Vec<u8>,
    kept: i64,
    /// Words from the reasons of its rejects, one per reject.
    rejects: &'static [&'static str],
}

fn odd(file: &str, bytes: impl Into<Vec<u8>>, kept: i64, rejects: &'static [&'static str]) -> Odd {
    Odd { file: file.into(), bytes: bytes.into(), kept, rejects }
}

/// A record whose id is the file and a number, so that no file repeats the events of another.
fn record(file: &str, n: usize) -> Value {
    json!({
        "eventVersion": "1.09", "eventTime": format!("2024-01-01T10:00:{n:02}Z"), "eventID": format!("{file}-{n}"),
        "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets", "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7", "eventType": "AwsApiCall", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/maria", "accountId": "111122223333"}
    })
}

fn records(file: &str) -> [Value; 3] {
    [0, 1, 2].map(|n| record(file, n))
}

/// Three records as CloudTrail delivers them.
fn delivered(file: &str) -> Vec<u8> {
    json!({ "Records": records(file) }).to_string().into_bytes()
}

/// Three records, each in another format, joined by `separator`.
fn joined(file: &str, separator: &str, form: impl Fn(&Value) -> String) -> String {
    records(file).each_ref().map(form).join(separator)
}

fn forms() -> Vec<Odd> {
    let plain = |record: &Value| record.to_string();
    let quoted = |record: &Value| Value::from(record.to_string());
    let utf16: Vec<u8> = format!("\u{feff}{}", String::from_utf8(delivered("utf16")).expect("it is text"))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let ocsf_of_another_class = r#"{"class_uid":3001,"metadata":{},"unmapped":{"eventType":"AwsApiCall"}}"#;
    let csv = "Event name,Event time,User name\nListBuckets,2024-01-01T10:00:00Z,maria\n";
    let tar_gz =
        gzip(&tar_of(&[("a.json", &delivered("tar-a")), ("b.ndjson", joined("tar-b", "\n", plain).as_bytes())]));
    vec![
        odd("single_line.json", delivered("single_line"), 3, &[]),
        odd("pretty_array.json", serde_json::to_vec_pretty(&records("pretty_array")).expect("values are JSON"), 3, &[]),
        odd("lines.json", joined("lines", "\n", plain) + "\n", 3, &[]),
        odd("no_final_newline.jsonl.gz", gzip(joined("no_final_newline", "\n", plain).as_bytes()), 3, &[]),
        odd("glued_together.json", joined("glued_together", "", plain), 3, &[]),
        odd("one_record.json", record("one_record", 0).to_string(), 1, &[]),
        odd("utf16.json", utf16, 3, &[]),
        odd(
            "records_not_first.json",
            format!(r#"{{"version":1,"meta":{{"Records":[1,2]}},"Records":{}}}"#, json!(records("records_not_first"))),
            3,
            &[],
        ),
        odd(
            "eventbridge.ndjson",
            joined("eventbridge", "\n", |record| {
                json!({"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": record}).to_string()
            }),
            3,
            &[],
        ),
        odd(
            "cloudwatch_export.gz",
            gzip(joined("cloudwatch_export", "\n", |record| format!("2024-01-01T10:00:00.000Z {record}")).as_bytes()),
            3,
            &[],
        ),
        odd(
            "opensearch.json",
            json!({"took": 1, "hits": {"hits": records("opensearch").map(|record| json!({"_source": record}))}})
                .to_string(),
            3,
            &[],
        ),
        odd(
            "splunk.ndjson",
            joined("splunk", "\n", |record| json!({"preview": false, "result": {"_raw": quoted(record)}}).to_string()),
            3,
            &[],
        ),
        odd(
            "logstash.json",
            joined("logstash", "\n", |record| record.to_string().replace("\"eventTime\"", "\"@timestamp\"")),
            3,
            &[],
        ),
        odd("event_history.csv", csv, 0, &["CSV"]),
        odd("ocsf_of_another_class.json", ocsf_of_another_class, 0, &["OCSF"]),
        odd("bundle.tar.gz", tar_gz, 6, &[]),
        odd("bundle.zip", zip_of(&[("a.json", &delivered("zip-a"))]), 3, &[]),
        odd("versions.ndjson", versions(), 4, &[]),
    ]
}

/// Records of old and new versions, with the members and kinds of identity these versions have.
fn versions() -> String {
    let of = |n: usize, changes: Value| {
        let mut record = record("versions", n);
        for (member, value) in changes.as_object().expect("changes are members") {
            record[member] = value.clone();
        }
        record.to_string()
    };
    [
        of(0, json!({"eventVersion": "1.01", "userIdentity": {"type": "Root", "accountId": "111122223333"}})),
        of(
            1,
            json!({"eventVersion": "1.05", "userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}}),
        ),
        of(2, json!({"eventVersion": "1.08", "tlsDetails": {"tlsVersion": "TLSv1.3"}, "eventCategory": "Management"})),
        of(
            3,
            json!({
                "eventVersion": "1.11", "eventContext": {"requestContext": {}},
                "userIdentity": {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "u-1"}, "credentialId": "c-1"}
            }),
        ),
    ]
    .join("\n")
}

fn damage() -> Vec<Odd> {
    let truncated = {
        let lines: String = (0..60).map(|n| record("truncated", n).to_string() + "\n").collect();
        let whole = gzip(lines.as_bytes());
        whole[..whole.len() * 2 / 3].to_vec()
    };
    let mut bad_checksum = gzip(&delivered("bad_checksum"));
    let at = bad_checksum.len() - 8;
    bad_checksum[at] ^= 1;
    let twice = record("member_twice", 0).to_string().replacen('{', r#"{"eventName":"First","#, 1);
    let mut big = record("big", 0);
    big["requestParameters"] = json!({ "document": "x".repeat(1 << 20) });
    let broken_line = joined("broken_line", "\n{\"eventTime\":nul}\n", Value::to_string);
    vec![
        odd("empty_member.json.gz", gzip(b""), 0, &[]),
        odd("no_bytes.json.gz", "", 0, &[]),
        odd("plain_but_called_gz.json.gz", delivered("plain_but_called_gz"), 3, &[]),
        odd("gzip_but_called_json.json", gzip(&delivered("gzip_but_called_json")), 3, &[]),
        // As much as the cut leaves; the test compares only the reject.
        odd("truncated.json.gz", truncated, -1, &["truncated gzip"]),
        odd("bad_checksum.json.gz", bad_checksum, 3, &["damaged gzip"]),
        odd("broken_line.ndjson", broken_line, 3, &["JSON", "JSON"]),
        odd("member_twice.json", twice, 1, &[]),
        odd("big_record.json.gz", gzip(big.to_string().as_bytes()), 1, &[]),
    ]
}

fn layouts() -> Vec<Odd> {
    const INSIGHT: &str = r#"{"Records":[{"eventVersion":"1.07","eventTime":"2024-01-01T10:00:00Z","awsRegion":"us-east-1",
        "eventID":"insight-1","eventType":"AwsCloudTrailInsight","recipientAccountId":"111122223333",
        "insightDetails":{"state":"Start","eventSource":"s3.amazonaws.com","eventName":"ListBuckets"}}]}"#;
    vec![
        odd(
            "layouts/AWSLogs/o-abcd123456/111122223333/CloudTrail/us-east-1/2024/01/01/111122223333_CloudTrail_us-east-1_20240101T1005Z_a.json.gz",
            gzip(&delivered("organisation")),
            3,
            &[],
        ),
        odd(
            "prefixed/audit/prod/AWSLogs/111122223333/CloudTrail/us-east-1/2024/01/01/111122223333_CloudTrail_us-east-1_20240101T1005Z_b.json.gz",
            gzip(&delivered("prefix")),
            3,
            &[],
        ),
        odd(
            "layouts/AWSLogs/111122223333/CloudTrail-Insight/us-east-1/2024/01/01/111122223333_CloudTrail-Insight_us-east-1_20240101T1005Z_c.json.gz",
            gzip(INSIGHT.as_bytes()),
            1,
            &[],
        ),
    ]
}

/// Files of an archive that are not event logs; an ingest counts them and reads none.
const NOT_LOGS: &[(&str, &str)] = &[
    (
        "layouts/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2024/01/01/111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_20240101T100000Z.json.gz",
        "1 CloudTrail-Digest",
    ),
    ("layouts/AWSLogs/111122223333/Config/us-east-1/2024/1/1/ConfigHistory/111122223333_Config_x.json.gz", "1 Config"),
    ("layouts/AWSLogs/111122223333/elasticloadbalancing/us-east-1/2024/01/01/x.log.gz", "1 elasticloadbalancing"),
    ("forms/notes.txt", "1 other files"),
];

#[test]
fn every_odd_file_written_here_gives_its_events_or_a_listed_reject() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let below = |folder: &str, file: Odd| Odd { file: format!("{folder}/{}", file.file), ..file };
    let mut files = layouts();
    files.extend(forms().into_iter().map(|file| below("forms", file)));
    files.extend(damage().into_iter().map(|file| below("damage", file)));
    for file in &files {
        write(&source.join(&file.file), &file.bytes);
    }
    for (file, _) in NOT_LOGS {
        write(&source.join(file), b"not an event log");
    }
    // In a folder with AWSLogs an ingest reads nothing else, so each kind of archive is a source of its own.
    let sources = ["forms", "damage", "layouts", "prefixed"].map(|folder| source.join(folder));
    let sources = sources.each_ref().map(|source| arg(source));
    let ran = trailhunt(&[&["ingest", "--lake", arg(&lake)], &sources[..]].concat());
    assert_eq!(ran.code, 2, "rejects make the exit code 2: {}{}", ran.out, ran.err);
    for (_, counted) in NOT_LOGS {
        assert!(ran.out.contains(counted), "{counted} is not in {}", ran.out);
    }

    let objects = query(&lake, "SELECT object, records, kept, duplicates, rejects FROM objects");
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for reject in query(&lake, "SELECT object, reason FROM rejects") {
        let text = |member: &str| reject[member].as_str().expect("a text").to_owned();
        reasons.entry(text("object")).or_default().push(text("reason"));
    }
    let mut wrong = Vec::new();
    for file in &files {
        let ends = |object: &str| object.ends_with(&format!("/in/{}", file.file));
        let object = objects.iter().find(|object| object["object"].as_str().is_some_and(ends)).expect(&file.file);
        let count = |member: &str| object[member].as_i64().expect("a number");
        let of_file = |(object, _): &(&String, &Vec<String>)| ends(object.split('!').next().unwrap_or_default());
        let reasons: Vec<&String> = reasons.iter().filter(of_file).flat_map(|(_, reasons)| reasons).collect();
        let expected = file.kept == -1 || (count("kept"), count("rejects")) == (file.kept, file.rejects.len() as i64);
        let reasons_fit = file.rejects.iter().all(|words| reasons.iter().any(|reason| reason.contains(words)));
        let accounted = count("records") == count("kept") + count("duplicates") + count("rejects");
        if !expected || !reasons_fit || !accounted || count("duplicates") != 0 {
            wrong.push(format!("{}: {object}, {reasons:?}", file.file));
        }
        if file.kept == -1 {
            assert!((1..60).contains(&count("kept")), "events before the cut are kept: {object}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let insights = "SELECT count(*) FROM events WHERE event_category = 'Insight' AND insight_details IS NOT NULL";
    assert_eq!(number(&lake, insights), 1);
    assert_eq!(
        number(&lake, "SELECT count(*) FROM events WHERE event_name = 'First'"),
        1,
        "the first of two members counts"
    );
}

#[test]
fn values_and_records_that_are_none_are_rejects_and_unusual_members_are_kept() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let with = |n: usize, member: &str, value: Value| {
        let mut record = record("weird", n);
        record[member] = value;
        record
    };
    let without = |n: usize, member: &str| {
        let mut record = record("weird", n);
        record.as_object_mut().expect("a record is an object").remove(member);
        record
    };
    // Without an id, two records that are otherwise equal are one event.
    let without_id = [with(1, "eventID", Value::Null), without(1, "eventID")];
    let unread = [
        json!(null),
        json!("text"),
        json!(42),
        json!([]),
        json!({}),
        json!({"eventVersion": "1.08"}),
        with(2, "eventTime", json!("yesterday")),
        with(3, "eventTime", json!(null)),
        with(4, "eventTime", json!("1969-12-31T00:00:00Z")),
        with(5, "eventTime", json!("9999-12-31T23:59:59Z")),
    ];
    let kept = [
        without(6, "userIdentity"),
        with(7, "userIdentity", json!("text")),
        with(8, "userIdentity", json!(null)),
        with(9, "requestParameters", json!("text")),
        with(10, "userAgent", json!(null)),
        with(11, "sourceIPAddress", json!("not an address")),
        with(12, "eventTime", json!("2024-01-01T10:00:00.123Z")),
        with(13, "eventTime", json!("2024-01-01 10:00:00")),
        with(14, "eventTime", json!("2024-01-01T12:00:00+02:00")),
        with(15, "eventTime", json!(1_704_103_200)),
        with(16, "eventName", json!("")),
        with(17, "userAgent", json!("=cmd|\" /C calc\"!A0\t\u{1b}[31mred <script>alert(1)</script>")),
        with(18, "resources", json!({"not": "a list"})),
    ];
    let all = [&without_id[..], &unread, &kept].concat();
    write(&source.join("weird.json"), json!({ "Records": all }).to_string().as_bytes());
    assert_eq!(trailhunt(&["ingest", arg(&source), "--lake", arg(&lake)]).code, 2);
    let sums = "SELECT sum(records) AS records, sum(kept) AS kept, sum(duplicates) AS duplicates, sum(rejects) AS rejects, \
                (SELECT count(*) FROM rejects) AS listed FROM objects";
    let expected = json!({"records": 25, "kept": kept.len() + 1, "duplicates": 1, "rejects": 10, "listed": 10});
    assert_eq!(query(&lake, sums)[0], expected);
}

#[test]
fn events_that_another_file_repeats_in_a_later_ingest_are_duplicates() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let lake = dir.path().join("lake");
    write(&dir.path().join("first/a.json"), &delivered("repeated"));
    let lines = joined("repeated", "\n", Value::to_string) + "\n" + &record("new", 0).to_string();
    write(&dir.path().join("second/b.ndjson.gz"), &gzip(lines.as_bytes()));
    succeeds(&["ingest", arg(&dir.path().join("first")), "--lake", arg(&lake)]);
    let ran = succeeds(&["ingest", arg(&dir.path().join("second")), "--lake", arg(&lake)]);
    assert_eq!([printed(&ran.out, "kept"), printed(&ran.out, "duplicates"), printed(&ran.out, "rejects")], [1, 3, 0]);
    assert_eq!(number(&lake, "SELECT count(*) FROM events"), 4);
}

#[test]
fn records_with_the_same_redacted_id_are_all_kept_and_repeats_are_still_duplicates() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let lake = dir.path().join("lake");
    let ids = ["***", "", "REDACTED", "00000000-0000-0000-0000-000000000000", "EXAMPLE8-9621-4d00-b913-beca2EXAMPLE"];
    let redacted = ids.iter().flat_map(|id| {
        [("CreateUser", 0), ("StopLogging", 0), ("StopLogging", 1)].map(|(name, n)| {
            let mut record = record("redacted", n);
            (record["eventID"], record["eventName"]) = (json!(id), json!(name));
            record
        })
    });
    let records: Vec<Value> = redacted.collect();
    write(&dir.path().join("first/a.json"), json!({ "Records": records }).to_string().as_bytes());
    write(&dir.path().join("second/b.json"), &serde_json::to_vec_pretty(&records).expect("values are JSON"));
    for (folder, expected) in [("first", [15, 0, 0]), ("second", [0, 15, 0])] {
        let ran = succeeds(&["ingest", arg(&dir.path().join(folder)), "--lake", arg(&lake)]);
        let counts = [printed(&ran.out, "kept"), printed(&ran.out, "duplicates"), printed(&ran.out, "rejects")];
        assert_eq!(counts, expected, "{folder}");
    }
    assert_eq!(number(&lake, "SELECT count(*) FROM events WHERE event_id = '***' AND event_name = 'StopLogging'"), 2);
}

/// A record whose id is a GUID.
fn with_guid(changes: Value) -> Value {
    let mut record = record("guid", 0);
    record["eventID"] = json!("0e1d2c3b-0000-4000-8000-000000000061");
    for (member, value) in changes.as_object().expect("changes are members") {
        record[member] = value.clone();
    }
    record
}

/// The counts of an ingest of one file of these records, as the ledger has them.
fn ingested(folder: &Path, lake: &Path, name: &str, records: &[Value]) -> Value {
    write(&folder.join(name).join("a.json"), json!({ "Records": records }).to_string().as_bytes());
    succeeds(&["ingest", arg(&folder.join(name)), "--lake", arg(lake)]);
    let counts = format!(
        "SELECT records, kept, duplicates, id_conflicts, rejects FROM objects WHERE object LIKE '%/{name}/a.json'"
    );
    query(lake, &counts)[0].clone()
}

#[test]
fn different_events_with_one_guid_are_all_kept_and_counted_as_conflicts() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let lake = dir.path().join("lake");
    let events = [
        with_guid(json!({})),
        with_guid(json!({"eventName": "StopLogging"})),
        with_guid(json!({"eventName": "StopLogging", "awsRegion": "eu-west-1"})),
        with_guid(json!({"eventTime": "2024-01-01T10:00:01Z"})),
    ];
    // What other formats leave out or write differently makes no difference, nor do milliseconds.
    let copies = [
        with_guid(json!({"awsRegion": null, "eventSource": "", "eventVersion": "1.11", "userAgent": "x"})),
        with_guid(json!({"eventTime": "2024-01-01T10:00:00.123Z", "sharedEventID": "another"})),
    ];
    let all = [&events[..], &copies].concat();
    let counts = |kept, duplicates, conflicts, rejects| {
        json!({"records": kept + duplicates + conflicts + rejects, "kept": kept, "duplicates": duplicates,
               "id_conflicts": conflicts, "rejects": rejects})
    };
    assert_eq!(ingested(dir.path(), &lake, "first", &all), counts(1, 2, 3, 0));
    let reversed: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(ingested(dir.path(), &lake, "second", &reversed), counts(0, 6, 0, 0), "all are known");
    assert_eq!(number(&lake, "SELECT count(*) FROM calls WHERE event_name = 'StopLogging'"), 2);
    let status = succeeds(&["lake", "status", "--lake", arg(&lake)]);
    assert!(status.out.contains("12 = 1 kept + 8 duplicates + 3 id conflicts + 0 rejects"), "{}", status.out);
    write(
        &dir.path().join("third/a.json"),
        with_guid(json!({"errorCode": "x", "eventName": "y"})).to_string().as_bytes(),
    );
    let ran = succeeds(&["ingest", arg(&dir.path().join("third")), "--lake", arg(&lake)]);
    assert!(ran.out.contains("conflicts 1 event kept although another event has the same id"), "{}", ran.out);
}

#[test]
fn an_addendum_is_kept_beside_its_event_and_counted_once_in_either_order() {
    let event = with_guid(json!({}));
    let late = with_guid(json!({"addendum": {"reason": "DELIVERY_DELAY"}}));
    let updated = with_guid(json!({
        "eventID": "1f2e3d4c-0000-4000-8000-000000000062", "errorCode": "AccessDenied",
        "addendum": {"reason": "UPDATED_DATA", "updatedFields": "errorCode", "originalEventID": event["eventID"]}
    }));
    for (order, records) in [[&event, &late, &updated], [&updated, &late, &event]].iter().enumerate() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let lake = dir.path().join("lake");
        for (step, record) in records.iter().enumerate() {
            write(&dir.path().join(format!("{step}/a.json")), record.to_string().as_bytes());
            let ran = succeeds(&["ingest", arg(&dir.path().join(step.to_string())), "--lake", arg(&lake)]);
            assert_eq!(printed(&ran.out, "kept"), 1, "{}", ran.out);
            let is_counted = ran.out.contains("addenda   1 addendum record to known events kept");
            assert_eq!(is_counted, step > 0, "{order}: {}", ran.out);
        }
        let all = records.map(Value::clone);
        let again = ingested(dir.path(), &lake, "again", &all);
        assert_eq!((&again["kept"], &again["duplicates"], &again["id_conflicts"]), (&json!(0), &json!(3), &json!(0)));
        let rows = query(
            &lake,
            "SELECT (SELECT count(*) FROM events) AS events,
                    (SELECT count(*) FROM events WHERE addendum LIKE '{\"repeats\":true%') AS repeats,
                    (SELECT count(*) FROM events WHERE addendum LIKE '%\"DELIVERY_DELAY\"}') AS late,
                    (SELECT count(*) FROM calls) AS calls, (SELECT sum(calls) FROM hourly_api_use) AS summed",
        );
        assert_eq!(rows[0], json!({"events": 3, "repeats": 2, "late": 1, "calls": 1, "summed": 1}), "{order}");
    }
}

/// What `EXPECT.tsv` promises for a file.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    least: i64,
    most: i64,
    /// A listed reject is correct too.
    or_reject: bool,
    /// The events are Insights events.
    insight: bool,
}

impl Expected {
    /// `60`, `0 or 1`, `22 to 28`, `1-2`, `1 insight`, `60 or error`, `error or prefix`.
    fn parse(text: &str) -> Expected {
        let numbers: Vec<i64> =
            text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
        let prefix = text.contains("prefix");
        Expected {
            least: if prefix { 0 } else { *numbers.first().expect("a count") },
            most: if prefix { i64::MAX } else { *numbers.last().expect("a count") },
            or_reject: text.contains("error"),
            insight: text.contains("insight"),
        }
    }
}

/// The list promises 60 events for the files made from the records of `plain_single_line.json`; they hold its 55, as
/// counting `eventVersion` in them shows.
const MADE_FROM: (&str, &str) = ("60", "55");

/// Kept, duplicates and rejects. Six values that are not records and four records without a valid time (`yesterday`,
/// null, 1969 and 9999) are rejects; the two records without an id are equal and count as one event.
const WEIRD: (&str, [i64; 3]) = ("damage/weird_records.json", [17, 1, 10]);

/// Files that may be one reject as a whole.
const MAY_BE_REFUSED: &[&str] = &[".csv", "utf16.json"];

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data, real archives that are not part of the project")]
fn every_odd_file_of_real_archives_gives_its_count_or_a_listed_reject() {
    let folder = shared_data("odd");
    let list = std::fs::read_to_string(folder.join("EXPECT.tsv")).expect("the list is text");
    let mut wrong = Vec::new();
    println!("{:>6} {:>7}  {:<16} {:<70} reasons", "events", "rejects", "expected", "file");
    for line in list.lines().skip(1) {
        let mut fields = line.split('\t');
        let (file, promise) = (fields.next().expect("a file"), fields.next().expect("a count"));
        let read = read(&folder, file);
        let shown = if file.len() > 70 { &file[file.len() - 70..] } else { file };
        println!("{:>6} {:>7}  {promise:<16} {shown:<70} {}", read.kept, read.rejects, read.reasons);

        if file == WEIRD.0 {
            assert_eq!([read.kept, read.duplicates, read.rejects], WEIRD.1);
            continue;
        }
        let expected = Expected::parse(&promise.replace(MADE_FROM.0, MADE_FROM.1));
        let counted = (expected.least..=expected.most).contains(&read.kept);
        let may_be_refused = expected.or_reject || MAY_BE_REFUSED.iter().any(|ending| file.ends_with(ending));
        // The file repeats events of another file, which is not in this lake.
        let is_repeat = line.contains("repeat:");
        if !(counted || is_repeat || (may_be_refused && read.rejects > 0)) {
            wrong.push(format!("{file}: {} events, {promise} promised", read.kept));
        }
        if expected.insight && !read.is_insight {
            wrong.push(format!("{file}: the event is not an Insights event"));
        }
        if (read.exit_code == 2) != (read.rejects > 0) || read.unaccounted != 0 {
            wrong.push(format!("{file}: exit code {}, {} records unaccounted for", read.exit_code, read.unaccounted));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data, real archives that are not part of the project")]
fn a_repeated_file_adds_nothing() {
    let folder = shared_data("odd");
    let dir = tempfile::tempdir().expect("a folder can be made");
    let lake = dir.path().join("lake");
    for file in ["ndjson_no_final_newline.jsonl.gz", "damage/repeated_file_b.json.gz"] {
        let ran = trailhunt(&["ingest", arg(&folder.join(file)), "--lake", arg(&lake)]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }
    let kept = number(&lake, "SELECT count(*) FROM events");
    assert_eq!(kept.to_string(), MADE_FROM.1);
    assert_eq!(number(&lake, "SELECT sum(duplicates) FROM objects"), kept);
}

#[derive(Default)]
struct Read {
    exit_code: i32,
    kept: i64,
    duplicates: i64,
    rejects: i64,
    is_insight: bool,
    unaccounted: i64,
    reasons: String,
}

/// Ingests one file in its folders, without the other files.
fn read(folder: &Path, file: &str) -> Read {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let (copy, lake) = (dir.path().join("in").join(file), dir.path().join("lake"));
    std::fs::create_dir_all(copy.parent().expect("it lies in a folder")).expect("a folder can be made");
    std::fs::copy(folder.join(file), &copy).expect("the file can be copied");
    let ran = trailhunt(&["ingest", arg(&dir.path().join("in")), "--lake", arg(&lake)]);
    assert!(ran.err.is_empty(), "{file}: {}", ran.err);
    let kept = printed(&ran.out, "kept");
    let (duplicates, rejects) = (printed(&ran.out, "duplicates"), printed(&ran.out, "rejects"));
    let mut read = Read { exit_code: ran.code, kept, duplicates, rejects, ..Read::default() };
    // A query takes ten times as long as this ingest; most files need none.
    if ran.code != 0 || kept == 1 {
        let rows = query(
            &lake,
            "SELECT
               (SELECT coalesce(bool_and(event_category = 'Insight' AND insight_details IS NOT NULL), FALSE) FROM events)
                 AS is_insight,
               (SELECT count(*) FROM rejects) AS rejects,
               (SELECT string_agg(DISTINCT reason, '; ') FROM rejects) AS reasons,
               (SELECT sum(records - kept - duplicates - rejects) FROM objects) AS unaccounted",
        );
        assert_eq!(rows[0]["rejects"], read.rejects, "{file}: every reject is listed");
        read.is_insight = rows[0]["is_insight"] == true;
        read.reasons = rows[0]["reasons"].as_str().unwrap_or_default().to_owned();
        read.unaccounted = rows[0]["unaccounted"].as_i64().unwrap_or_default();
    }
    read
}

/// A count that `ingest` prints: the number before the word.
fn printed(out: &str, word: &str) -> i64 {
    let before = out.split(&format!(" {}", word.trim_end_matches('s'))).next().expect("split gives something");
    before.rsplit(' ').next().and_then(|number| number.replace(',', "").parse().ok()).expect("ingest prints its counts")
}

#[test]
fn promised_counts_are_parsed() {
    let expected = |least, most, or_reject, insight| Expected { least, most, or_reject, insight };
    assert_eq!(Expected::parse("60"), expected(60, 60, false, false));
    assert_eq!(Expected::parse("22 to 28"), expected(22, 28, false, false));
    assert_eq!(Expected::parse("1-2"), expected(1, 2, false, false));
    assert_eq!(Expected::parse("60 or error"), expected(60, 60, true, false));
    assert_eq!(Expected::parse("error or prefix"), expected(0, i64::MAX, true, false));
    assert_eq!(Expected::parse("1 insight"), expected(1, 1, false, true));
}
