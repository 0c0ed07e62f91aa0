//! `trailhunt timeline`: the story of an identity across its sessions, roles and the users that it created.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use std::path::{Path, PathBuf};

use crate::common::{arg, read_json, succeeds, trailhunt, write};
use serde_json::{Value, json};
use tempfile::TempDir;

const TOM: &str = "arn:aws:iam::111122223333:user/tom";
const ENTRY: &str = "arn:aws:iam::111122223333:role/entry";
const OPS: &str = "arn:aws:iam::444455556666:role/ops";
const BACKUP_SYNC: &str = "arn:aws:iam::444455556666:user/backup-sync";
const DAY: &str = "2024-03-06";

/// A lake with the incident of docs/who-was-it.md, after which the created user acts, and a run that found it.
fn lake(dir: &Path) -> PathBuf {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/who_was_it.jsonl");
    let used = |number: u32, minute: u32, name: &str, error: Option<&str>| {
        json!({"eventVersion": "1.11", "eventTime": format!("{DAY}T03:{minute:02}:00Z"), "eventName": name,
            "eventSource": "s3.amazonaws.com", "awsRegion": "eu-west-1", "sourceIPAddress": "85.17.22.30",
            "userAgent": "aws-cli/2.22.4 md/awscrt#0.23.1 ua/2.0 os/linux#6.8", "errorCode": error,
            "userIdentity": {"type": "IAMUser", "principalId": "AIDA9LW7T3BACKUPSYNC", "arn": BACKUP_SYNC,
                "accountId": "444455556666", "accessKeyId": "AKIA9LW7T3BACKUP0001", "userName": "backup-sync"},
            "requestParameters": {"bucketName": format!("backups-{number}")}, "responseElements": null,
            "requestID": format!("R{number}"), "eventID": format!("0a6c1b70-6f3e-4a0e-9c61-{number:012x}"),
            "readOnly": true, "eventType": "AwsApiCall", "managementEvent": true,
            "recipientAccountId": "444455556666", "eventCategory": "Management"})
    };
    let mut records = std::fs::read_to_string(&fixture).unwrap();
    // Four calls that are alike, three that fail, and one after a long pause.
    let calls = (0..4).map(|n| used(n, n, "GetBucketLocation", None));
    let denied = (4..7).map(|n| used(n, n, "GetBucketPolicy", Some("AccessDenied")));
    let later = std::iter::once(used(7, 40, "GetBucketLocation", None));
    calls.chain(denied).chain(later).for_each(|record| records.push_str(&format!("{record}\n")));
    let log = dir.join("log.jsonl");
    write(&log, records.as_bytes());
    let lake = dir.join("lake");
    succeeds(&["ingest", arg(&log), "--lake", arg(&lake)]);
    succeeds(&[
        "hunt",
        "--lake",
        arg(&lake),
        "--from",
        DAY,
        "--report",
        arg(&dir.join("report.json")),
        "--allow-empty",
    ]);
    lake
}

fn timeline(lake: &Path, args: &[&str]) -> Value {
    let all = [&["timeline", "--lake", arg(lake), "--format", "json"], args].concat();
    serde_json::from_str(&succeeds(&all).out).unwrap()
}

fn rows(timeline: &Value) -> Vec<&Value> {
    timeline["rows"].as_array().unwrap().iter().collect()
}

/// The actor of each lane, and how it belongs to the subject.
fn lanes(timeline: &Value) -> Vec<(&str, &str)> {
    let lanes = timeline["lanes"].as_array().unwrap();
    lanes.iter().map(|lane| (lane["actor"].as_str().unwrap(), lane["why"].as_str().unwrap())).collect()
}

