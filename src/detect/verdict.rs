//! A verdict: what a finding turned out to be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a finding turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// An attack, a test of one, or forbidden by policy.
    Malicious,
    /// A false alarm.
    Benign,
    /// It happened as reported and was allowed. Counts as benign.
    Expected,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Verdict; 3] = [Verdict::Malicious, Verdict::Benign, Verdict::Expected];

    /// Their names, as `trailhunt verdict` takes them.
    pub const NAMES: [&str; 3] = ["malicious", "benign", "expected"];
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Verdict::NAMES[*self as usize])
    }
}

impl FromStr for Verdict {
    type Err = String;

    fn from_str(text: &str) -> Result<Verdict, String> {
        let known = Verdict::ALL.into_iter().zip(Verdict::NAMES).find(|(_, name)| *name == text);
        let unknown = || format!("unknown verdict `{text}`: expected one of {}", Verdict::NAMES.join(", "));
        known.map(|(verdict, _)| verdict).ok_or_else(unknown)
    }
}

/// The verdict on a finding, or on the same activity on another day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SeenBefore {
    /// What it turned out to be.
    pub verdict: Verdict,
    /// Who decided.
    pub by: String,
    /// When, UTC, RFC 3339.
    pub at: String,
    /// Why.
    pub note: Option<String>,
    /// Id of the finding that was judged.
    pub finding: String,
    /// Line of a suppression that matches the finding and does not apply, because the verdict is malicious.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_suppression: Option<usize>,
}

impl fmt::Display for SeenBefore {
    /// `seen before: benign, by ana on 2024-03-01 (a backup job)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SeenBefore { verdict, by, at, note, ignored_suppression, .. } = self;
        write!(f, "seen before: {verdict}, by {by} on {}", at.get(..10).unwrap_or(at))?;
        note.iter().try_for_each(|note| write!(f, " ({note})"))?;
        let ignored = |line| write!(f, "; the suppression on line {line} does not apply to it");
        ignored_suppression.map_or(Ok(()), ignored)
    }
}
