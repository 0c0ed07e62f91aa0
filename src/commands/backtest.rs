//! `trailhunt backtest`: how many alerts each detector would have raised over history.

use super::Outcome;
use crate::error::Result;
use crate::hunt;
use crate::lake::Lake;
use crate::report::backtest::{backtest as figures, text};
use crate::request::{BacktestRequest, TextFormat};
use crate::terminal::{Out, Progress};

/// Exit code 2 if a detector failed.
pub async fn backtest(request: &BacktestRequest, out: &mut Out) -> Result<Outcome> {
    let lake = Lake::open(&request.lake.location).await?;
    let context = hunt::prepare(&lake, &request.lake, &request.period, Progress::Shown).await?;
    let hunt = hunt::detect(&request.detection, &context.session, context.window, Progress::Shown).await?;
    let backtest = figures(&hunt, context.window, request.alerts_per_day);
    match request.format {
        TextFormat::Table => out.render(|out| text(&backtest, out))?,
        TextFormat::Json => out.json(&backtest)?,
    }
    Ok(Outcome::complete(hunt.failed.is_empty()))
}
