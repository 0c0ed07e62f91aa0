//! What an identity, a credential or an address did, and who is behind it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ask::{self, Questions};
use crate::detect::{self, Severity, Window};
use crate::error::{Error, Result};
use crate::mcp::page::{Page, page};
use crate::mcp::tool::{Answered, Context, window};
use crate::mcp::untrusted::{Field, Marker, Untrusted};
use crate::runs;
use crate::timeline::{self, Kind, Subject};

/// Days of a story, unless a period is given: the last ones.
const DAYS: i64 = 7;
/// Rows of each section of a profile.
const SECTION_ROWS_MAX: usize = 8;
/// Credentials of a story.
const LANES_MAX: usize = 50;
/// Sessions that are looked for.
const SESSIONS_MAX: usize = 10_000;

/// An entity and a period.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityStory {
    /// ARN, access key id, address, or a name such as `maria`.
    pub entity: String,
    /// Start: a day such as 2024-03-01, a time, or an age such as 7d, counted from now; the last 7 days of the lake unless given.
    pub from: Option<String>,
    /// End, not included; the end of the lake unless given.
    pub to: Option<String>,
    /// Leave out the profile.
    pub without_profile: Option<bool>,
    /// Rows of the story to skip.
    pub offset: Option<usize>,
    /// Rows of the story to return, at most 100; 20 unless given.
    pub limit: Option<usize>,
}

/// The story of an entity.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Story {
    /// The identities that have the name.
    pub entities: Vec<Untrusted>,
    /// Start of the period, UTC.
    pub from: String,
    /// End of the period, UTC.
    pub to: String,
    /// Calls in the period, all rows together.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// From when on calls are not covered, because there are too many.
    pub cut_off: Option<String>,
    /// True if there are more sessions than are covered, so that `calls` is too small.
    pub more_sessions: bool,
    /// Reports of runs whose findings are missing, because they cannot be read; see `verify`.
    pub reports_not_read: u64,
    /// The credentials it covers; at most 50.
    pub credentials: Vec<Credential>,
    /// Number of credentials, also of those left out.
    pub credentials_total: u64,
    /// What happened, in order of time.
    pub rows: Vec<StoryRow>,
    /// Which rows these are.
    pub page: Page,
    /// The profile of the first identity: sections of rows.
    pub profile: Vec<Section>,
}

/// A credential.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Credential {
    /// The identity.
    pub actor: Untrusted,
    /// ARN of the session.
    pub session: Option<Untrusted>,
    /// Access key.
    pub access_key: Option<Untrusted>,
    /// Who is behind it.
    pub origin: Option<Untrusted>,
    /// How it belongs to the entity.
    pub why: String,
}

/// Calls that are alike, or a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StoryRow {
    /// First call, UTC.
    pub first_time: String,
    /// Last call, UTC.
    pub last_time: String,
    /// `sign-in`, `session`, `change`, `read` or `finding`.
    pub kind: String,
    /// True if the calls failed.
    pub failed: bool,
    /// Index of the credential in `credentials`, from 0; null if it is left out there.
    pub credential: Option<u64>,
    /// Number of calls.
    pub calls: u64,
    /// What was new for the identity: identity, api, country, network, client, region.
    pub first: Vec<String>,
    /// One sentence.
    pub text: Untrusted,
    /// The caller's address.
    pub address: Option<Untrusted>,
    /// Its country.
    pub country: Option<Untrusted>,
    /// Id of the finding.
    pub finding: Option<String>,
    /// Severity of the finding.
    pub severity: Option<Severity>,
    /// The first events.
    pub event_ids: Vec<Untrusted>,
}

/// A part of a profile.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Section {
    /// What it shows.
    pub title: String,
    /// At most 8 rows.
    pub rows: Vec<BTreeMap<String, Field>>,
    /// Number of rows.
    pub total: u64,
}

