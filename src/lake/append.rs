//! Adds decoded objects to the lake, batch by batch, each exactly once.
//!
//! Rows are told from duplicates, gathered by day and encoded as they come; [`Appender::commit`] writes the files under
//! names nobody else uses and makes them true with one Delta commit. When another writer committed first, a batch whose
//! days or objects it touched is handed back to be read again against the new state; any other is committed as it is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Date32Type;
use chrono::{NaiveDate, Utc};
use delta_kernel::committer::FileSystemCommitter;
use delta_kernel::expressions::Scalar;
use delta_kernel::transaction::{CommitResult, Transaction, UpdateTableOperation};
use delta_kernel::{Engine, FileMeta};
use delta_kernel_default_engine::build_add_file_metadata;
use delta_kernel_default_engine::parquet::DataFileMetadata;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use uuid::Uuid;

use super::data_file::{BuiltFile, DataFileBuilder};
use super::known::{Known, event_keys};
use super::ledger::{self, Ledger, LedgerRow, Standing};
use super::snapshot::Snapshot;
use super::state::{DOMAIN, SideFile, State};
use super::{ENGINE_INFO, Lake};
use crate::decode::{Decoded, Reject};
use crate::error::{Error, Result};
use crate::schema::{PARTITION, file_schema};
use crate::source::LogObject;

/// A batch is committed when it holds this many events,
const BATCH_EVENTS_MAX: u64 = 1_000_000;
/// or this many bytes of rows and encoded files,
const BATCH_BYTES_MAX: usize = 96 << 20;
/// or this many objects: the ledger of a batch is held in memory too.
const BATCH_OBJECTS_MAX: usize = 20_000;
/// Ledger files a state may point at before the smaller ones are joined.
const LEDGER_FILES_MAX: usize = 16;
/// A checkpoint spares readers the replay of this many commits.
const COMMITS_PER_CHECKPOINT: u64 = 20;

/// Adds to one lake.
pub struct Appender<'a> {
    lake: &'a Lake,
    snapshot: Snapshot,
    ledger: Ledger,
    known: Known,
    pending: Pending,
}

/// The batch under way.
#[derive(Default)]
struct Pending {
    days: BTreeMap<i32, DataFileBuilder>,
    objects: Vec<LedgerRow>,
    rejects: Vec<Reject>,
    events: u64,
}

/// What became of some decoded objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Objects read.
    pub objects: u64,
    /// Events in the batch that were not in the lake.
    pub kept: u64,
    /// Events that were.
    pub duplicates: u64,
    /// Records, or damaged ends of objects, that could not be read.
    pub rejects: u64,
    /// Members of another type than documented.
    pub retyped_members: u64,
}

impl std::ops::AddAssign for Appended {
    fn add_assign(&mut self, other: Appended) {
        self.objects += other.objects;
        self.kept += other.kept;
        self.duplicates += other.duplicates;
        self.rejects += other.rejects;
        self.retyped_members += other.retyped_members;
    }
}

/// How a commit ended.
#[derive(Debug)]
pub enum Committed {
    /// The batch is in the lake. What it added.
    Done(Appended),
    /// Another writer touched the same days or objects first: these objects are to be read again.
    Superseded(Vec<LogObject>),
}

