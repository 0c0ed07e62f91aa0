//! The past findings of the detectors of a hunt: those that the lake has, those of the window, and those that are missing,
//! which are computed and stored. A nightly run computes one day.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::HuntContext;
use crate::detect::past::{DayResults, Found, PastFindings, add_rows, day_of, fingerprint, to_rows};
use crate::detect::rate::DAYS_MAX;
use crate::detect::{self, Detector, Finding, Hunt, Window};
use crate::error::{Error, Result};
use crate::lake::{DayResult, Lake};
use crate::request::Detection;
use crate::request::period::midnight;
use crate::terminal::Progress;

/// A detector, and the days of the window and before it that it could evaluate.
struct Evaluated<'a> {
    detector: &'a Detector,
    fingerprint: String,
    days: Vec<NaiveDate>,
}

/// Collects what the detectors found on the days before the window and, from `hunt`, in it. Stores what the lake lacks, unless
/// it is read-only. Detectors that fail over the days before the window are added to [`Hunt::failed`].
///
/// # Errors
/// When past findings cannot be read or stored.
pub async fn past_findings(
    lake: &Lake,
    context: &HuntContext,
    detection: &Detection,
    hunt: &mut Hunt,
    progress: Progress,
) -> Result<PastFindings> {
    let (detectors, settings) = (detection.detectors()?, &detection.settings);
    let (from, to) = (context.window.from.date_naive(), context.window.to.date_naive());
    let days = context.snapshot.each_day();
    let first = days.first().copied().unwrap_or(from);
    let earliest = from.checked_sub_days(Days::new(DAYS_MAX)).unwrap_or(from);
    let days: Vec<_> = days.into_iter().filter(|day| (earliest..to).contains(day)).collect();
    let stored = stored(lake, context, &days).await?;
    let geography = context.geo.sources();
    let evaluated = detectors.iter().filter(|detector| hunt.succeeded(&detector.id)).map(|detector| {
        let warm_up = Days::new(detector.warm_up_days(settings.parameters.get(&detector.id)));
        let first = first.checked_add_days(warm_up).unwrap_or(NaiveDate::MAX);
        let days = days.iter().copied().filter(|day| *day >= first).collect();
        Evaluated { detector, fingerprint: fingerprint(detector, settings, &geography), days }
    });
    let evaluated: Vec<_> = evaluated.collect();

    let mut found = by_detector_and_day(&hunt.findings, |day| day >= from);
    let missing = missing(&evaluated, &stored, from);
    let (mut done, total) = (0, missing.values().map(|detectors| detectors.len() as u64).sum());
    let bar = progress.steps("history", total);
    for ((first, last), detectors) in missing {
        let window = Window { from: midnight(first), to: midnight(last.succ_opt().unwrap_or(last)) };
        let before_each = |at: usize, id: &str| {
            bar.set(done + at as u64, total);
            bar.describe(format!("{id} over {first} to {last}"));
        };
        if detectors.iter().any(|detector| detector.sigma_rule.is_some()) {
            detection.library.sigma.correlate(&context.session, window.from, window.to).await?;
        }
        let past = detect::run_each(&detectors, &context.session, window, settings, before_each).await;
        done += detectors.len() as u64;
        hunt.failed.extend(past.failed.into_iter().map(|error| before_the_window(error, window)));
        found.extend(by_detector_and_day(&past.findings, |day| day < from));
    }
    drop(bar);

    let mut past = PastFindings::default();
    let mut added: BTreeMap<NaiveDate, DayResults> = BTreeMap::new();
    for Evaluated { detector, fingerprint, days } in evaluated {
        if !hunt.succeeded(&detector.id) {
            continue;
        }
        for day in days {
            match stored.get(&day).and_then(|results| results.get(&fingerprint)) {
                Some(found) => past.add(&detector.id, day, found),
                None => {
                    let found = found.remove(&(detector.id.clone(), day)).unwrap_or_default();
                    past.add(&detector.id, day, &found);
                    added.entry(day).or_default().insert(fingerprint.clone(), found);
                }
            }
        }
    }
    let added = added.iter().map(|(day, results)| Ok((*day, to_rows(results)?))).collect::<Result<Vec<_>>>()?;
    match lake.keep_day_results(DayResult::Findings, &context.snapshot, added).await {
        Err(e) if e.is_read_only() => Ok(past),
        kept => kept.map(|()| past),
    }
}

/// What the lake has of these days.
async fn stored(lake: &Lake, context: &HuntContext, days: &[NaiveDate]) -> Result<BTreeMap<NaiveDate, DayResults>> {
    let mut stored: BTreeMap<_, DayResults> = BTreeMap::new();
    for (day, batches) in lake.day_results(DayResult::Findings, &context.snapshot, days).await? {
        for rows in batches {
            let added = add_rows(stored.entry(day).or_default(), &rows);
            added.map_err(|reason| Error::lake(lake.location().to_string(), format!("past findings: {reason}")))?;
        }
    }
    Ok(stored)
}

/// Detectors by the days before `from` that they have to run over: from the first day that is not stored to the last.
fn missing<'a>(
    evaluated: &[Evaluated<'a>],
    stored: &BTreeMap<NaiveDate, DayResults>,
    from: NaiveDate,
) -> BTreeMap<(NaiveDate, NaiveDate), Vec<&'a Detector>> {
    let mut missing: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for Evaluated { detector, fingerprint, days } in evaluated {
        let is_stored = |day: &NaiveDate| stored.get(day).is_some_and(|results| results.contains_key(fingerprint));
        let mut days = days.iter().copied().filter(|day| *day < from && !is_stored(day));
        if let Some(first) = days.next() {
            missing.entry((first, days.next_back().unwrap_or(first))).or_default().push(*detector);
        }
    }
    missing
}

/// What each detector found on each day that `is_counted`.
fn by_detector_and_day(
    findings: &[Finding],
    is_counted: impl Fn(NaiveDate) -> bool,
) -> BTreeMap<(String, NaiveDate), Vec<Found>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for finding in findings {
        if let Some(day) = day_of(finding).filter(|day| is_counted(*day)) {
            found.entry((finding.detector.clone(), day)).or_default().push(Found::of(finding));
        }
    }
    found
}

/// Says that a detector failed over these days, not over those of the hunt.
fn before_the_window(error: Error, window: Window) -> Error {
    let (from, to) = (window.from.date_naive(), window.to.date_naive());
    match error {
        Error::Detector { id, reason } => {
            Error::Detector { id, reason: format!("over the days from {from} up to {to}, for its rate: {reason}") }
        }
        other => other,
    }
}
