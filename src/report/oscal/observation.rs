//! The observation of a finding, with its evidence.

use std::collections::HashMap;

use serde_json::{Value, json};
use url::Url;

use super::super::csv::word;
use super::super::document::Report;
use super::values::{self, NAMESPACE, finished, markup, origins, paragraphs, props, value};
use crate::detect::rate::in_words;
use crate::detect::{Event, Finding};
use crate::sha256;
use crate::wording::{counted, grouped};

/// Source objects listed as evidence of a finding. The report has up to 50 events of a finding, each perhaps of its own
/// object.
const OBJECTS_MAX: usize = 20;

/// The UUIDs of the observations.
pub(super) struct Observed<'a> {
    /// That of the observation about what was read.
    pub(super) coverage: String,
    /// That of each finding of the report, in its order.
    pub(super) uuids: Vec<String>,
    /// Place of a finding in `uuids`, by its id.
    places: HashMap<&'a str, usize>,
}

impl Observed<'_> {
    pub(super) fn of(report: &Report) -> Observed<'_> {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let mut uuids = Vec::new();
        let mut places = HashMap::new();
        for (place, finding) in report.findings.iter().enumerate() {
            // A detector may return two rows with the same id; UUIDs must differ.
            let times = seen.entry(&finding.id).or_default();
            uuids.push(match *times {
                0 => values::uuid("finding", &finding.id),
                again => values::uuid("finding", &format!("{} {again}", finding.id)),
            });
            *times += 1;
            places.entry(finding.id.as_str()).or_insert(place);
        }
        Observed { coverage: values::uuid("coverage", &report.run.id), uuids, places }
    }

    pub(super) fn of_finding(&self, id: &str) -> Option<&str> {
        self.places.get(id).map(|place| self.uuids[*place].as_str())
    }
}

/// The observation of a finding.
pub(super) fn observation(report: &Report, finding: &Finding, uuid: &str) -> std::io::Result<Value> {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut all = props([
        ("finding-id", finding.id.clone()),
        ("finding-sha256", sha256::hex(&serde_json::to_vec(finding)?)),
        ("detector", finding.detector.clone()),
        ("severity", finding.severity.to_string()),
        ("confidence", word(finding.confidence)),
        ("score", finding.score.to_string()),
        ("status", word(finding.status)),
        ("entity-type", finding.entity_type.clone()),
        ("entity", finding.entity.clone()),
        ("actor", optional(&finding.actor)),
        ("account-id", optional(&finding.account_id)),
        ("region", optional(&finding.region)),
        ("first-time", finding.first_time.clone()),
        ("last-time", finding.last_time.clone()),
        ("evidence-events", finding.evidence.total.to_string()),
    ]);
    all.extend(props(finding.attack.iter().map(|technique| ("technique", technique.clone()))));
    let title = [&finding.title, &finding.detector].map(|text| markup(text)).into_iter().find(|text| !text.is_empty());
    let (evidence, listed) = evidence(finding);
    let events = counted(finding.evidence.total, "event");
    let events = match finding.evidence.total.saturating_sub(listed) {
        0 => format!("The evidence is {events}, all listed here."),
        _ => format!("The evidence is {events}, of which {} are listed here.", grouped(listed)),
    };
    let benign = match finding.benign.is_empty() {
        true => String::new(),
        false => format!("Benign explanations: {}.", markup(&finding.benign.join("; "))),
    };
    let subject = account(finding).map(|account| {
        json!({"subject-uuid": values::uuid("account", account), "type": "component",
               "title": format!("AWS account {}", markup(account))})
    });
    Ok(json!({
        "uuid": uuid,
        "title": title,
        "description": markup(&finding.summary),
        "props": all,
        "methods": ["TEST"],
        // OSCAL 1.1.4 replaced `finding` by `discovery`.
        "types": ["discovery"],
        "origins": origins(),
        "subjects": subject.into_iter().collect::<Vec<_>>(),
        "relevant-evidence": evidence,
        "collected": finished(report),
        "remarks": paragraphs([
            events,
            format!("How common findings like it are in this organisation: {}.", markup(&in_words(finding.expected))),
            finding.verdict.as_ref().map(|seen| markup(&format!("{seen}."))).unwrap_or_default(),
            benign,
        ]),
    }))
}

/// The events by source object, and how many events that are.
fn evidence(finding: &Finding) -> (Vec<Value>, u64) {
    let mut objects: Vec<(Option<&str>, Vec<&Event>)> = Vec::new();
    for event in &finding.evidence.events {
        let object = event.source_object.as_deref();
        match objects.iter_mut().find(|(known, _)| *known == object) {
            Some((_, events)) => events.push(event),
            None => objects.push((object, vec![event])),
        }
    }
    objects.truncate(OBJECTS_MAX);
    let listed = objects.iter().map(|(_, events)| events.len() as u64).sum();
    let entry = |(object, events): (Option<&str>, Vec<&Event>)| {
        let number = counted(events.len() as u64, "event");
        let description = match object {
            Some(_) => format!("{number} of the finding, in one source object"),
            None => format!("{number} of the finding; the source object is not known"),
        };
        let mut all = props(object.map(|object| ("source-object", object.to_owned())));
        all.extend(events.into_iter().filter_map(event));
        // Parsing also escapes odd characters; what cannot be a URI has no link.
        let href = object.and_then(|object| Url::parse(object).ok()).map(String::from);
        json!({"href": href, "description": description, "props": all})
    };
    (objects.into_iter().map(entry).collect(), listed)
}

/// The id of an event, and what the event was. `None` for an event without an id.
fn event(event: &Event) -> Option<Value> {
    let id = Some(value(&event.event_id)).filter(|id| !id.is_empty())?;
    let record = event.source_record.map(|record| format!("record {record}"));
    let parts = [&event.event_time, &event.event_source, &event.event_name, &event.error_code, &record];
    let parts: Vec<&str> = parts.into_iter().filter_map(|part| part.as_deref()).collect();
    let about = Some(markup(&parts.join(" "))).filter(|about| !about.is_empty());
    Some(json!({"ns": NAMESPACE, "name": "event-id", "value": id, "remarks": about}))
}

pub(super) fn account(finding: &Finding) -> Option<&str> {
    finding.account_id.as_deref().filter(|account| !value(account).is_empty())
}
