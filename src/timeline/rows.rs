//! Rows of a timeline: calls that are alike and follow each other within ten minutes are one row.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::calls::{Calls, Created, Credential, Found};
use super::lanes::Lanes;
use super::{Api, Kind, Row, Subject, Timeline};
use crate::detect::{Finding, NextStep, Severity};
use crate::wording::{counted, times};

/// Longest pause within a row.
const PAUSE_MAX: TimeDelta = TimeDelta::minutes(10);
/// Objects, APIs and events that a row names.
const OBJECTS_MAX: usize = 3;
const APIS_MAX: usize = 5;
const EVENTS_MAX: usize = 10;
/// Commands to contain what happened: what somebody goes through at night.
const STEPS_MAX: usize = 15;
/// How what a subject created belongs to it.
const CREATED: &str = "created by it";
/// Days that an identity must be known before something else of it can be called new.
const KNOWN_DAYS: f64 = 1.0;

/// How calls belong to a subject: `itself`, `origin` or `created by it`; `None` if they do not.
pub fn belonging(
    calls: &Calls,
    subject: &Subject,
    origins: &BTreeMap<Credential, String>,
    created: &[Created],
) -> Option<(&'static str, Option<String>)> {
    if !subject.covers(calls.first_time) {
        return None;
    }
    let is_entity = |name: &Option<String>| name.as_ref().is_some_and(|name| subject.entities.contains(name));
    if subject.entities.contains(&calls.actor)
        || [&calls.session_arn, &calls.access_key_id, &calls.address].into_iter().any(is_entity)
    {
        return Some(("itself", None));
    }
    let credential = (calls.credential.clone(), calls.session_arn.clone(), calls.issued_time.clone());
    match origins.get(&credential) {
        Some(origin) if subject.entities.contains(origin) => Some(("origin", Some(origin.clone()))),
        _ if created.iter().any(|user| user.made(calls)) => Some((CREATED, None)),
        _ => None,
    }
}

/// The users that got their existence, an access key or a password from one of these calls.
pub fn created_by(calls: &[&Calls]) -> BTreeSet<Created> {
    let gives = |calls: &&&Calls| {
        let is_iam = calls.service.as_deref() == Some("iam.amazonaws.com");
        let apis = ["CreateUser", "CreateAccessKey", "CreateLoginProfile"];
        is_iam && !calls.failed && calls.api.as_deref().is_some_and(|api| apis.contains(&api))
    };
    let users = |calls: &&Calls| {
        let (account_id, since) = (calls.account_id.clone().unwrap_or_default(), calls.first_time);
        let names = calls.objects.clone().unwrap_or_default();
        names.into_iter().map(move |user_name| Created { account_id: account_id.clone(), user_name, since })
    };
    calls.iter().filter(gives).flat_map(users).collect()
}

