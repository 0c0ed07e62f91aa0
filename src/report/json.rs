//! A report or a backtest as JSON: the complete format, for other programs. And what other formats in JSON share.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::terminal::SafeJson;

/// Writes `report` as indented JSON with a final line feed.
///
/// # Errors
/// When `out` cannot be written.
pub fn json(report: &impl Serialize, out: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer_pretty(SafeJson::new(&mut *out), report)?;
    writeln!(out)
}

/// `value` without the members, at any depth, that `is_left_out` says; for formats that omit what is not known.
pub(super) fn without(value: Value, is_left_out: fn(&Value) -> bool) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !is_left_out(value));
            Value::Object(members.map(|(name, value)| (name, without(value, is_left_out))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| without(item, is_left_out)).collect()),
        other => other,
    }
}
