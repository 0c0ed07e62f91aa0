//! Checks that no file of the lake, record, report or bundle was altered, and reproduces a finding.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use indicatif::HumanBytes;
use serde::Deserialize;
use serde_json::Value;

use super::Run;
use super::record::stored;
use crate::detect::{self, KnownFinding, Settings, Window, find_finding};
use crate::error::{Error, Result};
use crate::lake::{ChainLink, CheckedFiles, CheckedLog, Lake, Link};
use crate::open;
use crate::report::{Format, Output, bundle};
use crate::request::VerifyRequest;
use crate::sha256;
use crate::terminal::Progress;
use crate::terminal::printable_line;
use crate::wording::counted;

/// The result of a verification.
#[derive(Debug)]
pub struct Verified {
    /// Recorded runs.
    pub runs: usize,
    /// Hash of the last record.
    pub last_sha256: Option<String>,
    /// Recorded verdicts.
    pub verdicts: usize,
    /// Hash of the last verdict's record.
    pub last_verdict_sha256: Option<String>,
    /// Recorded calls of agents.
    pub calls: usize,
    /// Hash of the last call's record.
    pub last_call_sha256: Option<String>,
    /// The check of the table's log.
    pub log: CheckedLog,
    /// The check of the lake's files.
    pub files: CheckedFiles,
    /// The part of the files that was read.
    pub sample_percent: f64,
    /// How the finding was reproduced, if requested.
    pub reproduced: Option<String>,
    /// What is wrong, one line each.
    pub problems: Vec<String>,
}

/// What is wrong with a report whose run is not in the chain.
const REMOVED: &str =
    "no record names this report: the record of its run was removed, or the run was killed while it was recorded";

/// The first bytes of every bundle.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Checks the chain of runs and their reports, the log and the files of the lake, then the report or bundle, and
/// reproduces the requested finding.
///
/// # Errors
/// When the lake or the file cannot be read.
pub async fn verify(request: &VerifyRequest, progress: Progress) -> Result<Verified> {
    let lake = Lake::open(&request.lake.location).await?;
    // Before the records: a run that is being recorded has no report here yet, or has its record too.
    let stored_reports = lake.stored_reports().await?;
    let links = lake.runs().await?;
    let mut problems: Vec<String> = Vec::new();
    for link in &links {
        problems.extend(link.problems.iter().map(|problem| format!("{}: {problem}", link.path)));
        let Some(record) = &link.record else { continue };
        for file in [Some(record.report_file()), record.listing.clone()].into_iter().flatten() {
            match stored(&lake, &file).await {
                Ok(Ok(_)) => {}
                Ok(Err(problem)) => problems.push(format!("{}: {problem}", file.path)),
                Err(e) => problems.push(e.to_string()),
            }
        }
    }
    let is_recorded =
        |path: &&String| links.iter().any(|link| link.record.as_ref().is_some_and(|of| of.report == **path));
    for path in stored_reports.iter().filter(|path| !is_recorded(path)) {
        problems.push(format!("{path}: {REMOVED}"));
    }
    let (verdicts, calls) = (lake.verdicts().await?, lake.calls().await?);
    let (of_verdicts, of_calls) = (hashes(&verdicts), hashes(&calls));
    problems.extend(broken(&verdicts).chain(broken(&calls)));
    for link in &links {
        let Some(record) = &link.record else { continue };
        let newest = [("verdict", &of_verdicts, &record.last_verdict), ("call", &of_calls, &record.last_call)];
        for (noun, known, sha256) in newest {
            if let Some(sha256) = sha256.as_deref().filter(|sha256| !known.contains(sha256)) {
                problems.push(format!("{}: the {noun} with the hash {sha256} was modified or removed", link.path));
            }
        }
    }
    let mut log = lake.check_log(links.iter().filter_map(Link::log)).await?;
    problems.append(&mut log.problems);
    let bar = progress.bytes("verify");
    let mut files = lake.check_files(request.sample_percent, &|done, total| bar.set(done, total)).await?;
    drop(bar);
    problems.append(&mut files.problems);
    if let Some(expected) = &request.last_sha256
        && !links.iter().any(|link| link.sha256 == *expected)
        && !of_verdicts.contains(expected.as_str())
        && !of_calls.contains(expected.as_str())
    {
        problems.push(format!(
            "no record has the hash {expected}: the record was modified, or the newest records were deleted"
        ));
    }
    if let Some(path) = &request.target {
        let bytes = std::fs::read(path).map_err(|source| Error::File { path: path.clone(), source })?;
        let found = if bytes.starts_with(&GZIP) {
            check_bundle(&bytes, &links)
        } else {
            check_report(path, &bytes, &lake, &links).await?
        };
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", path.display())));
    }
    let mut reproduced = None;
    if let Some(id) = &request.finding {
        match reproduce(id, &lake, &links, request, progress).await {
            Ok(Ok(text)) => reproduced = Some(text),
            Ok(Err(problem)) => problems.push(format!("finding {id}: {problem}")),
            Err(e) => problems.push(format!("finding {id}: {e}")),
        }
    }
    let last_sha256 = links.last().map(|link| link.sha256.clone());
    Ok(Verified {
        runs: links.len(),
        last_sha256,
        verdicts: verdicts.len(),
        last_verdict_sha256: verdicts.last().map(|link| link.sha256.clone()),
        calls: calls.len(),
        last_call_sha256: calls.last().map(|link| link.sha256.clone()),
        log,
        files,
        sample_percent: request.sample_percent,
        reproduced,
        problems,
    })
}

