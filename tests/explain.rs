//! `trailhunt explain`: what a finding means, for a person who sees it for the first time.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::{Path, PathBuf};

use crate::common::{archive, arg, read_json, succeeds, trailhunt, write};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Reports identities that call GetCallerIdentity often on a day.
const MANY_CALLS: &str = r#"/*
title      = "Many calls"
severity   = "medium"
confidence = "high"
attack     = ["T1580"]
why        = "Whoever has a new credential asks whose it is."
benign     = ["a script that asks before each step"]
respond    = ["ask the owner of the script"]
chart      = { observed = "calls", usual = ["most_calls_in_a_day"] }
*/
SELECT
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  CAST(NULL AS VARCHAR) AS region,
  0.5 AS score,
  actor || ' called ' || count(*) || ' times' AS summary,
  evidence(event_id, event_time) AS evidence,
  count(*) AS calls,
  1 AS baseline_most_calls_in_a_day
FROM calls
WHERE event_time >= $from AND event_time < $to
  AND api = 'GetCallerIdentity'
GROUP BY actor, account_id, event_date
"#;

/// A lake in which ann calls 4 times, and a run of the detector above that found it.
struct Case {
    dir: TempDir,
    lake: PathBuf,
    mine: PathBuf,
}

fn case() -> Case {
    let dir = TempDir::new().unwrap();
    let case = Case { lake: dir.path().join("lake"), mine: dir.path().join("mine"), dir };
    let call = |n: u32| {
        json!({
            "eventVersion": "1.09", "eventTime": format!("2024-01-01T10:{n:02}:00Z"), "eventID": format!("ann-{n}"),
            "eventSource": "sts.amazonaws.com", "eventName": "GetCallerIdentity", "awsRegion": "us-east-1",
            "sourceIPAddress": "198.51.100.7", "eventType": "AwsApiCall", "readOnly": true,
            "recipientAccountId": "111122223333", "userIdentity": {
                "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann", "accountId": "111122223333"
            }
        })
    };
    archive(&case.path("in"), &(0..4).map(call).collect::<Vec<_>>());
    write(&case.mine.join("many_calls.sql"), MANY_CALLS.as_bytes());
    let (lake, mine, report) = (arg(&case.lake), arg(&case.mine), case.path("report.json"));
    succeeds(&["ingest", arg(&case.path("in")), "--lake", lake]);
    let detector = ["--detector-dir", mine, "--detector", "many_calls", "--allow-empty"];
    let hunt = ["hunt", "--lake", lake, "--from", "2024-01-01", "--to", "2024-01-02", "--report", arg(&report)];
    succeeds(&[&hunt[..], &detector].concat());
    case
}

impl Case {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The id of the finding.
    fn id(&self) -> String {
        let report = read_json(&self.path("report.json"));
        report["findings"][0]["id"].as_str().unwrap().to_owned()
    }

    /// What the command prints about the finding, which is named by the beginning of its id.
    fn explained(&self, more: &[&str]) -> String {
        let id = self.id();
        succeeds(&[&["explain", &id[..8], "--lake", arg(&self.lake)], more].concat()).out
    }

    /// The same as JSON.
    fn json(&self, more: &[&str]) -> Value {
        serde_json::from_str(&self.explained(&[&["--format", "json"], more].concat())).unwrap()
    }
}

