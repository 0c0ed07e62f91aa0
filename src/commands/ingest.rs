//! `trailhunt ingest`: archives into a lake.

use super::Outcome;
use crate::error::Result;
use crate::ingest;
use crate::lake::Lake;
use crate::request::IngestRequest;
use crate::source::Location;
use crate::terminal::{Out, Progress};

/// Exit code 2 if anything could not be read.
pub async fn ingest(request: &IngestRequest, lake: &Location, out: &mut Out) -> Result<Outcome> {
    let surveyed = ingest::survey(request).await?;
    let lake = Lake::open_or_create(lake).await?;
    let ingested = ingest::read(request, surveyed, &lake, Progress::Shown).await?;
    out.render(|out| ingest::text(&ingested, out))?;
    Ok(Outcome::complete(ingested.is_complete()))
}
