//! The people of the organisation: jobs, roles, clients, addresses and absences.

use rand::Rng;

use crate::sample::cloudtrail::calls::{CallId, Catalogue, call_names};
use crate::sample::cloudtrail::identity::{Identity, Origin, Role};
use crate::sample::environment::{Egress, SignIn};
use crate::sample::networks::{Address, Network};
use crate::sample::organisation::accounts::Account;
use crate::sample::organisation::jobs::Job;
use crate::sample::organisation::occasional_tasks::{FIRST_USES, MORE_FIRST_USES, OCCASIONAL_TASKS, OccasionalTask};
use crate::sample::organisation::sites::Site;
use crate::sample::random::{Purpose, Uuid, hash_text, hex, iam_id, normal, one_of, one_text, rng_for};
use crate::sample::settings::SampleSettings;

/// A person who works for the organisation.
pub(crate) struct Person {
    /// `anna.weber`; also the name of the IAM user.
    pub(crate) name: String,
    /// Mail address; the session name in Identity Center.
    pub(crate) mail: String,
    /// Their job.
    pub(crate) job: Job,
    /// How they sign in.
    pub(crate) login: Login,
    /// Index of their site.
    pub(crate) site: usize,
    /// Address at home on the first day.
    pub(crate) home: Address,
    /// Network of the home connection.
    pub(crate) home_network: &'static Network,
    /// The home connection gets a new address after this many days.
    pub(crate) address_lease_days: u32,
    /// Another home connection from this day on.
    pub(crate) new_home: Option<(u32, Address)>,
    /// Another computer from this day on: browser and CLI.
    pub(crate) new_device: Option<(u32, &'static str, &'static str)>,
    /// Address of the phone when used as a hotspot.
    pub(crate) mobile: Option<Address>,
    /// Probability of working at the office.
    pub(crate) office_share: f64,
    /// User agent of the browser.
    pub(crate) browser: &'static str,
    /// User agent of the CLI.
    pub(crate) cli: &'static str,
    /// Probability that a burst of calls is made with the CLI.
    pub(crate) cli_share: f64,
    /// Calls per day, relative to other people.
    pub(crate) weight: f64,
    /// Usual start of work, local time.
    pub(crate) start_hour: f64,
    /// The role and the share of work in each account.
    pub(crate) roles: Vec<AccountRole>,
    /// Id in Identity Center.
    pub(crate) user_id: String,
    /// Id of the IAM user (`AIDA...`).
    pub(crate) iam_id: String,
    /// Usual calls in the console with their weights.
    pub(crate) console_calls: Vec<(CallId, f64)>,
    /// Usual calls with the CLI with their weights.
    pub(crate) cli_calls: Vec<(CallId, f64)>,
    /// Calls that the job allows but the person rarely makes.
    pub(crate) rare_calls: Vec<CallId>,
    /// A call that the person sometimes tries without permission.
    pub(crate) denied_call: CallId,
    /// Tasks that come up a few times a year, with their calls.
    pub(crate) occasional_tasks: Vec<(&'static OccasionalTask, Vec<CallId>)>,
    /// First uses of services that the person does not know.
    pub(crate) first_uses: Vec<Vec<CallId>>,
    /// Probability of a first use on a working day.
    pub(crate) curiosity: f64,
    /// Only ever repeats the usual calls.
    pub(crate) is_quiet: bool,
    /// Long-lived access key for the CLI.
    pub(crate) access_key: Option<String>,
    /// Another key from this day on, planned by a look-alike.
    pub(crate) new_key: Option<(u32, String)>,
    /// Other roles from this day on, planned by a look-alike.
    pub(crate) new_roles: Option<(u32, Vec<AccountRole>)>,
    /// Use of CloudShell, planned by a look-alike.
    pub(crate) shell: Option<Shell>,
    /// First day of work.
    pub(crate) joined: u32,
    /// First and last day of a holiday.
    pub(crate) holiday: Option<(u32, u32)>,
    /// A trip, planned by a look-alike.
    pub(crate) trip: Option<Trip>,
    /// Days that belong to incidents.
    pub(crate) marks: Vec<Mark>,
    /// New calls, planned by a look-alike.
    pub(crate) adoption: Option<Adoption>,
}

/// A person's role in one account.
#[derive(Clone, Debug)]
pub(crate) struct AccountRole {
    /// Index of the account.
    pub(crate) account: usize,
    /// Role name.
    pub(crate) role: String,
    /// Role id (`AROA...`).
    pub(crate) role_id: String,
    /// Share of work, relative to the other accounts.
    pub(crate) weight: f64,
}

/// How a person signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// Through the access portal of IAM Identity Center, which requires MFA.
    IdentityCenter,
    /// As an IAM user with a password, with or without MFA.
    IamUser { mfa: bool },
}

