//! The findings of recorded runs.

use chrono::{DateTime, Utc};

use super::record::{Run, stored_report};
use crate::detect::{Finding, KnownFinding, Window, find_finding};
use crate::error::{Error, Result};
use crate::lake::Lake;
use crate::report::Previous;

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
    for report in newest_first(lake, Some(window)).await? {
        match report {
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
/// [`Error::Usage`] when there is no such finding or several; when the lake cannot be read.
pub async fn finding(lake: &Lake, typed: &str) -> Result<Finding> {
    let reports: Vec<Previous> = newest_first(lake, None).await?.into_iter().filter_map(Result::ok).collect();
    let has_it = |report: &&Previous| report.findings().iter().any(|finding| finding.id.starts_with(typed));
    let Some(report) = reports.iter().find(has_it).or(reports.first()) else {
        return Err(Error::lake(lake.location().to_string(), "no run is recorded yet; `trailhunt hunt` records one"));
    };
    let known: Vec<KnownFinding> = report.findings().iter().map(KnownFinding::of).collect();
    find_finding(typed, &known).map(|at| report.findings()[at].clone())
}

/// The reports of the last runs, those that overlap `window` if it is given. An unreadable one is a reason.
async fn newest_first(lake: &Lake, window: Option<Window>) -> Result<Vec<std::result::Result<Previous, String>>> {
    let mut reports = Vec::new();
    for link in lake.runs().await?.into_iter().rev() {
        let Some(record) = link.record.filter(|_| link.problems.is_empty()) else { continue };
        let Some(run) = Run::of(&record) else { continue };
        let time = |text: &str| text.parse::<DateTime<Utc>>().ok();
        let overlaps = |window: &Window| {
            let (from, to) = (time(&run.summary.from), time(&run.summary.to));
            from.is_none_or(|from| from < window.to) && to.is_none_or(|to| window.from < to)
        };
        if !window.as_ref().is_none_or(overlaps) {
            continue;
        }
        let report = stored_report(lake, &record).await?.and_then(|json| Previous::parse(&json));
        reports.push(report.map_err(|reason| format!("{}: {reason}; see `trailhunt verify`", record.report)));
        if reports.len() == RUNS_MAX {
            break;
        }
    }
    Ok(reports)
}
