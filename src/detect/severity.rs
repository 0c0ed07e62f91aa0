//! How bad and how likely a finding is, and what its severity depends on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How bad a finding is if it is what it seems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Informational,
    /// Look at it when there is time.
    Low,
    /// Look at it today.
    Medium,
    /// Look at it now.
    High,
    /// Wake somebody.
    Critical,
}

/// How likely a finding is what it seems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Often benign.
    Low,
    /// Sometimes benign.
    Medium,
    /// Rarely benign.
    High,
}

/// What the severity of a finding depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Unusual behaviour: its severity also depends on how often the organisation has it.
    #[default]
    Behaviour,
    /// A fact that is dangerous in itself: its severity does not depend on how often it occurs.
    Fact,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Behaviour => "behaviour",
            Kind::Fact => "fact",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        let known = [Kind::Behaviour, Kind::Fact].into_iter().find(|kind| kind.to_string() == text);
        known.ok_or_else(|| format!("unknown kind `{text}`: expected behaviour or fact"))
    }
}

impl Severity {
    /// All severities, lowest first.
    pub const ALL: [Severity; 5] =
        [Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// Their names in headers, reports and options, lowest first.
    pub const NAMES: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Severity::NAMES[*self as usize])
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Severity, String> {
        let known = Severity::ALL.into_iter().zip(Severity::NAMES).find(|(_, name)| *name == text);
        let unknown = || format!("unknown severity `{text}`: expected one of {}", Severity::NAMES.join(", "));
        known.map(|(severity, _)| severity).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_ordered() {
        assert!(Severity::Critical > Severity::High && Severity::Low > Severity::Informational);
        assert!(Severity::ALL.is_sorted());
    }

    #[test]
    fn a_kind_is_written_as_in_a_header() {
        for kind in [Kind::Behaviour, Kind::Fact] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.to_string());
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
    }

    #[test]
    fn a_severity_is_parsed_from_its_own_name() {
        for severity in Severity::ALL {
            assert_eq!(severity.to_string().parse(), Ok(severity));
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.to_string());
        }
        assert_eq!(
            "severe".parse::<Severity>().unwrap_err(),
            "unknown severity `severe`: expected one of informational, low, medium, high, critical"
        );
    }
}
