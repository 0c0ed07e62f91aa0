//! Incidents and the truth about them: attacks that a detector should find, look-alikes that it should leave alone.
//!
//! In: the tables of kinds in `attacks` and `lookalikes`, and the organisation. Out: planted records, changes to the
//! organisation (look-alikes only), and one line of truth for each incident. Incidents are told as a `Scene`: who, from
//! where, one act after the other.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::archive::{Marked, Planted};
use super::calendar::{Day, HOUR, timestamp};
use super::calls::{Catalogue, Slot, names};
use super::day::{Event, Fate, Plan, World, account_and_region, stream_of};
use super::dice::{Purpose, Uuid, iam_id, mix, number_of, one_of, one_text, stream};
use super::identity::{Channel, Session, Who};
use super::networks::{self, Address, FAR_HOMES, HOMES_DE, HOMES_US, HOSTING, Network};
use super::organisation::{GLOBAL_REGION, HOME_REGION, KeyUser, Organisation, Pipeline, REGIONS, Workload};
use super::people::{self, CLIENTS, Login, Person, SignInCalls};
use super::{SampleSettings, machines, record};

/// Days in which habits form before the first attack; half of a sample that is shorter than two of them.
const WARM_UP_DAYS: u32 = 14;

/// Whether a detector should speak up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Label {
    Attack,
    Lookalike,
}

/// A kind of incident: a row of one of the tables.
pub(super) struct Kind {
    /// Short and stable, in snake_case.
    pub(super) name: &'static str,
    /// What happens, in one line.
    pub(super) technique: &'static str,
    /// ATT&CK techniques; none for look-alikes.
    pub(super) mitre: &'static [&'static str],
    /// How it shows and what makes it hard.
    pub(super) description: &'static str,
    /// Tells one of its kind; none when the organisation has nobody left whom it could happen to.
    pub(super) plant: fn(&mut Scene<'_>) -> Option<()>,
}

/// One incident and what is known about it.
pub(super) struct Incident {
    pub(super) kind: &'static Kind,
    pub(super) label: Label,
    accounts: BTreeSet<String>,
    identities: BTreeSet<String>,
    places: BTreeSet<Address>,
    keys: BTreeSet<String>,
    regions: BTreeSet<&'static str>,
    /// Time and id of each event, and whether it is one that gives the incident away.
    events: BTreeMap<(i64, String), bool>,
}

/// A line of `truth.jsonl`.
#[derive(Serialize)]
struct Truth<'a> {
    incident: String,
    kind: &'a str,
    label: Label,
    technique: &'a str,
    mitre: &'a [&'a str],
    description: &'a str,
    accounts: &'a BTreeSet<String>,
    identities: &'a BTreeSet<String>,
    source_ips: Vec<SourceIp<'a>>,
    access_keys: &'a BTreeSet<String>,
    regions: &'a BTreeSet<&'static str>,
    start: Option<String>,
    end: Option<String>,
    events: usize,
    event_ids: Vec<&'a str>,
    key_event_ids: Vec<&'a str>,
}

#[derive(Serialize)]
struct SourceIp<'a> {
    ip: &'a str,
    country: &'a str,
    asn: String,
    org: &'a str,
}

impl Incident {
    fn new(kind: &'static Kind, label: Label) -> Self {
        Self {
            kind,
            label,
            accounts: BTreeSet::new(),
            identities: BTreeSet::new(),
            places: BTreeSet::new(),
            keys: BTreeSet::new(),
            regions: BTreeSet::new(),
            events: BTreeMap::new(),
        }
    }

    /// Something happened, on one of the organisation's normal days or in a scene.
    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Takes in an event of a normal day.
    pub(super) fn take_in(&mut self, organisation: &Organisation, marked: Marked) {
        let Marked { id, at, stream, arn, key, place, .. } = marked;
        self.note(organisation, stream, &arn, &key, place);
        self.events.insert((at, id.to_string()), false);
    }

