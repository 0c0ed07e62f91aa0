//! One record's members, each put beside the column it belongs to.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::{json, time};
use crate::schema::{Column, EVENTS, Kind, Origin};

/// A record as read: one slot a column, and what has no column.
pub struct Event<'a> {
    /// Raw JSON text, or the identity's, for each entry of [`EVENTS`]; `None` where the record has nothing.
    pub raw: [Option<&'a str>; EVENTS.len()],
    /// Members with no column, repeated members, in order.
    pub extra: Vec<(Cow<'a, str>, &'a str)>,
    /// When the call was made, microseconds since 1970-01-01 UTC.
    pub time_us: i64,
}

impl<'a> Event<'a> {
    /// Takes an object's text apart; whether it is a record is not yet known.
    ///
    /// # Errors
    /// serde_json's words when it is no sound JSON.
    pub fn parse(text: &'a str) -> Result<Event<'a>, String> {
        let mut event = Event { raw: [None; EVENTS.len()], extra: Vec::new(), time_us: 0 };
        json::members(text, |name, raw| match record_slot(&name) {
            Some(slot) if event.raw[slot].is_none() => event.raw[slot] = Some(raw),
            _ => event.extra.push((name, raw)),
        })
        .map_err(|e| format!("no sound JSON: {e}"))?;
        Ok(event)
    }

    /// True when the object has the member that every record has.
    pub fn has_event_time(&self) -> bool {
        self.raw[EVENT_TIME].is_some()
    }

    /// Reads the time and the identity of a record.
    ///
    /// # Errors
    /// Why the object is no usable record.
    pub fn complete(&mut self) -> Result<(), String> {
        self.time_us = event_time(self)?;
        if let Some(identity) = self.raw[USER_IDENTITY] {
            read_identity(identity, &mut self.raw);
        }
        Ok(())
    }
}

/// `eventTime`, or `@timestamp` where an exporter renamed it; other logs have a `@timestamp` too, and no API.
fn event_time(event: &Event) -> Result<i64, String> {
    let timestamp = || event.extra.iter().find(|(name, _)| name == "@timestamp").map(|(_, raw)| *raw);
    let renamed = || event.raw[EVENT_NAME].and_then(|_| timestamp());
    let raw = event.raw[EVENT_TIME].or_else(renamed).ok_or("no eventTime: not a CloudTrail record")?;
    let text = json::text(raw).unwrap_or_default();
    time::micros(&text).ok_or_else(|| format!("eventTime {} is no time between 2006 and 2099", shortened(raw)))
}

/// Fills the columns that come from inside `userIdentity`, at most three levels deep.
fn read_identity<'a>(identity: &'a str, slots: &mut [Option<&'a str>]) {
    fn level<'a>(object: &'a str, path: &mut Vec<Cow<'a, str>>, slots: &mut [Option<&'a str>]) {
        // An identity that is no object stays in the `user_identity` column alone.
        let _ = json::members(object, |name, raw| {
            path.push(name);
            match identity_slot(path) {
                Some(slot) if slots[slot].is_none() => slots[slot] = Some(raw),
                Some(_) => {}
                None if raw.starts_with('{') && path.len() < 3 => level(raw, path, slots),
                None => {}
            }
            path.pop();
        });
    }
    level(identity, &mut Vec::with_capacity(3), slots);
}

/// Names and slots of the columns that come from the record itself, without the ones that do not.
static RECORD_MEMBERS: LazyLock<Vec<(&str, usize)>> = LazyLock::new(|| {
    let member = |(slot, column): (usize, &Column)| match column.from {
        Origin::Record(name) => Some((name, slot)),
        _ => None,
    };
    EVENTS.iter().enumerate().filter_map(member).collect()
});

static IDENTITY_MEMBERS: LazyLock<Vec<(&[&str], usize)>> = LazyLock::new(|| {
    let member = |(slot, column): (usize, &Column)| match column.from {
        Origin::Identity(path) => Some((path, slot)),
        _ => None,
    };
    EVENTS.iter().enumerate().filter_map(member).collect()
});

fn record_slot(name: &str) -> Option<usize> {
    RECORD_MEMBERS.iter().find(|(member, _)| *member == name).map(|(_, slot)| *slot)
}

fn identity_slot(path: &[Cow<str>]) -> Option<usize> {
    IDENTITY_MEMBERS.iter().find(|(member, _)| member.iter().eq(path.iter())).map(|(_, slot)| *slot)
}

/// Index of a column by name, at compile time.
#[expect(clippy::panic, reason = "evaluated at compile time, where it is a compile error")]
pub const fn slot(name: &str) -> usize {
    let mut at = 0;
    while at < EVENTS.len() {
        if same(EVENTS[at].name, name) {
            return at;
        }
        at += 1;
    }
    panic!("no such column")
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

const EVENT_NAME: usize = slot("event_name");
const EVENT_TIME: usize = slot("event_time");
const USER_IDENTITY: usize = slot("user_identity");

impl<'a> Event<'a> {
    /// Text of a column, however the record wrote it.
    pub fn text(&self, slot: usize) -> Option<Cow<'a, str>> {
        self.raw[slot].and_then(json::text)
    }

    /// True when the record has a value for this column that the column's type cannot hold.
    pub fn is_retyped(&self, slot: usize) -> bool {
        let Some(raw) = self.raw[slot].filter(|raw| *raw != "null") else { return false };
        match EVENTS[slot].kind {
            Kind::Text => json::text(raw).is_none(),
            Kind::Bool => json::boolean(raw).is_none(),
            Kind::Time => json::text(raw).and_then(|text| time::micros(&text)).is_none(),
            Kind::Json | Kind::Integer | Kind::Day => false,
        }
    }
}

/// A value for an error message: hostile input must not flood a terminal.
fn shortened(raw: &str) -> String {
    let mut short: String = raw.chars().filter(|c| !c.is_control()).take(40).collect();
    if short.len() < raw.len() {
        short.push('…');
    }
    short
}
