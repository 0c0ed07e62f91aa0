//! Events to columns: one Arrow builder a column, in table order.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder};

use super::event::{Event, slot};
use super::{json, time};
use crate::schema::{Column, EVENTS, Kind, Origin, PARTITION, file_schema};
use crate::source::LogObject;

const ACCOUNT: usize = slot("account_id");
const ACTOR: usize = slot("actor");
const SESSION: usize = slot("session_name");
const CATEGORY: usize = slot("event_category");
const EXTRA: usize = slot("extra");
const OBJECT: usize = slot("source_object");
const RECORD: usize = slot("source_record");
const INSIGHT: usize = slot("insight_details");

/// Rows under construction.
pub struct EventBatch {
    columns: Vec<Builder>,
    days: Vec<i32>,
    retyped_members: u64,
}

/// How large a batch is.
#[derive(Debug)]
pub struct Sizes {
    rows: usize,
    /// Of the text columns, in table order.
    bytes: Vec<usize>,
}

enum Builder {
    Text(StringBuilder),
    Bool(BooleanBuilder),
    Integer(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    /// The partition column is not stored in the files.
    Partition,
}

impl EventBatch {
    /// No rows yet, and room for as many as `like` has: growing costs more than filling.
    pub fn new(like: Option<&Sizes>) -> EventBatch {
        let rows = like.map_or(0, |like| like.rows);
        let builder = |(at, column): (usize, &Column)| match column.kind {
            Kind::Text | Kind::Json => {
                let bytes = like.map_or(0, |like| like.bytes[at]);
                Builder::Text(StringBuilder::with_capacity(rows, bytes))
            }
            Kind::Bool => Builder::Bool(BooleanBuilder::with_capacity(rows)),
            Kind::Integer => Builder::Integer(Int64Builder::with_capacity(rows)),
            Kind::Time => Builder::Time(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC")),
            Kind::Day => Builder::Partition,
        };
        let columns = EVENTS.iter().enumerate().map(builder).collect();
        EventBatch { columns, days: Vec::with_capacity(rows), retyped_members: 0 }
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
        let caller = event.caller.as_deref();
        let account = event
            .text(const { slot("recipient_account_id") })
            .or_else(|| caller?.account_id.clone())
            .or_else(|| object.key.account_id.as_deref().map(Cow::Borrowed));
        let extra = self.extra(event);
        for (at, (column, builder)) in EVENTS.iter().zip(&mut self.columns).enumerate() {
            match builder {
                Builder::Text(text) => match at {
                    ACCOUNT => text.append_option(account.as_deref()),
                    ACTOR => text.append_option(caller.and_then(|caller| caller.actor.as_deref())),
                    SESSION => text.append_option(caller.and_then(|caller| caller.session.as_deref())),
                    CATEGORY => text.append_option(category(event).as_deref()),
                    EXTRA => text.append_option(extra.as_deref()),
                    OBJECT => text.append_value(&object.url),
                    _ if column.kind == Kind::Json => {
                        let raw = event.raw[at].filter(|raw| *raw != "null").map(json::without_lone_surrogates);
                        text.append_option(raw);
                    }
                    _ => text.append_option(event.text(at)),
                },
                Builder::Bool(bools) => bools.append_option(event.raw[at].and_then(json::boolean)),
                Builder::Integer(numbers) => numbers.append_value(if at == RECORD { record } else { 0 }),
                Builder::Time(times) => match column.name {
                    "event_time" => times.append_value(event.time_us),
                    _ => times.append_option(event.text(at).and_then(|text| time::micros(&text))),
                },
                Builder::Partition => debug_assert_eq!(column.name, PARTITION),
            }
        }
        self.days.push(event.time_us.div_euclid(time::DAY_US) as i32);
    }

    /// What has no column, or another type than its column, as a JSON object; a repeated name gets a list.
    fn extra(&mut self, event: &Event) -> Option<String> {
        // Members inside userIdentity stay whole in its own column.
        let of_record = |at: &usize| matches!(EVENTS[*at].from, Origin::Record(_));
        let retyped: Vec<usize> = (0..EVENTS.len()).filter(|at| of_record(at) && event.is_retyped(*at)).collect();
        self.retyped_members += retyped.len() as u64;
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

    /// The rows, and the UTC day of each.
    pub fn finish(self) -> (RecordBatch, Vec<i32>) {
        let arrays = self.columns.into_iter().filter_map(|builder| {
            let array: ArrayRef = match builder {
                Builder::Text(mut b) => Arc::new(b.finish()),
                Builder::Bool(mut b) => Arc::new(b.finish()),
                Builder::Integer(mut b) => Arc::new(b.finish()),
                Builder::Time(mut b) => Arc::new(b.finish()),
                Builder::Partition => return None,
            };
            Some(array)
        });
        let batch = RecordBatch::try_new(file_schema(), arrays.collect());
        (batch.expect("builders are made from the schema and get one value a row each"), self.days)
    }
}

/// `eventCategory`; an Insights event of an old version is told by its details.
fn category<'a>(event: &Event<'a>) -> Option<Cow<'a, str>> {
    let insight = || event.raw[INSIGHT].filter(|raw| raw.starts_with('{')).map(|_| Cow::Borrowed("Insight"));
    event.text(CATEGORY).or_else(insight)
}
