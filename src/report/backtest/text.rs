//! A backtest for a terminal: a table of all detectors, then the top entities and overlaps of each, then the verdicts.

use std::io::Write;

use super::figures::{Alerts, Backtest, Figures};
use super::verdicts::verdicts_text;
use crate::detect::Severity;
use crate::report::text::entity_kind;
use crate::terminal::{Column, Layout, Table, printable_line};
use crate::wording::{account_of, counted, grouped, plural, wrapped};

/// Entities and overlapping detectors shown per detector; the JSON has all of them.
const SHOWN_MAX: usize = 3;

/// Columns, worst first.
const SEVERITIES: [(Severity, &str); 5] = [
    (Severity::Critical, "crit"),
    (Severity::High, "high"),
    (Severity::Medium, "med"),
    (Severity::Low, "low"),
    (Severity::Informational, "info"),
];

/// Writes the detectors with the most alerts first.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(backtest: &Backtest, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    let window = &backtest.window;
    let about = format!(
        "backtest  {} to {} UTC, {}, {}, {:.1} s",
        window.from.format("%Y-%m-%d %H:%M"),
        window.to.format("%Y-%m-%d %H:%M"),
        counted(backtest.days, "day"),
        counted(backtest.detectors.len() as u64, "detector"),
        backtest.detectors.iter().map(|figures| figures.seconds).sum::<f64>(),
    );
    lines(&about, 0, 10, layout, out)?;
    let (mut with_alerts, without_alerts): (Vec<&Figures>, Vec<&Figures>) =
        backtest.detectors.iter().partition(|figures| figures.alerts.total > 0);
    with_alerts.sort_by_key(|figures| std::cmp::Reverse(figures.alerts.total));

    // Where the terminal is narrow, the columns with a number are left out, the highest first.
    let counts = [("alerts", 0), ("mean/day", 1), ("median", 5), ("max", 4), ("days", 3)];
    let by_severity = SEVERITIES.map(|(severity, name)| (name, u8::from(severity == Severity::Informational) * 6));
    let others = [("min score", 2), ("seconds", 7)];
    let columns = counts.into_iter().chain(by_severity).chain(others);
    let columns = columns.map(|(name, rank)| Column::number(name).optional(rank));
    let mut table = Table::new(std::iter::once(Column::whole("detector")).chain(columns));
    for figures in &with_alerts {
        let threshold = match figures.threshold {
            Some(threshold) if threshold.score == 0.0 => "any".into(),
            Some(threshold) => format!("{:.3}", threshold.score),
            None => "none".into(),
        };
        let counts = columns_of(&figures.alerts);
        table.push(
            [figures.detector.clone()].into_iter().chain(counts).chain([threshold, format!("{:.1}", figures.seconds)]),
        );
    }
    let total = ["total".to_owned()].into_iter().chain(columns_of(&backtest.all));
    table.push(total.chain([String::new(), String::new()]));
    writeln!(out)?;
    let missing = table.write(layout, 0, out)?;
    if !missing.left_out.contains(&"min score".to_owned()) {
        let wanted = backtest.alerts_per_day_wanted;
        let alerts = if wanted == 1.0 { "alert" } else { "alerts" };
        lines(&format!("min score: at this score or above, {wanted} {alerts} per day"), 0, 2, layout, out)?;
    }
    if !missing.left_out.is_empty() {
        let left_out = missing.left_out.join(", ");
        lines(&format!("too narrow for {left_out}; a wider terminal or --format json has them"), 0, 2, layout, out)?;
    }
    if backtest.suppressed > 0 {
        writeln!(out, "{} suppressed, not counted", counted(backtest.suppressed, "finding"))?;
    }

    for figures in &with_alerts {
        details(figures, layout, out)?;
    }
    if !without_alerts.is_empty() {
        let without_alerts: Vec<&str> = without_alerts.iter().map(|figures| figures.detector.as_str()).collect();
        writeln!(out)?;
        lines(&format!("No alerts: {}", without_alerts.join(", ")), 0, 2, layout, out)?;
    }
    verdicts_text(&backtest.verdicts, layout, out)?;
    if !backtest.detectors_failed.is_empty() {
        writeln!(out, "\n{}", layout.warning("Failed detectors"))?;
    }
    for reason in &backtest.detectors_failed {
        lines(&printable_line(reason), 2, 2, layout, out)?;
    }
    Ok(())
}

fn columns_of(alerts: &Alerts) -> Vec<String> {
    let counts = [
        grouped(alerts.total),
        format!("{:.2}", alerts.mean_per_day),
        format!("{:.1}", alerts.median_per_day),
        alerts.max_per_day.to_string(),
        alerts.days_with_any.to_string(),
    ];
    let by_severity = SEVERITIES.map(|(severity, _)| match alerts.by_severity.get(&severity) {
        Some(n) => n.to_string(),
        None => ".".into(),
    });
    counts.into_iter().chain(by_severity).collect()
}

/// The top entities of a detector, and its overlap with others.
fn details(figures: &Figures, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    let max_day = figures.alerts.max_day.as_deref().unwrap_or_default();
    writeln!(out, "\n{}", layout.title(&format!("{}: most alerts on {max_day}", figures.detector)))?;
    for who in figures.contributors.iter().take(SHOWN_MAX) {
        let kind = printable_line(entity_kind(&who.entity_type));
        let name = layout.name(&who.entity);
        let account = account_of(&who.entity).filter(|_| name != who.entity);
        let account = account.map(|account| format!(", account {account}")).unwrap_or_default();
        let who = format!("{:>5}  {kind:10}  {}{account}", grouped(who.alerts), printable_line(&name));
        lines(&who, 2, 19, layout, out)?;
    }
    let others = figures.overlap.iter().take(SHOWN_MAX);
    let others: Vec<_> = others.map(|other| format!("{} {}", other.detector, percent(other.share))).collect();
    let shared = if others.is_empty() { String::new() } else { format!("; shared with {}", others.join(", ")) };
    let entity_days = format!("{:>5}  entity-{}", grouped(figures.entity_days), plural(figures.entity_days, "day"));
    lines(&format!("{entity_days}, {} only from this detector{shared}", percent(figures.alone)), 2, 7, layout, out)
}

/// A text that is wrapped after `indent` spaces; its later lines begin `hanging` columns further right.
fn lines(text: &str, indent: usize, hanging: usize, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    let room = layout.width().saturating_sub(indent);
    let mut lines = layout.fitted(text, indent);
    if lines.len() > 1 {
        let rest = lines.split_off(1).join(" ");
        lines.extend(wrapped(&rest, room.saturating_sub(hanging), usize::MAX));
    }
    for (at, line) in lines.iter().enumerate() {
        writeln!(out, "{:1$}{line}", "", indent + if at > 0 { hanging } else { 0 })?;
    }
    Ok(())
}

fn percent(share: f64) -> String {
    format!("{:.0}%", 100.0 * share)
}
