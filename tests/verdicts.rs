//! Verdicts of analysts: stored in a chain, shown in later hunts, and used by backtests.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::{Path, PathBuf};

use crate::common::{self, archive, arg, read_json, succeeds, trailhunt, trailhunt_with, write};
use serde_json::{Value, json};

/// Reports identities that call GetCallerIdentity often on a day.
const MANY_CALLS: &str = r#"/*
title      = "Many calls"
severity   = "medium"
confidence = "high"
attack     = ["T1580"]
why        = "Test"
benign     = ["Test"]
respond    = ["Test"]
[params]
min_calls = { default = 3, min = 1, help = "calls in a day" }
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
  count(*) AS calls
FROM calls
WHERE event_time >= $from AND event_time < $to
  AND api = 'GetCallerIdentity'
GROUP BY actor, account_id, event_date
HAVING count(*) >= $min_calls
"#;

/// A lake on which the detector above was written.
struct Case {
    dir: tempfile::TempDir,
    lake: PathBuf,
}

/// Ann calls 4 times on two days, mallory 12 times and zoe 5 times on the first.
fn case() -> Case {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let mut events = Vec::new();
    for (user, day, calls) in [("ann", 1, 4), ("mallory", 1, 12), ("zoe", 1, 5), ("ann", 2, 4)] {
        for n in 0..calls {
            let arn = format!("arn:aws:iam::111122223333:user/{user}");
            events.push(json!({
                "eventVersion": "1.09", "eventTime": format!("2024-01-{day:02}T10:{n:02}:00Z"),
                "eventID": format!("{user}-{day}-{n}"), "eventSource": "sts.amazonaws.com",
                "eventName": "GetCallerIdentity", "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7",
                "eventType": "AwsApiCall", "recipientAccountId": "111122223333", "readOnly": true,
                "userIdentity": {"type": "IAMUser", "arn": arn, "accountId": "111122223333"}
            }));
        }
    }
    archive(&source, &events);
    write(&dir.path().join("mine/many_calls.sql"), MANY_CALLS.as_bytes());
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    Case { dir, lake }
}

impl Case {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Arguments that name the lake and the detector.
    fn with<'a>(&'a self, command: &'a str, mine: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
        let args = [command, "--lake", arg(&self.lake), "--detector-dir", arg(mine), "--detector", "many_calls"];
        [&args[..], more].concat()
    }

    /// Hunts a day and reads the report as JSON.
    fn hunt(&self, day: u32, more: &[&str]) -> (String, Value) {
        let (mine, report) = (self.path("mine"), self.path("report.json"));
        let (from, to) = (format!("2024-01-{day:02}"), format!("2024-01-{:02}", day + 1));
        let window = ["--from", &from, "--to", &to, "--report", arg(&report)];
        let out = succeeds(&self.with("hunt", &mine, &[&window[..], more].concat())).out;
        (out, read_json(&report))
    }

    /// Stores a verdict as eva.
    fn verdict(&self, id: &str, verdict: &str, more: &[&str]) -> String {
        let args = ["verdict", id, verdict, "--by", "eva", "--lake", arg(&self.lake)];
        succeeds(&[&args[..], more].concat()).out
    }

    fn backtest(&self, more: &[&str]) -> common::Ran {
        trailhunt(&self.with("backtest", &self.path("mine"), more))
    }
}

/// The finding about a user.
fn of<'a>(report: &'a Value, user: &str) -> &'a Value {
    let mut findings = report["findings"].as_array().unwrap().iter();
    findings.find(|finding| finding["entity"].as_str().unwrap().ends_with(user)).expect("a finding")
}

fn id(finding: &Value) -> &str {
    finding["id"].as_str().unwrap()
}

fn today() -> String {
    chrono::Utc::now().date_naive().to_string()
}

#[test]
fn a_verdict_is_shown_with_the_finding_and_with_its_story_on_another_day() {
    let case = case();
    let (_, first) = case.hunt(1, &[]);
    let ann = of(&first, "ann");
    case.verdict(id(ann), "malicious", &[]);
    let changed = case.verdict(&id(ann)[..6].to_uppercase(), "benign", &["--note", "a backup | job"]);
    assert!(changed.contains("replaces  malicious, by eva on "), "{changed}");

    let (md, html) = (case.path("report.md"), case.path("report.html"));
    let (out, second) = case.hunt(2, &["--report", arg(&md), "--report", arg(&html)]);
    let seen = format!("seen before: benign, by eva on {} (a backup | job)", today());
    assert!(out.contains(&seen), "{out}");
    assert!(std::fs::read_to_string(&md).unwrap().contains(&seen.replace('|', "\\|")));
    let verdict = &of(&second, "ann")["verdict"];
    assert_eq!(
        (&verdict["verdict"], &verdict["by"], &verdict["finding"]),
        (&json!("benign"), &json!("eva"), &ann["id"])
    );
    assert_ne!(of(&second, "ann")["id"], ann["id"], "it is another finding of the same story");
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains(&format!("\"verdict\":{verdict}")), "the page has the verdict");
    assert_eq!(of(&second, "ann")["severity"], "medium", "a verdict changes no severity");
    let (_, first) = case.hunt(1, &[]);
    assert_eq!(of(&first, "ann")["verdict"]["note"], "a backup | job");
    assert_eq!(of(&first, "zoe")["verdict"], Value::Null);

    let list = ["verdict", "--lake", arg(&case.lake)];
    let out = succeeds(&list).out;
    assert!(out.contains(id(ann)) && out.contains("many_calls, user/ann, eva, a backup | job"), "{out}");
    assert!(!out.contains("malicious "), "only the last verdict on a finding is listed: {out}");
    let json = succeeds(&[&list[..], &["--list", "--format", "json"]].concat()).out;
    let json: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!((json.len(), &json[0]["finding"]["details"]["calls"]), (1, &json!(4)), "{json:?}");
    assert_eq!(json[0]["run"].as_str().unwrap().len(), 36, "{json:?}");
    assert_eq!(std::fs::read_dir(case.lake.join("_trailhunt/verdicts")).unwrap().count(), 2, "both stay in the lake");
}

