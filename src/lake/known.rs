//! Which events the lake has, day by day, so that none is kept twice.
//!
//! An event is identified by its `event_id`, or by its whole content if the id does not identify it: it is missing,
//! redacted or not a GUID. All records of one event carry the same time, so only the ids of its own day are compared. Days
//! are loaded on first use and the least recently used days are dropped, so memory depends on the days being written, not
//! on the size of the lake.

use std::collections::{HashMap, HashSet};

use arrow::array::{AsArray, RecordBatch};
use foldhash::fast::RandomState;

use super::side_file::read_columns;
use super::snapshot::Snapshot;
use crate::decode::{RowContent, unique_id};
use crate::error::{Error, Result};

/// One id may be held per this many bytes of the memory limit. An id takes 17 to 40 bytes.
const LIMIT_BYTES_PER_ID: usize = 512;

/// Identity of an event, 128 bits.
pub type EventKey = u128;

/// Event keys by day.
#[derive(Debug)]
pub struct Known {
    days: HashMap<i32, Day>,
    clock: u64,
    ids_max: usize,
}

#[derive(Debug, Default)]
struct Day {
    keys: HashSet<EventKey, RandomState>,
    used: u64,
    /// Holds keys of the current batch, which are in no file yet.
    pending: bool,
}

impl Known {
    /// An empty set, bounded for a process with a memory limit of `memory_bytes`.
    pub fn new(memory_bytes: usize) -> Known {
        Known { days: HashMap::new(), clock: 0, ids_max: memory_bytes / LIMIT_BYTES_PER_ID }
    }

    /// Makes sure the keys of `day` (days since 1970-01-01) are in memory.
    ///
    /// # Errors
    /// When one of the day's files cannot be read.
    pub async fn load(&mut self, snapshot: &Snapshot, day: i32) -> Result<()> {
        self.clock += 1;
        let clock = self.clock;
        if let Some(known) = self.days.get_mut(&day) {
            known.used = clock;
            return Ok(());
        }
        self.evict();
        let mut keys = HashSet::default();
        for file in &snapshot.files {
            if arrow::datatypes::Date32Type::from_naive_date(file.day) != day {
                continue;
            }
            let url = snapshot.location.url_of(&file.path);
            let bytes = snapshot.location.bytes(&file.path).await?;
            let read = |columns| read_columns(bytes.clone(), columns).map_err(|e| Error::lake(url.as_str(), e));
            let mut batches = read(Some(&["event_id"]))?;
            let ids: Vec<_> = batches.iter().map(unique_ids).collect::<Result<_>>()?;
            if ids.iter().flatten().any(Option::is_none) {
                batches = read(None)?;
            }
            for batch in &batches {
                keys.extend(event_keys(batch)?);
            }
        }
        self.days.insert(day, Day { keys, used: clock, pending: false });
        Ok(())
    }

    /// Adds an event of a loaded day. False when it was known.
    pub fn insert(&mut self, day: i32, key: EventKey) -> bool {
        let known = self.days.entry(day).or_default();
        known.pending = true;
        known.keys.insert(key)
    }

    /// The current batch is now in the lake.
    pub fn committed(&mut self) {
        self.days.values_mut().for_each(|day| day.pending = false);
    }

    /// Another writer added events to these days: they are loaded again on their next use.
    pub fn forget(&mut self, days: &HashSet<i32>) {
        self.days.retain(|day, _| !days.contains(day));
    }

    /// Drops the least recently used days until the bound holds.
    fn evict(&mut self) {
        while self.days.values().map(|day| day.keys.len()).sum::<usize>() > self.ids_max {
            let oldest = self.days.iter().filter(|(_, day)| !day.pending).min_by_key(|(_, day)| day.used);
            let Some((oldest, _)) = oldest else { return };
            let oldest = *oldest;
            self.days.remove(&oldest);
        }
    }
}

/// The key of every row: its `event_id` where that identifies an event, else a hash of the row's content.
///
/// # Errors
/// [`Error::Internal`] when a column cannot be formatted.
pub fn event_keys(batch: &RecordBatch) -> Result<Vec<EventKey>> {
    let ids = unique_ids(batch)?;
    if ids.iter().all(Option::is_some) {
        return Ok(ids.into_iter().flatten().collect());
    }
    let content = RowContent::new(batch)?;
    Ok(ids.into_iter().enumerate().map(|(row, id)| id.unwrap_or_else(|| content.hash(row))).collect())
}

/// The `event_id` of every row that it identifies.
fn unique_ids(batch: &RecordBatch) -> Result<Vec<Option<EventKey>>> {
    let Some(ids) = batch.column_by_name("event_id").map(|ids| ids.as_string::<i32>()) else {
        return Err(Error::Internal("a batch without event_id".into()));
    };
    Ok(ids.iter().map(|id| id.and_then(unique_id)).collect())
}
