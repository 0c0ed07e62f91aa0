//! What every written explanation has: facts at its head, and parts with sentences. Their text is as it is in the finding:
//! whoever writes it makes it safe to show.

use super::words::{second, shown};
use super::{Compared, Explanation, NamedTechnique, Quantity};
use crate::detect::Event;
use crate::report::csv::word;
use crate::report::text::entity_kind;
use crate::wording::{counted, grouped};

/// Events shown. The JSON has all that the finding has.
const EVENTS_MAX: usize = 5;

/// A title with the sentences below it.
pub struct Part {
    /// What the part answers.
    pub title: String,
    /// At least one sentence, each about one thing.
    pub sentences: Vec<String>,
}

/// Names and values: which finding, how sure, when, about whom, where, and what an analyst said.
pub fn facts(of: &Explanation) -> Vec<(String, String)> {
    let time = match (second(&of.first_time), second(&of.last_time)) {
        (first, last) if first == last => format!("{first} UTC"),
        (first, last) => format!("{first} to {last} UTC"),
    };
    let account = of.account_id.as_ref().map(|account| format!("account {account}"));
    let place: Vec<String> = [account, of.region.clone()].into_iter().flatten().collect();
    let facts = [
        ("finding", format!("{} ({}), {}", of.id, of.detector, word(of.status))),
        ("confidence", format!("{}; how unusual: {:.0} of 100", word(of.confidence), 100.0 * of.score)),
        ("time", time),
        (entity_kind(&of.entity_type), of.entity.clone()),
        ("where", place.join(", ")),
        ("verdict", of.verdict.as_ref().map(ToString::to_string).unwrap_or_default()),
    ];
    let known = facts.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The answers in the order in which a reader asks. A part without an answer is left out, or says what is missing.
pub fn parts(of: &Explanation) -> Vec<Part> {
    let compared = match of.compared_with.as_slice() {
        [] => vec!["the finding states no baseline".to_owned()],
        compared => compared.iter().map(comparison).collect(),
    };
    let why = of.why_it_matters.clone().unwrap_or_else(|| {
        let next = "name its folder with --detector-dir, or its Sigma rules with --sigma";
        format!("not known: there is no detector {} here; {next}", of.detector)
    });
    let (evidence_title, evidence) = evidence(of);
    let parts = [
        ("What happened".to_owned(), of.what_happened.clone()),
        ("Compared with".to_owned(), compared),
        ("Also observed".to_owned(), of.also_observed.iter().map(observation).collect()),
        ("Why it matters".to_owned(), std::iter::once(why).chain(of.techniques.iter().map(technique)).collect()),
        ("How often it happens here".to_owned(), of.how_often.iter().chain(&of.severity_reasons).cloned().collect()),
        ("Benign explanations".to_owned(), of.benign.clone()),
        (evidence_title, evidence),
        ("What to check next".to_owned(), of.respond.clone()),
    ];
    let parts = parts.into_iter().map(|(title, sentences)| Part { title, sentences });
    parts.filter(|part| !part.sentences.is_empty()).collect()
}

/// `most roles in a day: 3; this finding: 12 roles`.
fn comparison(compared: &Compared) -> String {
    let Compared { name, baseline, observed } = compared;
    let baseline = shown(baseline);
    match observed {
        None => format!("{name}: {baseline}"),
        Some(observed) if observed.name == *name => {
            format!("{name}: {baseline}; this finding: {}", shown(&observed.value))
        }
        Some(observed) => format!("{name}: {baseline}; this finding: {} {}", shown(&observed.value), observed.name),
    }
}

/// `roles: 12`.
fn observation(quantity: &Quantity) -> String {
    format!("{}: {}", quantity.name, shown(&quantity.value))
}

/// `ATT&CK T1562.008 Impair Defenses: Disable or Modify Cloud Logs (Defense Evasion)`.
fn technique(technique: &NamedTechnique) -> String {
    let NamedTechnique { id, name, tactics } = technique;
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    let tactics = if tactics.is_empty() { String::new() } else { format!(" ({})", tactics.join(", ")) };
    format!("ATT&CK {id}{name}{tactics}")
}

/// How many events there are, and the first ones.
fn evidence(of: &Explanation) -> (String, Vec<String>) {
    let (total, events) = (of.evidence.total, &of.evidence.events);
    let title = format!("Evidence: {}", counted(total, "event"));
    let count = events.len().min(EVENTS_MAX);
    if count == 0 {
        let none = match total {
            0 => "no events: the finding is about missing activity",
            _ => "the report does not list them",
        };
        return (title, vec![none.to_owned()]);
    }
    let title = if count as u64 == total { title } else { format!("{title}, the first {}", grouped(count as u64)) };
    (title, events.iter().take(EVENTS_MAX).map(event).collect())
}

/// `2024-03-01 09:00:00 cloudtrail StopLogging in eu-west-1 from 198.51.100.7: no error; event 5d8f...`.
fn event(event: &Event) -> String {
    let time = event.event_time.as_deref().map_or_else(|| "unknown time".to_owned(), second);
    let service = event.event_source.as_deref().map(|name| name.strip_suffix(".amazonaws.com").unwrap_or(name));
    let what: Vec<&str> = [Some(time.as_str()), service, event.event_name.as_deref()].into_iter().flatten().collect();
    let what = what.join(" ");
    let region = event.aws_region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
    let address = event.source_ip_address.as_ref().map(|address| format!(" from {address}")).unwrap_or_default();
    let result = event.error_code.as_deref().unwrap_or("no error");
    format!("{what}{region}{address}: {result}; event {}", event.event_id)
}