#[test]
fn a_verdict_needs_a_finding_that_exists() {
    let case = case();
    let lake = arg(&case.lake);
    let fails = |args: &[&str]| {
        let ran = trailhunt_with(&[("USER", "eva")], &[&["verdict", "--lake", lake], args].concat());
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        ran.err
    };
    assert!(succeeds(&["verdict", "--lake", lake]).out.starts_with("no verdicts yet"));
    assert!(fails(&["3f2a91c07d5e6b18", "benign"]).contains("no run is recorded yet; `trailhunt hunt` records one"));
    let (_, report) = case.hunt(1, &[]);
    let ann = id(of(&report, "ann"));
    let typo = format!("{}{}", &ann[..15], if ann.ends_with('0') { '1' } else { '0' });
    let error = fails(&[&typo, "benign"]);
    let expected = format!("no finding {typo}; did you mean {ann} (many_calls, user/ann)?");
    assert!(error.contains(&expected), "{error}");
    assert!(fails(&["3f2", "benign"]).contains("expected 16 hex digits, or at least the first 6"));
    assert!(fails(&[ann, "harmless"]).contains("possible values: malicious, benign, expected"));
    assert!(fails(&[ann]).contains("VERDICT"));
    assert!(
        trailhunt(&["verdict", ann, "benign", "--lake", lake, "--by", " "]).code == 2 || std::env::var("USER").is_ok()
    );
    // A report from elsewhere, and the user of the machine.
    let elsewhere = case.path("elsewhere.json");
    std::fs::copy(case.path("report.json"), &elsewhere).unwrap();
    case.hunt(2, &[]);
    assert!(fails(&[ann, "expected"]).contains(&format!("no finding {ann}; ")), "the last report does not have it");
    let args = ["verdict", ann, "expected", "--lake", lake, "--report", arg(&elsewhere)];
    let ran = trailhunt_with(&[("USER", "eva")], &args);
    assert!(ran.code == 0 && ran.out.contains("recorded  by eva, sha256 "), "{}{}", ran.out, ran.err);
}

