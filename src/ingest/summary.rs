//! The result of an ingest as text.

use std::io::Write;

use indicatif::{HumanBytes, HumanCount};

use super::Ingested;
use crate::terminal::printable;
use crate::wording::counted;

/// Writes a paragraph to read: what was read, kept and not read.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(ingested: &Ingested, out: &mut impl Write) -> std::io::Result<()> {
    let Ingested { appended, bytes, seconds, .. } = ingested;
    writeln!(
        out,
        "read      {}, {} in {seconds:.1} s; {} skipped",
        counted(appended.objects, "object"),
        HumanBytes(*bytes),
        counted(ingested.objects_skipped, "known object"),
    )?;
    writeln!(
        out,
        "events    {} kept, {}, {}",
        HumanCount(appended.kept),
        counted(appended.duplicates, "duplicate"),
        counted(appended.rejects, "reject"),
    )?;
    if appended.id_conflicts > 0 {
        let events = counted(appended.id_conflicts, "event");
        writeln!(out, "conflicts {events} kept although another event has the same id")?;
    }
    if appended.addenda > 0 {
        let addenda = counted(appended.addenda, "addendum record");
        writeln!(out, "addenda   {addenda} to known events kept; detectors count each event once")?;
    }
    if ingested.objects_changed > 0 {
        let objects = counted(ingested.objects_changed, "object");
        writeln!(out, "changed   {objects} read again because a new version was found")?;
    }
    if !ingested.others.is_empty() {
        let others: Vec<_> = ingested.others.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        writeln!(out, "not logs  {}", others.join(", "))?;
    }
    if appended.rejects > 0 {
        let rejects = counted(appended.rejects, "reject");
        writeln!(out, "unread    {rejects}: trailhunt lake rejects --lake LAKE lists them")?;
    }
    for (_, reason) in ingested.objects_failed.iter().take(5) {
        writeln!(out, "unread    {}", printable(reason))?;
    }
    if ingested.objects_failed.len() > 5 {
        let more = ingested.objects_failed.len() - 5;
        writeln!(out, "unread    and {more} more; the next run tries again")?;
    }
    Ok(())
}
