//! Suppressions: findings that were reviewed and are accepted until a given day.
//!
//! They are a TOML file with one `[[suppress]]` entry per exception, each with a reason and an expiry date. Findings that
//! match an entry are reported separately with the reason; none is dropped. An expired entry matches nothing and is
//! reported too.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Spanned;

use super::{Finding, Severity, Verdict, attack};
use crate::error::{Error, Result};

/// The entries of a file, in its order.
#[derive(Debug, Clone, Default)]
pub struct Suppressions {
    entries: Vec<(usize, Entry)>,
}

/// One `[[suppress]]` entry. At least one condition is required, and all conditions must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Detector's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    /// The finding's entity; `*` matches any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// Account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// One of the finding's ATT&CK techniques; `T1078` also matches its sub-techniques.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// The last day it is accepted, UTC.
    #[serde(deserialize_with = "read_day", serialize_with = "write_day")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub expires: NaiveDate,
    /// Who is responsible for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Findings, separated into suppressed and others.
#[derive(Debug, Default)]
pub struct Triage {
    /// Findings that are not suppressed, in their original order.
    pub findings: Vec<Finding>,
    /// Suppressed findings.
    pub suppressed: Vec<Suppressed>,
    /// All entries, with how they were used.
    pub entries: Vec<Use>,
}

/// A suppressed finding, with the reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Suppressed {
    /// Finding's id.
    pub id: String,
    /// The finding's id without its day.
    pub story: String,
    /// Detector's id.
    pub detector: String,
    /// The finding's severity.
    pub severity: Severity,
    /// `actor`, `ip`, `access_key`, ...
    pub entity_type: String,
    /// The identity, address, key or account it is about.
    pub entity: String,
    /// Account.
    pub account_id: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// First event, UTC, RFC 3339.
    pub first_time: String,
    /// One sentence.
    pub summary: String,
    /// The sentence with short names.
    pub headline: String,
    /// Why it is accepted: the reason of the first matching entry.
    pub reason: String,
    /// That entry's last day.
    #[serde(serialize_with = "write_day")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub expires: NaiveDate,
    /// Who is responsible for that entry.
    pub owner: Option<String>,
}

/// How an entry was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It matched findings.
    Applied,
    /// It matched none.
    Unmatched,
    /// It has expired and was not applied.
    Expired,
}

/// An entry, and how it was used.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Use {
    /// Line of the file on which it begins.
    pub line: usize,
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
    /// How it was used.
    pub state: State,
    /// Number of matching findings, including those that an earlier entry matched.
    pub findings: u64,
    /// Ids of matching findings that are judged malicious: it does not apply to them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_applied_to: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    suppress: Vec<Spanned<Entry>>,
}

/// Entries as the text of a file.
///
/// # Errors
/// When a text cannot be written as TOML.
pub fn as_toml(entries: &[Entry]) -> std::result::Result<String, toml::ser::Error> {
    if entries.is_empty() { Ok(String::new()) } else { toml::to_string(&BTreeMap::from([("suppress", entries)])) }
}

impl Suppressions {
    /// Ids of the detectors that entries name.
    pub fn detectors(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|(_, entry)| entry.detector.as_deref())
    }

    /// Reads a file of suppressions.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, [`Error::Usage`] with file and line when it is invalid.
    pub fn read(path: &Path) -> Result<Suppressions> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })?;
        Suppressions::parse(&text)
            .map_err(|(line, reason)| Error::Usage(format!("{}: line {line}: {reason}", path.display())))
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    /// The line, and what is wrong.
    pub fn parse(text: &str) -> std::result::Result<Suppressions, (usize, String)> {
        let line = |at: usize| 1 + text[..at.min(text.len())].matches('\n').count();
        let file: File = toml::from_str(text)
            .map_err(|e| (e.span().map_or(1, |span| line(span.start)), e.message().replace('\n', "; ")))?;
        let entries = file.suppress.into_iter().map(|entry| {
            let line = line(entry.span().start);
            let entry = entry.into_inner();
            entry.check().map_err(|reason| (line, reason))?;
            Ok((line, entry))
        });
        Ok(Suppressions { entries: entries.collect::<std::result::Result<_, _>>()? })
    }

    /// The first entry that matches a finding on the day `today`, and its line.
    pub fn matching(&self, finding: &Finding, today: NaiveDate) -> Option<(usize, &Entry)> {
        let is_match = |entry: &Entry| entry.expires >= today && entry.matches(finding);
        self.entries.iter().find(|(_, entry)| is_match(entry)).map(|(line, entry)| (*line, entry))
    }

    /// Separates the findings that are suppressed on the day `today` from the others. A finding that is judged malicious is
    /// never suppressed.
    pub fn triage(&self, findings: Vec<Finding>, today: NaiveDate) -> Triage {
        let mut entries: Vec<Use> = self.entries.iter().map(|(line, entry)| entry.at(*line, today)).collect();
        let mut triage = Triage::default();
        for mut finding in findings {
            let is_malicious = finding.verdict.as_ref().is_some_and(|seen| seen.verdict == Verdict::Malicious);
            let matching =
                entries.iter_mut().filter(|known| known.state != State::Expired && known.entry.matches(&finding));
            let (mut first, mut ignored) = (None, None);
            for known in matching {
                if is_malicious {
                    known.not_applied_to.push(finding.id.clone());
                    ignored.get_or_insert(known.line);
                    continue;
                }
                (known.state, known.findings) = (State::Applied, known.findings + 1);
                first.get_or_insert(&known.entry);
            }
            if let Some(seen) = &mut finding.verdict {
                seen.ignored_suppression = ignored;
            }
            match first {
                Some(entry) => triage.suppressed.push(Suppressed::new(finding, entry)),
                None => triage.findings.push(finding),
            }
        }
        triage.entries = entries;
        triage
    }
}

