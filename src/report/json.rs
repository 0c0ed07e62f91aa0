//! The report as JSON, the form everything else can be built on.

use std::io::Write;

use super::Report;

/// Writes the report, indented, with a line's end.
///
/// # Errors
/// When `out` cannot be written.
pub fn json(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
