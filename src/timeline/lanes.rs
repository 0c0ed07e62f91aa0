//! Lanes: one per credential. An identity with many credentials, such as the role of a function, has one lane for all.

use std::collections::{BTreeMap, BTreeSet};

use super::Lane;
use super::calls::Calls;

/// Credentials of an identity that get a lane each.
const OWN_LANES_MAX: usize = 12;

/// The lanes of a timeline, and which calls belong to which.
#[derive(Debug)]
pub struct Lanes {
    lanes: Vec<Lane>,
    by_credential: BTreeMap<(String, Option<String>), usize>,
    /// Identities with one lane for all credentials.
    shared: BTreeSet<String>,
}

impl Lanes {
    /// The lanes of calls in order of time. Each call comes with how it belongs to the subject, and its origin.
    pub fn of(calls: &[(&Calls, &'static str, Option<String>)]) -> Lanes {
        let mut credentials: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
        for (calls, ..) in calls {
            credentials.entry(&calls.actor).or_default().insert(credential(calls));
        }
        let many = credentials.iter().filter(|(_, credentials)| credentials.len() > OWN_LANES_MAX);
        let shared: BTreeSet<String> = many.map(|(actor, _)| (*actor).to_owned()).collect();
        let mut lanes = Lanes { lanes: Vec::new(), by_credential: BTreeMap::new(), shared };
        for (calls, why, origin) in calls {
            let key = lanes.key(calls);
            if lanes.by_credential.contains_key(&key) {
                continue;
            }
            let is_shared = lanes.shared.contains(&calls.actor);
            let session = calls.session_arn.clone().filter(|arn| !is_shared && arn.contains(":assumed-role/"));
            let credential = calls.access_key_id.clone().filter(|_| !is_shared);
            lanes.by_credential.insert(key, lanes.lanes.len());
            lanes.lanes.push(Lane { actor: calls.actor.clone(), session, credential, origin: origin.clone(), why });
        }
        lanes
    }

    /// The lane of these calls; they are among those the lanes were made of.
    pub fn index(&self, calls: &Calls) -> usize {
        self.by_credential.get(&self.key(calls)).copied().unwrap_or_default()
    }

    /// The lane of an identity or an access key.
    pub fn of_entity(&self, entity: &str) -> Option<usize> {
        let is_it = |lane: &Lane| {
            lane.actor == entity || [&lane.credential, &lane.session].iter().any(|name| name.as_deref() == Some(entity))
        };
        self.lanes.iter().position(is_it)
    }

    /// How a lane belongs to the subject.
    pub fn why(&self, lane: usize) -> Option<&'static str> {
        self.lanes.get(lane).map(|lane| lane.why)
    }

    /// All lanes.
    pub fn into_vec(self) -> Vec<Lane> {
        self.lanes
    }

    fn key(&self, calls: &Calls) -> (String, Option<String>) {
        let credential = credential(calls).filter(|_| !self.shared.contains(&calls.actor));
        (calls.actor.clone(), credential.map(str::to_owned))
    }
}

/// A sign-in has no access key, and the session of a role may have none in a copy of a log.
fn credential(calls: &Calls) -> Option<&str> {
    calls.access_key_id.as_deref().or(calls.credential.as_deref())
}