/// A person works elsewhere from one day to another, both included.
#[derive(Clone, Debug)]
pub(crate) struct Trip {
    /// First day.
    pub(crate) from: u32,
    /// Last day.
    pub(crate) to: u32,
    /// Address on the trip.
    pub(crate) address: Address,
    /// Offset of local time from UTC in hours.
    pub(crate) utc_offset: i64,
}

/// A person's events on these days belong to an incident.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// First day.
    pub(crate) from: u32,
    /// Last day.
    pub(crate) to: u32,
    /// Number of the incident.
    pub(crate) incident: u16,
    /// Only events from the office.
    pub(crate) is_office_only: bool,
}

/// A person's CLI runs in CloudShell from some day on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shell {
    /// First day; the first four belong to the incident.
    pub(crate) from: u32,
    /// Number of the incident.
    pub(crate) incident: u16,
}

/// Calls that a person makes from some day on.
#[derive(Clone, Debug)]
pub(crate) struct Adoption {
    /// First day; the first seven belong to the incident.
    pub(crate) from: u32,
    /// The new calls.
    pub(crate) calls: Vec<CallId>,
    /// Number of the incident.
    pub(crate) incident: u16,
}

impl Person {
    /// The identity of the person's console and CLI sessions in an account.
    pub(crate) fn identity(&self, account_id: &str, role: &AccountRole, key: &str, since: i64) -> Identity {
        match self.login {
            Login::IdentityCenter => {
                let role =
                    Role { account_id, path: "/aws-reserved/sso.amazonaws.com/", name: &role.role, id: &role.role_id };
                Identity::role_session(role, &self.mail, key, since, Origin::Plain)
            }
            Login::IamUser { mfa } => Identity::iam_user(account_id, &self.iam_id, &self.name, key, Some((since, mfa))),
        }
    }

    /// Opens a new page of the console on a quarter of the days.
    pub(crate) fn is_active(&self) -> bool {
        self.curiosity >= ACTIVE
    }

    /// The page of the console that an active person opens next: another one every four days.
    pub(crate) fn next_page(&self, day: u32) -> &[CallId] {
        let page = (hash_text(&self.name) as usize).wrapping_add(day as usize / 4);
        &self.first_uses[page % self.first_uses.len()]
    }

    /// The roles on that day.
    pub(crate) fn roles_on(&self, day: u32) -> &[AccountRole] {
        match &self.new_roles {
            Some((from, roles)) if day >= *from => roles,
            _ => &self.roles,
        }
    }

    /// Whether the person can work on that day: has joined, is not on holiday and not on the way to a trip or back.
    pub(crate) fn is_available(&self, day: u32) -> bool {
        let is_on_the_way = |trip: &Trip| day + 1 == trip.from || day == trip.to + 1;
        let is_on_holiday = self.holiday.is_some_and(|(from, to)| (from..=to).contains(&day));
        self.is_travelling(day)
            || day >= self.joined && !is_on_holiday && !self.trip.as_ref().is_some_and(is_on_the_way)
    }

    /// Whether the person is on a trip on that day.
    pub(crate) fn is_travelling(&self, day: u32) -> bool {
        self.trip.as_ref().is_some_and(|trip| (trip.from..=trip.to).contains(&day))
    }

    /// The identity of the person's CLI sessions: with the long-lived key if there is one.
    pub(crate) fn cli_identity(
        &self,
        day: u32,
        account_id: &str,
        role: &AccountRole,
        key: &str,
        since: i64,
    ) -> Identity {
        let new_key = self.new_key.as_ref().filter(|(from, _)| day >= *from).map(|(_, key)| key);
        match new_key.or(self.access_key.as_ref()) {
            Some(key) => Identity::iam_user(account_id, &self.iam_id, &self.name, key, None),
            None => self.identity(account_id, role, key, since),
        }
    }

