//! Sources with parts that cannot be read: each is named and counted, the rest is read, and the exit code is 2.

use std::path::Path;

use crate::common::{self, archive, arg, number, query, succeeds, trailhunt, trailhunt_with, write};
use serde_json::{Value, json};

const DAY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2024/05/06";
const LOG: &str = "111122223333_CloudTrail_us-east-1_20240506T0710Z_aaaaaaaaaaaaaaaa.json";

fn records(ids: &[&str]) -> Vec<u8> {
    let record = |id: &&str| {
        json!({
            "eventVersion": "1.09", "eventTime": "2024-05-06T07:00:00Z", "eventID": id, "eventName": "ListBuckets",
            "eventSource": "s3.amazonaws.com", "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
            "eventType": "AwsApiCall", "sourceIPAddress": "198.51.100.7", "userIdentity": {"type": "Root"}
        })
    };
    json!({ "Records": ids.iter().map(record).collect::<Vec<Value>>() }).to_string().into_bytes()
}

/// Ingests a folder into a new lake beside it: exit code, output and number of events.
fn ingested(source: &Path, options: &[&str]) -> (i32, String, i64) {
    let lake = tempfile::tempdir().expect("a temporary folder");
    let mut args = vec!["ingest", arg(source), "--lake", arg(lake.path())];
    args.extend(options);
    let ran = trailhunt(&args);
    (ran.code, ran.out + &ran.err, number(lake.path(), "SELECT count(*) FROM events"))
}

#[test]
fn folders_with_other_names_hide_no_log() {
    for folder in [
        "CloudTrail-backup/AWSLogs/111122223333/CloudTrail/us-east-1/2024/05/06".to_owned(),
        "AWSLogs/AWSLogs/111122223333/CloudTrail/us-east-1/2024/05/06".into(),
        "AWSLogs/security-team/111122223333/CloudTrail/us-east-1/2024/05/06".into(),
        "AWSLogs/may-2024".into(),
        "AWSLogs/111122223333/Config".into(),
        "CloudTrail-Digest".into(),
    ] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(&dir.path().join(&folder).join(LOG), &records(&["one", "two"]));
        let (code, out, events) = ingested(dir.path(), &[]);
        assert_eq!((code, events), (0, 2), "{folder}: {out}");
        // The folder itself, and the file, as a source.
        assert_eq!(ingested(&dir.path().join(&folder), &[]).2, 2, "{folder}");
        assert_eq!(ingested(&dir.path().join(&folder).join(LOG), &[]).2, 2, "{folder}");
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(&dir.path().join("CloudTrail-Logs/2024-05/events.json"), &records(&["one"]));
    assert_eq!(ingested(dir.path(), &[]).2, 1);
}

#[test]
fn a_date_of_folders_without_a_region_selects_days() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(&dir.path().join("CloudTrail/2024/05/06/07/audit-1-2024-05-06-07-08-09-0a1b"), &records(&["one"]));
    for (options, events) in [
        (&["--from", "2024-05-01"][..], 1),
        (&["--from", "2024-05-06", "--to", "2024-05-07"], 1),
        (&["--from", "2024-05-07"], 0),
    ] {
        assert_eq!(ingested(dir.path(), options).2, events, "{options:?}");
    }
}

#[cfg(unix)]
#[test]
fn an_entry_that_cannot_be_read_costs_only_itself() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().expect("a temporary folder");
    let day = dir.path().join(DAY);
    write(&day.join(LOG), &records(&["one"]));
    write(&day.join("two\nlines.json"), &records(&["two"]));
    write(&day.join(std::ffi::OsStr::from_bytes(b"not-utf-8-\xff.json")), &records(&["three"]));
    symlink(dir.path(), day.join("loop")).expect("a link");
    symlink(dir.path().join("nothing"), day.join("missing.json")).expect("a link");
    symlink("/dev/zero", day.join("device.json")).expect("a link");
    let fifo = std::process::Command::new("mkfifo").arg(dir.path().join("fifo.json")).status();
    assert!(fifo.expect("mkfifo exists").success());
    let (code, out, events) = ingested(dir.path(), &[]);
    assert_eq!((code, events), (2, 1), "{out}");
    let lines: Vec<_> = out.lines().filter(|line| line.starts_with("unread")).collect();
    assert_eq!(lines.len(), 6, "five of six reasons, and the number of the others: {out}");
    assert!(lines[5].contains("and 1 more"), "{out}");
    for reason in ["not a regular file", "a link to a folder above it", "not UTF-8"] {
        assert!(out.contains(reason), "{reason} is not in {out}");
    }
    // As a source, it would be waited for.
    let ran = trailhunt(&["ingest", arg(&dir.path().join("fifo.json")), "--lake", arg(&dir.path().join("lake"))]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("not a regular file"), "{}", ran.err);
    assert!(!dir.path().join("lake").exists());
}

