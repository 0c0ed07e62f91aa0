//! A report or a backtest as JSON: the complete format, for other programs.

use std::io::Write;

use serde::Serialize;

use crate::terminal::SafeJson;

/// Writes `report` as indented JSON with a final line feed.
///
/// # Errors
/// When `out` cannot be written.
pub fn json(report: &impl Serialize, out: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer_pretty(SafeJson::new(&mut *out), report)?;
    writeln!(out)
}
