//! What to generate: the settings of a sample.

use std::path::PathBuf;

use chrono::NaiveDate;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::sample::environment::Environment;
use crate::sample::random::{Purpose, hash_text, rng_for};

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
    /// What distinguishes the organisation from others; none: the standard organisation. See [`SampleSettings::draw`].
    pub environment: Option<Environment>,
}

impl SampleSettings {
    /// An organisation drawn at random: 10 to 2,000 people and 1 to 8 accounts, and an [`Environment`]. At most
    /// `people_max` people and `events_per_day_max` events.
    #[must_use]
    pub fn draw(seed: u64, people_max: u32, events_per_day_max: u32) -> Self {
        let rng = |property| rng_for(seed, Purpose::Environment, &[hash_text(property)]);
        let environment = Environment::draw(seed);
        let people = log_uniform(&mut rng("people"), 10.0, f64::from(people_max.clamp(10, 2_000)));
        let calls_per_person = log_uniform(&mut rng("calls per person"), 8.0, 40.0);
        let events = (people * calls_per_person / environment.people_share).min(f64::from(events_per_day_max));
        // Half of the organisations have a single account.
        let accounts: i32 = rng("accounts").random_range(-6..=8);
        Self {
            people: Some(people as u32),
            accounts: accounts.max(1).unsigned_abs(),
            events_per_day: events as u32,
            seed,
            environment: Some(environment),
            ..Self::default()
        }
    }

    /// The environment, drawn or standard.
    pub(crate) fn environment(&self) -> &Environment {
        static STANDARD: Environment = Environment::STANDARD;
        self.environment.as_ref().unwrap_or(&STANDARD)
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

/// Each order of magnitude is equally likely.
fn log_uniform(rng: &mut ChaCha8Rng, from: f64, to: f64) -> f64 {
    (rng.random_range(0.0..1.0) * (to / from).ln()).exp() * from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_and_environment_depend_on_the_seed_and_stay_in_their_ranges() {
        for seed in 0..200 {
            let drawn = SampleSettings::draw(seed, 2_000, 25_000);
            let small = SampleSettings::draw(seed, 40, 1_000);
            assert_eq!(drawn.environment, small.environment);
            assert!((10..=2_000).contains(&drawn.people.unwrap()) && (1..=8).contains(&drawn.accounts), "{drawn:?}");
            assert!(small.people.unwrap() <= 40 && small.events_per_day <= 1_000, "{small:?}");
        }
    }
}
