//! Raises weak signals that occur together with an action. A new place is common, and so is a new kind of work; new work
//! from a new place is not.
//!
//! A detector returns the column `joined_severity`: the severity of its finding if another detector reports an action of
//! the same person on the same day. Only findings of at least low severity without a `joined_severity` count as actions,
//! so two weak signals never raise each other. The result for a day depends on that day's findings only.

use std::collections::{HashMap, HashSet};

use super::{Finding, Severity};

/// Raises weak signals that an action joins, one per detector, person and day. Leaves the findings sorted by time.
pub fn join(findings: &mut [Finding]) {
    // A fixed order, so that the result does not depend on the order of the rows.
    findings.sort_by(|a, b| (&a.first_time, &a.id).cmp(&(&b.first_time, &b.id)));
    let mut actions: HashMap<(String, String), Vec<(String, String)>> = HashMap::new();
    for finding in findings.iter().filter(|f| f.joined_severity.is_none() && f.severity >= Severity::Low) {
        let action = (finding.detector.clone(), finding.id.clone());
        actions.entry(person_and_day(finding)).or_default().push(action);
    }
    // A person who comes from a new place uses all accounts from there; only the first such finding is raised.
    let mut raised = HashSet::new();
    for finding in findings.iter_mut() {
        let Some(joined) = finding.joined_severity.filter(|joined| *joined > finding.severity) else { continue };
        let key = person_and_day(finding);
        let Some(actions) = actions.get(&key) else { continue };
        if !raised.insert((finding.detector.clone(), key)) {
            continue;
        }
        finding.severity = joined;
        finding.joined_by = actions.iter().map(|(_, id)| id.clone()).collect();
        let mut detectors: Vec<&str> = actions.iter().map(|(detector, _)| detector.as_str()).collect();
        detectors.sort_unstable();
        detectors.dedup();
        finding.summary.push_str(&format!("; also reported that day: {}", detectors.join(", ")));
    }
}

/// The person and the day. A person who assumes roles is a different actor in each account; the session name, an email
/// address, is the same in all of them.
fn person_and_day(finding: &Finding) -> (String, String) {
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
    fn a_signal_is_raised_by_an_action_of_the_same_person_in_another_account() {
        let maria = |account: u32, role: &str| format!("arn:aws:sts::{account}:assumed-role/{role}/maria@acme.example");
        let mut findings = [
            sign(&maria(1, "Dev")),
            sign(&maria(3, "Dev")),
            finding("action", &maria(2, "Ops"), Severity::Low),
            sign("somebody"),
        ];
        join(&mut findings);
        let raised: Vec<_> = findings.iter().filter(|f| f.severity == Severity::Medium).collect();
        assert_eq!(raised.len(), 1, "only the first finding is raised");
        assert_eq!((&*raised[0].detector, &raised[0].entity), ("place", &maria(1, "Dev")));
        assert_eq!(raised[0].joined_by, ["action-".to_owned() + &maria(2, "Ops")]);
        assert!(raised[0].summary.ends_with("; also reported that day: action"));
    }

    #[test]
    fn weak_signals_and_informational_findings_raise_nothing() {
        let mut findings = [sign("maria"), sign("maria"), finding("note", "maria", Severity::Informational)];
        join(&mut findings);
        assert!(findings.iter().all(|f| f.severity <= Severity::Low && f.joined_by.is_empty()));
    }

    #[test]
    fn an_action_on_another_day_raises_nothing() {
        let mut action = finding("action", "maria", Severity::High);
        action.first_time = "2024-01-02T00:00:00Z".into();
        let mut findings = [sign("maria"), action];
        join(&mut findings);
        assert!(findings.iter().all(|f| f.joined_by.is_empty()));
    }
}
