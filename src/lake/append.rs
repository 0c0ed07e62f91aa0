//! Adds decoded objects to the lake, batch by batch, each exactly once.
//!
//! Duplicates are dropped; the other rows are grouped by day and encoded as they arrive. [`Appender::commit`] writes the
//! files under unique names and makes them visible with one Delta commit. If another writer committed some of its objects
//! or events first, the batch is returned to the caller to be read again; otherwise it is committed unchanged.
//! Objects that another writer read in the meantime are dropped when they are pushed, with their rows.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::Date32Type;
use chrono::Utc;
use uuid::Uuid;

use super::commit::{self, Attempt, Change, NewFile};
use super::data_file::{DataFileBuilder, ROW_GROUP_ROWS, RowGroups, properties};
use super::known::{self, Known, Seen, event_keys};
use super::ledger::{Ledger, ObjectState};
use super::ledger_schema::{LedgerRow, ledger_batch, ledger_schema, rejects_batch};
use super::rows::Rows;
use super::side_file::{self, SideFile};
use super::snapshot::{DataFile, Snapshot};
use super::state::State;
use super::table::Lake;
use crate::decode::{Decoded, DecodedObject, JobResult, Pool, Reject, mark_repeats};
use crate::error::{Error, Result};
use crate::source::LogObject;

/// A batch is committed when it holds this many events,
const BATCH_EVENTS_MAX: u64 = 1_000_000;
/// or this many objects (their ledger rows are in memory too),
const BATCH_OBJECTS_MAX: usize = 40_000;
/// or is this old, so that an interrupted run does not fetch much from a slow source again.
const BATCH_AGE_MAX: Duration = Duration::from_secs(300);
/// Unsorted rows may take 1/24 of the memory limit, and so may encoded files before they are committed. The rest is for
/// objects being decoded, known event ids and the allocator.
const SHARE: usize = 24;
/// Rows being encoded may take this many shares in total, on any number of cores.
const ENCODED_AT_ONCE: usize = 3;
/// A state names at most this many ledger files; then the smaller ones are joined.
const LEDGER_FILES_MAX: usize = 16;

/// Adds events to one lake.
pub struct Appender<'a> {
    lake: &'a Lake,
    snapshot: Snapshot,
    ledger: Ledger,
    known: Known,
    pending: Pending,
    memory_bytes: usize,
    pool: Pool,
}

/// The batch that is not committed yet.
#[derive(Default)]
struct Pending {
    days: BTreeMap<i32, Day>,
    /// In the order they were started.
    encoding: VecDeque<Encoding>,
    objects: Vec<LedgerRow>,
    rejects: Vec<Reject>,
    events: u64,
    /// When the first object was added.
    since: Option<Instant>,
}

/// One day's file, and the rows that are not encoded yet.
struct Day {
    waiting: Rows,
    builder: DataFileBuilder,
}

/// Rows of a day that are being sorted and encoded.
struct Encoding {
    day: i32,
    /// Memory they take.
    bytes: usize,
    groups: JobResult<Result<RowGroups>>,
}

/// Counts of what was added from some decoded objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Objects read.
    pub objects: u64,
    /// Events that were not in the lake before.
    pub kept: u64,
    /// Of these, addenda to events that the lake has.
    pub addenda: u64,
    /// Events that were already in the lake.
    pub duplicates: u64,
    /// Events that were added although another event has their id.
    pub id_conflicts: u64,
    /// Records that could not be read; a damaged end of an object counts as one.
    pub rejects: u64,
    /// Members of another type than documented.
    pub retyped_members: u64,
}

impl Appended {
    /// Rows added to the lake.
    pub fn added(&self) -> u64 {
        self.kept + self.id_conflicts
    }
}

impl std::ops::AddAssign for Appended {
    fn add_assign(&mut self, other: Appended) {
        self.objects += other.objects;
        self.kept += other.kept;
        self.addenda += other.addenda;
        self.duplicates += other.duplicates;
        self.id_conflicts += other.id_conflicts;
        self.rejects += other.rejects;
        self.retyped_members += other.retyped_members;
    }
}

