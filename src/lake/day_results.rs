//! What detectors found and Sigma rules matched on each day, stored beside the events so that a hunt need not evaluate
//! earlier days again.
//!
//! The results of a day depend on all days up to it. So its files are named like those of a history (`rollup`): by a hash
//! of all SQL that detectors share and of all data files up to that day. If one of them changes, the files are no longer
//! named. A day has one file per run that added detectors or rules to it; the rows say which one they belong
//! to.

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

/// Results that are stored by day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayResult {
    /// Findings of detectors.
    Findings,
    /// Matches of Sigma rules.
    SigmaMatches,
}

impl DayResult {
    const ALL: [DayResult; 2] = [DayResult::Findings, DayResult::SigmaMatches];

    fn folder(self) -> &'static str {
        match self {
            DayResult::Findings => "_trailhunt/past_findings",
            DayResult::SigmaMatches => "_trailhunt/sigma_matches",
        }
    }

    /// Version of the rows; to be increased when their columns or their meaning change.
    fn format(self) -> &'static [u8] {
        match self {
            DayResult::Findings | DayResult::SigmaMatches => b"1",
        }
    }
}

/// Small files that are read or written at once.
const AT_ONCE: usize = 16;

impl Lake {
    /// The stored rows of `days`, by day; several batches if several runs added to a day.
    ///
    /// # Errors
    /// When the folder cannot be listed, or a file cannot be read or was modified.
    pub async fn day_results(
        &self,
        of: DayResult,
        snapshot: &Snapshot,
        days: &[NaiveDate],
    ) -> Result<BTreeMap<NaiveDate, Vec<RecordBatch>>> {
        let stems = stems_by_day(of, snapshot);
        let wanted: BTreeMap<_, _> = days.iter().filter_map(|day| Some((stems.get(day)?, *day))).collect();
        let mut files = Vec::new();
        for ObjectMeta { location, size, .. } in self.objects_in(of.folder()).await? {
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
    pub async fn keep_day_results(
        &self,
        of: DayResult,
        snapshot: &Snapshot,
        found: impl IntoIterator<Item = (NaiveDate, RecordBatch)>,
    ) -> Result<()> {
        let stems = &stems_by_day(of, snapshot);
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
    DayResult::ALL.into_iter().flat_map(|of| stems_by_day(of, snapshot).into_values()).collect()
}

fn stems_by_day(of: DayResult, snapshot: &Snapshot) -> BTreeMap<NaiveDate, Path> {
    let keys = rollup::keys(&origin_of_findings().chain_update(of.format()), true, snapshot);
    let child = |key: String| snapshot.location.child(&format!("{}/{key}", of.folder()));
    keys.into_iter().map(|(day, key)| (day, child(key.to_string()))).collect()
}
