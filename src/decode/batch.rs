//! Events to columns: one Arrow builder a column, in table order.
//!
//! What many rows share is kept once: columns of the caller hold a value a caller, the object's URL stands once an object.
//! The texts among them leave as dictionaries, so that nobody copies a whole `userIdentity` for each of its calls.

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
use super::event::{Event, slot};
use super::shared_texts::SharedTexts;
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
const ACCOUNT_RECEIVED: usize = slot("recipient_account_id");
const INSIGHT: usize = slot("insight_details");

/// What a column has one value of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Each {
    Event,
    Caller,
    Object,
}

fn each(at: usize) -> Each {
    match (at, EVENTS[at].from) {
        (ACTOR | SESSION | IDENTITY, _) | (_, Origin::Identity(_)) => Each::Caller,
        (OBJECT, _) => Each::Object,
        _ => Each::Event,
    }
}

/// The columns that hold a member of the record, but for the time, without which there is no event.
static OF_RECORD: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let of_record =
        |at: &usize| matches!(EVENTS[*at].from, Origin::Record(_)) && each(*at) == Each::Event && *at != TIME;
    (0..EVENTS.len()).filter(of_record).collect()
});

/// Rows under construction.
pub struct EventBatch {
    columns: Vec<Builder>,
    days: Vec<i32>,
    /// Where the values of each caller stand in its columns, by the text of the identity.
    callers: HashMap<Arc<str>, u32, RandomState>,
    /// Those met last. A few people and machines make the calls of some minutes.
    recent: VecDeque<(Arc<str>, u32)>,
    /// `accountId` of each caller.
    accounts: Vec<Option<Box<str>>>,
    /// Of each row, where its caller and its object stand in their columns.
    caller_of: Vec<u32>,
    object_of: Vec<u32>,
    objects: usize,
    retyped_members: u64,
}

/// Callers whose identity is looked for before it is read. To compare with one takes a twentieth of reading it.
const RECENT_MAX: usize = 16;

/// Where the caller of an event without `userIdentity` stands.
const NOBODY: u32 = 0;

/// How large a batch is.
#[derive(Debug)]
pub struct Sizes {
    rows: usize,
    /// Of the text columns, in table order.
    bytes: Vec<usize>,
}

