//! `trailhunt backtest`: what each detector would have raised over history.

use super::query::written;
use super::{Outcome, hunt};
use crate::cli::{BacktestArgs, BacktestFormat};
use crate::detect::{Library, Settings};
use crate::error::Result;
use crate::report::backtest::{backtest as figures, text};
use crate::report::json;

/// Carries out `backtest`. Exit code 2 when a detector could not run.
pub async fn backtest(args: BacktestArgs) -> Result<Outcome> {
    let lake = args.lake.open().await?;
    let library = Library::load(&args.detect.folders)?;
    let detectors = library.select(&args.detect.detectors)?;
    let settings = Settings { parameters: hunt::parameters(&args.detect.parameters, &library)? };
    let ground = hunt::ground(&lake, &args.period, &args.detect, &args.memory).await?;
    let hunt = hunt::detect(&detectors, &ground.session, ground.window, &settings).await?;
    let backtest = figures(&hunt, ground.window, args.alerts_per_day);
    let mut out = std::io::stdout().lock();
    written(match args.format {
        BacktestFormat::Table => text(&backtest, &mut out),
        BacktestFormat::Json => json(&backtest, &mut out),
    })?;
    Ok(if hunt.failed.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}
