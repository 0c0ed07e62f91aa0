//! `trailhunt hunt`: detectors over a lake, and the report.

use chrono::NaiveDate;

use super::Outcome;
use crate::error::{Error, Result};
use crate::lake::{Lake, Link};
use crate::report::{self, Brief, Report};
use crate::request::{Announcement, HuntRequest, PrepareRequest};
use crate::runs::{self, Notified};
use crate::terminal::{Out, Progress, note};
use crate::wording::{counted, grouped};
use crate::{hunt, open};

pub async fn hunt(request: &HuntRequest, announcement: &Announcement, out: &mut Out) -> Result<Outcome> {
    let lake = Lake::open(&request.lake.location).await?;
    let progress = if announcement.quiet { Progress::Hidden } else { Progress::Shown };
    let report = hunt::hunt(&lake, request, None, progress).await?;
    let recorded = hunt::publish(&lake, &report, request).await?;
    announce(&report, recorded.as_ref(), announcement, out).await
}

/// Computes the daily summaries that are missing. A lake that is read-only is an error.
pub async fn prepare(request: &PrepareRequest, out: &mut Out) -> Result<Outcome> {
    let PrepareRequest { lake: on, shard } = request;
    let lake = Lake::open(&on.location).await?;
    let (snapshot, geo) = (lake.snapshot().await?, on.geo()?);
    let in_shard = |day: &NaiveDate| shard.is_none_or(|shard| shard.has_day(*day));
    let days = snapshot.each_day().into_iter().filter(in_shard).count() as u64;
    let missing = lake.rolled(&snapshot, &geo.sources()).await?.missing(&snapshot).into_iter().filter(in_shard).count();
    let cluster = open::cluster(on.workers.as_ref(), &geo).await?;
    open::summarise(&lake, &snapshot, &geo, on.memory_bytes, *shard, cluster.as_ref(), Progress::Shown).await?;
    let of = shard.map(|shard| format!(" of shard {shard}")).unwrap_or_default();
    writeln!(out, "summaries {}{of}; {} computed", counted(days, "day"), grouped(missing as u64))?;
    Ok(Outcome::Done)
}

/// Prints the summary, notifies, and returns how the run ended. The lock is already released: notifying can take long.
pub async fn announce(
    report: &Report,
    recorded: Option<&Link>,
    announcement: &Announcement,
    out: &mut Out,
) -> Result<Outcome> {
    let summary = serde_json::to_string(&Brief::of(report)).map_err(|e| Error::Internal(format!("summary: {e}")))?;
    if announcement.quiet {
        writeln!(out, "{summary}")?;
    } else {
        let layout = out.layout();
        out.render(|out| report::text(report, layout, out))?;
        match recorded {
            Some(link) => writeln!(out, "\nrecorded  {}, sha256 {}", report.run.id, link.sha256)?,
            None => writeln!(out, "\nThe run was not recorded: the lake is read-only.")?,
        }
    }
    let notified = match &announcement.notify {
        Some(request) => runs::notify(request, &summary).await?,
        None => Notified::Delivered,
    };
    if let Notified::Failed(reason) = &notified {
        note(reason);
    }
    let complete = notified == Notified::Delivered
        && report.run.detectors_failed.is_empty()
        && report.coverage.objects_failed.is_empty()
        && report.coverage.rejects == 0
        && report.indicators.as_ref().is_none_or(|search| search.problems_total == 0)
        && (announcement.allow_empty || !report.coverage.stale);
    // An indicator has no severity: somebody else established that it is bad.
    let has_hit = report.indicators.as_ref().is_some_and(|search| search.alerts() > 0);
    let is_reached = |least| has_hit || report.findings.iter().any(|finding| finding.severity >= least);
    Ok(match (complete, announcement.fail_on.is_some_and(is_reached)) {
        (false, _) => Outcome::Incomplete,
        (true, true) => Outcome::Found,
        (true, false) => Outcome::Done,
    })
}
