//! Missing events are reported wherever a reader looks: terminal, JSON, one-line summary, page and exit code.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;

use crate::common::{self, arg, read_json, succeeds, trailhunt};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

const ACCOUNTS: [&str; 5] = ["111122223331", "111122223332", "111122223333", "111122223334", "111122223335"];
/// Events start here, one per account and hour.
const START: &str = "2024-01-01T00:00:00Z";

/// An archive of `hours` hours of all accounts, without the hours that `is_silent` names.
fn archive(dir: &Path, hours: i64, is_silent: impl Fn(usize, i64) -> bool) {
    let start: DateTime<Utc> = START.parse().unwrap();
    let mut records = Vec::new();
    for hour in 0..hours {
        for (at, account) in ACCOUNTS.iter().enumerate().filter(|(at, _)| !is_silent(*at, hour)) {
            let time = (start + TimeDelta::minutes(60 * hour + 5)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            records.push(json!({
                "eventVersion": "1.08", "eventID": format!("{at}-{hour}"), "eventTime": time, "awsRegion": "eu-west-1",
                "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets", "readOnly": true, "managementEvent": true,
                "recipientAccountId": account, "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2.15",
                "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{account}:user/backup"),
                                 "accountId": account, "userName": "backup"},
            }));
        }
    }
    common::archive(dir, &records);
}

/// The reasons of a hunt in all places, which must agree, and its exit code.
fn hunt(lake: &Path, options: &[&str]) -> (Vec<String>, i32) {
    let dir = tempfile::tempdir().unwrap();
    let (report, page) = (dir.path().join("r.json"), dir.path().join("r.html"));
    let hunt = ["hunt", "--lake", arg(lake), "--detector", "root_use", "--baseline", "none"];
    let ran = trailhunt(&[&hunt[..], options, &["--report", arg(&report), "--report", arg(&page)]].concat());
    let report = read_json(&report);
    let reasons: Vec<String> = serde_json::from_value(report["coverage"]["stale_reasons"].clone()).unwrap();
    assert_eq!(report["coverage"]["stale"], !reasons.is_empty());
    let page = std::fs::read_to_string(&page).unwrap();
    for reason in &reasons {
        assert!(ran.out.contains(reason.as_str()), "{reason} is not in {}", ran.out);
        assert!(page.contains(reason.as_str()), "{reason} is not on the page");
    }
    let quiet = trailhunt(&[&hunt[..], options, &["--quiet"]].concat());
    assert_eq!((quiet.code, quiet.err.as_str()), (ran.code, ""));
    assert!(quiet.out.len() < 1024 && quiet.out.lines().count() == 1, "{}", quiet.out);
    let brief: Value = serde_json::from_str(&quiet.out).unwrap();
    assert_eq!(brief["stale"], !reasons.is_empty());
    (reasons, ran.code)
}

fn lake_of(dir: &Path, hours: i64, is_silent: impl Fn(usize, i64) -> bool) -> std::path::PathBuf {
    let (source, lake) = (dir.join("in"), dir.join("lake"));
    archive(&source, hours, is_silent);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    lake
}

#[test]
fn a_complete_archive_is_not_stale() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_of(dir.path(), 14 * 24, |_, _| false);
    assert_eq!(hunt(&lake, &[]), (vec![], 0));
    assert_eq!(hunt(&lake, &["--from", "2024-01-14"]), (vec![], 0));
}

#[test]
fn nothing_delivered_for_three_days_is_stale() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_of(dir.path(), 14 * 24, |_, _| false);
    let (reasons, code) = hunt(&lake, &["--from", "2024-01-10", "--to", "2024-01-18"]);
    assert_eq!(reasons[0], "the last event is from 2024-01-14 23:05, 3 days before 2024-01-18 00:00");
    assert_eq!(code, 2);
    let (reasons, code) = hunt(&lake, &["--from", "2024-01-15", "--to", "2024-01-18"]);
    assert_eq!(reasons[0], "no events in the window; the last event is from 2024-01-14 23:05");
    assert_eq!(code, 2);
    let (reasons, code) = hunt(&lake, &["--from", "yesterday"]);
    assert!(reasons[0].starts_with("no events in the window"), "{reasons:?}");
    assert_eq!(code, 2);
    let (_, code) = hunt(&lake, &["--from", "2024-01-10", "--to", "2024-01-18", "--allow-empty"]);
    assert_eq!(code, 0);
}

#[test]
fn one_account_of_five_that_falls_silent_at_the_end_or_within_the_window_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_of(dir.path(), 14 * 24, |account, hour| account == 4 && hour >= 14 * 24 - 6);
    let expected = "no events in 111122223335 eu-west-1 for 6 hours, from 2024-01-14 18:00";
    assert_eq!(hunt(&lake, &["--from", "2024-01-13"]), (vec![expected.to_owned()], 2));

    let within = |account, hour| account == 2 && (10 * 24..10 * 24 + 8).contains(&hour);
    let lake = lake_of(&dir.path().join("within"), 14 * 24, within);
    let expected = "no events in 111122223333 eu-west-1 for 8 hours, from 2024-01-11 00:00";
    assert_eq!(hunt(&lake, &["--from", "2024-01-09"]), (vec![expected.to_owned()], 2));
    assert_eq!(hunt(&lake, &["--from", "2024-01-12"]), (vec![], 0), "it is outside the window");
}

