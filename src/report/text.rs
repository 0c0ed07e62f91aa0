//! The report in a screenful, for a terminal.

use std::collections::BTreeMap;
use std::io::Write;

use super::Report;
use crate::detect::suppression::{State, Use};
use crate::detect::{Finding, Severity};

/// Findings and entities shown; the rest is counted.
const SHOWN_MAX: usize = 10;

/// Writes what somebody wants to know first: how much was read, what was found, who matters, what was not read.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let window = &report.run.window;
    let lake = |name: &str| report.coverage.lake.get(name).and_then(|n| n.as_u64()).unwrap_or(0);
    writeln!(
        out,
        "hunted    {} to {}, {} of {} events in the lake, {} detectors",
        window.from.format("%Y-%m-%d %H:%M"),
        window.to.format("%Y-%m-%d %H:%M"),
        grouped(events_in_window(report)),
        grouped(lake("events")),
        report.run.detectors.len(),
    )?;
    write!(out, "found     {}", counts(&report.findings))?;
    match report.suppressed.len() {
        0 => writeln!(out)?,
        n => writeln!(out, "; {} suppressed", grouped(n as u64))?,
    }
    if !report.findings.is_empty() {
        writeln!(out, "\nWhat stands out")?;
    }
    for finding in report.findings.iter().take(SHOWN_MAX) {
        writeln!(out, "  {:8}  {}  {}", finding.severity, shown_time(&finding.first_time), plain(&finding.summary))?;
        writeln!(
            out,
            "  {:8}  {}  {}; {} events; {}",
            "",
            finding.detector,
            finding.attack.join(" "),
            grouped(finding.evidence.total),
            finding.id
        )?;
    }
    more(report.findings.len(), "findings", out)?;
    if !report.entities.is_empty() {
        writeln!(out, "\nWho matters")?;
    }
    for entity in report.entities.iter().take(SHOWN_MAX) {
        let mut detectors: Vec<&str> = Vec::new();
        for reason in &entity.reasons {
            if !detectors.contains(&reason.detector.as_str()) {
                detectors.push(&reason.detector);
            }
        }
        writeln!(out, "  {:5.1}  {:10}  {}", entity.risk, entity.entity_type, plain(&entity.entity))?;
        writeln!(out, "  {:5}  {:10}  {}", "", "", shortened(&detectors))?;
    }
    more(report.entities.len(), "entities", out)?;
    suppressions(report, out)?;
    not_read(report, out)?;
    if !report.run.geography.is_empty() {
        writeln!(out, "\n{}", report.run.attribution)?;
    }
    Ok(())
}

/// What was accepted, for how long, and which entries have had their time.
fn suppressions(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    if !report.suppressions.is_empty() {
        writeln!(out, "\nWhat is suppressed")?;
    }
    for Use { line, entry, state, findings } in &report.suppressions {
        let what = match state {
            State::Applied => format!("{findings} findings"),
            State::Unmatched => "nothing".into(),
            State::Expired => "expired".into(),
        };
        let given = [&entry.detector, &entry.entity, &entry.account_id, &entry.region, &entry.technique];
        let given = given.into_iter().flatten().map(|given| plain(given)).collect::<Vec<_>>().join(" ");
        let owner = entry.owner.as_ref().map(|owner| format!(" ({})", plain(owner))).unwrap_or_default();
        writeln!(out, "  {what:12}  line {line}, until {}  {given}: {}{owner}", entry.expires, plain(&entry.reason))?;
    }
    Ok(())
}

/// What a reader must know before trusting silence.
fn not_read(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let coverage = &report.coverage;
    let rejects = coverage.lake.get("rejects").and_then(|n| n.as_u64()).unwrap_or(0);
    let clean = rejects == 0
        && coverage.objects_failed.is_empty()
        && coverage.gaps.is_empty()
        && report.run.detectors_failed.is_empty();
    if clean {
        return writeln!(out, "\nEverything was read; no gaps of a day or more.");
    }
    writeln!(out, "\nWhat was not read")?;
    if rejects > 0 {
        writeln!(out, "  {} records could not be read: query the table rejects", grouped(rejects))?;
    }
    for reason in coverage.objects_failed.iter().take(3) {
        writeln!(out, "  {}", plain(reason))?;
    }
    for reason in &report.run.detectors_failed {
        writeln!(out, "  {}", plain(reason))?;
    }
    let text = |row: &super::Row, name: &str| {
        row.get(name).map(|v| v.as_str().map_or(v.to_string(), str::to_owned)).unwrap_or_default()
    };
    for gap in coverage.gaps.iter().take(3) {
        writeln!(
            out,
            "  no events of {} {} for {} hours from {}",
            text(gap, "account_id"),
            text(gap, "aws_region"),
            text(gap, "hours"),
            shown_time(&text(gap, "from")),
        )?;
    }
    if coverage.gaps.len() > 3 {
        writeln!(out, "  and {} more gaps", coverage.gaps.len() - 3)?;
    }
    Ok(())
}

pub(super) fn events_in_window(report: &Report) -> u64 {
    let days = report.statistics.get("events_by_day").into_iter().flatten();
    days.filter_map(|row| row.get("events").and_then(|n| n.as_u64())).sum()
}

/// `2 critical, 1 medium`, worst first.
pub(super) fn counts(findings: &[Finding]) -> String {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.severity).or_default() += 1;
    }
    if counts.is_empty() {
        return "nothing".into();
    }
    counts.iter().rev().map(|(severity, n)| format!("{n} {severity}")).collect::<Vec<_>>().join(", ")
}

fn more(total: usize, what: &str, out: &mut impl Write) -> std::io::Result<()> {
    if total > SHOWN_MAX {
        writeln!(out, "  and {} more {what} in the report", total - SHOWN_MAX)?;
    }
    Ok(())
}

fn shortened(names: &[&str]) -> String {
    let shown = names.iter().take(6).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 6 { format!("{shown} and {} more", names.len() - 6) } else { shown }
}

/// `2024-03-20 14:05` of an RFC 3339 time.
pub(super) fn shown_time(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// `1,234,567`.
pub(super) fn grouped(n: u64) -> String {
    indicatif::HumanCount(n).to_string()
}

/// Without what could steer a terminal: summaries hold what a caller chose.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
