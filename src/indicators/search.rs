//! Looks indicators up in the history: which events have one of the values, and who did what in them.
//!
//! Distinct addresses and user agents are read from one column and matched here; access keys, ARNs and account ids match
//! only as they are. The values that matched are then joined with the events, one scan per column: the scan skips files by
//! time, and row groups by minima, maxima and bloom filters.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::feed::Problem;
use super::index::{AddressIndex, UserAgentIndex};
use super::indicator::{Indicator, Kind, Mention};
use super::read::{FileSummary, Indicators};
use crate::detect::{Window, rows};
use crate::engine::Session;
use crate::error::{Error, Result};

const ADDRESSES: &str = include_str!("../../sql/indicators/addresses.sql");
const LOCATED_ADDRESSES: &str = include_str!("../../sql/indicators/located_addresses.sql");
const USER_AGENTS: &str = include_str!("../../sql/indicators/user_agents.sql");
const EVENTS: &str = include_str!("../../sql/indicators/events.sql");
const HITS: &str = include_str!("../../sql/indicators/hits.sql");

/// Identities, APIs and values of a hit that are kept, most calls first.
const COUNTS_MAX: usize = 10;
/// Events of a hit that are named.
const EVENTS_MAX: usize = 5;

/// Indicators, and the events that have them.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Search {
    /// Files that were read.
    pub files: Vec<FileSummary>,
    /// Indicators that were searched for, each once, by kind.
    pub searched: BTreeMap<Kind, u64>,
    /// The period that was searched.
    pub period: Window,
    /// Events in it.
    pub events: u64,
    /// Records of the lake that could not be read, and were not searched.
    pub rejects: u64,
    /// Values in the files that CloudTrail does not record, by type.
    pub not_recorded: BTreeMap<String, u64>,
    /// Values that the files say not to use, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// Lines and objects that are not understood, at most 10,000.
    pub problems: Vec<Problem>,
    /// How many there are.
    pub problems_total: u64,
    /// Indicators with events, those of the window first, then by confidence.
    pub hits: Vec<Hit>,
}

impl Search {
    /// How many indicators were searched for.
    pub fn indicators(&self) -> u64 {
        self.searched.values().sum()
    }

    /// Hits that count as an alert of this window.
    pub fn alerts(&self) -> u64 {
        self.hits.iter().filter(|hit| hit.in_window && !hit.expired).count() as u64
    }
}

/// An indicator with events.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Hit {
    /// What the indicator is.
    pub kind: Kind,
    /// Its value.
    pub value: String,
    /// Where it comes from, at most 10 places.
    pub mentions: Vec<Mention>,
    /// First event, UTC.
    pub first_time: String,
    /// Last event, UTC.
    pub last_time: String,
    /// The last event is in the window that is evaluated.
    pub in_window: bool,
    /// All events are later than the time until which the indicator was valid.
    pub expired: bool,
    /// Number of events.
    pub calls: u64,
    /// Those with an error.
    pub failed: u64,
    /// Identities with the most calls, at most 10.
    pub identities: Vec<Count>,
    /// How many there are.
    pub identities_total: u64,
    /// APIs with the most calls, at most 10.
    pub apis: Vec<Count>,
    /// How many there are.
    pub apis_total: u64,
    /// Accounts the calls were made in.
    pub accounts: Vec<String>,
    /// Their regions.
    pub regions: Vec<String>,
    /// What the log has: for a network its addresses, for a user agent the whole texts; at most 10.
    pub matched: Vec<Count>,
    /// How many there are.
    pub matched_total: u64,
    /// The first event of a few identities, APIs, accounts and regions, the earliest ones.
    pub evidence: Vec<FirstEvent>,
}

impl Hit {
    /// The highest confidence that a file states.
    pub fn confidence(&self) -> Option<u8> {
        self.mentions.iter().filter_map(|mention| mention.confidence).max()
    }
}

/// A name and its number of calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Count {
    /// Identity, API or value.
    pub name: String,
    /// Calls.
    pub calls: u64,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FirstEvent {
    /// When, UTC.
    pub event_time: String,
    /// Its id.
    pub event_id: String,
}

