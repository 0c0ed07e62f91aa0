//! Findings of recorded runs: listed, explained, compared with what is normal.

use std::collections::BTreeMap;

use chrono::Days;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::detect::rate::in_words;
use crate::detect::{self, Confidence, Finding, Severity, Status};
use crate::engine::{Parameters, Value as Bound};
use crate::error::{Error, Result};
use crate::mcp::page::{Page, page};
use crate::mcp::tool::{Answered, Context};
use crate::mcp::untrusted::{Field, Marker, Untrusted, word};
use crate::report::explanation::{Explanation, NamedTechnique};
use crate::report::{self, FindingLine};
use crate::runs;

/// Evidence events of a finding.
const EVENTS_MAX: usize = 20;
/// Digits of a finding's id.
const ID_CHARS_MIN: usize = 4;
/// Next steps of a finding.
const STEPS_MAX: usize = 10;
/// Days before and after a finding in its baseline.
const DAYS_BEFORE: u64 = 30;
const DAYS_AFTER: u64 = 7;

/// Which findings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListFindings {
    /// Id of a run; the last one unless given.
    pub run: Option<String>,
    /// This severity or above.
    pub severity: Option<Severity>,
    /// Only of this detector.
    pub detector: Option<String>,
    /// Only about an identity, address, key or account whose name contains this text.
    pub entity: Option<String>,
    /// Only new or continuing ones, compared with the run before; `resolved`: those of the run before that are gone.
    pub status: Option<Status>,
    /// Findings to skip.
    pub offset: Option<usize>,
    /// Findings to return, at most 100; 20 unless given.
    pub limit: Option<usize>,
}

/// Findings of a run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedFindings {
    /// Id of the run.
    pub run: String,
    /// Findings of the whole run by severity, whatever the filter.
    pub by_severity: BTreeMap<Severity, u64>,
    /// The riskiest identities, addresses and keys of the whole run.
    pub riskiest: Vec<Risk>,
    /// Findings that pass the filter, most important first.
    pub findings: Vec<FindingBrief>,
    /// Which of them these are.
    pub page: Page,
}

/// An entity and its risk.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Risk {
    /// `actor`, `ip`, `access_key`, ...
    pub entity_type: String,
    /// Its name.
    pub entity: Untrusted,
    /// 0 to 100.
    pub risk: f64,
    /// Findings about it.
    pub findings: u64,
    /// The highest severity of these.
    pub severity: Severity,
}

/// A finding in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingBrief {
    /// Its id, for `get_finding`.
    pub id: String,
    /// How bad it is if it is what it seems.
    pub severity: Severity,
    /// How likely it is what it seems.
    pub confidence: Confidence,
    /// How unusual it is, 0 to 1.
    pub score: f64,
    /// Compared with the run before.
    pub status: Status,
    /// Id of the detector.
    pub detector: String,
    /// What the detector finds.
    pub title: String,
    /// `actor`, `ip`, `access_key`, `account`, ...
    pub entity_type: String,
    /// What it is about.
    pub entity: Untrusted,
    /// The account.
    pub account_id: Option<Untrusted>,
    /// First event, UTC.
    pub first_time: String,
    /// Last event, UTC.
    pub last_time: String,
    /// One sentence.
    pub summary: Untrusted,
    /// How often findings like it occur here.
    pub how_often: String,
    /// What an analyst concluded, if anybody did: `malicious`, `benign` or `expected`.
    pub verdict: Option<String>,
}

impl FindingBrief {
    fn of(finding: &FindingLine, marker: &Marker) -> FindingBrief {
        FindingBrief {
            id: finding.id.clone(),
            severity: finding.severity,
            confidence: finding.confidence,
            score: finding.score,
            status: finding.status,
            detector: finding.detector.clone(),
            title: finding.title.clone(),
            entity_type: word(&finding.entity_type),
            entity: marker.text(&finding.entity),
            account_id: marker.optional(finding.account_id.as_deref()),
            first_time: finding.first_time.clone(),
            last_time: finding.last_time.clone(),
            summary: marker.text(&finding.summary),
            how_often: in_words(finding.expected),
            verdict: finding.verdict.map(|verdict| verdict.to_string()),
        }
    }
}

pub async fn list_findings(context: &Context, arguments: ListFindings) -> Result<Answered<ListedFindings>> {
    let run = arguments.run.as_deref().filter(|run| !run.is_empty());
    let listing = runs::listing(&context.lake, run).await?;
    let of_any_run = || listing.findings.iter().chain(&listing.resolved);
    if let Some(id) = &arguments.detector
        && !of_any_run().any(|finding| finding.detector == *id)
    {
        // No findings of a detector is an answer; none of a name that is wrong is not.
        context.library()?.get(id)?;
    }
    let mut by_severity = BTreeMap::new();
    listing.findings.iter().for_each(|finding| *by_severity.entry(finding.severity).or_default() += 1);
    let marker = Marker::new();
    let risk = |of: &report::Risk| Risk {
        entity_type: word(&of.entity_type),
        entity: marker.text(&of.entity),
        risk: of.risk,
        findings: of.findings,
        severity: of.severity,
    };
    let riskiest = listing.riskiest.iter().map(risk).collect();
    let listed = if arguments.status == Some(Status::Resolved) { &listing.resolved } else { &listing.findings };
    let wanted: Vec<&FindingLine> = listed.iter().filter(|finding| arguments.matches(finding)).collect();
    let brief = |finding: &&FindingLine| FindingBrief::of(finding, &marker);
    let (part, page) = page(&wanted, arguments.offset, arguments.limit, brief);
    let rows = part.len();
    let answer = ListedFindings { run: listing.run, by_severity, riskiest, findings: part, page };
    Ok(Answered::new(answer, rows))
}

