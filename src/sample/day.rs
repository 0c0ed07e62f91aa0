//! One day of the organisation: what everybody and everything calls, in total as many events as the day should have.
//!
//! In: the world (settings, calls, organisation) and a day. Out: a `Plan`: sessions and events that are small enough
//! to hold and sort a day of a million; the records are written later.

use rand::Rng;

use super::SampleSettings;
use super::calendar::Day;
use super::calls::{CallId, Catalogue};
use super::dice::{Purpose, stream};
use super::identity::Session;
use super::organisation::{GLOBAL_REGION, Organisation, REGIONS};
use super::people::SignInCalls;
use super::{machines, people};

/// Everything that the days are made from.
pub(super) struct World<'a> {
    pub(super) settings: &'a SampleSettings,
    pub(super) catalogue: &'a Catalogue,
    pub(super) organisation: &'a Organisation,
    pub(super) sign_in: &'a SignInCalls,
    pub(super) machines: &'a machines::Calls,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    Denied,
    NotFound,
    Throttled,
}

/// One call, to be written as a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// Seconds since 1970.
    pub(super) at: i64,
    /// Index into the plan's sessions.
    pub(super) session: u32,
    pub(super) call: CallId,
    pub(super) fate: Fate,
    /// Account and region, as `stream_of` packs them.
    pub(super) stream: u32,
    /// The incident that it belongs to, counted from one; zero is none.
    pub(super) incident: u16,
    /// Also logged in another account: the records share an id drawn from `pick`.
    pub(super) is_shared: bool,
    /// Chooses among resources; the same number chooses the same ones.
    pub(super) pick: u32,
    /// The record's own chance.
    pub(super) seed: u64,
}

impl Event {
    /// A successful call of a session in its region.
    pub(super) fn new(session: u32, call: CallId, at: i64) -> Self {
        Self { at, session, call, fate: Fate::Done, stream: u32::MAX, incident: 0, is_shared: false, pick: 0, seed: 0 }
    }
}

/// The number of the object stream of an account and a region.
pub(super) fn stream_of(account: usize, region: usize) -> u32 {
    (account * REGIONS.len() + region) as u32
}

/// Account and region of an object stream.
pub(super) fn account_and_region(stream: u32) -> (usize, usize) {
    (stream as usize / REGIONS.len(), stream as usize % REGIONS.len())
}

/// A day's sessions and events.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) sessions: Vec<Session>,
    pub(super) events: Vec<Event>,
}

impl Plan {
    /// Takes a session in and says its number.
    pub(super) fn open(&mut self, session: Session) -> u32 {
        self.sessions.push(session);
        (self.sessions.len() - 1) as u32
    }

    /// Takes an event in, with chance of its own and the place where it is logged.
    pub(super) fn add(&mut self, world: &World<'_>, rng: &mut impl Rng, event: Event) {
        let session = &self.sessions[event.session as usize];
        let region = if world.catalogue.call(event.call).is_global { GLOBAL_REGION } else { session.region };
        let pick = if event.pick == 0 { rng.random() } else { event.pick };
        self.events.push(Event { stream: stream_of(session.account, region), pick, seed: rng.random(), ..event });
    }
}

/// The day's plan, in no particular order. Incidents have `planted` records of their own on that day.
pub(super) fn plan(world: &World<'_>, day: Day, planted: usize) -> Plan {
    let mut plan = Plan::default();
    let rng = &mut stream(world.settings.seed, Purpose::Total, &[u64::from(day.index)]);
    let total = f64::from(world.settings.events_per_day) * day.traffic() * rng.random_range(0.98..1.02);
    for person in 0..world.organisation.people.len() {
        people::plan_day(world, person, day, &mut plan);
    }
    machines::plan_pipelines(world, day, &mut plan);
    machines::plan_key_users(world, day, &mut plan);
    machines::plan_visitors(world, day, &mut plan);
    machines::plan_services(world, day, total, &mut plan);
    // What is left to the day's total is the workloads' own traffic, and never less than a sixth of it.
    let left = (total - (plan.events.len() + planted) as f64).max(total / 6.0);
    machines::plan_workloads(world, day, left, &mut plan);
    plan
}
