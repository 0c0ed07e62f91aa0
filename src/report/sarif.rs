//! The findings as SARIF 2.1.0 (OASIS), for code hosts and issue trackers.

use std::io::Write;

use serde_json::{Value, json};
use url::Url;

use super::detector_summary::DetectorSummary;
use super::document::Report;
use crate::detect::{Finding, Severity, Status};
use crate::terminal::SafeJson;

/// Writes a log with one run: one rule per detector, one result per finding. Resolved findings are results in state
/// `absent`.
///
/// # Errors
/// When `out` cannot be written.
pub fn sarif(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let results = report.findings.iter().chain(&report.resolved);
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "trailhunt",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": report.detectors.iter().map(rule).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": format!("trailhunt/{}", report.run.id)},
            "invocations": [{
                "executionSuccessful": report.run.detectors_failed.is_empty(),
                "endTimeUtc": report.run.finished_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            }],
            "results": results.map(|finding| result(report, finding)).collect::<Vec<_>>(),
        }],
    });
    serde_json::to_writer_pretty(SafeJson::new(&mut *out), &log)?;
    writeln!(out)
}

fn rule(detector: &DetectorSummary) -> Value {
    json!({
        "id": detector.id,
        "shortDescription": {"text": detector.title},
        "fullDescription": {"text": detector.why},
        "defaultConfiguration": {"level": level(detector.severity)},
        "properties": {"tags": detector.attack, "security-severity": security_severity(detector.severity)},
    })
}

fn result(report: &Report, finding: &Finding) -> Value {
    let compared = report.run.compared_with.is_some();
    let state = match finding.status {
        Status::New => "new",
        Status::Continuing => "unchanged",
        Status::Resolved => "absent",
    };
    let mut locations: Vec<Value> = Vec::new();
    let about = json!([{"fullyQualifiedName": finding.entity, "kind": finding.entity_type}]);
    for object in finding.evidence.events.iter().filter_map(|event| event.source_object.as_deref()) {
        // Parsing also escapes odd characters; what cannot be a URI is left out.
        let Ok(uri) = Url::parse(object) else { continue };
        let location = json!({"physicalLocation": {"artifactLocation": {"uri": uri}}, "logicalLocations": about});
        if !locations.contains(&location) {
            locations.push(location);
        }
    }
    if locations.is_empty() {
        locations.push(json!({"logicalLocations": about}));
    }
    let mut result = json!({
        "ruleId": finding.detector,
        "level": level(finding.severity),
        "rank": (1000.0 * finding.weight()).round() / 10.0,
        "message": {"text": finding.summary},
        "locations": locations,
        "fingerprints": {"trailhunt/finding": finding.id},
        "partialFingerprints": {"trailhunt/story": finding.story},
        "occurrenceCount": finding.evidence.total.max(1),
        "properties": {
            "severity": finding.severity, "confidence": finding.confidence, "attack": finding.attack,
            "first_time": finding.first_time, "last_time": finding.last_time,
            "account_id": finding.account_id, "region": finding.region, "next_steps": finding.next_steps,
        },
    });
    // SARIF allows a state only in a comparison.
    if let Some(members) = result.as_object_mut().filter(|_| compared) {
        members.insert("baselineState".into(), state.into());
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational | Severity::Low => "note",
        Severity::Medium => "warning",
        Severity::High | Severity::Critical => "error",
    }
}

/// The number GitHub sorts by: above 9 is critical, from 7 high, from 4 medium, above 0 low.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "0.0",
        Severity::Low => "2.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}
