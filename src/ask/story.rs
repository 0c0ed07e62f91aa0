//! The page about an entity: its sections and the findings about it, as text, JSON or Markdown.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::{Kind, Section};
use crate::detect::Window;
use crate::terminal::{Column, Layout, Table, inert, printable_line};
use crate::wording::wrapped;

/// The findings about an entity, oldest first, as a section.
pub fn findings_section(entity: &str, findings: &[Value]) -> Section {
    let is_about = |finding: &&Value| {
        let of_evidence = |event: &Value| event["source_ip_address"] == entity;
        let mut evidence = finding["evidence"]["events"].as_array().into_iter().flatten();
        [&finding["entity"], &finding["actor"], &finding["origin"]["identity"]].iter().any(|who| **who == entity)
            || evidence.any(of_evidence)
    };
    let columns = [
        Column::whole("first_time"),
        Column::whole("severity"),
        Column::whole("id"),
        Column::text("detector"),
        Column::text("summary"),
    ];
    let values = |finding: &Value| columns.iter().map(|column| finding[&column.name].clone()).collect::<Vec<_>>();
    let mut rows: Vec<_> = findings.iter().filter(is_about).map(values).collect();
    rows.sort_by_key(|row| row[0].as_str().unwrap_or_default().to_owned());
    Section { title: "Findings".into(), columns: columns.into(), rows }
}

/// Writes the sections as text.
///
/// # Errors
/// When `out` cannot be written.
pub fn story(
    entity: &str,
    window: Window,
    sections: &[Section],
    layout: Layout,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let (from, to) = (window.from.date_naive(), window.to.date_naive());
    writeln!(out, "{}: {}, {from} to {to} UTC", Kind::of(entity).noun(), printable_line(entity))?;
    if sections.iter().all(|section| section.rows.is_empty()) {
        let note = "not in the lake; `trailhunt query calls_by_identity` lists the identities that are";
        writeln!(out)?;
        return wrapped(note, layout.width(), usize::MAX).iter().try_for_each(|line| writeln!(out, "{line}"));
    }
    let mut is_cut = false;
    for section in sections {
        writeln!(out)?;
        let title = wrapped(&section.title, layout.width(), usize::MAX);
        title.iter().try_for_each(|line| writeln!(out, "{}", layout.title(line)))?;
        if section.rows.is_empty() {
            writeln!(out, "  none")?;
            continue;
        }
        is_cut |= !table(section, layout).write(layout, 2, out)?.is_empty();
    }
    if is_cut {
        let note = "Some texts are cut to fit; --full-names and --format json show everything.";
        writeln!(out)?;
        wrapped(note, layout.width(), usize::MAX).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

/// The table of a section, without the columns that have no value. A finding's summary is wrapped.
fn table(section: &Section, layout: Layout) -> Table {
    let has_value = |at: &usize| section.rows.iter().any(|row| !row[*at].is_null());
    let columns: Vec<usize> = (0..section.columns.len()).filter(has_value).collect();
    let named = |at: &usize| {
        let column = &section.columns[*at];
        let rank = OPTIONAL.iter().position(|name| *name == column.name).map_or(0, |rank| rank as u8 + 1);
        column.named(column.name.replace('_', " ")).optional(rank)
    };
    let mut table = Table::new(columns.iter().map(named)).with_short_names();
    if section.columns.last().is_some_and(|column| column.name == "summary") {
        table = table.wrapping_last();
    }
    for row in &section.rows {
        table.push(columns.iter().map(|at| match section.columns[*at].name.as_str() {
            // The beginning of an id names a finding too.
            "id" if !layout.has_full_names() => shown(&row[*at]).chars().take(ID_SHOWN).collect(),
            "first_time" | "last_time" => shown(&row[*at]).chars().take(MINUTES).collect(),
            "service" | "item" => shown(&row[*at]).replace(".amazonaws.com", ""),
            _ => shown(&row[*at]),
        }));
    }
    table
}

/// Columns that are left out where a table does not fit, the last one first.
const OPTIONAL: [&str; 5] = ["region", "with_mfa", "known_from", "accounts", "type"];
/// Digits of a finding's id that are shown, and characters of a time up to its minutes.
const ID_SHOWN: usize = 8;
const MINUTES: usize = 16;

/// A value as text. Times are UTC, which the first line says.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) if is_time(text) => text[..19].replace('T', " "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a text is an RFC 3339 time in UTC, such as `2024-03-01T09:00:00Z`.
fn is_time(text: &str) -> bool {
    text.is_ascii()
        && text.len() >= 20
        && text.ends_with('Z')
        && text.as_bytes()[10] == b'T'
        && text.as_bytes()[13] == b':'
}

/// The sections as one JSON object.
pub fn story_json(entity: &str, window: Window, sections: &[Section]) -> Value {
    let sections: Vec<Value> = sections
        .iter()
        .map(|section| {
            let row = |row: &Vec<Value>| -> Map<String, Value> {
                section.columns.iter().map(|column| column.name.clone()).zip(row.iter().cloned()).collect()
            };
            json!({"title": section.title, "rows": section.rows.iter().map(row).collect::<Vec<_>>()})
        })
        .collect();
    let time = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    json!({"entity": entity, "kind": Kind::of(entity).noun(), "from": time(window.from), "to": time(window.to),
           "sections": sections})
}

/// Writes the sections as Markdown.
///
/// # Errors
/// When `out` cannot be written.
pub fn story_markdown(entity: &str, window: Window, sections: &[Section], out: &mut impl Write) -> std::io::Result<()> {
    let (from, to) = (window.from.date_naive(), window.to.date_naive());
    writeln!(out, "# {}: {}\n\n{from} to {to} UTC", Kind::of(entity).noun(), inert(entity))?;
    for section in sections {
        writeln!(out, "\n## {}\n", section.title)?;
        if section.rows.is_empty() {
            writeln!(out, "none")?;
            continue;
        }
        let names: Vec<_> = section.columns.iter().map(|column| column.name.replace('_', " ")).collect();
        writeln!(out, "| {} |\n|{}", names.join(" | "), "---|".repeat(names.len()))?;
        for row in &section.rows {
            let cells: Vec<_> = row.iter().map(|value| inert(&Layout::plain(0).sentence(&shown(value)))).collect();
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
    }
    Ok(())
}
