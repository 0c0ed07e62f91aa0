//! Checks the lake's files against their checksums and the log.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;

use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

use super::checksum;
use super::snapshot::Snapshot;
use super::table::Lake;
use crate::error::{Action, Error, Result};
use crate::source::Location;

/// Files read at once; each is in memory.
const READS_MAX: usize = 4;

/// What a check of the files found.
#[derive(Debug, Default)]
pub struct CheckedFiles {
    /// Files whose content was compared with their checksum.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Files that are not in the sample.
    pub not_sampled: u64,
    /// Files of an older version of this program; only their sizes were checked.
    pub without_checksum: u64,
    /// The problems, one line each.
    pub problems: Vec<String>,
}

impl Lake {
    /// Checks that all files that the newest version names exist in their size, and that the content of every file of the
    /// lake, or of a random `percent` of them, is the one that was written. Calls `progress` with the number of bytes
    /// read and their total.
    ///
    /// # Errors
    /// When the lake cannot be listed.
    pub async fn check_files(&self, percent: f64, progress: &dyn Fn(u64, u64)) -> Result<CheckedFiles> {
        let mut checked = CheckedFiles::default();
        let named = match self.snapshot().await {
            Ok(snapshot) => sizes(&snapshot),
            Err(e) => {
                checked.problems.push(e.to_string());
                HashMap::new()
            }
        };
        let listed: Vec<_> = self
            .location
            .store()
            .list(Some(self.location.prefix()))
            .try_collect()
            .await
            .map_err(|e| Error::storage(Action::List, self.location.to_string(), e))?;
        let ours = listed.into_iter().filter(|object| self.is_lake_file(&object.location));
        let mut found: BTreeMap<Path, u64> = ours.map(|object| (object.location, object.size)).collect();
        for (path, size_bytes) in &named {
            let name = checksum::relative(&self.location, path);
            match found.get(path) {
                None => checked.problems.push(format!("{name}: missing")),
                Some(size) if size == size_bytes => continue,
                Some(size) => checked.problems.push(format!("{name}: {size} bytes instead of {size_bytes}")),
            }
            found.remove(path);
        }
        let files = found.len();
        found.retain(|path, _| checksum::of(path).is_some());
        checked.without_checksum = (files - found.len()) as u64;
        let with_checksum = found.len();
        let sampled = sample(found, percent);
        checked.not_sampled = (with_checksum - sampled.len()) as u64;

        let (mut done, total) = (0, sampled.iter().map(|(_, size)| size).sum());
        progress(done, total);
        let mut results =
            stream::iter(sampled).map(|(path, size)| self.compare(path, size)).buffer_unordered(READS_MAX);
        while let Some((path, size, matches)) = results.next().await {
            done += size;
            progress(done, total);
            match matches {
                // A vacuum deletes files that the lake no longer names.
                Err(e) if is_not_found(&e) && !named.contains_key(&path) => continue,
                Err(e) => checked.problems.push(e.to_string()),
                Ok(false) => {
                    let name = checksum::relative(&self.location, &path);
                    checked.problems.push(format!("{name}: {}", checksum::MODIFIED));
                }
                Ok(true) => {}
            }
            checked.files += 1;
            checked.bytes += size;
        }
        checked.problems.sort();
        Ok(checked)
    }

    /// Whether a file has the content that its name stands for. Hashed on another thread.
    async fn compare(&self, path: Path, size: u64) -> (Path, u64, Result<bool>) {
        let (location, file): (Location, _) = (self.location.clone(), path.clone());
        let compared = tokio::spawn(async move { Ok(checksum::matches(&file, &location.bytes(&file).await?)) }).await;
        (path, size, compared.unwrap_or_else(|e| Err(Error::Internal(format!("checking a file: {e}")))))
    }

    /// Checks the files of `snapshot` with the events of `days`, and the ledger. Returns those without a checksum.
    ///
    /// # Errors
    /// When a file was modified or cannot be read; the error names it.
    pub async fn check_sources(&self, snapshot: &Snapshot, days: &RangeInclusive<NaiveDate>) -> Result<Vec<String>> {
        let of_days = snapshot.files.iter().filter(|file| days.contains(&file.day)).map(|file| file.path.clone());
        let ledger = snapshot.state.ledger.iter().map(|file| self.location.child(&file.path));
        let mut without_checksum = Vec::new();
        for path in of_days.chain(ledger) {
            if checksum::of(&path).is_none() {
                without_checksum.push(checksum::relative(&self.location, &path));
                continue;
            }
            checksum::check(&self.location, &path, &self.location.bytes(&path).await?)?;
        }
        Ok(without_checksum)
    }
}

/// The files that a snapshot names, and their sizes.
fn sizes(snapshot: &Snapshot) -> HashMap<Path, u64> {
    let side = snapshot.state.ledger.iter().chain(&snapshot.state.rejects);
    let side = side.map(|file| (snapshot.location.child(&file.path), file.size_bytes));
    snapshot.files.iter().map(|file| (file.path.clone(), file.size_bytes)).chain(side).collect()
}

/// A random part of the files, rounded up to a whole file.
fn sample(files: BTreeMap<Path, u64>, percent: f64) -> Vec<(Path, u64)> {
    let random = RandomState::new();
    let mut files: Vec<_> = files.into_iter().collect();
    let count = (files.len() as f64 * percent / 100.0).ceil() as usize;
    if count < files.len() {
        files.sort_by_cached_key(|(path, _)| random.hash_one(path));
        files.truncate(count);
    }
    files
}

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Storage { source: object_store::Error::NotFound { .. }, .. })
}