/// Searches a period. `window` is the part of it that a hunt evaluates.
///
/// # Errors
/// When a query fails.
pub async fn search(indicators: &Indicators, session: &Session, period: Window, window: Window) -> Result<Search> {
    let all = &indicators.indicators;
    let mut tallies: HashMap<usize, Tally> = HashMap::new();
    for (columns, values) in values(all, session, period).await? {
        for (at, column) in columns.iter().enumerate() {
            add_hits(session, period, (column, &columns[..at]), &values, &mut tallies).await?;
        }
    }
    let mut hits: Vec<Hit> =
        tallies.into_iter().filter_map(|(at, tally)| Some(tally.hit(all.get(at)?, window.from))).collect();
    hits.sort_by_cached_key(|hit| {
        let order = (hit.expired, !hit.in_window, std::cmp::Reverse(hit.confidence()));
        (order, std::cmp::Reverse(hit.last_time.clone()), hit.kind, hit.value.clone())
    });
    let mut searched = BTreeMap::new();
    all.iter().for_each(|indicator| *searched.entry(indicator.kind).or_default() += 1);
    let (events, rejects) = numbers(session, period).await?;
    Ok(Search {
        files: indicators.files.clone(),
        searched,
        period,
        events,
        rejects,
        not_recorded: indicators.not_recorded.clone(),
        left_out: indicators.left_out.clone(),
        problems: indicators.problems.clone(),
        problems_total: indicators.problems_total,
        hits,
    })
}

/// Values of a log, and the indicators that each of them matches.
type Values = HashMap<String, Vec<usize>>;

/// Columns, and what to look for in them. An event with a value in two columns counts for the first.
async fn values(
    indicators: &[Indicator],
    session: &Session,
    period: Window,
) -> Result<Vec<(&'static [&'static str], Values)>> {
    let mut values: Vec<(&[&str], Values)> = Vec::new();
    if let Some(index) = AddressIndex::of(indicators) {
        let sql = if index.has_as_numbers() { LOCATED_ADDRESSES } else { ADDRESSES };
        let mut matching = Values::new();
        each_value("addresses", sql, session, period, |value, as_number| {
            let found = index.matching(value, as_number);
            if !found.is_empty() {
                matching.insert(value.to_owned(), found);
            }
        })
        .await?;
        values.push((&["source_ip_address"], matching));
    }
    if let Some(index) = UserAgentIndex::of(indicators)? {
        let mut matching = Values::new();
        each_value("user agents", USER_AGENTS, session, period, |value, _| {
            let found = index.matching(value);
            if !found.is_empty() {
                matching.insert(value.to_owned(), found);
            }
        })
        .await?;
        values.push((&["user_agent"], matching));
    }
    let of_kind = |kind: Kind| -> Values {
        let indicators = indicators.iter().enumerate().filter(|(_, indicator)| indicator.kind == kind);
        indicators.map(|(at, indicator)| (indicator.value.clone(), vec![at])).collect()
    };
    values.push((&["access_key_id"], of_kind(Kind::AccessKey)));
    values.push((&["actor", "user_identity_arn", "session_issuer_arn"], of_kind(Kind::Arn)));
    values.push((&["user_identity_account_id", "account_id", "vpc_endpoint_account_id"], of_kind(Kind::Account)));
    values.retain(|(_, values)| !values.is_empty());
    Ok(values)
}

/// Calls `each` with every row of a query: a text and perhaps a number.
async fn each_value(
    what: &str,
    sql: &str,
    session: &Session,
    period: Window,
    mut each: impl FnMut(&str, Option<i64>),
) -> Result<()> {
    let mut batches = session.query(what, sql, &period.parameters()).await?.stream().await?;
    while let Some(batch) = batches.try_next().await? {
        let texts = cast(batch.column(0), &DataType::Utf8).map_err(|e| Error::query(what, e))?;
        let numbers = batch.columns().get(1).and_then(|column| column.as_primitive_opt::<Int64Type>());
        for (row, text) in texts.as_string::<i32>().iter().enumerate() {
            let number = numbers.filter(|numbers| numbers.is_valid(row)).map(|numbers| numbers.value(row));
            text.into_iter().for_each(|text| each(text, number));
        }
    }
    Ok(())
}

/// A row of `hits.sql`.
#[derive(Deserialize)]
struct Row {
    value: String,
    actor: Option<String>,
    account_id: Option<String>,
    aws_region: Option<String>,
    event_source: Option<String>,
    api: Option<String>,
    first_time: String,
    last_time: String,
    calls: u64,
    failed: u64,
    first_event: Option<String>,
}

