//! `trailhunt verdict`: records what a finding turned out to be, or lists the verdicts.

use super::Outcome;
use crate::error::Result;
use crate::lake::Lake;
use crate::request::{TextFormat, VerdictRequest};
use crate::runs;
use crate::terminal::Out;

/// Exit code 2 if a verdict in the lake cannot be read.
pub async fn verdict(request: &VerdictRequest, out: &mut Out) -> Result<Outcome> {
    let lake = Lake::open(&request.lake).await?;
    if let Some(given) = &request.given {
        let recorded = runs::judge(&lake, given).await?;
        out.render(|out| recorded.text(out))?;
        return Ok(Outcome::Done);
    }
    let verdicts = runs::verdicts(&lake).await?;
    match request.format {
        TextFormat::Table => {
            let layout = out.layout();
            out.render(|out| runs::verdict_lines(&verdicts, layout, out))?;
        }
        TextFormat::Json => out.json(&verdicts.iter().collect::<Vec<_>>())?,
    }
    Ok(Outcome::complete(verdicts.unread.is_empty()))
}
