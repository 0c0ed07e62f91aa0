//! Builds the columns from events: one Arrow builder per column, in table order.
//!
//! Columns of the caller have one value per caller, and the object's URL is stored once per object. Text columns among
//! them become dictionaries, so a whole `userIdentity` is not copied for each of its calls.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, DictionaryArray, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, UInt32Type};
use foldhash::fast::RandomState;

use super::caller::Caller;
use super::dictionary::DictionaryBuilder;
use super::event::{Event, slot};
use super::{json, time};
use crate::schema::{Column, EVENTS, Kind, Origin, SHARED};
use crate::source::LogObject;

const ACCOUNT: usize = slot("account_id");
const ACTOR: usize = slot("actor");
const SESSION: usize = slot("session_name");
const IDENTITY: usize = slot("user_identity");
const CATEGORY: usize = slot("event_category");
const EXTRA: usize = slot("extra");
const OBJECT: usize = slot("source_object");
const RECORD: usize = slot("source_record");
const TIME: usize = slot("event_time");
const REGION: usize = slot("aws_region");
const RECIPIENT_ACCOUNT: usize = slot("recipient_account_id");
const INSIGHT: usize = slot("insight_details");

/// Whether a column has one value per event, caller or object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Granularity {
    Event,
    Caller,
    Object,
}

fn granularity(slot: usize) -> Granularity {
    match (slot, EVENTS[slot].from) {
        (ACTOR | SESSION | IDENTITY, _) | (_, Origin::Identity(_)) => Granularity::Caller,
        (OBJECT, _) => Granularity::Object,
        _ => Granularity::Event,
    }
}

/// The columns with a member of the record, except the event time, which every event has.
static RECORD_COLUMNS: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let is_record_column = |slot: &usize| {
        let is_member = matches!(EVENTS[*slot].from, Origin::Record(_));
        is_member && granularity(*slot) == Granularity::Event && *slot != TIME
    };
    (0..EVENTS.len()).filter(is_record_column).collect()
});

/// Rows under construction.
pub struct EventBatch {
    columns: Vec<Builder>,
    days: Vec<i32>,
    /// Index of each caller in the caller columns, by the JSON text of its `userIdentity`.
    callers: HashMap<Arc<str>, u32, RandomState>,
    /// The callers seen last. Within a few minutes, a few identities make most calls.
    recent_callers: VecDeque<(Arc<str>, u32)>,
    /// `accountId` of each caller.
    caller_accounts: Vec<Option<Box<str>>>,
    /// Index of each row's caller in the caller columns.
    row_callers: Vec<u32>,
    /// Index of each row's object in the object column.
    row_objects: Vec<u32>,
    objects: usize,
    retyped_members: u64,
}

/// Callers compared with an identity before it is parsed. A comparison takes a twentieth of the time of parsing.
const RECENT_CALLERS_MAX: usize = 16;

/// The caller index of events without `userIdentity`.
const NO_CALLER: u32 = 0;

/// Capacity for a batch.
#[derive(Debug)]
pub struct Capacity {
    rows: usize,
    /// Bytes of the text columns, in table order.
    bytes: Vec<usize>,
}

enum Builder {
    Text(StringBuilder),
    Dictionary(DictionaryBuilder),
    Bool(BooleanBuilder),
    Integer(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    /// The partition column is not stored in the files.
    Partition,
}

impl Builder {
    /// Converts a JSON value to the column's kind and stores it at `row`. False when the value has another type.
    fn put(&mut self, row: usize, kind: Kind, raw: &str, has_escapes: bool) -> bool {
        if raw == "null" {
            return true;
        }
        match self {
            Builder::Text(_) | Builder::Dictionary(_) => match kind {
                Kind::Json if has_escapes => self.put_text(row, Some(&json::without_lone_surrogates(raw))),
                Kind::Json => self.put_text(row, Some(raw)),
                _ if !has_escapes && raw.starts_with('"') => self.put_text(row, raw.get(1..raw.len() - 1)),
                _ => match json::text(raw) {
                    Some(text) => self.put_text(row, Some(&text)),
                    None => return false,
                },
            },
            Builder::Bool(_) => match json::boolean(raw) {
                Some(value) => self.put_bool(row, value),
                None => return false,
            },
            Builder::Time(_) => match json::text(raw).and_then(|text| time::micros(&text)) {
                Some(time) => self.put_number(row, time),
                None => return false,
            },
            Builder::Integer(_) | Builder::Partition => {}
        }
        true
    }

    fn put_text(&mut self, row: usize, value: Option<&str>) {
        let Some(value) = value else { return };
        self.fill(row);
        match self {
            Builder::Text(texts) => texts.append_value(value),
            Builder::Dictionary(texts) => texts.append(value),
            _ => {}
        }
    }

    fn put_bool(&mut self, row: usize, value: bool) {
        self.fill(row);
        if let Builder::Bool(bools) = self {
            bools.append_value(value);
        }
    }

