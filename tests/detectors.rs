//! The folder of detectors tests itself: every detector over every fixture, each fixture a lake of its own.
//!
//! On its own fixture a detector has to fire on the hits and not on the misses. What it does on the others is no
//! failure but may not change unseen: `cross_fire.txt` holds who fires where.
//!
//! ```sh
//! DETECTOR=root_use cargo test --test detectors   # one detector on its own fixture
//! UPDATE=1 cargo test --test detectors            # writes cross_fire.txt anew; its diff is the review
//! ```

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{Days, NaiveTime};
use common::{archive, arg};
use trailhunt::commands::ingest::{self, Bounds};
use trailhunt::detect::{Detector, Finding, Library, Settings, Severity, Window, expand, run};
use trailhunt::engine::{MEMORY_BYTES, session};
use trailhunt::geo::Geo;
use trailhunt::lake::{Lake, Rolled};
use trailhunt::source::{Location, S3Settings, Selection};

const CROSS_FIRE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cross_fire.txt");

/// What `detectors` find in a lake of these records.
async fn hunt(records: &[serde_json::Value], detectors: &[&Detector]) -> Vec<Finding> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    archive(&dir.path().join("archive"), records);
    let place =
        |name: &str| Location::parse(arg(&dir.path().join(name)), &S3Settings::default()).expect("a local path");
    let lake = Lake::open_or_create(&place("lake")).await.expect("a lake");
    let ingested = ingest::read(&[place("archive")], &Selection::default(), &lake, Bounds::default()).await;
    assert_eq!(ingested.expect("the archive is read").appended.rejects, 0);
    let (snapshot, geo) = (lake.snapshot().await.expect("a snapshot"), Geo::embedded().expect("the table"));
    // Nothing is rolled up: for so few events it costs more than it saves.
    let session = session(&snapshot, &Rolled::default(), &geo, MEMORY_BYTES).await.expect("a session");
    let (first, last) = snapshot.days().expect("events");
    let midnight = |day: chrono::NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let window = Window { from: midnight(first), to: midnight(last + Days::new(1)) };
    let hunt = run(detectors, &session, window, &Settings::default(), |_, _| {}).await.expect("a hunt");
    assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
    hunt.findings
}

/// The records of a detector's fixture.
fn fixture(id: &str) -> Result<Vec<serde_json::Value>, String> {
    let text = Library::fixture(id).ok_or(format!("{id}: no {id}.events.jsonl beside it"))?;
    expand(text).map_err(|e| format!("{id}.events.jsonl: {e}"))
}

/// Events called `hit-` have to be evidence of the detector's findings, events called `miss-` must not.
fn check(id: &str, records: &[serde_json::Value], findings: &[Finding]) -> Result<(), String> {
    let ids = |prefix: &str| -> BTreeSet<&str> {
        let ids = records.iter().filter_map(|record| record["eventID"].as_str());
        ids.filter(|id| id.starts_with(prefix)).collect()
    };
    let (hits, misses) = (ids("hit-"), ids("miss-"));
    if hits.is_empty() || misses.is_empty() {
        return Err(format!("{id}: a fixture needs events called hit- and miss-"));
    }
    let own: Vec<&Finding> = findings.iter().filter(|finding| finding.detector == id).collect();
    let evidence = own.iter().flat_map(|finding| &finding.evidence.events).map(|event| event.event_id.as_str());
    let evidence: BTreeSet<&str> = evidence.collect();
    let missed: Vec<_> = hits.difference(&evidence).take(3).collect();
    let wrong: Vec<_> = misses.intersection(&evidence).take(3).collect();
    if missed.is_empty() && wrong.is_empty() {
        return Ok(());
    }
    let own = serde_json::to_string_pretty(&own).unwrap_or_default();
    Err(format!("{id}: not found: {missed:?}; found and should not be: {wrong:?}\n{own}"))
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
                let findings = runtime.block_on(hunt(&records, detectors));
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
