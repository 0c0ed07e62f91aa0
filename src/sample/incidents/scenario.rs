//! A scenario: one incident in progress. It chooses people, times and addresses, and writes the incident's records.
//!
//! Input: the organisation and the incident's own random generator. Output: planted records, and the facts that
//! `truth.jsonl` reports about them.

use std::collections::BTreeSet;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::sample::archive::objects::PlantedRecord;
use crate::sample::archive::record;
use crate::sample::calendar::{Day, HOUR};
use crate::sample::cloudtrail::calls::{Catalogue, call_names};
use crate::sample::cloudtrail::identity::{Channel, Identity, Session};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::environment::SignIn;
use crate::sample::incidents::truth::{Incident, Label};
use crate::sample::networks::{
    self, Address, FOREIGN_HOMES, HOMES_DE, HOMES_US, HOSTING, Network, TOR_EXITS, VPN_EXITS,
};
use crate::sample::organisation::Organisation;
use crate::sample::organisation::key_users::KeyUser;
use crate::sample::organisation::people::{Login, OUTSIDE_CLIENTS, Person};
use crate::sample::organisation::pipelines::Pipeline;
use crate::sample::organisation::regions::{GLOBAL_REGION, HOME_REGION};
use crate::sample::organisation::workloads::Workload;
use crate::sample::random::{Uuid, iam_id, mix, one_of, one_text};
use crate::sample::settings::SampleSettings;
use crate::sample::traffic::named_calls::NamedCalls;
use crate::sample::traffic::people::plan_person;
use crate::sample::traffic::plan::{Event, LogStream, Outcome, Plan};
use crate::sample::traffic::sign_in::sign_in;
use crate::sample::traffic::world::World;

/// One incident in progress.
pub(crate) struct Scenario<'a> {
    /// Settings of the sample.
    pub(crate) settings: &'a SampleSettings,
    /// All calls.
    pub(crate) catalogue: &'a mut Catalogue,
    /// The organisation; only look-alikes change it.
    pub(crate) organisation: &'a mut Organisation,
    /// Calls by name.
    pub(crate) calls: &'a NamedCalls,
    /// The incident's own random generator.
    pub(crate) rng: ChaCha8Rng,
    /// Names of people, programs and workloads used by incidents so far.
    pub(crate) used_targets: &'a mut BTreeSet<String>,
    /// How many incidents begin on each day; used to spread them out.
    pub(crate) incidents_on: &'a mut Vec<u32>,
    /// The day chosen last, on which the incident begins.
    pub(crate) day: u32,
    /// The incident's number, for `Mark`, `Adoption` and releases.
    pub(crate) number: u16,
    /// The facts for `truth.jsonl`.
    pub(crate) incident: Incident,
    /// The time of the next step.
    pub(crate) clock: i64,
    /// Minimum and maximum seconds between steps.
    pub(crate) pace: (i64, i64),
    /// The records of all incidents so far.
    pub(crate) planted: &'a mut Vec<PlantedRecord>,
}

