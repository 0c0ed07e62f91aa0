//! Maintenance: joins a day's small files into a few sorted ones, and deletes files that no commit names.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use uuid::Uuid;

use super::checksum;
use super::commit::{self, Attempt, Change};
use super::data_file::DataFileBuilder;
use super::day_results;
use super::rollup;
use super::rows::Rows;
use super::side_file::read_columns;
use super::snapshot::{DataFile, Snapshot};
use super::table::Lake;
use crate::error::{Action, Error, Result};

/// Larger files are left unchanged.
const SMALL_BYTES_MAX: u64 = 32 << 20;
/// Most events of one rewritten file: about 400 MB when sorted in memory at once.
const FILE_EVENTS_MAX: u64 = 262_144;
/// Rows sorted together may take 1/4 of the memory limit.
const SHARE: usize = 4;

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Days rewritten.
    pub days: u64,
    /// Number of rewritten files, before and after.
    pub files: (u64, u64),
    /// Bytes of these files, before and after.
    pub bytes: (u64, u64),
}

/// What a vacuum did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Vacuumed {
    /// Files deleted.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
}

impl Lake {
    /// Joins the small files of each day, one commit per group of files. The events do not change; the old files stay
    /// until [`Lake::vacuum`].
    ///
    /// Skips days with fewer than `files_min` small files, and days that another writer is compacting. Sorting takes a
    /// share of `memory_bytes`.
    ///
    /// # Errors
    /// When files cannot be read or written. Days that were already committed stay compacted.
    pub async fn compact(&self, files_min: usize, memory_bytes: usize) -> Result<Compacted> {
        let mut compacted = Compacted::default();
        let snapshot = self.snapshot().await?;
        let mut days: BTreeMap<NaiveDate, Vec<DataFile>> = BTreeMap::new();
        for file in snapshot.files.iter().filter(|file| file.size_bytes <= SMALL_BYTES_MAX) {
            days.entry(file.day).or_default().push(file.clone());
        }
        for (day, files) in days {
            for group in groups(files).into_iter().filter(|group| group.len() >= files_min) {
                let before = (group.len() as u64, group.iter().map(|file| file.size_bytes).sum::<u64>());
                if let Some(bytes) = self.join(day, group, memory_bytes / SHARE).await? {
                    compacted.days += 1;
                    compacted.files.0 += before.0;
                    compacted.files.1 += 1;
                    compacted.bytes.0 += before.1;
                    compacted.bytes.1 += bytes;
                }
            }
        }
        Ok(compacted)
    }

    /// Joins some files of a day into one and returns its size; `None` when another writer removed one of them.
    async fn join(&self, day: NaiveDate, files: Vec<DataFile>, sorted_bytes: usize) -> Result<Option<u64>> {
        let mut snapshot = self.snapshot().await?;
        let mut builder = DataFileBuilder::new(&snapshot.delta.schema())?;
        let mut waiting = Rows::default();
        for file in &files {
            let url = self.location.url_of(&file.path);
            let bytes = self.location.bytes(&file.path).await?;
            // The new file's checksum must not confirm altered events.
            checksum::check(&self.location, &file.path, &bytes)?;
            for batch in read_columns(bytes, None).map_err(|e| Error::lake(url.as_str(), e))? {
                waiting.push(&batch, (0..batch.num_rows() as u32).collect())?;
                if waiting.count() >= FILE_EVENTS_MAX as usize || waiting.bytes() >= sorted_bytes {
                    let encode = builder.begin(std::mem::take(&mut waiting));
                    builder.add(tokio::task::block_in_place(encode)?)?;
                }
            }
        }
        let encode = builder.begin(waiting);
        builder.add(tokio::task::block_in_place(encode)?)?;
        let built = builder.finish()?;
        let bytes = built.bytes.len() as u64;
        let new = [commit::write(self, &Uuid::now_v7().simple().to_string(), day, built).await?];
        let replaced: HashSet<Path> = files.into_iter().map(|file| file.path).collect();
        loop {
            let live = snapshot.files.iter().filter(|file| replaced.contains(&file.path)).count();
            if live < replaced.len() {
                commit::discard(self, &new).await;
                return Ok(None);
            }
            let change = Change::Rewrite { files: &new, replaced: &replaced };
            if tokio::task::block_in_place(|| commit::attempt(self, &snapshot, &change))? == Attempt::Done {
                return Ok(Some(bytes));
            }
            snapshot = self.snapshot().await?;
            // If the answer to our own commit was lost, the retry conflicts with that commit.
            if snapshot.files.iter().any(|file| file.path == new[0].path) {
                return Ok(Some(bytes));
            }
        }
    }

