//! A detector as the report describes it: what it looks for, whether it ran, how many findings it has.

use serde::Serialize;

use crate::detect::{Chart, Confidence, Detector, Finding, Kind, Severity};

/// A detector of this run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DetectorSummary {
    /// Id: the stem of its file name.
    pub id: String,
    /// What it finds.
    pub title: String,
    /// Why that matters.
    pub why: String,
    /// Severity of its findings, unless a finding has its own.
    pub severity: Severity,
    /// Confidence of its findings, unless a finding has its own.
    pub confidence: Confidence,
    /// Whether it finds facts, or unusual behaviour.
    pub kind: Kind,
    /// ATT&CK techniques it looks for.
    pub attack: Vec<String>,
    /// SHA-256 of its file.
    pub sha256: String,
    /// What the chart of its findings shows; null if they have none.
    pub chart: Option<Chart>,
    /// False if it failed.
    pub ran: bool,
    /// Number of findings, without suppressed ones.
    pub findings: u64,
}

impl DetectorSummary {
    /// Describes `detector`; `findings` are those of the whole run.
    pub fn of(detector: &Detector, ran: bool, findings: &[Finding]) -> DetectorSummary {
        DetectorSummary {
            id: detector.id.clone(),
            title: detector.title.clone(),
            why: detector.why.clone(),
            severity: detector.severity,
            confidence: detector.confidence,
            kind: detector.kind,
            attack: detector.attack.clone(),
            sha256: detector.sha256.clone(),
            chart: detector.chart.clone(),
            ran,
            findings: findings.iter().filter(|finding| finding.detector == detector.id).count() as u64,
        }
    }
}
