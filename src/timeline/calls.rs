//! Reads what timelines need: the calls, the sessions behind which a subject is, the first times.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Kind;
use crate::detect::{self, Finding, Window};
use crate::engine::{Parameters, Session, bind_days, bind_texts};
use crate::error::{Error, Result};

const CALLS: &str = include_str!("../../sql/timeline/calls.sql");
const SESSIONS: &str = include_str!("../../sql/timeline/sessions.sql");
const FIRST_TIMES: &str = include_str!("../../sql/timeline/first_times.sql");

/// Sessions of a subject that are followed; the query reads one more.
const SESSIONS_MAX: usize = 1_000;

/// Rows that are read; the query reads one more.
const CALLS_MAX: usize = 50_000;

/// Calls that are alike within five minutes.
#[derive(Debug, Clone, Deserialize)]
pub struct Calls {
    pub first_time: DateTime<Utc>,
    pub last_time: DateTime<Utc>,
    pub actor: String,
    pub session_arn: Option<String>,
    pub credential: Option<String>,
    pub issued_time: Option<String>,
    pub access_key_id: Option<String>,
    pub user_identity_type: Option<String>,
    pub user_name: Option<String>,
    pub account_id: Option<String>,
    pub region: Option<String>,
    pub address: Option<String>,
    pub country: Option<String>,
    pub asn: Option<i64>,
    pub client: Option<String>,
    pub via: Option<String>,
    pub service: Option<String>,
    pub api: Option<String>,
    pub kind: Kind,
    pub failed: bool,
    pub error: Option<String>,
    pub calls: u64,
    pub objects: Option<Vec<String>>,
    pub event_ids: Vec<String>,
}

/// A temporary credential: key or session, session ARN, time of issue.
pub type Credential = (Option<String>, Option<String>, Option<String>);

/// Something that an identity did for the first time.
#[derive(Debug, Deserialize)]
pub struct FirstTime {
    pub actor: String,
    pub kind: String,
    pub item: String,
    pub first_time: DateTime<Utc>,
    pub history_days: f64,
}

/// A user that got an access key, a password or its existence from a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Created {
    pub account_id: String,
    pub user_name: String,
    pub since: DateTime<Utc>,
}

/// What was read for all subjects.
#[derive(Debug, Default)]
pub struct Found {
    pub calls: Vec<Calls>,
    /// The origin of sessions.
    pub origins: BTreeMap<Credential, String>,
    pub first_times: Vec<FirstTime>,
    pub more_sessions: bool,
    /// From when on calls were not read, because there are too many.
    pub cut_off: Option<DateTime<Utc>>,
}

/// The identities that made the calls that are the evidence of a finding.
///
/// # Errors
/// When the query fails.
pub async fn callers(session: &Session, finding: &Finding) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Caller {
        actor: String,
    }
    let events = session.temp_table("event_id", finding.evidence.events.iter().map(|event| event.event_id.clone()))?;
    let mut parameters = Parameters::new();
    let days = bind_days(&mut parameters, finding.each_day());
    let sql = format!(
        "SELECT DISTINCT e.actor FROM {events} AS w JOIN events AS e ON e.event_id = w.event_id \
         WHERE e.event_date IN ({days}) AND e.actor IS NOT NULL ORDER BY e.actor"
    );
    let batches = session.query("callers", &sql, &parameters).await?.collect().await?;
    let rows = detect::rows(&batches).map_err(|e| Error::query("callers", e))?;
    let caller = |row| serde_json::from_value::<Caller>(Value::Object(row)).map_err(|e| Error::query("callers", e));
    rows.into_iter().map(|row| Ok(caller(row)?.actor)).collect()
}

/// Reads some days of a period.
pub struct Reader<'a> {
    pub session: &'a Session,
    pub window: Window,
    pub days: BTreeSet<NaiveDate>,
}

