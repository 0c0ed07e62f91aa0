//! Who is behind a finding: the origin of the credentials that made its calls.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Finding;
use crate::wording::{counted, short_name};

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

    /// The origin of most of a finding's events, a known one if there is one. `None` if none of them tells more than the
    /// finding itself.
    pub(super) fn of(finding: &Finding, by_event: &BTreeMap<String, Origin>) -> Option<Origin> {
        let mut counts: BTreeMap<&Origin, usize> = BTreeMap::new();
        for origin in finding.evidence.events.iter().filter_map(|event| by_event.get(&event.event_id)) {
            *counts.entry(origin).or_default() += 1;
        }
        let identities: std::collections::BTreeSet<&str> =
            counts.keys().map(|origin| origin.identity.as_str()).collect();
        let (main, _) = counts.iter().max_by_key(|(origin, count)| (origin.is_known(), **count))?;
        let says_more = identities.len() > 1 || finding.identity() != Some(&main.identity);
        let others = identities.len() as u64 - 1;
        says_more.then(|| Origin { others, ..(*main).clone() })
    }
}

impl fmt::Display for Origin {
    /// `origin: user/maria via 2 roles`, without neutralising text from logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "origin: {}", short_name(&self.identity))?;
        match &self.unknown_because {
            Some(reason) if !self.is_known() => write!(f, " ({reason})")?,
            _ => {}
        }
        let roles = self.path.len().saturating_sub(1) as u64;
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
    use super::super::finding::tests::finding;
    use super::super::{Event, Severity};
    use super::*;

    fn origin(identity: &str, roles: &[&str]) -> Origin {
        let path = [&[identity], roles].concat().into_iter().map(str::to_owned).collect();
        let unknown_because = (identity == UNKNOWN).then(|| "its call is not logged".to_owned());
        Origin { identity: identity.into(), path, links: vec!["access key".into()], unknown_because, others: 0 }
    }

    fn of(entity: &str, origins: &[Origin]) -> Option<String> {
        let mut found = finding("a", entity, Severity::Low);
        let ids = (0..origins.len()).map(|n| n.to_string());
        found.evidence.events = ids.clone().map(|event_id| Event { event_id, ..Event::default() }).collect();
        Origin::of(&found, &ids.zip(origins.iter().cloned()).collect()).map(|origin| origin.to_string())
    }

    #[test]
    fn a_finding_has_the_origin_of_most_of_its_events() {
        let (maria, unknown) = (origin("arn:aws:iam::111122223333:user/maria", &["r", "s"]), origin(UNKNOWN, &["r"]));
        let both = [unknown.clone(), maria.clone(), unknown.clone()];
        assert_eq!(of("role", &both).unwrap(), "origin: user/maria via 2 roles; and 1 other");
        assert_eq!(of("role", &[maria]).unwrap(), "origin: user/maria via 2 roles");
        assert_eq!(of("role", &[unknown]).unwrap(), "origin: unknown (its call is not logged)");
        assert_eq!(of("role", &[]), None);
        // A user's own session says nothing new.
        assert_eq!(of("maria", &[origin("maria", &[])]), None);
    }
}