impl ListFindings {
    fn matches(&self, finding: &FindingLine) -> bool {
        self.severity.is_none_or(|least| finding.severity >= least)
            && self.detector.as_ref().is_none_or(|id| finding.detector == *id)
            && self.entity.as_ref().is_none_or(|text| finding.is_about(text))
            && self.status.is_none_or(|status| finding.status == status)
    }
}

/// A finding.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneFinding {
    /// Its id, or how it begins.
    pub finding: String,
}

/// The finding whose id begins with `typed`.
pub async fn find(context: &Context, typed: &str) -> Result<Finding> {
    if typed.len() < ID_CHARS_MIN {
        return Err(Error::Usage(format!("an id of a finding has 16 digits; give at least {ID_CHARS_MIN}")));
    }
    runs::finding(&context.lake, typed).await
}

/// Everything about a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplainedFinding {
    /// The finding.
    pub finding: FindingBrief,
    /// The identity behind it, if that is somebody else than its entity.
    pub behind_it: Vec<Untrusted>,
    /// What was compared: what is normal here, and what was observed.
    pub compared_with: Vec<Compared>,
    /// Why it matters; null if the detector is not known here.
    pub why_it_matters: Option<String>,
    /// How often findings like it occurred here before.
    pub how_often: Vec<String>,
    /// Why the severity is not simply the detector's, or does not depend on how often it happens.
    pub severity_reasons: Vec<String>,
    /// ATT&CK techniques.
    pub attack: Vec<NamedTechnique>,
    /// Benign explanations to rule out.
    pub benign: Vec<String>,
    /// What to do if it is not benign.
    pub respond: Vec<String>,
    /// Commands that look at it or contain it. This server never runs them; a person decides.
    pub next_steps: Vec<Step>,
    /// Next steps, also those left out.
    pub next_steps_total: u64,
    /// The first events that it is based on.
    pub events: Vec<EvidenceEvent>,
    /// Events that it is based on, also those left out.
    pub events_total: u64,
    /// What else the detector says.
    pub details: BTreeMap<String, Field>,
    /// Ids of findings of the same person on that day, which raised its severity.
    pub joined_by: Vec<String>,
}

/// A quantity: what is normal, and what was observed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Compared {
    /// What it is.
    pub quantity: String,
    /// What is normal here.
    pub normal: Field,
    /// What was observed, if the detector states it.
    pub observed: Option<Field>,
}

/// Something to do about a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Step {
    /// What it is for.
    pub purpose: Untrusted,
    /// The command; null where the events lack what it needs.
    pub command: Option<Untrusted>,
    /// Whether it changes something.
    pub changes: bool,
    /// Who can do it.
    #[serde(rename = "for")]
    pub audience: Untrusted,
}

/// An event as evidence.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EvidenceEvent {
    /// CloudTrail's id.
    pub event_id: Untrusted,
    /// When, UTC.
    pub event_time: Option<String>,
    /// Service.
    pub event_source: Option<Untrusted>,
    /// API.
    pub event_name: Option<Untrusted>,
    /// Region.
    pub aws_region: Option<Untrusted>,
    /// Error code; null if the call succeeded.
    pub error_code: Option<Untrusted>,
    /// The caller's address.
    pub source_ip_address: Option<Untrusted>,
    /// The object it was read from.
    pub source_object: Option<Untrusted>,
    /// Its position in that object, from 0.
    pub source_record: Option<i64>,
}