impl Reader<'_> {
    /// Sessions behind which one of these is, and whether there are more than are followed.
    pub async fn sessions(&self, origins: &BTreeSet<String>) -> Result<(BTreeMap<Credential, String>, bool)> {
        #[derive(Deserialize)]
        struct Found {
            origin: String,
            credential: Option<String>,
            session_arn: Option<String>,
            issued_time: Option<String>,
        }
        let mut parameters = self.window.parameters();
        let wanted = bind_texts(&mut parameters, "origin", origins);
        let found: Vec<Found> = self.read("sessions of a timeline", SESSIONS, &wanted, parameters).await?;
        let more = found.len() > SESSIONS_MAX;
        let found = found.into_iter().take(SESSIONS_MAX);
        let sessions = found.map(|row| ((row.credential, row.session_arn, row.issued_time), row.origin));
        Ok((sessions.collect(), more))
    }

    /// Calls of these identities, credentials and addresses, and of these sessions; and from when on calls were not read,
    /// because there are too many.
    pub async fn calls(
        &self,
        entities: &BTreeSet<String>,
        sessions: &BTreeSet<String>,
    ) -> Result<(Vec<Calls>, Option<DateTime<Utc>>)> {
        let mut parameters = self.window.parameters();
        let entity = bind_texts(&mut parameters, "entity", entities);
        let session = bind_texts(&mut parameters, "session", sessions);
        let wanted = format!(
            "actor IN ({entity}) OR user_identity_arn IN ({entity}) OR access_key_id IN ({entity}) \
             OR source_ip_address IN ({entity}) OR user_identity_arn IN ({session})"
        );
        let mut calls: Vec<Calls> = self.read("timeline", CALLS, &wanted, parameters).await?;
        let cut_off = calls.get(CALLS_MAX).map(|calls| calls.first_time);
        calls.truncate(CALLS_MAX);
        Ok((calls, cut_off))
    }

    /// Calls of created users that are not among `known`.
    pub async fn calls_of_users(&self, users: &BTreeSet<Created>, known: &[Calls]) -> Result<Vec<Calls>> {
        let names: BTreeSet<String> = users.iter().map(|user| user.user_name.clone()).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let known: BTreeSet<&str> = known.iter().map(|calls| calls.actor.as_str()).collect();
        let mut parameters = self.window.parameters();
        let wanted = format!(
            "user_identity_type = 'IAMUser' AND user_identity_user_name IN ({})",
            bind_texts(&mut parameters, "user", &names)
        );
        let mut calls: Vec<Calls> = self.read("timeline", CALLS, &wanted, parameters).await?;
        calls.retain(|calls| !known.contains(calls.actor.as_str()) && users.iter().any(|user| user.made(calls)));
        Ok(calls)
    }

    /// What these identities did for the first time.
    pub async fn first_times(&self, actors: &BTreeSet<String>) -> Result<Vec<FirstTime>> {
        let mut parameters = self.window.parameters();
        let wanted = bind_texts(&mut parameters, "actor", actors);
        self.read("first times of a timeline", FIRST_TIMES, &wanted, parameters).await
    }

    /// The rows of a query whose `{wanted}` and `{days}` are filled in.
    async fn read<T: DeserializeOwned>(
        &self,
        what: &str,
        sql: &str,
        wanted: &str,
        mut parameters: Parameters,
    ) -> Result<Vec<T>> {
        let days = bind_days(&mut parameters, &self.days);
        let sql = sql.replace("{days}", &days).replace("{wanted}", wanted);
        let batches = self.session.query(what, &sql, &parameters).await?.collect().await?;
        let rows = detect::rows(&batches).map_err(|e| Error::query(what, e))?;
        let row = |row| serde_json::from_value(Value::Object(row)).map_err(|e| Error::query(what, e));
        rows.into_iter().map(row).collect()
    }
}

impl Created {
    /// Whether the user made these calls, after it was created.
    pub fn made(&self, calls: &Calls) -> bool {
        calls.user_identity_type.as_deref() == Some("IAMUser")
            && calls.user_name.as_ref() == Some(&self.user_name)
            && calls.account_id.as_ref() == Some(&self.account_id)
            && calls.last_time >= self.since
    }
}