    /// A number, or a time in microseconds.
    fn put_number(&mut self, row: usize, value: i64) {
        self.fill(row);
        match self {
            Builder::Integer(numbers) => numbers.append_value(value),
            Builder::Time(times) => times.append_value(value),
            _ => {}
        }
    }

    /// Fills rows before `row` that have no value with nulls. Does nothing when there are none, because even appending
    /// zero nulls would allocate a null bitmap.
    fn fill(&mut self, row: usize) {
        match self {
            Builder::Text(b) if b.len() < row => b.append_nulls(row - b.len()),
            Builder::Dictionary(b) => b.fill(row),
            Builder::Bool(b) if b.len() < row => b.append_nulls(row - b.len()),
            Builder::Integer(b) if b.len() < row => b.append_nulls(row - b.len()),
            Builder::Time(b) if b.len() < row => b.append_nulls(row - b.len()),
            _ => {}
        }
    }

    /// The column, with this number of rows.
    fn finish(mut self, rows: usize) -> Option<ArrayRef> {
        self.fill(rows);
        Some(match self {
            Builder::Text(mut b) => Arc::new(b.finish()),
            Builder::Dictionary(b) => b.finish(),
            Builder::Bool(mut b) => Arc::new(b.finish()),
            Builder::Integer(mut b) => Arc::new(b.finish()),
            Builder::Time(mut b) => Arc::new(b.finish()),
            Builder::Partition => return None,
        })
    }
}

impl EventBatch {
    /// No rows yet, with the given capacity: growing the buffers costs more than filling them.
    pub fn new(capacity: Option<&Capacity>) -> EventBatch {
        let rows = capacity.map_or(0, |capacity| capacity.rows);
        let builder = |(slot, column): (usize, &Column)| {
            let values = if granularity(slot) == Granularity::Event { rows } else { 0 };
            match column.kind {
                Kind::Text | Kind::Json if SHARED.contains(&column.name) => {
                    Builder::Dictionary(DictionaryBuilder::with_capacity(values))
                }
                Kind::Text | Kind::Json => {
                    let bytes = capacity.map_or(0, |capacity| capacity.bytes[slot]);
                    Builder::Text(StringBuilder::with_capacity(values, bytes))
                }
                Kind::Bool => Builder::Bool(BooleanBuilder::with_capacity(values)),
                Kind::Integer => Builder::Integer(Int64Builder::with_capacity(values)),
                Kind::Time => Builder::Time(TimestampMicrosecondBuilder::with_capacity(values).with_timezone("UTC")),
                Kind::Day => Builder::Partition,
            }
        };
        EventBatch {
            columns: EVENTS.iter().enumerate().map(builder).collect(),
            days: Vec::with_capacity(rows),
            callers: HashMap::default(),
            recent_callers: VecDeque::with_capacity(RECENT_CALLERS_MAX),
            caller_accounts: vec![None],
            row_callers: Vec::with_capacity(rows),
            row_objects: Vec::with_capacity(rows),
            objects: 0,
            retyped_members: 0,
        }
    }

    /// Capacity for a similar batch, with one eighth to spare.
    pub fn capacity(&self) -> Capacity {
        let with_spare = |size: usize| size + size / 8;
        let bytes = |builder: &Builder| match builder {
            Builder::Text(text) => with_spare(text.values_slice().len()),
            _ => 0,
        };
        Capacity { rows: with_spare(self.rows()), bytes: self.columns.iter().map(bytes).collect() }
    }

    /// Number of rows so far.
    pub fn rows(&self) -> usize {
        self.days.len()
    }

    /// Number of members so far whose value had another type than the column.
    pub fn retyped_members(&self) -> u64 {
        self.retyped_members
    }

    /// Appends an event; `record` is the index of its record in `object`.
    pub fn push(&mut self, event: &Event, object: &LogObject, record: i64) {
        let row = self.rows();
        let caller_of = |identity| event.caller.unwrap_or_else(|| self.caller(identity, event.text(REGION)));
        let caller = event.raw[IDENTITY].map_or(NO_CALLER, caller_of);
        self.row_callers.push(caller);
        let account = event
            .text(RECIPIENT_ACCOUNT)
            .or_else(|| self.caller_accounts[caller as usize].as_deref().map(Cow::Borrowed))
            .or_else(|| object.key.account_id.as_deref().map(Cow::Borrowed));
        self.columns[ACCOUNT].put_text(row, account.as_deref());
        self.columns[TIME].put_number(row, event.time_us);
        self.columns[RECORD].put_number(row, record);
        let mut retyped = Vec::new();
        for slot in RECORD_COLUMNS.iter() {
            if let Some(raw) = event.raw[*slot]
                && !self.columns[*slot].put(row, EVENTS[*slot].kind, raw, event.has_escapes)
            {
                retyped.push(*slot);
            }
        }
        // Insights events of old versions have no category; their details identify them.
        if event.text(CATEGORY).is_none() && event.raw[INSIGHT].is_some_and(|raw| raw.starts_with('{')) {
            self.columns[CATEGORY].put_text(row, Some("Insight"));
        }
        self.retyped_members += retyped.len() as u64;
        self.columns[EXTRA].put_text(row, extra(event, &retyped).as_deref());
        if self.objects == 0 || record == 0 {
            self.columns[OBJECT].put_text(self.objects, Some(&object.url));
            self.objects += 1;
        }
        self.row_objects.push(self.objects as u32 - 1);
        self.days.push(event.time_us.div_euclid(time::DAY_US) as i32);
    }