/// The timeline of a subject.
pub fn timeline(subject: &Subject, found: &Found, findings: &[Finding], rows_max: usize) -> Timeline {
    let own: Vec<&Calls> =
        found.calls.iter().filter(|calls| belonging(calls, subject, &found.origins, &[]).is_some()).collect();
    let created: Vec<Created> = created_by(&own).into_iter().collect();
    let mut calls: Vec<(&Calls, &'static str, Option<String>)> = found
        .calls
        .iter()
        .filter_map(|calls| {
            let (why, origin) = belonging(calls, subject, &found.origins, &created)?;
            Some((calls, why, origin))
        })
        .collect();
    calls.sort_by(|a, b| (a.0.first_time, &a.0.api, &a.0.actor).cmp(&(b.0.first_time, &b.0.api, &b.0.actor)));
    let lanes = Lanes::of(&calls);
    let firsts = Firsts::of(found);
    let mut rows = merged(calls.iter().map(|(calls, ..)| *calls), &lanes, &firsts);
    let reported: Vec<(&Finding, Row)> =
        findings.iter().filter_map(|finding| Some((finding, finding_row(finding, subject, &lanes)?))).collect();
    let mut next_steps = steps(reported.iter().map(|(finding, _)| *finding));
    let more_steps = next_steps.len().saturating_sub(STEPS_MAX) as u64;
    next_steps.truncate(STEPS_MAX);
    rows.extend(reported.into_iter().map(|(_, row)| row));
    rows.sort_by_key(|row| (row.first_time, row.kind));
    let total = |failed_only: bool| {
        let counted = calls.iter().filter(|(calls, ..)| calls.failed || !failed_only);
        counted.map(|(calls, ..)| calls.calls).sum()
    };
    let (calls, failed) = (total(false), total(true));
    let left_out = shorten(&mut rows, rows_max);
    Timeline {
        entity: subject.name.clone(),
        window: subject.window,
        lanes: lanes.into_vec(),
        rows,
        next_steps,
        more_steps,
        calls,
        failed,
        left_out,
        more_sessions: found.more_sessions,
        cut_off: found.cut_off,
    }
}

impl Row {
    /// A row without anything but its place.
    fn new(lane: usize, kind: Kind, (first_time, last_time): (DateTime<Utc>, DateTime<Utc>)) -> Row {
        Row {
            lane,
            first_time,
            last_time,
            kind,
            failed: false,
            service: None,
            apis: Vec::new(),
            calls: 0,
            error: None,
            objects: Vec::new(),
            objects_total: 0,
            account_id: None,
            region: None,
            regions: 0,
            address: None,
            country: None,
            client: None,
            via: None,
            first: Vec::new(),
            finding: None,
            severity: None,
            text: String::new(),
            event_ids: Vec::new(),
        }
    }
}

/// What calls of one row have in common.
type Alike = (usize, Kind, bool, Option<String>, Option<String>, Option<String>, Option<String>, Option<String>);

fn alike(calls: &Calls, lane: usize) -> Alike {
    // Reads and failed calls are many APIs in a row; everything else is told call by call.
    let is_single = calls.kind != Kind::Read && !calls.failed;
    let single = |name: &Option<String>| name.clone().filter(|_| is_single);
    (
        lane,
        calls.kind,
        calls.failed,
        single(&calls.service),
        single(&calls.api),
        calls.error.clone(),
        calls.address.clone(),
        calls.account_id.clone(),
    )
}

/// A row that may grow.
#[derive(Debug)]
struct Growing {
    row: Row,
    services: BTreeSet<String>,
    apis: BTreeMap<String, u64>,
    objects: BTreeSet<String>,
    regions: BTreeSet<String>,
}

fn merged<'a>(calls: impl Iterator<Item = &'a Calls>, lanes: &Lanes, firsts: &Firsts<'_>) -> Vec<Row> {
    let mut growing: Vec<Growing> = Vec::new();
    let mut open: HashMap<Alike, usize> = HashMap::new();
    for calls in calls {
        let lane = lanes.index(calls);
        let key = alike(calls, lane);
        let known = open.get(&key).copied();
        let known = known.filter(|at| calls.first_time - growing[*at].row.last_time <= PAUSE_MAX);
        let at = known.unwrap_or_else(|| {
            growing.push(Growing::new(calls, lane));
            growing.len() - 1
        });
        growing[at].add(calls, firsts);
        open.insert(key, at);
    }
    growing.into_iter().map(Growing::finish).collect()
}

impl Growing {
    fn new(calls: &Calls, lane: usize) -> Growing {
        let row = Row {
            failed: calls.failed,
            error: calls.error.clone(),
            account_id: calls.account_id.clone(),
            address: calls.address.clone(),
            country: calls.country.clone(),
            client: calls.client.clone(),
            via: calls.via.clone(),
            ..Row::new(lane, calls.kind, (calls.first_time, calls.last_time))
        };
        let (services, apis, objects, regions) = Default::default();
        Growing { row, services, apis, objects, regions }
    }

