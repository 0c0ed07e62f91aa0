//! The summary of a report for a terminal: one screen of text.

use std::collections::BTreeMap;
use std::io::Write;

use super::document::Report;
use super::indicators;
use super::sections::Row;
use crate::detect::past::day_of;
use crate::detect::rate::in_words;
use crate::detect::risk::Entity;
use crate::detect::suppression::{State, Use};
use crate::detect::{Finding, Severity};
use crate::terminal::{Layout, printable_line};
use crate::wording::{counted, grouped, shown_time, wrapped};

/// Findings and entities shown. The summary says how many more there are.
const SHOWN_MAX: usize = 10;
/// Gaps and failed objects shown.
const SHOWN_MISSING_MAX: usize = 3;
/// Columns left of a label's, a finding's and an entity's text.
const LABEL_INDENT: usize = 10;
const FINDING_INDENT: usize = 12;
const ENTITY_INDENT: usize = 21;
const SUPPRESSION_INDENT: usize = 16;

/// Writes the window, findings, riskiest identities, suppressions and missing data.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(report: &Report, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    let window = &report.run.window;
    writeln!(out, "window    {} to {} UTC", window.from.format("%Y-%m-%d %H:%M"), window.to.format("%Y-%m-%d %H:%M"),)?;
    let in_lake = report.coverage.lake.get("events").and_then(|n| n.as_u64()).unwrap_or(0);
    let hunted = format!(
        "{} of {} in the lake, with {}",
        grouped(report.events_in_window()),
        counted(in_lake, "event"),
        counted(report.run.detectors.len() as u64, "detector"),
    );
    labelled("hunted", &hunted, layout, out)?;
    let suppressed = match report.suppressed.len() {
        0 => String::new(),
        n => format!("; {} suppressed", grouped(n as u64)),
    };
    labelled("found", &(found(report) + &suppressed), layout, out)?;
    let reasons = &report.coverage.stale_reasons;
    let heads = std::iter::once("STALE").chain(std::iter::repeat(""));
    for (head, reason) in heads.zip(reasons) {
        let lines = layout.fitted(&printable_line(reason), LABEL_INDENT);
        indented(&layout.warning(&format!("{head:LABEL_INDENT$}")), &lines, LABEL_INDENT, out)?;
    }
    if !report.findings.is_empty() {
        writeln!(out, "\n{}", layout.title("Top findings (times in UTC)"))?;
    }
    report.findings.iter().take(SHOWN_MAX).try_for_each(|finding| finding_lines(finding, layout, out))?;
    more(report.findings.len(), SHOWN_MAX, "more finding", out)?;
    if !report.entities.is_empty() {
        writeln!(out, "\n{}", layout.title("Riskiest identities"))?;
    }
    let entities = report.entities.iter().take(SHOWN_MAX);
    entities.into_iter().try_for_each(|entity| entity_lines(entity, &report.names, layout, out))?;
    more(report.entities.len(), SHOWN_MAX, "more identity", out)?;
    if let Some(search) = &report.indicators {
        writeln!(out, "\n{}", layout.title("Indicators"))?;
        indicators::brief(search, SHOWN_MAX, layout, out)?;
        more(search.hits.len(), SHOWN_MAX, "more indicator", out)?;
    }
    suppressions(report, layout, out)?;
    missing(report, layout, out)?;
    if !report.run.geography.is_empty() {
        writeln!(out)?;
        let lines = layout.fitted(&report.run.attribution, 0);
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

/// `1 high, 2 low on 2024-05-31; 3 medium before`: the last day of the window is what a nightly run is about. A window of
/// one day has no days before.
fn found(report: &Report) -> String {
    let window = &report.run.window;
    let last = (window.to - chrono::Duration::seconds(1)).date_naive();
    if window.from.date_naive() >= last || report.findings.is_empty() {
        return counts(&report.findings);
    }
    let (of_last, before): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| day_of(finding).is_some_and(|day| day >= last));
    let before = if before.is_empty() { String::new() } else { format!("; {} before", counts(before)) };
    format!("{} on {last}{before}", counts(of_last))
}

/// `label     text`, wrapped behind the label.
fn labelled(label: &str, text: &str, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    let lines = layout.fitted(text, LABEL_INDENT);
    indented(&format!("{label:LABEL_INDENT$}"), &lines, LABEL_INDENT, out)
}

