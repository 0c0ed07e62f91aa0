//! A hunt: opens the lake, runs the detectors over the window, rates the findings by those of earlier days, compares with
//! the previous run, and makes the report.

mod past;

mod verdicts;

use std::sync::Arc;

use chrono::{DateTime, Days, Utc};

use crate::detect::{self, Detector, Hunt, Unreadable, Window};
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::indicators;
use crate::ingest::Ingested;
use crate::lake::{Lake, Link, Snapshot};
use crate::open;
use crate::report::{self, Coverage, Judged, Report, ReportInputs};
use crate::request::period::{day_after, midnight};
use crate::request::{CompareWith, Detection, HuntRequest, LakeRequest, Period};
use crate::runs;
use crate::sigma::Sigma;
use crate::terminal::Progress;

pub use verdicts::{judge_detectors, refuse_silencing};

/// What a hunt reads.
pub struct HuntContext {
    /// The state of the lake.
    pub snapshot: Snapshot,
    /// The days that are evaluated.
    pub window: Window,
    /// What maps addresses to places.
    pub geo: Arc<Geo>,
    /// SQL over the snapshot.
    pub session: Session,
    /// Events are expected up to here; `None` for an archive.
    pub expected_until: Option<DateTime<Utc>>,
}

/// Opens the lake as it is now, computes missing daily summaries and matches of Sigma rules, and determines the window.
///
/// # Errors
/// When the lake is empty or cannot be read, or the period has no day.
pub async fn prepare(
    lake: &Lake,
    request: &LakeRequest,
    period: &Period,
    sigma: &Sigma,
    progress: Progress,
) -> Result<HuntContext> {
    let databases = request.clone();
    let geo = tokio::task::spawn_blocking(move || databases.geo());
    let snapshot = lake.snapshot().await?;
    let window = window(&snapshot, period)?;
    let geo = geo.await.map_err(|e| Error::Internal(format!("loading the geographic table: {e}")))??;
    let cluster = open::cluster(request.workers.as_ref(), &geo).await?;
    let session = open::summarised_session(lake, &snapshot, &geo, request.memory_bytes, cluster, progress).await?;
    open::add_sigma(sigma, lake, &snapshot, &session, window, progress).await?;
    Ok(HuntContext { snapshot, window, geo, session, expected_until: period.expected_until(Utc::now()) })
}

/// Runs the detectors.
///
/// # Errors
/// When the hunt as a whole cannot run; a detector that fails is in [`Hunt::failed`].
pub async fn detect(detection: &Detection, session: &Session, window: Window, progress: Progress) -> Result<Hunt> {
    let detectors = detection.detectors()?;
    let mut hunt = run_each(detection, &detectors, session, window, progress).await;
    detect::conclude(&mut hunt, session).await?;
    Ok(hunt)
}

/// The findings as the detectors return them.
async fn run_each(
    detection: &Detection,
    detectors: &[&Detector],
    session: &Session,
    window: Window,
    progress: Progress,
) -> Hunt {
    let total = detectors.len() as u64;
    let bar = progress.steps("hunt", total);
    let hunt = detect::run_each(detectors, session, window, &detection.settings, |done, id| {
        bar.set(done as u64, total);
        bar.describe(id);
    });
    let mut hunt = hunt.await;
    if detection.ids.is_empty() {
        hunt.failed.extend(detection.library.unreadable.iter().map(Unreadable::error));
    }
    hunt
}

/// As [`detect()`]; the findings state how often this organisation has findings like them, and their severities take that
/// into account.
///
/// # Errors
/// As [`detect()`], and when past findings cannot be read or stored.
pub async fn detect_and_rate(
    lake: &Lake,
    context: &HuntContext,
    detection: &Detection,
    alerts_per_day: f64,
    progress: Progress,
) -> Result<Hunt> {
    let detectors = detection.detectors()?;
    let mut hunt = run_each(detection, &detectors, &context.session, context.window, progress).await;
    let past = past::past_findings(lake, context, detection, &mut hunt, progress).await?;
    past.rate(&mut hunt.findings, &detectors, alerts_per_day);
    detect::conclude(&mut hunt, &context.session).await?;
    Ok(hunt)
}