#[test]
fn a_suppression_does_not_hide_a_finding_that_is_judged_malicious() {
    let case = case();
    let (_, report) = case.hunt(1, &[]);
    let mallory = id(of(&report, "mallory"));
    case.verdict(mallory, "malicious", &[]);
    let accepted = case.path("accepted.toml");
    write(&accepted, b"[[suppress]]\ndetector = 'many_calls'\nreason = 'scripts'\nexpires = 2999-01-01\n");
    let (out, report) = case.hunt(1, &["--suppressions", arg(&accepted)]);
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(of(&report, "mallory")["verdict"]["ignored_suppression"], 1);
    assert_eq!(report["suppressed"].as_array().unwrap().len(), 2);
    assert_eq!(report["suppressions"][0]["not_applied_to"], json!([mallory]));
    let note = format!("seen before: malicious, by eva on {}; the suppression on line 1 does not apply to it", today());
    assert!(out.split_whitespace().collect::<Vec<_>>().join(" ").contains(&note), "{out}");
    assert!(out.contains(&format!("not applied to {mallory}: judged malicious")), "{out}");

    let ran = case.backtest(&["--suppressions", arg(&accepted)]);
    let expected = format!("the suppression on line 1 would hide finding {mallory}, judged malicious by eva on ");
    assert!(ran.code == 2 && ran.err.contains(&expected), "{}{}", ran.out, ran.err);
    let narrow = "[[suppress]]\nentity = '*user/ann'\nreason = 'scripts'\nexpires = 2999-01-01\n";
    write(&accepted, narrow.as_bytes());
    let ran = case.backtest(&["--suppressions", arg(&accepted)]);
    assert!(ran.code == 0 && ran.out.contains("2 findings suppressed, not counted"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_backtest_shows_precision_and_proposes_what_removes_benign_findings_only() {
    let case = case();
    let (_, report) = case.hunt(1, &[]);
    let (ann, mallory) = (id(of(&report, "ann")), id(of(&report, "mallory")));
    case.verdict(ann, "expected", &["--note", "a script"]);
    case.verdict(mallory, "malicious", &[]);
    let judged = |more: &[&str]| -> Value {
        let ran = case.backtest(&[more, &["--format", "json"]].concat());
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        serde_json::from_str::<Value>(&ran.out).unwrap()["verdicts"][0].clone()
    };
    let of_detector = judged(&[]);
    assert_eq!(of_detector["precision"], 0.5);
    assert_eq!((&of_detector["malicious"], &of_detector["benign"]), (&json!(1), &json!(1)));
    // 4 calls are benign and 12 malicious; 5 keeps zoe, who has no verdict.
    let expected = json!({"name": "min_calls", "value": "5", "now": "3", "malicious_kept": 1, "others": 1,
                          "others_removed": 0});
    assert_eq!(of_detector["parameter"], expected);
    let suppression = &of_detector["suppressions"][0];
    assert_eq!(suppression["entity"], "arn:aws:iam::111122223333:user/ann");
    assert_eq!(suppression["reason"], format!("a script; judged expected by eva on {}", today()));
    let out = case.backtest(&[]).out;
    assert!(out.contains("many_calls          1       1        50%"), "{out}");
    assert!(out.contains(
        "--set many_calls.min_calls=5 (now 3) removes it, keeps 1 finding judged malicious, also removes 0 of 1 "
    ));
    // What is proposed works, and then nothing is left to propose.
    let accepted = case.path("accepted.toml");
    let (_, entry) = out.split_once("add to the file of --suppressions:\n").unwrap();
    write(&accepted, entry.split("\nNo alerts").next().unwrap().as_bytes());
    for more in [["--suppressions", arg(&accepted)], ["--set", "many_calls.min_calls=5"]] {
        let left = judged(&more);
        assert_eq!((&left["benign_reported"], &left["malicious_missed"]), (&json!([]), &json!([])), "{more:?}: {left}");
    }
    let ran = case.backtest(&["--set", "many_calls.min_calls=13"]);
    let refused = format!("many_calls with min_calls=13 would hide finding {mallory}, judged malicious by eva on ");
    assert!(ran.code == 2 && ran.err.contains(&refused), "{}{}", ran.out, ran.err);

    // The same identity is benign on one day and malicious on another: no suppression and no parameter tells them apart.
    let (_, report) = case.hunt(2, &[]);
    let later = id(of(&report, "ann"));
    case.verdict(later, "malicious", &[]);
    let of_detector = judged(&[]);
    assert_eq!((&of_detector["parameter"], &of_detector["suppressions"]), (&Value::Null, &json!([])));
    assert_eq!(of_detector["conflicts"], json!([{"benign": ann, "malicious": later}]));
    let out = case.backtest(&[]).out;
    assert!(out.contains("no single parameter removes it and keeps the findings judged malicious"), "{out}");
}

#[test]
fn a_modified_or_removed_verdict_is_detected() {
    let case = case();
    let (_, report) = case.hunt(1, &[]);
    for (user, verdict) in [("ann", "benign"), ("zoe", "expected")] {
        case.verdict(id(of(&report, user)), verdict, &[]);
    }
    case.hunt(1, &[]);
    let verify = || trailhunt(&["verify", "--lake", arg(&case.lake)]);
    let ran = verify();
    assert!(ran.code == 0 && ran.out.contains("verdicts  2, last record "), "{}{}", ran.out, ran.err);
    let [first, last] = ["00000001", "00000002"].map(|name| case.lake.join(format!("_trailhunt/verdicts/{name}.json")));
    let text = std::fs::read_to_string(&first).unwrap();
    std::fs::write(&first, text.replace("\"verdict\":\"benign\"", "\"verdict\":\"malicious\"")).unwrap();
    let ran = verify();
    assert!(ran.code == 2 && ran.out.contains("00000001.json: hash mismatch: the record was modified"), "{}", ran.out);
    // A hunt says so and goes on; a backtest has no reliable precision.
    let mine = case.path("mine");
    let ran = trailhunt(&case.with("hunt", &mine, &[]));
    assert!(ran.code == 2 && ran.out.contains("00000001.json: hash mismatch"), "{}{}", ran.out, ran.err);
    assert!(case.backtest(&[]).err.contains("00000001.json: hash mismatch"));
    assert_eq!(trailhunt(&["verdict", "--lake", arg(&case.lake)]).code, 2);
    std::fs::write(&first, text).unwrap();
    assert_eq!(verify().code, 0);
    std::fs::remove_file(&last).unwrap();
    let ran = verify();
    let expected = "runs/00000002.json: the verdict with the hash ";
    assert!(ran.code == 2 && ran.out.contains(expected), "{}{}", ran.out, ran.err);
}
