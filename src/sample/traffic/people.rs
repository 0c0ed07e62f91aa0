//! People at work: sign-ins, bursts of calls in the console and the CLI, mistakes, occasional tasks.
//!
//! Input: the world, a person and a day. Output: sessions and events of that day. They are the same for every caller,
//! so that an incident can look up what its victim does.

use rand::Rng;

use crate::sample::calendar::{Day, HOUR};
use crate::sample::cloudtrail::calls::CallId;
use crate::sample::cloudtrail::identity::{Channel, record_version};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::networks::{self, Address, GUEST_NETWORKS, Network};
use crate::sample::organisation::people::{AccountRole, Login, Person};
use crate::sample::organisation::regions::{GLOBAL_REGION, HOME_REGION, REGION_COUNT};
use crate::sample::random::{Purpose, iam_id, normal, one_of, rng_for, round_at_random, weighted_choice};
use crate::sample::traffic::plan::{Event, Outcome, Plan};
use crate::sample::traffic::sign_in::sign_in;
use crate::sample::traffic::world::World;

/// Adds one person's day to the plan.
pub(crate) fn plan_person(world: &World<'_>, index: usize, day: Day, plan: &mut Plan) {
    let (organisation, environment) = (world.organisation, world.settings.environment());
    let person = &organisation.people[index];
    let rng = &mut rng_for(world.settings.seed, Purpose::Person, &[index as u64, u64::from(day.index)]);
    let attendance = if day.is_weekend() { 0.04 } else { 0.9 };
    let works = rng.random_bool(attendance) || person.is_travelling(day.index) && !day.is_weekend();
    if !works || !person.is_available(day.index) {
        return;
    }
    let mean = f64::from(world.settings.events_per_day) * environment.people_share / organisation.people.len() as f64;
    let activity = rng.random_range(0.45..1.75) * if day.is_weekend() { 0.3 } else { 1.0 };
    let calls = round_at_random(rng, mean * person.weight * activity);
    let at_office = organisation.sites[person.site].office.is_some() && rng.random_bool(person.office_share);
    let (mut address, utc_offset) =
        person.location(&organisation.sites[person.site], world.settings.seed, day.index, at_office);
    // A day elsewhere, such as in a hotel or a library, sometimes abroad.
    let site = &organisation.sites[person.site];
    let is_proxied = person.proxied(site, world.settings.seed, day.index).is_some();
    if person.trip.is_none() && rng.random_bool(environment.elsewhere) && !is_proxied {
        let networks: &[Network] =
            if rng.random_bool(0.15) { &GUEST_NETWORKS } else { organisation.sites[person.site].homes };
        address = one_of(rng, networks).address(rng);
    }
    let begin = day.midnight + ((normal(rng, person.start_hour, 0.4) - utc_offset as f64) * HOUR as f64) as i64;
    let hours = normal(rng, 7.8, 0.8).max(2.0);
    let mut workday = Workday {
        world,
        person,
        address,
        incident: person.incident(day.index, at_office),
        shell: None,
        begin,
        keys: Vec::new(),
        open: Vec::new(),
        plan,
    };
    let mut left = calls;
    let bursts = 1 + calls / 12;
    while left > 0 {
        let size = rng.random_range(1..=2 * calls.div_ceil(bursts)).min(left);
        left -= size;
        // Lunch starts three hours after the start of work; few people work through it.
        let mut at = begin + (hours * HOUR as f64 * rng.random::<f64>()) as i64;
        if (begin + 3 * HOUR..begin + 4 * HOUR).contains(&at) && rng.random_bool(0.7) {
            at += HOUR;
        }
        workday.burst(rng, day, at, size);
    }
    let share = if day.is_weekend() { 0.2 } else { 1.0 };
    let moment = |rng: &mut _| begin + (hours * HOUR as f64 * Rng::random::<f64>(rng)) as i64;
    if rng.random_bool(person.curiosity * share) {
        let at = moment(rng);
        workday.first_use(rng, day, at);
    }
    if rng.random_bool(0.015 * share) && !person.is_quiet {
        let at = moment(rng);
        workday.missing_permission(rng, day, at);
    }
    if rng.random_bool(0.08 * share) && !person.is_quiet {
        let at = moment(rng);
        workday.occasional_task(rng, day, at);
    }
}

/// The client in CloudShell.
const CLOUD_SHELL: &str = "aws-cli/2.15.22 Python/3.11.6 Linux/6.1.75-99.163.amzn2023.x86_64 exec-env/CloudShell exe/x86_64.amzn.2023 prompt/off";

/// One person's day, while it is being planned.
struct Workday<'a, 'b> {
    world: &'a World<'a>,
    person: &'a Person,
    address: Address,
    incident: u16,
    /// The machine of CloudShell, once it is open.
    shell: Option<Address>,
    begin: i64,
    /// Credentials: account, whether for the second half of the day, access key, sign-in time.
    keys: Vec<(usize, bool, String, i64)>,
    /// The sessions so far: whether for the second half of the day, index in the plan.
    open: Vec<(bool, u32)>,
    plan: &'b mut Plan,
}

