//! The report, or a backtest, as JSON, the form everything else can be built on.

use std::io::Write;

use serde::Serialize;

/// Writes `report`, indented, with a line's end.
///
/// # Errors
/// When `out` cannot be written.
pub fn json(report: &impl Serialize, out: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
