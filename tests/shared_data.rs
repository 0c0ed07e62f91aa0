//! Real archives with ground truth, when they lie beside the project.

mod common;

use std::collections::BTreeSet;

use common::{arg, evidence, number, query, run_with_report, shared_data};

#[test]
fn an_account_under_attack_is_read_whole_and_its_attack_found() {
    let Some(source) = shared_data("invictus") else { return };
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let (_, report) = run_with_report(&[arg(&source), "--lake", arg(&lake)], &dir.path().join("r.json"));
    assert_eq!(report["coverage"]["events_kept"], 2900);
    assert_eq!(report["coverage"]["rejects"], 0);
    let found: BTreeSet<&str> =
        report["findings"].as_array().unwrap().iter().filter_map(|f| f["detector"].as_str()).collect();
    for detector in ["trail_tampering", "sensitive_api", "denied_breadth"] {
        assert!(found.contains(detector), "{detector} is not among {found:?}");
    }
    let sensitive = report["findings"].as_array().unwrap().iter().filter(|f| f["detector"] == "sensitive_api");
    assert!(
        sensitive
            .flat_map(|f| f["evidence"]["events"].as_array().unwrap())
            .any(|e| e["event_source"] == "iam.amazonaws.com")
    );
    let ids: BTreeSet<String> = query(&lake, "SELECT event_id FROM events")
        .iter()
        .map(|row| row["event_id"].as_str().unwrap().to_owned())
        .collect();
    assert!(evidence(&report).iter().all(|id| ids.contains(*id)), "evidence names events that are there");
}

#[test]
fn every_single_technique_is_read_and_raises_a_finding() {
    let Some(source) = shared_data("stratus") else { return };
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let (_, report) = run_with_report(&[arg(&source), "--lake", arg(&lake)], &dir.path().join("r.json"));
    assert_eq!(report["coverage"]["rejects"], 0);
    let found: BTreeSet<&str> = evidence(&report).into_iter().collect();
    let rows = query(
        &lake,
        "SELECT event_id, split_part(split_part(source_object, '/stratus/', 2), '/', 1) AS technique FROM events",
    );
    let mut raised: std::collections::BTreeMap<&str, bool> = Default::default();
    for row in &rows {
        let touched = found.contains(row["event_id"].as_str().unwrap());
        *raised.entry(row["technique"].as_str().unwrap()).or_default() |= touched;
    }
    assert_eq!(raised.len(), 23);
    let silent: Vec<_> = raised.iter().filter(|(_, raised)| !**raised).map(|(technique, _)| *technique).collect();
    // Reading credentials on the instance itself leaves a command and nothing else; that command is the finding.
    assert!(silent.is_empty(), "no finding for {silent:?}");
}

#[test]
fn an_organisation_is_read_without_its_repeats() {
    let Some(source) = shared_data("organisation") else { return };
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let ran = common::succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    assert!(ran.out.contains("30,000 kept, 8 duplicates, 0 rejects"), "{}", ran.out);
    assert_eq!(number(&lake, "SELECT count(DISTINCT event_id) FROM events"), 30_000);
}
