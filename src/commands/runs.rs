//! `trailhunt runs`: the last runs of a lake.

use super::Outcome;
use crate::error::Result;
use crate::lake::Lake;
use crate::request::{RunsRequest, TextFormat};
use crate::runs;
use crate::terminal::Out;

pub async fn runs(request: &RunsRequest, out: &mut Out) -> Result<Outcome> {
    let list = runs::list(&Lake::open(&request.lake).await?, request.last).await?;
    match request.format {
        TextFormat::Table => {
            let layout = out.layout();
            out.render(|out| runs::text(&list, layout, out))?;
        }
        TextFormat::Json => out.json(&list)?,
    }
    Ok(Outcome::Done)
}
