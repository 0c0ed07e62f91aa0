//! The risk of an entity, from all findings about it.
//!
//! It is `100 x (1 - product of (1 - weight))` over the pairs of detector and ATT&CK technique among its findings; each
//! pair counts once, with its heaviest finding ([`Finding::weight`]). This is the noisy-OR of independent causes (Pearl,
//! "Probabilistic Reasoning in Intelligent Systems", 1988). Two detectors that agree outweigh one that fires twice.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Finding, Severity};

/// An entity and its risk.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Entity {
    /// `actor`, `ip`, `access_key`, ...
    pub entity_type: String,
    /// The identity, address, key or account.
    pub entity: String,
    /// 0 to 100.
    pub risk: f64,
    /// Number of findings about it.
    pub findings: u64,
    /// Highest severity of these findings.
    pub severity: Severity,
    /// ATT&CK techniques of these findings.
    pub attack: Vec<String>,
    /// The heaviest finding of each detector and technique, heaviest first.
    pub reasons: Vec<Reason>,
}

/// A finding that contributes to an entity's risk.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reason {
    /// Detector's id.
    pub detector: String,
    /// Finding's id.
    pub finding: String,
    /// Finding's weight, 0 to 1.
    pub weight: f64,
    /// Finding's summary.
    pub summary: String,
    /// Finding's summary with short names.
    pub headline: String,
}

/// Entities by risk, highest first. The risk of an actor includes the findings about its addresses and keys, and about
/// the roles whose credentials it got.
pub fn entities(findings: &[Finding]) -> Vec<Entity> {
    let mut about: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        about.entry((&finding.entity_type, &finding.entity)).or_default().push(finding);
        if let Some(actor) = finding.actor.as_deref().filter(|_| finding.entity_type != "actor") {
            about.entry(("actor", actor)).or_default().push(finding);
        }
    }
    for (origin, findings) in origins(findings) {
        let known = about.entry(("actor", origin)).or_default();
        findings.into_iter().for_each(|finding| {
            if !known.iter().any(|other| std::ptr::eq(*other, finding)) {
                known.push(finding);
            }
        });
    }
    let mut entities: Vec<Entity> = about.into_iter().map(|(name, findings)| entity(name, &findings)).collect();
    entities.sort_by(|a, b| b.risk.total_cmp(&a.risk).then_with(|| a.entity.cmp(&b.entity)));
    entities
}

/// The findings by the identity behind the credentials. One that is behind a single role adds nothing to that role, unless
/// it is a user of IAM.
fn origins(findings: &[Finding]) -> BTreeMap<&str, Vec<&Finding>> {
    let mut by_origin: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        if let Some(origin) = finding.origin.as_ref().filter(|origin| origin.is_known()) {
            by_origin.entry(&origin.identity).or_default().push(finding);
        }
    }
    by_origin.retain(|origin, findings| {
        let first = findings[0].identity();
        origin.contains(":user/") || findings.iter().any(|finding| finding.identity() != first)
    });
    by_origin
}

fn entity((entity_type, entity): (&str, &str), findings: &[&Finding]) -> Entity {
    let mut heaviest: BTreeMap<(&str, &[String]), &Finding> = BTreeMap::new();
    for finding in findings {
        let known = heaviest.entry((&finding.detector, &finding.attack)).or_insert(finding);
        if finding.weight() > known.weight() {
            *known = finding;
        }
    }
    let all_benign: f64 = heaviest.values().map(|finding| 1.0 - finding.weight()).product();
    let mut reasons: Vec<Reason> = heaviest
        .into_values()
        .map(|finding| Reason {
            detector: finding.detector.clone(),
            finding: finding.id.clone(),
            weight: finding.weight(),
            summary: finding.summary.clone(),
            headline: finding.headline.clone(),
        })
        .collect();
    reasons.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let mut attack: Vec<String> = findings.iter().flat_map(|finding| finding.attack.clone()).collect();
    attack.sort_unstable();
    attack.dedup();
    Entity {
        entity_type: entity_type.into(),
        entity: entity.into(),
        risk: (1000.0 * (1.0 - all_benign)).round() / 10.0,
        findings: findings.len() as u64,
        severity: findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Informational),
        attack,
        reasons,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::super::finding::tests::finding;
    use super::*;

    #[test]
    fn two_detectors_that_agree_outweigh_one_that_repeats() {
        let findings = [
            finding("a", "repeated", Severity::Medium),
            finding("a", "repeated", Severity::Medium),
            finding("a", "agreed", Severity::Medium),
            finding("b", "agreed", Severity::Medium),
        ];
        let entities = entities(&findings);
        assert_eq!((entities[0].entity.as_str(), entities[0].risk), ("agreed", 57.7));
        assert_eq!((entities[1].entity.as_str(), entities[1].risk), ("repeated", 35.0));
        assert_eq!(entities[1].findings, 2);
    }

    #[test]
    fn the_risk_of_roles_is_summed_at_the_identity_behind_them() {
        let by = |origin: &str, detector: &str, role: &str| {
            let path = vec![origin.to_owned(), role.to_owned()];
            let origin = Origin { identity: origin.into(), path, links: vec![], unknown_because: None, others: 0 };
            Finding { origin: Some(origin), ..finding(detector, role, Severity::Medium) }
        };
        let risks = |findings: &[Finding]| {
            entities(findings).into_iter().map(|entity| (entity.entity, entity.risk)).collect::<Vec<_>>()
        };
        let user = "arn:aws:iam::111122223333:user/maria";
        let two = [by(user, "a", "r"), by(user, "b", "s")];
        assert_eq!(risks(&two), [(user.to_owned(), 57.7), ("r".into(), 35.0), ("s".into(), 35.0)]);
        // An instance behind one role is that role.
        assert_eq!(risks(&[by("i-1", "a", "r"), by("i-1", "b", "r")]), [("r".to_owned(), 57.7)]);
        assert_eq!(risks(&[by("unknown", "a", "r"), by("unknown", "b", "s")]).len(), 2);
    }

    #[test]
    fn an_actors_risk_includes_findings_about_its_address() {
        let mut of_ip = finding("a", "203.0.113.1", Severity::High);
        of_ip.entity_type = "ip".into();
        of_ip.actor = Some("maria".into());
        let entities = entities(&[of_ip]);
        assert_eq!(entities.len(), 2);
        assert!(entities.iter().any(|e| e.entity == "maria" && e.risk == 65.0));
    }
}