pub async fn get_finding(context: &Context, arguments: OneFinding) -> Result<Answered<ExplainedFinding>> {
    let finding = find(context, &arguments.finding).await?;
    let library = context.library()?;
    let explanation = Explanation::of(&finding, library.get(&finding.detector).ok());
    let marker = Marker::new();
    let text = |text: &Option<String>| marker.optional(text.as_deref());
    let event = |event: &detect::Event| EvidenceEvent {
        event_id: marker.text(&event.event_id),
        event_time: event.event_time.clone(),
        event_source: text(&event.event_source),
        event_name: text(&event.event_name),
        aws_region: text(&event.aws_region),
        error_code: text(&event.error_code),
        source_ip_address: text(&event.source_ip_address),
        source_object: text(&event.source_object),
        source_record: event.source_record,
    };
    let step = |step: &detect::NextStep| Step {
        purpose: marker.text(&step.purpose),
        command: text(&step.command),
        changes: step.changes,
        audience: marker.text(&step.audience),
    };
    let brief = FindingBrief::of(&FindingLine::of(&finding), &marker);
    let origin = finding.origin.as_ref().map(|origin| origin.path.as_slice()).unwrap_or_default();
    let behind_it = finding.actor.iter().chain(origin).map(|name| marker.text(name)).collect();
    let compared_with = compared(&explanation, &marker);
    let events: Vec<EvidenceEvent> = finding.evidence.events.iter().take(EVENTS_MAX).map(event).collect();
    let rows = events.len();
    let answer = ExplainedFinding {
        finding: brief,
        behind_it,
        compared_with,
        why_it_matters: explanation.why_it_matters,
        how_often: explanation.how_often,
        severity_reasons: explanation.severity_reasons,
        attack: explanation.techniques,
        benign: finding.benign.clone(),
        respond: finding.respond.clone(),
        next_steps: finding.next_steps.iter().take(STEPS_MAX).map(step).collect(),
        next_steps_total: finding.next_steps.len() as u64,
        events,
        events_total: finding.evidence.total,
        details: marker.row(&finding.details),
        joined_by: finding.joined_by.clone(),
    };
    Ok(Answered::new(answer, rows))
}

fn compared(explanation: &Explanation, marker: &Marker) -> Vec<Compared> {
    let compared = explanation.compared_with.iter().map(|of| Compared {
        quantity: of.name.clone(),
        normal: marker.field(&of.baseline),
        observed: of.observed.as_ref().map(|of| marker.field(&of.value)),
    });
    compared.collect()
}

/// What is normal, for a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Baseline {
    /// The finding.
    pub finding: FindingBrief,
    /// What was compared: what is normal here, and what was observed.
    pub compared_with: Vec<Compared>,
    /// How often findings like it occur here, in words.
    pub how_often: String,
    /// Findings like it on the days before; null if there is too little history.
    pub like_it: Option<u64>,
    /// Days before it on which they are counted, at most 90.
    pub days: Option<u64>,
    /// Severity before it was lowered or raised because of how often findings like it occur here.
    pub severity_before: Option<Severity>,
    /// Calls per day of its identity, from 30 days before to 7 days after; days without calls have no row.
    pub calls_per_day: Vec<Day>,
}

/// What an identity did on a day.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Day {
    /// The day, UTC.
    pub day: String,
    /// Calls.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that changed something.
    pub changes: u64,
    /// True for the days of the finding.
    pub of_finding: bool,
}

pub async fn explain_baseline(context: &Context, arguments: OneFinding) -> Result<Answered<Baseline>> {
    let finding = find(context, &arguments.finding).await?;
    let library = context.library()?;
    let explanation = Explanation::of(&finding, library.get(&finding.detector).ok());
    let marker = Marker::new();
    let calls_per_day = match (finding.identity(), finding.days()) {
        (Some(identity), Some((first, last))) => {
            let (_, session) = context.session().await?;
            let from = first.checked_sub_days(Days::new(DAYS_BEFORE)).unwrap_or(first);
            let to = last.checked_add_days(Days::new(DAYS_AFTER)).unwrap_or(last);
            let parameters = Parameters::from([
                ("identity".to_owned(), Bound::Text(identity.to_owned())),
                ("first".to_owned(), Bound::Text(from.to_string())),
                ("last".to_owned(), Bound::Text(to.to_string())),
            ]);
            let batches = session.query("calls per day", CALLS_PER_DAY, &parameters).await?.collect().await?;
            let rows = detect::rows(&batches).map_err(|e| Error::query("calls per day", e))?;
            let number = |row: &serde_json::Map<String, Value>, name: &str| row.get(name).and_then(Value::as_u64);
            let day = |row: &serde_json::Map<String, Value>| {
                let day = row.get("event_date").and_then(Value::as_str).unwrap_or_default().to_owned();
                let of_finding = (first.to_string()..=last.to_string()).contains(&day);
                let count = |name: &str| number(row, name).unwrap_or(0);
                Day { day, calls: count("calls"), failures: count("failures"), changes: count("changes"), of_finding }
            };
            rows.iter().map(day).collect()
        }
        _ => Vec::new(),
    };
    let rows = calls_per_day.len();
    let baseline = Baseline {
        finding: FindingBrief::of(&FindingLine::of(&finding), &marker),
        compared_with: compared(&explanation, &marker),
        how_often: in_words(finding.expected),
        like_it: finding.expected.map(|expected| expected.like_it),
        days: finding.expected.map(|expected| expected.days),
        severity_before: finding.severity_before,
        calls_per_day,
    };
    Ok(Answered::new(baseline, rows))
}

const CALLS_PER_DAY: &str = "SELECT event_date, sum(calls) AS calls, sum(failures) AS failures, sum(changes) AS changes \
                             FROM daily_activity WHERE actor = $identity \
                             AND event_date BETWEEN CAST($first AS DATE) AND CAST($last AS DATE) \
                             GROUP BY event_date ORDER BY event_date";
