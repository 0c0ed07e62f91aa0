//! One test per shipped detector, named after it. The build script writes the tests from the files in `sql/detectors/`.
//!
//! Each test runs one detector on its own fixture: events with an id `hit-...` must be evidence of a finding, events
//! with an id `miss-...` must not. `cross_fire.rs` runs every detector on every fixture.
//!
//! ```sh
//! cargo test --test tests detectors::root_use
//! ```

use std::sync::LazyLock;

use trailhunt::detect::{FixtureResult, Library, expand};
use trailhunt::workbench::fixture::hunt;

include!(concat!(env!("OUT_DIR"), "/detector_tests.rs"));

static LIBRARY: LazyLock<Library> =
    LazyLock::new(|| Library::load(&[]).expect("the shipped detectors are well formed"));

/// Runs a detector on its fixture and compares its evidence with the hits and misses.
fn check(id: &str) {
    let detector = LIBRARY.get(id).expect("a shipped detector");
    let fixture = Library::fixture(id).expect("each detector has a fixture ID.events.jsonl");
    let records = expand(fixture).expect("the fixture is well formed");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let hunt = runtime.block_on(hunt(&records, &[detector])).expect("the fixture is hunted");
    assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
    let result = FixtureResult::of(id, &records, &hunt.findings);
    let findings = serde_json::to_string_pretty(&hunt.findings).expect("findings are JSON");
    assert!(
        result.passed(),
        "hits that are not evidence: {:?}; misses that are evidence: {:?}\n{findings}",
        result.missed,
        result.wrong
    );
}

#[test]
fn every_file_in_the_folder_belongs_to_a_detector() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/detectors");
    for entry in std::fs::read_dir(folder).expect("the folder exists") {
        let name = entry.expect("a file name").file_name().to_string_lossy().into_owned();
        let id = name.split('.').next().unwrap_or_default();
        assert!(LIBRARY.get(id).is_ok(), "{name} belongs to no detector");
    }
}