/// The hashes of a chain's records.
fn hashes<R>(chain: &[ChainLink<R>]) -> BTreeSet<&str> {
    chain.iter().map(|link| link.sha256.as_str()).collect()
}

/// What is wrong with the records of a chain, one line each.
fn broken<R>(chain: &[ChainLink<R>]) -> impl Iterator<Item = String> {
    let of = |link: &ChainLink<R>| {
        link.problems.iter().map(|problem| format!("{}: {problem}", link.path)).collect::<Vec<_>>()
    };
    chain.iter().flat_map(of)
}

impl Verified {
    /// Writes a summary and one line per problem.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn text(&self, out: &mut impl Write) -> std::io::Result<()> {
        if let Some(text) = &self.reproduced {
            writeln!(out, "finding   {}", printable_line(text))?;
        }
        match &self.last_sha256 {
            Some(last) => writeln!(out, "runs      {}, last record {last}", self.runs)?,
            None => writeln!(out, "runs      none recorded yet")?,
        }
        if let Some(last) = &self.last_verdict_sha256 {
            writeln!(out, "verdicts  {}, last record {last}", self.verdicts)?;
        }
        if let Some(last) = &self.last_call_sha256 {
            writeln!(out, "calls     {}, last record {last}", self.calls)?;
        }
        let CheckedLog { files, not_covered, .. } = self.log;
        write!(out, "log       {}", counted(files, "file"))?;
        match not_covered {
            0 => writeln!(out)?,
            _ => writeln!(out, "; {not_covered} not checked: no recorded run covers them yet")?,
        }
        let CheckedFiles { files, bytes, not_sampled, without_checksum, .. } = self.files;
        write!(out, "data      {} checked, {}", counted(files, "file"), HumanBytes(bytes))?;
        if not_sampled > 0 {
            write!(out, "; {} not in the sample of {} %", counted(not_sampled, "file"), self.sample_percent)?;
        }
        if without_checksum > 0 {
            write!(out, "; {} without a checksum, written by an older version", counted(without_checksum, "file"))?;
        }
        writeln!(out)?;
        if self.problems.is_empty() {
            return writeln!(
                out,
                "verified  every record links to the previous one, and nothing that was checked is modified"
            );
        }
        writeln!(out, "problems  {}\n", self.problems.len())?;
        self.problems.iter().try_for_each(|problem| writeln!(out, "{}", printable_line(problem)))
    }
}

/// Members of a finding that depend on its detector alone. Its severity and status also depend on other findings.
const OWN_MEMBERS: [&str; 7] = ["entity_type", "entity", "account_id", "region", "first_time", "last_time", "score"];

