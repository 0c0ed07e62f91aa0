//! `trailhunt run`: ingest, then hunt.

use chrono::Days;

use super::hunt::{conclude, report_on};
use super::ingest::Bounds;
use super::{Outcome, ingest, period};
use crate::cli::RunArgs;
use crate::error::Result;
use crate::lake::Lake;
use crate::report::Coverage;
use crate::source::Location;

/// Carries out `run`.
pub async fn run(args: RunArgs) -> Result<Outcome> {
    let (from, to) = period::bounds(&args.period)?;
    // Objects are delivered minutes after their events: the last hour's lie under the next day.
    let to = to.map(period::day_after).and_then(|day| day.checked_add_days(Days::new(1)));
    let selection = ingest::selection(&args.source, from.map(|time| time.date_naive()), to);
    let s3 = args.lake.s3.settings();
    let sources = args.source.sources.iter().map(|text| Location::source(text, &s3)).collect::<Result<Vec<_>>>()?;
    let lake = Lake::open_or_create(&Location::parse(&args.lake.lake, &s3)?).await?;
    let ingested = ingest::read(&sources, &selection, &lake, Bounds::new(&args.hunt.memory, &args.limits)).await?;
    ingest::print(&ingested);
    let report = report_on(&lake, &args.period, &args.hunt, Coverage::from(ingested)).await?;
    conclude(&report, &args.hunt)
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
