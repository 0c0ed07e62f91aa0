//! The window: the days that are evaluated.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::Serialize;

use crate::engine::{Parameters, Value};

/// From `from` (inclusive) to `to` (exclusive). Events before `from` are history to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Window {
    /// Start, UTC.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub from: DateTime<Utc>,
    /// End, UTC, not included.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub to: DateTime<Utc>,
}

impl Window {
    /// The whole days from `first` to `last`; `None` if there is no day after `last`.
    pub fn of_days(first: NaiveDate, last: NaiveDate) -> Option<Window> {
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        Some(Window { from: midnight(first), to: midnight(last.succ_opt()?) })
    }

    /// As `$from` and `$to` in SQL.
    pub fn parameters(&self) -> Parameters {
        let time = |time: DateTime<Utc>| Value::Time(time.timestamp_micros());
        Parameters::from([("from".to_owned(), time(self.from)), ("to".to_owned(), time(self.to))])
    }

    /// How many queries over it run at once. A single query leaves cores idle while it is planned or merges its results.
    /// Over a few days this matters more, and the queries need less memory.
    pub fn queries_at_once(&self) -> usize {
        if self.to - self.from <= TimeDelta::days(7) { 3 } else { 2 }
    }
}

/// `2024-02-29T00:00:00Z`.
pub fn rfc3339<S: serde::Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}