/// Runs the detector of a recorded finding again, over the version of the lake that its run saw. Of an id that is not typed
/// in full, the newest run that has it counts. Ok says how it was reproduced, Err why it was not.
async fn reproduce(
    typed: &str,
    lake: &Lake,
    links: &[Link],
    request: &VerifyRequest,
    progress: Progress,
) -> Result<std::result::Result<String, String>> {
    for link in links.iter().rev() {
        let Some(record) = &link.record else { continue };
        let Ok(json) = stored(lake, &record.report_file()).await? else { continue };
        let Ok(report) = serde_json::from_slice::<Value>(&json) else { continue };
        let findings: Vec<&Value> = report["findings"].as_array().into_iter().flatten().collect();
        let known: Vec<KnownFinding> = findings.iter().map(|finding| KnownFinding::of_json(finding)).collect();
        if !known.iter().any(|finding| finding.begins_with(typed)) {
            continue;
        }
        let recorded = findings[find_finding(typed, &known)?];
        let id = recorded["id"].as_str().unwrap_or_default();
        let run = &report["run"];
        let (detector, version) = (recorded["detector"].as_str().unwrap_or_default(), run["lake_version"].as_u64());
        let time = |name: &str| run["window"][name].as_str()?.parse().ok();
        let (Some(version), Some(from), Some(to)) = (version, time("from"), time("to")) else {
            return Ok(Err("its report has no lake version or window".into()));
        };
        let Ok(detector) = request.library.get(detector) else {
            return Ok(Err(format!(
                "no detector {detector}; name the folder of your own detectors with --detector-dir"
            )));
        };
        if run["detectors"][&detector.id] != detector.sha256.as_str() {
            return Ok(Err(format!("the detector {} differs from the one that the run used", detector.id)));
        }
        let parameters = BTreeMap::deserialize(&run["settings"]).unwrap_or_default();
        let snapshot = lake.snapshot_at(version).await?;
        let (geo, memory_bytes) = (request.lake.geo()?, request.lake.memory_bytes);
        let session = open::summarised_session(lake, &snapshot, &geo, memory_bytes, None, progress).await?;
        let (window, settings) = (Window { from, to }, Settings { parameters });
        if detector.sigma_rule.is_some() {
            open::add_sigma(&request.library.sigma, lake, &snapshot, &session, window, progress).await?;
        }
        let hunt = detect::run(&[detector], &session, window, &settings, |_, _| {}).await?;
        let now = hunt.findings.iter().find(|finding| finding.id == id).map(serde_json::to_value);
        let Some(Ok(now)) = now else {
            return Ok(Err(format!("detector {} does not find it at lake version {version}", detector.id)));
        };
        let events = |finding: &Value| finding["evidence"]["events"].clone();
        let other = OWN_MEMBERS.iter().find(|name| now[**name] != recorded[**name]).copied();
        return Ok(match other.or((events(&now) != events(recorded)).then_some("evidence")) {
            Some(name) => {
                Err(format!("detector {} finds it at lake version {version} with a different {name}", detector.id))
            }
            None => {
                let run = run["id"].as_str().unwrap_or_default();
                Ok(format!("{id} reproduced: {} finds it at lake version {version} as in run {run}", detector.id))
            }
        });
    }
    Ok(Err("no recorded run has this finding".into()))
}

/// What is wrong with a report in any format: a run must have written exactly this file.
async fn check_report(path: &Path, bytes: &[u8], lake: &Lake, links: &[Link]) -> Result<Vec<String>> {
    let runs: Vec<_> = links.iter().filter_map(|link| Some((link, Run::of(link.record.as_ref()?)?))).collect();
    let sha256 = sha256::hex(bytes);
    let is = |run: &Run| run.report_json_sha256 == sha256 || run.files.values().any(|known| *known == sha256);
    if runs.iter().any(|(_, run)| is(run)) {
        return Ok(Vec::new());
    }
    let json = serde_json::from_slice::<serde_json::Value>(bytes).ok();
    let id = json.as_ref().and_then(|json| json["run"]["id"].as_str());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let by_id = runs.iter().find(|(_, run)| Some(run.summary.run.as_str()) == id);
    let by_name = || runs.iter().rev().find(|(_, run)| run.files.contains_key(&*name));
    let Some((link, run)) = by_id.or_else(by_name) else {
        return Ok(vec![match id {
            Some(id) => format!("run {id} is not recorded in this lake: its record was removed, or it never was"),
            None => "no run of this lake wrote this file".into(),
        }]);
    };
    let mut problem = format!("it was modified after run {} wrote it", run.summary.run);
    // The lake has the original: say where the two begin to differ.
    if let Some(record) = &link.record
        && name.parse::<Output>().is_ok_and(|output| output.format == Format::Json)
        && let Ok(stored) = stored(lake, &record.report_file()).await?
    {
        let at = stored.iter().zip(bytes).position(|(a, b)| a != b).unwrap_or_else(|| stored.len().min(bytes.len()));
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        problem.push_str(&format!("; the first difference is at byte {at}, line {line}"));
    }
    Ok(vec![problem])
}

/// What is wrong with a bundle, in itself and compared with the chain.
fn check_bundle(bytes: &[u8], links: &[Link]) -> Vec<String> {
    let (files, manifest, mut problems) = bundle::unpack(bytes);
    let Some(manifest) = manifest else { return problems };
    let runs = links.iter().filter_map(|link| Run::of(link.record.as_ref()?));
    match runs.into_iter().find(|run| run.summary.run == manifest.run) {
        None => problems.push(format!("no run {} is recorded in this lake", manifest.run)),
        Some(run) => {
            let report = files.get(bundle::REPORT).map(|report| sha256::hex(report));
            if report.as_ref() != Some(&run.report_json_sha256) {
                problems.push(format!("{} differs from the one that run {} wrote", bundle::REPORT, manifest.run));
            }
        }
    }
    for line in files.get(bundle::RECORDS).into_iter().flat_map(|text| text.split_inclusive(|byte| *byte == b'\n')) {
        if !links.iter().any(|link| link.bytes == line) {
            let shown: String = String::from_utf8_lossy(line).chars().take(80).collect();
            problems.push(format!("{}: not a record of this lake: {shown}...", bundle::RECORDS));
        }
    }
    problems
}