#[test]
fn an_account_without_regular_events_is_not_missed() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_of(dir.path(), 14 * 24, |account, hour| account == 4 && hour % 24 >= 8);
    assert_eq!(hunt(&lake, &[]), (vec![], 0), "its nights are always silent");
}

#[test]
fn a_run_that_adds_nothing_is_stale() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_of(dir.path(), 14 * 24, |_, _| false);
    let source = dir.path().join("in");
    let run = ["run", arg(&source), "--lake", arg(&lake), "--detector", "root_use"];
    let ran = trailhunt(&run);
    assert!(ran.code == 2 && ran.out.contains("STALE     the sources had no new objects"), "{}{}", ran.out, ran.err);
    assert_eq!(trailhunt(&[&run[..], &["--allow-empty"]].concat()).code, 0);
}

/// A lake with root at work on the 3rd and the 20th of January, and a hunt over all of it: `month.json`.
fn hunted_month(dir: &Path) {
    let root = |day: u32| {
        json!({
            "eventVersion": "1.08", "eventID": format!("root-{day}"), "eventTime": format!("2024-01-{day:02}T10:00:00Z"),
            "awsRegion": "us-east-1", "eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey",
            "recipientAccountId": ACCOUNTS[0], "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2.15",
            "userIdentity": {"type": "Root", "arn": format!("arn:aws:iam::{}:root", ACCOUNTS[0]), "accountId": ACCOUNTS[0]},
        })
    };
    common::archive(&dir.join("in"), &[root(3), root(20)]);
    succeeds(&["ingest", arg(&dir.join("in")), "--lake", arg(&dir.join("lake"))]);
    let report = hunt_for_root(dir, &["--baseline", "none"], "month.json");
    assert!(report["findings"].as_array().unwrap().len() >= 2, "{report}");
}

fn hunt_for_root(dir: &Path, options: &[&str], report: &str) -> Value {
    let (lake, report) = (dir.join("lake"), dir.join(report));
    let hunt = ["hunt", "--lake", arg(&lake), "--detector", "root_use", "--allow-empty", "--report", arg(&report)];
    let ran = trailhunt(&[&hunt[..], options].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    read_json(&report)
}

#[test]
fn days_hunted_after_their_month_resolve_nothing() {
    let dir = tempfile::tempdir().unwrap();
    hunted_month(dir.path());
    // Each is compared with the run before it: the month, then another day.
    for n in [1, 2, 3, 4, 19, 20, 21, 30] {
        let (from, to) = (format!("2024-01-{n:02}"), format!("2024-01-{:02}", n + 1));
        let report = hunt_for_root(dir.path(), &["--from", &from, "--to", &to], "day.json");
        assert_eq!(report["resolved"], json!([]), "{from}: the other days were not evaluated");
        assert_eq!(report["findings"].as_array().unwrap().is_empty(), ![3, 20].contains(&n), "{from}");
    }
}

#[test]
fn resolved_is_only_what_was_evaluated_again() {
    let dir = tempfile::tempdir().unwrap();
    hunted_month(dir.path());
    let hunt = |options: &[&str], report: &str| hunt_for_root(dir.path(), options, report);
    let month = dir.path().join("month.json");
    for (from, to) in [("2024-01-03", "2024-01-04"), ("2024-01-10", "2024-01-11"), ("2024-01-20", "2024-01-21")] {
        let report = hunt(&["--baseline", arg(&month), "--from", from, "--to", to], "day.json");
        assert_eq!(report["resolved"], json!([]), "{from}: the other days were not evaluated");
    }

    let mine = dir.path().join("mine");
    succeeds(&["detectors", "new", "key_created", "--detector-dir", arg(&mine)]);
    let path = mine.join("key_created.sql");
    let text = std::fs::read_to_string(&path).unwrap().replace("TheCallToLookFor", "CreateAccessKey");
    std::fs::write(&path, text.replace("cloudtrail.amazonaws.com", "iam.amazonaws.com")).unwrap();
    let own = ["--detector-dir", arg(&mine), "--detector", "key_created"];
    let found = hunt(&[&own[..], &["--baseline", "none"]].concat(), "month.json");
    let found = found["findings"].as_array().unwrap().iter().filter(|f| f["detector"] == "key_created").count();
    assert_eq!(found, 2);
    let stricter = ["--baseline", arg(&month), "--set", "key_created.min_calls=2", "--from", "2024-01-20"];
    let report = hunt(&[&own[..], &stricter[..]].concat(), "day.json");
    let resolved: Vec<_> = report["resolved"].as_array().unwrap().iter().map(|f| &f["first_time"]).collect();
    assert_eq!(resolved, ["2024-01-20T10:00:00Z"], "evaluated again and not found; the third was not evaluated");
}
