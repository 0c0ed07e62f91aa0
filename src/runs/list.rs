//! The last runs of a lake.

use std::io::Write;

use super::Run;
use crate::detect::Severity;
use crate::error::Result;
use crate::lake::Lake;
use crate::terminal::printable;

/// The last runs, oldest first.
///
/// # Errors
/// When the lake cannot be read.
pub async fn list(lake: &Lake, last: usize) -> Result<Vec<Run>> {
    let links = lake.runs().await?;
    let mut runs: Vec<Run> = links.iter().filter_map(|link| Run::of(link.record.as_ref()?)).collect();
    Ok(runs.split_off(runs.len().saturating_sub(last)))
}

/// Writes one line per run.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(runs: &[Run], out: &mut impl Write) -> std::io::Result<()> {
    if runs.is_empty() {
        return writeln!(out, "no runs recorded yet");
    }
    writeln!(
        out,
        "finished (UTC)    window                       events  crit  high   med   low   new  resolved  unread  run"
    )?;
    for Run { summary, .. } in runs {
        let found = |severity| summary.findings.get(&severity).copied().unwrap_or(0);
        let day = |time: &str| time.get(..10).unwrap_or(time).to_owned();
        writeln!(
            out,
            "{}  {} to {}  {:>9}  {:>4}  {:>4}  {:>4}  {:>4}  {:>4}  {:>8}  {:>6}  {}",
            summary.finished_at.get(..16).unwrap_or_default().replace('T', " "),
            day(&summary.from),
            day(&summary.to),
            summary.events,
            found(Severity::Critical),
            found(Severity::High),
            found(Severity::Medium),
            found(Severity::Low),
            summary.new,
            summary.resolved,
            summary.unread,
            printable(&summary.run),
        )?;
    }
    Ok(())
}
