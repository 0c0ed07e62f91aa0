//! Compares a run with the previous one: which findings are new, continuing or resolved.
//!
//! A finding continues if the previous report has it, or has its story on another day, because nightly runs evaluate
//! different days. A finding that only the previous report has is resolved if its days were evaluated again, by the same
//! detector and with events present. Otherwise nothing is known about it, and it is not listed.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::document::FORMAT_VERSION;
use crate::detect::suppression::Triage;
use crate::detect::{Finding, KnownFinding, Status, find_finding};
use crate::error::{Error, Result};

/// The parts of the previous report that a comparison needs.
#[derive(Debug, Clone, Deserialize)]
pub struct Previous {
    format_version: u32,
    run: PreviousRun,
    findings: Vec<Finding>,
    #[serde(default)]
    resolved: Vec<Finding>,
}

#[derive(Debug, Clone, Deserialize)]
struct PreviousRun {
    id: String,
}

impl Previous {
    /// Reads a report from a JSON file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a report in the supported format.
    pub fn read(path: &Path) -> Result<Previous> {
        let text = std::fs::read(path).map_err(|source| Error::File { path: path.into(), source })?;
        Previous::parse(&text).map_err(|reason| Error::Usage(format!("{}: {reason}", path.display())))
    }

    /// Parses a report from JSON.
    ///
    /// # Errors
    /// A description of the problem.
    pub fn parse(json: &[u8]) -> std::result::Result<Previous, String> {
        let previous: Previous =
            serde_json::from_slice(json).map_err(|e| format!("not a JSON report of trailhunt: {e}"))?;
        check_format(previous.format_version)?;
        Ok(previous)
    }

    /// Id of the previous run.
    pub fn run(&self) -> &str {
        &self.run.id
    }

    /// Its findings.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Findings of the run before it that it evaluated again and did not find.
    pub fn resolved(&self) -> &[Finding] {
        &self.resolved
    }

    /// The finding whose id begins with `typed`.
    ///
    /// # Errors
    /// As [`find_finding`].
    pub fn finding(&self, typed: &str) -> Result<&Finding> {
        let known: Vec<KnownFinding> = self.findings.iter().map(KnownFinding::of).collect();
        find_finding(typed, &known).map(|at| &self.findings[at])
    }

    /// Sets the status of every finding, and returns the resolved ones. `was_judged` says whether the days of a finding
    /// were evaluated again by its detector.
    pub fn compare(self, triage: &mut Triage, was_judged: impl Fn(&Finding) -> bool) -> Vec<Finding> {
        let names = |id: &str, story: &str| [id.to_owned(), story.to_owned()];
        // Reports of older versions have no stories.
        let before: HashSet<String> =
            self.findings.iter().flat_map(|f| names(&f.id, &f.story)).filter(|name| !name.is_empty()).collect();
        for finding in &mut triage.findings {
            let known = before.contains(&finding.id) || before.contains(&finding.story);
            finding.status = if known { Status::Continuing } else { Status::New };
        }
        let now = triage.findings.iter().map(|f| (&f.id, &f.story));
        let now = now.chain(triage.suppressed.iter().map(|f| (&f.id, &f.story)));
        let now: HashSet<String> = now.flat_map(|(id, story)| names(id, story)).collect();
        let mut resolved = self.findings;
        resolved.retain(|f| f.status != Status::Resolved && was_judged(f));
        resolved.retain(|f| !now.contains(&f.id) && !now.contains(&f.story));
        resolved.iter_mut().for_each(|f| f.status = Status::Resolved);
        resolved
    }
}

/// Refuses a report in another format than this version writes.
pub(super) fn check_format(version: u32) -> std::result::Result<(), String> {
    match version {
        FORMAT_VERSION => Ok(()),
        other => Err(format!("report format {other} is not supported; this version reads format {FORMAT_VERSION}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::detect::Suppressions;

    fn finding(detector: &str, id: &str, story: &str) -> Value {
        json!({"id": id, "story": story, "detector": detector, "title": "", "severity": "low", "confidence": "low",
               "score": 1.0, "status": "new", "entity_type": "actor", "entity": "maria", "account_id": null,
               "region": null, "first_time": "2024-03-01T00:00:00Z", "last_time": "2024-03-01T00:00:00Z",
               "summary": "", "attack": [], "evidence": {"total": 0, "events": []}, "baseline": {}, "details": {},
               "benign": [], "respond": []})
    }

    fn report(findings: &[Value]) -> Vec<u8> {
        json!({"format_version": FORMAT_VERSION, "run": {"id": "before"}, "findings": findings}).to_string().into()
    }

    #[test]
    fn the_same_finding_and_the_same_story_of_another_day_continue() {
        let before =
            [finding("a", "1", "s1"), finding("a", "2", "s2"), finding("a", "3", "s3"), finding("off", "4", "s4")];
        let now = [finding("a", "1", "s1"), finding("a", "5", "s2"), finding("a", "6", "s6")];
        let findings = now.into_iter().map(|f| serde_json::from_value(f).unwrap()).collect();
        let mut triage = Suppressions::default().triage(findings, Default::default());
        let resolved =
            Previous::parse(&report(&before)).unwrap().compare(&mut triage, |finding| finding.detector == "a");
        let statuses: Vec<_> = triage.findings.iter().map(|f| f.status).collect();
        assert_eq!(statuses, [Status::Continuing, Status::Continuing, Status::New]);
        let resolved: Vec<_> = resolved.iter().map(|f| (&*f.id, f.status)).collect();
        assert_eq!(resolved, [("3", Status::Resolved)], "a detector that did not run resolves nothing");
    }

    #[test]
    fn a_file_that_is_not_a_report_is_refused_with_the_reason() {
        assert!(Previous::parse(b"{}").unwrap_err().starts_with("not a JSON report of trailhunt"));
        let other = json!({"format_version": 99, "run": {"id": ""}, "findings": []}).to_string();
        assert!(Previous::parse(other.as_bytes()).unwrap_err().starts_with("report format 99 is not supported"));
    }
}