impl Scenario<'_> {
    /// The world in its current state.
    pub(crate) fn world(&self) -> World<'_> {
        World { settings: self.settings, catalogue: self.catalogue, organisation: self.organisation, calls: self.calls }
    }

    /// A random weekday of the period in which incidents with this label take place.
    pub(crate) fn weekday(&mut self) -> Day {
        self.day_where(|day| !day.is_weekend())
    }

    /// A random day of that period.
    pub(crate) fn any_day(&mut self) -> Day {
        self.day_where(|_| true)
    }

    /// A random Saturday or Sunday of that period.
    pub(crate) fn weekend(&mut self) -> Day {
        self.day_where(Day::is_weekend)
    }

    fn day_where(&mut self, fits: impl Fn(&Day) -> bool) -> Day {
        let days = self.settings.days.max(1);
        // Look-alikes start before the last fifth of the sample, so that their consequences fit into it.
        let (earliest, end) = match self.incident.label {
            Label::Attack => ((days / 2).min(WARM_UP_DAYS), days),
            Label::Lookalike => (days * 3 / 10, (days * 8 / 10).max(1)),
        };
        let start = self.settings.start;
        let fitting: Vec<_> = (earliest..end).map(|index| Day::new(start, index)).filter(fits).collect();
        let chosen = (0..3)
            .filter_map(|_| fitting.get(self.rng.random_range(0..fitting.len().max(1))).copied())
            .min_by_key(|day| self.incidents_on[day.index as usize])
            .unwrap_or_else(|| Day::new(start, days - 1));
        self.day = chosen.index;
        chosen
    }

    /// Sets the clock to a random moment within the hour (UTC).
    pub(crate) fn start_at(&mut self, day: Day, hour: i64) {
        self.clock = day.midnight + hour * HOUR + self.rng.random_range(0..HOUR);
    }

    /// A person who matches, preferably one not used by another incident; never one who joins later.
    pub(crate) fn take_person(&mut self, fits: impl Fn(&Person) -> bool) -> Option<usize> {
        let names: Vec<_> =
            self.organisation.people.iter().map(|it| (it.name.clone(), fits(it) && it.joined == 0)).collect();
        self.take(names)
    }

    /// An IAM user with a long-lived key, chosen the same way.
    pub(crate) fn take_key_user(&mut self, fits: impl Fn(&KeyUser) -> bool) -> Option<usize> {
        let names: Vec<_> = self.organisation.key_users.iter().map(|it| (it.name.clone(), fits(it))).collect();
        self.take(names)
    }

    /// A pipeline, chosen the same way.
    pub(crate) fn take_pipeline(&mut self, fits: impl Fn(&Pipeline) -> bool) -> Option<usize> {
        let names: Vec<_> = self.organisation.pipelines.iter().map(|it| (it.role.clone(), fits(it))).collect();
        self.take(names)
    }

    /// A workload, chosen the same way.
    pub(crate) fn take_workload(&mut self, fits: impl Fn(&Workload) -> bool) -> Option<usize> {
        let names: Vec<_> = self.organisation.workloads.iter().map(|it| (it.role_id.clone(), fits(it))).collect();
        self.take(names)
    }

    fn take(&mut self, names: Vec<(String, bool)>) -> Option<usize> {
        let fitting: Vec<_> = (0..names.len()).filter(|index| names[*index].1).collect();
        let fresh: Vec<_> =
            fitting.iter().copied().filter(|index| !self.used_targets.contains(&names[*index].0)).collect();
        let choices = if fresh.is_empty() { fitting } else { fresh };
        if choices.is_empty() {
            return None;
        }
        let chosen = *one_of(&mut self.rng, &choices);
        self.used_targets.insert(names[chosen].0.clone());
        Some(chosen)
    }

    /// The address of a server at a hosting provider, on another continent than the country if possible.
    pub(crate) fn hosting_address_far_from(&mut self, country: &str) -> Address {
        let far: Vec<&Network> =
            HOSTING.iter().filter(|network| continent(network.country()) != continent(country)).collect();
        let network = if far.is_empty() { &HOSTING[0] } else { *one_of(&mut self.rng, &far) };
        network.address(&mut self.rng)
    }

    /// The address of a server at a hosting provider; in a drawn environment also of a VPN provider or of Tor.
    pub(crate) fn hosting_address(&mut self) -> Address {
        let networks: &[Network] = match &self.settings.environment {
            None => &HOSTING,
            Some(_) => match self.rng.random_range(0..10) {
                0..6 => &HOSTING,
                6..9 => &VPN_EXITS,
                _ => &TOR_EXITS,
            },
        };
        one_of(&mut self.rng, networks).address(&mut self.rng)
    }

    /// The address of a home connection in a country where nobody of the organisation works.
    pub(crate) fn foreign_home(&mut self) -> Address {
        let sites = &self.organisation.sites;
        let is_foreign = |network: &&Network| sites.iter().all(|site| site.homes[0].country() != network.country());
        let networks: Vec<_> = FOREIGN_HOMES.iter().filter(is_foreign).collect();
        one_of(&mut self.rng, &networks).address(&mut self.rng)
    }

    /// The address of a person who works at home on that day.
    pub(crate) fn home_of(&self, person: usize, day: Day) -> Address {
        let person = &self.organisation.people[person];
        let proxied = person.proxied(&self.organisation.sites[person.site], self.settings.seed, day.index);
        proxied.unwrap_or_else(|| person.home.clone())
    }

    /// The address of somebody at the office, behind the proxy if there is one; none if the site has no office.
    pub(crate) fn office_of(&self, site: usize, day: Day) -> Option<Address> {
        let site = self.organisation.sites.get(site)?;
        let proxied = site.proxy.as_ref().and_then(|proxy| proxy.address(self.settings.seed, 0, day.index));
        proxied.or_else(|| site.office_on(day.index).cloned())
    }

    /// The hour in UTC at which it is that hour at the main office; given for Hamburg.
    pub(crate) fn office_hour(&self, hour: i64) -> i64 {
        hour - self.organisation.hours_earlier
    }

    /// Whether a person signs in as most people of the organisation do.
    pub(crate) fn usual_login(&self) -> impl Fn(&Person) -> bool + use<> {
        let all_are_users = self.settings.environment().sign_in == SignIn::IamUsers;
        move |person| all_are_users || person.login == Login::IdentityCenter
    }

    /// A matching person on a weekday, with a matching session that lasts at least `seconds` after its middle call.
    /// People without such a day stay available for other incidents.
    pub(crate) fn during_work(
        &mut self,
        seconds: i64,
        person_fits: impl Fn(&Person) -> bool,
        session_fits: impl Fn(&Session) -> bool,
    ) -> Option<WorkSession> {
        for _ in 0..12 {
            let person = self.take_person(&person_fits)?;
            for _ in 0..12 {
                let day = self.weekday();
                if let Some(work) = self.work_session_on(person, day, seconds, &session_fits) {
                    return Some(work);
                }
            }
            let name = &self.organisation.people[person].name;
            self.used_targets.remove(name);
        }
        None
    }

    /// The matching session of a person and day with the most calls.
    pub(crate) fn work_session_on(
        &mut self,
        person: usize,
        day: Day,
        seconds: i64,
        fits: impl Fn(&Session) -> bool,
    ) -> Option<WorkSession> {
        let mut plan = Plan::default();
        plan_person(&self.world(), person, day, &mut plan);
        let sessions = plan.sessions.iter().zip(0u32..).filter(|(session, _)| !session.key.is_empty() && fits(session));
        let mut best: Option<WorkSession> = None;
        let mut best_count = 1;
        for (session, number) in sessions {
            let mut times: Vec<_> =
                plan.events.iter().filter(|event| event.session == number).map(|event| event.at).collect();
            times.sort_unstable();
            if times.len() > best_count {
                let (middle, last) = (times[times.len() / 2], times[times.len() - 1]);
                if last - middle >= seconds {
                    best_count = times.len();
                    best = Some(WorkSession { person, day, session: session.clone(), middle, last });
                }
            }
        }
        best
    }

    /// An attacker's address: at a hosting provider, in a foreign country, on a home connection in one of the
    /// organisation's countries, or in AWS. In a drawn environment the home connection is of the provider of a colleague.
    pub(crate) fn attacker_address(&mut self) -> Address {
        let chance = self.rng.random_range(0..10);
        if let (7..9, Some(_)) = (chance, &self.settings.environment) {
            let networks: Vec<_> = self.organisation.people.iter().map(|person| person.home_network).collect();
            return one_of(&mut self.rng, &networks).address(&mut self.rng);
        }
        match chance {
            0..4 => self.hosting_address(),
            4..7 => self.foreign_home(),
            7 => one_of(&mut self.rng, &HOMES_DE).address(&mut self.rng),
            8 => one_of(&mut self.rng, &HOMES_US).address(&mut self.rng),
            _ => networks::aws_region(self.organisation.regions[HOME_REGION]).address(&mut self.rng),
        }
    }

    /// The user agent of a common client.
    pub(crate) fn outside_client(&mut self) -> &'static str {
        one_text(&mut self.rng, &OUTSIDE_CLIENTS)
    }

    /// A person's stolen credentials: used on the owner's computer, copied from it while the owner works, or obtained
    /// by signing in with the owner's password. Sets the clock.
    pub(crate) fn stolen_session(&mut self, fits: impl Fn(&Person) -> bool) -> Option<Session> {
        if self.rng.random_bool(0.25)
            && let Some(session) = self.insider_session(&fits)
        {
            return Some(session);
        }
        let (address, client) = (self.attacker_address(), self.outside_client());
        if self.rng.random_bool(0.5)
            && let Some(session) = self.insider_session(&fits)
        {
            self.clock += self.rng.random_range(30..3_000);
            return Some(session.used_from(address, client));
        }
        let victim = self.take_person(&fits).or_else(|| self.take_person(|_| true))?;
        let day = self.any_day();
        let hour = self.rng.random_range(0..23);
        self.start_at(day, hour);
        let browser = self.organisation.people[victim].browser;
        Some(self.sign_in_from(victim, &address, browser).used_from(address, client))
    }

    /// A person's own session at the usual address, as an insider or malware on the laptop would use it. Sets the clock
    /// to the middle of the session.
    pub(crate) fn insider_session(&mut self, fits: impl Fn(&Person) -> bool) -> Option<Session> {
        let work = self
            .during_work(60, &fits, |session| session.channel == Channel::Api)
            .or_else(|| self.during_work(0, &fits, |_| true))?;
        self.clock = work.middle + self.rng.random_range(1..20);
        Some(work.session)
    }

    /// Whether the key of a program may be stolen. In a drawn environment all keys may be rotated: the new one is stolen.
    pub(crate) fn stealable(&self) -> impl Fn(&KeyUser) -> bool + use<> {
        let is_drawn = self.settings.environment.is_some();
        move |user| is_drawn || user.rotated.is_none()
    }

    /// A session of an attacker with a program's access key. Sets the clock to a random hour of any day.
    pub(crate) fn stolen_key(&mut self, fits: impl Fn(&KeyUser) -> bool) -> Option<Session> {
        let is_stealable = self.stealable();
        let victim = self.take_key_user(|user| is_stealable(user) && fits(user))?;
        let day = self.any_day();
        let hour = self.rng.random_range(0..23);
        self.start_at(day, hour);
        let (address, client) = (self.attacker_address(), self.outside_client());
        Some(self.session_with_key(victim, address, client))
    }

    /// The name of an IAM user in the session's account, other than the session's own.
    pub(crate) fn other_user(&mut self, session: &Session) -> String {
        let users = self.organisation.accounts[session.account].users.iter();
        let others: Vec<_> = users.filter(|user| **user != session.name).cloned().collect();
        if others.is_empty() { "deploy".to_owned() } else { one_of(&mut self.rng, &others).clone() }
    }

    /// A random workload of the session's account.
    pub(crate) fn any_workload(&mut self, session: &Session) -> usize {
        *one_of(&mut self.rng, &self.organisation.accounts[session.account].workloads)
    }

    /// The session at the sign-in page of the person's first account, without MFA.
    pub(crate) fn sign_in_page(&self, person: usize, address: &Address, browser: &str) -> Session {
        let person = &self.organisation.people[person];
        let role = &person.roles_on(self.day)[0];
        let account = &self.organisation.accounts[role.account];
        person
            .identity(&account.id, role, "", self.clock)
            .before_sign_in()
            .at(role.account, GLOBAL_REGION, address.clone(), browser, Channel::Console)
            .with(Slot::Mfa, "No")
            .with(Slot::Saml, "")
    }

    /// Signs in with the password alone, even if the owner uses MFA.
    pub(crate) fn sign_in_with_password(&mut self, person: usize, address: &Address, browser: &str) -> Session {
        let usual = std::mem::replace(&mut self.organisation.people[person].login, Login::IamUser { mfa: false });
        let session = self.sign_in_from(person, address, browser);
        self.organisation.people[person].login = usual;
        session
    }

    /// A session with a program's access key, from another address.
    pub(crate) fn session_with_key(&self, user: usize, address: Address, agent: &str) -> Session {
        let user = &self.organisation.key_users[user];
        let account = &self.organisation.accounts[user.account];
        Identity::iam_user(&account.id, &user.id, &user.name, user.key_on(self.day), None)
            .at(user.account, user.region, address, agent, Channel::Api)
            .on_workload(user.workload)
            .with(Slot::User, user.name.clone())
    }

    /// Runs the steps of a sign-in and returns the console session. The last step, the login itself, is a key event.
    pub(crate) fn sign_in_from(&mut self, person: usize, address: &Address, agent: &str) -> Session {
        let key = iam_id("ASIA", &mut self.rng);
        let owner = &self.organisation.people[person];
        let role = owner.roles_on(self.day)[0].clone();
        let since = self.clock + 9;
        let account = &self.organisation.accounts[role.account];
        let session = owner.identity(&account.id, &role, &key, since).at(
            role.account,
            HOME_REGION,
            address.clone(),
            agent,
            Channel::Console,
        );
        let steps = sign_in(self.organisation, owner, &role, address, since, self.calls);
        for (session, call, at) in steps {
            let session = Session { agent: agent.to_owned(), ..session };
            let name = match call {
                call if call == self.calls.console_login => "signin:ConsoleLogin",
                call if call == self.calls.federate => "sso:Federate",
                call if call == self.calls.verification => "signin:CredentialVerification",
                _ => "signin:UserAuthentication",
            };
            self.clock = at;
            let login = if name == "signin:ConsoleLogin" { step(name).key() } else { step(name) };
            let pace = std::mem::take(&mut self.pace);
            self.run(&session, login);
            self.pace = pace;
        }
        self.wait();
        session
    }

    /// Advances the clock by a random pause within `pace`.
    pub(crate) fn wait(&mut self) {
        self.clock += self.rng.random_range(self.pace.0..=self.pace.1);
    }

    /// Plants the record of one call at the current time, then advances the clock.
    pub(crate) fn run(&mut self, session: &Session, step: Step) {
        let call = self.catalogue.id(step.call);
        let region = match (self.catalogue.call(call).is_global, step.region) {
            (true, _) => GLOBAL_REGION,
            (false, region) => region.unwrap_or(session.region),
        };
        let event = Event {
            outcome: step.outcome,
            stream: LogStream::new(session.account, region),
            pick: self.rng.random(),
            seed: mix(self.rng.random()),
            ..Event::new(0, call, self.clock)
        };
        let mut json = String::with_capacity(1_600);
        let id: Uuid = record::push(&mut json, self.catalogue, self.organisation, session, &event, &step.values);
        self.incident.add_source(self.organisation, event.stream, &session.arn, &session.key, session.address.clone());
        let is_key = step.is_key && self.incident.label == Label::Attack;
        self.incident.events.insert((event.at, id.to_string()), is_key);
        self.planted.push(PlantedRecord { at: event.at, stream: event.stream, json });
        self.wait();
    }

    /// Runs the calls of a whitespace-separated list in order.
    pub(crate) fn run_all(&mut self, session: &Session, calls: &'static str) {
        for call in call_names(calls) {
            self.run(session, step(call));
        }
    }

    /// A random call of a whitespace-separated list.
    pub(crate) fn any_call(&mut self, calls: &'static str) -> &'static str {
        one_text(&mut self.rng, &call_names(calls))
    }

    /// Runs `count` random calls of a whitespace-separated list; the given share of them is denied.
    pub(crate) fn run_random(&mut self, session: &Session, calls: &'static str, count: u32, denied_share: f64) {
        for _ in 0..count {
            let call = self.any_call(calls);
            let is_denied = self.rng.random_bool(denied_share);
            self.run(session, step(call).denied_if(is_denied));
        }
    }
}