impl Entry {
    /// Checks what TOML cannot: that there is a condition, a reason, and a known technique.
    fn check(&self) -> std::result::Result<(), String> {
        let conditions = [&self.detector, &self.entity, &self.account_id, &self.region, &self.technique];
        if conditions.iter().all(|condition| condition.is_none()) {
            let next = "add a detector, entity, account_id, region or technique";
            return Err(format!("this entry would suppress every finding; {next}"));
        }
        if self.reason.trim().is_empty() {
            return Err("the reason is empty; write why this is accepted".into());
        }
        match &self.technique {
            Some(id) if attack::technique(id).is_none() => {
                Err(format!("technique = {id:?} is not a technique of {}", attack::EDITION))
            }
            _ => Ok(()),
        }
    }

    fn at(&self, line: usize, today: NaiveDate) -> Use {
        let state = if self.expires < today { State::Expired } else { State::Unmatched };
        Use { line, entry: self.clone(), state, findings: 0, not_applied_to: Vec::new() }
    }

    /// True when all its conditions match.
    pub fn matches(&self, finding: &Finding) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| value.is_some_and(|value| value == wanted))
        };
        let of_technique = |wanted: &str| {
            finding.attack.iter().any(|id| id == wanted || id.split_once('.').is_some_and(|(id, _)| id == wanted))
        };
        is(&self.detector, Some(&finding.detector))
            && is(&self.account_id, finding.account_id.as_deref())
            && is(&self.region, finding.region.as_deref())
            && self.entity.as_deref().is_none_or(|pattern| matches_pattern(pattern, &finding.entity))
            && self.technique.as_deref().is_none_or(of_technique)
    }
}

impl Suppressed {
    fn new(finding: Finding, entry: &Entry) -> Suppressed {
        Suppressed {
            id: finding.id,
            story: finding.story,
            detector: finding.detector,
            severity: finding.severity,
            entity_type: finding.entity_type,
            entity: finding.entity,
            account_id: finding.account_id,
            region: finding.region,
            first_time: finding.first_time,
            headline: finding.headline,
            summary: finding.summary,
            reason: entry.reason.clone(),
            expires: entry.expires,
            owner: entry.owner.clone(),
        }
    }
}

/// True when `text` matches `pattern`, in which `*` matches any text.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(begin) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        // The first match leaves the most text for the remaining parts.
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(end)
}

/// A TOML date, or a text with a date.
fn read_day<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<NaiveDate, D::Error> {
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        value => value.to_string(),
    };
    text.parse().map_err(|_| serde::de::Error::custom(format!("invalid date expires = {text}: expected 2024-02-29")))
}

