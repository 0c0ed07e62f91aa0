//! `trailhunt verify`: checks that nothing recorded was modified.

use super::Outcome;
use crate::error::Result;
use crate::request::VerifyRequest;
use crate::runs;
use crate::terminal::{Out, Progress};

/// Exit code 2 if anything was modified or cannot be reproduced.
pub async fn verify(request: &VerifyRequest, out: &mut Out) -> Result<Outcome> {
    let verified = runs::verify(request, Progress::Shown).await?;
    out.render(|out| verified.text(out))?;
    Ok(Outcome::complete(verified.problems.is_empty()))
}
