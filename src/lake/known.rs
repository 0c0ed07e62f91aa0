//! Which events the lake has, day by day, so that none is kept twice.
//!
//! An event is identified by its `event_id`, or by its whole content if it has none. All records of one event carry the
//! same time, so only the ids of its own day are compared. Days are loaded on first use and the least recently used
//! days are dropped, so memory depends on the days being written, not on the size of the lake.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use foldhash::fast::RandomState;

use super::side_file::read_columns;
use super::snapshot::Snapshot;
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
            let all_have_ids = file.nulls.get("event_id") == Some(&0);
            let columns: Option<&[&str]> = if all_have_ids { Some(&["event_id"]) } else { None };
            for batch in read_columns(bytes, columns).map_err(|e| Error::lake(url.as_str(), e))? {
                keys.extend(event_keys(&batch)?);
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

/// The key of every row: its `event_id` if that is a GUID, else a hash of the id, or of the row's content without an id.
///
/// # Errors
/// [`Error::Internal`] when a column cannot be formatted.
pub fn event_keys(batch: &RecordBatch) -> Result<Vec<EventKey>> {
    let Some(ids) = batch.column_by_name("event_id").map(|ids| ids.as_string::<i32>()) else {
        return Err(Error::Internal("a batch without event_id".into()));
    };
    let mut content = None;
    (0..batch.num_rows())
        .map(|row| match ids.is_valid(row).then(|| ids.value(row)) {
            Some(id) => Ok(uuid::Uuid::try_parse(id).map_or_else(|_| digest(id.as_bytes()), |id| id.as_u128())),
            None => {
                if content.is_none() {
                    content = Some(Content::new(batch)?);
                }
                Ok(content.as_ref().map_or(0, |content| content.key(row)))
            }
        })
        .collect()
}

/// Formats whole rows, without the columns that name the source object.
struct Content<'a> {
    columns: Vec<ArrayFormatter<'a>>,
}

impl<'a> Content<'a> {
    fn new(batch: &'a RecordBatch) -> Result<Content<'a>> {
        const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_null("\u{0}");
        let schema = batch.schema();
        let of_event = |name: &str| !name.starts_with("source_object") && !name.starts_with("source_record");
        let columns = schema.fields().iter().zip(batch.columns()).filter(|(field, _)| of_event(field.name()));
        let columns = columns.map(|(_, array)| ArrayFormatter::try_new(array.as_ref(), &OPTIONS));
        let columns = columns.collect::<Result<_, _>>().map_err(|e| Error::Internal(e.to_string()))?;
        Ok(Content { columns })
    }

    fn key(&self, row: usize) -> EventKey {
        let text: String = self.columns.iter().map(|column| format!("{}\u{1f}", column.value(row))).collect();
        digest(text.as_bytes())
    }
}

/// The first 128 bits of SHA-256.
fn digest(bytes: &[u8]) -> u128 {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().take(16).fold(0, |key, byte| key << 8 | u128::from(*byte))
}
