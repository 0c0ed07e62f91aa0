//! The ATT&CK matrix of a run: techniques that its detectors look for, and those found.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::detect::{Detector, Finding, Severity, attack};

/// Techniques of one edition of ATT&CK.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Matrix {
    /// The ATT&CK edition of all names and ids.
    pub edition: &'static str,
    /// All tactics, in the order of the matrix.
    pub tactics: Vec<&'static str>,
    /// Techniques that a detector looks for or a finding names, by id.
    pub techniques: Vec<Technique>,
}

/// A technique.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Technique {
    /// Such as `T1078.004`.
    pub id: String,
    /// Name.
    pub name: &'static str,
    /// Tactics it belongs to.
    pub tactics: Vec<&'static str>,
    /// Detectors of this run that look for it.
    pub detectors: Vec<String>,
    /// Number of findings with it.
    pub findings: u64,
    /// Their worst severity.
    pub severity: Option<Severity>,
}

/// The matrix for the detectors and findings of a run.
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