pub async fn entity_story(context: &Context, arguments: EntityStory) -> Result<Answered<Story>> {
    let (snapshot, session) = context.session().await?;
    let window = window(&snapshot, arguments.from.as_deref(), arguments.to.as_deref())?;
    let last_days = Window { from: (window.to - TimeDelta::days(DAYS)).max(window.from), ..window };
    let window = if arguments.from.is_none() { last_days } else { window };
    let entities = ask::find(&arguments.entity, &session).await?;
    let subject =
        Subject { name: arguments.entity.clone(), entities: entities.clone(), window, days: Default::default() };
    let reported = runs::reported(&context.lake, window).await?;
    let told = timeline::timelines(&session, &[subject], &reported.findings, 0).await?;
    let told = told.first().ok_or_else(|| Error::Internal("a timeline is missing".into()))?;
    let marker = Marker::new();
    let (rows, page) = page(&told.rows, arguments.offset, arguments.limit, |row| StoryRow::of(row, &marker));
    let credential = |lane: &timeline::Lane| Credential {
        actor: marker.text(&lane.actor),
        session: marker.optional(lane.session.as_deref()),
        access_key: marker.optional(lane.credential.as_deref()),
        origin: marker.optional(lane.origin.as_deref()),
        why: lane.why.to_owned(),
    };
    let mut profile = Vec::new();
    if let Some(first) = entities.first().filter(|_| arguments.without_profile != Some(true)) {
        for section in ask::sections(first, &session, window).await? {
            let names: Vec<&String> = section.columns.iter().map(|column| &column.name).collect();
            let row = |values: &Vec<Value>| {
                let named = names.iter().zip(values).filter(|(_, value)| !value.is_null());
                marker.row(&named.map(|(name, value)| ((*name).clone(), value.clone())).collect::<Map<_, _>>())
            };
            let rows = section.rows.iter().take(SECTION_ROWS_MAX).map(row).collect();
            profile.push(Section { title: section.title.clone(), rows, total: section.rows.len() as u64 });
        }
    }
    let shown = rows.len();
    let story = Story {
        entities: marker.texts(&entities),
        from: window.from.to_rfc3339(),
        to: window.to.to_rfc3339(),
        calls: told.calls,
        failed: told.failed,
        cut_off: told.cut_off.map(|time| time.to_rfc3339()),
        more_sessions: told.more_sessions,
        reports_not_read: reported.unread.len() as u64,
        credentials: told.lanes.iter().take(LANES_MAX).map(credential).collect(),
        credentials_total: told.lanes.len() as u64,
        rows,
        page,
        profile,
    };
    Ok(Answered::new(story, shown))
}

impl StoryRow {
    fn of(row: &timeline::Row, marker: &Marker) -> StoryRow {
        StoryRow {
            first_time: row.first_time.to_rfc3339(),
            last_time: row.last_time.to_rfc3339(),
            kind: Kind::word(row.kind).to_owned(),
            failed: row.failed,
            credential: (row.lane < LANES_MAX).then_some(row.lane as u64),
            calls: row.calls,
            first: row.first.iter().map(|first| (*first).to_owned()).collect(),
            text: marker.text(&row.text),
            address: marker.optional(row.address.as_deref()),
            country: marker.optional(row.country.as_deref()),
            finding: row.finding.clone(),
            severity: row.severity,
            event_ids: marker.texts(&row.event_ids[..row.event_ids.len().min(3)]),
        }
    }
}

/// A credential, a session or an identity.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionLineage {
    /// Temporary access key id, ARN or name of a session, or an identity.
    pub session: String,
    /// Start of the period; the start of the lake unless given.
    pub from: Option<String>,
    /// End, not included; the end of the lake unless given.
    pub to: Option<String>,
    /// Sessions to skip.
    pub offset: Option<usize>,
    /// Sessions to return, at most 100; 20 unless given.
    pub limit: Option<usize>,
}

/// Sessions, and who is behind each.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Lineage {
    /// One row per session: the credential, who is behind it (`origin`), the `path` from there, how each step is known
    /// (`links`), what it did.
    pub sessions: Vec<BTreeMap<String, Field>>,
    /// Which of the sessions these are.
    pub page: Page,
    /// True if there are more than `total`; give a shorter period.
    pub more: bool,
}

pub async fn session_lineage(context: &Context, arguments: SessionLineage) -> Result<Answered<Lineage>> {
    let (snapshot, session) = context.session().await?;
    let window = window(&snapshot, arguments.from.as_deref(), arguments.to.as_deref())?;
    let questions = Questions::load()?;
    let question = questions.get("session_lineage")?;
    let given = [("session".to_owned(), arguments.session.clone()), ("rows".to_owned(), SESSIONS_MAX.to_string())];
    let parameters = question.parameters(&given, Some(window))?;
    let query = session.query_parsed(&question.name, &question.sql, &parameters).await?;
    let rows = detect::rows(&query.collect().await?).map_err(|e| Error::query(&question.name, e))?;
    let marker = Marker::new();
    let known = |row: &Map<String, Value>| {
        let known = row.iter().filter(|(_, value)| !value.is_null());
        marker.row(&known.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    let (sessions, page) = page(&rows, arguments.offset, arguments.limit, known);
    let shown = sessions.len();
    Ok(Answered::new(Lineage { sessions, page, more: rows.len() >= SESSIONS_MAX }, shown))
}
