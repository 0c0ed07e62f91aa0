//! Daily summaries of the events, kept beside them so that history need not be read again.
//!
//! A rollup is a SQL file in `sql/rollups`; each of its rows belongs to one day and depends on that day's events alone.
//! What it says of one day is one file, named by a hash of the rollup's text and of the day's data files. A day that
//! changed, or a rollup that did, gets another name: nothing has to be invalidated, and no commit has to say so. A file
//! that is not there is computed from the events by whoever needs it; a file nobody names any more is for
//! [`Lake::vacuum`].
//!
//! A history, a SQL file in `sql/histories`, says of a day what only all days up to it can tell, such as what was seen for
//! the first time. It is kept the same way, a file a day, named by a hash of those days too and of what places addresses:
//! a night reads what is kept of the past and adds its own day.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::TryStreamExt;
use include_dir::{Dir, File, include_dir};
use object_store::path::Path;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use sha2::{Digest, Sha256};

use super::snapshot::{DataFile, Snapshot};
use super::{Lake, ledger};
use crate::error::{Error, Result};

static ROLLUPS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/rollups");
static HISTORIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/histories");
/// What rollups, and detectors, may stand on.
pub static VIEWS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/views");

/// A daily summary.
#[derive(Debug, Clone, Copy)]
pub struct Rollup {
    /// Name of its table.
    pub name: &'static str,
    /// How it is made, from events or, for a history, from rollups. `event_date` is its first column.
    pub sql: &'static str,
    /// It stands on all days up to its own.
    pub is_history: bool,
}

/// All that stand on one day each.
pub fn rollups() -> Vec<Rollup> {
    of_folder(&ROLLUPS, false)
}

/// All that stand on all days up to their own.
pub fn histories() -> Vec<Rollup> {
    of_folder(&HISTORIES, true)
}

fn of_folder(folder: &'static Dir<'_>, is_history: bool) -> Vec<Rollup> {
    let rollup = |file: &'static File<'_>| {
        Some(Rollup { name: file.path().file_stem()?.to_str()?, sql: file.contents_utf8()?, is_history })
    };
    let mut rollups: Vec<_> = folder.files().filter_map(rollup).collect();
    rollups.sort_by_key(|rollup| rollup.name);
    rollups
}

/// What of a snapshot is rolled up.
#[derive(Debug, Clone, Default)]
pub struct Rolled {
    /// Files of each rollup, by its name.
    pub files: HashMap<&'static str, Vec<DataFile>>,
}

impl Rolled {
    /// Days of `snapshot` that a rollup has no file of.
    pub fn missing(&self, rollup: &Rollup, snapshot: &Snapshot) -> Vec<NaiveDate> {
        let rolled: Vec<_> = self.files.get(rollup.name).into_iter().flatten().map(|file| file.day).collect();
        let mut days: Vec<_> = snapshot.files.iter().map(|file| file.day).collect();
        days.dedup();
        match rollup.is_history {
            // What follows a day that is missing is made together with it.
            true => days.into_iter().skip_while(|day| rolled.contains(day)).collect(),
            false => days.into_iter().filter(|day| !rolled.contains(day)).collect(),
        }
    }
}

impl Lake {
    /// What of a snapshot is rolled up already, with addresses placed by `geography` as far as that matters.
    ///
    /// # Errors
    /// When the folder of rollups cannot be listed.
    pub async fn rolled(&self, snapshot: &Snapshot, geography: &[String]) -> Result<Rolled> {
        let folder = self.location.child("_trailhunt/rollups");
        let listed: Vec<_> = match self.location.store().list(Some(&folder)).try_collect::<Vec<_>>().await {
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            listed => listed.map_err(|e| Error::storage("list", self.location.url_of(&folder), e))?,
        };
        let listed: HashMap<Path, u64> = listed.into_iter().map(|object| (object.location, object.size)).collect();
        let mut rolled = Rolled::default();
        for rollup in rollups().into_iter().chain(histories()) {
            let files = rolled.files.entry(rollup.name).or_default();
            for (day, key) in keys(&rollup, snapshot) {
                let path = self.location.child(&path(&rollup, &key, geography));
                match listed.get(&path) {
                    Some(size_bytes) => files.push(file(path, *size_bytes, day)),
                    None if rollup.is_history => break,
                    None => {}
                }
            }
        }
        Ok(rolled)
    }

