//! The chain of runs: comparison with the previous run, and detection of any change to a record or report.

use std::path::Path;

use crate::common::{archive, arg, read_json, succeeds, trailhunt};
use serde_json::{Value, json};

/// `StopLogging` by `user` on a day in January.
fn stop(id: &str, user: &str, day: u32) -> Value {
    let arn = format!("arn:aws:iam::111122223333:user/{user}");
    json!({
        "eventVersion": "1.09", "eventTime": format!("2024-01-{day:02}T10:00:00Z"), "eventID": id,
        "eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7", "eventType": "AwsApiCall", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": arn, "accountId": "111122223333"}
    })
}

/// A lake of two days: maria acts on both, ann on the first, zoe on the second.
fn two_days(dir: &Path) -> std::path::PathBuf {
    let (source, lake) = (dir.join("in"), dir.join("lake"));
    archive(&source, &[stop("1", "maria", 1), stop("2", "ann", 1), stop("3", "maria", 2), stop("4", "zoe", 2)]);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    lake
}

fn hunt_day(lake: &Path, day: u32, report: &Path) -> Value {
    let (from, to) = (format!("2024-01-{day:02}"), format!("2024-01-{:02}", day + 1));
    let detector = ["--detector", "trail_tampering"];
    let window = ["hunt", "--lake", arg(lake), "--from", &from, "--to", &to, "--report", arg(report)];
    succeeds(&[&window[..], &detector[..]].concat());
    read_json(report)
}

/// The users of the findings with this status.
fn users<'a>(findings: &'a Value, status: &str) -> Vec<&'a str> {
    let of = |finding: &&Value| finding["status"] == status;
    let user = |finding: &'a Value| finding["entity"].as_str()?.rsplit('/').next();
    findings.as_array().into_iter().flatten().filter(of).filter_map(user).collect()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).expect("the file can be read");
    bytes[at] ^= 1;
    std::fs::write(path, bytes).expect("the file can be written");
}

#[test]
fn a_run_is_compared_with_the_previous_run() {
    let dir = tempfile::tempdir().unwrap();
    let lake = two_days(dir.path());
    let report = dir.path().join("r.json");
    let first = hunt_day(&lake, 1, &report);
    assert_eq!((users(&first["findings"], "new").len(), &first["run"]["compared_with"]), (2, &Value::Null));
    let second = hunt_day(&lake, 2, &report);
    assert_eq!(second["run"]["compared_with"], first["run"]["id"]);
    assert_eq!(users(&second["findings"], "new"), ["zoe"]);
    assert_eq!(users(&second["findings"], "continuing"), ["maria"]);
    assert_eq!(users(&second["resolved"], "resolved"), [""; 0], "the first day was not judged again");

    let look = ["hunt", "--lake", arg(&lake), "--detector", "root_use", "--report", arg(&report)];
    succeeds(&look);
    assert_eq!(read_json(&report)["run"]["compared_with"], Value::Null, "a run of another detector is not compared");
    let runs = succeeds(&["runs", "--lake", arg(&lake), "--format", "json"]).out;
    let runs: Vec<Value> = serde_json::from_str(&runs).unwrap();
    let counts: Vec<_> = runs.iter().map(|run| (run["new"].as_u64(), run["resolved"].as_u64())).collect();
    assert_eq!(counts, [(Some(2), Some(0)), (Some(1), Some(0)), (Some(0), Some(0))]);
}

