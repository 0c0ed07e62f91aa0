//! The folder of detectors tests itself: every detector over every fixture, each fixture a lake of its own.
//!
//! On its own fixture a detector has to fire on the hits and not on the misses. What it does on the others is no
//! failure but may not change unseen: `cross_fire.txt` holds who fires where.
//!
//! ```sh
//! DETECTOR=root_use cargo test --test detectors   # one detector on its own fixture
//! UPDATE=1 cargo test --test detectors            # writes cross_fire.txt anew; its diff is the review
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use trailhunt::detect::{Detector, Finding, Library, Severity, Verdict, expand};
use trailhunt::workbench::fixture::hunt;

const CROSS_FIRE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cross_fire.txt");

/// The records of a detector's fixture.
fn fixture(id: &str) -> Result<Vec<serde_json::Value>, String> {
    let text = Library::fixture(id).ok_or(format!("{id}: no {id}.events.jsonl beside it"))?;
    expand(text).map_err(|e| format!("{id}.events.jsonl: {e}"))
}

/// Events called `hit-` have to be evidence of the detector's findings, events called `miss-` must not.
fn check(id: &str, records: &[serde_json::Value], findings: &[Finding]) -> Result<(), String> {
    let verdict = Verdict::of(id, records, findings);
    if verdict.passed() {
        return Ok(());
    }
    let own: Vec<&Finding> = findings.iter().filter(|finding| finding.detector == id).collect();
    let own = serde_json::to_string_pretty(&own).unwrap_or_default();
    Err(format!("{id}: not found: {:?}; found and should not be: {:?}\n{own}", verdict.missed, verdict.wrong))
}

/// One line a detector and fixture: `call_rate on secret_harvest: 1 high, 2 medium`.
fn cross_fire(fixture: &str, findings: &[Finding]) -> Vec<String> {
    let mut fired: BTreeMap<&str, BTreeMap<Severity, usize>> = BTreeMap::new();
    for finding in findings {
        *fired.entry(&finding.detector).or_default().entry(finding.severity).or_default() += 1;
    }
    let line = |(detector, counts): (&str, BTreeMap<Severity, usize>)| {
        let counts: Vec<_> = counts.iter().rev().map(|(severity, n)| format!("{n} {severity}")).collect();
        format!("{detector} on {fixture}: {}", counts.join(", "))
    };
    fired.into_iter().map(line).collect()
}

/// Holds `fired` against the file, or writes it.
fn compare(mut fired: Vec<String>) -> Result<(), String> {
    fired.sort_unstable();
    if std::env::var_os("UPDATE").is_some() {
        return std::fs::write(CROSS_FIRE, fired.join("\n") + "\n").map_err(|e| format!("{CROSS_FIRE}: {e}"));
    }
    let known = std::fs::read_to_string(CROSS_FIRE).map_err(|e| format!("{CROSS_FIRE}: {e}"))?;
    let known: Vec<String> = known.lines().map(str::to_owned).collect();
    let gone = known.iter().filter(|line| !fired.contains(line)).map(|line| format!("- {line}"));
    let new = fired.iter().filter(|line| !known.contains(line)).map(|line| format!("+ {line}"));
    let changes: Vec<String> = gone.chain(new).collect();
    if changes.is_empty() {
        return Ok(());
    }
    Err(format!("who fires where has changed; UPDATE=1 writes tests/cross_fire.txt anew\n{}", changes.join("\n")))
}

/// What came of one fixture: whether its own detector did its duty, and who fired.
type Hunted = (Result<(), String>, Vec<String>);

/// Hunts the fixtures of `ids` with `detectors`, one after another on every core.
fn hunt_all(ids: &[&str], detectors: &[&Detector]) -> Vec<Hunted> {
    let (next, cores) = (AtomicUsize::new(0), std::thread::available_parallelism().map_or(2, usize::from));
    let work = || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let ids = std::iter::from_fn(|| ids.get(next.fetch_add(1, Ordering::Relaxed)));
        let one = |id: &&str| match fixture(id) {
            Ok(records) => {
                let hunt = runtime.block_on(hunt(&records, detectors)).expect("a hunt");
                assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
                let findings = hunt.findings;
                (check(id, &records, &findings), cross_fire(id, &findings))
            }
            Err(reason) => (Err(reason), Vec::new()),
        };
        ids.map(one).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a hunt does not panic")).collect()
    })
}

#[test]
fn every_detector_fires_on_its_hits_not_on_its_misses_and_elsewhere_as_before() {
    let library = Library::load(&[]).expect("the shipped detectors are well formed");
    let only: Vec<String> = std::env::var("DETECTOR").into_iter().collect();
    let detectors = library.select(&only).expect("DETECTOR is one of them");
    let ids: Vec<&str> = detectors.iter().map(|detector| detector.id.as_str()).collect();
    let (checks, fired): (Vec<_>, Vec<_>) = hunt_all(&ids, &detectors).into_iter().unzip();
    let mut failures: Vec<String> = checks.into_iter().filter_map(Result::err).collect();
    if only.is_empty() {
        failures.extend(compare(fired.concat()).err());
    }
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