impl<'a> Appender<'a> {
    /// Reads the lake's ledger.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub async fn new(lake: &'a Lake) -> Result<Appender<'a>> {
        let snapshot = lake.snapshot().await?;
        let ledger = Ledger::load(&lake.location, &snapshot.state.ledger).await?;
        Ok(Appender { lake, snapshot, ledger, known: Known::default(), pending: Pending::default() })
    }

    /// What the ledger knows of an object.
    pub fn standing(&self, object: &LogObject) -> Standing {
        self.ledger.standing(object)
    }

    /// Adds decoded objects to the batch under way.
    ///
    /// # Errors
    /// When the days' files in the lake cannot be read.
    pub async fn push(&mut self, decoded: Decoded) -> Result<Appended> {
        let Decoded { batch, days, objects, rejects, others: _ } = decoded;
        let mut met: Vec<i32> = days.clone();
        met.sort_unstable();
        met.dedup();
        for day in &met {
            self.known.load(&self.snapshot, *day).await?;
        }
        let keys = event_keys(&batch)?;
        let fresh: Vec<bool> = keys.iter().zip(&days).map(|(key, day)| self.known.insert(*day, *key)).collect();
        for day in met {
            let of_day: BooleanArray = fresh.iter().zip(&days).map(|(fresh, of)| Some(*fresh && *of == day)).collect();
            if of_day.true_count() > 0 {
                let rows = filter(&batch, &of_day)?;
                tokio::task::block_in_place(|| self.file_of(day)?.push(rows))?;
            }
        }
        let mut appended = Appended::default();
        for decoded in objects {
            let kept = fresh[decoded.rows.clone()].iter().filter(|fresh| **fresh).count() as u64;
            let duplicates = decoded.rows.len() as u64 - kept;
            appended.objects += 1;
            appended.kept += kept;
            appended.duplicates += duplicates;
            appended.rejects += decoded.rejects;
            appended.retyped_members += decoded.retyped_members;
            self.pending.objects.push(LedgerRow { decoded, kept, duplicates });
        }
        self.pending.rejects.extend(rejects);
        self.pending.events += appended.kept;
        Ok(appended)
    }

    fn file_of(&mut self, day: i32) -> Result<&mut DataFileBuilder> {
        Ok(match self.pending.days.entry(day) {
            std::collections::btree_map::Entry::Occupied(file) => file.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let columns: Vec<_> = crate::schema::STATISTICS
                    .iter()
                    .map(|c| delta_kernel::expressions::ColumnName::new([*c]))
                    .collect();
                place.insert(DataFileBuilder::new(&columns, &self.snapshot.delta.schema())?)
            }
        })
    }

    /// True when the batch should be committed before more is added.
    pub fn is_full(&self) -> bool {
        let bytes: usize = self.pending.days.values().map(DataFileBuilder::memory_bytes).sum();
        self.pending.events >= BATCH_EVENTS_MAX
            || bytes >= BATCH_BYTES_MAX
            || self.pending.objects.len() >= BATCH_OBJECTS_MAX
    }

    /// Makes the batch under way true. Does nothing when there is none.
    ///
    /// # Errors
    /// When files or the log cannot be written. Nothing of the batch is then in the lake.
    pub async fn commit(&mut self) -> Result<Committed> {
        let Pending { days, objects, rejects, .. } = std::mem::take(&mut self.pending);
        if objects.is_empty() {
            return Ok(Committed::Done(Appended::default()));
        }
        let batch = Uuid::now_v7().simple().to_string();
        let touched: Vec<i32> = days.keys().copied().collect();
        let files = self.write_files(&batch, days).await?;
        let ledger_rows = ledger::ledger_batch(&objects, &batch, Utc::now())?;
        let ledger_file = self.write_side(format!("_trailhunt/ledger/{batch}.parquet"), &[ledger_rows]).await?;
        let reject_file = match ledger::rejects_batch(&rejects, &batch)? {
            none if none.num_rows() == 0 => None,
            rows => Some(self.write_side(format!("_trailhunt/rejects/{batch}.parquet"), &[rows]).await?),
        };
        loop {
            let state = self.next_state(&ledger_file, reject_file.as_ref()).await?;
            let conflicted = tokio::task::block_in_place(|| self.try_commit(&files, &state))?;
            let before = std::mem::replace(&mut self.snapshot, self.lake.snapshot().await?);
            // A commit whose answer was lost looks like a conflict with ourselves.
            let ours = self.snapshot.state.ledger.contains(&ledger_file);
            if !conflicted || ours {
                return Ok(Committed::Done(self.done(objects)));
            }
            self.ledger = Ledger::load(&self.lake.location, &self.snapshot.state.ledger).await?;
            let others = new_days(&before, &self.snapshot);
            let met = |row: &LedgerRow| self.ledger.standing(&row.decoded.object) == Standing::Read;
            if touched.iter().any(|day| others.contains(day)) || objects.iter().any(met) {
                self.known = Known::default();
                self.discard(files.iter().map(|(_, path, _)| path.clone())).await;
                return Ok(Committed::Superseded(objects.into_iter().map(|row| row.decoded.object).collect()));
            }
        }
    }

    fn done(&mut self, objects: Vec<LedgerRow>) -> Appended {
        self.known.committed();
        let mut appended = Appended::default();
        for row in &objects {
            self.ledger.insert(&row.decoded.object.url, &row.decoded.object.version);
            appended += Appended {
                objects: 1,
                kept: row.kept,
                duplicates: row.duplicates,
                rejects: row.decoded.rejects,
                retyped_members: row.decoded.retyped_members,
            };
        }
        appended
    }

    async fn write_files(
        &self,
        batch: &str,
        days: BTreeMap<i32, DataFileBuilder>,
    ) -> Result<Vec<(NaiveDate, Path, Written)>> {
        let location = &self.lake.location;
        let mut files = Vec::with_capacity(days.len());
        for (day, file) in days {
            let day = Date32Type::to_naive_date_opt(day).ok_or_else(|| Error::Internal(format!("day {day}")))?;
            let BuiltFile { bytes, statistics } = tokio::task::block_in_place(|| file.finish())?;
            let path = location.child(&format!("{PARTITION}={day}/{batch}.parquet"));
            let size_bytes = bytes.len() as u64;
            let put = location.store().put(&path, bytes.into()).await;
            put.map_err(|e| Error::storage("write", location.url_of(&path), e))?;
            files.push((day, path, Written { size_bytes, statistics }));
        }
        Ok(files)
    }

    async fn write_side(&self, path: String, batches: &[RecordBatch]) -> Result<SideFile> {
        ledger::write(&self.lake.location, path, batches).await
    }

    /// The state after this batch. Joins the smaller ledger files when there are many.
    async fn next_state(&self, ledger: &SideFile, rejects: Option<&SideFile>) -> Result<State> {
        let mut state = self.snapshot.state.clone();
        state.rejects.extend(rejects.cloned());
        if state.ledger.len() >= LEDGER_FILES_MAX {
            state.ledger.sort_by_key(|file| std::cmp::Reverse(file.rows));
            let small = state.ledger.split_off(1);
            let mut rows = Vec::new();
            for file in &small {
                rows.extend(ledger::read(&self.lake.location, file, None).await?);
            }
            let path = format!("_trailhunt/ledger/{}.parquet", Uuid::now_v7().simple());
            state.ledger.push(self.write_side(path, &rows).await?);
        }
        state.ledger.push(ledger.clone());
        Ok(state)
    }

    /// One attempt at the commit. True when another writer was first.
    fn try_commit(&self, files: &[(NaiveDate, Path, Written)], state: &State) -> Result<bool> {
        let lake = self.lake;
        let engine = lake.engine.as_ref();
        let mut transaction: Transaction = Arc::clone(&self.snapshot.delta)
            .update_table(UpdateTableOperation::Write, ENGINE_INFO, true)
            .build(engine, Box::new(FileSystemCommitter::new()))
            .map_err(|e| lake.failed(e))?;
        let context = transaction.write_state().map_err(|e| lake.failed(e))?;
        for (day, path, written) in files {
            let day = Scalar::Date(Date32Type::from_naive_date(*day));
            let context = context
                .write_context_builder()
                .with_partition_values(HashMap::from([(PARTITION.to_owned(), day)]))
                .build()
                .map_err(|e| lake.failed(e))?;
            let mut location = lake.location.store_url();
            location.set_path(path.as_ref());
            let meta = FileMeta { location, last_modified: Utc::now().timestamp_millis(), size: written.size_bytes };
            let metadata = DataFileMetadata::new(meta, written.statistics.clone());
            transaction.add_files(build_add_file_metadata(metadata, &context).map_err(|e| lake.failed(e))?);
        }
        let state = serde_json::to_string(state).map_err(|e| lake.failed(e))?;
        let transaction = transaction.with_domain_metadata(DOMAIN.to_owned(), state);
        match transaction.commit(engine).map_err(|e| lake.failed(e))? {
            CommitResult::Committed(committed) => {
                let due = committed.post_commit_stats().commits_since_checkpoint >= COMMITS_PER_CHECKPOINT;
                if let Some(snapshot) = committed.post_commit_snapshot().filter(|_| due) {
                    checkpoint(snapshot, engine);
                }
                Ok(false)
            }
            CommitResult::Conflicted(_) => Ok(true),
            CommitResult::Retryable(retry) => Err(lake.failed(retry.error)),
        }
    }

    /// Takes back files no commit will ever point at. Best effort: a reader does not see them either way.
    async fn discard(&self, paths: impl Iterator<Item = Path>) {
        for path in paths {
            let _ = self.lake.location.store().delete(&path).await;
        }
    }
}

/// A data file in its place.
struct Written {
    size_bytes: u64,
    statistics: arrow::array::StructArray,
}

/// A checkpoint is an aid to readers; without one they replay more commits.
fn checkpoint(snapshot: &delta_kernel::SnapshotRef, engine: &dyn Engine) {
    let _ = snapshot.checkpoint(engine, None);
}

/// Days in which `now` has files that `before` had not.
fn new_days(before: &Snapshot, now: &Snapshot) -> Vec<i32> {
    let had: std::collections::HashSet<_> = before.files.iter().map(|file| &file.path).collect();
    let new = now.files.iter().filter(|file| !had.contains(&file.path));
    new.map(|file| Date32Type::from_naive_date(file.day)).collect()
}

fn filter(batch: &RecordBatch, rows: &BooleanArray) -> Result<RecordBatch> {
    debug_assert_eq!(batch.schema(), file_schema());
    filter_record_batch(batch, rows).map_err(|e| Error::Internal(e.to_string()))
}
