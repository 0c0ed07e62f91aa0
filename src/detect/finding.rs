//! What a detector found: one row of its answer, in the report's words.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Confidence, Detector, Severity};
use crate::sha256;

/// Against the run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not in the run before.
    New,
    /// In both.
    Continuing,
    /// Only in the run before, although its detector ran.
    Resolved,
}

/// One finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable across runs: the same story of a day has the same id, however much of it is known.
    pub id: String,
    /// The same on every day the story goes on: the id without its day.
    #[serde(default)]
    pub story: String,
    /// Detector's id.
    pub detector: String,
    /// Detector's title.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// What it becomes when the same person acts on the same day.
    #[serde(skip)]
    pub joined_severity: Option<Severity>,
    /// The findings that made it so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined_by: Vec<String>,
    /// How likely.
    pub confidence: Confidence,
    /// How surprising, 0 to 1.
    pub score: f64,
    /// Against the run before.
    pub status: Status,
    /// `actor`, `ip`, `access_key`, `account`, ...
    pub entity_type: String,
    /// Who or what it is about.
    pub entity: String,
    /// The identity behind an entity that is none itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Account.
    pub account_id: Option<String>,
    /// Region, where it is about one.
    pub region: Option<String>,
    /// First event, UTC, RFC 3339.
    pub first_time: String,
    /// Last event.
    pub last_time: String,
    /// One sentence for a person.
    pub summary: String,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// The events it stands on.
    pub evidence: Evidence,
    /// What normal was: the detector's columns that begin with `baseline_`.
    pub baseline: Map<String, Value>,
    /// The detector's other columns.
    pub details: Map<String, Value>,
    /// What else it may be.
    pub benign: Vec<String>,
    /// What to do.
    pub respond: Vec<String>,
}

/// Events behind a finding.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    /// How many events there are.
    pub total: u64,
    /// The first of them.
    pub events: Vec<Event>,
}

/// An event as evidence: what it was and where it was read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    /// CloudTrail's id of it.
    pub event_id: String,
    /// UTC, RFC 3339.
    pub event_time: Option<String>,
    /// Service.
    pub event_source: Option<String>,
    /// API.
    pub event_name: Option<String>,
    /// Region.
    pub aws_region: Option<String>,
    /// Null when the call succeeded.
    pub error_code: Option<String>,
    /// Caller's address.
    pub source_ip_address: Option<String>,
    /// URL of the object it was read from.
    pub source_object: Option<String>,
    /// Its place in that object, from 0.
    pub source_record: Option<i64>,
}

impl Finding {
    /// One row of a detector's answer, as a JSON object by column name. The contract was checked on the schema.
    ///
    /// # Errors
    /// What the row lacks: a null where the contract wants a value.
    pub fn from_row(detector: &Detector, mut row: Map<String, Value>) -> Result<Finding, String> {
        let text = |row: &mut Map<String, Value>, name: &str| match row.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let required = |row: &mut Map<String, Value>, name: &str| {
            text(row, name).ok_or_else(|| format!("a row with {name} = NULL; the contract wants a value"))
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
        let joined_severity = match word(&mut row, "joined_severity") {
            Some(word) => Some(serde_json::from_value(word).map_err(|e| format!("joined_severity: {e}"))?),
            None => None,
        };
        let attack: Vec<String> = match word(&mut row, "attack") {
            Some(list) => serde_json::from_value(list).map_err(|e| format!("attack: {e}"))?,
            None => detector.attack.clone(),
        };
        super::attack::check(&attack)?;
        let score = row.remove("score").and_then(|score| score.as_f64()).unwrap_or_default().clamp(0.0, 1.0);
        let ids = match row.remove("evidence") {
            Some(Value::Array(ids)) => ids.into_iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        let total = row.remove("events").and_then(|count| count.as_u64()).unwrap_or(ids.len() as u64);
        let (baseline, details): (Map<_, _>, Map<_, _>) =
            row.into_iter().filter(|(_, value)| !value.is_null()).partition(|(name, _)| name.starts_with("baseline_"));
        let baseline =
            baseline.into_iter().map(|(name, value)| (name.trim_start_matches("baseline_").to_owned(), value));
        // The day and not the time: the same story told again with a late event keeps its id.
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
            joined_severity,
            joined_by: Vec::new(),
            confidence,
            score,
            status: Status::New,
            entity_type,
            entity,
            actor,
            account_id,
            region,
            first_time,
            last_time,
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
        })
    }

    /// Severity, confidence and score as one number from 0 to 1, to rank findings by; see [`risk`](super::risk).
    pub fn weight(&self) -> f64 {
        super::risk::weight(self.severity, self.confidence, self.score)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A finding about an actor, as sure as can be.
    pub fn finding(detector: &str, entity: &str, severity: Severity) -> Finding {
        Finding {
            id: format!("{detector}-{entity}"),
            story: String::new(),
            detector: detector.into(),
            title: String::new(),
            severity,
            joined_severity: None,
            joined_by: vec![],
            confidence: Confidence::High,
            score: 1.0,
            status: Status::New,
            entity_type: "actor".into(),
            entity: entity.into(),
            actor: None,
            account_id: None,
            region: None,
            first_time: String::new(),
            last_time: String::new(),
            summary: String::new(),
            attack: vec!["T1078".into()],
            evidence: Evidence::default(),
            baseline: Default::default(),
            details: Default::default(),
            benign: vec![],
            respond: vec![],
        }
    }
}
