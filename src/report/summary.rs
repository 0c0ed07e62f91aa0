//! The key figures of a run: for the chain of runs, for notifications, and for trends over runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::Report;
use crate::detect::{Severity, Status};
use crate::indicators::Search;
use crate::terminal::printable_line;
use crate::wording::shortened;

/// A run as the chain of runs records it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run's id.
    pub run: String,
    /// Program and version.
    pub tool: String,
    /// When it ended, UTC.
    pub finished_at: String,
    /// Start of the window.
    pub from: String,
    /// End of the window, exclusive.
    pub to: String,
    /// URL of the lake.
    pub lake: String,
    /// Delta version of the lake.
    pub lake_version: u64,
    /// SHA-256 over names and sizes of the lake's data files.
    pub data_files_sha256: String,
    /// Events in the window.
    pub events: u64,
    /// Events this run added to the lake.
    pub events_kept: u64,
    /// Findings by severity.
    pub findings: BTreeMap<Severity, u64>,
    /// Findings that the previous run does not have.
    pub new: u64,
    /// New findings of severity high or critical.
    pub new_and_high: u64,
    /// Findings of both runs.
    pub continuing: u64,
    /// Findings of the previous run that were evaluated again and not found.
    pub resolved: u64,
    /// Whether expected events were missing.
    #[serde(default)]
    pub stale: bool,
    /// Suppressed findings.
    pub suppressed: u64,
    /// Indicators with events in the window; null when none were searched for.
    #[serde(default)]
    pub indicator_hits: Option<u64>,
    /// Rejects and failed objects of this run, failed detectors, and indicators that are not understood.
    pub unread: u64,
    /// Id of the previous run, which it is compared with.
    pub compared_with: Option<String>,
    /// SHA-256 of every detector that ran, by id.
    pub detectors: BTreeMap<String, String>,
    /// Detector parameters that were set, by detector.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    /// The top findings: severity and summary.
    pub heaviest: Vec<String>,
}

/// A run in one line of JSON of less than 1 KB: what `--quiet` prints and a notification gets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Brief {
    /// The run's id.
    pub run: String,
    /// Start of the window.
    pub from: String,
    /// End of the window, exclusive.
    pub to: String,
    /// URL of the lake.
    pub lake: String,
    /// Events in the window.
    pub events: u64,
    /// Events this run added to the lake.
    pub events_kept: u64,
    /// Findings by severity.
    pub findings: BTreeMap<Severity, u64>,
    /// Findings that the previous run does not have.
    pub new: u64,
    /// New findings of severity high or critical.
    pub new_and_high: u64,
    /// Findings of both runs.
    pub continuing: u64,
    /// Findings of the previous run that were evaluated again and not found.
    pub resolved: u64,
    /// Suppressed findings.
    pub suppressed: u64,
    /// Indicators with events in the window; null when none were searched for.
    pub indicator_hits: Option<u64>,
    /// Rejects and failed objects of this run, failed detectors, and indicators that are not understood.
    pub unread: u64,
    /// Whether expected events are missing.
    pub stale: bool,
    /// Why, shortened.
    pub stale_reasons: Vec<String>,
    /// The most important finding, shortened.
    pub top: Option<String>,
}

/// Characters of a text in a [`Brief`], and how many reasons it has: together they keep it below 1 KB.
const BRIEF_TEXT_MAX: usize = 120;
const BRIEF_REASONS_MAX: usize = 2;

impl Brief {
    /// The key figures of a report in short.
    pub fn of(report: &Report) -> Brief {
        let summary = Summary::of(report);
        let short = |text: &String| shortened(&printable_line(text), BRIEF_TEXT_MAX);
        let reasons = report.coverage.stale_reasons.iter().take(BRIEF_REASONS_MAX).map(short).collect();
        Brief {
            run: summary.run,
            from: summary.from,
            to: summary.to,
            lake: short(&summary.lake),
            events: summary.events,
            events_kept: summary.events_kept,
            findings: summary.findings,
            new: summary.new,
            new_and_high: summary.new_and_high,
            continuing: summary.continuing,
            resolved: summary.resolved,
            suppressed: summary.suppressed,
            indicator_hits: summary.indicator_hits,
            unread: summary.unread,
            stale: summary.stale,
            stale_reasons: reasons,
            top: summary.heaviest.first().map(short),
        }
    }
}

/// Number of top findings.
const HEAVIEST_MAX: usize = 5;

impl Summary {
    /// The key figures of a report.
    pub fn of(report: &Report) -> Summary {
        let run = &report.run;
        let time = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let mut findings = BTreeMap::new();
        report.findings.iter().for_each(|finding| *findings.entry(finding.severity).or_default() += 1);
        let count = |status| report.findings.iter().filter(|finding| finding.status == status).count() as u64;
        let new = report.findings.iter().filter(|finding| finding.status == Status::New);
        Summary {
            run: run.id.clone(),
            tool: run.tool.clone(),
            finished_at: time(run.finished_at),
            from: time(run.window.from),
            to: time(run.window.to),
            lake: run.lake.clone(),
            lake_version: run.lake_version,
            data_files_sha256: run.data_files_sha256.clone(),
            events: report.events_in_window(),
            events_kept: report.coverage.events_kept,
            findings,
            new: count(Status::New),
            new_and_high: new.filter(|finding| finding.severity >= Severity::High).count() as u64,
            continuing: count(Status::Continuing),
            resolved: report.resolved.len() as u64,
            stale: report.coverage.stale,
            suppressed: report.suppressed.len() as u64,
            indicator_hits: report.indicators.as_ref().map(Search::alerts),
            unread: report.coverage.rejects
                + report.coverage.objects_failed.len() as u64
                + run.detectors_failed.len() as u64
                + report.indicators.as_ref().map_or(0, |search| search.problems_total),
            compared_with: run.compared_with.clone(),
            detectors: run.detectors.clone(),
            settings: run.settings.clone(),
            heaviest: report
                .findings
                .iter()
                .take(HEAVIEST_MAX)
                .map(|finding| format!("{}: {}", finding.severity, finding.headline))
                .collect(),
        }
    }
}