enum Builder {
    Text(StringBuilder),
    Shared(SharedTexts),
    Bool(BooleanBuilder),
    Integer(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    /// The partition column is not stored in the files.
    Partition,
}

impl Builder {
    /// Puts what a column of this kind holds of a JSON value at `row`. False when the value is of another type.
    fn put(&mut self, row: usize, kind: Kind, raw: &str, has_escapes: bool) -> bool {
        if raw == "null" {
            return true;
        }
        match self {
            Builder::Text(_) | Builder::Shared(_) => match kind {
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
            Builder::Shared(texts) => texts.append(value),
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

    /// Rows before this one that nothing was put at are null. A column without any has no bitmap, and is not to get one.
    fn fill(&mut self, row: usize) {
        match self {
            Builder::Text(b) if b.len() < row => b.append_nulls(row - b.len()),
            Builder::Shared(b) => b.fill(row),
            Builder::Bool(b) if b.len() < row => b.append_nulls(row - b.len()),
            Builder::Integer(b) if b.len() < row => b.append_nulls(row - b.len()),
            Builder::Time(b) if b.len() < row => b.append_nulls(row - b.len()),
            _ => {}
        }
    }

    /// The column of so many rows.
    fn finish(mut self, rows: usize) -> Option<ArrayRef> {
        self.fill(rows);
        Some(match self {
            Builder::Text(mut b) => Arc::new(b.finish()),
            Builder::Shared(b) => b.finish(),
            Builder::Bool(mut b) => Arc::new(b.finish()),
            Builder::Integer(mut b) => Arc::new(b.finish()),
            Builder::Time(mut b) => Arc::new(b.finish()),
            Builder::Partition => return None,
        })
    }
}

impl EventBatch {
    /// No rows yet, and room for as many as `like` has: growing costs more than filling.
    pub fn new(like: Option<&Sizes>) -> EventBatch {
        let rows = like.map_or(0, |like| like.rows);
        let builder = |(at, column): (usize, &Column)| {
            let values = if each(at) == Each::Event { rows } else { 0 };
            match column.kind {
                Kind::Text | Kind::Json if SHARED.contains(&column.name) => {
                    Builder::Shared(SharedTexts::with_capacity(values))
                }
                Kind::Text | Kind::Json => {
                    let bytes = like.map_or(0, |like| like.bytes[at]);
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
            recent: VecDeque::with_capacity(RECENT_MAX),
            accounts: vec![None],
            caller_of: Vec::with_capacity(rows),
            object_of: Vec::with_capacity(rows),
            objects: 0,
            retyped_members: 0,
        }
    }

    /// What a batch like this one needs, and a little more.
    pub fn sizes(&self) -> Sizes {
        let more = |size: usize| size + size / 8;
        let bytes = |builder: &Builder| match builder {
            Builder::Text(text) => more(text.values_slice().len()),
            _ => 0,
        };
        Sizes { rows: more(self.rows()), bytes: self.columns.iter().map(bytes).collect() }
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.days.len()
    }

    /// Members so far whose value had another type than the column.
    pub fn retyped_members(&self) -> u64 {
        self.retyped_members
    }

    /// Adds one event, the `record`-th read from `object`.
    pub fn push(&mut self, event: &Event, object: &LogObject, record: i64) {
        let row = self.rows();
        let known = |identity| event.caller.unwrap_or_else(|| self.caller(identity));
        let caller = event.raw[IDENTITY].map_or(NOBODY, known);
        self.caller_of.push(caller);
        let account = event
            .text(ACCOUNT_RECEIVED)
            .or_else(|| self.accounts[caller as usize].as_deref().map(Cow::Borrowed))
            .or_else(|| object.key.account_id.as_deref().map(Cow::Borrowed));
        self.columns[ACCOUNT].put_text(row, account.as_deref());
        self.columns[TIME].put_number(row, event.time_us);
        self.columns[RECORD].put_number(row, record);
        let mut retyped = Vec::new();
        for at in OF_RECORD.iter() {
            if let Some(raw) = event.raw[*at]
                && !self.columns[*at].put(row, EVENTS[*at].kind, raw, event.has_escapes)
            {
                retyped.push(*at);
            }
        }
        // An Insights event of an old version is told by its details.
        if event.text(CATEGORY).is_none() && event.raw[INSIGHT].is_some_and(|raw| raw.starts_with('{')) {
            self.columns[CATEGORY].put_text(row, Some("Insight"));
        }
        self.retyped_members += retyped.len() as u64;
        self.columns[EXTRA].put_text(row, extra(event, &retyped).as_deref());
        if self.objects == 0 || record == 0 {
            self.columns[OBJECT].put_text(self.objects, Some(&object.url));
            self.objects += 1;
        }
        self.object_of.push(self.objects as u32 - 1);
        self.days.push(event.time_us.div_euclid(time::DAY_US) as i32);
    }

    /// The identity that `text` begins with, when it is one that was met lately: its length and its caller. The text of an
    /// object says where it ends, so what begins with the whole of one is that one.
    pub fn known_caller(&self, text: &str) -> Option<(usize, u32)> {
        let begins = |(identity, _): &&(Arc<str>, u32)| text.as_bytes().starts_with(identity.as_bytes());
        self.recent.iter().find(begins).map(|(identity, caller)| (identity.len(), *caller))
    }

    /// The caller who is written as `identity`. When new, the values are added to the columns.
    fn caller(&mut self, identity: &str) -> u32 {
        let (identity, at) = match self.callers.get_key_value(identity) {
            Some((identity, at)) => (Arc::clone(identity), *at),
            None => {
                let (at, caller) = (self.accounts.len(), Caller::read(identity));
                self.columns[ACTOR].put_text(at, caller.actor.as_deref());
                self.columns[SESSION].put_text(at, caller.session.as_deref());
                self.columns[IDENTITY].put(at, Kind::Json, identity, true);
                for (column, raw) in &caller.members {
                    // What is of another type stays in the identity's own column.
                    self.columns[*column].put(at, EVENTS[*column].kind, raw, true);
                }
                self.accounts.push(caller.account_id.map(Box::from));
                let identity: Arc<str> = identity.into();
                self.callers.insert(Arc::clone(&identity), at as u32);
                (identity, at as u32)
            }
        };
        if identity.starts_with('{') {
            self.recent.truncate(RECENT_MAX - 1);
            self.recent.push_front((identity, at));
        }
        at
    }

    /// The rows, and the UTC day of each.
    pub fn finish(self) -> (RecordBatch, Vec<i32>) {
        let (callers, objects) = (UInt32Array::from(self.caller_of), UInt32Array::from(self.object_of));
        let column = |at: usize, builder: Builder| -> Option<ArrayRef> {
            let (keys, values) = match each(at) {
                Each::Event => return builder.finish(self.days.len()),
                Each::Caller => (&callers, builder.finish(self.accounts.len())?),
                Each::Object => (&objects, builder.finish(self.objects)?),
            };
            Some(if EVENTS[at].kind.data_type() == DataType::Utf8 {
                let shared = DictionaryArray::<UInt32Type>::try_new(keys.clone(), values);
                Arc::new(shared.expect("every key was given when its value was added"))
            } else {
                take(&values, keys, None).expect("every key was given when its value was added")
            })
        };
        let columns = self.columns.into_iter().enumerate();
        let columns = columns.filter_map(|(at, builder)| Some((EVENTS[at].name, column(at, builder)?, true)));
        let batch = RecordBatch::try_from_iter_with_nullable(columns);
        (batch.expect("every column is finished with one value a row"), self.days)
    }
}

/// What has no column, or another type than its column, as a JSON object; a repeated name gets a list.
fn extra(event: &Event, retyped: &[usize]) -> Option<String> {
    if retyped.is_empty() && event.extra.is_empty() {
        return None;
    }
    let retyped = retyped.iter().filter_map(|at| match EVENTS[*at].from {
        Origin::Record(name) => Some((name, event.raw[*at]?)),
        _ => None,
    });
    let mut members: Vec<(&str, Vec<Cow<str>>)> = Vec::new();
    // A hostile record has hundreds of thousands.
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (name, raw) in retyped.chain(event.extra.iter().map(|(name, raw)| (name.as_ref(), *raw))) {
        let raw = json::without_lone_surrogates(raw);
        let place = *places.entry(name).or_insert(members.len());
        match members.get_mut(place) {
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
