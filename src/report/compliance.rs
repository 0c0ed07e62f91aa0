//! Compliance controls that a hunt supports: for each, the detectors that ran, their findings, and the gaps.
//!
//! A detector supports a control if it looks for one of the control's techniques (`controls.tsv`). A detector that ran is
//! evidence of monitoring. A detector without findings does not prove that the control works.

use serde::Serialize;

use super::coverage::Coverage;
use super::detector_summary::DetectorSummary;
use crate::detect::{Finding, Severity};

const CONTROLS: &str = include_str!("controls.tsv");
/// Findings listed per control.
const HEAVIEST_MAX: usize = 10;

/// A compliance framework, limited to the controls that CloudTrail can give evidence for.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Framework {
    /// Name and edition.
    pub framework: &'static str,
    /// Its controls that hunting supports, in the framework's order.
    pub controls: Vec<Control>,
}

/// A control of a framework.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Control {
    /// Id in the framework.
    pub id: &'static str,
    /// What it requires, summarised.
    pub title: &'static str,
    /// Detectors that support it and ran.
    pub detectors: Vec<String>,
    /// Number of findings with one of its techniques.
    pub findings: u64,
    /// Ids of all of them, the most important first; the JSON has only the first, as `heaviest`.
    #[serde(skip)]
    pub finding_ids: Vec<String>,
    /// Ids of the most important of them.
    pub heaviest: Vec<String>,
    /// Their worst severity.
    pub severity: Option<Severity>,
    /// Number of events behind those findings.
    pub evidence_events: u64,
    /// Why this run is incomplete evidence for it.
    pub gaps: Vec<String>,
}

/// All frameworks, for the detectors, findings and coverage of a run.
pub fn compliance(detectors: &[DetectorSummary], findings: &[Finding], coverage: &Coverage) -> Vec<Framework> {
    let mut frameworks: Vec<Framework> = Vec::new();
    let missing = coverage.missing();
    for (framework, id, title, techniques) in lines() {
        let supports = |ids: &[String]| techniques == "*" || ids.iter().any(|id| covers(techniques, id));
        let (ran, failed): (Vec<&DetectorSummary>, Vec<&DetectorSummary>) =
            detectors.iter().filter(|detector| supports(&detector.attack)).partition(|detector| detector.ran);
        let findings: Vec<&Finding> = findings.iter().filter(|finding| supports(&finding.attack)).collect();
        let mut gaps: Vec<String> = failed.iter().map(|detector| format!("detector {} failed", detector.id)).collect();
        if ran.is_empty() {
            gaps.push("no detector of this run supports it".into());
        }
        gaps.extend(missing.iter().cloned());
        let control = Control {
            id,
            title,
            detectors: ran.iter().map(|detector| detector.id.clone()).collect(),
            severity: findings.iter().map(|finding| finding.severity).max(),
            evidence_events: findings.iter().map(|finding| finding.evidence.total).sum(),
            findings: findings.len() as u64,
            finding_ids: findings.iter().map(|finding| finding.id.clone()).collect(),
            heaviest: findings.iter().take(HEAVIEST_MAX).map(|finding| finding.id.clone()).collect(),
            gaps,
        };
        match frameworks.last_mut().filter(|last| last.framework == framework) {
            Some(last) => last.controls.push(control),
            None => frameworks.push(Framework { framework, controls: vec![control] }),
        }
    }
    frameworks
}

/// Framework, control, title, techniques.
fn lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    CONTROLS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut columns = line.split('\t');
        Some((columns.next()?, columns.next()?, columns.next()?, columns.next()?))
    })
}

/// True when `id` is one of `techniques`, or a sub-technique of one.
fn covers(techniques: &str, id: &str) -> bool {
    let is = |technique: &str| id.strip_prefix(technique).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    techniques.split(' ').any(is)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::detect::{Library, attack};

    #[test]
    fn controls_name_known_techniques_and_a_shipped_detector_supports_each() {
        let library = Library::load(&[]).unwrap();
        let mut seen = BTreeSet::new();
        for (framework, id, title, techniques) in lines() {
            assert!(seen.insert((framework, id)), "{framework} {id} is listed twice");
            assert!(!title.is_empty());
            let ids: Vec<String> = techniques.split(' ').filter(|id| *id != "*").map(str::to_owned).collect();
            assert_eq!(attack::check(&ids), Ok(()), "{framework} {id}");
            let supported =
                library.iter().any(|d| techniques == "*" || d.attack.iter().any(|id| covers(techniques, id)));
            assert!(supported, "no detector supports {framework} {id}");
        }
        assert_eq!(seen.len(), CONTROLS.lines().filter(|line| !line.starts_with('#')).count());
    }

    #[test]
    fn missing_data_and_failed_detectors_are_gaps() {
        let detector = |id: &str, ran| DetectorSummary {
            id: id.into(),
            title: String::new(),
            why: String::new(),
            severity: Severity::Low,
            confidence: crate::detect::Confidence::Low,
            kind: crate::detect::Kind::Behaviour,
            attack: vec!["T1110.003".into()],
            sha256: String::new(),
            chart: None,
            ran,
            findings: 0,
        };
        let coverage = Coverage { objects_failed: vec!["x".into()], ..Coverage::default() };
        let frameworks = compliance(&[detector("a", true), detector("b", false)], &[], &coverage);
        let control = |id: &str| frameworks.iter().flat_map(|f| &f.controls).find(|control| control.id == id).unwrap();
        assert_eq!(control("AC-7").detectors, ["a"]);
        assert_eq!(control("AC-7").gaps, ["detector b failed", "1 input could not be read"]);
        assert_eq!(control("CP-9").gaps, ["no detector of this run supports it", "1 input could not be read"]);
    }
}
