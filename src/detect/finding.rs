//! A finding: one row of a detector's result.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rate::{Class, Expected};
use super::{Confidence, Detector, Kind, Origin, SeenBefore, Severity};
use crate::sha256;

/// Compared with the previous run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not reported by the previous run.
    New,
    /// Reported by both runs.
    Continuing,
    /// Reported by the previous run, but not by this run, which evaluated the same day again.
    Resolved,
}

/// One finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable across runs: the same activity on the same day has the same id, also when more of its events are known.
    pub id: String,
    /// Like the id but without the day: the same for activity that continues on other days.
    #[serde(default)]
    pub story: String,
    /// Detector's id.
    pub detector: String,
    /// Detector's title.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is a fact, or behaviour whose severity depends on how often the organisation has it.
    #[serde(default)]
    pub kind: Kind,
    /// How often this organisation would have seen one like it; null if there is too little history.
    #[serde(default)]
    pub expected: Option<Expected>,
    /// The detector's severity, if `expected` changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity_before: Option<Severity>,
    /// Its severity if another finding shows an action of the same person on the same day.
    #[serde(skip)]
    pub joined_severity: Option<Severity>,
    /// Ids of the findings that raised its severity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined_by: Vec<String>,
    /// How likely it is what it seems.
    pub confidence: Confidence,
    /// How unusual it is, 0 to 1.
    pub score: f64,
    /// Compared with the previous run.
    pub status: Status,
    /// `actor`, `ip`, `access_key`, `account`, ...
    pub entity_type: String,
    /// The identity, address, key or account it is about.
    pub entity: String,
    /// The identity behind an entity that is not an identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Who is behind the credentials of its events; absent if that is its entity or its actor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Account.
    pub account_id: Option<String>,
    /// Region, if it is about one.
    pub region: Option<String>,
    /// First event, UTC, RFC 3339.
    pub first_time: String,
    /// Last event.
    pub last_time: String,
    /// One sentence, with names in full.
    pub summary: String,
    /// The sentence with short names, which are unambiguous within the report.
    #[serde(default)]
    pub headline: String,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// The events it is based on.
    pub evidence: Evidence,
    /// The baseline: the detector's columns that begin with `baseline_`.
    pub baseline: Map<String, Value>,
    /// The detector's other columns.
    pub details: Map<String, Value>,
    /// Benign explanations.
    pub benign: Vec<String>,
    /// What to do.
    pub respond: Vec<String>,
    /// Commands to look at it, and to contain it.
    #[serde(default)]
    pub next_steps: Vec<NextStep>,
    /// An analyst's verdict on it, or on the same activity on another day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<SeenBefore>,
}

/// Events behind a finding.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    /// Number of events.
    pub total: u64,
    /// The first of these events.
    pub events: Vec<Event>,
}

/// An event as evidence: what it was and where it was read from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    /// CloudTrail's event id.
    pub event_id: String,
    /// UTC, RFC 3339.
    pub event_time: Option<String>,
    /// Service.
    pub event_source: Option<String>,
    /// API.
    pub event_name: Option<String>,
    /// Region.
    pub aws_region: Option<String>,
    /// Error code; null when the call succeeded.
    pub error_code: Option<String>,
    /// Caller's address.
    pub source_ip_address: Option<String>,
    /// URL of the object it was read from.
    pub source_object: Option<String>,
    /// Its position in that object, from 0.
    pub source_record: Option<i64>,
    /// The service's error message; a sign-in that failed may have no error code.
    #[serde(default, skip_serializing)]
    #[cfg_attr(test, schemars(skip))]
    pub error_message: Option<String>,
    /// ARN of the caller, with the session of a role.
    #[serde(default, skip_serializing)]
    #[cfg_attr(test, schemars(skip))]
    pub caller_arn: Option<String>,
    /// ARN of the role or user that issued the caller's session.
    #[serde(default, skip_serializing)]
    #[cfg_attr(test, schemars(skip))]
    pub issuer_arn: Option<String>,
    /// The caller's access key.
    #[serde(default, skip_serializing)]
    #[cfg_attr(test, schemars(skip))]
    pub access_key_id: Option<String>,
}

