//! Sigma rules match the same events as in rsigma-eval, an engine that reads event by event. The rules of
//! `tests/sigma` use every modifier and form of condition; `black_box/sigma_events.py` wrote its events. A difference
//! must be a line of `tests/sigma_engines.txt`; `UPDATE=1` rewrites that file. `tests/sigma_differences.tsv` explains
//! its kinds. `black_box/sigma_engines.py` does the same with more events, all packs and pySigma.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::common::rsigma;
use crate::common::{archive, arg, shared_data, succeeds};
use serde_json::{Value, json};

type Matches = BTreeSet<(String, String)>;

const DIFFERENCES: &str = "tests/sigma_engines.txt";

#[test]
fn every_modifier_matches_the_events_that_it_matches_in_another_engine() {
    let rules = own_rules();
    let records = own_records();
    let (ours, theirs) = both(&rules, &records);
    let files = files_by_rule(&rules);

    let mut lines = String::new();
    for (rule, event) in ours.symmetric_difference(&theirs) {
        let who = if theirs.contains(&(rule.clone(), event.clone())) { "rsigma" } else { "trailhunt" };
        let file = files.get(rule).map_or(rule.as_str(), String::as_str);
        writeln!(lines, "{file}\t{event}\tonly {who}").expect("readable rules, fixture and answer");
    }
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(DIFFERENCES, &text).expect("readable rules, fixture and answer");
    }
    let expected = fs::read_to_string(DIFFERENCES).expect("readable rules, fixture and answer");
    assert!(text == expected, "{DIFFERENCES} says otherwise; the differences are now:\n{text}");
}

#[test]
fn every_own_rule_matches_an_event() {
    let rules = own_rules();
    let matched: BTreeSet<String> = ours(&rules, &own_records()).into_iter().map(|(rule, _)| rule).collect();
    let files = files_by_rule(&rules);
    let quiet: Vec<_> = files.iter().filter(|(rule, _)| !matched.contains(*rule)).map(|(_, file)| file).collect();
    assert!(quiet.is_empty(), "{quiet:?} match nothing");
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/sigma and ../shared/data, which are not part of the project")]
fn public_packs_match_the_same_events_of_an_account_under_attack() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/sigma");
    let records = records_below(&shared_data("invictus"));
    assert_eq!(records.len(), 2900);
    let (ours, theirs) = both(&rules, &records);
    let only = |one: &Matches, other: &Matches| one.difference(other).take(10).cloned().collect::<Vec<_>>();
    assert!(!ours.is_empty());
    assert!(ours == theirs, "only trailhunt {:?}, only rsigma {:?}", only(&ours, &theirs), only(&theirs, &ours));
}

/// The matches of the program and of rsigma-eval, without rules that only serve a correlation.
fn both(rules: &Path, records: &[Value]) -> (Matches, Matches) {
    let mut theirs = rsigma::evaluate(rules, records).expect("readable rules, fixture and answer").matches;
    let parts = rsigma::only_in_correlations(rules).expect("readable rules, fixture and answer");
    theirs.retain(|(rule, _)| !parts.contains(rule));
    let mut ours = ours(rules, records);
    ours.retain(|(rule, _)| !parts.contains(rule));
    (ours, theirs)
}

fn ours(rules: &Path, records: &[Value]) -> Matches {
    let dir = tempfile::tempdir().expect("readable rules, fixture and answer");
    let (source, lake) = (dir.path().join("archive"), dir.path().join("lake"));
    archive(&source, records);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    let sql = "SELECT rule, event_id FROM sigma_matches \
               UNION ALL SELECT rule, event_id FROM sigma_correlated WHERE completes";
    let ran = succeeds(&["query", "--lake", arg(&lake), "--sigma", arg(rules), "--format", "json", sql]);
    let rows: Vec<Value> = serde_json::from_str(&ran.out).expect("readable rules, fixture and answer");
    let text = |row: &Value, name: &str| row[name].as_str().expect("readable rules, fixture and answer").to_owned();
    rows.iter().map(|row| (text(row, "rule"), text(row, "event_id"))).collect()
}

fn own_rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sigma")
}

/// The events of the fixture. Those without a time get one each, seven seconds apart.
fn own_records() -> Vec<Value> {
    let text = fs::read_to_string(own_rules().join("events.jsonl")).expect("readable rules, fixture and answer");
    let mut records = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut record: Value = serde_json::from_str(line).expect("readable rules, fixture and answer");
        let second = number * 7;
        let time = format!("2024-03-01T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60);
        let members = record.as_object_mut().expect("readable rules, fixture and answer");
        members.entry("eventTime").or_insert(json!(time));
        members.entry("eventVersion").or_insert(json!("1.09"));
        members.entry("recipientAccountId").or_insert(json!("111122223333"));
        records.push(record);
    }
    records
}

/// The file stem of each rule that reports matches.
fn files_by_rule(rules: &Path) -> BTreeMap<String, String> {
    let parts = rsigma::only_in_correlations(rules).expect("readable rules, fixture and answer");
    let mut files = BTreeMap::new();
    for path in rsigma::rule_files(rules).expect("readable rules, fixture and answer") {
        let stem = path
            .file_stem()
            .expect("readable rules, fixture and answer")
            .to_str()
            .expect("readable rules, fixture and answer")
            .to_owned();
        for rule in rsigma::rules_of(&path).expect("readable rules, fixture and answer") {
            files.insert(rule, stem.clone());
        }
    }
    files.retain(|rule, _| !parts.contains(rule));
    files
}

/// The records of all objects below a folder.
fn records_below(folder: &Path) -> Vec<Value> {
    let mut records = Vec::new();
    for entry in fs::read_dir(folder).expect("readable rules, fixture and answer") {
        let path = entry.expect("readable rules, fixture and answer").path();
        if path.is_dir() {
            records.extend(records_below(&path));
        } else if path.extension().is_some_and(|end| end == "gz") {
            let mut text = String::new();
            flate2::read::MultiGzDecoder::new(fs::File::open(&path).expect("readable rules, fixture and answer"))
                .read_to_string(&mut text)
                .expect("readable rules, fixture and answer");
            let mut object: Value = serde_json::from_str(&text).expect("readable rules, fixture and answer");
            records.append(object["Records"].as_array_mut().expect("readable rules, fixture and answer"));
        }
    }
    records
}
