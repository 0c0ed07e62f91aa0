//! What to generate: the settings of a sample.

use std::path::PathBuf;

use chrono::NaiveDate;

use crate::sample::environment::Environment;

/// The settings of a sample.
#[derive(Clone, Debug)]
pub struct SampleSettings {
    /// The folder to write to; it is created if missing.
    pub out: PathBuf,
    /// Number of days. Attacks start after the first 14 days, or in the second half of a sample shorter than 28 days.
    pub days: u32,
    /// Number of AWS accounts.
    pub accounts: u32,
    /// Events on an average weekday in all accounts together; weekend days have a little more than half.
    pub events_per_day: u32,
    /// Number of people; none: derived from the traffic.
    pub people: Option<u32>,
    /// Number of planted attacks: the kinds in their order, repeated as often as needed.
    pub attacks: u32,
    /// Seed of all randomness; another seed gives another organisation.
    pub seed: u64,
    /// The first day, UTC.
    pub start: NaiveDate,
    /// Average number of events in a log object of a busy region.
    pub events_per_object: u32,
    /// What distinguishes the organisation from others; none: [`Environment::STANDARD`]. See [`SampleSettings::draw`].
    pub environment: Option<Environment>,
}

impl SampleSettings {
    /// The environment, drawn or standard.
    pub(crate) fn environment(&self) -> &Environment {
        self.environment.as_ref().unwrap_or(&Environment::STANDARD)
    }
}

impl Default for SampleSettings {
    fn default() -> Self {
        Self {
            out: PathBuf::from("sample"),
            days: 30,
            accounts: 3,
            events_per_day: 5_000,
            people: None,
            attacks: 10,
            seed: 1,
            start: NaiveDate::from_ymd_opt(2024, 3, 4).unwrap_or_default(),
            events_per_object: 100,
            environment: None,
        }
    }
}