    fn note(&mut self, organisation: &Organisation, stream: u32, arn: &str, key: &str, place: Option<Address>) {
        let (account, region) = account_and_region(stream);
        self.accounts.insert(organisation.accounts[account].id.clone());
        self.regions.insert(REGIONS[region]);
        if !arn.is_empty() {
            self.identities.insert(arn.to_owned());
        }
        if !key.is_empty() {
            self.keys.insert(key.to_owned());
        }
        self.places.extend(place);
    }

    /// Its line of truth; `number` counts the sample's incidents from one.
    pub(super) fn truth(&self, number: usize) -> serde_json::Result<String> {
        let ids = |only_key: bool| {
            self.events.iter().filter(|(_, is_key)| **is_key || !only_key).map(|((_, id), _)| id.as_str()).collect()
        };
        serde_json::to_string(&Truth {
            incident: format!("{}-{number:03}", self.kind.name),
            kind: self.kind.name,
            label: self.label,
            technique: self.kind.technique,
            mitre: self.kind.mitre,
            description: self.kind.description,
            accounts: &self.accounts,
            identities: &self.identities,
            source_ips: self
                .places
                .iter()
                .map(|place| SourceIp {
                    ip: &place.ip,
                    country: place.country,
                    asn: place.asn.to_string(),
                    org: place.owner,
                })
                .collect(),
            access_keys: &self.keys,
            regions: &self.regions,
            start: self.events.keys().next().map(|(at, _)| timestamp(*at)),
            end: self.events.keys().next_back().map(|(at, _)| timestamp(*at)),
            events: self.events.len(),
            event_ids: ids(false),
            key_event_ids: ids(true),
        })
    }
}

/// The incidents of a sample and the records they have planted, in the order of the tables.
pub(super) fn plant(
    settings: &SampleSettings,
    catalogue: &mut Catalogue,
    organisation: &mut Organisation,
    sign_in: &SignInCalls,
    machines: &machines::Calls,
) -> (Vec<Incident>, Vec<Planted>) {
    let mut incidents = Vec::new();
    let mut planted = Vec::new();
    let mut taken = BTreeSet::new();
    let mut incidents_on = vec![0; settings.days.max(1) as usize];
    // Look-alikes first: they change the organisation, which attacks then look at.
    let tables = [
        (Label::Lookalike, Purpose::Lookalike, super::lookalikes::KINDS),
        (Label::Attack, Purpose::Attack, super::attacks::KINDS),
    ];
    for (label, purpose, kinds) in tables {
        for (kind, instance) in programme(settings, organisation, label, kinds) {
            let mut scene = Scene {
                settings,
                rng: stream(settings.seed, purpose, &[number_of(kind.name), u64::from(instance)]),
                catalogue,
                organisation,
                sign_in,
                machines,
                taken: &mut taken,
                incidents_on: &mut incidents_on,
                day: 0,
                number: incidents.len() as u16 + 1,
                incident: Incident::new(kind, label),
                clock: 0,
                pace: (3, 40),
                planted: &mut planted,
            };
            if (kind.plant)(&mut scene).is_some() {
                let day = scene.day as usize;
                scene.incidents_on[day] += 1;
                incidents.push(scene.incident);
            }
        }
    }
    (incidents, planted)
}

/// Which kinds happen, each with the number of its instance. Attacks go through the table until there are as many as
/// asked for. Each look-alike happens once in thirty days among up to forty people, then more often with the company.
fn programme(
    settings: &SampleSettings,
    organisation: &Organisation,
    label: Label,
    kinds: &'static [Kind],
) -> Vec<(&'static Kind, u32)> {
    if settings.days == 0 {
        return Vec::new();
    }
    match label {
        Label::Attack => (0..)
            .flat_map(|round| kinds.iter().map(move |kind| (kind, round)))
            .take(settings.attacks as usize)
            .collect(),
        Label::Lookalike => {
            let periods = f64::from(settings.days) / 30.0;
            let company = (organisation.people.len() as f64 / 36.0).sqrt().clamp(1.0, 2.5);
            let instances = (periods * company).round().max(1.0) as u32;
            kinds.iter().flat_map(|kind| (0..instances).map(move |instance| (kind, instance))).collect()
        }
    }
}