/// Hunts the lake and makes the report. `coverage` is what an ingest just read, if there was one.
///
/// # Errors
/// As [`prepare`] and [`detect_and_rate`], and when the previous report cannot be read.
pub async fn hunt(
    lake: &Lake,
    request: &HuntRequest,
    coverage: Option<Coverage>,
    progress: Progress,
) -> Result<Report> {
    let detectors = request.detection.detectors()?;
    let last_run = async {
        match &request.compare_with {
            CompareWith::LastRun => runs::previous(lake, &detectors).await,
            CompareWith::Nothing | CompareWith::Report(_) => Ok(None),
        }
    };
    let context = prepare(lake, &request.lake, &request.period, &request.detection.library.sigma, progress);
    let (last_run, last_record, verdicts, context) =
        tokio::try_join!(last_run, lake.last_run_sha256(), runs::verdicts(lake), context)?;
    let previous = match &request.compare_with {
        CompareWith::Report(report) => Some(report.as_ref().clone()),
        CompareWith::LastRun | CompareWith::Nothing => last_run,
    };
    let hunt = detect_and_rate(lake, &context, &request.detection, request.alerts_per_day, progress).await?;
    let indicators = match &request.indicators {
        Some(indicators) => {
            // What is published today was often used long ago.
            let first = context.snapshot.days().map_or(context.window.from, |(first, _)| midnight(first));
            let period = Window { from: first.min(context.window.from), ..context.window };
            Some(indicators::search(indicators, &context.session, period, context.window).await?)
        }
        None => None,
    };
    report::report(ReportInputs {
        snapshot: &context.snapshot,
        session: &context.session,
        judged: Judged {
            window: context.window,
            expected_until: context.expected_until,
            days: context.snapshot.days(),
        },
        detectors: &detectors,
        settings: request.detection.settings.parameters.clone(),
        alerts_per_day: request.alerts_per_day,
        geo: &context.geo,
        hunt,
        indicators,
        suppressions: &request.suppressions,
        verdicts: &verdicts,
        previous,
        previous_record_sha256: last_record,
        coverage,
    })
    .await
}

/// Writes the report to its files and adds the run to the lake's chain. `None` if the lake is read-only.
///
/// # Errors
/// When a file or the lake cannot be written.
pub async fn publish(lake: &Lake, report: &Report, request: &HuntRequest) -> Result<Option<Link>> {
    for output in &request.reports {
        output.write(report)?;
    }
    runs::record(lake, report, &request.reports).await
}

/// The days of a period, from 00:00 of its first day. An open bound is that of the lake.
///
/// # Errors
/// When the lake has no events, or the period has no day.
pub fn window(snapshot: &Snapshot, period: &Period) -> Result<Window> {
    let Some((first, last)) = snapshot.days() else {
        return Err(Error::lake(snapshot.location.to_string(), "no events yet; add some with `trailhunt ingest`"));
    };
    // Detectors evaluate whole days and hours: a window that cuts one would split a story between two runs.
    let from = midnight(period.from.map_or(first, |from| from.date_naive()));
    // An open end is that of the lake, or today for a relative start: the days since its last event are evaluated too.
    let newest = if period.is_relative { last.max(Utc::now().date_naive()) } else { last };
    let to = period.to.map(day_after).or(newest.checked_add_days(Days::new(1))).map_or(from, midnight);
    if from >= to {
        let (from, to) = (from.date_naive(), to.date_naive());
        let days = format!("the lake has events from {first} to {last}");
        return Err(Error::Usage(format!("empty period: from {from} up to {to}; {days}")));
    }
    Ok(Window { from, to })
}

/// The period as given, to the second, for SQL that an analyst asks; bounds that are open are those of the lake.
///
/// # Errors
/// When the lake has no events, and when the period is empty.
pub fn exact_window(snapshot: &Snapshot, period: &Period) -> Result<Window> {
    let days = window(snapshot, period)?;
    let (from, to) = (period.from.unwrap_or(days.from), period.to.unwrap_or(days.to));
    if from >= to {
        return Err(Error::Usage(format!("empty period: from {from} up to {to}")));
    }
    Ok(Window { from, to })
}

impl From<Ingested> for Coverage {
    fn from(ingested: Ingested) -> Coverage {
        let appended = ingested.appended;
        Coverage {
            objects_read: appended.objects,
            objects_skipped: ingested.objects_skipped,
            objects_changed: ingested.objects_changed,
            objects_failed: ingested.objects_failed.into_iter().map(|(_, reason)| reason).collect(),
            objects_of_other_kinds: ingested.others,
            events_read: appended.added() + appended.duplicates,
            events_kept: appended.kept,
            addenda: appended.addenda,
            duplicates: appended.duplicates,
            id_conflicts: appended.id_conflicts,
            rejects: appended.rejects,
            ..Coverage::default()
        }
    }
}
