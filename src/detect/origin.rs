//! Who is behind a finding: the origin of the credentials that made its calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::wording::counted;

/// The name of an origin that cannot be determined.
const UNKNOWN: &str = "unknown";

/// Where the credentials of a finding's calls came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Origin {
    /// The first identity: a user, a person, a workload, a service; `unknown` if it cannot be determined.
    pub identity: String,
    /// The identity, then each role on the way to the credentials.
    pub path: Vec<String>,
    /// How each step of the path is known.
    pub links: Vec<String>,
    /// Why it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_because: Option<String>,
    /// Number of other origins among the calls.
    #[serde(default)]
    pub others: u64,
}

impl Origin {
    /// Takes the columns `origin`, `path`, `links` and `unknown_because` from a row; `None` if it has no origin.
    pub(super) fn take(row: &mut Map<String, Value>) -> Option<Origin> {
        let mut text = |name: &str| match row.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let lines = |text: Option<String>| text.unwrap_or_default().lines().map(str::to_owned).collect();
        let (identity, path, links) = (text("origin"), text("path"), text("links"));
        let unknown_because = text("unknown_because");
        Some(Origin { identity: identity?, path: lines(path), links: lines(links), unknown_because, others: 0 })
    }

    /// True if it could be determined.
    pub fn is_known(&self) -> bool {
        self.identity != UNKNOWN
    }

    /// The origin of most of a finding's events, a known one if there is one. `None` if none of them tells more than
    /// `identity`, which the finding names itself.
    pub(super) fn of_most<'a>(origins: impl Iterator<Item = &'a Origin>, identity: Option<&str>) -> Option<Origin> {
        let mut counts: BTreeMap<&Origin, usize> = BTreeMap::new();
        origins.for_each(|origin| *counts.entry(origin).or_default() += 1);
        let identities: BTreeSet<&str> = counts.keys().map(|origin| origin.identity.as_str()).collect();
        let (main, _) = counts.iter().max_by_key(|(origin, count)| (origin.is_known(), **count))?;
        let says_more = identities.len() > 1 || identity != Some(&main.identity);
        says_more.then(|| Origin { others: identities.len() as u64 - 1, ..(*main).clone() })
    }
}

impl fmt::Display for Origin {
    /// `origin: arn:aws:iam::111122223333:user/maria via 2 roles`, without neutralising text from logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "origin: {}", self.identity)?;
        match &self.unknown_because {
            Some(reason) if !self.is_known() => write!(f, " ({reason})")?,
            _ => {}
        }
        let roles = self.path.iter().skip(1).filter(|step| step.contains(":role/")).count() as u64;
        if self.is_known() && roles > 0 {
            write!(f, " via {}", counted(roles, "role"))?;
        }
        if self.others > 0 {
            write!(f, "; and {}", counted(self.others, "other"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARIA: &str = "arn:aws:iam::111122223333:user/maria";

    fn origin(identity: &str, roles: &[&str]) -> Origin {
        let path = [&[identity], roles].concat().into_iter().map(str::to_owned).collect();
        let unknown_because = (identity == UNKNOWN).then(|| "its call is not logged".to_owned());
        Origin { identity: identity.into(), path, links: vec!["access key".into()], unknown_because, others: 0 }
    }

    fn of(identity: &str, origins: &[Origin]) -> Option<String> {
        Origin::of_most(origins.iter(), Some(identity)).map(|origin| origin.to_string())
    }

    #[test]
    fn a_finding_has_the_origin_of_most_of_its_events() {
        let (maria, unknown) =
            (origin(MARIA, &["arn:aws:iam::111122223333:role/r", "arn:aws:iam::1:role/s"]), origin(UNKNOWN, &["r"]));
        let both = [unknown.clone(), maria.clone(), unknown.clone()];
        assert_eq!(of("role", &both).unwrap(), format!("origin: {MARIA} via 2 roles; and 1 other"));
        assert_eq!(of("role", &[maria]).unwrap(), format!("origin: {MARIA} via 2 roles"));
        assert_eq!(of("role", &[unknown]).unwrap(), "origin: unknown (its call is not logged)");
        assert_eq!(of("role", &[]), None);
        // A user's own session says nothing new.
        assert_eq!(of("maria", &[origin("maria", &[])]), None);
    }
}
