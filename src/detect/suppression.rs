//! Suppressions: findings that somebody looked at and accepts, until a day.
//!
//! A TOML file in, one `[[suppress]]` an exception, with a reason and an end. What an entry fits is set apart from the
//! findings and told with its reason; nothing is dropped. An entry past its end fits nothing and is told too.

use std::path::Path;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Spanned;

use super::{Finding, Severity, attack};
use crate::error::{Error, Result};

/// The entries of a file, in its order.
#[derive(Debug, Clone, Default)]
pub struct Suppressions {
    entries: Vec<(usize, Entry)>,
}

/// One `[[suppress]]`. What is given has to fit, all of it; something has to be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Detector's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    /// The finding's entity; `*` stands for any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// Account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// One of the finding's ATT&CK techniques; `T1078` stands for its sub-techniques too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// The last day it is accepted, UTC.
    #[serde(deserialize_with = "read_day", serialize_with = "write_day")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub expires: NaiveDate,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Findings with the suppressed ones set apart.
#[derive(Debug, Default)]
pub struct Sifted {
    /// What still counts, in the order it came.
    pub findings: Vec<Finding>,
    /// What does not.
    pub suppressed: Vec<Suppressed>,
    /// Every entry, and what it did.
    pub entries: Vec<Use>,
}

/// A finding that does not count, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Suppressed {
    /// Finding's id.
    pub id: String,
    /// Finding's story.
    pub story: String,
    /// Detector's id.
    pub detector: String,
    /// How bad it would be.
    pub severity: Severity,
    /// `actor`, `ip`, `access_key`, ...
    pub entity_type: String,
    /// Who or what it is about.
    pub entity: String,
    /// Account.
    pub account_id: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// First event, UTC, RFC 3339.
    pub first_time: String,
    /// One sentence for a person.
    pub summary: String,
    /// Why it is accepted: of the first entry that fits.
    pub reason: String,
    /// That entry's last day.
    #[serde(serialize_with = "write_day")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub expires: NaiveDate,
    /// Who answers for that entry.
    pub owner: Option<String>,
}

/// What an entry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It fitted findings.
    Applied,
    /// It fitted none.
    Unmatched,
    /// It is past its end and was not asked.
    Expired,
}

/// An entry, and what it did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Use {
    /// Line of the file it begins on.
    pub line: usize,
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
    /// What it did.
    pub state: State,
    /// Findings it fits, also those that an earlier entry had.
    pub findings: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    suppress: Vec<Spanned<Entry>>,
}

impl Suppressions {
    /// Reads a file of them.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, [`Error::Usage`] with file and line when it says something else.
    pub fn read(path: &Path) -> Result<Suppressions> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })?;
        Suppressions::parse(&text)
            .map_err(|(line, reason)| Error::Usage(format!("{}: line {line}: {reason}", path.display())))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// The line, and what is wrong there.
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

    /// Sets apart what is suppressed on the day `today`.
    pub fn sift(&self, findings: Vec<Finding>, today: NaiveDate) -> Sifted {
        let mut entries: Vec<Use> = self.entries.iter().map(|(line, entry)| entry.at(*line, today)).collect();
        let mut sifted = Sifted::default();
        for finding in findings {
            let fitting =
                entries.iter_mut().filter(|known| known.state != State::Expired && known.entry.fits(&finding));
            let mut first = None;
            for known in fitting {
                (known.state, known.findings) = (State::Applied, known.findings + 1);
                first.get_or_insert(&known.entry);
            }
            match first {
                Some(entry) => sifted.suppressed.push(Suppressed::new(finding, entry)),
                None => sifted.findings.push(finding),
            }
        }
        sifted.entries = entries;
        sifted
    }
}

impl Entry {
    /// What is wrong with it beyond its form, if anything is.
    fn check(&self) -> std::result::Result<(), String> {
        let given = [&self.detector, &self.entity, &self.account_id, &self.region, &self.technique];
        if given.iter().all(|given| given.is_none()) {
            return Err("it would suppress everything; name a detector, entity, account_id, region or technique".into());
        }
        if self.reason.trim().is_empty() {
            return Err("the reason is empty; say why this is accepted".into());
        }
        match &self.technique {
            Some(id) if attack::technique(id).is_none() => {
                Err(format!("technique = {id:?} is no technique of {}", attack::EDITION))
            }
            _ => Ok(()),
        }
    }

    fn at(&self, line: usize, today: NaiveDate) -> Use {
        let state = if self.expires < today { State::Expired } else { State::Unmatched };
        Use { line, entry: self.clone(), state, findings: 0 }
    }

