//! What to do next: the response steps of the detectors that have findings, each step once.

use serde::Serialize;

use crate::detect::{Finding, Severity};

/// A recommended action.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Recommendation {
    /// What to do.
    pub action: String,
    /// Worst severity of the findings it responds to.
    pub severity: Severity,
    /// Ids of those findings.
    pub findings: Vec<String>,
}

/// The response steps of all findings, worst severity first. Informational findings need no response.
pub fn recommendations(findings: &[Finding]) -> Vec<Recommendation> {
    let mut recommendations: Vec<Recommendation> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity > Severity::Informational) {
        for action in &finding.respond {
            match recommendations.iter_mut().find(|known| known.action == *action) {
                Some(known) => {
                    known.severity = known.severity.max(finding.severity);
                    known.findings.push(finding.id.clone());
                }
                None => recommendations.push(Recommendation {
                    action: action.clone(),
                    severity: finding.severity,
                    findings: vec![finding.id.clone()],
                }),
            }
        }
    }
    recommendations.sort_by_key(|r| std::cmp::Reverse(r.severity));
    recommendations
}
