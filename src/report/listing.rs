//! The findings of a run without their evidence: what a list of them shows. It is stored beside the report, because a
//! report of 20,000 findings is 178 MB of JSON.

use serde::{Deserialize, Serialize};

use super::compare::{Previous, check_format};
use super::document::{FORMAT_VERSION, Report};
use crate::detect::rate::Expected;
use crate::detect::risk::{self, Entity};
use crate::detect::{Confidence, Finding, Severity, Status, Verdict};

/// Riskiest entities in it.
const RISKIEST_MAX: usize = 5;

/// The findings of a run, for lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    format_version: u32,
    /// Id of the run.
    pub run: String,
    /// The riskiest identities, addresses and keys, highest risk first.
    pub riskiest: Vec<Risk>,
    /// Its findings, most important first.
    pub findings: Vec<FindingLine>,
    /// Findings of the run before it that it evaluated again and did not find.
    pub resolved: Vec<FindingLine>,
}

/// An entity and its risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Risk {
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
}

/// A finding in a list. Its members are those of [`Finding`]; of the origin only the identity, of the verdict only what
/// was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingLine {
    /// Stable across runs.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// How likely it is what it seems.
    pub confidence: Confidence,
    /// How unusual it is, 0 to 1.
    pub score: f64,
    /// Compared with the previous run.
    pub status: Status,
    /// Detector's id.
    pub detector: String,
    /// Detector's title.
    pub title: String,
    /// `actor`, `ip`, `access_key`, `account`, ...
    pub entity_type: String,
    /// The identity, address, key or account it is about.
    pub entity: String,
    /// The identity behind an entity that is not an identity.
    pub actor: Option<String>,
    /// The identity behind the credentials of its events.
    pub origin: Option<String>,
    /// Account.
    pub account_id: Option<String>,
    /// First event, UTC, RFC 3339.
    pub first_time: String,
    /// Last event.
    pub last_time: String,
    /// One sentence, with names in full.
    pub summary: String,
    /// How often this organisation would have seen one like it.
    pub expected: Option<Expected>,
    /// An analyst's verdict.
    pub verdict: Option<Verdict>,
}

impl Listing {
    /// The findings of a report.
    pub fn of(report: &Report) -> Listing {
        Listing::new(&report.run.id, &report.entities, &report.findings, &report.resolved)
    }

    /// The findings of a stored report.
    pub fn of_previous(report: &Previous) -> Listing {
        Listing::new(report.run(), &risk::entities(report.findings()), report.findings(), report.resolved())
    }

    fn new(run: &str, entities: &[Entity], findings: &[Finding], resolved: &[Finding]) -> Listing {
        let listed = |findings: &[Finding]| findings.iter().map(FindingLine::of).collect();
        Listing {
            format_version: FORMAT_VERSION,
            run: run.to_owned(),
            riskiest: entities.iter().take(RISKIEST_MAX).map(Risk::of).collect(),
            findings: listed(findings),
            resolved: listed(resolved),
        }
    }

    /// Reads a stored listing.
    ///
    /// # Errors
    /// A description of the problem.
    pub fn parse(json: &[u8]) -> Result<Listing, String> {
        let listing: Listing = serde_json::from_slice(json).map_err(|e| format!("not a list of findings: {e}"))?;
        check_format(listing.format_version)?;
        Ok(listing)
    }
}

impl Risk {
    fn of(entity: &Entity) -> Risk {
        Risk {
            entity_type: entity.entity_type.clone(),
            entity: entity.entity.clone(),
            risk: entity.risk,
            findings: entity.findings,
            severity: entity.severity,
        }
    }
}

impl FindingLine {
    /// A finding without its evidence.
    pub fn of(finding: &Finding) -> FindingLine {
        FindingLine {
            id: finding.id.clone(),
            severity: finding.severity,
            confidence: finding.confidence,
            score: finding.score,
            status: finding.status,
            detector: finding.detector.clone(),
            title: finding.title.clone(),
            entity_type: finding.entity_type.clone(),
            entity: finding.entity.clone(),
            actor: finding.actor.clone(),
            origin: finding.origin.as_ref().map(|origin| origin.identity.clone()),
            account_id: finding.account_id.clone(),
            first_time: finding.first_time.clone(),
            last_time: finding.last_time.clone(),
            summary: finding.summary.clone(),
            expected: finding.expected,
            verdict: finding.verdict.as_ref().map(|seen| seen.verdict),
        }
    }

    /// Whether the name of its entity, of the identity behind it or of its account contains this text, in any case.
    pub fn is_about(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let names = [Some(&self.entity), self.actor.as_ref(), self.account_id.as_ref(), self.origin.as_ref()];
        names.into_iter().flatten().any(|name| name.to_lowercase().contains(&text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_listing_of_a_stored_report_has_its_findings_and_the_risk_of_their_entities() {
        let finding = |id: &str, entity: &str, severity: &str| {
            json!({"id": id, "detector": "a", "title": "t", "severity": severity, "confidence": "high", "score": 1.0,
                   "status": "new", "entity_type": "actor", "entity": entity, "account_id": "1", "region": null,
                   "first_time": "2024-03-01T00:00:00Z", "last_time": "2024-03-01T00:00:00Z", "summary": "s",
                   "attack": [], "evidence": {"total": 1, "events": [{"event_id": "e"}]}, "baseline": {},
                   "details": {}, "benign": [], "respond": []})
        };
        let findings = [finding("1", "arn:user/Maria", "critical"), finding("2", "arn:user/olga", "low")];
        let report = json!({"format_version": FORMAT_VERSION, "run": {"id": "run"}, "findings": findings,
                            "resolved": [finding("3", "arn:user/olga", "low")]});
        let listing = Listing::of_previous(&Previous::parse(report.to_string().as_bytes()).unwrap());
        assert_eq!((listing.run.as_str(), listing.findings.len(), listing.resolved.len()), ("run", 2, 1));
        assert!(listing.findings[0].is_about("maria") && !listing.findings[1].is_about("maria"));
        let risks: Vec<_> = listing.riskiest.iter().map(|of| (of.entity.as_str(), of.findings)).collect();
        assert_eq!(risks, [("arn:user/Maria", 1), ("arn:user/olga", 1)]);
        let stored = serde_json::to_vec(&listing).unwrap();
        assert_eq!(Listing::parse(&stored), Ok(listing));
        let other = String::from_utf8(stored).unwrap().replacen(&format!(":{FORMAT_VERSION},"), ":99,", 1);
        assert!(Listing::parse(other.as_bytes()).unwrap_err().starts_with("report format 99 is not supported"));
    }
}