/// Adds the events that have one of the values in a column, and the same value in none of the columns before it.
async fn add_hits(
    session: &Session,
    period: Window,
    (column, before): (&str, &[&str]),
    values: &Values,
    tallies: &mut HashMap<usize, Tally>,
) -> Result<()> {
    let what = "indicators";
    let wanted = session.temp_table("value", values.keys().cloned())?;
    let unless = before.iter().map(|other| format!("\n  AND (event.{other} IS DISTINCT FROM event.{column})"));
    let sql = HITS
        .replace("{wanted}", &wanted.to_string())
        .replace("{column}", column)
        .replace("{unless}", &unless.collect::<String>());
    let mut batches = session.query(what, &sql, &period.parameters()).await?.stream().await?;
    while let Some(batch) = batches.try_next().await? {
        for row in read::<Row>(&batch, what)? {
            for at in values.get(&row.value).into_iter().flatten() {
                tallies.entry(*at).or_default().add(&row);
            }
        }
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(batch: &RecordBatch, what: &str) -> Result<Vec<T>> {
    let rows = rows(std::slice::from_ref(batch)).map_err(|e| Error::query(what, e))?;
    let read = |row| serde_json::from_value(Value::Object(row)).map_err(|e| Error::query(what, e));
    rows.into_iter().map(read).collect()
}

/// Events of the period, and rejects of the lake.
async fn numbers(session: &Session, period: Window) -> Result<(u64, u64)> {
    #[derive(Deserialize)]
    struct Numbers {
        events: u64,
        rejects: u64,
    }
    let what = "events of the period";
    let batches = session.query(what, EVENTS, &period.parameters()).await?.collect().await?;
    let mut numbers = Vec::new();
    for batch in &batches {
        numbers.extend(read::<Numbers>(batch, what)?);
    }
    Ok(numbers.pop().map_or((0, 0), |numbers| (numbers.events, numbers.rejects)))
}

/// The events of an indicator, while they are added up.
#[derive(Default)]
struct Tally {
    first_time: String,
    last_time: String,
    calls: u64,
    failed: u64,
    identities: HashMap<String, u64>,
    apis: HashMap<String, u64>,
    accounts: BTreeSet<String>,
    regions: BTreeSet<String>,
    matched: HashMap<String, u64>,
    evidence: BTreeSet<FirstEvent>,
}

impl Tally {
    fn add(&mut self, row: &Row) {
        if self.first_time.is_empty() || time(&row.first_time) < time(&self.first_time) {
            self.first_time.clone_from(&row.first_time);
        }
        if time(&row.last_time) > time(&self.last_time) {
            self.last_time.clone_from(&row.last_time);
        }
        self.calls += row.calls;
        self.failed += row.failed;
        let identity = row.actor.clone().unwrap_or_else(|| "no identity".into());
        let api = format!("{}:{}", row.event_source.as_deref().unwrap_or("?"), row.api.as_deref().unwrap_or("?"));
        for (counts, name) in
            [(&mut self.identities, identity), (&mut self.apis, api), (&mut self.matched, row.value.clone())]
        {
            *counts.entry(name).or_default() += row.calls;
        }
        self.accounts.extend(row.account_id.clone());
        self.regions.extend(row.aws_region.clone());
        self.evidence.extend(
            row.first_event.clone().map(|event_id| FirstEvent { event_time: row.first_time.clone(), event_id }),
        );
        while self.evidence.len() > EVENTS_MAX {
            self.evidence.pop_last();
        }
    }

    fn hit(self, indicator: &Indicator, window_from: DateTime<Utc>) -> Hit {
        let until = |mention: &Mention| mention.valid_until.as_deref().and_then(time);
        let first = time(&self.first_time);
        let has_expired =
            |mention: &Mention| until(mention).is_some_and(|until| first.is_some_and(|first| first >= until));
        let totals = [&self.identities, &self.apis, &self.matched].map(|counts| counts.len() as u64);
        let [identities, apis, matched] = [self.identities, self.apis, self.matched].map(most);
        let [identities_total, apis_total, matched_total] = totals;
        Hit {
            kind: indicator.kind,
            value: indicator.value.clone(),
            in_window: time(&self.last_time).is_some_and(|last| last >= window_from),
            expired: indicator.mentions.iter().all(has_expired),
            mentions: indicator.mentions.clone(),
            first_time: self.first_time,
            last_time: self.last_time,
            calls: self.calls,
            failed: self.failed,
            identities,
            identities_total,
            apis,
            apis_total,
            accounts: self.accounts.into_iter().collect(),
            regions: self.regions.into_iter().collect(),
            matched,
            matched_total,
            evidence: self.evidence.into_iter().collect(),
        }
    }
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

/// The names with the most calls.
fn most(counts: HashMap<String, u64>) -> Vec<Count> {
    let mut counts: Vec<_> = counts.into_iter().map(|(name, calls)| Count { name, calls }).collect();
    counts.sort_unstable_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.name.cmp(&b.name)));
    counts.truncate(COUNTS_MAX);
    counts
}
