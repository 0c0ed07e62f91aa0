//! `trailhunt run`: ingest, then hunt. One run at a time per lake.

use super::Outcome;
use super::hunt::announce;
use crate::error::Result;
use crate::ingest::Surveyed;
use crate::lake::{Lake, Link};
use crate::report::{Coverage, Report};
use crate::request::{Announcement, HuntRequest, IngestRequest};
use crate::terminal::{Out, Progress};
use crate::{hunt, ingest};

pub async fn run(
    ingest: &IngestRequest,
    hunt: &HuntRequest,
    announcement: &Announcement,
    out: &mut Out,
) -> Result<Outcome> {
    let surveyed = ingest::survey(ingest).await?;
    let lake = Lake::open_or_create(&hunt.lake.location).await?;
    let lock = lake.lock().await?;
    let ran = run_locked(&lake, (ingest, surveyed), hunt, announcement.quiet, out).await;
    let released = lock.release().await;
    let (report, recorded) = ran?;
    let outcome = announce(&report, recorded.as_ref(), announcement, out).await?;
    // The report is announced even if another run may have worked at the same time.
    released?;
    Ok(outcome)
}

async fn run_locked(
    lake: &Lake,
    (ingest, surveyed): (&IngestRequest, Surveyed),
    hunt: &HuntRequest,
    quiet: bool,
    out: &mut Out,
) -> Result<(Report, Option<Link>)> {
    let progress = if quiet { Progress::Hidden } else { Progress::Shown };
    let ingested = ingest::read(ingest, surveyed, lake, progress).await?;
    if !quiet {
        out.render(|out| ingest::text(&ingested, out))?;
    }
    let report = hunt::hunt(lake, hunt, Some(Coverage::from(ingested)), progress).await?;
    let recorded = hunt::publish(lake, &report, hunt).await?;
    Ok((report, recorded))
}