impl Workday<'_, '_> {
    /// A burst of calls in one account with one client.
    fn burst(&mut self, rng: &mut impl Rng, day: Day, mut at: i64, calls: u32) {
        let person = self.person;
        let is_cli = rng.random_bool(person.cli_share);
        let channel = if is_cli { Channel::Api } else { Channel::Console };
        let roles = person.roles_on(day.index);
        let total: f64 = roles.iter().map(|role| role.weight).sum();
        let Some(role) = weighted_choice(rng, roles, total, |role| role.weight) else { return };
        let region = match rng.random_range(0..200) {
            0..140 => HOME_REGION,
            140..180 => GLOBAL_REGION,
            180..199 => 2,
            // The console opens in the region of a link that the person clicked.
            _ if !is_cli && rng.random_bool(0.4) => rng.random_range(0..REGION_COUNT),
            _ => 2,
        };
        // On the move: through the phone.
        let is_mobile = !person.is_travelling(day.index) && rng.random_bool(0.03);
        let address = person.mobile.as_ref().filter(|_| is_mobile).unwrap_or(&self.address).clone();
        let shell = person.shell.filter(|shell| is_cli && day.index >= shell.from && rng.random_bool(0.7));
        let address = match shell {
            Some(_) => self.open_shell(rng, day, role, at),
            None => address,
        };
        let session = self.session(rng, day, role, region, channel, &address, at);
        let mut incident_here = if is_mobile { person.incident(day.index, false) } else { self.incident };
        if let Some(shell) = shell.filter(|shell| day.index < shell.from + 4) {
            incident_here = shell.incident;
        }
        let usual = if is_cli { &person.cli_calls } else { &person.console_calls };
        let total: f64 = usual.iter().map(|(_, weight)| weight).sum();
        for _ in 0..calls {
            // Scripts are fast, people read the page first.
            at += if is_cli { rng.random_range(1..25) } else { rng.random_range(1..70) };
            let mut incident = incident_here;
            let chance = rng.random::<f64>();
            let (call, outcome) = if chance < 0.005 {
                (person.denied_call, Outcome::Denied)
            } else if chance < 0.014 && !person.rare_calls.is_empty() && !person.is_quiet {
                (
                    *one_of(rng, &person.rare_calls),
                    if rng.random_bool(0.2) { Outcome::Denied } else { Outcome::Success },
                )
            } else if let Some(adoption) = person.adoption.as_ref().filter(|it| day.index >= it.from && chance < 0.25) {
                if day.index < adoption.from + 7 {
                    incident = adoption.incident;
                }
                (*one_of(rng, &adoption.calls), if chance < 0.03 { Outcome::Denied } else { Outcome::Success })
            } else {
                let outcome = match rng.random_range(0..1000) {
                    0..9 => Outcome::NotFound,
                    9..12 => Outcome::Throttled,
                    _ => Outcome::Success,
                };
                (
                    weighted_choice(rng, usual, total, |(_, weight)| *weight)
                        .map_or(person.denied_call, |(call, _)| *call),
                    outcome,
                )
            };
            let event = Event { outcome, incident, ..Event::new(session, call, at) };
            self.plan.add(self.world, rng, event);
        }
    }

    /// Opens CloudShell in the browser; returns the address of its machine, which is another every day.
    fn open_shell(&mut self, rng: &mut impl Rng, day: Day, role: &AccountRole, at: i64) -> Address {
        if let Some(machine) = &self.shell {
            return machine.clone();
        }
        let address = self.address.clone();
        let session = self.session(rng, day, role, HOME_REGION, Channel::Console, &address, at);
        self.run(rng, session, at - 60, &self.world.calls.open_shell, 0.0);
        let machine = networks::aws_region(self.world.organisation.regions[HOME_REGION]).address(rng);
        self.shell = Some(machine.clone());
        machine
    }

    /// First use of a service in the console, sometimes in the wrong region.
    fn first_use(&mut self, rng: &mut impl Rng, day: Day, at: i64) {
        let person = self.person;
        let first_use = match person.is_active() {
            true => person.next_page(day.index),
            false => one_of(rng, &person.first_uses),
        };
        let role = one_of(rng, person.roles_on(day.index));
        let region = if rng.random_bool(0.15) { rng.random_range(0..REGION_COUNT) } else { HOME_REGION };
        let address = self.address.clone();
        let session = self.session(rng, day, role, region, Channel::Console, &address, at);
        let denied_share = *one_of(rng, &[0.0, 0.0, 0.1, 0.6]);
        let calls: Vec<_> = (0..rng.random_range(3..14)).map(|_| *one_of(rng, first_use)).collect();
        self.run(rng, session, at, &calls, denied_share);
    }

    /// A script runs into missing permissions, again and again until the person stops it.
    fn missing_permission(&mut self, rng: &mut impl Rng, day: Day, at: i64) {
        let person = self.person;
        let role = one_of(rng, person.roles_on(day.index));
        let address = self.address.clone();
        let session = self.session(rng, day, role, HOME_REGION, Channel::Api, &address, at);
        let kinds = *one_of(rng, &[1, 1, 2, 3, 6]);
        let tried: Vec<_> = (0..kinds).map(|_| one_of(rng, &person.cli_calls).0).collect();
        let calls: Vec<_> = tried.iter().copied().cycle().take(rng.random_range(4..25)).collect();
        self.run(rng, session, at, &calls, 0.9);
    }

