//! What a query reads and how, as text.

use std::io::Write;

use indicatif::HumanBytes;

use crate::engine::Plan;
use crate::terminal::printable;
use crate::wording::{counted, grouped};

/// Writes what was read, the number of rows, and the engine's steps.
///
/// # Errors
/// When `out` cannot be written.
pub fn explained(plan: &Plan, data_files: usize, out: &mut impl Write) -> std::io::Result<()> {
    reads(plan, data_files, out)?;
    writeln!(out, "rows      {}\n\n{}", plan.rows, printable(plan.steps.trim_end()))
}

/// Writes one line for each table that was read, in a lake of so many data files.
///
/// # Errors
/// When `out` cannot be written.
pub fn reads(plan: &Plan, data_files: usize, out: &mut impl Write) -> std::io::Result<()> {
    for read in &plan.reads {
        let files = if read.table == "events" {
            format!("{} of {}", grouped(read.files as u64), counted(data_files as u64, "file"))
        } else {
            counted(read.files as u64, "file")
        };
        let (size, fetched) = (HumanBytes(read.file_bytes), HumanBytes(read.bytes_read));
        writeln!(out, "reads     {}: {files} of {size}, {fetched} fetched, {}", read.table, counted(read.rows, "row"))?;
    }
    Ok(())
}