#[test]
fn a_source_that_cannot_be_read_does_not_stop_the_others() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (source, empty, lake) = (dir.path().join("in"), dir.path().join("empty"), dir.path().join("lake"));
    archive(&source, &[serde_json::from_slice::<Value>(&records(&["one"])).expect("JSON")["Records"][0].clone()]);
    std::fs::create_dir(&empty).expect("a folder");
    let missing = dir.path().join("missing");

    let ran = trailhunt(&["run", arg(&missing), arg(&empty), "--lake", arg(&lake)]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("missing") && !lake.exists(), "no lake is made without a source: {}", ran.err);

    let report = dir.path().join("report.json");
    let ran =
        trailhunt(&["run", arg(&missing), arg(&source), arg(&empty), "--lake", arg(&lake), "--report", arg(&report)]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert_eq!(number(&lake, "SELECT count(*) FROM events"), 1);
    let coverage = common::read_json(&report)["coverage"].to_string();
    assert!(coverage.contains("/missing") && coverage.contains("/empty"), "{coverage}");
}

#[test]
fn a_lake_inside_its_source_is_not_read() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(&dir.path().join(DAY).join(LOG), &records(&["one"]));
    let lake = dir.path().join("lake");
    for _ in 0..2 {
        succeeds(&["ingest", arg(dir.path()), "--lake", arg(&lake)]);
        assert_eq!(number(&lake, "SELECT count(*) FROM objects"), 1);
    }
    let (code, out, events) = ingested(dir.path(), &[]);
    assert_eq!((code, events), (0, 1), "another lake: {out}");
    assert!(out.contains("files of a lake"), "{out}");
}

#[test]
fn a_file_above_the_limit_is_not_read_into_memory() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(&dir.path().join(DAY).join(LOG), &records(&["one"]));
    let sparse = std::fs::File::create(dir.path().join(DAY).join("sparse.json")).expect("a file");
    sparse.set_len(6 << 30).expect("a sparse file");
    let (code, out, events) = ingested(dir.path(), &[]);
    assert_eq!((code, events), (2, 1), "{out}");
    assert!(out.contains("sparse.json") && out.contains("--object-size-max"), "{out}");
}

#[test]
fn a_selection_that_matches_nothing_names_what_was_found() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(&dir.path().join(DAY).join(LOG), &records(&["one"]));
    for (options, expected) in [
        (["--region", "us-esat-1"], "--region us-esat-1 matches nothing; regions found: us-east-1"),
        (["--account", "999988887777"], "--account 999988887777 matches nothing; accounts found: 111122223333"),
    ] {
        let (code, out, events) = ingested(dir.path(), &options);
        assert_eq!((code, events), (2, 0));
        assert!(out.contains(expected), "{out}");
    }
    assert_eq!(ingested(dir.path(), &["--region", "us-east-1", "--account", "111122223333"]).0, 0);
    let (code, out, events) = ingested(dir.path(), &["--account", "111122223333,444455556666"]);
    assert_eq!((code, events), (2, 1), "what matches is read, the other is named: {out}");
    assert!(out.contains("--account 444455556666 matches nothing; accounts found: 111122223333"), "{out}");
    for (option, value) in [("--account", "12345"), ("--region", "europe")] {
        let ran = trailhunt(&["ingest", arg(dir.path()), "--lake", arg(&dir.path().join("lake")), option, value]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(&format!("`{value}`: expected")), "{}", ran.err);
    }
}

#[cfg(unix)]
#[test]
fn a_fifo_in_a_folder_of_detectors_is_an_error() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let fifo = std::process::Command::new("mkfifo").arg(dir.path().join("mine.sql")).status();
    assert!(fifo.expect("mkfifo exists").success());
    let lake = dir.path().join("lake");
    let out = dir.path().join("case.tar.gz");
    for command in [
        &["detectors", "list"][..],
        &["verify", "--lake", arg(&lake)],
        &["evidence", "last", "--lake", arg(&lake), "--out", arg(&out)],
    ] {
        let ran = trailhunt(&[command, &["--detector-dir", arg(dir.path())]].concat());
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("mine") && ran.err.contains("not a regular file"), "{}", ran.err);
    }
}

