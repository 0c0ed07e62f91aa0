//! The report as a page of Markdown, for a ticket, a chat or a pull request.

use std::io::Write;

use super::document::Report;
use super::indicators;
use super::text::{counts, entity_kind, gap_sentence};
use crate::detect::rate::in_words;
use crate::detect::{Finding, NextStep, Severity, Status};
use crate::indicators::Search;
use crate::terminal::{inert, printable_line};
use crate::wording::{account_of, counted, grouped, shown_time};

/// Findings, entities and problems shown. The page says how many more there are.
const SHOWN_MAX: usize = 20;

/// Writes the headline, findings, riskiest identities and missing data.
///
/// # Errors
/// When `out` cannot be written.
pub fn markdown(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let window = &report.run.window;
    writeln!(out, "# CloudTrail hunt, {} to {}\n", window.from.format("%Y-%m-%d"), window.to.format("%Y-%m-%d"))?;
    let new = report.findings.iter().filter(|f| f.status == Status::New).count();
    write!(out, "**Found:** {}", counts(&report.findings))?;
    if report.run.compared_with.is_some() {
        let continuing = report.findings.len() - new;
        write!(out, "; {new} new, {continuing} continuing, {} resolved", report.resolved.len())?;
    }
    writeln!(
        out,
        "\n\n**Hunted:** {} with {}; {} suppressed\n",
        counted(report.events_in_window(), "event"),
        counted(report.run.detectors.len() as u64, "detector"),
        counted(report.suppressed.len() as u64, "finding"),
    )?;
    for reason in &report.coverage.stale_reasons {
        writeln!(out, "> **Stale data:** {}\n", inert(reason))?;
    }
    if !report.findings.is_empty() {
        writeln!(
            out,
            "## Top findings\n\n| severity | status | time (UTC) | finding | how common here | detector | id |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|---|")?;
    }
    for finding in report.findings.iter().take(SHOWN_MAX) {
        writeln!(out, "{}", line(finding))?;
    }
    more(report.findings.len(), "more finding", out)?;
    next_steps(report, out)?;
    if !report.entities.is_empty() {
        writeln!(
            out,
            "\n## Riskiest identities\n\n| risk | type | name | account | findings |\n|---|---|---|---|---|"
        )?;
    }
    for entity in report.entities.iter().take(SHOWN_MAX) {
        let (kind, name) = (
            inert(entity_kind(&entity.entity_type)),
            inert(report.names.get(&entity.entity).unwrap_or(&entity.entity)),
        );
        let account = account_of(&entity.entity).unwrap_or_default();
        writeln!(out, "| {:.1} | {kind} | {name} | {account} | {} |", entity.risk, grouped(entity.findings))?;
    }
    more(report.entities.len(), "more identity", out)?;
    if let Some(search) = &report.indicators {
        indicator_lines(search, out)?;
    }
    missing(report, out)
}

/// What was searched for and found, and what was not searched.
fn indicator_lines(search: &Search, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(
        out,
        "\n## Indicators\n\n{}; {}",
        inert(&indicators::searched(search)),
        inert(&indicators::matched(search))
    )?;
    if !search.hits.is_empty() {
        writeln!(out, "\n| indicator | kind | first (UTC) | last (UTC) | calls | failed | identities | says |")?;
        writeln!(out, "|---|---|---|---|---|---|---|---|")?;
    }
    for hit in search.hits.iter().take(SHOWN_MAX) {
        let (value, about) = (inert(&hit.value), inert(&indicators::about(hit)));
        let (first, last) = (shown_time(&hit.first_time), shown_time(&hit.last_time));
        let (calls, failed) = (grouped(hit.calls), grouped(hit.failed));
        let identities = hit.identities.iter().take(3).map(|one| inert(&indicators::with_account(&one.name)));
        let others = match hit.identities_total.saturating_sub(3) {
            0 => String::new(),
            others => format!(" and {} more", grouped(others)),
        };
        let identities = identities.collect::<Vec<_>>().join(", ") + &others;
        let says = inert(&indicators::says(hit));
        writeln!(out, "| {value} | {about} | {first} | {last} | {calls} | {failed} | {identities} | {says} |")?;
    }
    more(search.hits.len(), "more indicator", out)?;
    let lines: Vec<_> = indicators::unsearched(search).iter().map(|line| inert(line)).collect();
    if lines.is_empty() { Ok(()) } else { writeln!(out, "\n- {}", lines.join("\n- ")) }
}

fn line(finding: &Finding) -> String {
    let status = if finding.status == Status::New { "new" } else { "continuing" };
    let Finding { severity, first_time, headline, expected, detector, id, .. } = finding;
    let (time, mut summary, detector) = (shown_time(first_time), inert(headline), inert(detector));
    if let Some(origin) = &finding.origin {
        summary.push_str(&format!("; {}", inert(&origin.to_string())));
    }
    if let Some(seen) = &finding.verdict {
        summary.push_str(&format!("; **{}**", inert(&seen.to_string())));
    }
    let common = in_words(*expected);
    format!("| {severity} | {status} | {time} | {summary} | {common} | {detector} | {id} |")
}

/// The commands of the findings that need an answer.
fn next_steps(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let shown = report.findings.iter().take(SHOWN_MAX);
    let urgent: Vec<_> = shown.filter(|finding| finding.severity >= Severity::Medium).collect();
    if !urgent.is_empty() {
        writeln!(out, "\n## Next steps\n\nTrailhunt runs none of these commands. Those that change something say so.")?;
    }
    for Finding { id, headline, next_steps, .. } in urgent {
        writeln!(out, "\n**{id}** {}\n", inert(headline))?;
        for NextStep { purpose, command, changes, audience } in next_steps {
            let change = if *changes { "**change**: " } else { "" };
            writeln!(out, "- {change}{} ({})", inert(purpose), inert(audience))?;
            if let Some(command) = command {
                // In a block of code nothing is markup but its end, which no command on one line can have.
                writeln!(out, "\n  ```sh\n  {}\n  ```", printable_line(command))?;
            }
        }
    }
    Ok(())
}

/// Lists missing data and failed detectors.
fn missing(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let coverage = &report.coverage;
    let mut lines: Vec<String> = Vec::new();
    if let Some(sigma) = &report.run.sigma {
        writeln!(out, "\n{sigma}.")?;
    }
    if coverage.rejects_in_lake() > 0 {
        lines.push(format!("{} could not be read", counted(coverage.rejects_in_lake(), "record")));
    }
    lines.extend(coverage.objects_failed.iter().chain(&report.run.detectors_failed).map(|reason| inert(reason)));
    if let Some(search) = report.indicators.as_ref().filter(|search| search.problems_total > 0) {
        lines.push(format!("{} in the indicator files", indicators::not_understood(search)));
        lines.extend(search.problems.iter().map(|problem| inert(&problem.to_string())));
    }
    lines.extend(coverage.history.too_short());
    lines.extend(coverage.gaps.iter().map(|gap| inert(&gap_sentence(gap))));
    if lines.is_empty() {
        return match coverage.stale {
            true => Ok(()),
            false => writeln!(out, "\nAll data was read; no unusual gaps."),
        };
    }
    writeln!(out, "\n## Incomplete data\n")?;
    lines.iter().take(SHOWN_MAX).try_for_each(|line| writeln!(out, "- {line}"))?;
    more(lines.len(), "more problem", out)
}

fn more(total: usize, what: &str, out: &mut impl Write) -> std::io::Result<()> {
    match total.saturating_sub(SHOWN_MAX) {
        0 => Ok(()),
        rest => writeln!(out, "\nand {} in the report", counted(rest as u64, what)),
    }
}
