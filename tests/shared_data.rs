//! Real archives with known contents. They are not part of the project; `sample.rs` and `odd.rs` test the same
//! behaviour with generated and self-written archives.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{self, arg, evidence, number, query, run_with_report, shared_data};

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data, real archives that are not part of the project")]
fn an_account_under_attack_is_read_completely_and_the_attack_is_found() {
    let source = shared_data("invictus");
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
    assert!(evidence(&report).iter().all(|id| ids.contains(*id)), "all evidence is in the lake");
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data, real archives that are not part of the project")]
fn every_technique_recorded_alone_is_read_and_raises_a_finding() {
    let source = shared_data("stratus");
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let (_, report) = run_with_report(&[arg(&source), "--lake", arg(&lake)], &dir.path().join("r.json"));
    assert_eq!(report["coverage"]["rejects"], 0);
    let found: BTreeSet<&str> = evidence(&report).into_iter().collect();
    let rows = query(
        &lake,
        "SELECT event_id, split_part(split_part(source_object, '/stratus/', 2), '/', 1) AS technique FROM events",
    );
    let mut raised: BTreeMap<&str, bool> = BTreeMap::new();
    for row in &rows {
        let touched = found.contains(row["event_id"].as_str().unwrap());
        *raised.entry(row["technique"].as_str().unwrap()).or_default() |= touched;
    }
    assert_eq!(raised.len(), 23);
    let silent: Vec<_> = raised.iter().filter(|(_, raised)| !**raised).map(|(technique, _)| *technique).collect();
    // Stealing credentials on an instance leaves one command in the log; that command is the finding.
    assert!(silent.is_empty(), "no finding for {silent:?}");
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data, real archives that are not part of the project")]
fn an_organisation_is_read_without_repeated_events() {
    let source = shared_data("organisation");
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let ran = common::succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    assert!(ran.out.contains("30,000 kept, 8 duplicates, 0 rejects"), "{}", ran.out);
    assert_eq!(number(&lake, "SELECT count(DISTINCT event_id) FROM events"), 30_000);
}
