//! Parses one record: each member is assigned to its column.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::json;
use super::scan::Object;
use super::time::{self, TimeError};
use crate::schema::{Column, EVENTS, Origin};

/// A parsed record: one slot per column, and the members without a column.
pub struct Event<'a> {
    /// Raw JSON text for each entry of [`EVENTS`]; `None` where the record has no such member.
    pub raw: [Option<&'a str>; EVENTS.len()],
    /// Members without a column and repeated members, in order.
    pub extra: Vec<(Cow<'a, str>, &'a str)>,
    /// When the call was made, microseconds since 1970-01-01 UTC.
    pub time_us: i64,
    /// Index of the caller, if its `userIdentity` is that of a recent caller.
    pub caller: Option<u32>,
    /// False when no string in the record's own members has an escape.
    pub has_escapes: bool,
}

impl Default for Event<'_> {
    fn default() -> Self {
        Event { raw: [None; EVENTS.len()], extra: Vec::new(), time_us: 0, caller: None, has_escapes: true }
    }
}

impl<'a> Event<'a> {
    /// Parses a JSON object, which can be a record or not.
    ///
    /// # Errors
    /// serde_json's message when it is not valid JSON.
    pub fn parse(text: &'a str) -> Result<Event<'a>, String> {
        let mut event = Event::default();
        json::members(text, |name, raw| event.member(name, raw)).map_err(|e| format!("invalid JSON: {e}"))?;
        Ok(event)
    }

    /// Parses the object at the start of `text` and returns it with its length. `None` when it is invalid or has a form
    /// that only [`parse`](Event::parse) supports.
    ///
    /// `order` is learned from the previous records. `known_caller` returns the length and caller of the `userIdentity`
    /// at the start of a text, if the caller is known.
    pub fn parse_first(
        text: &'a str,
        order: &mut MemberOrder,
        known_caller: impl Fn(&str) -> Option<(usize, u32)>,
    ) -> Option<(Event<'a>, usize)> {
        let mut event = Event::default();
        let mut object = Object::start(text)?;
        let mut previous = None;
        loop {
            let expected = previous.and_then(|previous| order.after(previous));
            let expected = expected.filter(|(slot, name)| event.raw[*slot].is_none() && object.name_is(name));
            let slot = match expected {
                Some((slot, _)) => slot,
                None => {
                    let Some(name) = object.name()? else { break };
                    // The first of repeated members counts.
                    let Some(slot) = record_slot(name).filter(|slot| event.raw[*slot].is_none()) else {
                        event.extra.push((Cow::Borrowed(name), object.value()?));
                        continue;
                    };
                    order.learn(previous, slot);
                    slot
                }
            };
            let known = if slot == USER_IDENTITY { known_caller(object.rest()) } else { None };
            event.raw[slot] = Some(match known {
                Some((length, _)) => object.take(length)?,
                None => object.value()?,
            });
            event.caller = event.caller.or(known.map(|(_, caller)| caller));
            previous = Some(slot);
        }
        event.has_escapes = object.has_escapes();
        Some((event, object.length()))
    }

    fn member(&mut self, name: Cow<'a, str>, raw: &'a str) {
        match record_slot(&name) {
            Some(slot) if self.raw[slot].is_none() => self.raw[slot] = Some(raw),
            _ => self.extra.push((name, raw)),
        }
    }

    /// True when the object has `eventTime`, as every record does.
    pub fn has_event_time(&self) -> bool {
        self.raw[EVENT_TIME].is_some()
    }

    /// Parses the event time.
    ///
    /// # Errors
    /// Why the object is not a valid record.
    pub fn complete(&mut self) -> Result<(), String> {
        self.time_us = if self.is_aggregated() { self.complete_aggregated()? } else { event_time(self)? };
        Ok(())
    }

    /// True for a summary of data events: its category or type says so, and it has no API.
    fn is_aggregated(&self) -> bool {
        let is = |slot: usize, value: &str| self.text(slot).is_some_and(|text| text == value);
        self.raw[EVENT_NAME].is_none_or(|raw| raw == "null")
            && (is(EVENT_CATEGORY, "Aggregated") || is(EVENT_TYPE, "AwsAggregatedEvent"))
    }

    /// Assigns the members that only summaries have to the columns with the same meaning, and returns the start of the
    /// summarised time in microseconds.
    fn complete_aggregated(&mut self) -> Result<i64, String> {
        for (name, slot) in [("eventId", EVENT_ID), ("accountId", RECIPIENT_ACCOUNT)] {
            if self.raw[slot].is_none()
                && let Some(at) = self.extra.iter().position(|(member, _)| member == name)
            {
                self.raw[slot] = Some(self.extra.remove(at).1);
            }
        }
        self.raw[EVENT_CATEGORY] = Some("\"Aggregated\"");
        if self.has_event_time() {
            return event_time(self);
        }
        let mut start = None;
        let window = self.extra.iter().find(|(name, raw)| name == "timeWindow" && raw.starts_with('{'));
        if let Some((_, raw)) = window {
            let members = json::members(raw, |name, raw| start = start.or((name == "windowStart").then_some(raw)));
            members.map_err(|e| format!("invalid JSON: {e}"))?;
        }
        time_of(start.ok_or("aggregated event without `timeWindow.windowStart`")?)
    }
}

/// The slot that follows each slot. Each service writes its members in the same order, so the next name can be
/// predicted.
#[derive(Debug)]
pub struct MemberOrder([Option<usize>; EVENTS.len()]);

impl MemberOrder {
    /// No predictions yet.
    pub fn new() -> MemberOrder {
        MemberOrder([None; EVENTS.len()])
    }