/// A person's session on a working day, which an incident uses.
pub(crate) struct WorkSession {
    /// Index of the person.
    pub(crate) person: usize,
    /// The day of the session.
    pub(crate) day: Day,
    /// One of the person's sessions on that day.
    pub(crate) session: Session,
    /// The time of its middle call.
    pub(crate) middle: i64,
    /// The time of its last call.
    pub(crate) last: i64,
}

/// One call of a scenario.
pub(crate) struct Step {
    call: &'static str,
    outcome: Outcome,
    is_key: bool,
    region: Option<usize>,
    values: Vec<(Slot, String)>,
}

/// A successful call.
pub(crate) fn step(call: &'static str) -> Step {
    Step { call, outcome: Outcome::Success, is_key: false, region: None, values: Vec::new() }
}

impl Step {
    /// Lists the event in `key_event_ids`: the step reveals the attack.
    pub(crate) fn key(self) -> Self {
        Self { is_key: true, ..self }
    }

    /// The call is denied (at the sign-in page: the password is wrong).
    pub(crate) fn denied(self) -> Self {
        Self { outcome: Outcome::Denied, ..self }
    }

    /// Denied when `is_denied` is true.
    pub(crate) fn denied_if(self, is_denied: bool) -> Self {
        if is_denied { self.denied() } else { self }
    }

    /// In another region than the session's; ignored for global services.
    pub(crate) fn in_region(self, region: usize) -> Self {
        Self { region: Some(region), ..self }
    }

    /// Sets the value of a placeholder.
    pub(crate) fn with(mut self, slot: Slot, value: impl Into<String>) -> Self {
        self.values.push((slot, value.into()));
        self
    }
}

/// Days before the first attack, so that detectors can learn a baseline; at most half of the sample.
const WARM_UP_DAYS: u32 = 14;

fn continent(country: &str) -> &'static str {
    match country {
        "US" | "BR" | "CA" | "AR" | "CL" | "CO" => "America",
        "SG" | "IN" | "JP" | "VN" | "ID" | "TH" | "AU" => "Asia",
        _ => "Europe",
    }
}
