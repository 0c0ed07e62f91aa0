//! What is known about an incident, and its line of `truth.jsonl`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::sample::archive::objects::MarkedEvent;
use crate::sample::calendar::timestamp;
use crate::sample::networks::Address;
use crate::sample::organisation::Organisation;
use crate::sample::traffic::plan::LogStream;

/// One incident and the facts about it.
pub(crate) struct Incident {
    /// The texts of its kind.
    pub(crate) kind: KindText,
    /// Attack or look-alike.
    pub(crate) label: Label,
    accounts: BTreeSet<String>,
    identities: BTreeSet<String>,
    addresses: BTreeSet<Address>,
    keys: BTreeSet<String>,
    regions: BTreeSet<&'static str>,
    /// Time and id of each event, and whether it is listed in `key_event_ids`.
    pub(crate) events: BTreeMap<(i64, String), bool>,
}

/// Whether an incident is an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Label {
    /// A detector should report it.
    Attack,
    /// It looks like an attack but is benign; a detector should not report it.
    Lookalike,
}

/// The texts of a kind of incident.
#[derive(Clone, Copy)]
pub(crate) struct KindText {
    /// Unique name, in snake_case.
    pub(crate) name: &'static str,
    /// What happens, in one line.
    pub(crate) technique: &'static str,
    /// ATT&CK techniques; none for look-alikes.
    pub(crate) mitre: &'static [&'static str],
    /// How it appears in the logs.
    pub(crate) description: &'static str,
}

impl Incident {
    /// An incident without events.
    pub(crate) fn new(kind: KindText, label: Label) -> Self {
        Self {
            kind,
            label,
            accounts: BTreeSet::new(),
            identities: BTreeSet::new(),
            addresses: BTreeSet::new(),
            keys: BTreeSet::new(),
            regions: BTreeSet::new(),
            events: BTreeMap::new(),
        }
    }

    /// Whether the incident has at least one event, planted or in normal traffic.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Adds an event of normal traffic that belongs to the incident.
    pub(crate) fn add_event(&mut self, organisation: &Organisation, marked: MarkedEvent) {
        let MarkedEvent { id, at, stream, arn, key, address, .. } = marked;
        self.add_source(organisation, stream, &arn, &key, address);
        self.events.insert((at, id.to_string()), false);
    }

    /// Adds the account, region, identity, access key and address of an event.
    pub(crate) fn add_source(
        &mut self,
        organisation: &Organisation,
        stream: LogStream,
        arn: &str,
        key: &str,
        address: Option<Address>,
    ) {
        let (account, region) = stream.account_and_region();
        self.accounts.insert(organisation.accounts[account].id.clone());
        self.regions.insert(organisation.regions[region]);
        if !arn.is_empty() {
            self.identities.insert(arn.to_owned());
        }
        if !key.is_empty() {
            self.keys.insert(key.to_owned());
        }
        self.addresses.extend(address);
    }

    /// Its line of `truth.jsonl`; `number` counts the sample's incidents from one.
    pub(crate) fn truth(&self, number: usize) -> serde_json::Result<String> {
        let ids = |only_key: bool| {
            self.events.iter().filter(|(_, is_key)| **is_key || !only_key).map(|((_, id), _)| id.as_str()).collect()
        };
        serde_json::to_string(&Truth {
            incident: format!("{}-{number:03}", self.kind.name),
            kind: self.kind.name,
            label: self.label,
            technique: self.kind.technique,
            mitre: self.kind.mitre,
            description: self.kind.description,
            accounts: &self.accounts,
            identities: &self.identities,
            source_ips: self
                .addresses
                .iter()
                .map(|address| SourceIp {
                    ip: &address.ip,
                    country: address.country,
                    asn: address.asn.to_string(),
                    org: address.owner,
                })
                .collect(),
            access_keys: &self.keys,
            regions: &self.regions,
            start: self.events.keys().next().map(|(at, _)| timestamp(*at)),
            end: self.events.keys().next_back().map(|(at, _)| timestamp(*at)),
            events: self.events.len(),
            event_ids: ids(false),
            key_event_ids: ids(true),
        })
    }
}

/// A line of `truth.jsonl`.
#[derive(Serialize)]
struct Truth<'a> {
    incident: String,
    kind: &'a str,
    label: Label,
    technique: &'a str,
    mitre: &'a [&'a str],
    description: &'a str,
    accounts: &'a BTreeSet<String>,
    identities: &'a BTreeSet<String>,
    source_ips: Vec<SourceIp<'a>>,
    access_keys: &'a BTreeSet<String>,
    regions: &'a BTreeSet<&'static str>,
    start: Option<String>,
    end: Option<String>,
    events: usize,
    event_ids: Vec<&'a str>,
    key_event_ids: Vec<&'a str>,
}

#[derive(Serialize)]
struct SourceIp<'a> {
    ip: &'a str,
    country: &'a str,
    asn: String,
    org: &'a str,
}