    fn add(&mut self, calls: &Calls, firsts: &Firsts<'_>) {
        self.row.last_time = self.row.last_time.max(calls.last_time);
        self.row.calls += calls.calls;
        self.services.extend(calls.service.clone());
        *self.apis.entry(calls.api.clone().unwrap_or_default()).or_default() += calls.calls;
        self.objects.extend(calls.objects.iter().flatten().cloned());
        self.regions.extend(calls.region.clone());
        let room = EVENTS_MAX.saturating_sub(self.row.event_ids.len());
        self.row.event_ids.extend(calls.event_ids.iter().take(room).cloned());
        for first in firsts.among(calls) {
            if !self.row.first.contains(&first) {
                self.row.first.push(first);
            }
        }
    }

    fn finish(self) -> Row {
        let Growing { mut row, services, apis, objects, regions } = self;
        let mut apis: Vec<Api> = apis.into_iter().map(|(api, calls)| Api { api, calls }).collect();
        apis.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.api.cmp(&b.api)));
        row.apis = apis;
        row.service = if services.len() == 1 { services.into_iter().next() } else { None };
        row.regions = regions.len() as u64;
        row.region = if regions.len() == 1 { regions.into_iter().next() } else { None };
        row.objects_total = objects.len() as u64;
        row.objects = objects.into_iter().take(OBJECTS_MAX).collect();
        row.text = sentence(&row);
        row
    }
}

/// `CreateUser backdoor`, `45 reads: ListBuckets 20 times, GetBucketAcl 5 times and 10 other APIs in 3 regions`.
fn sentence(row: &Row) -> String {
    let mut text = match row.apis.as_slice() {
        [one] if row.calls == 1 => one.api.clone(),
        [one] => format!("{} {}", one.api, times(row.calls)),
        apis => {
            let named = apis.iter().take(APIS_MAX).map(|api| match api.calls {
                1 => api.api.clone(),
                calls => format!("{} {}", api.api, times(calls)),
            });
            let named = named.collect::<Vec<_>>().join(", ");
            let rest = apis.len().saturating_sub(APIS_MAX) as u64;
            let rest = if rest == 0 { String::new() } else { format!(" and {}", counted(rest, "other API")) };
            format!("{}: {named}{rest}", counted(row.calls, "call"))
        }
    };
    if !row.objects.is_empty() && row.apis.len() == 1 {
        let more = row.objects_total - row.objects.len() as u64;
        let more = if more == 0 { String::new() } else { format!(" and {} more", more) };
        text.push_str(&format!(": {}{more}", row.objects.join("; ")));
    }
    if row.regions > 1 {
        text.push_str(&format!(" in {}", counted(row.regions, "region")));
    }
    if let Some(error) = &row.error {
        text.push_str(&format!(" ({error})"));
    }
    text
}

/// What identities did for the first time.
struct Firsts<'a> {
    times: HashMap<(&'a str, &'a str, &'a str), DateTime<Utc>>,
    /// Identities that were not known before.
    begun: HashMap<&'a str, DateTime<Utc>>,
}

impl<'a> Firsts<'a> {
    fn of(found: &'a Found) -> Firsts<'a> {
        let mut firsts = Firsts { times: HashMap::new(), begun: HashMap::new() };
        for first in &found.first_times {
            if first.history_days >= KNOWN_DAYS {
                firsts.times.insert((&first.actor, &first.kind, &first.item), first.first_time);
            } else if first.history_days == 0.0 && first.kind == "api" {
                let begun = firsts.begun.entry(&first.actor).or_insert(first.first_time);
                *begun = first.first_time.min(*begun);
            }
        }
        firsts
    }

    /// What is new in these calls.
    fn among(&self, calls: &Calls) -> Vec<&'static str> {
        let actor = calls.actor.as_str();
        let within = |time: &DateTime<Utc>| (calls.first_time..=calls.last_time).contains(time);
        let is_first = |kind: &str, item: &str| self.times.get(&(actor, kind, item)).is_some_and(within);
        let api = calls.service.as_ref().zip(calls.api.as_ref()).map(|(service, api)| format!("{service}:{api}"));
        let asn = calls.asn.map(|asn| asn.to_string());
        let items = [
            ("api", "api", &api),
            ("country", "country", &calls.country),
            ("network", "asn", &asn),
            ("client", "user_agent", &calls.client),
            ("region", "region", &calls.region),
        ];
        let mut new = Vec::new();
        if self.begun.get(actor).is_some_and(within) {
            new.push("identity");
        }
        let fresh = items.iter().filter(|(_, kind, item)| item.as_ref().is_some_and(|item| is_first(kind, item)));
        new.extend(fresh.map(|(word, ..)| *word));
        new
    }
}