#[test]
fn a_changed_byte_in_a_record_report_or_bundle_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let lake = two_days(dir.path());
    let (report, bundle) = (dir.path().join("r.json"), dir.path().join("evidence.tar.gz"));
    let run = hunt_day(&lake, 1, &report)["run"]["id"].as_str().unwrap().to_owned();
    let page = dir.path().join("r.html");
    hunt_day(&lake, 2, &page.with_file_name("second.json"));
    succeeds(&["evidence", &run, "--lake", arg(&lake), "--out", arg(&bundle)]);
    let verify = |target: &Path| trailhunt(&["verify", "--lake", arg(&lake), arg(target)]);
    for target in [&report, &bundle] {
        let ran = verify(target);
        assert!(ran.code == 0 && ran.out.contains("runs      2"), "{}{}", ran.out, ran.err);
    }
    let stored = lake.join(format!("_trailhunt/runs/{run}.report.json.gz"));
    let listing = lake.join(format!("_trailhunt/runs/{run}.findings.json.gz"));
    let record = lake.join("_trailhunt/runs/00000001.json");
    let last = lake.join("_trailhunt/runs/00000002.json");
    for (file, name) in [
        (&report, "r.json: it was modified after run"),
        (&bundle, "evidence.tar.gz: hash mismatch: the bundle was modified"),
        (&stored, "report.json.gz: hash mismatch: the file was modified"),
        (&listing, "findings.json.gz: hash mismatch: the file was modified"),
        (&record, "00000001.json: hash mismatch: the record was modified"),
        (&last, "00000002.json: hash mismatch: the record was modified"),
    ] {
        let size = std::fs::metadata(file).unwrap().len() as usize;
        flip(file, size / 2);
        let ran = verify(if *file == bundle { &bundle } else { &report });
        assert!(ran.code == 2 && ran.out.contains(name), "{name}: {}{}", ran.out, ran.err);
        flip(file, size / 2);
    }
    let head = verify(&report).out.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    std::fs::remove_file(&last).unwrap();
    let ran = trailhunt(&["verify", "--lake", arg(&lake), "--last-sha256", &head]);
    assert!(ran.code == 2 && ran.out.contains("the newest records were deleted"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_finding_of_an_older_run_is_found_without_reading_newer_reports_and_also_without_its_list() {
    let dir = tempfile::tempdir().unwrap();
    let lake = two_days(dir.path());
    let first = hunt_day(&lake, 1, &dir.path().join("first.json"));
    let second = hunt_day(&lake, 2, &dir.path().join("second.json"));
    let file = |report: &Value, kind: &str| {
        lake.join(format!("_trailhunt/runs/{}.{kind}.json.gz", report["run"]["id"].as_str().unwrap()))
    };
    let ids = |report: &Value| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let newer = ids(&second);
    let id = ids(&first).into_iter().find(|id| !newer.contains(id)).unwrap();
    let explained = || {
        let json = succeeds(&["explain", &id, "--lake", arg(&lake), "--format", "json"]).out;
        serde_json::from_str::<Value>(&json).unwrap()["id"].clone()
    };
    assert_eq!(explained(), id);
    std::fs::write(file(&second, "report"), "modified").unwrap();
    assert_eq!(explained(), id);
    std::fs::remove_file(file(&first, "findings")).unwrap();
    assert_eq!(explained(), id);
}

#[test]
fn a_finding_is_reproduced_at_the_lake_version_of_its_run() {
    let dir = tempfile::tempdir().unwrap();
    let lake = two_days(dir.path());
    let report = hunt_day(&lake, 1, &dir.path().join("r.json"));
    let id = report["findings"][0]["id"].as_str().unwrap();
    // Late events of that day change the result of a new hunt.
    let late = dir.path().join("late");
    let user = report["findings"][0]["entity"].as_str().unwrap().rsplit('/').next().unwrap();
    archive(&late, &[stop("late", user, 1)]);
    succeeds(&["ingest", arg(&late), "--lake", arg(&lake)]);
    let now = hunt_day(&lake, 1, &dir.path().join("now.json"));
    let events = |report: &Value| {
        let mut findings = report["findings"].as_array().into_iter().flatten();
        findings.find(|finding| finding["id"] == id).map(|finding| finding["evidence"]["total"].clone())
    };
    assert_eq!((events(&report), events(&now)), (Some(json!(1)), Some(json!(2))));
    let verify = |more: &[&str]| trailhunt(&[&["verify", "--lake", arg(&lake)], more].concat());
    // Both runs reported it; the last one is reproduced.
    let ran = verify(&["--again", id]);
    assert!(ran.code == 0 && ran.out.contains(now["run"]["id"].as_str().unwrap()), "{}{}", ran.out, ran.err);
    std::fs::remove_file(lake.join("_trailhunt/runs/00000002.json")).unwrap();
    let stored = format!("_trailhunt/runs/{}.report.json.gz", now["run"]["id"].as_str().unwrap());
    std::fs::remove_file(lake.join(stored)).unwrap();
    let ran = verify(&["--again", id]);
    let expected =
        format!("{id} reproduced: trail_tampering finds it at lake version {}", report["run"]["lake_version"]);
    assert!(ran.code == 0 && ran.out.contains(&expected), "{}{}", ran.out, ran.err);
    let ran = verify(&["--again", "0000000000000000"]);
    assert!(ran.code == 2 && ran.out.contains("no recorded run has this finding"), "{}{}", ran.out, ran.err);
    let own = dir.path().join("own");
    std::fs::create_dir(&own).unwrap();
    let text = include_str!("../sql/detectors/trail_tampering.sql")
        .replace("routine_days = { default = 3", "routine_days = { default = 4");
    std::fs::write(own.join("trail_tampering.sql"), text).unwrap();
    let ran = verify(&["--again", id, "--detector-dir", arg(&own)]);
    assert!(ran.code == 2 && ran.out.contains("differs from the one that the run used"), "{}{}", ran.out, ran.err);
}

#[test]
fn quiet_prints_one_line_of_json_and_the_notify_command_gets_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let lake = two_days(dir.path());
    let notified = dir.path().join("notified.json");
    let command = format!("cat > '{}'", arg(&notified));
    let hunt = ["hunt", "--lake", arg(&lake), "--detector", "trail_tampering", "--quiet", "--notify-command"];
    let out = succeeds(&[&hunt[..], &[&command]].concat()).out;
    assert_eq!(out.lines().count(), 1, "{out}");
    assert_eq!(std::fs::read_to_string(&notified).unwrap(), out);
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&summary["new"], &summary["findings"]["high"]), (&json!(4), &json!(4)), "{summary}");
    let failed = trailhunt(&[&hunt[..], &["exit 3"]].concat());
    assert!(failed.code == 2 && failed.err.contains("--notify-command failed: exit status: 3"), "{}", failed.err);
}

