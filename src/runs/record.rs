//! Records a run in the lake's chain, and finds the previous one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::detect::Detector;
use crate::error::{Error, Result};
use crate::lake::{Lake, Link, Record, RunFiles, StoredFile};
use crate::report::{self, Listing, Output, Previous, Report, Summary, bundle};
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
    let listing = serde_json::to_vec(&Listing::of(report)).map_err(|e| failed(e.into()))?;
    let mut files = BTreeMap::new();
    for Output { path, .. } in outputs {
        let bytes = std::fs::read(path).map_err(|source| Error::File { path: path.clone(), source })?;
        files.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), sha256::hex(&bytes));
    }
    let run = Run { summary: Summary::of(report), report_json_sha256: sha256::hex(&json), files };
    let run = serde_json::to_value(run).map_err(|e| failed(e.into()))?;
    let zipped = |json: &[u8]| bundle::gzip(json).map_err(failed);
    let files = RunFiles { report: zipped(&json)?, listing: zipped(&listing)? };
    match lake.append_run(&report.run.id, run, files).await {
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

/// The findings of the run whose id begins with `id`, for lists; of the last run unless given. Of a run that an older
/// version recorded, the whole report is read.
///
/// # Errors
/// [`Error::Usage`] when there is no such run; when the lake, or the findings in it, cannot be read.
pub async fn listing(lake: &Lake, id: Option<&str>) -> Result<Listing> {
    let is_meant =
        |record: &Record| id.is_none_or(|id| Run::of(record).is_some_and(|run| run.summary.run.starts_with(id)));
    let record = match (lake.last_run(is_meant).await?, id) {
        (Some(record), _) => record,
        (None, Some(id)) => return Err(Error::Usage(format!("no run {id}; `trailhunt runs` lists the last ones"))),
        (None, None) => return Err(Error::Usage("no run is recorded yet; `trailhunt hunt` records one".into())),
    };
    match &record.listing {
        Some(file) => {
            let json = stored(lake, file).await?;
            json.and_then(|json| Listing::parse(&json)).map_err(|reason| unreadable(lake, &file.path, &reason))
        }
        None => report_of(lake, &record).await.map(|report| Listing::of_previous(&report)),
    }
}

async fn report_of(lake: &Lake, record: &Record) -> Result<Previous> {
    let json = stored(lake, &record.report_file()).await?;
    json.and_then(|json| Previous::parse(&json)).map_err(|reason| unreadable(lake, &record.report, &reason))
}

fn unreadable(lake: &Lake, path: &str, reason: &str) -> Error {
    let next = "see `trailhunt verify`, or name another report";
    Error::lake(lake.location().to_string(), format!("{path}: {reason}; {next}"))
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

/// The JSON of a stored file, or what is wrong with it.
///
/// # Errors
/// When the lake cannot be read.
pub async fn stored(lake: &Lake, file: &StoredFile) -> Result<std::result::Result<Vec<u8>, String>> {
    let stored = lake.run_file(file).await?;
    if sha256::hex(&stored) != file.sha256 {
        return Ok(Err("hash mismatch: the file was modified".into()));
    }
    Ok(bundle::gunzip(&stored).map_err(|e| e.to_string()))
}
