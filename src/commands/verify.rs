//! `trailhunt verify`: that no record, no report and no evidence was altered since its run, and that a finding is found
//! again where it was found.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::query::{printable, written};
use super::record::{Run, stored_report};
use super::{Outcome, hunt};
use crate::cli::VerifyArgs;
use crate::detect::{Library, Settings, Window};
use crate::error::{Error, Result};
use crate::lake::{Lake, Link};
use crate::report::bundle;
use crate::sha256;

/// What every bundle begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Carries out `verify`. Exit code 2 when anything was altered.
pub async fn verify(args: VerifyArgs) -> Result<Outcome> {
    let lake = args.lake.open().await?;
    let links = lake.runs().await?;
    let mut problems: Vec<String> = Vec::new();
    for link in &links {
        problems.extend(link.problems.iter().map(|problem| format!("{}: {problem}", link.path)));
        let Some(record) = &link.record else { continue };
        match stored_report(&lake, record).await {
            Ok(Ok(_)) => {}
            Ok(Err(problem)) => problems.push(format!("{}: {problem}", record.report)),
            Err(e) => problems.push(e.to_string()),
        }
    }
    if let Some(expected) = &args.last_sha256
        && !links.iter().any(|link| link.sha256 == *expected)
    {
        problems.push(format!("no record has the hash {expected}: it was changed or taken off the end"));
    }
    if let Some(path) = &args.target {
        let bytes = std::fs::read(path).map_err(|source| Error::File { path: path.clone(), source })?;
        let found = if bytes.starts_with(&GZIP) {
            of_bundle(&bytes, &links)
        } else {
            of_report(path, &bytes, &lake, &links).await?
        };
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", path.display())));
    }
    let mut again = None;
    if let Some(id) = &args.again {
        match found_again(id, &lake, &links, &args).await? {
            Ok(words) => again = Some(words),
            Err(problem) => problems.push(format!("finding {id}: {problem}")),
        }
    }
    let mut out = std::io::stdout().lock();
    if let Some(words) = again {
        written(writeln!(out, "again     {}", printable(&words)))?;
    }
    written(text(&links, &problems, &mut out))?;
    Ok(if problems.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}

fn text(links: &[Link], problems: &[String], out: &mut impl Write) -> std::io::Result<()> {
    match links.last() {
        Some(last) => writeln!(out, "runs      {}, the last {}", links.len(), last.sha256)?,
        None => writeln!(out, "runs      none is recorded here yet")?,
    }
    if problems.is_empty() {
        return writeln!(out, "holds     every record follows the one before, every report is the one its run wrote");
    }
    writeln!(out, "problems  {}\n", problems.len())?;
    problems.iter().try_for_each(|problem| writeln!(out, "{}", printable(problem).replace('\n', "\u{fffd}")))
}

/// What a finding says of itself and nothing else does: other findings and reports decide on its severity and status.
const OWN: [&str; 7] = ["entity_type", "entity", "account_id", "region", "first_time", "last_time", "score"];

/// Asks the detector of a recorded finding again, over the lake as its run saw it. What came of it, or what is wrong.
async fn found_again(
    id: &str,
    lake: &Lake,
    links: &[Link],
    args: &VerifyArgs,
) -> Result<std::result::Result<String, String>> {
    for link in links.iter().rev() {
        let Some(record) = &link.record else { continue };
        let Ok(json) = stored_report(lake, record).await? else { continue };
        let Ok(report) = serde_json::from_slice::<Value>(&json) else { continue };
        let mut findings = report["findings"].as_array().into_iter().flatten();
        let Some(told) = findings.find(|finding| finding["id"] == id) else { continue };
        let run = &report["run"];
        let (detector, version) = (told["detector"].as_str().unwrap_or_default(), run["lake_version"].as_u64());
        let time = |name: &str| run["window"][name].as_str()?.parse().ok();
        let (Some(version), Some(from), Some(to)) = (version, time("from"), time("to")) else {
            return Ok(Err("its report says neither version nor window".into()));
        };
        let library = Library::load(&args.folders)?;
        let Ok(detector) = library.get(detector) else {
            return Ok(Err(format!("there is no detector {detector} here; --detectors names a folder of your own")));
        };
        if run["detectors"][&detector.id] != detector.sha256.as_str() {
            return Ok(Err(format!("the detector {} is another than the one the run had", detector.id)));
        }
        let parameters = BTreeMap::deserialize(&run["settings"]).unwrap_or_default();
        let snapshot = lake.snapshot_at(version).await?;
        let session = hunt::session(lake, &snapshot, &super::geo(&args.geo)?, &args.memory).await?;
        let hunt = hunt::detect(&[detector], &session, Window { from, to }, &Settings { parameters }).await?;
        let now = hunt.findings.iter().find(|finding| finding.id == id).map(serde_json::to_value);
        let Some(Ok(now)) = now else {
            return Ok(Err(format!("{} does not find it any more at version {version}", detector.id)));
        };
        let events = |finding: &Value| finding["evidence"]["events"].clone();
        let other = OWN.iter().find(|name| now[**name] != told[**name]).copied();
        return Ok(match other.or((events(&now) != events(told)).then_some("evidence")) {
            Some(name) => Err(format!("{} finds it at version {version} with another {name}", detector.id)),
            None => Ok(format!("{} finds {id} at version {version} as run {} told it", detector.id, run["id"])),
        });
    }
    Ok(Err("no recorded run has it".into()))
}

/// What is wrong with a report in any form: it has to be a file that a run wrote.
async fn of_report(path: &Path, bytes: &[u8], lake: &Lake, links: &[Link]) -> Result<Vec<String>> {
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
        return Ok(vec!["no run of this lake wrote it".into()]);
    };
    let mut problem = format!("it was changed since run {} wrote it", run.summary.run);
    // The lake holds what it said: where the two part is told.
    if let Some(record) = &link.record
        && name.ends_with(".json")
        && let Ok(stored) = stored_report(lake, record).await?
    {
        let at = stored.iter().zip(bytes).position(|(a, b)| a != b).unwrap_or_else(|| stored.len().min(bytes.len()));
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        problem.push_str(&format!(", from byte {at} in line {line} on"));
    }
    Ok(vec![problem])
}

/// What is wrong with a bundle: in itself, and against the chain.
fn of_bundle(bytes: &[u8], links: &[Link]) -> Vec<String> {
    let (files, manifest, mut problems) = bundle::unpack(bytes);
    let Some(manifest) = manifest else { return problems };
    let runs = links.iter().filter_map(|link| Run::of(link.record.as_ref()?));
    match runs.into_iter().find(|run| run.summary.run == manifest.run) {
        None => problems.push(format!("no run {} is recorded in this lake", manifest.run)),
        Some(run) => {
            let report = files.get(bundle::REPORT).map(|report| sha256::hex(report));
            if report.as_ref() != Some(&run.report_json_sha256) {
                problems.push(format!("{} is not the one run {} wrote", bundle::REPORT, manifest.run));
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
