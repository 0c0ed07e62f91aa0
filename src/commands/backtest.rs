//! `trailhunt backtest`: how many alerts each detector would have raised over history, and how many were judged benign.

use chrono::Utc;

use super::Outcome;
use crate::error::{Error, Result};
use crate::hunt::{self, judge_detectors, refuse_silencing};
use crate::lake::Lake;
use crate::report::backtest::{Backtest, backtest as figures, text};
use crate::request::{BacktestRequest, TextFormat};
use crate::runs;
use crate::terminal::{Out, Progress};

/// Exit code 2 if a detector failed, or if a suppression or parameter would hide a finding judged malicious.
pub async fn backtest(request: &BacktestRequest, out: &mut Out) -> Result<Outcome> {
    let BacktestRequest { detection, suppressions, alerts_per_day, .. } = request;
    let lake = Lake::open(&request.lake.location).await?;
    let verdicts = runs::verdicts(&lake).await?;
    if let Some(reason) = verdicts.unread.first() {
        return Err(Error::lake(lake.location().to_string(), reason));
    }
    let context =
        hunt::prepare(&lake, &request.lake, &request.period, &detection.library.sigma, Progress::Shown).await?;
    let (session, today) = (&context.session, Utc::now().date_naive());
    refuse_silencing(detection, suppressions, &verdicts, session, today).await?;
    let mut hunt = hunt::detect(detection, session, context.window, Progress::Shown).await?;
    verdicts.mark(&mut hunt.findings);
    let triage = suppressions.triage(std::mem::take(&mut hunt.findings), today);
    hunt.findings = triage.findings;
    let judged = judge_detectors(detection, suppressions, &verdicts, session, today, Progress::Shown).await?;
    let backtest = Backtest {
        suppressed: triage.suppressed.len() as u64,
        verdicts: judged,
        ..figures(&hunt, context.window, *alerts_per_day)
    };
    match request.format {
        TextFormat::Table => {
            let layout = out.layout();
            out.render(|out| text(&backtest, layout, out))?;
        }
        TextFormat::Json => out.json(&backtest)?,
    }
    Ok(Outcome::complete(hunt.failed.is_empty()))
}
