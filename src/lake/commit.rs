//! One Delta commit: the moment at which files are in the lake, or out of it.

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

use super::data_file::BuiltFile;
use super::snapshot::{Snapshot, path_in_store};
use super::state::{DOMAIN, State};
use super::{ENGINE_INFO, Lake};
use crate::error::{Error, Result};
use crate::schema::PARTITION;

/// A checkpoint spares readers the replay of this many commits.
const COMMITS_PER_CHECKPOINT: u64 = 20;

/// A data file in its place, which no commit names yet.
pub struct NewFile {
    /// UTC day of its events.
    pub day: NaiveDate,
    /// Key in the lake's store.
    pub path: Path,
    size_bytes: u64,
    statistics: StructArray,
}

/// What a commit changes.
pub enum Change<'a> {
    /// Events come in, and the state with them.
    Append {
        /// Files that come in.
        files: &'a [NewFile],
        /// The state from now on.
        state: &'a State,
    },
    /// The same events in other files.
    Rewrite {
        /// Files that come in.
        files: &'a [NewFile],
        /// Keys of the files they stand for.
        instead_of: &'a HashSet<Path>,
    },
}

/// How an attempt at a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is in the log.
    Done,
    /// Another writer was first; nothing of it is in the log.
    Conflict,
}

/// Writes a finished file of `day` under the name of `batch`, which nobody else uses.
///
/// # Errors
/// [`Error::Storage`] when it cannot be written.
pub async fn write(lake: &Lake, batch: &str, day: NaiveDate, file: BuiltFile) -> Result<NewFile> {
    let location = &lake.location;
    let path = location.child(&format!("{PARTITION}={day}/{batch}.parquet"));
    let size_bytes = file.bytes.len() as u64;
    let put = location.store().put(&path, file.bytes.into()).await;
    put.map_err(|e| Error::storage("write", location.url_of(&path), e))?;
    Ok(NewFile { day, path, size_bytes, statistics: file.statistics })
}

/// Takes back files no commit will ever name. Best effort: a reader does not see them either way.
pub async fn discard(lake: &Lake, files: &[NewFile]) {
    for file in files {
        let _ = lake.location.store().delete(&file.path).await;
    }
}

/// One attempt to commit `change` on top of `snapshot`. Blocks; call it where that is allowed.
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
        Change::Rewrite { instead_of, .. } => remove(lake, snapshot, instead_of, &mut transaction)?,
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

/// Names the files to remove by the rows of the snapshot's own metadata, as the Delta library wants it.
fn remove(lake: &Lake, snapshot: &Snapshot, gone: &HashSet<Path>, transaction: &mut Transaction) -> Result<()> {
    let scan = Arc::clone(&snapshot.delta).scan_builder().build().map_err(|e| lake.failed(e))?;
    for metadata in scan.scan_metadata(lake.engine.as_ref()).map_err(|e| lake.failed(e))? {
        let (data, selected) = metadata.map_err(|e| lake.failed(e))?.scan_files.into_parts();
        let batch = ArrowEngineData::try_from_engine_data(data).map_err(|e| lake.failed(e))?;
        let paths = batch.record_batch().column_by_name("path").and_then(|paths| paths.as_string_opt::<i32>());
        let paths = paths.ok_or_else(|| Error::Internal("scan metadata without paths".into()))?;
        let mut goes = Vec::with_capacity(paths.len());
        for (row, path) in paths.iter().enumerate() {
            let is_live = selected.get(row).copied().unwrap_or(true);
            goes.push(is_live && gone.contains(&path_in_store(lake, path.unwrap_or_default())?));
        }
        if goes.contains(&true) {
            let rows = FilteredEngineData::try_new(batch, goes).map_err(|e| lake.failed(e))?;
            transaction.remove_files(rows);
        }
    }
    Ok(())
}

/// A checkpoint is an aid to readers; without one they replay more commits.
fn checkpoint(snapshot: &SnapshotRef, engine: &dyn Engine) {
    let _ = snapshot.checkpoint(engine, None);
}