    /// The person's address on a day at the office or at home, and the offset of local time from UTC in hours.
    pub(crate) fn location(&self, site: &Site, seed: u64, day: u32, at_office: bool) -> (Address, i64) {
        if let Some(trip) = self.trip.as_ref().filter(|_| self.is_travelling(day)) {
            return (trip.address.clone(), trip.utc_offset);
        }
        let proxied = self.proxied(site, seed, day);
        let address = match site.office_on(day).filter(|_| at_office) {
            _ if proxied.is_some() => proxied,
            Some(office) => Some(office.clone()),
            None => None,
        };
        (address.unwrap_or_else(|| self.home_on(seed, day)), site.utc_offset)
    }

    /// The person's address behind the site's proxy, if it has one on that day.
    pub(crate) fn proxied(&self, site: &Site, seed: u64, day: u32) -> Option<Address> {
        site.proxy.as_ref()?.address(seed, hash_text(&self.name), day)
    }

    /// The home address on that day: providers change it, people move.
    pub(crate) fn home_on(&self, seed: u64, day: u32) -> Address {
        match &self.new_home {
            Some((from, address)) if day >= *from => address.clone(),
            _ if day < self.address_lease_days => self.home.clone(),
            _ => {
                let name = [hash_text(&self.name), u64::from(day / self.address_lease_days)];
                self.home_network.address(&mut rng_for(seed, Purpose::HomeAddress, &name))
            }
        }
    }

    /// Browser and CLI on that day.
    pub(crate) fn clients(&self, day: u32) -> (&'static str, &'static str) {
        match self.new_device {
            Some((from, browser, cli)) if day >= from => (browser, cli),
            _ => (self.browser, self.cli),
        }
    }

    /// The number of the incident that the day's events belong to; zero: none.
    pub(crate) fn incident(&self, day: u32, from_office: bool) -> u16 {
        let covers = |mark: &&Mark| (mark.from..=mark.to).contains(&day) && (from_office || !mark.is_office_only);
        self.marks.iter().find(covers).map_or(0, |mark| mark.incident)
    }
}

