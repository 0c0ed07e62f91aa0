//! The page about an entity as text: its sections, and the findings about it.

use std::io::Write;

use serde_json::Value;

use super::{Kind, Section};
use crate::detect::Window;
use crate::terminal::printable_line;
use crate::wording::shortened;

/// Widest cell that is printed whole, in characters.
const CELL_MAX: usize = 80;

/// The findings about an entity, as a section.
pub fn findings_section(entity: &str, findings: &[Value]) -> Section {
    let is_about = |finding: &&Value| {
        let of_evidence = |event: &Value| event["source_ip_address"] == entity;
        let mut evidence = finding["evidence"]["events"].as_array().into_iter().flatten();
        [&finding["entity"], &finding["actor"]].iter().any(|who| **who == entity) || evidence.any(of_evidence)
    };
    let cells = |finding: &Value| {
        let cell = |name: &str| printable_line(finding[name].as_str().unwrap_or_default());
        ["severity", "first_time", "detector", "summary"].map(cell).to_vec()
    };
    let rows = findings.iter().filter(is_about).map(cells).collect();
    let columns = ["severity", "first time", "detector", "summary"].map(str::to_owned).to_vec();
    Section { title: "Findings".into(), columns, rows }
}

/// Writes the sections.
///
/// # Errors
/// When `out` cannot be written.
pub fn story(entity: &str, window: Window, sections: &[Section], out: &mut impl Write) -> std::io::Result<()> {
    let (from, to) = (window.from.date_naive(), window.to.date_naive());
    writeln!(out, "{}: {}, {from} to {to}", Kind::of(entity).noun(), printable_line(entity))?;
    if sections.iter().all(|section| section.rows.is_empty()) {
        return writeln!(out, "\nnot in the lake; `trailhunt query calls_by_identity` lists the identities that are");
    }
    sections.iter().try_for_each(|section| write_section(section, out))
}

fn write_section(section: &Section, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "\n{}", section.title)?;
    if section.rows.is_empty() {
        return writeln!(out, "  none");
    }
    let last = section.columns.len().saturating_sub(1);
    let shown = |at: usize, cell: &str| if at == last { cell.to_owned() } else { shortened(cell, CELL_MAX) };
    let width = |at: usize| {
        let cells = section.rows.iter().map(|row| &row[at]).chain([&section.columns[at]]);
        cells.map(|cell| shown(at, cell).chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..section.columns.len()).map(width).collect();
    for row in [&section.columns].into_iter().chain(&section.rows) {
        let cells = row.iter().enumerate().map(|(at, cell)| format!("{:1$}", shown(at, cell), widths[at]));
        writeln!(out, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