/// One incident being told.
pub(super) struct Scene<'a> {
    pub(super) settings: &'a SampleSettings,
    pub(super) catalogue: &'a mut Catalogue,
    pub(super) organisation: &'a mut Organisation,
    sign_in: &'a SignInCalls,
    machines: &'a machines::Calls,
    pub(super) rng: ChaCha8Rng,
    taken: &'a mut BTreeSet<String>,
    /// How many incidents begin on each day, so that they do not all come at once.
    incidents_on: &'a mut Vec<u32>,
    /// The day chosen last.
    day: u32,
    /// Names the incident in marks.
    pub(super) number: u16,
    incident: Incident,
    /// When the next act takes place.
    pub(super) clock: i64,
    /// Least and most seconds between acts.
    pub(super) pace: (i64, i64),
    planted: &'a mut Vec<Planted>,
}

/// One call of an incident.
pub(super) struct Act {
    call: &'static str,
    fate: Fate,
    is_key: bool,
    region: Option<usize>,
    values: Vec<(Slot, String)>,
}

/// A successful call.
pub(super) fn act(call: &'static str) -> Act {
    Act { call, fate: Fate::Done, is_key: false, region: None, values: Vec::new() }
}

impl Act {
    /// It gives the incident away.
    pub(super) fn key(self) -> Self {
        Self { is_key: true, ..self }
    }

    /// It fails for want of a permission (or, at the sign-in page, for a wrong password).
    pub(super) fn denied(self) -> Self {
        Self { fate: Fate::Denied, ..self }
    }

    /// Denied if so.
    pub(super) fn denied_if(self, is_denied: bool) -> Self {
        if is_denied { self.denied() } else { self }
    }

    /// In another region than the session's.
    pub(super) fn in_region(self, region: usize) -> Self {
        Self { region: Some(region), ..self }
    }

    /// With a parameter of its own.
    pub(super) fn with(mut self, slot: Slot, value: impl Into<String>) -> Self {
        self.values.push((slot, value.into()));
        self
    }
}

/// Whose day an incident looks at.
pub(super) struct Working {
    pub(super) person: usize,
    pub(super) day: Day,
    /// One of the person's sessions of that day.
    pub(super) session: Session,
    /// The time of its middle and its last call.
    pub(super) middle: i64,
    pub(super) last: i64,
}

