//! `trailhunt lake ...`: maintains lakes, and verifies the archives they are made from.

use chrono::{Duration, Utc};
use indicatif::HumanBytes;

use super::Outcome;
use crate::ask::rejects as list_rejects;
use crate::error::Result;
use crate::lake::{Compacted, Lake, Vacuumed};
use crate::report::LakeStatus;
use crate::request::{LakeRequest, TextFormat, VerifyDigestsRequest};
use crate::source::Location;
use crate::terminal::{Out, Progress, note, printable};
use crate::wording::counted;
use crate::{integrity, open};

/// Days with at least this many files are compacted.
const FILES_MIN: usize = 2;

/// Exit code 2 if the lake has rejects.
pub async fn status(request: &LakeRequest, format: TextFormat, out: &mut Out) -> Result<Outcome> {
    let (snapshot, session) = open::session(request).await?;
    let status = LakeStatus::of(&snapshot, &session).await?;
    match format {
        TextFormat::Table => {
            let layout = out.layout();
            out.render(|out| status.text(layout, out))?;
        }
        TextFormat::Json => out.json(&status.json())?,
    }
    Ok(Outcome::complete(status.is_complete()))
}

/// Exit code 2 if there are any.
pub async fn rejects(request: &LakeRequest, out: &mut Out) -> Result<Outcome> {
    let (_, session) = open::session(request).await?;
    let rejects = list_rejects(&session).await?;
    if rejects.is_empty() {
        note("no rejects");
    }
    rejects.iter().try_for_each(|reject| writeln!(out, "{}", printable(reject)))?;
    Ok(Outcome::complete(rejects.is_empty()))
}

pub async fn compact(location: &Location, memory_bytes: usize, out: &mut Out) -> Result<Outcome> {
    let Compacted { days, files, bytes } = Lake::open(location).await?.compact(FILES_MIN, memory_bytes).await?;
    let bytes = (HumanBytes(bytes.0), HumanBytes(bytes.1));
    let days = counted(days, "day");
    writeln!(out, "compacted {days}: {} to {}, {} to {}", counted(files.0, "file"), files.1, bytes.0, bytes.1)?;
    writeln!(out, "kept      the old files, for older versions of the table, until `trailhunt lake vacuum`")?;
    Ok(Outcome::Done)
}

pub async fn vacuum(location: &Location, retain_hours: u32, out: &mut Out) -> Result<Outcome> {
    let before = Utc::now() - Duration::hours(i64::from(retain_hours));
    let Vacuumed { files, bytes } = Lake::open(location).await?.vacuum(before).await?;
    writeln!(out, "deleted   {}, {}", counted(files, "file"), HumanBytes(bytes))?;
    Ok(Outcome::Done)
}

/// Exit code 2 unless everything was verified.
pub async fn verify_digests(request: &VerifyDigestsRequest, out: &mut Out) -> Result<Outcome> {
    let VerifyDigestsRequest { source, selection, keys, format } = request;
    let bar = Progress::Shown.steps("verify", 0);
    let verification = integrity::verify(source, selection, keys, &|done, of| bar.set(done, of)).await?;
    drop(bar);
    match format {
        TextFormat::Table => out.render(|out| integrity::text(&verification, out))?,
        TextFormat::Json => out.json(&verification)?,
    }
    Ok(Outcome::complete(verification.holds()))
}