#[test]
fn a_story_crosses_roles_accounts_and_the_user_that_was_created() {
    let dir = TempDir::new().unwrap();
    let lake = lake(dir.path());
    let story = timeline(&lake, &[TOM, "--from", DAY]);
    let expected = [(TOM, "itself"), (ENTRY, "origin"), (OPS, "origin"), (BACKUP_SYNC, "created by it")];
    assert_eq!(lanes(&story), expected);
    // The other session of the role is somebody else's.
    assert!(!story.to_string().contains("UpdateService"), "{story:#}");
    let rows = rows(&story);
    let times: Vec<&str> = rows.iter().map(|row| row["first_time"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let created = rows.iter().find(|row| row["apis"][0]["api"] == "CreateUser").unwrap();
    assert_eq!((&created["kind"], &created["objects"]), (&json!("change"), &json!(["backup-sync"])));
    assert_eq!((&created["lane"], &created["failed"], &created["first"]), (&json!(2), &json!(false), &json!(["api"])));
    let assumed = rows.iter().find(|row| row["apis"][0]["api"] == "AssumeRole").unwrap();
    assert_eq!((&assumed["kind"], &assumed["lane"]), (&json!("session"), &json!(0)));

    // Its findings are inline, each after the call that it is about.
    let report = read_json(&dir.path().join("report.json"));
    let found: Vec<&Value> = rows.iter().filter(|row| row["kind"] == "finding").map(|row| &row["finding"]).collect();
    let all: Vec<&Value> = report["findings"].as_array().unwrap().iter().map(|finding| &finding["id"]).collect();
    assert!(!found.is_empty() && found.iter().all(|id| all.contains(id)), "{found:?} {all:?}");
    let of = |test: &dyn Fn(&Value) -> bool| rows.iter().position(|row| test(row)).unwrap();
    let call = of(&|row| row["apis"][0]["api"] == "AttachUserPolicy");
    let finding =
        of(&|row| row["finding"].is_string() && row["text"].as_str().unwrap().contains("administrator granted"));
    assert_eq!(finding, call + 1);

    // The report has the same story.
    let of_report = report["timelines"].as_array().unwrap();
    let own = of_report.iter().find(|timeline| timeline["entity"] == TOM).unwrap();
    assert_eq!(lanes(own), expected);
}

#[test]
fn repeated_calls_are_one_row_and_failed_calls_another() {
    let dir = TempDir::new().unwrap();
    let story = timeline(&lake(dir.path()), &["backup-sync", "--from", DAY]);
    let shown: Vec<_> = rows(&story)
        .into_iter()
        .filter(|row| row["kind"] == "read")
        .map(|row| (row["calls"].clone(), row["failed"].clone(), row["error"].clone(), row["objects_total"].clone()))
        .collect();
    let expected = [
        (json!(4), json!(false), Value::Null, json!(4)),
        (json!(3), json!(true), json!("AccessDenied"), json!(3)),
        (json!(1), json!(false), Value::Null, json!(1)),
    ];
    assert_eq!(shown, expected);
    assert_eq!((&story["calls"], &story["failed"]), (&json!(8), &json!(3)));
    assert_eq!(rows(&story)[0]["first"][0], "identity");
}

#[test]
fn a_finding_shows_its_own_session_and_each_name_means_the_same() {
    let dir = TempDir::new().unwrap();
    let lake = lake(dir.path());
    let report = read_json(&dir.path().join("report.json"));
    let findings = report["findings"].as_array().unwrap();
    let finding =
        findings.iter().find(|finding| finding["summary"].as_str().unwrap().contains("administrator granted"));
    let id = finding.unwrap()["id"].as_str().unwrap();
    // A role that two people assume: only the session behind the finding counts.
    let of_finding = timeline(&lake, &[&id[..8]]);
    assert_eq!(lanes(&of_finding)[0], (TOM, "itself"));
    assert!(!of_finding.to_string().contains("UpdateService"), "{of_finding:#}");
    for name in ["tom", "TOM", "user/tom", TOM] {
        let story = timeline(&lake, &[name, "--from", DAY]);
        assert_eq!(story["rows"], of_finding["rows"], "{name}");
    }
    let of_role = timeline(&lake, &["ops", "--from", DAY]);
    assert!(of_role.to_string().contains("UpdateService"));
    // Without a name: the riskiest identity of the last run, on the days of its findings.
    let riskiest = timeline(&lake, &[]);
    assert_eq!(riskiest["entity"], report["entities"][0]["entity"]);
}

#[test]
fn what_is_not_in_the_lake_is_an_error_with_the_next_step() {
    let dir = TempDir::new().unwrap();
    let lake = lake(dir.path());
    let error = |args: &[&str]| {
        let ran = trailhunt(&[&["timeline", "--lake", arg(&lake)], args].concat());
        assert_eq!(ran.code, 2, "{}", ran.out);
        ran.err
    };
    assert!(error(&["tmo"]).contains(&format!("no identity tmo in the lake; did you mean {TOM}?")));
    assert!(error(&["0123abcd"]).contains("no finding 0123abcd"));
    let none = error(&["tom", "--from", "2024-03-07", "--to", "2024-03-08"]);
    assert!(none.contains("no calls of") && none.contains("--from"), "{none}");
    assert!(error(&["198.51.100.99"]).contains("no calls of 198.51.100.99"));
}

#[test]
fn every_format_has_all_rows_and_nothing_steers_the_terminal() {
    let dir = TempDir::new().unwrap();
    let lake = lake(dir.path());
    let story = timeline(&lake, &["tom", "--from", DAY]);
    let count = rows(&story).len();
    let printed =
        |format: &str| succeeds(&["timeline", "tom", "--from", DAY, "--lake", arg(&lake), "--format", format]).out;
    let csv = printed("csv");
    assert_eq!(csv.lines().count(), count + 1, "{csv}");
    assert!(csv.starts_with("first_time,last_time,actor,"), "{csv}");
    let md = printed("md");
    assert_eq!(md.lines().filter(|line| line.starts_with("| 20")).count(), count, "{md}");
    let table = printed("table");
    for text in ["user/tom in 1111…3333", "FAILED", "[first: ", "2024-03-06", "UTC", "MEDIUM", "created by it"] {
        assert!(table.contains(text), "{text}: {table}");
    }
    // Commands are on one line, to be copied.
    let fits = |line: &str| line.chars().count() <= 100 || line.starts_with("  aws ");
    assert!(table.lines().all(fits), "{table}");
    assert!(table.contains("\n  aws iam detach-user-policy --user-name=backup-sync "), "{table}");
    // Findings stay when rows are left out.
    let few = timeline(&lake, &["tom", "--from", DAY, "--rows", "1"]);
    let findings = rows(&story).iter().filter(|row| row["kind"] == "finding").count();
    assert_eq!(rows(&few).len(), findings);
    assert_eq!(few["left_out"], json!(count - findings));
    assert_eq!(few["calls"], story["calls"]);
}
