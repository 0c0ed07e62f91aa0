//! The folder of detectors tests itself: each detector over its own fixture, through the whole program.

mod common;

use std::collections::BTreeSet;

use common::{archive, arg, evidence, run_with_report};
use trailhunt::detect::{Library, expand};

/// Runs one detector over its fixture: events called `hit-` must be evidence, events called `miss-` must not.
fn check(id: &str) -> Result<(), String> {
    let fixture = Library::fixture(id).ok_or(format!("{id}: no {id}.events.jsonl beside it"))?;
    let records = expand(fixture).map_err(|e| format!("{id}: fixture: {e}"))?;
    let ids = |prefix: &str| -> BTreeSet<String> {
        let ids = records.iter().filter_map(|record| record["eventID"].as_str());
        ids.filter(|id| id.starts_with(prefix)).map(str::to_owned).collect()
    };
    let (hits, misses) = (ids("hit-"), ids("miss-"));
    if hits.is_empty() || misses.is_empty() {
        return Err(format!("{id}: a fixture needs events called hit- and miss-"));
    }
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    archive(&dir.path().join("archive"), &records);
    let (source, lake) = (dir.path().join("archive"), dir.path().join("lake"));
    let args = [arg(&source), "--lake", arg(&lake), "--detector", id];
    let (_, report) = run_with_report(&args, &dir.path().join("report.json"));
    let evidence: BTreeSet<String> = evidence(&report).into_iter().map(str::to_owned).collect();
    let missed: Vec<_> = hits.difference(&evidence).take(3).collect();
    let wrong: Vec<_> = misses.intersection(&evidence).take(3).collect();
    if missed.is_empty() && wrong.is_empty() {
        return Ok(());
    }
    let findings = serde_json::to_string_pretty(&report["findings"]).unwrap_or_default();
    Err(format!("{id}: not found: {missed:?}; found and should not be: {wrong:?}\n{findings}"))
}

#[test]
fn every_detector_fires_on_its_hits_and_not_on_its_misses() {
    let library = Library::load(&[]).expect("the shipped detectors are well formed");
    let only = std::env::var("DETECTOR").ok();
    let ids: Vec<&str> =
        library.iter().map(|d| d.id.as_str()).filter(|id| only.as_deref().is_none_or(|o| o == *id)).collect();
    assert!(!ids.is_empty());
    let failures: Vec<String> = std::thread::scope(|scope| {
        let (left, right) = ids.split_at(ids.len() / 2);
        let halves = [left, right]
            .map(|half| scope.spawn(move || half.iter().filter_map(|id| check(id).err()).collect::<Vec<_>>()));
        halves.into_iter().flat_map(|half| half.join().expect("a check does not panic")).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_fixture_belongs_to_a_detector() {
    let library = Library::load(&[]).expect("the shipped detectors are well formed");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/detectors");
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let id = name.split('.').next().unwrap_or_default();
        assert!(library.get(id).is_ok(), "{name} belongs to no detector");
    }
}