/// Something to do about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NextStep {
    /// What it is for.
    pub purpose: String,
    /// The command, for a POSIX shell; null where the events do not have what it needs. Trailhunt never runs it.
    pub command: Option<String>,
    /// Whether it changes something.
    pub changes: bool,
    /// Who can do it: `analyst`, `IAM administrator of 111122223333`, ...
    #[serde(rename = "for")]
    pub audience: String,
}

impl Finding {
    /// Reads one row of a detector's result, a JSON object by column name. The column types were checked before.
    ///
    /// # Errors
    /// The first column with an invalid value: a null where a value is required, or a score that is not from 0 to 1.
    pub fn from_row(detector: &Detector, mut row: Map<String, Value>) -> Result<Finding, String> {
        let text = |row: &mut Map<String, Value>, name: &str| match row.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let required = |row: &mut Map<String, Value>, name: &str| {
            text(row, name).ok_or_else(|| format!("a row has {name} = NULL; expected a value"))
        };
        let first_time = required(&mut row, "first_time")?;
        let last_time = required(&mut row, "last_time")?;
        let entity_type = required(&mut row, "entity_type")?;
        let entity = required(&mut row, "entity")?;
        let summary = required(&mut row, "summary")?;
        let account_id = text(&mut row, "account_id");
        let region = text(&mut row, "region");
        let actor = text(&mut row, "actor");
        let key = text(&mut row, "key").unwrap_or_default();
        let word = |row: &mut Map<String, Value>, name: &str| row.remove(name).filter(|word| !word.is_null());
        let severity = match word(&mut row, "severity") {
            Some(word) => serde_json::from_value(word).map_err(|e| format!("severity: {e}"))?,
            None => detector.severity,
        };
        let confidence = match word(&mut row, "confidence") {
            Some(word) => serde_json::from_value(word).map_err(|e| format!("confidence: {e}"))?,
            None => detector.confidence,
        };
        let kind = match word(&mut row, "is_fact") {
            Some(Value::Bool(true)) => Kind::Fact,
            Some(Value::Bool(false)) => Kind::Behaviour,
            Some(other) => return Err(format!("a row has is_fact = {other}; expected true, false or null")),
            None => detector.kind,
        };
        let joined_severity = match word(&mut row, "joined_severity") {
            Some(word) => Some(serde_json::from_value(word).map_err(|e| format!("joined_severity: {e}"))?),
            None => None,
        };
        let attack: Vec<String> = match word(&mut row, "attack") {
            Some(list) => serde_json::from_value(list).map_err(|e| format!("attack: {e}"))?,
            None => detector.attack.clone(),
        };
        super::attack::check(&attack)?;
        let score = score(row.remove("score"))?;
        let ids = match row.remove("evidence") {
            Some(Value::Array(ids)) => ids.into_iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        let total = row.remove("events").and_then(|count| count.as_u64()).unwrap_or(ids.len() as u64);
        let (baseline, details): (Map<_, _>, Map<_, _>) =
            row.into_iter().filter(|(_, value)| !value.is_null()).partition(|(name, _)| name.starts_with("baseline_"));
        let baseline =
            baseline.into_iter().map(|(name, value)| (name.trim_start_matches("baseline_").to_owned(), value));
        // The day, not the time: with a late event, the same activity keeps its id.
        let day = first_time.get(..10).unwrap_or_default();
        let hash = |day: &str| {
            let story = [
                &detector.id,
                &entity_type,
                &entity,
                account_id.as_deref().unwrap_or(""),
                region.as_deref().unwrap_or(""),
                day,
                &key,
            ];
            sha256::hex(story.join("\u{1f}").as_bytes())[..16].to_owned()
        };
        Ok(Finding {
            id: hash(day),
            story: hash(""),
            detector: detector.id.clone(),
            title: detector.title.clone(),
            severity,
            kind,
            expected: None,
            severity_before: None,
            joined_severity,
            joined_by: Vec::new(),
            confidence,
            score,
            status: Status::New,
            entity_type,
            entity,
            actor,
            origin: None,
            account_id,
            region,
            first_time,
            last_time,
            headline: summary.clone(),
            summary,
            attack,
            evidence: Evidence {
                total,
                events: ids.into_iter().map(|event_id| Event { event_id, ..Event::default() }).collect(),
            },
            baseline: baseline.collect(),
            details,
            benign: detector.benign.clone(),
            respond: detector.respond.clone(),
            next_steps: Vec::new(),
            verdict: None,
        })
    }

    /// The identity that it is about or that is behind its entity.
    pub fn identity(&self) -> Option<&str> {
        self.actor.as_deref().or((self.entity_type == "actor").then_some(&self.entity))
    }

    /// The days of its first and of its last event; `None` if a time is none.
    pub fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        let day = |time: &str| time.get(..10)?.parse().ok();
        Some((day(&self.first_time)?, day(&self.last_time)?))
    }

