//! One Delta commit: adds files to the lake or replaces them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, StructArray};
use arrow::datatypes::Date32Type;
use chrono::{NaiveDate, Utc};
use delta_kernel::committer::FileSystemCommitter;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::engine_data::FilteredEngineData;
use delta_kernel::expressions::Scalar;
use delta_kernel::transaction::{CommitResult, Transaction, UpdateTableOperation};
use delta_kernel::{Engine, FileMeta, SnapshotRef};
use delta_kernel_default_engine::build_add_file_metadata;
use delta_kernel_default_engine::parquet::DataFileMetadata;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::checksum;
use super::data_file::BuiltFile;
use super::snapshot::{Snapshot, path_in_store};
use super::state::{DOMAIN, State};
use super::table::{ENGINE_INFO, Lake};
use crate::error::{Action, Error, Result};
use crate::schema::PARTITION;

/// A checkpoint is written after this many commits, so that readers need not replay them.
const COMMITS_PER_CHECKPOINT: u64 = 20;

/// A data file that was written but that no commit names yet.
pub struct NewFile {
    /// UTC day of its events.
    pub day: NaiveDate,
    /// Key in the lake's store.
    pub path: Path,
    /// Its size.
    pub size_bytes: u64,
    statistics: StructArray,
}

/// What a commit changes.
pub enum Change<'a> {
    /// Adds events and replaces the state.
    Append {
        /// Files to add.
        files: &'a [NewFile],
        /// The new state.
        state: &'a State,
    },
    /// Replaces files by others with the same events.
    Rewrite {
        /// Files to add.
        files: &'a [NewFile],
        /// Keys of the files to remove.
        replaced: &'a HashSet<Path>,
    },
}

/// How an attempt at a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The commit is in the log.
    Done,
    /// Another writer committed first; the log holds nothing of this commit.
    Conflict,
}

/// Writes a finished file of `day`. Its name contains `batch`, which must be unique, and its checksum.
///
/// # Errors
/// [`Error::Storage`] when it cannot be written.
pub async fn write(lake: &Lake, batch: &str, day: NaiveDate, file: BuiltFile) -> Result<NewFile> {
    let location = &lake.location;
    let path = location.child(&checksum::name(&format!("{PARTITION}={day}/{batch}"), &file.bytes, checksum::PARQUET));
    let size_bytes = file.bytes.len() as u64;
    let put = location.store().put(&path, file.bytes.into()).await;
    put.map_err(|e| Error::storage(Action::Write, location.url_of(&path), e))?;
    Ok(NewFile { day, path, size_bytes, statistics: file.statistics })
}

/// Deletes files that no commit will name. Failures are ignored: readers never see these files, and vacuum deletes them.
pub async fn discard(lake: &Lake, files: &[NewFile]) {
    for file in files {
        let _ = lake.location.store().delete(&file.path).await;
    }
}

/// Tries once to commit `change` on top of `snapshot`. Blocks; call it where blocking is allowed.
///
/// # Errors
/// [`Error::Lake`] when the log cannot be written.
pub fn attempt(lake: &Lake, snapshot: &Snapshot, change: &Change<'_>) -> Result<Attempt> {
    let engine = lake.engine.as_ref();
    let (operation, changes_data, files) = match change {
        Change::Append { files, .. } => (UpdateTableOperation::Write, true, files),
        Change::Rewrite { files, .. } => (UpdateTableOperation::Optimize, false, files),
    };
    let mut transaction: Transaction = Arc::clone(&snapshot.delta)
        .update_table(operation, ENGINE_INFO, changes_data)
        .build(engine, Box::new(FileSystemCommitter::new()))
        .map_err(|e| lake.failed(e))?;
    add(lake, files, &mut transaction)?;
    match change {
        Change::Append { state, .. } => {
            let state = serde_json::to_string(state).map_err(|e| lake.failed(e))?;
            transaction = transaction.with_domain_metadata(DOMAIN.to_owned(), state);
        }
        Change::Rewrite { replaced, .. } => remove(lake, snapshot, replaced, &mut transaction)?,
    }
    match transaction.commit(engine).map_err(|e| lake.failed(e))? {
        CommitResult::Committed(committed) => {
            let due = committed.post_commit_stats().commits_since_checkpoint >= COMMITS_PER_CHECKPOINT;
            if let Some(snapshot) = committed.post_commit_snapshot().filter(|_| due) {
                checkpoint(snapshot, engine);
            }
            Ok(Attempt::Done)
        }
        CommitResult::Conflicted(_) => Ok(Attempt::Conflict),
        CommitResult::Retryable(retry) => Err(lake.failed(retry.error)),
    }
}

fn add(lake: &Lake, files: &[NewFile], transaction: &mut Transaction) -> Result<()> {
    let context = transaction.write_state().map_err(|e| lake.failed(e))?;
    for file in files {
        let day = Scalar::Date(Date32Type::from_naive_date(file.day));
        let context = context
            .write_context_builder()
            .with_partition_values(HashMap::from([(PARTITION.to_owned(), day)]))
            .build()
            .map_err(|e| lake.failed(e))?;
        let mut location = lake.location.store_url();
        location.set_path(file.path.as_ref());
        let meta = FileMeta { location, last_modified: Utc::now().timestamp_millis(), size: file.size_bytes };
        let metadata = DataFileMetadata::new(meta, file.statistics.clone());
        transaction.add_files(build_add_file_metadata(metadata, &context).map_err(|e| lake.failed(e))?);
    }
    Ok(())
}

/// Removes files. The Delta library identifies them by rows of the snapshot's scan metadata.
fn remove(lake: &Lake, snapshot: &Snapshot, removed: &HashSet<Path>, transaction: &mut Transaction) -> Result<()> {
    let scan = Arc::clone(&snapshot.delta).scan_builder().build().map_err(|e| lake.failed(e))?;
    for metadata in scan.scan_metadata(lake.engine.as_ref()).map_err(|e| lake.failed(e))? {
        let (data, selected) = metadata.map_err(|e| lake.failed(e))?.scan_files.into_parts();
        let batch = ArrowEngineData::try_from_engine_data(data).map_err(|e| lake.failed(e))?;
        let paths = batch.record_batch().column_by_name("path").and_then(|paths| paths.as_string_opt::<i32>());
        let paths = paths.ok_or_else(|| Error::Internal("scan metadata without paths".into()))?;
        let mut is_removed = Vec::with_capacity(paths.len());
        for (row, path) in paths.iter().enumerate() {
            let is_live = selected.get(row).copied().unwrap_or(true);
            is_removed.push(is_live && removed.contains(&path_in_store(lake, path.unwrap_or_default())?));
        }
        if is_removed.contains(&true) {
            let rows = FilteredEngineData::try_new(batch, is_removed).map_err(|e| lake.failed(e))?;
            transaction.remove_files(rows);
        }
    }
    Ok(())
}

/// Writes a checkpoint. Failures are ignored: without it, readers only replay more commits.
fn checkpoint(snapshot: &SnapshotRef, engine: &dyn Engine) {
    let _ = snapshot.checkpoint(engine, None);
}