    /// The identity at the start of `text`, when it is that of a recent caller: its length and the caller. A JSON
    /// object marks its own end, so a text that starts with a known identity has exactly this identity.
    pub fn known_caller(&self, text: &str) -> Option<(usize, u32)> {
        let is_prefix = |(identity, _): &&(Arc<str>, u32)| text.as_bytes().starts_with(identity.as_bytes());
        self.recent_callers.iter().find(is_prefix).map(|(identity, caller)| (identity.len(), *caller))
    }

    /// The caller with this `userIdentity`. A new caller's values are appended to the caller columns; an identity is in
    /// one partition, so the region of its first call counts.
    fn caller(&mut self, identity: &str, region: Option<Cow<str>>) -> u32 {
        let (identity, index) = match self.callers.get_key_value(identity) {
            Some((identity, index)) => (Arc::clone(identity), *index),
            None => {
                let (index, caller) = (self.caller_accounts.len(), Caller::parse(identity, region));
                self.columns[ACTOR].put_text(index, caller.actor.as_deref());
                self.columns[SESSION].put_text(index, caller.session.as_deref());
                self.columns[IDENTITY].put(index, Kind::Json, identity, true);
                for (slot, raw) in &caller.members {
                    // A value of another type is only kept in the column `user_identity`.
                    self.columns[*slot].put(index, EVENTS[*slot].kind, raw, true);
                }
                self.caller_accounts.push(caller.account_id.map(Box::from));
                let identity: Arc<str> = identity.into();
                self.callers.insert(Arc::clone(&identity), index as u32);
                (identity, index as u32)
            }
        };
        if identity.starts_with('{') {
            self.recent_callers.truncate(RECENT_CALLERS_MAX - 1);
            self.recent_callers.push_front((identity, index));
        }
        index
    }

    /// The rows, and the UTC day of each.
    pub fn finish(self) -> (RecordBatch, Vec<i32>) {
        let (callers, objects) = (UInt32Array::from(self.row_callers), UInt32Array::from(self.row_objects));
        let column = |slot: usize, builder: Builder| -> Option<ArrayRef> {
            let (keys, values) = match granularity(slot) {
                Granularity::Event => return builder.finish(self.days.len()),
                Granularity::Caller => (&callers, builder.finish(self.caller_accounts.len())?),
                Granularity::Object => (&objects, builder.finish(self.objects)?),
            };
            Some(if EVENTS[slot].kind.data_type() == DataType::Utf8 {
                let dictionary = DictionaryArray::<UInt32Type>::try_new(keys.clone(), values);
                Arc::new(dictionary.expect("every key was assigned when its value was appended"))
            } else {
                take(&values, keys, None).expect("every key was assigned when its value was appended")
            })
        };
        let columns = self.columns.into_iter().enumerate();
        let columns = columns.filter_map(|(slot, builder)| Some((EVENTS[slot].name, column(slot, builder)?, true)));
        let batch = RecordBatch::try_from_iter_with_nullable(columns);
        (batch.expect("every column is finished with one value per row"), self.days)
    }
}

/// The members without a column or with a value of another type, as a JSON object. A repeated name has a list of
/// values.
fn extra(event: &Event, retyped: &[usize]) -> Option<String> {
    if retyped.is_empty() && event.extra.is_empty() {
        return None;
    }
    let retyped = retyped.iter().filter_map(|slot| match EVENTS[*slot].from {
        Origin::Record(name) => Some((name, event.raw[*slot]?)),
        _ => None,
    });
    let mut members: Vec<(&str, Vec<Cow<str>>)> = Vec::new();
    // A map, because a hostile record can have hundreds of thousands of members.
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for (name, raw) in retyped.chain(event.extra.iter().map(|(name, raw)| (name.as_ref(), *raw))) {
        let raw = json::without_lone_surrogates(raw);
        let position = *positions.entry(name).or_insert(members.len());
        match members.get_mut(position) {
            Some((_, values)) => values.push(raw),
            None => members.push((name, vec![raw])),
        }
    }
    let members = members.iter().map(|(name, values)| {
        let name = serde_json::Value::from(*name);
        if values.len() == 1 { format!("{name}:{}", values[0]) } else { format!("{name}:[{}]", values.join(",")) }
    });
    Some(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
}
