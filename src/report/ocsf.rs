//! The findings as OCSF events of class 2004 (Detection Finding), one JSON object per line: the input of Security Lake and
//! many SIEMs.

use std::io::Write;

use chrono::DateTime;
use serde_json::{Value, json};

use super::document::Report;
use super::json::without;
use crate::detect::{Confidence, Event, Finding, Severity, Status, attack};
use crate::terminal::SafeJson;

/// OCSF version.
const VERSION: &str = "1.3.0";
/// Class of a Detection Finding.
const CLASS: u32 = 2004;

/// Writes the findings, and the resolved findings as closed.
///
/// # Errors
/// When `out` cannot be written.
pub fn ocsf(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    for finding in report.findings.iter().chain(&report.resolved) {
        // Escapes what some readers treat as line ends, too.
        writeln!(SafeJson::new(&mut *out), "{}", event(report, finding))?;
    }
    Ok(())
}

fn event(report: &Report, finding: &Finding) -> Value {
    let (activity, activity_name, status, status_name) = match finding.status {
        Status::New => (1, "Create", 1, "New"),
        Status::Continuing => (2, "Update", 2, "In Progress"),
        Status::Resolved => (3, "Close", 4, "Resolved"),
    };
    let (severity, severity_name) = match finding.severity {
        Severity::Informational => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    };
    let (confidence, confidence_name) = match finding.confidence {
        Confidence::Low => (1, "Low"),
        Confidence::Medium => (2, "Medium"),
        Confidence::High => (3, "High"),
    };
    let detector = report.detectors.iter().find(|detector| detector.id == finding.detector);
    let finished = report.run.finished_at.timestamp_millis();
    // OCSF omits unknown members instead of writing null.
    let event = json!({
        "activity_id": activity, "activity_name": activity_name,
        "category_uid": 2, "category_name": "Findings",
        "class_uid": CLASS, "class_name": "Detection Finding",
        "type_uid": 100 * CLASS + activity, "type_name": format!("Detection Finding: {activity_name}"),
        "severity_id": severity, "severity": severity_name,
        "confidence_id": confidence, "confidence": confidence_name,
        "confidence_score": (100.0 * finding.score).round() as i64,
        "status_id": status, "status": status_name,
        "time": milliseconds(&finding.last_time).unwrap_or(finished),
        "start_time": milliseconds(&finding.first_time),
        "end_time": milliseconds(&finding.last_time),
        "count": finding.evidence.total.max(1),
        "message": finding.summary,
        "metadata": {
            "version": VERSION,
            "product": {"name": "trailhunt", "vendor_name": "trailhunt", "version": env!("CARGO_PKG_VERSION")},
            "profiles": ["cloud"],
            "uid": finding.id,
            "correlation_uid": report.run.id,
            "logged_time": finished,
        },
        "cloud": {"provider": "AWS", "account": finding.account_id.as_ref().map(|id| json!({"uid": id})),
                  "region": finding.region},
        "finding_info": {
            "uid": finding.id,
            "title": finding.title,
            "desc": finding.summary,
            "types": [finding.detector],
            "created_time": finished,
            "first_seen_time": milliseconds(&finding.first_time),
            "last_seen_time": milliseconds(&finding.last_time),
            "analytic": {"uid": finding.detector, "name": finding.title, "type_id": 1, "type": "Rule",
                         "version": detector.map(|detector| &detector.sha256)},
            "attacks": finding.attack.iter().map(|id| technique(id)).collect::<Vec<_>>(),
            "data_sources": ["AWS CloudTrail"],
        },
        "resources": [{"uid": finding.entity, "type": finding.entity_type}],
        "remediation": {"desc": finding.respond.join("; ")},
        "evidences": finding.evidence.events.iter().map(evidence).collect::<Vec<_>>(),
        "unmapped": {"baseline": finding.baseline, "details": finding.details, "benign": finding.benign,
                     "next_steps": finding.next_steps},
    });
    without(event, Value::is_null)
}

fn technique(id: &str) -> Value {
    let version = attack::EDITION.rsplit(' ').next();
    let tactics = attack::tactics_of(id).into_iter().map(|name| json!({"name": name, "uid": attack::tactic_id(name)}));
    json!({"technique": {"uid": id, "name": attack::technique(id)}, "tactics": tactics.collect::<Vec<_>>(),
           "version": version})
}

fn evidence(event: &Event) -> Value {
    json!({
        "api": {
            // The only required member of `api`.
            "operation": event.event_name.as_deref().unwrap_or("unknown"),
            "service": event.event_source.as_ref().map(|name| json!({"name": name})),
            "request": {"uid": event.event_id},
            "response": event.error_code.as_ref().map(|code| json!({"error": code})),
        },
        "src_endpoint": event.source_ip_address.as_deref().map(endpoint),
        "data": {"event_time": event.event_time, "source_object": event.source_object,
                 "source_record": event.source_record},
    })
}

/// CloudTrail's source address can be an IP address, the host name of a service, or a phrase such as `AWS Internal`.
fn endpoint(address: &str) -> Value {
    let label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    if address.parse::<std::net::IpAddr>().is_ok() {
        json!({"ip": address})
    } else if address.split('.').all(label) {
        json!({"hostname": address})
    } else {
        json!({"name": address})
    }
}

fn milliseconds(time: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(time).ok().map(|time| time.timestamp_millis())
}