/// Creates the people, and registers those who are IAM users in their accounts.
#[expect(clippy::too_many_arguments, reason = "all of them determine the people")]
pub(crate) fn create_people(
    rng: &mut impl Rng,
    catalogue: &mut Catalogue,
    settings: &SampleSettings,
    sites: &[Site],
    accounts: &mut [Account],
    security: usize,
    company: &str,
    count: usize,
) -> Vec<Person> {
    // One role per permission set and account, shared by all people with that permission set.
    let roles: Vec<Vec<(String, String)>> = (0..accounts.len())
        .map(|_| {
            Job::ALL
                .iter()
                .map(|job| (format!("AWSReservedSSO_{}_{}", job.permission_set(), hex(rng, 16)), iam_id("AROA", rng)))
                .collect()
        })
        .collect();
    let environment = settings.environment();
    let is_drawn = settings.environment.is_some();
    let clis: &[&'static str] = if is_drawn { &ALL_CLIENTS } else { &CLIS };
    let more: &[&'static str] = if is_drawn { MORE_FIRST_USES } else { &[] };
    let first_uses: Vec<_> = FIRST_USES.iter().chain(more).copied().collect();
    let first_name = rng.random_range(0..FIRST_NAMES.len() * LAST_NAMES.len());
    (0..count)
        .map(|index| {
            let job = match index % 10 {
                0 | 5 => Job::Platform,
                2 | 8 => Job::Data,
                4 => Job::Security,
                6 => Job::Support,
                9 if index % 20 == 9 => Job::Finance,
                _ => Job::Developer,
            };
            // Some people still have IAM users from the time before Identity Center; mostly developers, some with MFA.
            let login = match (environment.sign_in, index % 8) {
                (SignIn::Both, 1) => Login::IamUser { mfa: index % 16 == 9 },
                (SignIn::IamUsers, _) => Login::IamUser { mfa: index % 3 != 1 },
                (SignIn::Both | SignIn::IdentityCenter, _) => Login::IdentityCenter,
            };
            let habits = &mut rng_for(settings.seed, Purpose::Habits, &[index as u64]);
            let temper = habits.random::<f64>();
            let (is_quiet, is_active) = (temper < environment.quiet, temper > 1.0 - environment.active);
            let name = person_name(first_name, index);
            let site = site_of(index, sites);
            let weights = accounts.iter().map(|account| job.interest(&account.name));
            let mut person_roles: Vec<_> = weights
                .enumerate()
                .filter(|(_, weight)| *weight > 0.0 && (*weight > 0.5 || rng.random_bool(0.3)))
                .map(|(account, weight)| {
                    let (role, role_id) = roles[account][job as usize].clone();
                    AccountRole { account, role, role_id, weight }
                })
                .collect();
            if person_roles.is_empty() {
                let (role, role_id) = roles[0][job as usize].clone();
                person_roles.push(AccountRole { account: 0, role, role_id, weight: 1.0 });
            }
            if login != Login::IdentityCenter {
                // An IAM user exists in one account, which is not the security account.
                person_roles.retain(|role| role.account != security || accounts.len() == 1);
                person_roles.truncate(1);
                if let Some(role) = person_roles.first() {
                    accounts[role.account].users.push(name.clone());
                }
            }
            let split_calls = |rng: &mut _, catalogue: &mut Catalogue, list: &'static str| {
                let mut rare = Vec::new();
                let mut usual = Vec::new();
                for (position, name) in call_names(list).into_iter().enumerate() {
                    let id = catalogue.id(name);
                    // Everybody makes the first two calls of a list; the others differ from person to person.
                    if position < 2 || Rng::random_bool(rng, 0.62) {
                        usual.push((id, Rng::random_range(rng, 0.3..2.0)));
                    } else {
                        rare.push(id);
                    }
                }
                (usual, rare)
            };
            let (console_calls, mut rare_calls) = split_calls(rng, catalogue, job.console_calls());
            let (cli_calls, rare_cli) = split_calls(rng, catalogue, job.cli_calls());
            rare_calls.extend(rare_cli);
            let home_network = one_of(rng, sites[site].homes);
            Person {
                mail: format!("{name}@{company}.example"),
                name,
                job,
                login,
                site,
                home: home_network.address(rng),
                home_network,
                address_lease_days: *one_of(rng, &[1, 7, 30, 365]),
                new_home: rng
                    .random_bool(0.08)
                    .then(|| (rng.random_range(0..60), one_of(rng, sites[site].homes).address(rng))),
                new_device: rng
                    .random_bool(0.3)
                    .then(|| (rng.random_range(0..60), one_text(rng, &BROWSERS), one_text(rng, clis))),
                mobile: sites[site].mobile.map(|network| network.address(rng)),
                office_share: match environment.egress {
                    _ if sites[site].office.is_none() => 0.0,
                    Egress::Office | Egress::Shared => 1.0,
                    Egress::HomeAndOffice | Egress::Vpn | Egress::Sase => rng.random_range(0.1..0.9),
                },
                browser: one_text(rng, &BROWSERS),
                cli: one_text(rng, clis),
                cli_share: match job {
                    Job::Platform | Job::Developer => rng.random_range(0.3..0.8),
                    Job::Data | Job::Security => rng.random_range(0.1..0.6),
                    _ => rng.random_range(0.0..0.1),
                },
                weight: rng.random_range(0.4..1.7),
                start_hour: normal(rng, 9.0, 0.7),
                roles: person_roles,
                user_id: Uuid::draw(rng).to_string(),
                iam_id: iam_id("AIDA", rng),
                console_calls,
                cli_calls,
                rare_calls,
                denied_call: catalogue.id(one_text(rng, &call_names(job.denied_calls()))),
                occasional_tasks: OCCASIONAL_TASKS
                    .iter()
                    .filter(|task| task.jobs.contains(&job))
                    .map(|task| (task, catalogue.ids(task.calls)))
                    .collect(),
                first_uses: first_uses.iter().map(|calls| catalogue.ids(calls)).collect(),
                curiosity: match (is_quiet, is_active) {
                    (true, _) => 0.0,
                    (_, true) => ACTIVE,
                    _ => 0.03,
                },
                is_quiet,
                new_key: None,
                new_roles: None,
                shell: None,
                access_key: (is_drawn && login != Login::IdentityCenter).then(|| iam_id("AKIA", habits)),
                joined: 0,
                holiday: rng.random_bool(0.25).then(|| {
                    let from = rng.random_range(0..30);
                    (from, from + rng.random_range(2..9))
                }),
                trip: None,
                marks: Vec::new(),
                adoption: None,
            }
        })
        .collect()
}

fn person_name(start: usize, index: usize) -> String {
    // Stepping through both lists repeats a pair only after 360 names; from then on a number makes names unique.
    let first = FIRST_NAMES[(start + index * 7) % FIRST_NAMES.len()];
    let last = LAST_NAMES[(start + index * 5 + index / 36) % LAST_NAMES.len()];
    match index / 360 {
        0 => format!("{first}.{last}"),
        round => format!("{first}.{last}{}{round}", index % 360 / 36),
    }
}

fn site_of(index: usize, sites: &[Site]) -> usize {
    // Nine of ten people are distributed by share, the tenth works at one of the sites without an office.
    let mut rest = (index * 3 % 10) as u32;
    for (site, share) in sites.iter().map(|site| site.share).enumerate() {
        if rest < share {
            return site;
        }
        rest -= share;
    }
    sites.len() - 1 - index / 10 % 4
}

/// Probability that an active person opens a new page on a working day.
const ACTIVE: f64 = 0.25;

const FIRST_NAMES: [&str; 40] = [
    "anna", "jonas", "mira", "felix", "lena", "david", "sara", "tom", "nina", "paul", "clara", "erik", "maria",
    "lukas", "ines", "marco", "julia", "peter", "hanna", "simon", "priya", "arjun", "kavya", "rohan", "emma", "liam",
    "olivia", "noah", "grace", "sean", "aoife", "kate", "daniel", "laura", "victor", "elena", "oskar", "greta",
    "martin", "sofia",
];

const LAST_NAMES: [&str; 36] = [
    "weber", "fischer", "keller", "brandt", "lorenz", "vogel", "hansen", "petersen", "murphy", "kelly", "walsh",
    "byrne", "carter", "morris", "bennett", "hughes", "iyer", "nair", "rao", "menon", "silva", "costa", "nowak",
    "kowalski", "garcia", "moreno", "jansen", "visser", "becker", "arnold", "schulz", "doyle", "reed", "foster",
    "sharma", "pinto",
];

/// User agents of browsers.
pub(crate) const BROWSERS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:123.0) Gecko/20100101 Firefox/123.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:122.0) Gecko/20100101 Firefox/122.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36 Edg/121.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.3 Safari/605.1.15",
];

