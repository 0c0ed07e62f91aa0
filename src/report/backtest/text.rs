//! A backtest for a terminal: a line a detector, then who it speaks of and who else does.

use std::io::Write;

use super::{Alerts, Backtest, Figures};
use crate::detect::Severity;
use crate::report::text::{grouped, plain, shown_time};

/// Contributors and overlapping detectors shown; the rest is in the JSON.
const SHOWN_MAX: usize = 3;

/// Worst first, as columns.
const SEVERITIES: [(Severity, &str); 5] = [
    (Severity::Critical, "crit"),
    (Severity::High, "high"),
    (Severity::Medium, "med"),
    (Severity::Low, "low"),
    (Severity::Informational, "info"),
];

/// Writes the loudest detectors first.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(backtest: &Backtest, out: &mut impl Write) -> std::io::Result<()> {
    let window = &backtest.window;
    writeln!(
        out,
        "backtest  {} to {}, {} days, {} detectors, {:.1} s",
        shown_time(&window.from.to_rfc3339()),
        shown_time(&window.to.to_rfc3339()),
        grouped(backtest.days),
        backtest.detectors.len(),
        backtest.detectors.iter().map(|figures| figures.seconds).sum::<f64>(),
    )?;
    let (mut loudest, silent): (Vec<&Figures>, Vec<&Figures>) =
        backtest.detectors.iter().partition(|figures| figures.alerts.total > 0);
    loudest.sort_by_key(|figures| std::cmp::Reverse(figures.alerts.total));
    let width = loudest.iter().map(|figures| figures.detector.len()).max().unwrap_or(0).max(8);

    let severities = SEVERITIES.map(|(_, name)| format!("{name:>5}")).concat();
    let wanted = format!("{} a day", backtest.alerts_per_day_wanted);
    writeln!(out, "\n{:width$}  alerts  mean/day  median   max  days  {severities}   score for {wanted}  seconds", "")?;
    for figures in &loudest {
        let threshold = match figures.threshold {
            Some(threshold) if threshold.score == 0.0 => "any".into(),
            Some(threshold) => format!("{:.3}", threshold.score),
            None => "none".into(),
        };
        let columns = columns(&figures.alerts);
        let score_width = "score for ".len() + wanted.len();
        writeln!(out, "{:width$}  {columns}   {threshold:>score_width$}  {:7.1}", figures.detector, figures.seconds)?;
    }
    writeln!(out, "{:width$}  {}", "together", columns(&backtest.all))?;

    for figures in &loudest {
        details(figures, out)?;
    }
    if !silent.is_empty() {
        let silent: Vec<&str> = silent.iter().map(|figures| figures.detector.as_str()).collect();
        writeln!(out, "\nSilent: {}", silent.join(", "))?;
    }
    if !backtest.detectors_failed.is_empty() {
        writeln!(out, "\nWhat could not run")?;
    }
    for reason in &backtest.detectors_failed {
        writeln!(out, "  {}", plain(reason))?;
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

/// Whom a detector speaks of, and who else does.
fn details(figures: &Figures, out: &mut impl Write) -> std::io::Result<()> {
    let most = figures.alerts.max_day.as_deref().unwrap_or_default();
    writeln!(out, "\n{}, most on {most}", figures.detector)?;
    for who in figures.contributors.iter().take(SHOWN_MAX) {
        writeln!(out, "  {:>5}  {:10}  {}", grouped(who.alerts), who.entity_type, plain(&who.entity))?;
    }
    let others = figures.overlap.iter().take(SHOWN_MAX);
    let others: Vec<_> = others.map(|other| format!("{} {}", other.detector, percent(other.share))).collect();
    let also = if others.is_empty() { String::new() } else { format!("; also {}", others.join(", ")) };
    writeln!(out, "  {:>5}  entity-days, {} its own{also}", grouped(figures.entity_days), percent(figures.alone))
}

fn percent(share: f64) -> String {
    format!("{:.0}%", 100.0 * share)
}
