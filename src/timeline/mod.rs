//! The story of an identity, a credential or an address: its calls in order of time, across the roles, sessions and keys
//! that belong to it, with what was new and what was found.
//!
//! [`timelines`] reads the calls of several subjects in one scan, because a report has one timeline per riskiest identity.
//! Repeated calls become one row (`rows`), one lane per credential (`lanes`).

mod calls;
mod csv;
mod lanes;
mod markdown;
mod rows;
mod text;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

pub use calls::callers;
pub use csv::csv;
pub use markdown::markdown;
pub use text::{missing, text};

use calls::{Calls, Found, Reader};

use crate::detect::{Finding, NextStep, Severity, Window};
use crate::engine::Session;
use crate::error::Result;

/// What a timeline is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its name in texts.
    pub name: String,
    /// ARNs of identities and sessions, access keys, addresses, origins: a call of any of them belongs to it.
    pub entities: Vec<String>,
    /// The period.
    pub window: Window,
    /// Only these days of it; all if none are given.
    pub days: BTreeSet<NaiveDate>,
}

impl Subject {
    fn covers(&self, time: DateTime<Utc>) -> bool {
        self.window.from <= time
            && time < self.window.to
            && (self.days.is_empty() || self.days.contains(&time.date_naive()))
    }

    /// Its days.
    fn days(&self) -> impl Iterator<Item = NaiveDate> {
        let (first, end) = (self.window.from.date_naive(), self.window.to);
        let days = first.iter_days().take_while(move |day| day.and_time(chrono::NaiveTime::MIN).and_utc() < end);
        days.filter(|day| self.days.is_empty() || self.days.contains(day))
    }
}

/// A timeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Timeline {
    /// What it is about.
    pub entity: String,
    /// The period.
    #[serde(flatten)]
    pub window: Window,
    /// The credentials it covers, in order of their first call.
    pub lanes: Vec<Lane>,
    /// What happened, in order of time.
    pub rows: Vec<Row>,
    /// How to contain what its findings report, if one of them is of medium severity or above: commands that change
    /// something.
    pub next_steps: Vec<NextStep>,
    /// Further ones, which are with the findings in the report.
    pub more_steps: u64,
    /// Calls of all rows, also of those left out, and how many of them failed.
    pub calls: u64,
    /// Failed calls.
    pub failed: u64,
    /// Rows left out because there are too many: those that tell least, reads first; no findings.
    pub left_out: u64,
    /// True if it has more sessions than are covered.
    pub more_sessions: bool,
    /// From when on calls are not covered, because there are too many.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub cut_off: Option<DateTime<Utc>>,
}

/// A credential on a timeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Lane {
    /// The identity.
    pub actor: String,
    /// ARN of the session, if it is one.
    pub session: Option<String>,
    /// Access key; null for sign-ins, or if the lane has many.
    pub credential: Option<String>,
    /// Who is behind it, if the timeline has it because of that.
    pub origin: Option<String>,
    /// How it belongs to the subject: `itself`, `origin`, or `created by it`.
    pub why: &'static str,
}

/// Something on a timeline: calls that are alike, or a finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Row {
    /// Index of its lane.
    pub lane: usize,
    /// First call.
    #[cfg_attr(test, schemars(with = "String"))]
    pub first_time: DateTime<Utc>,
    /// Last call.
    #[cfg_attr(test, schemars(with = "String"))]
    pub last_time: DateTime<Utc>,
    /// What it is.
    pub kind: Kind,
    /// True if the calls failed.
    pub failed: bool,
    /// Service, if it is one.
    pub service: Option<String>,
    /// APIs, most frequent first.
    pub apis: Vec<Api>,
    /// Number of calls.
    pub calls: u64,
    /// Error code, if all calls have the same.
    pub error: Option<String>,
    /// What the calls are about: the first few.
    pub objects: Vec<String>,
    /// How many there are.
    pub objects_total: u64,
    /// Account.
    pub account_id: Option<String>,
    /// Region, if it is one.
    pub region: Option<String>,
    /// Number of regions.
    pub regions: u64,
    /// Where the calls came from.
    pub address: Option<String>,
    /// Its country.
    pub country: Option<String>,
    /// Client.
    pub client: Option<String>,
    /// What made the calls, see the column `via`.
    pub via: Option<String>,
    /// What was new for the identity: `identity`, `api`, `country`, `network`, `client`, `region`.
    pub first: Vec<&'static str>,
    /// Id of the finding.
    pub finding: Option<String>,
    /// Severity of the finding.
    pub severity: Option<Severity>,
    /// One sentence.
    pub text: String,
    /// The first events.
    pub event_ids: Vec<String>,
}

/// Kinds of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Sign-in to the console or to Identity Center.
    SignIn,
    /// Credentials were issued: a role was assumed.
    Session,
    /// Something was changed.
    Change,
    /// Something was read.
    Read,
    /// A finding; after the calls of the same time.
    Finding,
}

impl Kind {
    /// The word in texts.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Finding => "finding",
            Kind::SignIn => "sign-in",
            Kind::Session => "session",
            Kind::Change => "change",
            Kind::Read => "read",
        }
    }
}

/// Calls of an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Api {
    /// The API.
    pub api: String,
    /// How many calls.
    pub calls: u64,
}

/// The timelines of several subjects, with the findings about them. Each has at most `rows_max` rows; 0 for all.
///
/// # Errors
/// When a query fails.
pub async fn timelines(
    session: &Session,
    subjects: &[Subject],
    findings: &[Finding],
    rows_max: usize,
) -> Result<Vec<Timeline>> {
    let days: BTreeSet<NaiveDate> = subjects.iter().flat_map(Subject::days).collect();
    let from = subjects.iter().map(|subject| subject.window.from).min();
    let Some((from, to)) = from.zip(subjects.iter().map(|subject| subject.window.to).max()) else {
        return Ok(Vec::new());
    };
    let window = Window { from, to };
    let entities: BTreeSet<String> = subjects.iter().flat_map(|subject| subject.entities.iter().cloned()).collect();
    let reader = Reader { session, window, days };
    let (origins, more_sessions) = reader.sessions(&entities).await?;
    let sessions: BTreeSet<String> = origins.keys().filter_map(|(_, session, _)| session.clone()).collect();
    let (mut calls, cut_off) = reader.calls(&entities, &sessions).await?;
    // Users that the subjects created: what they did belongs to the story.
    let mut created = BTreeSet::new();
    for subject in subjects {
        let own: Vec<&Calls> =
            calls.iter().filter(|calls| rows::belonging(calls, subject, &origins, &[]).is_some()).collect();
        created.extend(rows::created_by(&own));
    }
    calls.extend(reader.calls_of_users(&created, &calls).await?);
    let actors: BTreeSet<String> = calls.iter().map(|calls| calls.actor.clone()).collect();
    let first_times = reader.first_times(&actors).await?;
    let found = Found { calls, origins, first_times, more_sessions, cut_off };
    Ok(subjects.iter().map(|subject| rows::timeline(subject, &found, findings, rows_max)).collect())
}
