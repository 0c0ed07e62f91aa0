//! Which events the lake has, day by day, so that none is kept twice.
//!
//! An event is known by its `event_id`; one without an id by its whole content. Two records of one event carry the same
//! time, so only the event's own day has to be looked at. Days are loaded when first met and the least recently used
//! are let go, so memory follows the days under way and not the lake.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use foldhash::fast::RandomState;

use super::ledger::read_columns;
use super::snapshot::Snapshot;
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
            let all_have_ids = file.nulls.get("event_id") == Some(&0);
            let columns: Option<&[&str]> = if all_have_ids { Some(&["event_id"]) } else { None };
            for batch in read_columns(bytes, columns).map_err(|e| Error::lake(url.as_str(), e))? {
                keys.extend(event_keys(&batch)?);
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

/// The key of every row: its `event_id` where that is a GUID, else a hash of it, else a hash of the row's content.
///
/// # Errors
/// When a column cannot be formatted, which no column of ours does.
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

/// Formats whole rows, without the columns that say where a row was read.
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
