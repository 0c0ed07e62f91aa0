//! The findings of Sigma rules: all of them are evaluated with one query.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt;

use futures::StreamExt;
use serde::Serialize;
use serde_json::Value;

use super::contract::check_contract;
use super::rows::rows;
use super::{Detector, Finding, Severity, Window};
use crate::engine::{self, Session};
use crate::error::{Error, Result};
use crate::wording::{counted, grouped};

/// The findings of Sigma rules.
const OF_SIGMA_RULES: &str = include_str!("../../sql/sigma/findings.sql");
/// What they matched in all.
const SIGMA_MATCHES: &str = "SELECT sum(d.matches) AS matches, count(*) AS combinations FROM sigma_days AS d \
     JOIN sigma_rules AS r ON r.rule = d.rule WHERE r.is_reported \
     AND d.event_date >= CAST($from AS DATE) AND d.event_date < CAST($to AS DATE)";
/// Earlier days on which a rule matched an identity that make it routine, as for our own detectors.
const ROUTINE_DAYS: i64 = 3;
/// Days of history before a rule that only informs gives findings: a week has every weekday.
const WARM_UP_DAYS: i64 = 7;
/// Days of history before a rule can be common in the organisation: as many as a rate needs.
const COMMON_DAYS: i64 = super::rate::DAYS_MIN as i64;

/// With fewer days, a rule is common if it matched more than so many people, or machines: a place is known if three others
/// used it, too.
const CROWD: i64 = 3;

/// What Sigma rules matched in a window. Each match is in the view `sigma_matches`; most are no findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SigmaMatches {
    /// Rules that ran and are reported.
    pub rules: u64,
    /// Matches: an event counts once for each rule.
    pub matches: u64,
    /// Combinations of rule, identity, account and day with matches.
    pub combinations: u64,
    /// Those that became findings. The others are routine, or only inform and are not new.
    pub findings: u64,
}

/// `800 Sigma rules matched 12,345 times: 40 findings; 1,160 daily matches of an identity are usual or only inform`.
impl fmt::Display for SigmaMatches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rules, times) = (counted(self.rules, "Sigma rule"), counted(self.matches, "time"));
        write!(f, "{rules} matched {times}: {}", counted(self.findings, "finding"))?;
        match self.combinations.saturating_sub(self.findings) {
            0 => Ok(()),
            1 => write!(f, "; 1 daily match of an identity is usual or only informs"),
            others => write!(f, "; {} daily matches of an identity are usual or only inform", grouped(others)),
        }
    }
}

/// The findings of these rules, with one query, and what all of them matched. The session was prepared for them.
///
/// # Errors
/// [`Error::Query`] when events cannot be read, [`Error::Detector`] when a row is invalid.
pub async fn of_sigma_rules(
    detectors: &[&Detector],
    session: &Session,
    window: Window,
) -> Result<(Vec<Finding>, SigmaMatches)> {
    let mut parameters = window.parameters();
    let limits = [
        ("routine_days", ROUTINE_DAYS),
        ("warm_up_days", WARM_UP_DAYS),
        ("common_days", COMMON_DAYS),
        ("crowd", CROWD),
    ];
    for (name, limit) in limits {
        parameters.insert(name.into(), engine::Value::Integer(limit));
    }
    let query = session.query("Sigma rules", OF_SIGMA_RULES, &parameters).await?;
    check_contract(&query.schema()).map_err(|(_, reason)| Error::query("Sigma rules", reason))?;
    let by_id: HashMap<&str, &Detector> = detectors.iter().map(|detector| (detector.id.as_str(), *detector)).collect();
    let mut findings = Vec::new();
    let mut batches = query.stream().await?;
    while let Some(batch) = batches.next().await {
        for mut row in rows(&[batch?]).map_err(|e| Error::query("Sigma rules", e))? {
            let detector = row.remove("detector");
            // Other rules of the set were not selected.
            let Some(detector) = detector.as_ref().and_then(Value::as_str).and_then(|id| by_id.get(id)) else {
                continue;
            };
            let failed = |reason: String| Error::Detector { id: detector.id.clone(), reason };
            findings.push(Finding::from_row(detector, row).map_err(failed)?);
        }
    }
    let counted = session.query("Sigma rules", SIGMA_MATCHES, &parameters).await?.collect().await?;
    let counted = rows(&counted).map_err(|e| Error::query("Sigma rules", e))?.into_iter().next().unwrap_or_default();
    let number = |name: &str| counted.get(name).and_then(Value::as_u64).unwrap_or_default();
    let matches = SigmaMatches {
        rules: detectors.len() as u64,
        matches: number("matches"),
        combinations: number("combinations"),
        findings: findings.len() as u64,
    };
    Ok((findings, matches))
}

