//! The report in a page of Markdown, for a ticket, a chat or a pull request.

use std::io::Write;

use super::text::{counts, events_in_window, grouped, shown_time};
use super::{Report, Row};
use crate::detect::{Finding, Status};

/// Findings and entities shown; the rest is counted.
const SHOWN_MAX: usize = 20;

/// Writes headline, findings, entities and what was not read.
///
/// # Errors
/// When `out` cannot be written.
pub fn markdown(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let window = &report.run.window;
    writeln!(out, "# CloudTrail hunt, {} to {}\n", window.from.format("%Y-%m-%d"), window.to.format("%Y-%m-%d"))?;
    let new = report.findings.iter().filter(|f| f.status == Status::New).count();
    writeln!(out, "**Found:** {}", counts(&report.findings))?;
    if report.run.compared_with.is_some() {
        let going_on = report.findings.len() - new;
        writeln!(out, "; {new} new, {going_on} continuing, {} resolved", report.resolved.len())?;
    }
    writeln!(
        out,
        "\n**Judged:** {} events by {} detectors; {} suppressed\n",
        grouped(events_in_window(report)),
        report.run.detectors.len(),
        report.suppressed.len(),
    )?;
    if !report.findings.is_empty() {
        writeln!(out, "## What stands out\n\n| severity | status | when (UTC) | what | detector | id |")?;
        writeln!(out, "|---|---|---|---|---|---|")?;
    }
    for finding in report.findings.iter().take(SHOWN_MAX) {
        writeln!(out, "{}", line(finding))?;
    }
    more(report.findings.len(), "findings", out)?;
    if !report.entities.is_empty() {
        writeln!(out, "\n## Who matters\n\n| risk | | who | findings |\n|---|---|---|---|")?;
    }
    for entity in report.entities.iter().take(SHOWN_MAX) {
        let (kind, name) = (inert(&entity.entity_type), inert(&entity.entity));
        writeln!(out, "| {:.1} | {kind} | {name} | {} |", entity.risk, entity.findings)?;
    }
    more(report.entities.len(), "entities", out)?;
    not_read(report, out)
}

fn line(finding: &Finding) -> String {
    let status = if finding.status == Status::New { "new" } else { "continuing" };
    let Finding { severity, first_time, summary, detector, id, .. } = finding;
    let (time, summary, detector) = (shown_time(first_time), inert(summary), inert(detector));
    format!("| {severity} | {status} | {time} | {summary} | {detector} | {id} |")
}

fn not_read(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let coverage = &report.coverage;
    let rejects = coverage.lake.get("rejects").and_then(|n| n.as_u64()).unwrap_or(0);
    let mut lines: Vec<String> = Vec::new();
    if rejects > 0 {
        lines.push(format!("{} records could not be read", grouped(rejects)));
    }
    lines.extend(coverage.objects_failed.iter().chain(&report.run.detectors_failed).map(|reason| inert(reason)));
    let text = |row: &Row, name: &str| {
        inert(&row.get(name).map(|v| v.as_str().map_or(v.to_string(), str::to_owned)).unwrap_or_default())
    };
    lines.extend(coverage.gaps.iter().map(|gap| {
        let [account, region, hours, from] = ["account_id", "aws_region", "hours", "from"].map(|name| text(gap, name));
        format!("no events of {account} {region} for {hours} hours from {from}")
    }));
    if lines.is_empty() {
        return writeln!(out, "\nEverything was read; no gaps of a day or more.");
    }
    writeln!(out, "\n## What was not read\n")?;
    lines.iter().take(SHOWN_MAX).try_for_each(|line| writeln!(out, "- {line}"))?;
    more(lines.len(), "lines", out)
}

fn more(total: usize, what: &str, out: &mut impl Write) -> std::io::Result<()> {
    if total > SHOWN_MAX {
        writeln!(out, "\nand {} more {what} in the report", total - SHOWN_MAX)?;
    }
    Ok(())
}

/// Text that Markdown shows as it is: one line, no markup, no HTML, no link, no mention.
fn inert(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if c.is_control() => inert.push('\u{fffd}'),
            '&' => inert.push_str("&amp;"),
            '<' => inert.push_str("&lt;"),
            // A zero-width joiner would do as well and could not be copied.
            '@' => inert.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '#' => inert.extend(['\\', c]),
            _ => inert.push(c),
        }
    }
    // Bare addresses become links on most sites.
    inert.replace("://", ":&#47;&#47;").replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_chose_is_no_markup() {
        assert_eq!(inert("<img src=x>|[a](http://b)"), "&lt;img src=x>\\|\\[a\\](http:&#47;&#47;b)");
        assert_eq!(inert("@team\n# now"), "&#64;team\u{fffd}\\# now");
    }
}