    /// The slot that followed this one last time, and its name as written in JSON without spaces.
    fn after(&self, slot: usize) -> Option<(usize, &'static str)> {
        self.0[slot].map(|next| (next, NAMES_AFTER_A_MEMBER[next].as_str()))
    }

    fn learn(&mut self, previous: Option<usize>, slot: usize) {
        if let Some(previous) = previous {
            self.0[previous] = Some(slot);
        }
    }
}

/// `,"eventName":` and so on, by slot.
static NAMES_AFTER_A_MEMBER: LazyLock<Vec<String>> = LazyLock::new(|| {
    let name = |column: &Column| match column.from {
        Origin::Record(name) => format!(",\"{name}\":"),
        _ => String::new(),
    };
    EVENTS.iter().map(name).collect()
});

/// `eventTime`, or `@timestamp` in exports that renamed it. Other logs have `@timestamp` too, but no `eventName`.
fn event_time(event: &Event) -> Result<i64, String> {
    let timestamp = || event.extra.iter().find(|(name, _)| name == "@timestamp").map(|(_, raw)| *raw);
    let renamed = || event.raw[EVENT_NAME].and_then(|_| timestamp());
    time_of(event.raw[EVENT_TIME].or_else(renamed).ok_or("not a CloudTrail record: no eventTime")?)
}

fn time_of(raw: &str) -> Result<i64, String> {
    let text = json::text(raw).unwrap_or_default();
    time::parse(&text).map_err(|error| {
        let problem = match error {
            TimeError::UnknownFormat => "unknown format of the event time",
            TimeError::Nonexistent => "event time that does not exist",
            TimeError::OutOfRange => "event time out of range (2006 to 2099)",
        };
        format!("{problem}: {}", shortened(raw))
    })
}

/// Names and slots of the columns of top-level members, by the length of the name.
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

/// The slot of the column for a top-level member.
pub fn record_slot(name: &str) -> Option<usize> {
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

const EVENT_CATEGORY: usize = slot("event_category");
const EVENT_ID: usize = slot("event_id");
const EVENT_NAME: usize = slot("event_name");
const EVENT_TIME: usize = slot("event_time");
const EVENT_TYPE: usize = slot("event_type");
const RECIPIENT_ACCOUNT: usize = slot("recipient_account_id");
const USER_IDENTITY: usize = slot("user_identity");

impl<'a> Event<'a> {
    /// The text of a column; numbers and booleans are converted.
    pub fn text(&self, slot: usize) -> Option<Cow<'a, str>> {
        self.raw[slot].and_then(json::text)
    }
}

/// A value for an error message, shortened because hostile input can be long.
pub fn shortened(raw: &str) -> String {
    let mut short: String = raw.chars().filter(|c| !c.is_control()).take(40).collect();
    if short.len() < raw.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicted_names_do_not_change_the_result() {
        let records = [
            r#"{"eventVersion":"1.08","eventTime":"t","eventSource":"s","eventName":"n","other":1,"awsRegion":"r"}"#,
            r#"{"eventVersion":"1.08","eventTime":"t","eventSource":"s","eventName":"n","other":{"eventTime":2},"awsRegion":"r"}"#,
            r#"{"eventTime":"t","eventVersion":"1.08","eventTime":"again","eventName":"n","eventSource":"s"}"#,
            r#"{"eventTime":"t" ,"eventVersion" : "1.08","eventName":  "n" , "eventSource":"s"}"#,
            r#"{"eventTime":"t","eventVersion":"1.08","eventVersion":"2","eventVersions":"3","eventName":null}"#,
            r#"{"eventName":"a \"quoted\" one, \"eventSource\":","eventSource":"s"}"#,
            r#"{"userIdentity":{"type":"Root"},"eventTime":"t"}"#,
            "{}",
        ];
        let mut order = MemberOrder::new();
        for text in records.iter().chain(records.iter().rev()) {
            let slow = Event::parse(text).unwrap();
            let (fast, length) = Event::parse_first(text, &mut order, |_| None).unwrap();
            assert_eq!((fast.raw, &fast.extra, length), (slow.raw, &slow.extra, text.len()), "{text}");
        }
        for invalid in
            [r#"{"eventTime":"t","eventVersion":}"#, r#"{"eventTime":"t","eventVersion""x"}"#, r#"{"eventTime":"t","#]
        {
            assert!(Event::parse_first(invalid, &mut order, |_| None).is_none(), "{invalid}");
        }
    }
}
