//! The result of an ingest as text.

use std::io::Write;

use indicatif::{HumanBytes, HumanCount};

use super::Ingested;
use crate::terminal::printable;

/// Writes a paragraph to read: what was read, kept and not read.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(ingested: &Ingested, out: &mut impl Write) -> std::io::Result<()> {
    let Ingested { appended, bytes, seconds, .. } = ingested;
    writeln!(
        out,
        "read      {} objects, {} in {seconds:.1} s; {} known objects skipped",
        HumanCount(appended.objects),
        HumanBytes(*bytes),
        HumanCount(ingested.objects_skipped),
    )?;
    writeln!(
        out,
        "events    {} kept, {} duplicates, {} rejects",
        HumanCount(appended.kept),
        HumanCount(appended.duplicates),
        HumanCount(appended.rejects),
    )?;
    if ingested.objects_changed > 0 {
        writeln!(
            out,
            "changed   {} objects changed since they were read and were read again",
            ingested.objects_changed
        )?;
    }
    if !ingested.others.is_empty() {
        let others: Vec<_> = ingested.others.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        writeln!(out, "not logs  {}", others.join(", "))?;
    }
    if appended.rejects > 0 {
        writeln!(out, "unread    {} rejects: trailhunt query 'SELECT * FROM rejects' --lake LAKE", appended.rejects)?;
    }
    for (_, reason) in ingested.objects_failed.iter().take(5) {
        writeln!(out, "unread    {}", printable(reason))?;
    }
    if ingested.objects_failed.len() > 5 {
        writeln!(out, "unread    and {} more; the next run tries again", ingested.objects_failed.len() - 5)?;
    }
    Ok(())
}
