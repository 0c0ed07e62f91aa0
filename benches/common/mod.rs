//! Shared by the benches: a sample archive, generated once per process, and its log objects in memory.

#![allow(dead_code, reason = "each bench uses only a part")]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bytes::Bytes;
use trailhunt::sample::{SampleSettings, generate};
use trailhunt::source::{self, Location, LogObject, S3Settings, Selection};

/// Twelve days of a small organisation, in a temporary folder that is not removed.
pub static ARCHIVE: LazyLock<PathBuf> = LazyLock::new(|| {
    let out = std::env::temp_dir().join(format!("trailhunt-bench-{}", std::process::id()));
    let settings = SampleSettings { out: out.clone(), days: 12, events_per_day: 4000, ..SampleSettings::default() };
    generate(&settings, &mut |_| {}).expect("the temporary folder is writable");
    out
});

/// The location of a local folder.
pub fn place(path: &Path) -> Location {
    Location::parse(path.to_str().expect("a UTF-8 path"), &S3Settings::default()).expect("a local path")
}

/// All log objects of the archive, in the order in which an ingest reads them.
pub async fn objects() -> Vec<(LogObject, Bytes)> {
    let location = place(&ARCHIVE);
    let selection = Selection::default();
    let mut objects = Vec::new();
    for leaf in source::walk(&location, &selection).await.expect("the archive exists").leaves {
        for object in source::list(&location, &selection, leaf).await.logs {
            let bytes = std::fs::read(format!("/{}", object.path)).expect("the object can be read");
            objects.push((object, bytes.into()));
        }
    }
    objects
}

/// A multi-threaded runtime, as in the program.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime can be created")
}
