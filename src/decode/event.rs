//! One record's members, each put beside the column it belongs to.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::scan::Object;
use super::{json, time};
use crate::schema::{Column, EVENTS, Origin};

/// A record as read: one slot a column, and what has no column.
pub struct Event<'a> {
    /// Raw JSON text for each entry of [`EVENTS`]; `None` where the record itself has nothing.
    pub raw: [Option<&'a str>; EVENTS.len()],
    /// Members with no column, repeated members, in order.
    pub extra: Vec<(Cow<'a, str>, &'a str)>,
    /// When the call was made, microseconds since 1970-01-01 UTC.
    pub time_us: i64,
    /// Who made it, when that was known as soon as it was read.
    pub caller: Option<u32>,
    /// False when no text of the record's own members has an escape.
    pub has_escapes: bool,
}

impl Default for Event<'_> {
    fn default() -> Self {
        Event { raw: [None; EVENTS.len()], extra: Vec::new(), time_us: 0, caller: None, has_escapes: true }
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
    /// nothing when no sound object begins there, or one in a form that `parse` has to look at.
    ///
    /// `order` is that of the records before. `caller` gives the length of the `userIdentity` that a text begins with, and
    /// whose it is, when it is known.
    pub fn parse_first(
        text: &'a str,
        order: &mut Order,
        caller: impl Fn(&str) -> Option<(usize, u32)>,
    ) -> Option<(Event<'a>, usize)> {
        let mut event = Event::default();
        let mut object = Object::begin(text)?;
        let mut before = None;
        loop {
            let expected = before.and_then(|before| order.after(before));
            let expected = expected.filter(|(slot, name)| event.raw[*slot].is_none() && object.name_is(name));
            let slot = match expected {
                Some((slot, _)) => slot,
                None => {
                    let Some(name) = object.name()? else { break };
                    // Of a repeated member the first counts.
                    let Some(slot) = record_slot(name).filter(|slot| event.raw[*slot].is_none()) else {
                        event.extra.push((Cow::Borrowed(name), object.value()?));
                        continue;
                    };
                    order.note(before, slot);
                    slot
                }
            };
            let known = if slot == USER_IDENTITY { caller(object.rest()) } else { None };
            event.raw[slot] = Some(match known {
                Some((length, _)) => object.take(length)?,
                None => object.value()?,
            });
            event.caller = event.caller.or(known.map(|(_, caller)| caller));
            before = Some(slot);
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

    /// True when the object has the member that every record has.
    pub fn has_event_time(&self) -> bool {
        self.raw[EVENT_TIME].is_some()
    }

    /// Reads the time of a record.
    ///
    /// # Errors
    /// Why the object is no usable record.
    pub fn complete(&mut self) -> Result<(), String> {
        self.time_us = event_time(self)?;
        Ok(())
    }
}

/// Which member came after which, by slot: services write theirs in one order, so a name is known before it is read.
#[derive(Debug)]
pub struct Order([Option<usize>; EVENTS.len()]);

impl Order {
    /// Nothing is expected yet.
    pub fn new() -> Order {
        Order([None; EVENTS.len()])
    }

    /// The slot that came after this one last, and how its name stands there in JSON without spaces.
    fn after(&self, slot: usize) -> Option<(usize, &'static str)> {
        self.0[slot].map(|next| (next, NAMES_BEHIND_A_MEMBER[next].as_str()))
    }

    fn note(&mut self, before: Option<usize>, slot: usize) {
        if let Some(before) = before {
            self.0[before] = Some(slot);
        }
    }
}

/// `,"eventName":` and the like, by slot.
static NAMES_BEHIND_A_MEMBER: LazyLock<Vec<String>> = LazyLock::new(|| {
    let name = |column: &Column| match column.from {
        Origin::Record(name) => format!(",\"{name}\":"),
        _ => String::new(),
    };
    EVENTS.iter().map(name).collect()
});

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
}

/// A value for an error message: hostile input must not flood a terminal.
fn shortened(raw: &str) -> String {
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
    fn an_expected_order_changes_nothing_of_what_is_read() {
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
        let mut order = Order::new();
        for text in records.iter().chain(records.iter().rev()) {
            let slow = Event::parse(text).unwrap();
            let (quick, length) = Event::parse_first(text, &mut order, |_| None).unwrap();
            assert_eq!((quick.raw, &quick.extra, length), (slow.raw, &slow.extra, text.len()), "{text}");
        }
        for unsound in
            [r#"{"eventTime":"t","eventVersion":}"#, r#"{"eventTime":"t","eventVersion""x"}"#, r#"{"eventTime":"t","#]
        {
            assert!(Event::parse_first(unsound, &mut order, |_| None).is_none(), "{unsound}");
        }
    }
}
