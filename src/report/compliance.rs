//! Which controls a hunt serves, by framework: who looked, what was found, and what was not looked at.
//!
//! A control is served by the detectors that look for its techniques (`controls.tsv`). That a detector ran is evidence of
//! monitoring; that it found nothing says that it found nothing, and no more.

use serde::Serialize;

use super::{Coverage, Judge};
use crate::detect::{Finding, Severity};

const CONTROLS: &str = include_str!("controls.tsv");
/// Findings named a control; the rest is counted.
const HEAVIEST_MAX: usize = 10;

/// A framework, as far as CloudTrail has a say in it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Framework {
    /// Its name and edition.
    pub framework: &'static str,
    /// Its controls that hunting serves, in the framework's order.
    pub controls: Vec<Control>,
}

/// One of its controls.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Control {
    /// Its id in the framework.
    pub id: &'static str,
    /// What it asks for, in our words.
    pub title: &'static str,
    /// Detectors of this run that serve it and ran.
    pub detectors: Vec<String>,
    /// Findings that name its techniques.
    pub findings: u64,
    /// The heaviest of them.
    pub heaviest: Vec<String>,
    /// Worst severity among them.
    pub severity: Option<Severity>,
    /// Events those findings stand on.
    pub evidence_events: u64,
    /// What keeps this run from being evidence for it.
    pub gaps: Vec<String>,
}

/// All frameworks, against who judged, what was found and what was read.
pub fn compliance(judges: &[Judge], findings: &[Finding], coverage: &Coverage) -> Vec<Framework> {
    let mut frameworks: Vec<Framework> = Vec::new();
    let unread = unread(coverage);
    for (framework, id, title, techniques) in lines() {
        let serves = |ids: &[String]| techniques == "*" || ids.iter().any(|id| covers(techniques, id));
        let (ran, failed): (Vec<&Judge>, Vec<&Judge>) =
            judges.iter().filter(|judge| serves(&judge.attack)).partition(|judge| judge.ran);
        let findings: Vec<&Finding> = findings.iter().filter(|finding| serves(&finding.attack)).collect();
        let mut gaps: Vec<String> = failed.iter().map(|judge| format!("detector {} could not run", judge.id)).collect();
        if ran.is_empty() {
            gaps.push("no detector of this run serves it".into());
        }
        gaps.extend(unread.iter().cloned());
        let control = Control {
            id,
            title,
            detectors: ran.iter().map(|judge| judge.id.clone()).collect(),
            severity: findings.iter().map(|finding| finding.severity).max(),
            evidence_events: findings.iter().map(|finding| finding.evidence.total).sum(),
            findings: findings.len() as u64,
            heaviest: findings.iter().take(HEAVIEST_MAX).map(|finding| finding.id.clone()).collect(),
            gaps,
        };
        match frameworks.last_mut().filter(|last| last.framework == framework) {
            Some(last) => last.controls.push(control),
            None => frameworks.push(Framework { framework, controls: vec![control] }),
        }
    }
    frameworks
}

/// Framework, control, title, techniques.
fn lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    CONTROLS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut columns = line.split('\t');
        Some((columns.next()?, columns.next()?, columns.next()?, columns.next()?))
    })
}

/// True when `id` is one of `techniques`, or a sub-technique of one.
fn covers(techniques: &str, id: &str) -> bool {
    let is = |technique: &str| id.strip_prefix(technique).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    techniques.split(' ').any(is)
}

/// What was not read is a gap of every control.
fn unread(coverage: &Coverage) -> Vec<String> {
    let rejects = coverage.lake.get("rejects").and_then(|n| n.as_u64()).unwrap_or(0);
    let counts = [
        (rejects, "records could not be read"),
        (coverage.objects_failed.len() as u64, "objects could not be fetched"),
        (coverage.gaps.len() as u64, "gaps of a day or more in the events"),
    ];
    counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::detect::{Library, attack};

    #[test]
    fn controls_name_techniques_there_are_and_each_is_served_by_a_shipped_detector() {
        let library = Library::load(&[]).unwrap();
        let mut seen = BTreeSet::new();
        for (framework, id, title, techniques) in lines() {
            assert!(seen.insert((framework, id)), "{framework} {id} is there twice");
            assert!(!title.is_empty());
            let ids: Vec<String> = techniques.split(' ').filter(|id| *id != "*").map(str::to_owned).collect();
            assert_eq!(attack::check(&ids), Ok(()), "{framework} {id}");
            let served = library.iter().any(|d| techniques == "*" || d.attack.iter().any(|id| covers(techniques, id)));
            assert!(served, "{framework} {id} is served by no detector");
        }
        assert_eq!(seen.len(), CONTROLS.lines().filter(|line| !line.starts_with('#')).count());
    }

    #[test]
    fn what_was_not_read_and_who_did_not_run_are_gaps() {
        let judge = |id: &str, ran| Judge {
            id: id.into(),
            title: String::new(),
            why: String::new(),
            severity: Severity::Low,
            confidence: crate::detect::Confidence::Low,
            attack: vec!["T1110.003".into()],
            sha256: String::new(),
            ran,
            findings: 0,
        };
        let coverage = Coverage { objects_failed: vec!["x".into()], ..Coverage::default() };
        let frameworks = compliance(&[judge("a", true), judge("b", false)], &[], &coverage);
        let control = |id: &str| frameworks.iter().flat_map(|f| &f.controls).find(|control| control.id == id).unwrap();
        assert_eq!(control("AC-7").detectors, ["a"]);
        assert_eq!(control("AC-7").gaps, ["detector b could not run", "1 objects could not be fetched"]);
        assert_eq!(control("CP-9").gaps, ["no detector of this run serves it", "1 objects could not be fetched"]);
    }
}
