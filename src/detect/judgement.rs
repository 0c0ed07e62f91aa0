//! The judgements of analysts: findings with verdicts. The lake keeps them all; the last one on a finding counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Finding, SeenBefore, Verdict};

/// A verdict on a finding, as the lake keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judgement {
    /// What the finding turned out to be.
    pub verdict: Verdict,
    /// Who decided.
    pub by: String,
    /// When, UTC, RFC 3339.
    pub at: String,
    /// Why.
    pub note: Option<String>,
    /// Id of the run that reported the finding.
    pub run: String,
    /// The finding as it was reported, without its evidence.
    pub finding: Finding,
}

impl Judgement {
    /// The day on which it was given.
    pub fn day(&self) -> &str {
        self.at.get(..10).unwrap_or(&self.at)
    }
}

/// The verdicts of a lake.
#[derive(Debug, Clone, Default)]
pub struct Verdicts {
    /// The last one on each finding, in the order in which they were given.
    judgements: Vec<Judgement>,
    /// Records that could not be read, with the reason.
    pub unread: Vec<String>,
}

impl Verdicts {
    /// From all verdicts, oldest first.
    pub fn new(all: Vec<Judgement>, unread: Vec<String>) -> Verdicts {
        let last: BTreeMap<String, usize> =
            all.iter().enumerate().map(|(at, judgement)| (judgement.finding.id.clone(), at)).collect();
        let is_last = |(at, judgement): &(usize, Judgement)| last.get(&judgement.finding.id) == Some(at);
        let judgements = all.into_iter().enumerate().filter(is_last).map(|(_, judgement)| judgement);
        Verdicts { judgements: judgements.collect(), unread }
    }

    /// The last verdict on each finding, in the order in which they were given.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Judgement> {
        self.judgements.iter()
    }

    /// The findings that are judged malicious.
    pub fn malicious(&self) -> impl Iterator<Item = &Judgement> {
        self.iter().filter(|judgement| judgement.verdict == Verdict::Malicious)
    }

    /// The verdict on a finding: on itself, or else on its story on other days, of which malicious counts most and then the
    /// newest.
    pub fn of(&self, finding: &Finding) -> Option<&Judgement> {
        let itself = self.iter().find(|judgement| judgement.finding.id == finding.id);
        itself.or_else(|| {
            // Reports of older versions have no stories.
            let is_same =
                |judgement: &&Judgement| !finding.story.is_empty() && judgement.finding.story == finding.story;
            let malicious = self.malicious().filter(is_same).last();
            malicious.or_else(|| self.iter().rfind(is_same))
        })
    }

    /// Sets [`Finding::verdict`].
    pub fn mark(&self, findings: &mut [Finding]) {
        for finding in findings {
            finding.verdict = self.of(finding).map(|judgement| SeenBefore {
                verdict: judgement.verdict,
                by: judgement.by.clone(),
                at: judgement.at.clone(),
                note: judgement.note.clone(),
                finding: judgement.finding.id.clone(),
                ignored_suppression: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::finding::tests::finding;
    use super::*;

    fn judgement(id: &str, story: &str, verdict: Verdict, note: &str) -> Judgement {
        let mut finding = finding("call_rate", "ana", Severity::Low);
        (finding.id, finding.story) = (id.into(), story.into());
        let note = Some(note.to_owned()).filter(|note| !note.is_empty());
        Judgement { verdict, by: "eva".into(), at: "2024-03-01T09:00:00Z".into(), note, run: String::new(), finding }
    }

    fn verdict_on(verdicts: &Verdicts, id: &str, story: &str) -> Option<String> {
        let mut findings = [judgement(id, story, Verdict::Benign, "").finding];
        verdicts.mark(&mut findings);
        findings[0].verdict.as_ref().map(ToString::to_string)
    }

    #[test]
    fn the_last_verdict_on_a_finding_counts_and_its_story_is_recognised_on_other_days() {
        let verdicts = Verdicts::new(
            vec![
                judgement("1", "s", Verdict::Malicious, "first thought"),
                judgement("1", "s", Verdict::Benign, "a backup"),
                judgement("2", "other", Verdict::Expected, ""),
                judgement("3", "", Verdict::Benign, ""),
            ],
            vec![],
        );
        let benign = Some("seen before: benign, by eva on 2024-03-01 (a backup)".to_owned());
        assert_eq!(verdict_on(&verdicts, "1", "s"), benign);
        assert_eq!(verdict_on(&verdicts, "9", "s"), benign, "the same activity on another day");
        let expected = Some("seen before: expected, by eva on 2024-03-01".to_owned());
        assert_eq!(verdict_on(&verdicts, "2", "s"), expected, "its own verdict before that of the story");
        assert_eq!(verdict_on(&verdicts, "9", ""), None, "without a story there are no other days");
        assert_eq!(verdicts.iter().count(), 3);
    }

    #[test]
    fn a_story_that_was_malicious_on_one_day_stays_malicious() {
        let verdicts = Verdicts::new(
            vec![judgement("1", "s", Verdict::Malicious, ""), judgement("2", "s", Verdict::Benign, "")],
            vec![],
        );
        assert_eq!(verdicts.of(&judgement("3", "s", Verdict::Benign, "").finding).unwrap().verdict, Verdict::Malicious);
        assert_eq!(verdicts.of(&judgement("2", "s", Verdict::Benign, "").finding).unwrap().verdict, Verdict::Benign);
    }
}
