//! Runs every shipped detector on every fixture. A detector may fire on the fixture of another; `cross_fire.txt` lists
//! which do, so that a change to a detector or fixture shows its effect on all of them.
//!
//! ```sh
//! UPDATE=1 cargo test --test tests cross_fire:: -- --ignored   # rewrites cross_fire.txt; review its diff
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use trailhunt::detect::{Detector, Finding, Library, Severity, expand};
use trailhunt::workbench::fixture::hunt;

const CROSS_FIRE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cross_fire.txt");

#[test]
#[ignore = "runs every detector on every fixture for minutes; `.ci/run cross_fire` runs it"]
fn detectors_fire_on_the_fixtures_of_others_as_recorded() {
    let library = Library::load(&[]).expect("the shipped detectors are well formed");
    let detectors: Vec<&Detector> = library.iter().collect();
    let mut fired = hunt_all(&detectors);
    fired.sort_unstable();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(CROSS_FIRE, fired.join("\n") + "\n").expect("cross_fire.txt can be written");
        return;
    }
    let recorded = std::fs::read_to_string(CROSS_FIRE).expect("cross_fire.txt can be read");
    let recorded: Vec<String> = recorded.lines().map(str::to_owned).collect();
    let gone = recorded.iter().filter(|line| !fired.contains(line)).map(|line| format!("- {line}"));
    let new = fired.iter().filter(|line| !recorded.contains(line)).map(|line| format!("+ {line}"));
    let changes: Vec<String> = gone.chain(new).collect();
    assert!(
        changes.is_empty(),
        "tests/cross_fire.txt differs; UPDATE=1 rewrites it, its diff belongs to the change\n{}",
        changes.join("\n")
    );
}

/// Runs all detectors on the fixture of each, on every core. Returns the lines of `cross_fire.txt`.
fn hunt_all(detectors: &[&Detector]) -> Vec<String> {
    let (next, cores) = (AtomicUsize::new(0), std::thread::available_parallelism().map_or(2, usize::from));
    let work = || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let mut lines = Vec::new();
        while let Some(owner) = detectors.get(next.fetch_add(1, Ordering::Relaxed)) {
            let fixture = Library::fixture(&owner.id).expect("each detector has a fixture");
            let records = expand(fixture).expect("the fixture is well formed");
            let hunt = runtime.block_on(hunt(&records, detectors)).expect("the fixture is hunted");
            assert!(hunt.failed.is_empty(), "{}: {:?}", owner.id, hunt.failed);
            lines.extend(cross_fire(&owner.id, &hunt.findings));
        }
        lines
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no hunt panics")).collect()
    })
}

/// One line per detector that fires on a fixture: `call_rate on secret_harvest: 1 high, 2 medium`.
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
