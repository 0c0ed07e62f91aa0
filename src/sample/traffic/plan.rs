//! A plan: sessions and events, without the text of their records.
//!
//! Events are small enough to hold and sort a day of a million of them; `archive` writes the records later.

use rand::Rng;

use crate::sample::cloudtrail::calls::CallId;
use crate::sample::cloudtrail::identity::Session;
use crate::sample::organisation::regions::{GLOBAL_REGION, REGION_COUNT};
use crate::sample::traffic::world::World;

/// A day's sessions and events.
#[derive(Default)]
pub(crate) struct Plan {
    /// Sessions; events refer to them by index.
    pub(crate) sessions: Vec<Session>,
    /// Events, in no particular order.
    pub(crate) events: Vec<Event>,
}

impl Plan {
    /// Adds a session and returns its index.
    pub(crate) fn open(&mut self, session: Session) -> u32 {
        self.sessions.push(session);
        (self.sessions.len() - 1) as u32
    }

    /// Adds an event, and sets its log stream, `pick` (unless set) and `seed`.
    pub(crate) fn add(&mut self, world: &World<'_>, rng: &mut impl Rng, event: Event) {
        let session = &self.sessions[event.session as usize];
        let region = if world.catalogue.call(event.call).is_global { GLOBAL_REGION } else { session.region };
        let pick = if event.pick == 0 { rng.random() } else { event.pick };
        self.events.push(Event { stream: LogStream::new(session.account, region), pick, seed: rng.random(), ..event });
    }
}

/// One call, which becomes one record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// Seconds since 1970.
    pub(crate) at: i64,
    /// Index into the plan's sessions.
    pub(crate) session: u32,
    /// Number of the call.
    pub(crate) call: CallId,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// The account and region that the record is delivered for.
    pub(crate) stream: LogStream,
    /// The number of the incident it belongs to, counted from one; zero: none.
    pub(crate) incident: u16,
    /// Also logged in another account; the records share an id derived from `pick`.
    pub(crate) is_shared: bool,
    /// Selects resources; the same number selects the same resources.
    pub(crate) pick: u32,
    /// Seed of the random values in the record.
    pub(crate) seed: u64,
}

impl Event {
    /// A successful call of a session.
    pub(crate) fn new(session: u32, call: CallId, at: i64) -> Self {
        Self {
            at,
            session,
            call,
            outcome: Outcome::Success,
            stream: LogStream::default(),
            incident: 0,
            is_shared: false,
            pick: 0,
            seed: 0,
        }
    }
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The call succeeded.
    Success,
    /// A permission was missing.
    Denied,
    /// The resource does not exist.
    NotFound,
    /// The caller exceeded a rate limit.
    Throttled,
}

/// An account and a region: CloudTrail delivers each pair's records in log objects of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogStream(u32);

impl LogStream {
    /// The log stream of an account and a region, both by index.
    pub(crate) fn new(account: usize, region: usize) -> Self {
        Self((account * REGION_COUNT + region) as u32)
    }

    /// The indexes of the account and the region.
    pub(crate) fn account_and_region(self) -> (usize, usize) {
        (self.0 as usize / REGION_COUNT, self.0 as usize % REGION_COUNT)
    }

    /// A number that identifies the log stream.
    pub(crate) fn number(self) -> u64 {
        u64::from(self.0)
    }
}