    fn fits(&self, finding: &Finding) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| value.is_some_and(|value| value == wanted))
        };
        let of_technique = |wanted: &str| {
            finding.attack.iter().any(|id| id == wanted || id.split_once('.').is_some_and(|(id, _)| id == wanted))
        };
        is(&self.detector, Some(&finding.detector))
            && is(&self.account_id, finding.account_id.as_deref())
            && is(&self.region, finding.region.as_deref())
            && self.entity.as_deref().is_none_or(|pattern| matches(pattern, &finding.entity))
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
            summary: finding.summary,
            reason: entry.reason.clone(),
            expires: entry.expires,
            owner: entry.owner.clone(),
        }
    }
}

/// True when `text` is `pattern`, whose every `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(begin) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        // The first place there is leaves most for the others.
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(end)
}

/// A day as TOML writes it, or the same as a text.
fn read_day<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<NaiveDate, D::Error> {
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        value => value.to_string(),
    };
    text.parse()
        .map_err(|_| serde::de::Error::custom(format!("expires = {text} is no day; write one such as 2024-02-29")))
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
    fn what_an_entry_fits_is_set_apart_with_its_reason_and_the_rest_stays() {
        let findings = vec![root(), finding("root_use", "ana", Severity::High)];
        let sifted = Suppressions::parse(FILE).unwrap().sift(findings, day("2024-03-30"));
        assert_eq!(sifted.findings.iter().map(|f| f.entity.as_str()).collect::<Vec<_>>(), ["ana"]);
        let [suppressed] = &sifted.suppressed[..] else { panic!("{:?}", sifted.suppressed) };
        assert_eq!((&*suppressed.reason, suppressed.owner.as_deref()), ("yearly tasks", Some("maria")));
        let uses: Vec<_> = sifted.entries.iter().map(|known| (known.line, known.state, known.findings)).collect();
        assert_eq!(uses, [(2, State::Applied, 1), (9, State::Applied, 1)], "a technique stands for its sub-techniques");
    }

    #[test]
    fn an_entry_holds_through_its_last_day_and_no_longer() {
        let states = |today: &str| {
            let sifted = Suppressions::parse(FILE).unwrap().sift(vec![root()], day(today));
            (sifted.findings.len(), sifted.entries.iter().map(|known| known.state).collect::<Vec<_>>())
        };
        assert_eq!(states("2024-03-31"), (0, vec![State::Applied, State::Expired]));
        assert_eq!(states("2024-04-01"), (1, vec![State::Expired, State::Expired]));
    }

    #[test]
    fn an_entry_that_fits_nothing_is_said() {
        let sifted = Suppressions::parse(FILE).unwrap().sift(vec![], day("2024-01-01"));
        assert!(sifted.entries.iter().all(|known| known.state == State::Unmatched));
    }

    #[test]
    fn all_that_is_given_has_to_fit() {
        let fits = |change: &dyn Fn(&mut Entry)| {
            let mut entry = Suppressions::parse(FILE).unwrap().entries.remove(0).1;
            change(&mut entry);
            entry.fits(&root())
        };
        assert!(fits(&|_| {}));
        assert!(!fits(&|entry| entry.detector = Some("call_rate".into())));
        assert!(!fits(&|entry| entry.account_id = Some("444455556666".into())));
        assert!(!fits(&|entry| entry.region = Some("us-east-1".into())), "a finding of no region is in none");
        assert!(!fits(&|entry| entry.technique = Some("T1098".into())));
    }

    #[test]
    fn a_star_stands_for_any_text() {
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
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let refused = |from: &str, to: &str| Suppressions::parse(&FILE.replacen(from, to, 1)).unwrap_err();
        let (line, reason) = refused("owner ", "author ");
        assert!(line == 7 && reason.starts_with("unknown field `author`"), "{line}: {reason}");
        let (line, reason) = refused("reason   =", "#");
        assert!(line == 2 && reason == "missing field `reason`", "{line}: {reason}");
        let (line, reason) = refused("2024-03-31", "\"soon\"");
        assert_eq!((line, &*reason), (6, "expires = soon is no day; write one such as 2024-02-29"));
        let (line, reason) = refused("\"2024-03-30\"", "2024-03-30T12:00:00Z");
        assert!(line == 13 && reason.contains("is no day"), "{line}: {reason}");
        let (line, reason) = refused("detector = \"root_use\"\nentity   = \"arn:*:root\"\n", "");
        assert!(line == 2 && reason.starts_with("it would suppress everything"), "{line}: {reason}");
        assert!(refused("T1078", "T9999").1.contains("is no technique of ATT&CK"));
        assert!(refused("yearly tasks", " ").1.starts_with("the reason is empty"));
    }
}
