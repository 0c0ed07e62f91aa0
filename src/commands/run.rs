//! `trailhunt run`: ingest, then hunt.

use chrono::Days;

use super::hunt::{conclude, report_on};
use super::ingest::Bounds;
use super::{Outcome, ingest, period};
use crate::cli::RunArgs;
use crate::error::Result;
use crate::lake::Lake;
use crate::report::Coverage;
use crate::source::{Location, Selection};

/// Carries out `run`.
pub async fn run(args: RunArgs) -> Result<Outcome> {
    let (from, to) = period::bounds(&args.period)?;
    // Objects are delivered minutes after their events: the last hour's lie under the next day.
    let to = to.map(period::day_after).and_then(|day| day.checked_add_days(Days::new(1)));
    let selection = ingest::selection(&args.source, from.map(|time| time.date_naive()), to);
    let s3 = args.lake.s3.settings();
    let sources = args.source.sources.iter().map(|text| Location::source(text, &s3)).collect::<Result<Vec<_>>>()?;
    let lake = Lake::open_or_create(&Location::parse(&args.lake.lake, &s3)?).await?;
    let lock = lake.lock().await?;
    let outcome = night(&args, &sources, &selection, &lake).await;
    let released = lock.release().await;
    let outcome = outcome?;
    released?;
    Ok(outcome)
}

/// What one run at a time does.
async fn night(args: &RunArgs, sources: &[Location], selection: &Selection, lake: &Lake) -> Result<Outcome> {
    let ingested = ingest::read(sources, selection, lake, Bounds::new(&args.hunt.memory, &args.limits)).await?;
    if !args.hunt.quiet {
        ingest::print(&ingested);
    }
    let report = report_on(lake, &args.period, &args.hunt, Coverage::from(ingested)).await?;
    conclude(lake, &report, &args.hunt).await
}

impl From<ingest::Ingested> for Coverage {
    fn from(ingested: ingest::Ingested) -> Coverage {
        let appended = ingested.appended;
        Coverage {
            objects_read: appended.objects,
            objects_skipped: ingested.objects_skipped,
            objects_changed: ingested.objects_changed,
            objects_failed: ingested.objects_failed.into_iter().map(|(_, reason)| reason).collect(),
            objects_of_other_kinds: ingested.others,
            events_read: appended.kept + appended.duplicates,
            events_kept: appended.kept,
            duplicates: appended.duplicates,
            rejects: appended.rejects,
            ..Coverage::default()
        }
    }
}