    /// Deletes files that the lake does not name and that are older than `before`: leftovers of compacted days and of
    /// interrupted ingests. Older versions of the table that name them can no longer be read.
    ///
    /// # Errors
    /// When files cannot be listed or deleted.
    pub async fn vacuum(&self, before: DateTime<Utc>) -> Result<Vacuumed> {
        let snapshot = self.snapshot().await?;
        let store = self.location.store();
        let listed: Vec<_> = store
            .list(Some(self.location.prefix()))
            .try_collect()
            .await
            .map_err(|e| Error::storage(Action::List, self.location.to_string(), e))?;
        let named = named(&snapshot, &listed);
        let mut vacuumed = Vacuumed::default();
        for object in listed {
            let is_ours = self.is_lake_file(&object.location);
            let is_named = named.contains(&object.location) || named.contains(&rollup::stem(&object.location));
            if !is_ours || is_named || object.last_modified >= before {
                continue;
            }
            let deleted = store.delete(&object.location).await;
            deleted.map_err(|e| Error::storage(Action::Delete, self.location.url_of(&object.location), e))?;
            vacuumed.files += 1;
            vacuumed.bytes += object.size;
        }
        Ok(vacuumed)
    }

    /// True for files of events, ledger, rejects, rollups and past findings; never for the table's log.
    pub(super) fn is_lake_file(&self, path: &Path) -> bool {
        let parts: Vec<_> = path.prefix_match(self.location.prefix()).into_iter().flatten().collect();
        let folder = parts.first().map(|part| part.as_ref().to_owned()).unwrap_or_default();
        let is_data = folder.starts_with(crate::schema::PARTITION) && parts.len() == 2;
        let is_side_file = folder == "_trailhunt" && matches!(parts.len(), 3 | 4);
        (is_data || is_side_file) && matches!(path.extension(), Some("parquet" | "zip"))
    }
}

/// Files that the snapshot names, and stems of the rollups and past findings that belong to it.
fn named(snapshot: &Snapshot, listed: &[ObjectMeta]) -> HashSet<Path> {
    let side = snapshot.state.ledger.iter().chain(&snapshot.state.rejects).map(|f| snapshot.location.child(&f.path));
    let listed = listed.iter().map(|object| rollup::stem(&object.location)).collect();
    let rollups = rollup::stems(snapshot, &listed);
    let past = day_results::stems(snapshot);
    snapshot.files.iter().map(|file| file.path.clone()).chain(side).chain(rollups).chain(past).collect()
}

/// Groups a day's files so that each group has at most [`FILE_EVENTS_MAX`] events; groups of one file are dropped.
fn groups(files: Vec<DataFile>) -> Vec<Vec<DataFile>> {
    let mut groups: Vec<Vec<DataFile>> = Vec::new();
    let mut events = u64::MAX;
    for file in files {
        match groups.last_mut() {
            Some(group) if events + file.rows <= FILE_EVENTS_MAX => {
                events += file.rows;
                group.push(file);
            }
            _ => {
                events = file.rows;
                groups.push(vec![file]);
            }
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_grouped_up_to_a_bound_and_single_files_are_skipped() {
        let file = |rows| DataFile {
            path: Path::from(format!("{rows}")),
            size_bytes: 1,
            day: NaiveDate::default(),
            rows,
            min: BTreeMap::new(),
            max: BTreeMap::new(),
            nulls: BTreeMap::new(),
        };
        let rows = |files: Vec<u64>| -> Vec<Vec<u64>> {
            let groups = groups(files.into_iter().map(file).collect());
            groups.into_iter().map(|group| group.into_iter().map(|file| file.rows).collect()).collect()
        };
        assert_eq!(rows(vec![1, 2, 3]), [[1, 2, 3]]);
        assert_eq!(rows(vec![200_000, 100_000, 1, 262_144, 5]), vec![vec![100_000, 1]]);
        assert!(rows(vec![7]).is_empty());
    }
}
