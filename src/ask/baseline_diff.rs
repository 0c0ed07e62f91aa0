//! What became normal between two days, by identity.
//!
//! Baselines follow what identities do, so an attack that nobody stopped becomes normal. This lists what is new.

use std::io::Write;

use serde_json::{Map, Value};

use crate::detect::{Window, rows};
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::terminal::printable;

const DIFF: &str = include_str!("../../sql/baseline_diff.sql");
/// Items listed on a line; the rest is counted.
const SHOWN_MAX: usize = 6;

/// One row per identity and kind of change.
pub type Row = Map<String, Value>;

/// What identities started to do between the start and the end of a window.
///
/// # Errors
/// When the query fails.
pub async fn baseline_diff(session: &Session, window: Window) -> Result<Vec<Row>> {
    let query = session.query("baseline diff", DIFF, &window.parameters()).await?;
    rows(&query.collect().await?).map_err(|e| Error::query("baseline diff", e))
}

/// Writes one paragraph per identity.
///
/// # Errors
/// When `out` cannot be written.
pub fn baseline_diff_text(rows: &[Row], out: &mut impl Write) -> std::io::Result<()> {
    let word = |row: &Row, name: &str| match row.get(name) {
        Some(Value::String(text)) => printable(text),
        Some(Value::Number(number)) => format!("{:.0}", number.as_f64().unwrap_or_default()),
        _ => "no".into(),
    };
    let mut actor = String::new();
    for row in rows {
        if word(row, "actor") != actor {
            actor = word(row, "actor");
            let new = row.get("new_identity") == Some(&Value::Bool(true));
            let usual =
                format!("{} calls per active day, {} before", word(row, "calls_since"), word(row, "calls_before"));
            writeln!(out, "{actor}  {}", if new { "new identity".into() } else { usual })?;
        }
        let items: Vec<_> = row.get("items").and_then(Value::as_array).into_iter().flatten().collect();
        let shown: Vec<_> = items.iter().take(SHOWN_MAX).filter_map(|item| item.as_str()).map(printable).collect();
        let more = items.len().saturating_sub(SHOWN_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(out, "  {:12}  {}{more}", word(row, "kind"), shown.join(", "))?;
    }
    if rows.is_empty() {
        writeln!(out, "nothing became normal between these days")?;
    }
    Ok(())
}