impl LedgerRow {
    fn appended(&self) -> Appended {
        Appended {
            objects: 1,
            kept: self.kept,
            addenda: self.addenda,
            duplicates: self.duplicates,
            id_conflicts: self.id_conflicts,
            rejects: self.decoded.rejects,
            retyped_members: self.decoded.retyped_members,
        }
    }
}

/// How a commit ended.
#[derive(Debug)]
pub enum Committed {
    /// The batch is in the lake.
    Done(Appended),
    /// Another writer added some of the same objects or events first: these objects must be read again.
    Superseded(Vec<LogObject>),
}

impl<'a> Appender<'a> {
    /// Reads the lake's ledger. Batches are sized so that the process stays within `memory_bytes`; `pool` encodes them.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub async fn new(lake: &'a Lake, memory_bytes: usize, pool: Pool) -> Result<Appender<'a>> {
        let snapshot = lake.snapshot().await?;
        let ledger = Ledger::load(&lake.location, &snapshot.state.ledger).await?;
        let known = Known::new(memory_bytes);
        Ok(Appender { lake, snapshot, ledger, known, pending: Pending::default(), memory_bytes, pool })
    }

    /// Whether an object was read, and in which version.
    pub fn object_state(&self, object: &LogObject) -> ObjectState {
        self.ledger.object_state(object)
    }

    /// Adds decoded objects to the current batch, except those that the ledger has by now; returns their number.
    ///
    /// # Errors
    /// When the days' files in the lake cannot be read.
    pub async fn push(&mut self, decoded: Decoded) -> Result<u64> {
        let Decoded { batch, days, objects, mut rejects, others: _ } = decoded;
        let was_read = |object: &DecodedObject| self.ledger.object_state(&object.object) == ObjectState::Read;
        let (known, objects): (Vec<_>, Vec<_>) = objects.into_iter().partition(was_read);
        if !known.is_empty() {
            let urls: HashSet<&str> = known.iter().map(|known| known.object.url.as_str()).collect();
            rejects.retain(|reject| !urls.contains(reject.object.as_str()));
        }
        let mut distinct_days: Vec<i32> = days.clone();
        distinct_days.sort_unstable();
        distinct_days.dedup();
        for day in &distinct_days {
            self.known.load(&self.snapshot, *day).await?;
        }
        let keys = event_keys(&batch)?;
        let mut seen = vec![Seen::Duplicate; keys.len()];
        for row in objects.iter().flat_map(|object| object.rows.clone()) {
            seen[row] = self.known.insert(days[row], keys[row]);
        }
        let batch = mark_repeats(batch, &seen.iter().map(|seen| *seen == Seen::Addendum).collect::<Vec<_>>())?;
        for day in distinct_days {
            let of_day = (0..).zip(&days).zip(&seen).filter(|((_, of), seen)| **of == day && **seen != Seen::Duplicate);
            let rows: Vec<u32> = of_day.map(|((row, _), _)| row).collect();
            if !rows.is_empty() {
                // Rows that do not fit start the next row group: splitting them would leave small row groups.
                if self.day(day)?.waiting.count() + rows.len() > ROW_GROUP_ROWS {
                    self.encode(day).await?;
                }
                self.day(day)?.waiting.push(&batch, rows)?;
            }
        }
        self.make_room().await?;
        for decoded in objects {
            let count =
                |what: &[Seen]| seen[decoded.rows.clone()].iter().filter(|seen| what.contains(seen)).count() as u64;
            let row = LedgerRow {
                kept: count(&[Seen::First, Seen::Addendum]),
                addenda: count(&[Seen::Addendum]),
                duplicates: count(&[Seen::Duplicate]),
                id_conflicts: count(&[Seen::IdConflict]),
                decoded,
            };
            self.pending.events += row.appended().added();
            self.pending.objects.push(row);
        }
        self.pending.rejects.extend(rejects);
        self.pending.since.get_or_insert_with(Instant::now);
        Ok(known.len() as u64)
    }

    fn day(&mut self, day: i32) -> Result<&mut Day> {
        Ok(match self.pending.days.entry(day) {
            std::collections::btree_map::Entry::Occupied(day) => day.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let builder = DataFileBuilder::new(&self.snapshot.delta.schema())?;
                place.insert(Day { waiting: Rows::default(), builder })
            }
        })
    }

    /// Starts sorting and encoding a day's rows; waits first if too many encodings are in progress.
    async fn encode(&mut self, day: i32) -> Result<()> {
        let in_progress = |pending: &Pending| pending.encoding.iter().map(|encoding| encoding.bytes).sum::<usize>();
        while self.pending.encoding.len() >= self.pool.threads()
            || in_progress(&self.pending) >= ENCODED_AT_ONCE * self.memory_bytes / SHARE
        {
            self.finish_oldest_encoding().await?;
        }
        let Some(of_day) = self.pending.days.get_mut(&day).filter(|of_day| of_day.waiting.count() > 0) else {
            return Ok(());
        };
        let bytes = of_day.waiting.bytes();
        let encode = of_day.builder.begin(std::mem::take(&mut of_day.waiting));
        self.pending.encoding.push_back(Encoding { day, bytes, groups: self.pool.run_first(encode) });
        Ok(())
    }

    /// Waits for the oldest encoding and adds its row groups to their file. False when none is in progress.
    async fn finish_oldest_encoding(&mut self) -> Result<bool> {
        let Some(Encoding { day, groups, .. }) = self.pending.encoding.pop_front() else { return Ok(false) };
        let groups = groups.await??;
        if let Some(of_day) = self.pending.days.get_mut(&day) {
            of_day.builder.add(groups)?;
        }
        Ok(true)
    }

    /// Encodes the largest days until the unsorted rows fit into their share of memory.
    async fn make_room(&mut self) -> Result<()> {
        loop {
            let waiting: usize = self.pending.days.values().map(|day| day.waiting.bytes()).sum();
            let largest = self.pending.days.iter().max_by_key(|(_, day)| day.waiting.bytes());
            match largest {
                Some((day, _)) if waiting > self.memory_bytes / SHARE => self.encode(*day).await?,
                _ => return Ok(()),
            }
        }
    }

    /// True when the batch should be committed before more objects are added.
    pub fn is_full(&self) -> bool {
        let encoded: usize = self.pending.days.values().map(|day| day.builder.encoded_bytes()).sum();
        self.pending.events >= BATCH_EVENTS_MAX
            || encoded >= self.memory_bytes / SHARE
            || self.pending.objects.len() >= BATCH_OBJECTS_MAX
            || self.pending.since.is_some_and(|since| since.elapsed() >= BATCH_AGE_MAX)
    }

    /// Commits the current batch, if there is one.
    ///
    /// # Errors
    /// When files or the log cannot be written. The lake then holds nothing of the batch or, if only the answer to the
    /// commit was lost, all of it. The next run reads the ledger and continues correctly in both cases.
    pub async fn commit(&mut self) -> Result<Committed> {
        for day in self.pending.days.keys().copied().collect::<Vec<_>>() {
            self.encode(day).await?;
        }
        while self.finish_oldest_encoding().await? {}
        let Pending { days, objects, rejects, .. } = std::mem::take(&mut self.pending);
        if objects.is_empty() {
            return Ok(Committed::Done(Appended::default()));
        }
        let batch = Uuid::now_v7().simple().to_string();
        let files = self.write_files(&batch, days).await?;
        let ledger_rows = ledger_batch(&objects, &batch, Utc::now())?;
        let ledger_file = self.write_side(format!("_trailhunt/ledger/{batch}"), &[ledger_rows]).await?;
        let reject_file = match rejects_batch(&rejects, &batch)? {
            empty if empty.num_rows() == 0 => None,
            rows => Some(self.write_side(format!("_trailhunt/rejects/{batch}"), &[rows]).await?),
        };
        loop {
            let state = self.next_state(&ledger_file, reject_file.as_ref()).await?;
            let change = Change::Append { files: &files, state: &state };
            let attempt = tokio::task::block_in_place(|| commit::attempt(self.lake, &self.snapshot, &change))?;
            let others = self.refresh(&files, &state).await?;
            // If the answer to our own commit was lost, the retry conflicts with that commit.
            let ours = self.snapshot.state.ledger.contains(&ledger_file)
                || self.snapshot.files.iter().any(|live| files.iter().any(|file| file.path == live.path));
            if attempt == Attempt::Done || ours {
                return Ok(Committed::Done(self.done(objects)));
            }
            let was_read = |row: &LedgerRow| self.ledger.object_state(&row.decoded.object) == ObjectState::Read;
            if objects.iter().any(was_read) || self.have_common_events(&files, &others).await? {
                self.known = Known::new(self.memory_bytes);
                commit::discard(self.lake, &files).await;
                return Ok(Committed::Superseded(objects.into_iter().map(|row| row.decoded.object).collect()));
            }
        }
    }

    /// Moves on to the newest snapshot, which may hold commits of other writers even if ours succeeded. What they added
    /// is known from then on. Returns the files that they added. `files` and `state` are our own commit.
    async fn refresh(&mut self, files: &[NewFile], state: &State) -> Result<Vec<DataFile>> {
        let before = std::mem::replace(&mut self.snapshot, self.lake.snapshot().await?);
        let was_there = |file: &SideFile| before.state.ledger.contains(file) || state.ledger.contains(file);
        if self.snapshot.state.ledger.iter().all(was_there) {
            return Ok(Vec::new());
        }
        self.ledger = Ledger::load(&self.lake.location, &self.snapshot.state.ledger).await?;
        let had: HashSet<_> = before.files.iter().map(|file| &file.path).chain(files.iter().map(|f| &f.path)).collect();
        let new: Vec<_> = self.snapshot.files.iter().filter(|file| !had.contains(&file.path)).cloned().collect();
        self.known.forget(&new.iter().map(|file| Date32Type::from_naive_date(file.day)).collect());
        Ok(new)
    }

    /// Whether an event of `files`, which we wrote, is also in `others`. Two writers often touch the same days, because
    /// events are delivered after midnight, but rarely the same events.
    async fn have_common_events(&self, files: &[NewFile], others: &[DataFile]) -> Result<bool> {
        for own in files {
            let mut of_day = others.iter().filter(|other| other.day == own.day).peekable();
            if of_day.peek().is_none() {
                continue;
            }
            let ids = known::ids(&self.lake.location, &own.path, own.size_bytes).await?;
            for other in of_day {
                if !ids.is_disjoint(&known::ids(&self.lake.location, &other.path, other.size_bytes).await?) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn done(&mut self, objects: Vec<LedgerRow>) -> Appended {
        self.known.committed();
        let mut appended = Appended::default();
        for row in &objects {
            self.ledger.insert(&row.decoded.object.url, &row.decoded.object.version);
            appended += row.appended();
        }
        appended
    }

    async fn write_files(&self, batch: &str, days: BTreeMap<i32, Day>) -> Result<Vec<NewFile>> {
        let mut files = Vec::with_capacity(days.len());
        for (day, file) in days {
            let day = Date32Type::to_naive_date_opt(day).ok_or_else(|| Error::Internal(format!("day {day}")))?;
            files.push(commit::write(self.lake, batch, day, file.builder.finish()?).await?);
        }
        Ok(files)
    }

    async fn write_side(&self, stem: String, batches: &[RecordBatch]) -> Result<SideFile> {
        side_file::write(&self.lake.location, stem, batches, properties()).await
    }

    /// The state after this batch. Joins the smaller ledger files when there are too many.
    async fn next_state(&self, ledger: &SideFile, rejects: Option<&SideFile>) -> Result<State> {
        let mut state = self.snapshot.state.clone();
        state.rejects.extend(rejects.cloned());
        if state.ledger.len() >= LEDGER_FILES_MAX {
            state.ledger.sort_by_key(|file| std::cmp::Reverse(file.rows));
            let small = state.ledger.split_off(1);
            let stem = format!("_trailhunt/ledger/{}", Uuid::now_v7().simple());
            let small: Vec<_> = small.iter().map(|file| self.lake.location.child(&file.path)).collect();
            state.ledger.push(
                side_file::join(&self.lake.location, stem, &small, ledger_schema().fields(), properties()).await?,
            );
        }
        state.ledger.push(ledger.clone());
        Ok(state)
    }
}
