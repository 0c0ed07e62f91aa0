//! `trailhunt indicators`: a search of the history for what others published.

use super::Outcome;
use crate::error::Result;
use crate::report::{indicators_csv, indicators_text};
use crate::request::{HitFormat, IndicatorsRequest};
use crate::terminal::{Out, note};
use crate::{hunt, indicators, open};

/// Exit code 2 if a line or object of a file is not understood.
pub async fn indicators(request: &IndicatorsRequest, out: &mut Out) -> Result<Outcome> {
    let (snapshot, session) = open::session(&request.lake).await?;
    let period = hunt::exact_window(&snapshot, &request.period)?;
    let search = indicators::search(&request.indicators, &session, period, period).await?;
    match request.format {
        HitFormat::Table => {
            let layout = out.layout();
            out.render(|out| indicators_text(&search, layout, out))?;
        }
        HitFormat::Json => out.json(&search)?,
        HitFormat::Csv => {
            out.render(|out| indicators_csv(&search, out))?;
            search.problems.iter().for_each(note);
        }
    }
    Ok(Outcome::complete(search.problems_total == 0))
}
