//! The part of history that is judged.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::engine::{Parameters, Value};

/// From `from` up to and without `to`. What came before `from` is history to judge by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Window {
    /// Begin, UTC.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub from: DateTime<Utc>,
    /// End, UTC, not included.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub to: DateTime<Utc>,
}

impl Window {
    /// As `$from` and `$to` in SQL.
    pub fn parameters(&self) -> Parameters {
        let time = |time: DateTime<Utc>| Value::Time(time.timestamp_micros());
        Parameters::from([("from".to_owned(), time(self.from)), ("to".to_owned(), time(self.to))])
    }

    /// How many queries about it run at once. One leaves the cores idle while it is planned or puts rows together; those of
    /// a few days more so, and they hold less.
    pub fn queries_at_once(&self) -> usize {
        if self.to - self.from <= TimeDelta::days(7) { 3 } else { 2 }
    }
}

/// `2024-02-29T00:00:00Z`.
pub fn rfc3339<S: serde::Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}