#[test]
fn baseline_diff_lists_what_became_normal_for_each_identity() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let mut elsewhere = stop("3", "maria", 3);
    elsewhere["awsRegion"] = json!("eu-west-1");
    archive(&source, &[stop("1", "maria", 1), stop("2", "maria", 2), elsewhere, stop("4", "zoe", 3)]);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    let diff = |before: &str, after: &str| {
        let out = succeeds(&["baseline", "diff", before, after, "--lake", arg(&lake), "--format", "json"]).out;
        serde_json::from_str::<Vec<Value>>(&out).unwrap()
    };
    assert_eq!(diff("2024-01-01", "2024-01-02"), [] as [Value; 0], "repeated behaviour is not new");
    let taken_up = diff("2024-01-02", "2024-01-03");
    let of_maria: Vec<_> = taken_up.iter().filter(|row| row["new_identity"] == false).collect();
    assert_eq!(of_maria.len(), 1, "{taken_up:?}");
    assert_eq!((&of_maria[0]["kind"], &of_maria[0]["items"]), (&json!("region"), &json!(["eu-west-1"])));
    assert!(taken_up.iter().any(|row| row["new_identity"] == true && row["actor"].as_str().unwrap().ends_with("zoe")));
}

#[test]
fn a_locked_lake_is_an_error_that_names_the_holder() {
    let dir = tempfile::tempdir().unwrap();
    let lake = two_days(dir.path());
    let locks = lake.join("_trailhunt/locks");
    std::fs::create_dir_all(&locks).unwrap();
    std::fs::write(locks.join("00000001.json"), r#"{"holder":"7 on elsewhere","until":"2999-01-01T00:00:00Z"}"#)
        .unwrap();
    let run = ["run", arg(&dir.path().join("in")), "--lake", arg(&lake), "--detector", "root_use", "--allow-empty"]
        .map(str::to_owned);
    let run: Vec<&str> = run.iter().map(String::as_str).collect();
    let ran = trailhunt(&run);
    assert!(ran.code == 2 && ran.err.contains("7 on elsewhere holds the lock until"), "{}{}", ran.out, ran.err);
    std::fs::write(locks.join("00000001.json"), r#"{"holder":"7 on elsewhere","until":"2020-01-01T00:00:00Z"}"#)
        .unwrap();
    succeeds(&run);
    assert_eq!(std::fs::read_dir(&locks).unwrap().count(), 0, "the lock is released");
}
