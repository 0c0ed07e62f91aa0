//! Which events the lake has, day by day, so that none is kept twice.
//!
//! An event is known by its `event_id`, or by its whole content if the id does not identify it: it is missing, redacted or
//! not a GUID. Two records of one event carry the same time, so only the event's own day has to be looked at. Days are loaded when first met and the least recently used
//! are let go, so memory follows the days under way and not the lake.

use std::collections::{HashMap, HashSet};

use arrow::array::{AsArray, RecordBatch};
use foldhash::fast::RandomState;

use super::ledger::read_columns;
use super::snapshot::Snapshot;
use crate::decode::{RowContent, unique_id};
use crate::error::{Error, Result};

/// Bytes of the memory limit for each id held before older days are let go. An id takes 17 to 40 bytes.
const LIMIT_BYTES_AN_ID: usize = 512;

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
    /// Holds keys of the batch under way, which no file has yet.
    pending: bool,
}

impl Known {
    /// Nothing yet, and few enough at any time for a process that is to stay within `memory_bytes`.
    pub fn new(memory_bytes: usize) -> Known {
        Known { days: HashMap::new(), clock: 0, ids_max: memory_bytes / LIMIT_BYTES_AN_ID }
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
        self.let_go();
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

    /// Notes an event of a loaded day. False when it was known.
    pub fn insert(&mut self, day: i32, key: EventKey) -> bool {
        let known = self.days.entry(day).or_default();
        known.pending = true;
        known.keys.insert(key)
    }

    /// The batch under way is in the lake now.
    pub fn committed(&mut self) {
        self.days.values_mut().for_each(|day| day.pending = false);
    }

    /// Lets the least recently used days go until there is room.
    fn let_go(&mut self) {
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
/// When a column cannot be formatted, which no column of ours does.
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
