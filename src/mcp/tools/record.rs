//! What the lake records of earlier runs: the runs, their verification, the last report.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::findings::{ListFindings, ListedFindings, list_findings};
use crate::detect::Severity;
use crate::error::Result;
use crate::mcp::page::ROWS_MAX;
use crate::mcp::tool::{Answered, Context, Nothing};
use crate::mcp::untrusted::{Marker, Untrusted};
use crate::request::VerifyRequest;
use crate::runs::{self, Run};
use crate::terminal::Progress;

/// How many runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// How many of the last runs, at most 100; 10 unless given.
    pub last: Option<usize>,
}

/// The last runs, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunList {
    /// The runs.
    pub runs: Vec<RunBrief>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunBrief {
    /// Its id.
    pub run: String,
    /// When it ended, UTC.
    pub finished_at: String,
    /// First day that it evaluated.
    pub from: String,
    /// End of the evaluated days, not included.
    pub to: String,
    /// Events on these days.
    pub events: u64,
    /// Findings by severity.
    pub findings: BTreeMap<Severity, u64>,
    /// Findings that the run before did not have.
    pub new: u64,
    /// Findings of the run before that were evaluated again and not found.
    pub resolved: u64,
    /// Findings that a suppression accepts.
    pub suppressed: u64,
    /// True if expected events were missing.
    pub stale: bool,
    /// Records and objects that could not be read, and detectors that failed.
    pub unread: u64,
    /// Detectors that ran.
    pub detectors: u64,
    /// The most important findings.
    pub heaviest: Vec<Untrusted>,
}

impl RunBrief {
    /// A recorded run.
    pub fn of(run: &Run, marker: &Marker) -> RunBrief {
        let of = &run.summary;
        RunBrief {
            run: of.run.clone(),
            finished_at: of.finished_at.clone(),
            from: of.from.clone(),
            to: of.to.clone(),
            events: of.events,
            findings: of.findings.clone(),
            new: of.new,
            resolved: of.resolved,
            suppressed: of.suppressed,
            stale: of.stale,
            unread: of.unread,
            detectors: of.detectors.len() as u64,
            heaviest: marker.texts(&of.heaviest),
        }
    }
}

pub async fn runs(context: &Context, arguments: Runs) -> Result<Answered<RunList>> {
    let list = runs::list(&context.lake, arguments.last.unwrap_or(10).clamp(1, ROWS_MAX)).await?;
    let marker = Marker::new();
    let runs: Vec<RunBrief> = list.iter().map(|run| RunBrief::of(run, &marker)).collect();
    let rows = runs.len();
    Ok(Answered::new(RunList { runs }, rows))
}

/// How much is verified.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The part of the lake's data files to read, in percent; 10 unless given. All records are always verified.
    pub sample_percent: Option<f64>,
}

/// What was verified.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Verified {
    /// True if nothing that was checked is modified.
    pub holds: bool,
    /// Recorded runs.
    pub runs: u64,
    /// Hash of the last run's record. Compare it with one that was noted elsewhere.
    pub last_sha256: Option<String>,
    /// Recorded verdicts.
    pub verdicts: u64,
    /// Hash of the last verdict's record.
    pub last_verdict_sha256: Option<String>,
    /// Recorded calls of agents, before this one.
    pub calls: u64,
    /// Hash of the last call's record.
    pub last_call_sha256: Option<String>,
    /// Data files that were read.
    pub files_checked: u64,
    /// Data files that are not in the sample.
    pub files_not_sampled: u64,
    /// What is wrong.
    pub problems: Vec<Untrusted>,
    /// Number of problems.
    pub problems_total: u64,
}

pub async fn verify(context: &Context, arguments: Verify) -> Result<Answered<Verified>> {
    let sample_percent = arguments.sample_percent.unwrap_or(10.0);
    let request = VerifyRequest {
        lake: context.request.lake.clone(),
        target: None,
        last_sha256: None,
        finding: None,
        sample_percent: sample_percent.clamp(0.0, 100.0),
        library: Default::default(),
    };
    let verified = runs::verify(&request, Progress::Hidden).await?;
    let marker = Marker::new();
    let answer = Verified {
        holds: verified.problems.is_empty(),
        runs: verified.runs as u64,
        last_sha256: verified.last_sha256,
        verdicts: verified.verdicts as u64,
        last_verdict_sha256: verified.last_verdict_sha256,
        calls: verified.calls as u64,
        last_call_sha256: verified.last_call_sha256,
        files_checked: verified.files.files,
        files_not_sampled: verified.files.not_sampled,
        problems: marker.texts(&verified.problems),
        problems_total: verified.problems.len() as u64,
    };
    let rows = answer.problems.len();
    Ok(Answered::new(answer, rows))
}

/// The last run and its most important findings.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LastReport {
    /// The run; null if none is recorded.
    pub run: Option<RunBrief>,
    /// Its findings, as `list_findings` returns them.
    pub findings: Option<ListedFindings>,
}

/// The resource with the last report.
///
/// # Errors
/// When the lake cannot be read.
pub async fn last_report(context: &Context, _: Nothing) -> Result<Answered<LastReport>> {
    let Some(run) = runs::last(&context.lake).await? else {
        return Ok(Answered::new(LastReport { run: None, findings: None }, 0));
    };
    let listed = list_findings(context, ListFindings { limit: Some(ROWS_MAX), ..ListFindings::default() }).await?;
    let run = Some(RunBrief::of(&run, &Marker::new()));
    Ok(Answered::new(LastReport { run, findings: Some(listed.answer) }, listed.rows))
}
