//! Signs that mean little alone and much together: a new place is everyday life, and so is a new kind of work, but the
//! work from the new place is not.
//!
//! A detector says so with the column `joined_severity`: what its finding becomes when another detector tells of an act
//! of the same person on the same day. Only findings of at least low severity that are no such sign themselves count as
//! acts, so two weak signs never raise each other. A day's findings depend on that day alone, whatever else is hunted.

use std::collections::{HashMap, HashSet};

use super::{Finding, Severity};

/// Raises the findings that are joined by another's, one a detector, person and day. Leaves them in order of time.
pub fn join(findings: &mut [Finding]) {
    // One order, whatever order the rows came in: what is told of a day is told alike every time.
    findings.sort_by(|a, b| (&a.first_time, &a.id).cmp(&(&b.first_time, &b.id)));
    let mut acts: HashMap<(String, String), Vec<(String, String)>> = HashMap::new();
    for finding in findings.iter().filter(|f| f.joined_severity.is_none() && f.severity >= Severity::Low) {
        let act = (finding.detector.clone(), finding.id.clone());
        acts.entry(whose(finding)).or_default().push(act);
    }
    // A person who comes from a new place comes to all accounts from there: one story, told by the first of them.
    let mut told = HashSet::new();
    for finding in findings.iter_mut() {
        let Some(joined) = finding.joined_severity.filter(|joined| *joined > finding.severity) else { continue };
        let whose = whose(finding);
        let Some(acts) = acts.get(&whose) else { continue };
        if !told.insert((finding.detector.clone(), whose)) {
            continue;
        }
        finding.severity = joined;
        finding.joined_by = acts.iter().map(|(_, id)| id.clone()).collect();
        let mut detectors: Vec<&str> = acts.iter().map(|(detector, _)| detector.as_str()).collect();
        detectors.sort_unstable();
        detectors.dedup();
        finding.summary.push_str(&format!("; the same day: {}", detectors.join(", ")));
    }
}

/// The person and the day. People who work through roles have an actor in each account; their session's name, an address
/// of mail, is theirs in all of them.
fn whose(finding: &Finding) -> (String, String) {
    let actor = finding.actor.as_deref().unwrap_or(&finding.entity);
    let session = actor.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').nth(1));
    let person = session.filter(|name| name.contains('@')).unwrap_or(actor);
    (person.to_owned(), finding.first_time.get(..10).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::finding::tests::finding;
    use super::*;

    fn sign(entity: &str) -> Finding {
        Finding { joined_severity: Some(Severity::Medium), ..finding("place", entity, Severity::Low) }
    }

    #[test]
    fn a_sign_is_raised_by_an_act_of_the_same_person_in_another_account() {
        let maria = |account: u32, role: &str| format!("arn:aws:sts::{account}:assumed-role/{role}/maria@acme.example");
        let mut findings = [
            sign(&maria(1, "Dev")),
            sign(&maria(3, "Dev")),
            finding("act", &maria(2, "Ops"), Severity::Low),
            sign("somebody"),
        ];
        join(&mut findings);
        let raised: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Medium).collect();
        assert_eq!(raised.len(), 1, "one story is told once");
        assert_eq!((&*raised[0].detector, &raised[0].entity), ("place", &maria(1, "Dev")));
        assert_eq!(raised[0].joined_by, ["act-".to_owned() + &maria(2, "Ops")]);
        assert!(raised[0].summary.ends_with("; the same day: act"));
    }

    #[test]
    fn signs_and_informational_findings_raise_nothing() {
        let mut findings = [sign("maria"), sign("maria"), finding("note", "maria", Severity::Informational)];
        join(&mut findings);
        assert!(findings.iter().all(|f| f.severity <= Severity::Low && f.joined_by.is_empty()));
    }

    #[test]
    fn another_day_is_another_story() {
        let mut act = finding("act", "maria", Severity::High);
        act.first_time = "2024-01-02T00:00:00Z".into();
        let mut findings = [sign("maria"), act];
        join(&mut findings);
        assert!(findings.iter().all(|f| f.joined_by.is_empty()));
    }
}