/// Severity, time and summary; detector, how common it is here, techniques and evidence; who is behind it; a verdict.
fn finding_lines(finding: &Finding, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    let severity = finding.severity.to_string();
    let head = format!("  {severity:8}  ");
    // `informational` is longer than its column.
    let indent = head.len().max(FINDING_INDENT);
    let lines =
        |text: &str| wrapped(&printable_line(&layout.sentence(text)), layout.width() - indent, layout.lines_max());
    let sentence = if layout.has_full_names() { &finding.summary } else { &finding.headline };
    let summary = format!("{}  {sentence}", shown_time(&finding.first_time));
    indented(&layout.severity(&severity, &head), &lines(&summary), indent, out)?;
    let techniques = finding.attack.join(" ");
    let events = counted(finding.evidence.total, "event");
    let account = finding.account_id.as_deref().map(|account| format!("account {}", printable_line(account)));
    let expected = Some(in_words(finding.expected));
    let (detector, id) = (Some(finding.detector.clone()), Some(finding.id.clone()));
    let facts = [detector, expected, Some(techniques), Some(events), account, id];
    let facts: Vec<String> = facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect();
    indented("", &lines(&facts.join("; ")), indent, out)?;
    let (origin, seen) =
        (finding.origin.as_ref().map(ToString::to_string), finding.verdict.as_ref().map(ToString::to_string));
    origin.into_iter().chain(seen).try_for_each(|line| indented("", &lines(&line), indent, out))?;
    // Commands are not wrapped: a break would be pasted with them.
    let of_kind = |changes: bool| finding.next_steps.iter().filter(move |step| step.changes == changes);
    if let Some(command) = of_kind(false).find_map(|step| step.command.as_ref()) {
        writeln!(out, "{:indent$}look: {}", "", printable_line(command))?;
    }
    let contain = of_kind(true).find(|step| step.command.is_some()).or_else(|| of_kind(true).next());
    contain.map_or(Ok(()), |step| match &step.command {
        Some(command) => writeln!(out, "{:indent$}contain ({}): {}", "", step.audience, printable_line(command)),
        None => indented("", &lines(&format!("contain ({}): {}", step.audience, step.purpose)), indent, out),
    })
}

/// Risk, kind and short name; then the detectors.
fn entity_lines(
    entity: &Entity,
    names: &BTreeMap<String, String>,
    layout: Layout,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let name = names.get(&entity.entity).filter(|_| !layout.has_full_names()).unwrap_or(&entity.entity);
    let kind = printable_line(entity_kind(&entity.entity_type));
    let head = layout.severity(&entity.severity.to_string(), &format!("  {:5.1}  {kind:10}  ", entity.risk));
    let lines = |text: &str| wrapped(&printable_line(text), layout.width() - ENTITY_INDENT, layout.lines_max());
    indented(&head, &lines(name), ENTITY_INDENT, out)?;
    let mut detectors: Vec<&str> = Vec::new();
    for reason in &entity.reasons {
        if !detectors.contains(&reason.detector.as_str()) {
            detectors.push(&reason.detector);
        }
    }
    indented("", &lines(&detectors.join(", ")), ENTITY_INDENT, out)
}

/// A text after `indent` spaces.
fn line(text: &str, indent: usize, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    indented("", &layout.fitted(&printable_line(text), indent), indent, out)
}

/// Lines below each other; the first one after `head`, which fills `indent` columns.
fn indented(head: &str, lines: &[String], indent: usize, out: &mut impl Write) -> std::io::Result<()> {
    let spaces = " ".repeat(indent);
    let head = if head.is_empty() { &spaces } else { head };
    let heads = std::iter::once(head).chain(std::iter::repeat(spaces.as_str()));
    heads.zip(lines).try_for_each(|(head, line)| writeln!(out, "{head}{line}"))
}

/// The word for an entity type.
pub(super) fn entity_kind(entity_type: &str) -> &str {
    match entity_type {
        "actor" => "identity",
        "ip" => "address",
        "access_key" => "access key",
        other => other,
    }
}

/// Every entry of the suppressions file: what it matched, and until when it applies.
fn suppressions(report: &Report, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    if !report.suppressions.is_empty() {
        writeln!(out, "\n{}", layout.title("Suppressions"))?;
    }
    for Use { line, entry, state, findings, not_applied_to } in &report.suppressions {
        let matched = match state {
            State::Applied => counted(*findings, "finding"),
            State::Unmatched if not_applied_to.is_empty() => "no match".into(),
            State::Unmatched => "not applied".into(),
            State::Expired => "expired".into(),
        };
        let criteria = [&entry.detector, &entry.entity, &entry.account_id, &entry.region, &entry.technique];
        let criteria = criteria.into_iter().flatten().map(|text| printable_line(text)).collect::<Vec<_>>().join(" ");
        let owner = entry.owner.as_ref().map(|owner| format!(" ({})", printable_line(owner))).unwrap_or_default();
        let reason = printable_line(&entry.reason);
        let lines = |text: &str| layout.fitted(text, SUPPRESSION_INDENT);
        let entry = format!("line {line}, until {}  {criteria}: {reason}{owner}", entry.expires);
        indented(&format!("  {matched:12}  "), &lines(&entry), SUPPRESSION_INDENT, out)?;
        if !not_applied_to.is_empty() {
            let findings = not_applied_to.join(", ");
            let entry = format!("not applied to {findings}: judged malicious");
            indented("", &lines(&entry), SUPPRESSION_INDENT, out)?;
        }
    }
    Ok(())
}

