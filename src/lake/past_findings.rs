//! What detectors found on each day, stored beside the events so that a hunt need not evaluate earlier days again.
//!
//! The findings of a day depend on all days up to it. So its files are named like those of a history (`rollup`): by a hash
//! of all SQL that detectors share and of all data files up to that day. If one of them changes, the files are no longer
//! named. A day has one file per run that added detectors to it; the rows say which detector they belong to.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;
use sha2::Digest;

use super::checksum;
use super::rollup;
use super::side_file::{self, SideFile};
use super::snapshot::Snapshot;
use super::sql_files::origin_of_findings;
use super::table::Lake;
use crate::error::{Error, Result};

const FOLDER: &str = "_trailhunt/past_findings";
/// Version of the rows; to be increased when their columns or their meaning change.
const FORMAT: &[u8] = b"1";
/// Small files that are read or written at once.
const AT_ONCE: usize = 16;

impl Lake {
    /// The stored rows of `days`, by day; several batches if several runs added to a day.
    ///
    /// # Errors
    /// When the folder cannot be listed, or a file cannot be read or was modified.
    pub async fn past_findings(
        &self,
        snapshot: &Snapshot,
        days: &[NaiveDate],
    ) -> Result<BTreeMap<NaiveDate, Vec<RecordBatch>>> {
        let stems = stems_by_day(snapshot);
        let wanted: BTreeMap<_, _> = days.iter().filter_map(|day| Some((stems.get(day)?, *day))).collect();
        let mut files = Vec::new();
        for ObjectMeta { location, size, .. } in self.objects_in(FOLDER).await? {
            if let Some(day) = wanted.get(&checksum::stem(&location)) {
                let path = checksum::relative(&self.location, &location);
                files.push((*day, SideFile { path, size_bytes: size, rows: 0 }));
            }
        }
        files.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
        let read = |(day, file): (NaiveDate, SideFile)| async move {
            Ok::<_, Error>((day, side_file::read(&self.location, &file, None).await?))
        };
        let mut stored: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut reads = stream::iter(files).map(read).buffered(AT_ONCE);
        while let Some((day, batches)) = reads.try_next().await? {
            stored.entry(day).or_default().extend(batches);
        }
        Ok(stored)
    }

    /// Adds rows to days of a snapshot.
    ///
    /// # Errors
    /// When a file cannot be written, or the snapshot has no such day.
    pub async fn keep_past_findings(
        &self,
        snapshot: &Snapshot,
        found: impl IntoIterator<Item = (NaiveDate, RecordBatch)>,
    ) -> Result<()> {
        let stems = &stems_by_day(snapshot);
        let write = |(day, rows): (NaiveDate, RecordBatch)| async move {
            let stem = stems.get(&day).ok_or_else(|| Error::Internal(format!("no events on {day}")))?;
            let stem = checksum::relative(&self.location, stem);
            side_file::write(&self.location, stem, &[rows], rollup::properties()).await.map(drop)
        };
        stream::iter(found).map(write).buffer_unordered(AT_ONCE).try_collect().await
    }
}

/// Stems of the files that belong to a snapshot.
pub fn stems(snapshot: &Snapshot) -> Vec<Path> {
    stems_by_day(snapshot).into_values().collect()
}

fn stems_by_day(snapshot: &Snapshot) -> BTreeMap<NaiveDate, Path> {
    let keys = rollup::keys(&origin_of_findings().chain_update(FORMAT), true, snapshot);
    keys.into_iter().map(|(day, key)| (day, snapshot.location.child(&format!("{FOLDER}/{key}")))).collect()
}
