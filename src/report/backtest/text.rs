//! A backtest for a terminal: a table of all detectors, then the top entities and overlaps of each, then the verdicts.

use std::io::Write;

use super::figures::{Alerts, Backtest, Figures};
use super::verdicts::verdicts_text;
use crate::detect::Severity;
use crate::report::text::entity_kind;
use crate::terminal::printable_line;
use crate::wording::{account_of, counted, grouped, plural, short_name};

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
pub fn text(backtest: &Backtest, out: &mut impl Write) -> std::io::Result<()> {
    let window = &backtest.window;
    writeln!(
        out,
        "backtest  {} to {} UTC, {}, {}, {:.1} s",
        window.from.format("%Y-%m-%d %H:%M"),
        window.to.format("%Y-%m-%d %H:%M"),
        counted(backtest.days, "day"),
        counted(backtest.detectors.len() as u64, "detector"),
        backtest.detectors.iter().map(|figures| figures.seconds).sum::<f64>(),
    )?;
    let (mut with_alerts, without_alerts): (Vec<&Figures>, Vec<&Figures>) =
        backtest.detectors.iter().partition(|figures| figures.alerts.total > 0);
    with_alerts.sort_by_key(|figures| std::cmp::Reverse(figures.alerts.total));
    let width = with_alerts.iter().map(|figures| figures.detector.len()).max().unwrap_or(0).max(8);

    let severities = SEVERITIES.map(|(_, name)| format!("{name:>5}")).concat();
    let wanted = format!("{}/day", backtest.alerts_per_day_wanted);
    writeln!(
        out,
        "\n{:width$}  alerts  mean/day  median   max  days  {severities}   min score for {wanted}  seconds",
        "detector"
    )?;
    for figures in &with_alerts {
        let threshold = match figures.threshold {
            Some(threshold) if threshold.score == 0.0 => "any".into(),
            Some(threshold) => format!("{:.3}", threshold.score),
            None => "none".into(),
        };
        let columns = columns(&figures.alerts);
        let score_width = "min score for ".len() + wanted.len();
        writeln!(out, "{:width$}  {columns}   {threshold:>score_width$}  {:7.1}", figures.detector, figures.seconds)?;
    }
    writeln!(out, "{:width$}  {}", "total", columns(&backtest.all))?;
    if backtest.suppressed > 0 {
        writeln!(out, "{} suppressed, not counted", counted(backtest.suppressed, "finding"))?;
    }

    for figures in &with_alerts {
        details(figures, out)?;
    }
    if !without_alerts.is_empty() {
        let without_alerts: Vec<&str> = without_alerts.iter().map(|figures| figures.detector.as_str()).collect();
        writeln!(out, "\nNo alerts: {}", without_alerts.join(", "))?;
    }
    verdicts_text(&backtest.verdicts, out)?;
    if !backtest.detectors_failed.is_empty() {
        writeln!(out, "\nFailed detectors")?;
    }
    for reason in &backtest.detectors_failed {
        writeln!(out, "  {}", printable_line(reason))?;
    }
    Ok(())
}

fn columns(alerts: &Alerts) -> String {
    let counts = SEVERITIES.map(|(severity, _)| match alerts.by_severity.get(&severity) {
        Some(n) => format!("{n:>5}"),
        None => format!("{:>5}", "."),
    });
    format!(
        "{:>6}  {:>8.2}  {:>6.1}  {:>4}  {:>4}  {}",
        grouped(alerts.total),
        alerts.mean_per_day,
        alerts.median_per_day,
        alerts.max_per_day,
        alerts.days_with_any,
        counts.concat()
    )
}

/// The top entities of a detector, and its overlap with others.
fn details(figures: &Figures, out: &mut impl Write) -> std::io::Result<()> {
    let max_day = figures.alerts.max_day.as_deref().unwrap_or_default();
    writeln!(out, "\n{}: most alerts on {max_day}", figures.detector)?;
    for who in figures.contributors.iter().take(SHOWN_MAX) {
        let kind = printable_line(entity_kind(&who.entity_type));
        let account = account_of(&who.entity).map(|account| format!("  (account {account})")).unwrap_or_default();
        let name = printable_line(&short_name(&who.entity));
        writeln!(out, "  {:>5}  {kind:10}  {name}{account}", grouped(who.alerts))?;
    }
    let others = figures.overlap.iter().take(SHOWN_MAX);
    let others: Vec<_> = others.map(|other| format!("{} {}", other.detector, percent(other.share))).collect();
    let shared = if others.is_empty() { String::new() } else { format!("; shared with {}", others.join(", ")) };
    let entity_days = format!("{:>5}  entity-{}", grouped(figures.entity_days), plural(figures.entity_days, "day"));
    writeln!(out, "  {entity_days}, {} only from this detector{shared}", percent(figures.alone))
}

fn percent(share: f64) -> String {
    format!("{:.0}%", 100.0 * share)
}
