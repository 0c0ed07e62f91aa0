//! `trailhunt evidence`: everything that a run's findings are based on, in one file.

use super::Outcome;
use crate::error::Result;
use crate::request::EvidenceRequest;
use crate::runs;
use crate::terminal::Out;

/// Exit code 2 if something that belongs in the bundle was not found.
pub async fn evidence(request: &EvidenceRequest, out: &mut Out) -> Result<Outcome> {
    let evidence = runs::evidence(request).await?;
    out.render(|out| evidence.text(out))?;
    Ok(Outcome::complete(evidence.missing.is_empty()))
}