#[test]
fn a_finding_of_a_recorded_run_is_explained_in_three_formats() {
    let case = case();
    let mine = ["--detector-dir", arg(&case.mine)];
    let text = case.explained(&mine);
    for expected in [
        "MEDIUM: Many calls\n",
        "identity    arn:aws:iam::111122223333:user/ann\n",
        "\nWhat happened\n  user/ann in 111122223333 called 4 times\n",
        "\nCompared with\n  most calls in a day: 1; this finding: 4 calls\n",
        "\nWhy it matters\n  Whoever has a new credential asks whose it is.\n  ATT&CK T1580 Cloud Infrastructure Discovery",
        "\nHow often it happens here\n  too little history",
        "\nBenign explanations\n  a script that asks before each step\n",
        "\nEvidence: 4 events\n  2024-01-01 10:00:00 sts GetCallerIdentity in us-east-1 from 198.51.100.7: no error; event",
        "\nWhat to check next\n  ask the owner of the script\n",
        "\nTo look at it\n  # see in order what happened (analyst)\n  trailhunt timeline --lake=",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    let json = case.json(&mine);
    assert_eq!(json["id"], case.id());
    assert_eq!(json["why_it_matters"], "Whoever has a new credential asks whose it is.");
    let compared = json!([{"name": "most calls in a day", "baseline": 1, "observed": {"name": "calls", "value": 4}}]);
    assert_eq!(json["compared_with"], compared);
    assert_eq!(json["evidence"]["events"].as_array().unwrap().len(), 4);
    let md = case.explained(&[&mine[..], &["--format", "md"]].concat());
    assert!(md.starts_with("# medium: Many calls\n") && md.contains("\n## Why it matters\n\n- Whoever"), "{md}");
    // A report names the finding too.
    let report = case.path("report.json");
    assert_eq!(case.json(&[&mine[..], &["--report", arg(&report)]].concat()), json);
}

#[test]
fn an_unknown_detector_is_stated_with_the_next_step() {
    let case = case();
    let text = case.explained(&[]);
    assert!(text.contains("there is no detector many_calls here; name its folder with --detector-dir"), "{text}");
    assert_eq!(case.json(&[])["why_it_matters"], Value::Null);
    // A file that cannot be read is reported, and the rest is explained.
    write(&case.mine.join("many_calls.sql"), b"SELECT 1");
    let ran = trailhunt(&["explain", &case.id(), "--lake", arg(&case.lake), "--detector-dir", arg(&case.mine)]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.out.contains("called 4 times") && ran.err.contains("many_calls"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_verdict_that_was_given_after_the_run_is_shown() {
    let case = case();
    assert!(!case.explained(&[]).contains("\nverdict "));
    succeeds(&["verdict", &case.id(), "benign", "--by", "eva", "--note", "a backup", "--lake", arg(&case.lake)]);
    let text = case.explained(&[]);
    assert!(text.contains("\nverdict     seen before: benign, by eva on "), "{text}");
    assert_eq!(case.json(&[])["verdict"]["note"], "a backup");
}

#[test]
fn what_is_no_finding_is_an_error_with_similar_ids() {
    let case = case();
    let error = |typed: &str| {
        let ran = trailhunt(&["explain", typed, "--lake", arg(&case.lake)]);
        assert_eq!(ran.code, 2, "{}", ran.out);
        ran.err
    };
    let id = case.id();
    let other = if id.ends_with('0') { "1" } else { "0" };
    let similar = format!("{}{other}", &id[..15]);
    assert!(error(&similar).contains(&format!("no finding {similar}; did you mean {id}")), "{}", error(&similar));
    assert!(error("maria").contains("expected 16 hex digits, or at least the first 6"), "{}", error("maria"));
}

/// A lake with the incident of docs/who-was-it.md, and its report by the shipped detectors.
fn incident(dir: &Path) -> (PathBuf, Value) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/who_was_it.jsonl");
    let (lake, report) = (dir.join("lake"), dir.join("report.json"));
    succeeds(&["ingest", arg(&fixture), "--lake", arg(&lake)]);
    succeeds(&["hunt", "--lake", arg(&lake), "--from", "2024-03-06", "--report", arg(&report), "--allow-empty"]);
    let report = read_json(&report);
    (lake, report)
}

#[test]
fn every_finding_of_an_incident_is_explained_by_the_shipped_detectors() {
    let dir = TempDir::new().unwrap();
    let (lake, report) = incident(dir.path());
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings.iter().take(5) {
        let id = finding["id"].as_str().unwrap();
        let text = succeeds(&["explain", id, "--lake", arg(&lake)]).out;
        for title in ["What happened", "Compared with", "Why it matters", "Benign explanations", "What to check next"] {
            assert!(text.contains(&format!("\n{title}\n")), "{title} is not in\n{text}");
        }
        assert!(!text.contains("not known: there is no detector"), "{text}");
        // Names and commands are on one line, to be copied.
        let fits = |line: &str| {
            line.chars().count() <= 100 || ["arn:aws", "  aws ", "  trailhunt "].iter().any(|text| line.contains(text))
        };
        assert!(text.lines().all(fits), "{text}");
    }
}