/// A pack has several rules about one technique. What an identity did on a day is one alert for each technique: a rule that
/// shows no technique which a heavier finding of a Sigma rule does not show already is at most low. It comes after the
/// rates: what is stored of a rule does not depend on the others that run.
pub fn one_alert_per_technique(findings: &mut [Finding]) {
    let is_of_sigma = |finding: &Finding| finding.details.contains_key("sigma_rule");
    let mut by_weight: Vec<usize> = (0..findings.len()).filter(|at| is_of_sigma(&findings[*at])).collect();
    by_weight.sort_by(|a, b| {
        let (a, b) = (&findings[*a], &findings[*b]);
        let order = Reverse(a.severity).cmp(&Reverse(b.severity));
        order.then(b.score.total_cmp(&a.score)).then_with(|| a.id.cmp(&b.id))
    });
    let mut shown: HashMap<(String, Option<String>, String), HashSet<String>> = HashMap::new();
    for at in by_weight {
        let finding = &mut findings[at];
        let day = finding.first_time.get(..10).unwrap_or_default().to_owned();
        let shown = shown.entry((finding.entity.clone(), finding.account_id.clone(), day)).or_default();
        // Sub-techniques are shades of one technique; rules without any are about one thing nobody has named.
        let parent = |id: &String| id.split('.').next().unwrap_or_default().to_owned();
        let techniques = finding.attack.iter().map(parent).chain(finding.attack.is_empty().then(String::new));
        // All of them: `any` would stop at the first.
        let adds = techniques.filter(|technique| shown.insert(technique.clone())).count() > 0;
        if !adds && finding.severity > Severity::Low {
            finding.severity = Severity::Low;
            finding.summary.push_str("; low: a heavier finding of the day shows the same technique");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::super::finding::tests::finding;
    use super::*;

    fn of(entity: &str, severity: Severity, attack: &[&str]) -> Finding {
        let attack = attack.iter().map(|id| (*id).to_owned()).collect();
        let details = Map::from_iter([("sigma_rule".to_owned(), "x".into())]);
        Finding { attack, details, first_time: "2024-03-05T10:00:00Z".into(), ..finding("sigma_x", entity, severity) }
    }

    #[test]
    fn a_technique_is_one_alert_of_an_identity_and_a_day() {
        let mut findings = [
            of("ana", Severity::Medium, &["T1098.001"]),
            of("ana", Severity::High, &["T1098.003"]),
            of("ana", Severity::Medium, &["T1098", "T1537"]),
            of("maria", Severity::Medium, &["T1098"]),
            of("ana", Severity::High, &[]),
            of("ana", Severity::Medium, &[]),
            Finding { first_time: "2024-03-06T10:00:00Z".into(), ..of("ana", Severity::Medium, &["T1098"]) },
            Finding { details: Map::new(), ..of("ana", Severity::Medium, &["T1098"]) },
        ];
        one_alert_per_technique(&mut findings);
        let severities = findings.each_ref().map(|finding| finding.severity);
        let [low, medium, high] = [Severity::Low, Severity::Medium, Severity::High];
        assert_eq!(severities, [low, high, medium, medium, high, low, medium, medium]);
        assert!(findings[0].summary.ends_with("shows the same technique"));
    }
}
