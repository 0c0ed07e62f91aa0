//! What ran and what was read, and what failed or could not be read.

use serde_json::{Value, json};

use super::super::document::Report;
use super::super::indicators;
use super::super::sections::Row;
use super::super::text::gap_sentence;
use super::values::{finished, markup, origins, paragraphs, props, uuid};
use crate::wording::{counted, grouped};

/// Lines about what could not be read.
const UNREAD_MAX: usize = 200;

/// What ran. Only the end of a run is known.
pub(super) fn log_entry(report: &Report) -> Value {
    let run = &report.run;
    let sigma = run.sigma.as_ref().map(|sigma| markup(&format!("{sigma}."))).unwrap_or_default();
    json!({
        "uuid": uuid("log", &run.id),
        "title": "Hunt",
        "description": paragraphs([ran(report), sigma]),
        "start": finished(report),
        "end": finished(report),
        "props": read_props(report),
    })
}

/// The observation about what was read.
pub(super) fn read(report: &Report, uuid: &str) -> Value {
    let coverage = &report.coverage;
    let mut unread = unread(report);
    let more = unread.len().saturating_sub(UNREAD_MAX);
    unread.truncate(UNREAD_MAX);
    let mut list: Vec<String> = unread.iter().map(|line| format!("- {}", markup(line))).collect();
    if more > 0 {
        list.push(format!("- and {} in the JSON report", counted(more as u64, "more line")));
    }
    if list.is_empty() {
        list.push("Nothing is known to be missing.".into());
    }
    let mut all = read_props(report);
    all.extend(props(unread.into_iter().map(|line| ("unread", line))));
    json!({
        "uuid": uuid,
        "title": "What was read, and what could not be read",
        "description": paragraphs([
            ran(report),
            format!(
                "This run read {} and {}; {} could not be read. In the whole lake, {} could not be read.",
                counted(coverage.objects_read, "object"),
                counted(coverage.events_read, "event"),
                counted(coverage.objects_failed.len() as u64, "input"),
                counted(coverage.rejects_in_lake(), "record"),
            ),
            incomplete(report),
        ]),
        "props": all,
        "methods": ["EXAMINE"],
        "types": ["coverage"],
        "origins": origins(),
        "collected": finished(report),
        "remarks": list.join("\n"),
    })
}

/// What ran, and what came of it.
fn ran(report: &Report) -> String {
    let failed = report.run.detectors_failed.len() as u64;
    format!(
        "{} ran and {} failed, over {}. Reported: {}. Not observations of this document: {} that a suppression \
         accepts, {} of the previous run that this run no longer found.",
        counted(detectors_that_ran(report), "detector"),
        grouped(failed),
        counted(report.events_in_window(), "event"),
        counted(report.findings.len() as u64, "finding"),
        counted(report.suppressed.len() as u64, "finding"),
        counted(report.resolved.len() as u64, "finding"),
    )
}

pub(super) fn detectors_that_ran(report: &Report) -> u64 {
    report.detectors.iter().filter(|detector| detector.ran).count() as u64
}

fn read_props(report: &Report) -> Vec<Value> {
    let coverage = &report.coverage;
    props([
        ("detectors-ran", detectors_that_ran(report).to_string()),
        ("detectors-failed", report.run.detectors_failed.len().to_string()),
        ("events-in-window", report.events_in_window().to_string()),
        ("objects-read", coverage.objects_read.to_string()),
        ("objects-failed", coverage.objects_failed.len().to_string()),
        ("rejects-in-lake", coverage.rejects_in_lake().to_string()),
        ("gaps", coverage.gaps.len().to_string()),
        ("stale", coverage.stale.to_string()),
        ("findings", report.findings.len().to_string()),
        ("findings-suppressed", report.suppressed.len().to_string()),
        ("findings-resolved", report.resolved.len().to_string()),
    ])
}

/// What is missing, in one sentence. The list is in the observation about what was read.
pub(super) fn incomplete(report: &Report) -> String {
    let mut missing = report.coverage.missing();
    let failed = report.run.detectors_failed.len() as u64;
    if failed > 0 {
        missing.push(format!("{} failed", counted(failed, "detector")));
    }
    missing.extend(report.coverage.stale_reasons.iter().cloned());
    match missing.is_empty() {
        true => "All data was read, every detector ran, and the events have no unusual gaps.".into(),
        false => format!("Incomplete: {}.", markup(&missing.join("; "))),
    }
}

/// One line for everything that could not be read, that failed or that is missing: totals first.
fn unread(report: &Report) -> Vec<String> {
    let coverage = &report.coverage;
    let mut lines = coverage.missing();
    lines.extend(coverage.stale_reasons.iter().cloned());
    lines.extend(report.run.detectors_failed.iter().chain(&coverage.objects_failed).cloned());
    if let Some(search) = report.indicators.as_ref().filter(|search| search.problems_total > 0) {
        lines.push(format!("{} in the indicator files", indicators::not_understood(search)));
    }
    let gaps = coverage.gaps.iter().map(gap_sentence).filter(|gap| !coverage.stale_reasons.contains(gap));
    lines.extend(gaps);
    lines.extend(coverage.reject_examples.iter().map(reject));
    let more = coverage.rejects_in_lake().saturating_sub(coverage.reject_examples.len() as u64);
    if more > 0 {
        lines.push(format!("{}; trailhunt lake rejects lists all", counted(more, "more unreadable record")));
    }
    lines
}

/// `s3://.../x.json.gz, byte 12: truncated gzip`.
fn reject(row: &Row) -> String {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let at = row.get("byte_offset").and_then(Value::as_i64).map(|at| format!(", byte {at}")).unwrap_or_default();
    format!("{}{at}: {}", text("object"), text("reason"))
}