impl Scene<'_> {
    /// The world as it is now.
    pub(super) fn world(&self) -> World<'_> {
        World {
            settings: self.settings,
            catalogue: self.catalogue,
            organisation: self.organisation,
            sign_in: self.sign_in,
            machines: self.machines,
        }
    }

    /// A working day of the part of the period in which this label's incidents happen.
    pub(super) fn weekday(&mut self) -> Day {
        self.day_that(|day| !day.is_weekend())
    }

    /// Any day of that part.
    pub(super) fn any_day(&mut self) -> Day {
        self.day_that(|_| true)
    }

    /// A Saturday or Sunday of that part.
    pub(super) fn weekend(&mut self) -> Day {
        self.day_that(Day::is_weekend)
    }

    fn day_that(&mut self, fits: impl Fn(&Day) -> bool) -> Day {
        let days = self.settings.days.max(1);
        // Look-alikes leave a week of thirty days for what follows from them.
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

    /// Sets the clock to some minute of an hour (UTC).
    pub(super) fn begin(&mut self, day: Day, hour: i64) {
        self.clock = day.midnight + hour * HOUR + self.rng.random_range(0..HOUR);
    }

    /// Somebody nothing has happened to yet; when all have been hit, anybody who fits. Nobody who has yet to join.
    pub(super) fn take_person(&mut self, fits: impl Fn(&Person) -> bool) -> Option<usize> {
        let names: Vec<_> =
            self.organisation.people.iter().map(|it| (it.name.clone(), fits(it) && it.joined == 0)).collect();
        self.take(names)
    }

    /// A user of a long-lived key.
    pub(super) fn take_key_user(&mut self, fits: impl Fn(&KeyUser) -> bool) -> Option<usize> {
        let names: Vec<_> = self.organisation.key_users.iter().map(|it| (it.name.clone(), fits(it))).collect();
        self.take(names)
    }

    /// A pipeline.
    pub(super) fn take_pipeline(&mut self, fits: impl Fn(&Pipeline) -> bool) -> Option<usize> {
        let names: Vec<_> = self.organisation.pipelines.iter().map(|it| (it.role.clone(), fits(it))).collect();
        self.take(names)
    }

    /// A workload.
    pub(super) fn take_workload(&mut self, fits: impl Fn(&Workload) -> bool) -> Option<usize> {
        let names: Vec<_> = self.organisation.workloads.iter().map(|it| (it.role_id.clone(), fits(it))).collect();
        self.take(names)
    }

    fn take(&mut self, names: Vec<(String, bool)>) -> Option<usize> {
        let fitting: Vec<_> = (0..names.len()).filter(|index| names[*index].1).collect();
        let fresh: Vec<_> = fitting.iter().copied().filter(|index| !self.taken.contains(&names[*index].0)).collect();
        let choices = if fresh.is_empty() { fitting } else { fresh };
        if choices.is_empty() {
            return None;
        }
        let chosen = *one_of(&mut self.rng, &choices);
        self.taken.insert(names[chosen].0.clone());
        Some(chosen)
    }

    /// A rented server, on another continent than a country if there is one.
    pub(super) fn server_far_from(&mut self, country: &str) -> Address {
        let far: Vec<&Network> =
            HOSTING.iter().filter(|network| continent(network.country()) != continent(country)).collect();
        let network = if far.is_empty() { &HOSTING[0] } else { *one_of(&mut self.rng, &far) };
        network.address(&mut self.rng)
    }

    /// Any rented server.
    pub(super) fn server(&mut self) -> Address {
        one_of(&mut self.rng, &HOSTING).address(&mut self.rng)
    }

    /// Somebody on a working day, with a session that fits and goes on for so many seconds after its middle call.
    /// People without such a day are free for other incidents.
    pub(super) fn at_work(
        &mut self,
        seconds: i64,
        person_fits: impl Fn(&Person) -> bool,
        session_fits: impl Fn(&Session) -> bool,
    ) -> Option<Working> {
        for _ in 0..12 {
            let person = self.take_person(&person_fits)?;
            for _ in 0..12 {
                let day = self.weekday();
                if let Some(working) = self.working_on(person, day, seconds, &session_fits) {
                    return Some(working);
                }
            }
            let name = &self.organisation.people[person].name;
            self.taken.remove(name);
        }
        None
    }

    /// The most used session of a person and day that fits.
    pub(super) fn working_on(
        &mut self,
        person: usize,
        day: Day,
        seconds: i64,
        fits: impl Fn(&Session) -> bool,
    ) -> Option<Working> {
        let mut plan = Plan::default();
        people::plan_day(&self.world(), person, day, &mut plan);
        let sessions = plan.sessions.iter().zip(0u32..).filter(|(session, _)| !session.key.is_empty() && fits(session));
        let mut best: Option<Working> = None;
        let mut best_count = 1;
        for (session, number) in sessions {
            let mut times: Vec<_> =
                plan.events.iter().filter(|event| event.session == number).map(|event| event.at).collect();
            times.sort_unstable();
            if times.len() > best_count {
                let (middle, last) = (times[times.len() / 2], times[times.len() - 1]);
                if last - middle >= seconds {
                    best_count = times.len();
                    best = Some(Working { person, day, session: session.clone(), middle, last });
                }
            }
        }
        best
    }

    /// Where a stranger may be: at a rented server, in a far country, behind a home's connection in a near one, or at
    /// AWS itself.
    pub(super) fn hideout(&mut self) -> Address {
        match self.rng.random_range(0..10) {
            0..4 => self.server(),
            4..7 => one_of(&mut self.rng, &FAR_HOMES).address(&mut self.rng),
            7 => one_of(&mut self.rng, &HOMES_DE).address(&mut self.rng),
            8 => one_of(&mut self.rng, &HOMES_US).address(&mut self.rng),
            _ => networks::of_region(REGIONS[HOME_REGION]).address(&mut self.rng),
        }
    }

    /// A client that anybody may have.
    pub(super) fn client(&mut self) -> &'static str {
        one_text(&mut self.rng, &CLIENTS)
    }

    /// A person's credentials in a stranger's hands: used on their owner's computer, copied from it while the owner
    /// works, or from a sign-in of the stranger's own. The clock is set.
    pub(super) fn stolen_session(&mut self, fits: impl Fn(&Person) -> bool) -> Option<Session> {
        if self.rng.random_bool(0.25)
            && let Some(session) = self.own_session(&fits)
        {
            return Some(session);
        }
        let (place, client) = (self.hideout(), self.client());
        if self.rng.random_bool(0.5)
            && let Some(session) = self.own_session(&fits)
        {
            self.clock += self.rng.random_range(30..3_000);
            return Some(session.moved(place, client));
        }
        let victim = self.take_person(&fits).or_else(|| self.take_person(|_| true))?;
        let day = self.any_day();
        let hour = self.rng.random_range(0..23);
        self.begin(day, hour);
        let browser = self.organisation.people[victim].browser;
        Some(self.sign_in_from(victim, &place, browser).moved(place, client))
    }

    /// A person's session at its usual place, in the middle of a working day, where the clock is set: what an insider
    /// or a program on the laptop does.
    pub(super) fn own_session(&mut self, fits: impl Fn(&Person) -> bool) -> Option<Session> {
        let working = self
            .at_work(60, &fits, |session| session.channel == Channel::Api)
            .or_else(|| self.at_work(0, &fits, |_| true))?;
        self.clock = working.middle + self.rng.random_range(1..20);
        Some(working.session)
    }

    /// The key of a program's user in a stranger's hands, at some hour of any day.
    pub(super) fn stolen_key(&mut self, fits: impl Fn(&KeyUser) -> bool) -> Option<Session> {
        let victim = self.take_key_user(|user| user.rotated.is_none() && fits(user))?;
        let day = self.any_day();
        let hour = self.rng.random_range(0..23);
        self.begin(day, hour);
        let (place, client) = (self.hideout(), self.client());
        Some(self.with_key_of(victim, place, client))
    }

    /// A user of the session's account who is not the session's own.
    pub(super) fn other_user(&mut self, session: &Session) -> String {
        let users = self.organisation.accounts[session.account].users.iter();
        let others: Vec<_> = users.filter(|user| **user != session.name).cloned().collect();
        if others.is_empty() { "deploy".to_owned() } else { one_of(&mut self.rng, &others).clone() }
    }

    /// One of the workloads of the session's account.
    pub(super) fn a_workload(&mut self, session: &Session) -> usize {
        *one_of(&mut self.rng, &self.organisation.accounts[session.account].workloads)
    }

    /// The page where a person signs in to the first of their accounts with a password and nothing else.
    pub(super) fn sign_in_page(&self, person: usize, place: &Address, browser: &str) -> Session {
        let person = &self.organisation.people[person];
        let role = &person.roles[0];
        let account = &self.organisation.accounts[role.account];
        person
            .who(&account.id, role, "", self.clock)
            .signing_in()
            .at(role.account, GLOBAL_REGION, place.clone(), browser, Channel::Console)
            .with(Slot::Mfa, "No")
            .with(Slot::Saml, "")
    }

    /// Signing in with the password alone: a thief gets by without a second factor also where its owner has one.
    pub(super) fn sign_in_with_password(&mut self, person: usize, place: &Address, browser: &str) -> Session {
        let usual = std::mem::replace(&mut self.organisation.people[person].login, Login::IamUser { mfa: false });
        let session = self.sign_in_from(person, place, browser);
        self.organisation.people[person].login = usual;
        session
    }

    /// Somebody with the key of a program's user, elsewhere.
    pub(super) fn with_key_of(&self, user: usize, place: Address, agent: &str) -> Session {
        let user = &self.organisation.key_users[user];
        let account = &self.organisation.accounts[user.account];
        Who::iam_user(&account.id, &user.id, &user.name, &user.key, None)
            .at(user.account, user.region, place, agent, Channel::Api)
            .on_workload(user.workload)
            .with(Slot::User, user.name.clone())
    }

    /// What signing in from a place leaves; the last record is the login itself and a key event. Gives the session.
    pub(super) fn sign_in_from(&mut self, person: usize, place: &Address, agent: &str) -> Session {
        let key = iam_id("ASIA", &mut self.rng);
        let it = &self.organisation.people[person];
        let role = it.roles[0].clone();
        let since = self.clock + 9;
        let account = &self.organisation.accounts[role.account];
        let session = it.who(&account.id, &role, &key, since).at(
            role.account,
            HOME_REGION,
            place.clone(),
            agent,
            Channel::Console,
        );
        let steps = people::sign_in(self.organisation, it, &role, place, since, self.sign_in);
        for (step, call, at) in steps {
            let step = Session { agent: agent.to_owned(), ..step };
            let name = match call {
                call if call == self.sign_in.console_login => "signin:ConsoleLogin",
                call if call == self.sign_in.federate => "sso:Federate",
                call if call == self.sign_in.verification => "signin:CredentialVerification",
                _ => "signin:UserAuthentication",
            };
            self.clock = at;
            let step_act = act(name);
            let step_act = if name == "signin:ConsoleLogin" { step_act.key() } else { step_act };
            let pace = std::mem::take(&mut self.pace);
            self.act(&step, step_act);
            self.pace = pace;
        }
        self.wait();
        session
    }

    /// Lets some seconds pass.
    pub(super) fn wait(&mut self) {
        self.clock += self.rng.random_range(self.pace.0..=self.pace.1);
    }

    /// One call at the clock's time; then the clock goes on.
    pub(super) fn act(&mut self, session: &Session, act: Act) {
        let call = self.catalogue.id(act.call);
        let region = match (self.catalogue.call(call).is_global, act.region) {
            (true, _) => GLOBAL_REGION,
            (false, region) => region.unwrap_or(session.region),
        };
        let event = Event {
            fate: act.fate,
            stream: stream_of(session.account, region),
            pick: self.rng.random(),
            seed: mix(self.rng.random()),
            ..Event::new(0, call, self.clock)
        };
        let mut json = String::with_capacity(1_600);
        let id: Uuid = record::push(&mut json, self.catalogue, self.organisation, session, &event, &act.values);
        self.incident.note(self.organisation, event.stream, &session.arn, &session.key, session.place.clone());
        let is_key = act.is_key && self.incident.label == Label::Attack;
        self.incident.events.insert((event.at, id.to_string()), is_key);
        self.planted.push(Planted { at: event.at, stream: event.stream, json });
        self.wait();
    }

    /// Several calls after each other, as one text.
    pub(super) fn acts(&mut self, session: &Session, calls: &'static str) {
        for call in names(calls) {
            self.act(session, act(call));
        }
    }

    /// One call out of a list that is written as one text.
    pub(super) fn one_call(&mut self, calls: &'static str) -> &'static str {
        one_text(&mut self.rng, &names(calls))
    }

    /// Random calls out of a list, some of them denied.
    pub(super) fn roam(&mut self, session: &Session, calls: &'static str, count: u32, denied_share: f64) {
        for _ in 0..count {
            let call = self.one_call(calls);
            let is_denied = self.rng.random_bool(denied_share);
            self.act(session, act(call).denied_if(is_denied));
        }
    }
}

fn continent(country: &str) -> &'static str {
    match country {
        "US" | "BR" | "CA" => "America",
        "SG" | "IN" | "JP" | "VN" | "ID" | "TH" => "Asia",
        _ => "Europe",
    }
}
