//! The sections of the report that are query results: one file in `sql/report` per section.
//!
//! `events_by_*.sql` goes to the report's `statistics`. Every other file needs a member of [`Sections`], so that no query
//! is run for nothing: [`Sections::place`] refuses a file without one, and a test checks it for all files.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use futures::{StreamExt, TryFutureExt, TryStreamExt, stream};
use include_dir::{Dir, include_dir};
use serde_json::{Map, Value};

use crate::detect::{Finding, Window, rows};
use crate::engine::{Session, Value as Bound};
use crate::error::{Error, Result};

static QUERIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/report");

/// A row of a query.
pub type Row = Map<String, Value>;

/// The days a report is about, and up to when they should have events.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// The window.
    pub window: Window,
    /// Events are expected up to here. `None` for an archive, which ends with its last event.
    pub expected_until: Option<DateTime<Utc>>,
    /// The first and the last day of the lake, if it has events.
    pub days: Option<(NaiveDate, NaiveDate)>,
}

/// What the sections are about, apart from the window.
#[derive(Debug, Clone, Default)]
pub struct Subjects {
    /// The identities that findings are about, and the riskiest.
    pub actors: Vec<String>,
    /// The riskiest identities.
    pub riskiest: Vec<String>,
    /// The series to chart: the name of a series and the identity or account, with a space between.
    pub charted: Vec<String>,
    /// Addresses of the events of findings of at least medium severity.
    pub suspects: Vec<String>,
}

/// The rows of every section.
pub struct Sections {
    pub statistics: BTreeMap<String, Vec<Row>>,
    pub baselines: Vec<Row>,
    pub by_account_and_region: Vec<Row>,
    pub daily_calls: Vec<Row>,
    pub deviations: Vec<Row>,
    pub error_rates: Vec<Row>,
    pub gaps: Vec<Row>,
    pub identity_addresses: Vec<Row>,
    pub identity_keys: Vec<Row>,
    pub lake: Row,
    pub reject_examples: Vec<Row>,
    pub sensitive_api_calls: Vec<Row>,
    pub series: Vec<Row>,
}

impl Sections {
    /// Runs the queries of all sections, some at a time.
    ///
    /// # Errors
    /// When a query fails, or a section has no place in the report.
    pub async fn query(session: &Session, judged: &Judged, about: &Subjects) -> Result<Sections> {
        let sections = stream::iter(names())
            .map(|name| section_about(name, session, judged, about).map_ok(move |rows| (name, rows)))
            .buffered(judged.window.queries_at_once());
        Sections::place(sections.try_collect().await?)
    }

    /// The rows that may name identities.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        let sections = [
            &self.baselines,
            &self.daily_calls,
            &self.deviations,
            &self.identity_addresses,
            &self.identity_keys,
            &self.sensitive_api_calls,
        ];
        sections.into_iter().chain(self.statistics.values()).flatten()
    }

    /// Whether the days of a finding were evaluated again: they are in the window and have events.
    pub fn has_events_on_days_of(&self, finding: &Finding, window: Window) -> bool {
        let Some((first, last)) = finding.times() else { return false };
        let has_events = |day: NaiveDate| {
            let day = day.to_string();
            let mut days = self.statistics.get("events_by_day").into_iter().flatten();
            days.any(|row| row.get("day").is_some_and(|date| date.as_str().is_some_and(|d| d.starts_with(&day))))
        };
        window.from <= first && last < window.to && has_events(first.date_naive()) && has_events(last.date_naive())
    }

    fn place(mut rows: BTreeMap<&str, Vec<Row>>) -> Result<Sections> {
        let is_statistic = |name: &&str| name.starts_with("events_by_");
        let names: Vec<&str> = rows.keys().copied().filter(is_statistic).collect();
        let statistics = names.into_iter().filter_map(|name| Some((name.to_owned(), rows.remove(name)?))).collect();
        let mut take = |name: &str| {
            rows.remove(name).ok_or_else(|| Error::Internal(format!("no query sql/report/{name}.sql for its section")))
        };
        let sections = Sections {
            statistics,
            baselines: take("baselines")?,
            by_account_and_region: take("by_account_and_region")?,
            daily_calls: take("daily_calls")?,
            deviations: take("deviations")?,
            error_rates: take("error_rates")?,
            gaps: take("gaps")?,
            identity_addresses: take("identity_addresses")?,
            identity_keys: take("identity_keys")?,
            lake: take("lake")?.pop().unwrap_or_default(),
            reject_examples: take("reject_examples")?,
            sensitive_api_calls: take("sensitive_api_calls")?,
            series: take("series")?,
        };
        match rows.keys().next() {
            Some(name) => Err(Error::Internal(format!(
                "sql/report/{name}.sql has no place in the report: add it to Sections in src/report/sections.rs"
            ))),
            None => Ok(sections),
        }
    }
}

/// Events in the window, from the report's statistics.
pub fn events_in_window(statistics: &BTreeMap<String, Vec<Row>>) -> u64 {
    let days = statistics.get("events_by_day").into_iter().flatten();
    days.filter_map(|row| row.get("events").and_then(|n| n.as_u64())).sum()
}

/// Names of all sections, from the file names.
fn names() -> impl Iterator<Item = &'static str> {
    QUERIES.files().filter_map(|file| file.path().file_stem()?.to_str())
}

/// The rows of one section.
///
/// # Errors
/// When the query fails, or there is no section of that name.
pub async fn section(name: &str, session: &Session, judged: &Judged) -> Result<Vec<Row>> {
    section_about(name, session, judged, &Subjects::default()).await
}

async fn section_about(name: &str, session: &Session, judged: &Judged, about: &Subjects) -> Result<Vec<Row>> {
    let sql = QUERIES.get_file(format!("{name}.sql")).and_then(|file| file.contents_utf8());
    let sql = sql.ok_or_else(|| Error::Internal(format!("no section {name}")))?;
    let mut parameters = judged.window.parameters();
    let until = judged.expected_until.unwrap_or(judged.window.from);
    parameters.insert("until".into(), Bound::Time(until.timestamp_micros()));
    let (first_day, last_day) = judged.days.unwrap_or_default();
    parameters.insert("first_day".into(), Bound::Text(first_day.to_string()));
    parameters.insert("last_day".into(), Bound::Text(last_day.to_string()));
    parameters.insert("actors".into(), Bound::Texts(about.actors.clone()));
    parameters.insert("riskiest".into(), Bound::Texts(about.riskiest.clone()));
    parameters.insert("suspects".into(), Bound::Texts(about.suspects.clone()));
    parameters.insert("charted".into(), Bound::Texts(about.charted.clone()));
    let batches = session.query(name, sql, &parameters).await?.collect().await?;
    rows(&batches).map_err(|e| Error::query(name, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_has_a_place_and_a_new_one_without_is_an_error() {
        let mut rows: BTreeMap<_, _> = names().map(|name| (name, Vec::new())).collect();
        let sections = Sections::place(rows.clone()).expect("every file of sql/report has a place");
        assert!(sections.statistics.contains_key("events_by_day"));
        rows.insert("forgotten", Vec::new());
        let error = Sections::place(rows).err().expect("it has no place").to_string();
        assert!(error.contains("sql/report/forgotten.sql has no place in the report"), "{error}");
    }

    #[test]
    fn a_section_without_its_query_is_an_error() {
        let rows = names().filter(|name| *name != "gaps").map(|name| (name, Vec::new())).collect();
        let error = Sections::place(rows).err().expect("a query is missing").to_string();
        assert!(error.contains("sql/report/gaps.sql"), "{error}");
    }
}