    /// A task that comes up a few times a year.
    fn occasional_task(&mut self, rng: &mut impl Rng, day: Day, at: i64) {
        let person = self.person;
        if person.occasional_tasks.is_empty() {
            return;
        }
        let (task, calls) = one_of(rng, &person.occasional_tasks);
        let role = one_of(rng, person.roles_on(day.index));
        let address = self.address.clone();
        let session = self.session(rng, day, role, HOME_REGION, Channel::Api, &address, at);
        // Whatever the task shares, it shares within the organisation.
        let organisation = self.world.organisation;
        let accounts = &organisation.accounts;
        let other_account = &accounts[(role.account + 1) % accounts.len()].id;
        let session = self.plan.sessions[session as usize].clone().with(Slot::Peer, other_account.clone());
        let session = task.values.iter().fold(session, |session, (slot, value)| session.with(*slot, *value));
        let session = session.on_workload(*one_of(rng, &accounts[role.account].workloads));
        let session = self.plan.open(session);
        let repetitions = rng.random_range(task.times.0..=task.times.1);
        let calls: Vec<_> = (0..repetitions).flat_map(|_| calls.iter().copied()).collect();
        self.run(rng, session, at, &calls, 0.04);
    }

    /// Adds calls in order; the given share of them is denied.
    fn run(&mut self, rng: &mut impl Rng, session: u32, mut at: i64, calls: &[CallId], denied_share: f64) {
        for call in calls {
            at += rng.random_range(1..20);
            let outcome = if rng.random_bool(denied_share) { Outcome::Denied } else { Outcome::Success };
            let event = Event { outcome, incident: self.incident, ..Event::new(session, *call, at) };
            self.plan.add(self.world, rng, event);
        }
    }

    /// The session for a burst; the first one of each half day signs in.
    #[expect(clippy::too_many_arguments, reason = "all of them identify the session")]
    fn session(
        &mut self,
        rng: &mut impl Rng,
        day: Day,
        role: &AccountRole,
        region: usize,
        channel: Channel,
        address: &Address,
        at: i64,
    ) -> u32 {
        let is_late = at > self.begin + 4 * HOUR;
        let known = self.open.iter().find(|(late, session)| {
            let open = &self.plan.sessions[*session as usize];
            (open.account, *late, open.region, open.channel) == (role.account, is_late, region, channel)
                && open.source == address.ip
        });
        if let Some((_, session)) = known {
            return *session;
        }
        let account = &self.world.organisation.accounts[role.account];
        let known = self.keys.iter().find(|(account, late, ..)| (*account, *late) == (role.account, is_late));
        let (key, since) = match known {
            Some((_, _, key, since)) => (key.clone(), *since),
            None => {
                // Before the first possible call of this half day, whichever burst comes first in time.
                let since = if is_late { self.begin + 4 * HOUR } else { self.begin } - rng.random_range(20..400);
                let key = iam_id("ASIA", rng);
                self.sign_in(rng, role, since);
                self.keys.push((role.account, is_late, key.clone(), since));
                (key, since)
            }
        };
        let (browser, cli) = self.person.clients(day.index);
        let is_shell = self.shell.as_ref() == Some(address);
        let agent = match channel {
            Channel::Console => browser,
            _ if is_shell => CLOUD_SHELL,
            Channel::Api | Channel::Service => cli,
        };
        let version = record_version(rng);
        let identity = match channel {
            // CloudShell uses the credentials of the console.
            Channel::Console => self.person.identity(&account.id, role, &key, since),
            _ if is_shell => self.person.identity(&account.id, role, &key, since),
            Channel::Api | Channel::Service => self.person.cli_identity(day.index, &account.id, role, &key, since),
        };
        let session = identity.at(role.account, region, address.clone(), agent, channel).version(version);
        let session = self.plan.open(session);
        self.open.push((is_late, session));
        session
    }

    fn sign_in(&mut self, rng: &mut impl Rng, role: &AccountRole, since: i64) {
        let organisation = self.world.organisation;
        let calls = self.world.calls;
        let person = self.person;
        for (session, call, at) in sign_in(organisation, person, role, &self.address, since, calls) {
            let session = self.plan.open(session);
            let event = Event { incident: self.incident, ..Event::new(session, call, at) };
            self.plan.add(self.world, rng, event);
            // Sometimes the password is mistyped, occasionally several times.
            if call == calls.console_login && person.login != Login::IdentityCenter && rng.random_bool(0.04) {
                let errors = *one_of(rng, &[1, 1, 1, 1, 2, 3, 5]);
                for number in 1..=errors {
                    let event = Event {
                        outcome: Outcome::Denied,
                        incident: self.incident,
                        ..Event::new(session, call, at - 12 * number)
                    };
                    self.plan.add(self.world, rng, event);
                }
            }
        }
    }
}
