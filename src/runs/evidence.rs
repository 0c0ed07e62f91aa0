//! The evidence bundle of a run: the report, the detectors, the events and their source objects, in one file.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::Run;
use super::record::stored;
use crate::detect::rows;
use crate::engine::{Parameters, Session, Value};
use crate::error::{Error, Result};
use crate::lake::{Lake, Snapshot};
use crate::open;
use crate::report::{Row, bundle};
use crate::request::EvidenceRequest;
use crate::sha256;
use crate::terminal::printable;
use crate::wording::counted;

/// A bundle that was written.
#[derive(Debug)]
pub struct Evidence {
    /// The file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// Events in it.
    pub events: usize,
    /// Source objects that its events come from.
    pub objects: usize,
    /// Detectors that the run used.
    pub detectors: usize,
    /// What belongs in it and was not found, one line each.
    pub missing: Vec<String>,
}

/// Collects what the findings of a run are based on and writes the bundle.
///
/// # Errors
/// When the run is not recorded, its report or a file with its events was modified, the lake cannot be read, or the bundle
/// cannot be written.
pub async fn evidence(request: &EvidenceRequest) -> Result<Evidence> {
    let lake = Lake::open(&request.lake.location).await?;
    let links = lake.runs().await?;
    let wanted = |run: &Run| request.run == "last" || run.summary.run == request.run;
    let found = links.iter().rev().find_map(|link| {
        let record = link.record.as_ref()?;
        Some((record, Run::of(record).filter(wanted)?))
    });
    let (record, run) = found
        .ok_or_else(|| Error::Usage(format!("no run {} in this lake; `trailhunt runs` lists them", request.run)))?;
    let json = stored(&lake, &record.report_file()).await?.map_err(|problem| {
        Error::lake(lake.location().to_string(), format!("{}: {problem}; see `trailhunt verify`", record.report))
    })?;
    let report: serde_json::Value =
        serde_json::from_slice(&json).map_err(|e| Error::Internal(format!("the report: {e}")))?;
    let mut files = bundle::Files::new();
    let mut missing = Vec::new();

    for (id, sha256) in &run.summary.detectors {
        match request.library.iter().find(|detector| detector.id == *id && detector.sha256 == *sha256) {
            Some(detector) => {
                files.insert(format!("detectors/{id}.sql"), detector.text.clone().into_bytes());
            }
            None => missing.push(format!(
                "detectors/{id}.sql: no detector {id} with hash {sha256}; for your own detectors, use --detector-dir"
            )),
        }
    }

    let (snapshot, session) = open::session_of(&lake, &request.lake).await?;
    let texts = |name: &str| -> BTreeSet<String> {
        let findings = report["findings"].as_array().into_iter().flatten();
        let events = findings.filter_map(|finding| finding["evidence"]["events"].as_array()).flatten();
        events.filter_map(|event| event[name].as_str().map(str::to_owned)).collect()
    };
    let (ids, objects) = (texts("event_id"), texts("source_object"));
    let days = days(&texts("event_time"), &snapshot);
    let unchecked = lake.check_sources(&snapshot, &days).await?;
    missing.extend(unchecked.iter().map(|file| format!("checksum of {file}: an older version wrote this file")));
    // Only from files that were checked.
    let within = " AND events.event_date BETWEEN CAST($from AS DATE) AND CAST($to AS DATE)";
    let text = |day: &NaiveDate| Value::Text(day.to_string());
    let bounds = Parameters::from([("from".into(), text(days.start())), ("to".into(), text(days.end()))]);
    let events = rows_with(&session, "events", "event_id", ids.clone(), within, &bounds).await?;
    let known: BTreeSet<&str> = events.iter().filter_map(|row| row.get("event_id")?.as_str()).collect();
    missing
        .extend(ids.iter().filter(|id| !known.contains(id.as_str())).map(|id| format!("event {id}: not in the lake")));
    files.insert("events.jsonl".into(), lines(&events)?);
    let sources = rows_with(&session, "objects", "object", objects, "", &Parameters::new()).await?;
    files.insert("source_objects.jsonl".into(), lines(&sources)?);

    let records = links.iter().filter(|link| link.record.as_ref().is_some_and(|r| r.sequence <= record.sequence));
    files.insert(bundle::RECORDS.into(), records.flat_map(|link| link.bytes.clone()).collect());
    files.insert(bundle::REPORT.into(), json);

    let bytes = bundle::pack(&run.summary.run, missing.clone(), files);
    let bytes = bytes.map_err(|e| Error::Internal(format!("the bundle: {e}")))?;
    std::fs::write(&request.out, &bytes).map_err(|source| Error::File { path: request.out.clone(), source })?;
    Ok(Evidence {
        path: request.out.clone(),
        sha256: sha256::hex(&bytes),
        events: events.len(),
        objects: sources.len(),
        detectors: run.summary.detectors.len(),
        missing,
    })
}

impl Evidence {
    /// Writes what the bundle contains, and one line for everything that is missing.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn text(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Evidence { sha256, events, objects, detectors, .. } = self;
        writeln!(out, "bundle    {}, sha256 {sha256}", Path::display(&self.path))?;
        let counted = |n: &usize, noun| counted(*n as u64, noun);
        let (events, objects) = (counted(events, "event"), counted(objects, "object"));
        writeln!(out, "contains  {events} from {objects}, {}", counted(detectors, "detector"))?;
        self.missing.iter().try_for_each(|what| writeln!(out, "missing   {}", printable(what)))
    }
}

/// From the first to the last day of the events; all days of the lake if a time cannot be parsed.
fn days(times: &BTreeSet<String>, snapshot: &Snapshot) -> RangeInclusive<NaiveDate> {
    let days: Option<BTreeSet<NaiveDate>> = times.iter().map(|time| time.get(..10)?.parse().ok()).collect();
    let (first, last) = match days {
        Some(days) => (days.first().copied().unwrap_or_default(), days.last().copied().unwrap_or_default()),
        None => snapshot.days().unwrap_or_default(),
    };
    first..=last
}

/// Rows of a table whose `column` has one of these values, and for which the rest of the condition holds.
async fn rows_with(
    session: &Session,
    table: &str,
    column: &str,
    values: BTreeSet<String>,
    and: &str,
    parameters: &Parameters,
) -> Result<Vec<Row>> {
    let wanted = session.temp_table(column, values)?;
    let sql = format!("SELECT {table}.* FROM {wanted} JOIN {table} ON {table}.{column} = {wanted}.{column}{and}");
    let query = session.query("evidence", &sql, parameters).await?;
    let mut found = rows(&query.collect().await?).map_err(|e| Error::query("evidence", e))?;
    // A fixed order: the same run gives the same bundle.
    found.sort_by_cached_key(|row| serde_json::Value::Object(row.clone()).to_string());
    Ok(found)
}

fn lines(rows: &[Row]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut lines, row).map_err(|e| Error::Internal(format!("evidence: {e}")))?;
        lines.push(b'\n');
    }
    Ok(lines)
}
