//! The controls that a run reviews, and what it says about each.

use serde_json::{Value, json};

use super::super::compliance::{Control, Framework};
use super::super::document::Report;
use super::observation::Observed;
use super::values::{markup, origins, paragraphs, props, token, uuid};
use crate::wording::{counted, grouped};

/// Findings that a control refers to, the most important first. Some controls are about all findings of a report.
const RELATED_MAX: usize = 100;

const TO_REVIEW: &str = "Findings are activity that somebody has to review. They do not prove that the control failed. \
    OSCAL has no state for that: not-satisfied means here that the control was not shown to be satisfied.";
const NO_EVIDENCE: &str = "This run is no evidence for the control, and none against it. OSCAL has no state for that: \
    not-satisfied means here that the control was not shown to be satisfied.";

pub(super) fn selection(framework: &Framework) -> Value {
    let control = |control: &Control| json!({"control-id": control_id(framework.framework, control.id)});
    json!({
        "description": markup(framework.framework),
        "props": props([("framework", framework.framework.to_owned())]),
        "include-controls": framework.controls.iter().map(control).collect::<Vec<_>>(),
    })
}

/// The entry under `findings` about a control; `None` if this run covers the control and found nothing.
pub(super) fn conclusion(
    report: &Report,
    framework: &str,
    control: &Control,
    observed: &Observed<'_>,
) -> Option<Value> {
    let is_covered = !control.detectors.is_empty() && report.events_in_window() > 0;
    if control.findings == 0 && is_covered {
        return None;
    }
    let (concluded, why) = match control.findings {
        0 => ("not-covered", NO_EVIDENCE),
        _ => ("findings-to-review", TO_REVIEW),
    };
    let description = match (control.findings, control.severity) {
        (0, _) if control.detectors.is_empty() => "No detector that supports this control ran.".to_owned(),
        (0, _) => "The window has no events.".to_owned(),
        (findings, severity) => format!(
            "{} with a technique of this control; the worst severity is {}. Behind them: {}.",
            counted(findings, "finding"),
            severity.map(|severity| severity.to_string()).unwrap_or_default(),
            counted(control.evidence_events, "event"),
        ),
    };
    let related = control.finding_ids.iter().filter_map(|id| observed.of_finding(id)).take(RELATED_MAX);
    let mut related: Vec<&str> = related.collect();
    let shown = related.len() as u64;
    let listed = match control.findings.saturating_sub(shown) {
        0 => String::new(),
        _ => format!("The observations listed are the {} most important of them.", grouped(shown)),
    };
    if !is_covered || !control.gaps.is_empty() {
        related.push(&observed.coverage);
    }
    let ran = match control.detectors.is_empty() {
        true => String::new(),
        false => format!("Detectors that ran for this control: {}.", markup(&control.detectors.join(", "))),
    };
    let gaps = match control.gaps.is_empty() {
        true => String::new(),
        false => format!("Why this run is incomplete evidence for it: {}.", markup(&control.gaps.join("; "))),
    };
    let id = control_id(framework, control.id);
    Some(json!({
        // The same in every run over this lake.
        "uuid": uuid("control", &format!("{} {framework} {id}", report.run.lake)),
        "title": markup(&format!("{framework} {}: {}", control.id, control.title)),
        "description": description,
        "props": props([
            ("framework", framework.to_owned()),
            ("control", control.id.to_owned()),
            ("conclusion", concluded.to_owned()),
            ("findings", control.findings.to_string()),
            ("severity", control.severity.map(|severity| severity.to_string()).unwrap_or_default()),
            ("evidence-events", control.evidence_events.to_string()),
            ("detectors-ran", control.detectors.len().to_string()),
        ]),
        "origins": origins(),
        "target": {
            "type": "statement-id",
            "target-id": statement_id(framework, &id),
            "title": markup(control.title),
            "status": {"state": "not-satisfied", "reason": "other", "remarks": why},
        },
        "related-observations": related.iter().map(|uuid| json!({"observation-uuid": uuid})).collect::<Vec<_>>(),
        "remarks": paragraphs([listed, ran, gaps]),
    }))
}

/// NIST's own catalog in OSCAL writes AC-2(12) as `ac-2.12`. Other frameworks have their ids, as far as OSCAL allows.
fn control_id(framework: &str, id: &str) -> String {
    match is_nist_800_53(framework) {
        true => token(&id.to_ascii_lowercase().replace('(', ".").replace(')', "")),
        false => token(id),
    }
}

/// The statement that is the whole control. NIST's own catalog has it as `ac-2_smt`.
fn statement_id(framework: &str, control_id: &str) -> String {
    if is_nist_800_53(framework) { format!("{control_id}_smt") } else { control_id.to_owned() }
}

fn is_nist_800_53(framework: &str) -> bool {
    framework.starts_with("NIST SP 800-53")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_controls_are_tokens() {
        assert_eq!(control_id("NIST SP 800-53 r5", "AC-2(12)"), "ac-2.12");
        assert_eq!(statement_id("NIST SP 800-53 r5", "ac-2.12"), "ac-2.12_smt");
        assert_eq!(control_id("SOC 2 (TSC 2017)", "CC6.1"), "CC6.1");
        assert_eq!(statement_id("SOC 2 (TSC 2017)", "CC6.1"), "CC6.1");
    }
}
