//! ATT&CK's matrix: what the detectors of a run could see at all, and what they found.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::detect::{Detector, Finding, Severity, attack};

/// Techniques, of an edition of ATT&CK.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Matrix {
    /// The edition names and ids are of.
    pub edition: &'static str,
    /// All tactics, in the matrix's order.
    pub tactics: Vec<&'static str>,
    /// Techniques that a detector looks for or a finding names, by id.
    pub techniques: Vec<Technique>,
}

/// One of them.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Technique {
    /// Such as `T1078.004`.
    pub id: String,
    /// Its name.
    pub name: &'static str,
    /// Tactics it serves.
    pub tactics: Vec<&'static str>,
    /// Detectors of this run that look for it.
    pub detectors: Vec<String>,
    /// Findings that name it.
    pub findings: u64,
    /// Worst severity among them.
    pub severity: Option<Severity>,
}

/// The matrix of what `detectors` look for and of `findings`.
pub fn matrix(detectors: &[&Detector], findings: &[Finding]) -> Matrix {
    let mut techniques: BTreeMap<&str, Technique> = BTreeMap::new();
    let looked_for = detectors.iter().flat_map(|d| d.attack.iter().map(|id| (id, &d.id, None)));
    let found = findings.iter().flat_map(|f| f.attack.iter().map(|id| (id, &f.detector, Some(f.severity))));
    for (id, detector, severity) in looked_for.chain(found) {
        let technique = techniques.entry(id).or_insert_with(|| Technique {
            id: id.clone(),
            name: attack::technique(id).unwrap_or_default(),
            tactics: attack::tactics_of(id),
            detectors: Vec::new(),
            findings: 0,
            severity: None,
        });
        if !technique.detectors.contains(detector) {
            technique.detectors.push(detector.clone());
        }
        technique.findings += u64::from(severity.is_some());
        technique.severity = technique.severity.max(severity);
    }
    Matrix {
        edition: attack::EDITION,
        tactics: attack::tactics().collect(),
        techniques: techniques.into_values().collect(),
    }
}
