//! `trailhunt runs`: the last runs over a lake, a line each.

use std::io::Write;

use super::Outcome;
use super::query::{printable, written};
use super::record::Run;
use crate::cli::{LakeFormat, RunsArgs};
use crate::detect::Severity;
use crate::error::{Error, Result};

/// Carries out `runs`.
pub async fn runs(args: RunsArgs) -> Result<Outcome> {
    let lake = args.lake.open().await?;
    let links = lake.runs().await?;
    let runs: Vec<Run> = links.iter().filter_map(|link| Run::of(link.record.as_ref()?)).collect();
    let shown = &runs[runs.len().saturating_sub(args.last)..];
    let mut out = std::io::stdout().lock();
    if args.format == LakeFormat::Json {
        let json = serde_json::to_string_pretty(shown).map_err(|e| Error::Internal(e.to_string()))?;
        written(writeln!(out, "{json}"))?;
        return Ok(Outcome::Done);
    }
    written(text(shown, &mut out))?;
    Ok(Outcome::Done)
}

fn text(runs: &[Run], out: &mut impl Write) -> std::io::Result<()> {
    if runs.is_empty() {
        return writeln!(out, "no run is recorded here yet");
    }
    writeln!(
        out,
        "finished (UTC)    judged                       events  crit  high   med   low   new  gone  unread  run"
    )?;
    for Run { summary, .. } in runs {
        let found = |severity| summary.findings.get(&severity).copied().unwrap_or(0);
        let day = |time: &str| time.get(..10).unwrap_or(time).to_owned();
        writeln!(
            out,
            "{}  {} to {}  {:>9}  {:>4}  {:>4}  {:>4}  {:>4}  {:>4}  {:>4}  {:>6}  {}",
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
