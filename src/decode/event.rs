//! One record's members, each put beside the column it belongs to.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::LazyLock;

use super::caller::{Caller, Callers};
use super::{json, time};
use crate::schema::{EVENTS, Kind, Origin};

/// A record as read: one slot a column, and what has no column.
pub struct Event<'a> {
    /// Raw JSON text, or the identity's, for each entry of [`EVENTS`]; `None` where the record has nothing.
    pub raw: [Option<&'a str>; EVENTS.len()],
    /// Members with no column, repeated members, in order.
    pub extra: Vec<(Cow<'a, str>, &'a str)>,
    /// When the call was made, microseconds since 1970-01-01 UTC.
    pub time_us: i64,
    /// Who made it.
    pub caller: Option<Rc<Caller<'a>>>,
}

impl Default for Event<'_> {
    fn default() -> Self {
        Event { raw: [None; EVENTS.len()], extra: Vec::new(), time_us: 0, caller: None }
    }
}

impl<'a> Event<'a> {
    /// Takes an object's text apart; whether it is a record is not yet known.
    ///
    /// # Errors
    /// serde_json's words when it is no sound JSON.
    pub fn parse(text: &'a str) -> Result<Event<'a>, String> {
        let mut event = Event::default();
        json::members(text, |name, raw| event.member(name, raw)).map_err(|e| format!("no sound JSON: {e}"))?;
        Ok(event)
    }

    /// Takes the object at the front of `text` apart, whatever comes after it. The event and the length of its text, or
    /// nothing when no sound object begins there.
    pub fn parse_first(text: &'a str) -> Option<(Event<'a>, usize)> {
        let mut event = Event::default();
        let length = json::first_members(text, |name, raw| event.member(name, raw))?;
        Some((event, length))
    }

    fn member(&mut self, name: Cow<'a, str>, raw: &'a str) {
        match record_slot(&name) {
            Some(slot) if self.raw[slot].is_none() => self.raw[slot] = Some(raw),
            _ => self.extra.push((name, raw)),
        }
    }

    /// True when the object has the member that every record has.
    pub fn has_event_time(&self) -> bool {
        self.raw[EVENT_TIME].is_some()
    }

    /// Reads the time and the identity of a record.
    ///
    /// # Errors
    /// Why the object is no usable record.
    pub fn complete(&mut self, callers: &mut Callers<'a>) -> Result<(), String> {
        self.time_us = event_time(self)?;
        self.caller = self.raw[USER_IDENTITY].map(|identity| callers.of(identity));
        for (slot, raw) in self.caller.iter().flat_map(|caller| &caller.members) {
            self.raw[*slot] = Some(raw);
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

/// Names and slots of the columns that come from the record itself, by the length of the name.
static RECORD_MEMBERS: LazyLock<Vec<Vec<(&str, usize)>>> = LazyLock::new(|| {
    let mut by_length: Vec<Vec<(&str, usize)>> = Vec::new();
    for (slot, column) in EVENTS.iter().enumerate() {
        if let Origin::Record(name) = column.from {
            by_length.resize(by_length.len().max(name.len() + 1), Vec::new());
            by_length[name.len()].push((name, slot));
        }
    }
    by_length
});

fn record_slot(name: &str) -> Option<usize> {
    RECORD_MEMBERS.get(name.len())?.iter().find(|(member, _)| *member == name).map(|(_, slot)| *slot)
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
            Kind::Text => raw.starts_with(['{', '[']),
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
