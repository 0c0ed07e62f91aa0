//! What to do next: the response steps of the detectors that have findings, each step once, and whom it is for.

use serde::Serialize;

use crate::detect::{Finding, Severity};

/// A recommended action.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Recommendation {
    /// What to do.
    pub action: String,
    /// Who can do it: `analyst`, `IAM administrator of 111122223333`, ...
    #[serde(rename = "for")]
    pub audience: Vec<String>,
    /// Worst severity of the findings it responds to.
    pub severity: Severity,
    /// Ids of those findings.
    pub findings: Vec<String>,
}

/// Whom a response step is for if it begins with these words and a colon; other steps are for the analyst.
const AUDIENCES: [&str; 5] =
    ["IAM administrator", "Identity Center administrator", "security team", "owner of the workload", "account owner"];

/// Whom a step is for, and what to do.
fn addressed(step: &str) -> (&str, String) {
    match step.split_once(": ") {
        Some((audience, action)) if AUDIENCES.contains(&audience) => {
            let mut letters = action.chars();
            let action = letters.next().map(|first| first.to_uppercase().chain(letters).collect());
            (audience, action.unwrap_or_default())
        }
        _ => ("analyst", step.to_owned()),
    }
}

/// The response steps of all findings, worst severity first. Informational findings need no response.
pub fn recommendations(findings: &[Finding]) -> Vec<Recommendation> {
    let mut recommendations: Vec<Recommendation> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity > Severity::Informational) {
        for step in &finding.respond {
            let (audience, action) = addressed(step);
            let audience = match &finding.account_id {
                Some(account) if audience != "analyst" => format!("{audience} of {account}"),
                _ => audience.to_owned(),
            };
            match recommendations.iter_mut().find(|known| known.action == action) {
                Some(known) => {
                    known.severity = known.severity.max(finding.severity);
                    known.findings.push(finding.id.clone());
                    if !known.audience.contains(&audience) {
                        known.audience.push(audience);
                    }
                }
                None => recommendations.push(Recommendation {
                    action,
                    audience: vec![audience],
                    severity: finding.severity,
                    findings: vec![finding.id.clone()],
                }),
            }
        }
    }
    recommendations.sort_by_key(|r| std::cmp::Reverse(r.severity));
    recommendations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Finding;

    #[test]
    fn a_recommendation_says_whom_it_is_for() {
        let finding = |id: &str, account: &str| {
            let json = serde_json::json!({
                "id": id, "detector": "d", "title": "", "severity": "low", "confidence": "low", "score": 1.0, "status": "new",
                "entity_type": "actor", "entity": "a", "account_id": account, "region": null, "first_time": "",
                "last_time": "", "summary": "", "attack": [], "evidence": {"total": 0, "events": []}, "baseline": {},
                "details": {}, "benign": [], "respond": ["Ask the owner", "IAM administrator: rotate the key", "Note: it repeats"]
            });
            serde_json::from_value::<Finding>(json).unwrap()
        };
        let all = recommendations(&[finding("1", "111122223333"), finding("2", "444455556666")]);
        let said: Vec<_> = all.iter().map(|one| (&*one.action, one.audience.join(", "), one.findings.len())).collect();
        let administrators = "IAM administrator of 111122223333, IAM administrator of 444455556666";
        assert_eq!(
            said,
            [
                ("Ask the owner", "analyst".to_owned(), 2),
                ("Rotate the key", administrators.into(), 2),
                ("Note: it repeats", "analyst".into(), 2)
            ]
        );
    }
}