const CLIS: [&str; 5] = [
    "aws-cli/2.15.21 Python/3.11.6 Darwin/23.3.0 exe/x86_64 prompt/off",
    "aws-cli/2.15.10 Python/3.11.6 Linux/6.5.0-18-generic exe/x86_64.ubuntu.22 prompt/off",
    "aws-cli/2.14.5 Python/3.11.6 Windows/10 exe/AMD64 prompt/off",
    "Boto3/1.34.34 md/Botocore#1.34.34 ua/2.0 os/macos#23.3.0 md/arch#arm64 lang/python#3.12.1",
    "aws-cli/2.13.38 Python/3.11.6 Linux/5.15.146.1-microsoft-standard-WSL2 exe/x86_64.ubuntu.22 prompt/off",
];

/// User agents of attackers and other outsiders: the common clients.
pub(crate) const OUTSIDE_CLIENTS: [&str; 7] = [
    CLIS[0],
    CLIS[1],
    CLIS[2],
    CLIS[4],
    "Boto3/1.34.42 md/Botocore#1.34.42 ua/2.0 os/linux#5.15.0-91-generic md/arch#x86_64 lang/python#3.10.12",
    "aws-cli/2.15.10 Python/3.11.6 Linux/6.1.0-17-amd64 exe/x86_64.debian.12 prompt/off",
    "aws-sdk-go-v2/1.24.1 os/linux lang/go#1.21.6 md/GOOS#linux md/GOARCH#amd64",
];

/// User agents of people in drawn environments: with those of attackers, so that no client gives an attacker away.
const ALL_CLIENTS: [&str; 12] = [
    CLIS[0],
    CLIS[1],
    CLIS[2],
    CLIS[3],
    CLIS[4],
    OUTSIDE_CLIENTS[4],
    OUTSIDE_CLIENTS[5],
    OUTSIDE_CLIENTS[6],
    "aws-cli/2.15.21 Python/3.11.6 Linux/6.5.0-18-generic exe/x86_64.ubuntu.22 prompt/off",
    "aws-cli/2.13.5 Python/3.11.4 Linux/5.15.0-91-generic exe/x86_64.debian.11 prompt/off",
    "Boto3/1.33.13 md/Botocore#1.33.13 ua/2.0 os/linux#5.10.0-27-amd64 md/arch#x86_64 lang/python#3.9.2",
    "aws-cli/2.15.10 Python/3.11.6 Linux/6.1.0-17-amd64 exe/x86_64.debian.12 prompt/off",
];
