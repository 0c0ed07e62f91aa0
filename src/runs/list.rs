//! The last runs of a lake.

use std::io::Write;

use super::Run;
use crate::detect::Severity;
use crate::error::Result;
use crate::lake::Lake;
use crate::terminal::{Column, Layout, Table};
use crate::wording::{grouped, wrapped};

/// The last runs, oldest first.
///
/// # Errors
/// When the lake cannot be read.
pub async fn list(lake: &Lake, last: usize) -> Result<Vec<Run>> {
    let links = lake.runs().await?;
    let mut runs: Vec<Run> = links.iter().filter_map(|link| Run::of(link.record.as_ref()?)).collect();
    Ok(runs.split_off(runs.len().saturating_sub(last)))
}

/// The last run whose record was not modified. Only this record is read.
///
/// # Errors
/// When the lake cannot be read.
pub async fn last(lake: &Lake) -> Result<Option<Run>> {
    let record = lake.last_run(|record| Run::of(record).is_some()).await?;
    Ok(record.and_then(|record| Run::of(&record)))
}

/// Writes one line per run.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(runs: &[Run], layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    if runs.is_empty() {
        return writeln!(out, "no runs recorded yet");
    }
    // Where the terminal is narrow, the columns with a rank are left out, the highest first.
    let counts = ["crit", "high", "med", "low", "new"].map(Column::number);
    let columns = [Column::whole("finished (UTC)"), Column::whole("window").optional(1)].into_iter();
    let columns = columns.chain([Column::number("events").optional(2)]).chain(counts);
    let columns = columns.chain([Column::number("resolved").optional(3), Column::number("unread")]);
    let mut table = Table::new(columns.chain([Column::whole("run").optional(4)]));
    for Run { summary, .. } in runs {
        let found = |severity| grouped(summary.findings.get(&severity).copied().unwrap_or(0));
        let day = |time: &str| time.get(..10).unwrap_or(time).to_owned();
        table.push([
            summary.finished_at.get(..16).unwrap_or_default().replace('T', " "),
            format!("{} to {}", day(&summary.from), day(&summary.to)),
            grouped(summary.events),
            found(Severity::Critical),
            found(Severity::High),
            found(Severity::Medium),
            found(Severity::Low),
            grouped(summary.new),
            grouped(summary.resolved),
            grouped(summary.unread),
            summary.run.clone(),
        ]);
    }
    match table.write(layout, 0, out)?.left_out.join(", ") {
        left_out if left_out.is_empty() => Ok(()),
        left_out => {
            let note = format!("too narrow for {left_out}; a wider terminal or --format json has them");
            wrapped(&note, layout.width(), usize::MAX).iter().try_for_each(|line| writeln!(out, "{line}"))
        }
    }
}