#[test]
fn secrets_of_urls_are_not_printed() {
    let lake = tempfile::tempdir().expect("a temporary folder");
    let url = "https://b.s3.amazonaws.com/k?X-Amz-Signature=5ec2e7";
    let ran = trailhunt(&["ingest", url, "--lake", arg(lake.path())]);
    assert!(ran.code == 2 && !ran.err.contains("5ec2e7"), "{}", ran.err);
    let endpoint = [("AWS_ENDPOINT_URL", "http://me:pa55@127.0.0.1:9")];
    let ran = trailhunt_with(&endpoint, &["config", "show"]);
    assert!(ran.code == 0 && !ran.out.contains("pa55"), "{}", ran.out);
    let ran =
        trailhunt(&["ingest", "s3://arn:aws:s3:us-east-1:111122223333:accesspoint/a", "--lake", arg(lake.path())]);
    assert!(ran.err.contains("alias of the access point"), "{}", ran.err);
}

#[test]
fn folder_markers_and_unusual_keys_of_a_bucket_are_handled() {
    let keys = [
        ("AWSLogs/", Vec::new()),
        (&format!("{DAY}/") as &str, Vec::new()),
        (&format!("{DAY}/{LOG}"), records(&["one"])),
        (&format!("{DAY}//{LOG}"), records(&["two"])),
        ("a//b/events.json", records(&["three"])),
        ("/rooted/events.json", records(&["four"])),
        ("up/../events.json", records(&["five"])),
    ]
    .map(|(key, bytes)| (key.to_owned(), bytes));
    let server = common::bucket::Bucket::serve(&keys, &["forbidden/"]);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let run = || {
        let settings = server.settings();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        trailhunt_with(&settings, &["ingest", "S3://logs", "--lake", arg(dir.path())])
    };
    let ran = run();
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    let ids = query(dir.path(), "SELECT event_id FROM events ORDER BY event_id");
    assert_eq!(
        json!(ids).to_string(),
        r#"[{"event_id":"one"},{"event_id":"three"},{"event_id":"two"}]"#,
        "{}",
        ran.out
    );
    for unread in ["s3://logs//:", "s3://logs/up/..", "s3://logs/forbidden: AccessDenied"] {
        assert!(ran.out.contains(unread), "{unread} is not in {}", ran.out);
    }
    assert!(run().out.contains("3 known objects skipped"));
}

/// The bucket's other prefix is read and hunted.
#[test]
fn a_forbidden_prefix_is_reported_in_every_place() {
    let root = json!({
        "eventVersion": "1.08", "eventID": "root", "eventTime": "2024-05-06T07:00:00Z", "awsRegion": "us-east-1",
        "eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey", "recipientAccountId": "111122223333",
        "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2.15",
        "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"},
    });
    let keys = [(format!("{DAY}/{LOG}"), json!({ "Records": [root] }).to_string().into_bytes())];
    let server = common::bucket::Bucket::serve(&keys, &["AWSLogs/444455556666/"]);
    let settings = server.settings();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let reason = "cannot list s3://logs/AWSLogs/444455556666: AccessDenied";
    for quiet in [false, true] {
        let (lake, report) = (dir.path().join(format!("lake-{quiet}")), dir.path().join("report.json"));
        let page = dir.path().join("report.html");
        let mut args = vec!["run", "s3://logs", "--lake", arg(&lake), "--detector", "root_use", "--allow-empty"];
        args.extend(["--report", arg(&report), "--report", arg(&page)]);
        args.extend(quiet.then_some("--quiet"));
        let ran = trailhunt_with(&settings, &args);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        let json = common::read_json(&report);
        assert!(json["coverage"]["objects_failed"][0].as_str().is_some_and(|text| text.starts_with(reason)), "{json}");
        assert_eq!(json["findings"][0]["detector"], "root_use", "the rest is hunted");
        assert!(std::fs::read_to_string(&page).expect("a page").contains(reason));
        if quiet {
            let brief: Value = serde_json::from_str(&ran.out).expect("one line of JSON");
            assert_eq!((brief["unread"].as_u64(), brief["events"].as_u64()), (Some(1), Some(1)));
        } else {
            assert!(ran.out.contains(reason), "{}", ran.out);
        }
    }
}
