//! The SQL files of views, functions, rollups and histories, as they are compiled into the program.

use include_dir::{Dir, File, include_dir};
use sha2::{Digest, Sha256};

static ROLLUPS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/rollups");
static HISTORIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/histories");
/// Views that rollups and detectors read.
pub static VIEWS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/views");

/// Table functions, which any of the others and detectors read.
pub static FUNCTIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/functions");

/// A daily summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollup {
    /// Name of its table.
    pub name: &'static str,
    /// Its query, over events and views or, for a history, over rollups. `event_date` is the first column.
    pub sql: &'static str,
    /// Its rows depend on all days up to their own.
    pub is_history: bool,
}

/// The rollups: each row depends on one day.
pub fn rollups() -> Vec<Rollup> {
    of_folder(&ROLLUPS, false)
}

/// The histories: each row depends on all days up to its own.
pub fn histories() -> Vec<Rollup> {
    of_folder(&HISTORIES, true)
}

/// Name and SQL of every view, sorted by name.
pub fn views() -> Vec<(&'static str, &'static str)> {
    of_folder(&VIEWS, false).into_iter().map(|view| (view.name, view.sql)).collect()
}

/// The rollups, then the histories computed from them.
pub fn rollups_and_histories() -> Vec<Rollup> {
    rollups().into_iter().chain(histories()).collect()
}

/// A hash of the program's version, which stands for its functions, and of all SQL that a detector may read.
pub fn origin_of_findings() -> Sha256 {
    let mut hash = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
    for folder in [&ROLLUPS, &HISTORIES, &VIEWS, &FUNCTIONS] {
        folder.files().for_each(|file| hash.update(file.contents()));
    }
    hash
}

fn of_folder(folder: &'static Dir<'_>, is_history: bool) -> Vec<Rollup> {
    let rollup = |file: &'static File<'_>| {
        Some(Rollup { name: file.path().file_stem()?.to_str()?, sql: file.contents_utf8()?, is_history })
    };
    let mut rollups: Vec<_> = folder.files().filter_map(rollup).collect();
    rollups.sort_by_key(|rollup| rollup.name);
    rollups
}