    /// Keeps what a rollup says of one day of a snapshot.
    ///
    /// # Errors
    /// When the file cannot be written, or the snapshot has no such day.
    pub async fn keep_rollup(
        &self,
        rollup: &Rollup,
        snapshot: &Snapshot,
        geography: &[String],
        day: NaiveDate,
        batches: &[RecordBatch],
    ) -> Result<DataFile> {
        let keys = keys(rollup, snapshot);
        let key = keys.get(&day).ok_or_else(|| Error::Internal(format!("no events on {day}")))?;
        let written = ledger::write(&self.location, path(rollup, key, geography), batches, properties()).await?;
        Ok(file(self.location.child(&written.path), written.size_bytes, day))
    }
}

/// How rollups are written. They are small, every hunt reads all of them, and some detectors read one many times: what takes
/// least to read counts, and no zstd context for each column of each day.
fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(super::ENGINE_INFO.to_owned())
        .build()
}

/// Paths of all files that hold for a snapshot, there or not, of histories without the ending that says what placed the
/// addresses; see [`stem`].
pub fn stems(snapshot: &Snapshot) -> Vec<Path> {
    let of = |rollup: Rollup| {
        let keys = keys(&rollup, snapshot).into_values();
        keys.map(|key| stem(&snapshot.location.child(&path(&rollup, &key, &[])))).collect::<Vec<_>>()
    };
    rollups().into_iter().chain(histories()).flat_map(of).collect()
}

/// A file's path up to the first point of its name.
pub fn stem(path: &Path) -> Path {
    let text = path.as_ref();
    let name = path.filename().unwrap_or_default();
    let ending = name.find('.').map_or(0, |at| name.len() - at);
    Path::from(&text[..text.len() - ending])
}

fn file(path: Path, size_bytes: u64, day: NaiveDate) -> DataFile {
    let (min, max, nulls) = Default::default();
    DataFile { path, size_bytes, day, rows: 0, min, max, nulls }
}

fn path(rollup: &Rollup, key: &str, geography: &[String]) -> String {
    let places = match rollup.is_history {
        true => format!(".{}", short(Sha256::new_with_prefix(geography.join("\n")))),
        false => String::new(),
    };
    format!("_trailhunt/rollups/{}/{key}{places}.parquet", rollup.name)
}

/// What names a day's file: the day, and a hash of everything its content follows from.
fn keys(rollup: &Rollup, snapshot: &Snapshot) -> BTreeMap<NaiveDate, String> {
    /// Functions may change with the program, views with their text.
    static STANDS_ON: LazyLock<Sha256> = LazyLock::new(|| {
        let mut hash = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
        let mut views: Vec<_> = VIEWS.files().collect();
        views.sort_by_key(|view| view.path());
        views.iter().for_each(|view| hash.update(view.contents()));
        hash
    });
    let mut whole = STANDS_ON.clone();
    if rollup.is_history {
        rollups().iter().for_each(|stands_on| whole.update(stands_on.sql));
    }
    whole.update(rollup.sql);
    let mut days: BTreeMap<NaiveDate, Vec<&str>> = BTreeMap::new();
    for file in &snapshot.files {
        days.entry(file.day).or_default().push(file.path.filename().unwrap_or_default());
    }
    let mut keys = BTreeMap::new();
    for (day, files) in days {
        let mut hash = whole.clone();
        files.iter().for_each(|file| {
            hash.update([0]);
            hash.update(file);
        });
        if rollup.is_history {
            whole = hash.clone();
        }
        keys.insert(day, format!("{day}-{}", short(hash)));
    }
    keys
}

fn short(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