    /// The days from its first to its last event.
    pub fn each_day(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let between = |(first, last): (NaiveDate, NaiveDate)| first.iter_days().take_while(move |day| *day <= last);
        self.days().into_iter().flat_map(between)
    }

    /// The times of its first and of its last event; `None` if one is not RFC 3339.
    pub fn times(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        Some((self.first_time.parse().ok()?, self.last_time.parse().ok()?))
    }

    /// Whether it is about people, machines or something else.
    pub fn class(&self) -> Class {
        Class::of(self.identity())
    }

    /// Severity x confidence x (1 + score) / 2, each from 0 to 1: the number that findings are ranked by.
    pub fn weight(&self) -> f64 {
        let severity = match self.severity {
            Severity::Informational => 0.02,
            Severity::Low => 0.1,
            Severity::Medium => 0.35,
            Severity::High => 0.65,
            Severity::Critical => 0.9,
        };
        let confidence = match self.confidence {
            Confidence::Low => 0.4,
            Confidence::Medium => 0.7,
            Confidence::High => 1.0,
        };
        severity * confidence * (1.0 + self.score) / 2.0
    }
}

/// The score of a row. JSON has no NaN and no infinity: the engine writes them as null.
fn score(value: Option<Value>) -> Result<f64, String> {
    match value.as_ref().map(|value| (value, value.as_f64())) {
        Some((_, Some(score))) if (0.0..=1.0).contains(&score) => Ok(score),
        Some((value, _)) if !value.is_null() => {
            Err(format!("a row has score = {value}; expected a number from 0 to 1"))
        }
        _ => Err("a row has score = NULL or NaN; expected a number from 0 to 1".into()),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A finding about an actor, with the highest confidence and score.
    pub fn finding(detector: &str, entity: &str, severity: Severity) -> Finding {
        Finding {
            id: format!("{detector}-{entity}"),
            story: String::new(),
            detector: detector.into(),
            title: String::new(),
            severity,
            kind: Kind::Behaviour,
            expected: None,
            severity_before: None,
            joined_severity: None,
            joined_by: vec![],
            confidence: Confidence::High,
            score: 1.0,
            status: Status::New,
            entity_type: "actor".into(),
            entity: entity.into(),
            actor: None,
            origin: None,
            account_id: None,
            region: None,
            first_time: String::new(),
            last_time: String::new(),
            summary: String::new(),
            headline: String::new(),
            attack: vec!["T1078".into()],
            evidence: Evidence::default(),
            baseline: Default::default(),
            details: Default::default(),
            benign: vec![],
            respond: vec![],
            next_steps: vec![],
            verdict: None,
        }
    }

    #[test]
    fn a_score_that_is_null_not_a_number_or_out_of_range_is_refused() {
        let of = |value: Value| score(Some(value));
        for valid in [0.0, 0.5, 1.0] {
            assert_eq!(of(valid.into()), Ok(valid));
        }
        assert_eq!(of(1.into()), Ok(1.0));
        assert_eq!(of(1.5.into()).unwrap_err(), "a row has score = 1.5; expected a number from 0 to 1");
        assert_eq!(of((-0.1).into()).unwrap_err(), "a row has score = -0.1; expected a number from 0 to 1");
        let null = "a row has score = NULL or NaN; expected a number from 0 to 1";
        assert_eq!(of(Value::Null).unwrap_err(), null);
        assert_eq!(score(None).unwrap_err(), null);
    }
}
