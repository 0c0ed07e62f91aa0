//! The findings of recorded runs.

use chrono::{DateTime, Utc};

use super::record::{Run, stored};
use crate::detect::{Finding, Window};
use crate::error::{Error, Result};
use crate::lake::{Lake, Record};
use crate::report::{Listing, Previous};

/// Runs that are searched, newest first: a month of nightly runs.
const RUNS_MAX: usize = 31;

/// Findings of recorded runs.
#[derive(Debug, Default)]
pub struct Reported {
    /// Each finding once, as the newest run has it.
    pub findings: Vec<Finding>,
    /// Reports that cannot be read, and why.
    pub unread: Vec<String>,
}

/// The findings of the last recorded runs whose window overlaps `window`.
///
/// # Errors
/// When the lake cannot be read.
pub async fn reported(lake: &Lake, window: Window) -> Result<Reported> {
    let mut reported = Reported::default();
    for record in newest_first(lake, Some(window)).await? {
        match report(lake, &record).await? {
            Ok(report) => {
                let known = |finding: &&Finding| reported.findings.iter().all(|known| known.id != finding.id);
                let new: Vec<Finding> = report.findings().iter().filter(known).cloned().collect();
                reported.findings.extend(new);
            }
            Err(reason) => reported.unread.push(reason),
        }
    }
    Ok(reported)
}

/// The finding whose id begins with `typed`, of the newest recorded run that has one.
///
/// # Errors
/// [`Error::Usage`] when there is no such finding or several; when the lake, or every report in it, cannot be read.
pub async fn finding(lake: &Lake, typed: &str) -> Result<Finding> {
    let records = newest_first(lake, None).await?;
    for record in &records {
        if !may_have(lake, record, typed).await {
            continue;
        }
        if let Ok(report) = report(lake, record).await?
            && report.findings().iter().any(|finding| finding.id.starts_with(typed))
        {
            return report.finding(typed).cloned();
        }
    }
    // The newest report that can be read knows similar ids.
    let mut unread = None;
    for record in &records {
        match report(lake, record).await? {
            Ok(report) => return report.finding(typed).cloned(),
            Err(reason) => unread = unread.or(Some(reason)),
        }
    }
    let none = || "no run is recorded yet; `trailhunt hunt` records one".to_owned();
    Err(Error::lake(lake.location().to_string(), unread.unwrap_or_else(none)))
}

/// False if the run's list of findings does not have the id: reading it takes a tenth of the time of the report. True if
/// there is no list that can be read; the report then decides.
async fn may_have(lake: &Lake, record: &Record, typed: &str) -> bool {
    let Some(file) = &record.listing else { return true };
    let Ok(Ok(json)) = stored(lake, file).await else { return true };
    let begins = |listing: Listing| listing.findings.iter().any(|finding| finding.id.starts_with(typed));
    Listing::parse(&json).map_or(true, begins)
}

/// The records of the last runs, those that overlap `window` if it is given.
async fn newest_first(lake: &Lake, window: Option<Window>) -> Result<Vec<Record>> {
    let time = |text: &str| text.parse::<DateTime<Utc>>().ok();
    let is_wanted = |record: &Record| {
        let Some(run) = Run::of(record) else { return false };
        let (from, to) = (time(&run.summary.from), time(&run.summary.to));
        let overlaps =
            |window: Window| from.is_none_or(|from| from < window.to) && to.is_none_or(|to| window.from < to);
        window.is_none_or(overlaps)
    };
    let links = lake.runs().await?.into_iter().rev().filter(|link| link.problems.is_empty());
    Ok(links.filter_map(|link| link.record).filter(is_wanted).take(RUNS_MAX).collect())
}

/// The report of a record, or why it cannot be read.
async fn report(lake: &Lake, record: &Record) -> Result<std::result::Result<Previous, String>> {
    let report = stored(lake, &record.report_file()).await?.and_then(|json| Previous::parse(&json));
    Ok(report.map_err(|reason| format!("{}: {reason}; see `trailhunt verify`", record.report)))
}
