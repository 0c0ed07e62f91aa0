//! `trailhunt evidence`: everything a run's findings stand on, in one file to hand over.

use std::collections::BTreeSet;

use serde_json::Value;

use super::record::{Run, stored_report};
use super::{Outcome, query};
use crate::cli::{EvidenceArgs, GeoArgs};
use crate::detect::{Library, rows};
use crate::engine::{Parameters, Session};
use crate::error::{Error, Result};
use crate::report::{Row, bundle};

/// Carries out `evidence`.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub async fn evidence(args: EvidenceArgs) -> Result<Outcome> {
    let lake = args.lake.open().await?;
    let links = lake.runs().await?;
    let wanted = |run: &Run| args.run == "last" || run.summary.run == args.run;
    let found = links.iter().rev().find_map(|link| {
        let record = link.record.as_ref()?;
        Some((record, Run::of(record).filter(wanted)?))
    });
    let (record, run) = found.ok_or_else(|| {
        Error::Usage(format!("no run {} is recorded in this lake; `trailhunt runs` lists them", args.run))
    })?;
    let json = stored_report(&lake, record).await?.map_err(|problem| {
        Error::lake(lake.location().to_string(), format!("{}: {problem}; see `trailhunt verify`", record.report))
    })?;
    let report: Value = serde_json::from_slice(&json).map_err(|e| Error::Internal(format!("the report: {e}")))?;
    let mut files = bundle::Files::new();
    let mut missing = Vec::new();

    let library = Library::load(&args.folders)?;
    for (id, sha256) in &run.summary.detectors {
        match library.iter().find(|detector| detector.id == *id && detector.sha256 == *sha256) {
            Some(detector) => {
                files.insert(format!("detectors/{id}.sql"), detector.text.clone().into_bytes());
            }
            None => missing.push(format!("detectors/{id}.sql: this program has no detector {id} of hash {sha256}")),
        }
    }

    let (_, session) = query::as_it_is(&lake, &GeoArgs::default(), &args.memory).await?;
    let texts = |name: &str| -> BTreeSet<String> {
        let findings = report["findings"].as_array().into_iter().flatten();
        let events = findings.filter_map(|finding| finding["evidence"]["events"].as_array()).flatten();
        events.filter_map(|event| event[name].as_str().map(str::to_owned)).collect()
    };
    let (ids, objects) = (texts("event_id"), texts("source_object"));
    let events = looked_up(&session, "events", "event_id", ids.clone()).await?;
    let known: BTreeSet<&str> = events.iter().filter_map(|row| row.get("event_id")?.as_str()).collect();
    missing
        .extend(ids.iter().filter(|id| !known.contains(id.as_str())).map(|id| format!("event {id}: not in the lake")));
    files.insert("events.jsonl".into(), lines(&events)?);
    let sources = looked_up(&session, "objects", "object", objects).await?;
    files.insert("source_objects.jsonl".into(), lines(&sources)?);

    let records = links.iter().filter(|link| link.record.as_ref().is_some_and(|r| r.sequence <= record.sequence));
    files.insert(bundle::RECORDS.into(), records.flat_map(|link| link.bytes.clone()).collect());
    files.insert(bundle::REPORT.into(), json);

    let bytes = bundle::pack(&run.summary.run, missing.clone(), files);
    let bytes = bytes.map_err(|e| Error::Internal(format!("the bundle: {e}")))?;
    std::fs::write(&args.out, &bytes).map_err(|source| Error::File { path: args.out.clone(), source })?;
    println!("bundle    {}, sha256 {}", args.out.display(), crate::sha256::hex(&bytes));
    println!(
        "holds     {} events of {} objects, {} detectors",
        events.len(),
        sources.len(),
        run.summary.detectors.len()
    );
    missing.iter().for_each(|what| println!("missing   {}", query::printable(what)));
    Ok(if missing.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}

/// Rows of a table whose `column` is one of these.
async fn looked_up(session: &Session, table: &str, column: &str, values: BTreeSet<String>) -> Result<Vec<Row>> {
    let wanted = session.temp_table(column, values)?;
    let sql = format!("SELECT {table}.* FROM {wanted} JOIN {table} ON {table}.{column} = {wanted}.{column}");
    let query = session.query("evidence", &sql, &Parameters::new()).await?;
    let mut found = rows(&query.collect().await?).map_err(|e| Error::query("evidence", e))?;
    // One order, so that the same run is the same bundle.
    found.sort_by_cached_key(|row| Value::Object(row.clone()).to_string());
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
