//! Records a run in the lake's chain, and finds the previous one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::detect::Detector;
use crate::error::{Error, Result};
use crate::lake::{Lake, Link, Record};
use crate::report::{self, Output, Previous, Report, Summary, bundle};
use crate::sha256;

/// A run, as its record describes it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    /// The run in numbers.
    #[serde(flatten)]
    pub summary: Summary,
    /// SHA-256 of the report as JSON, as `--report FILE.json` writes it.
    pub report_json_sha256: String,
    /// SHA-256 of every file of the report, by file name.
    pub files: BTreeMap<String, String>,
}

impl Run {
    /// The run of a record; `None` when another program wrote it.
    pub fn of(record: &Record) -> Option<Run> {
        Run::deserialize(&record.run).ok()
    }
}

/// Adds the run and its report to the chain. `None` if the lake is read-only.
///
/// # Errors
/// When a file of the report cannot be read, or the lake cannot be written for another reason.
pub async fn record(lake: &Lake, report: &Report, outputs: &[Output]) -> Result<Option<Link>> {
    let failed = |e: std::io::Error| Error::Internal(format!("cannot store the report: {e}"));
    let mut json = Vec::new();
    report::json(report, &mut json).map_err(failed)?;
    let mut files = BTreeMap::new();
    for Output { path, .. } in outputs {
        let bytes = std::fs::read(path).map_err(|source| Error::File { path: path.clone(), source })?;
        files.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), sha256::hex(&bytes));
    }
    let run = Run { summary: Summary::of(report), report_json_sha256: sha256::hex(&json), files };
    let run = serde_json::to_value(run).map_err(|e| failed(e.into()))?;
    match lake.append_run(&report.run.id, run, bundle::gzip(&json).map_err(failed)?).await {
        Ok(link) => Ok(Some(link)),
        Err(e) if e.is_read_only() => Ok(None),
        Err(e) => Err(e),
    }
}

/// The report of the last run that used at least half of these detectors: a nightly run is not compared with a run of a
/// single detector.
///
/// # Errors
/// When the lake or the report cannot be read.
pub async fn previous(lake: &Lake, detectors: &[&Detector]) -> Result<Option<Previous>> {
    let alike = |record: &Record| {
        Run::of(record).is_some_and(|run| {
            let both = detectors.iter().filter(|detector| run.summary.detectors.contains_key(&detector.id)).count();
            2 * both >= detectors.len()
        })
    };
    match lake.last_run(alike).await? {
        Some(record) => report_of(lake, &record).await.map(Some),
        None => Ok(None),
    }
}

/// The report of the run whose id begins with `id`; of the last one unless given.
///
/// # Errors
/// [`Error::Usage`] when there is no such run; when the lake or the report cannot be read.
pub async fn report(lake: &Lake, id: Option<&str>) -> Result<Previous> {
    let is_meant =
        |record: &Record| id.is_none_or(|id| Run::of(record).is_some_and(|run| run.summary.run.starts_with(id)));
    match (lake.last_run(is_meant).await?, id) {
        (Some(record), _) => report_of(lake, &record).await,
        (None, Some(id)) => Err(Error::Usage(format!("no run {id}; `trailhunt runs` lists the last ones"))),
        (None, None) => Err(Error::Usage("no run is recorded yet; `trailhunt hunt` records one".into())),
    }
}

async fn report_of(lake: &Lake, record: &Record) -> Result<Previous> {
    let json = stored_report(lake, record).await?;
    json.and_then(|json| Previous::parse(&json)).map_err(|reason| {
        let next = "see `trailhunt verify`, or name another report";
        Error::lake(lake.location().to_string(), format!("{}: {reason}; {next}", record.report))
    })
}

/// The findings of the last recorded run, as JSON; `None` if no run is recorded.
///
/// # Errors
/// As [`previous`].
pub async fn last_findings(lake: &Lake) -> Result<Option<Vec<Value>>> {
    let Some(last) = previous(lake, &[]).await? else { return Ok(None) };
    let findings: serde_json::Result<Vec<Value>> = last.findings().iter().map(serde_json::to_value).collect();
    findings.map(Some).map_err(|e| Error::Internal(format!("the last report: {e}")))
}

/// The JSON of a record's report, or what is wrong with it.
///
/// # Errors
/// When the lake cannot be read.
pub async fn stored_report(lake: &Lake, record: &Record) -> Result<std::result::Result<Vec<u8>, String>> {
    let stored = lake.run_report(record).await?;
    if sha256::hex(&stored) != record.report_sha256 {
        return Ok(Err("hash mismatch: the report was modified".into()));
    }
    Ok(bundle::gunzip(&stored).map_err(|e| e.to_string()))
}