/// What a reader must know before taking "nothing found" for "nothing happened".
fn missing(report: &Report, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    let coverage = &report.coverage;
    if let Some(sigma) = &report.run.sigma {
        writeln!(out)?;
        line(&sigma.to_string(), 0, layout, out)?;
    }
    let not_understood = report.indicators.as_ref().filter(|search| search.problems_total > 0);
    if coverage.missing().is_empty() && report.run.detectors_failed.is_empty() && not_understood.is_none() {
        return match report.coverage.stale {
            true => Ok(()),
            false => writeln!(out, "\nAll data was read; no unusual gaps."),
        };
    }
    writeln!(out, "\n{}", layout.title("Incomplete data"))?;
    let rejects = coverage.rejects_in_lake();
    if rejects > 0 {
        let records = counted(rejects, "record");
        line(&format!("{records} could not be read; see `trailhunt lake rejects`"), 2, layout, out)?;
    }
    let failed = coverage.objects_failed.iter().take(SHOWN_MISSING_MAX);
    failed.into_iter().try_for_each(|reason| line(reason, 2, layout, out))?;
    more(coverage.objects_failed.len(), SHOWN_MISSING_MAX, "more object", out)?;
    let failed = report.run.detectors_failed.iter().take(SHOWN_MISSING_MAX);
    failed.into_iter().try_for_each(|reason| line(reason, 2, layout, out))?;
    more(report.run.detectors_failed.len(), SHOWN_MISSING_MAX, "more detector", out)?;
    if let Some(search) = not_understood {
        writeln!(out, "  {} in the indicator files:", indicators::not_understood(search))?;
        let shown = search.problems.iter().take(SHOWN_MISSING_MAX);
        shown.into_iter().try_for_each(|problem| line(&problem.to_string(), 4, layout, out))?;
        more(search.problems_total as usize, SHOWN_MISSING_MAX, "more line", out)?;
    }
    if let Some(history) = coverage.history.too_short() {
        line(&history.to_string(), 2, layout, out)?;
    }
    let gaps = coverage.gaps.iter().take(SHOWN_MISSING_MAX);
    gaps.into_iter().try_for_each(|gap| line(&gap_sentence(gap), 2, layout, out))?;
    more(coverage.gaps.len(), SHOWN_MISSING_MAX, "more gap", out)
}

/// `no events in 111122223333 eu-west-1 for 26 hours, from 2024-03-20 14:00`.
pub(super) fn gap_sentence(gap: &Row) -> String {
    let text = |name: &str| gap.get(name).map(|v| v.as_str().map_or(v.to_string(), str::to_owned)).unwrap_or_default();
    let hours = gap.get("hours").and_then(|n| n.as_u64()).unwrap_or(0);
    let (account, region, from) = (text("account_id"), text("aws_region"), text("from"));
    format!("no events in {account} {region} for {}, from {}", counted(hours, "hour"), shown_time(&from))
}

/// `2 critical, 1 medium`, worst first.
pub(super) fn counts<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let mut counts: BTreeMap<Severity, u64> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.severity).or_default() += 1;
    }
    if counts.is_empty() {
        return "nothing".into();
    }
    counts.iter().rev().map(|(severity, n)| format!("{} {severity}", grouped(*n))).collect::<Vec<_>>().join(", ")
}

fn more(total: usize, shown: usize, what: &str, out: &mut impl Write) -> std::io::Result<()> {
    match total.saturating_sub(shown) {
        0 => Ok(()),
        rest => writeln!(out, "  and {} in the report", counted(rest as u64, what)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(write: impl Fn(&mut Vec<u8>) -> std::io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_identity_shows_its_short_name_first_and_nothing_steers_the_terminal() {
        let arn = "arn:aws:iam::111122223333:user/ma\u{202e}ria\u{1b}[2J";
        let entity = Entity {
            entity_type: "actor".into(),
            entity: arn.into(),
            risk: 97.25,
            severity: Severity::High,
            findings: 1,
            attack: vec![],
            reasons: vec![],
        };
        let names = BTreeMap::from([(arn.to_owned(), arn.rsplit(':').next().unwrap().to_owned())]);
        let text = lines(|out| entity_lines(&entity, &names, Layout::plain(100), out));
        let expected = "   97.2  identity    user/ma\u{fffd}ria\u{fffd}[2J\n";
        assert!(text.starts_with(expected), "{text}");
        let full = lines(|out| entity_lines(&entity, &names, Layout::plain(100).with_full_names(), out));
        assert!(full.contains("arn:aws:iam::111122223333:user/ma\u{fffd}ria"), "{full}");
    }

    #[test]
    fn a_gap_of_one_hour_is_singular() {
        let gap =
            |hours: u64| json!({"account_id": "1", "aws_region": "r", "hours": hours, "from": "2024-03-20T14:00:00Z"});
        let sentence = |hours| gap_sentence(gap(hours).as_object().unwrap());
        assert_eq!(sentence(1), "no events in 1 r for 1 hour, from 2024-03-20 14:00");
        assert_eq!(sentence(26), "no events in 1 r for 26 hours, from 2024-03-20 14:00");
    }
}