fn write_day<S: Serializer>(day: &NaiveDate, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

#[cfg(test)]
mod tests {
    use super::super::finding::tests::finding;
    use super::*;

    const FILE: &str = r#"
[[suppress]]
detector = "root_use"
entity   = "arn:*:root"
reason   = "yearly tasks"
expires  = 2024-03-31
owner    = "maria"

[[suppress]]
technique = "T1078"
account_id = "111122223333"
reason    = "a partner's account"
expires   = "2024-03-30"
"#;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn root() -> Finding {
        let mut root = finding("root_use", "arn:aws:iam::111122223333:root", Severity::High);
        root.account_id = Some("111122223333".into());
        root.attack = vec!["T1078.004".into()];
        root
    }

    #[test]
    fn matching_findings_are_suppressed_with_the_reason_and_others_stay() {
        let findings = vec![root(), finding("root_use", "ana", Severity::High)];
        let triage = Suppressions::parse(FILE).unwrap().triage(findings, day("2024-03-30"));
        assert_eq!(triage.findings.iter().map(|f| f.entity.as_str()).collect::<Vec<_>>(), ["ana"]);
        let [suppressed] = &triage.suppressed[..] else { panic!("{:?}", triage.suppressed) };
        assert_eq!((&*suppressed.reason, suppressed.owner.as_deref()), ("yearly tasks", Some("maria")));
        let uses: Vec<_> = triage.entries.iter().map(|known| (known.line, known.state, known.findings)).collect();
        assert_eq!(uses, [(2, State::Applied, 1), (9, State::Applied, 1)], "a technique matches its sub-techniques");
    }

    #[test]
    fn a_finding_that_is_judged_malicious_is_not_suppressed() {
        let judged = |verdict: &str| {
            let mut finding = root();
            let seen =
                serde_json::json!({"verdict": verdict, "by": "eva", "at": "2024-03-01", "note": null, "finding": "1"});
            finding.verdict = Some(serde_json::from_value(seen).unwrap());
            let triage = Suppressions::parse(FILE).unwrap().triage(vec![finding], day("2024-03-30"));
            let ignored = triage.findings.first().and_then(|finding| finding.verdict.as_ref()?.ignored_suppression);
            let uses: Vec<_> = triage.entries.iter().map(|of| (of.state, of.not_applied_to.len())).collect();
            (triage.suppressed.len(), ignored, uses)
        };
        assert_eq!(judged("malicious"), (0, Some(2), vec![(State::Unmatched, 1), (State::Unmatched, 1)]));
        assert_eq!(judged("benign"), (1, None, vec![(State::Applied, 0), (State::Applied, 0)]));
    }

    #[test]
    fn an_entry_applies_until_the_end_of_its_last_day() {
        let states = |today: &str| {
            let triage = Suppressions::parse(FILE).unwrap().triage(vec![root()], day(today));
            (triage.findings.len(), triage.entries.iter().map(|known| known.state).collect::<Vec<_>>())
        };
        assert_eq!(states("2024-03-31"), (0, vec![State::Applied, State::Expired]));
        assert_eq!(states("2024-04-01"), (1, vec![State::Expired, State::Expired]));
    }

    #[test]
    fn an_entry_that_matches_nothing_is_reported() {
        let triage = Suppressions::parse(FILE).unwrap().triage(vec![], day("2024-01-01"));
        assert!(triage.entries.iter().all(|known| known.state == State::Unmatched));
    }

    #[test]
    fn entries_are_written_as_a_file_that_can_be_read() {
        let entries: Vec<Entry> = Suppressions::parse(FILE).unwrap().entries.into_iter().map(|(_, of)| of).collect();
        let text = as_toml(&entries).unwrap();
        let read = Suppressions::parse(&text).unwrap();
        assert_eq!(read.entries.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(), entries, "{text}");
        assert_eq!(as_toml(&[]).unwrap(), "");
    }

    #[test]
    fn all_conditions_must_match() {
        let matches = |change: &dyn Fn(&mut Entry)| {
            let mut entry = Suppressions::parse(FILE).unwrap().entries.remove(0).1;
            change(&mut entry);
            entry.matches(&root())
        };
        assert!(matches(&|_| {}));
        assert!(!matches(&|entry| entry.detector = Some("call_rate".into())));
        assert!(!matches(&|entry| entry.account_id = Some("444455556666".into())));
        assert!(!matches(&|entry| entry.region = Some("us-east-1".into())), "the finding has no region");
        assert!(!matches(&|entry| entry.technique = Some("T1098".into())));
    }

    #[test]
    fn a_star_matches_any_text() {
        for (pattern, text, expected) in [
            ("maria", "maria", true),
            ("maria", "maria2", false),
            ("*", "", true),
            ("ma*a", "maria", true),
            ("ma*a", "ma", false),
            ("*:role/*-ci", "arn:aws:iam::1:role/web-ci", true),
            ("*:role/*-ci", "arn:aws:iam::1:user/web-ci", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*bc*bc", "abc", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn problems_are_reported_with_their_line() {
        let refused = |from: &str, to: &str| Suppressions::parse(&FILE.replacen(from, to, 1)).unwrap_err();
        let (line, reason) = refused("owner ", "author ");
        assert!(line == 7 && reason.starts_with("unknown field `author`"), "{line}: {reason}");
        let (line, reason) = refused("reason   =", "#");
        assert!(line == 2 && reason == "missing field `reason`", "{line}: {reason}");
        let (line, reason) = refused("2024-03-31", "\"soon\"");
        assert_eq!((line, &*reason), (6, "invalid date expires = soon: expected 2024-02-29"));
        let (line, reason) = refused("\"2024-03-30\"", "2024-03-30T12:00:00Z");
        assert!(line == 13 && reason.contains("invalid date expires = "), "{line}: {reason}");
        let (line, reason) = refused("detector = \"root_use\"\nentity   = \"arn:*:root\"\n", "");
        assert!(line == 2 && reason.starts_with("this entry would suppress every finding"), "{line}: {reason}");
        assert!(refused("T1078", "T9999").1.contains("is not a technique of ATT&CK"));
        assert!(refused("yearly tasks", " ").1.starts_with("the reason is empty"));
    }
}
