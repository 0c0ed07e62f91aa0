//! Environments: what distinguishes one organisation from another, drawn at random.
//!
//! Thresholds that fit one generated organisation may fit no other. An environment therefore varies everything that
//! detectors may come to rely on. Each property is drawn by a generator of its own, so that a new property leaves the
//! others unchanged. Input: a seed. Output: the properties; `organisation` and `traffic` follow them. The ranges are
//! wide on purpose and taken from no detector.

use std::fmt;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::sample::random::{Purpose, hash_text, one_of, rng_for};
use crate::sample::settings::SampleSettings;

/// The properties of an organisation that are not its size.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// Where most people work, and the home region of the accounts.
    pub continent: Continent,
    /// Number of offices, one to three.
    pub offices: usize,
    /// How people sign in.
    pub sign_in: SignIn,
    /// Through which addresses people reach AWS.
    pub egress: Egress,
    /// Share of all events that people cause, 0.05 to 0.5; machines and AWS services cause the others.
    pub people_share: f64,
    /// Share of people who open a page of the console that is new to them on a quarter of their days.
    pub active: f64,
    /// Share of people who only ever repeat the same calls.
    pub quiet: f64,
    /// How often people work from a hotel, a library or abroad, as a share of their days.
    pub elsewhere: f64,
    /// Programs with long-lived access keys, for every person.
    pub programs: f64,
}

/// Where an organisation works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continent {
    /// Hamburg, Dublin, and colleagues in Boston and Bengaluru.
    Europe,
    /// San Francisco, Chicago, Toronto, Boston.
    NorthAmerica,
    /// São Paulo, Buenos Aires, Santiago, Medellín.
    SouthAmerica,
    /// Tokyo, Singapore, Sydney, Bengaluru.
    AsiaPacific,
}

/// How people sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// All through IAM Identity Center; their sessions are named by mail address.
    IdentityCenter,
    /// All as IAM users, with an access key for the CLI.
    IamUsers,
    /// One in eight as an IAM user, the others through IAM Identity Center.
    Both,
}

/// Through which addresses people reach AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Egress {
    /// Everybody works at an office and leaves through its line.
    Office,
    /// Offices, homes and phones.
    HomeAndOffice,
    /// Everybody leaves through a few addresses of a VPN provider.
    Vpn,
    /// Everybody leaves through a security service with exits in several countries; addresses change daily.
    Sase,
    /// Everybody works at an office, and machines leave through its line, too.
    Shared,
}

impl Environment {
    /// The organisation of a sample that draws no environment.
    pub const STANDARD: Self = Self {
        continent: Continent::Europe,
        offices: 4,
        sign_in: SignIn::Both,
        egress: Egress::HomeAndOffice,
        people_share: 0.22,
        active: 0.0,
        quiet: 0.0,
        elsewhere: 0.02,
        programs: 0.25,
    };

    /// The environment of this seed.
    fn draw(seed: u64) -> Self {
        use Continent::{AsiaPacific, Europe, NorthAmerica, SouthAmerica};
        let rng = |property| rng_for(seed, Purpose::Environment, &[hash_text(property)]);
        let share = |property, from: f64, to: f64| rng(property).random_range(from..to);
        let sign_in = *one_of(&mut rng("sign-in"), &[SignIn::IdentityCenter, SignIn::IamUsers, SignIn::Both]);
        Self {
            continent: *one_of(&mut rng("continent"), &[Europe, NorthAmerica, SouthAmerica, AsiaPacific]),
            offices: rng("offices").random_range(1..=3),
            sign_in,
            egress: *one_of(
                &mut rng("egress"),
                &[Egress::Office, Egress::HomeAndOffice, Egress::Vpn, Egress::Sase, Egress::Shared],
            ),
            people_share: share("people share", 0.05, 0.5),
            active: share("active", 0.0, 0.5),
            quiet: share("quiet", 0.0, 0.5),
            elsewhere: share("elsewhere", 0.0, 0.05),
            programs: match sign_in {
                SignIn::IdentityCenter => share("programs", 0.02, 0.15),
                _ => share("programs", 0.1, 0.4),
            },
        }
    }
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
}

/// Each order of magnitude is equally likely.
fn log_uniform(rng: &mut ChaCha8Rng, from: f64, to: f64) -> f64 {
    (rng.random_range(0.0..1.0) * (to / from).ln()).exp() * from
}

impl fmt::Display for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { continent, offices, sign_in, egress, people_share, active, quiet, elsewhere, .. } = self;
        write!(
            out,
            "{continent:?}, {offices} offices, sign-in {sign_in:?}, egress {egress:?}, {:.0} % of events by people, \
             {:.0} % active, {:.0} % quiet, {:.1} % of days elsewhere",
            people_share * 100.0,
            active * 100.0,
            quiet * 100.0,
            elsewhere * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_depends_on_the_seed_alone_and_stays_in_its_ranges() {
        for seed in 0..200 {
            let drawn = SampleSettings::draw(seed, 2_000, 25_000);
            assert_eq!(drawn.environment, SampleSettings::draw(seed, 40, 1_000).environment);
            assert!((10..=2_000).contains(&drawn.people.unwrap()) && (1..=8).contains(&drawn.accounts), "{drawn:?}");
            assert!(drawn.events_per_day <= 25_000, "{drawn:?}");
            assert!(SampleSettings::draw(seed, 40, 1_000).people.unwrap() <= 40);
        }
    }

    #[test]
    fn every_way_to_sign_in_and_to_reach_aws_is_drawn() {
        let drawn: Vec<_> = (0..200).map(Environment::draw).collect();
        for sign_in in [SignIn::IdentityCenter, SignIn::IamUsers, SignIn::Both] {
            assert!(drawn.iter().any(|it| it.sign_in == sign_in), "{sign_in:?}");
        }
        for egress in [Egress::Office, Egress::HomeAndOffice, Egress::Vpn, Egress::Sase, Egress::Shared] {
            assert!(drawn.iter().any(|it| it.egress == egress), "{egress:?}");
        }
    }
}