/// How to contain what these findings report, if one of them is of medium severity or above. Then the others count too:
/// the key that an attacker created may be low on its own.
fn steps<'a>(findings: impl Iterator<Item = &'a Finding> + Clone) -> Vec<NextStep> {
    let mut steps: Vec<NextStep> = Vec::new();
    if findings.clone().any(|finding| finding.severity >= Severity::Medium) {
        for step in findings.flat_map(|finding| &finding.next_steps).filter(|step| step.changes) {
            if !steps.contains(step) {
                steps.push(step.clone());
            }
        }
    }
    steps
}

/// A finding about the subject, its credentials, or somebody behind whom it is.
fn finding_row(finding: &Finding, subject: &Subject, lanes: &Lanes) -> Option<Row> {
    let (first_time, last_time) = finding.times()?;
    let origin = finding.origin.as_ref().map(|origin| origin.identity.as_str());
    let names = [Some(finding.entity.as_str()), finding.actor.as_deref(), origin];
    let is_about = names.iter().flatten().any(|name| subject.entities.iter().any(|entity| entity == name));
    let names_of_lane = [Some(finding.entity.as_str()), finding.identity()];
    let lane = names_of_lane.into_iter().flatten().find_map(|name| lanes.of_entity(name));
    let is_created = lane.is_some_and(|lane| lanes.why(lane) == Some(CREATED));
    if !(is_about || is_created) || !subject.covers(first_time) {
        return None;
    }
    Some(Row {
        calls: finding.evidence.total,
        account_id: finding.account_id.clone(),
        region: finding.region.clone(),
        regions: u64::from(finding.region.is_some()),
        finding: Some(finding.id.clone()),
        severity: Some(finding.severity),
        text: finding.summary.clone(),
        event_ids: finding.evidence.events.iter().take(EVENTS_MAX).map(|event| event.event_id.clone()).collect(),
        ..Row::new(lane.unwrap_or_default(), Kind::Finding, (first_time, last_time))
    })
}

/// Removes rows until `rows_max` are left, and returns how many it removed: the least telling first, the latest first
/// among those that tell as much, because how a story begins matters most. Findings stay.
fn shorten(rows: &mut Vec<Row>, rows_max: usize) -> u64 {
    let excess = rows.len().saturating_sub(rows_max);
    if rows_max == 0 || excess == 0 {
        return 0;
    }
    let mut order: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].kind != Kind::Finding).collect();
    order.sort_by_key(|at| (tells(&rows[*at]), std::cmp::Reverse(*at)));
    let removed: BTreeSet<usize> = order.into_iter().take(excess).collect();
    let mut at = 0..;
    rows.retain(|_| at.next().is_none_or(|at| !removed.contains(&at)));
    removed.len() as u64
}

/// How much a row tells, from 0.
fn tells(row: &Row) -> u8 {
    match (row.first.is_empty(), row.kind, row.failed) {
        (false, ..) => 4,
        (true, Kind::Read, false) => 0,
        (true, Kind::Read, true) => 1,
        (true, _, true) => 2,
        (true, ..) => 3,
    }
}
