//! Which events the lake has, day by day, so that none is kept twice.
//!
//! An event is identified by its `event_id`, or by its whole content if the id does not identify it: it is missing,
//! redacted or not a GUID. Events with one id and different [`Facts`] are different events; all but the first are known by
//! id and facts. All records of one event carry the same time, so only the ids of its own day are compared. Days
//! are loaded on first use and the least recently used days are dropped, so memory depends on the days being written, not
//! on the size of the lake.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::array::RecordBatch;
use foldhash::fast::RandomState;
use futures::TryStreamExt;
use object_store::path::Path;

use super::side_file::stream;
use super::snapshot::Snapshot;
use crate::decode::{Facts, IDENTITY_COLUMNS, Relation, RowContent, identities};
use crate::error::Result;
use crate::source::Location;

/// One id may be held per this many bytes of the memory limit. An id takes 25 to 57 bytes.
const LIMIT_BYTES_PER_ID: usize = 512;

/// Identity of an event.
#[derive(Debug, Clone, Copy)]
pub struct EventKey {
    id: u128,
    facts: Facts,
}

/// What is known about the event of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: it is the first record of its event.
    First,
    /// The same record is known.
    Duplicate,
    /// Its event is known; this is an addendum to it, or an addendum came first.
    Addendum,
    /// Another event has the same id.
    IdConflict,
}

/// Event keys by day.
#[derive(Debug)]
pub struct Known {
    days: HashMap<i32, Day>,
    clock: u64,
    ids_max: usize,
}

#[derive(Debug, Default)]
struct Day {
    /// The facts of each event, by its id. Two halves of an id take 8 bytes less than a `u128` here, because of its alignment.
    keys: HashMap<[u64; 2], Facts, RandomState>,
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
        let mut known = Day { used: clock, ..Day::default() };
        for file in &snapshot.files {
            if arrow::datatypes::Date32Type::from_naive_date(file.day) != day {
                continue;
            }
            let insert = |key| _ = known.insert(key);
            keys_of_file(&snapshot.location, &file.path, file.size_bytes, insert).await?;
        }
        self.days.insert(day, known);
        Ok(())
    }

    /// Adds an event of a loaded day.
    pub fn insert(&mut self, day: i32, key: EventKey) -> Seen {
        let known = self.days.entry(day).or_default();
        known.pending = true;
        known.insert(key)
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

impl Day {
    fn insert(&mut self, key: EventKey) -> Seen {
        let EventKey { id, facts } = key;
        let id = [(id >> 64) as u64, id as u64];
        let seen = match self.keys.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(facts);
                return Seen::First;
            }
            Entry::Occupied(first) => match first.get().relation(facts) {
                Relation::Same => return Seen::Duplicate,
                Relation::Addendum => Seen::Addendum,
                Relation::Different => Seen::IdConflict,
            },
        };
        match self.keys.insert(id_with_facts(id, facts), facts) {
            Some(_) => Seen::Duplicate,
            None => seen,
        }
    }
}

/// The id, in its place, of a record that is not the first with its `event_id`.
fn id_with_facts(id: [u64; 2], facts: Facts) -> [u64; 2] {
    [0, 1].map(|half: u8| {
        let mut hasher = DefaultHasher::new();
        (id, facts, half).hash(&mut hasher);
        hasher.finish()
    })
}

/// The identities of a file's events, whatever their facts.
///
/// # Errors
/// When the file cannot be read.
pub async fn ids(location: &Location, file: &Path, size_bytes: u64) -> Result<HashSet<u128, RandomState>> {
    let mut ids = HashSet::default();
    keys_of_file(location, file, size_bytes, |key| _ = ids.insert(key.id)).await?;
    Ok(ids)
}

/// Calls `add` with the key of every event of a file; with some keys twice.
async fn keys_of_file(location: &Location, file: &Path, size_bytes: u64, mut add: impl FnMut(EventKey)) -> Result<()> {
    let mut columns = Some(IDENTITY_COLUMNS);
    'read: loop {
        let mut batches = stream(location, file, size_bytes, columns).await?;
        while let Some(batch) = batches.try_next().await? {
            let ids = identities(&batch)?;
            if columns.is_some() && ids.iter().any(|(id, _)| id.is_none()) {
                // The content of such a row is in all columns.
                columns = None;
                continue 'read;
            }
            with_content(ids, &batch)?.into_iter().for_each(&mut add);
        }
        return Ok(());
    }
}

/// The key of every row: its `event_id` and facts where the id identifies an event, else a hash of the row's content.
///
/// # Errors
/// [`Error::Internal`] when a column cannot be formatted.
pub fn event_keys(batch: &RecordBatch) -> Result<Vec<EventKey>> {
    with_content(identities(batch)?, batch)
}

fn with_content(ids: Vec<(Option<u128>, Facts)>, batch: &RecordBatch) -> Result<Vec<EventKey>> {
    let is_without_id = ids.iter().any(|(id, _)| id.is_none());
    let content = is_without_id.then(|| RowContent::new(batch)).transpose()?;
    let key = |(row, (id, facts)): (usize, (Option<u128>, Facts))| {
        let id = id.or_else(|| content.as_ref().map(|content| content.hash(row))).unwrap_or_default();
        EventKey { id, facts }
    };
    Ok(ids.into_iter().enumerate().map(key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_event_takes_eight_bytes_more_than_its_id() {
        assert_eq!(size_of::<([u64; 2], Facts)>(), 24);
    }
}
