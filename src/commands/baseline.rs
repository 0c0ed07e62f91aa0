//! `trailhunt baseline diff`: what became normal between two days.

use super::Outcome;
use crate::ask::{baseline_diff, baseline_diff_text};
use crate::error::Result;
use crate::lake::Lake;
use crate::open;
use crate::request::{BaselineDiffRequest, TextFormat};
use crate::terminal::{Out, Progress};

pub async fn diff(request: &BaselineDiffRequest, out: &mut Out) -> Result<Outcome> {
    let lake = Lake::open(&request.lake.location).await?;
    let snapshot = lake.snapshot().await?;
    let (geo, memory_bytes) = (request.lake.geo()?, request.lake.memory_bytes);
    let cluster = open::cluster(request.lake.workers.as_ref(), &geo).await?;
    let session = open::summarised_session(&lake, &snapshot, &geo, memory_bytes, cluster, Progress::Shown).await?;
    let rows = baseline_diff(&session, request.window).await?;
    match request.format {
        TextFormat::Table => out.render(|out| baseline_diff_text(&rows, out))?,
        TextFormat::Json => out.json(&rows)?,
    }
    Ok(Outcome::Done)
}
