//! The people of the organisation, what their jobs make them call, and their working days.
//!
//! In: the organisation's offices and accounts. Out: `Person`s, and for a person and a day the sessions and events of
//! that day: the same whoever asks, so that an incident can look at what its victim was doing.

use rand::Rng;

use super::calendar::{Day, HOUR};
use super::calls::{CallId, Catalogue, Slot, names};
use super::day::{Event, Fate, Plan, World};
use super::dice::{Purpose, Uuid, around, hex, iam_id, number_of, one_of, one_text, stream, whole};
use super::identity::{Channel, Origin, Role, Session, Who};
use super::networks::{Address, Network, VISITS};
use super::odd_jobs::{ODD_JOBS, OddJob, TOURS};
use super::organisation::{Account, GLOBAL_REGION, HOME_REGION, Organisation, REGIONS, Site, ids};

/// What somebody is there for; decides permissions and habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Platform,
    Developer,
    Data,
    Security,
    Support,
    Finance,
}

/// How somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// Through the access portal of IAM Identity Center, which asks for the second factor.
    IdentityCenter,
    /// As an IAM user with a password, and a second factor or none.
    IamUser { mfa: bool },
}

/// Somebody works elsewhere for some days, both included.
#[derive(Clone, Debug)]
pub(super) struct Trip {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) place: Address,
    pub(super) utc_offset: i64,
}

/// Events of these days belong to an incident.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) incident: u16,
    /// Only what comes from the office.
    pub(super) is_office_only: bool,
}

/// Calls that somebody makes from some day on.
#[derive(Clone, Debug)]
pub(super) struct Adoption {
    pub(super) from: u32,
    pub(super) calls: Vec<CallId>,
    pub(super) incident: u16,
}

/// Somebody who works here.
pub(super) struct Person {
    /// `ann.example`, also the IAM user's name.
    pub(super) name: String,
    /// The session name of Identity Center.
    pub(super) mail: String,
    pub(super) job: Job,
    pub(super) login: Login,
    pub(super) site: usize,
    pub(super) home: Address,
    home_network: &'static Network,
    /// The connection at home gets another address after so many days.
    redial_days: u32,
    /// From a day on another connection at home.
    moved: Option<(u32, Address)>,
    /// From a day on another computer: browser and CLI.
    renewed: Option<(u32, &'static str, &'static str)>,
    mobile: Option<Address>,
    office_share: f64,
    pub(super) browser: &'static str,
    pub(super) cli: &'static str,
    cli_share: f64,
    /// Calls a day, relative to the others.
    weight: f64,
    begins_hour: f64,
    /// Accounts with the role there and how much of the work is there.
    pub(super) roles: Vec<AccountRole>,
    pub(super) user_id: String,
    pub(super) iam_id: String,
    console_calls: Vec<(CallId, f64)>,
    cli_calls: Vec<(CallId, f64)>,
    /// What the job allows but this person does not do yet.
    rare_calls: Vec<CallId>,
    /// What the person tries now and then and may not.
    forbidden: CallId,
    /// What comes up a few times a year.
    odd_jobs: Vec<(&'static OddJob, Vec<CallId>)>,
    /// First steps with services that the person does not know.
    tours: Vec<Vec<CallId>>,
    pub(super) joined: u32,
    away: Option<(u32, u32)>,
    pub(super) trip: Option<Trip>,
    pub(super) marks: Vec<Mark>,
    pub(super) adoption: Option<Adoption>,
}

/// A permission set in an account.
#[derive(Clone, Debug)]
pub(super) struct AccountRole {
    pub(super) account: usize,
    pub(super) role: String,
    pub(super) role_id: String,
    weight: f64,
}

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
const BROWSERS: [&str; 6] = [
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

/// Clients of strangers, who have the same ones as everybody.
pub(super) const CLIENTS: [&str; 7] = [
    CLIS[0],
    CLIS[1],
    CLIS[2],
    CLIS[4],
    "Boto3/1.34.42 md/Botocore#1.34.42 ua/2.0 os/linux#5.15.0-91-generic md/arch#x86_64 lang/python#3.10.12",
    "aws-cli/2.15.10 Python/3.11.6 Linux/6.1.0-17-amd64 exe/x86_64.debian.12 prompt/off",
    "aws-sdk-go-v2/1.24.1 os/linux lang/go#1.21.6 md/GOOS#linux md/GOARCH#amd64",
];

impl Job {
    const ALL: [Self; 6] = [Self::Platform, Self::Developer, Self::Data, Self::Security, Self::Support, Self::Finance];

    fn permission_set(self) -> &'static str {
        match self {
            Self::Platform => "PlatformEngineer",
            Self::Developer => "DeveloperAccess",
            Self::Data => "DataScientist",
            Self::Security => "SecurityAudit",
            Self::Support => "SupportAccess",
            Self::Finance => "Billing",
        }
    }

    /// Relative work in an account, by its name.
    fn interest(self, account: &str) -> f64 {
        match (self, account) {
            (Self::Security, "security") => 4.0,
            (Self::Developer, "dev" | "staging" | "sandbox") => 3.0,
            (Self::Developer | Self::Support, "prod") | (_, "dev") => 1.0,
            (Self::Platform | Self::Data, "prod") => 3.0,
            (Self::Data, "data") => 4.0,
            (Self::Finance, "prod" | "security") => 1.0,
            (Self::Platform | Self::Security, _) => 0.6,
            (_, "security" | "shared") => 0.0,
            _ => 0.2,
        }
    }

    fn console_calls(self) -> &'static str {
        match self {
            Self::Platform => {
                "\
                ec2:DescribeInstances ec2:DescribeInstanceStatus ec2:DescribeSecurityGroups \
                ec2:DescribeVolumes ec2:DescribeVpcs ec2:DescribeSubnets monitoring:DescribeAlarms \
                monitoring:GetMetricData logs:DescribeLogGroups logs:StartQuery logs:GetQueryResults \
                rds:DescribeDBInstances eks:DescribeCluster elasticloadbalancing:DescribeLoadBalancers \
                elasticloadbalancing:DescribeTargetHealth cloudformation:DescribeStacks iam:ListRoles \
                iam:GetRole ec2:RebootInstances ec2:CreateTags health:DescribeEventAggregates \
                autoscaling:DescribeAutoScalingGroups ssm:DescribeInstanceInformation \
                monitoring:PutMetricAlarm s3:ListBuckets kms:ListAliases"
            }
            Self::Developer => {
                "\
                lambda:ListFunctions20150331 lambda:GetFunction20150331v2 logs:DescribeLogGroups \
                logs:DescribeLogStreams logs:FilterLogEvents logs:StartQuery logs:GetQueryResults \
                dynamodb:ListTables dynamodb:DescribeTable dynamodb:Scan sqs:ListQueues \
                sqs:GetQueueAttributes cloudformation:DescribeStacks cloudformation:DescribeStackEvents \
                ecs:DescribeServices ecr:DescribeImages monitoring:GetMetricData s3:ListBuckets \
                s3:ListObjects ssm:DescribeParameters secretsmanager:ListSecrets \
                secretsmanager:DescribeSecret health:DescribeEventAggregates"
            }
            Self::Data => {
                "\
                s3:ListBuckets s3:ListObjects s3:GetBucketLocation athena:StartQueryExecution \
                athena:GetQueryExecution glue:GetTable glue:GetDatabases rds:DescribeDBInstances \
                rds:DescribeDBSnapshots dynamodb:DescribeTable monitoring:GetMetricData logs:StartQuery \
                logs:GetQueryResults ec2:DescribeSnapshots"
            }
            Self::Security => {
                "\
                guardduty:ListFindings guardduty:GetFindings guardduty:GetDetector \
                cloudtrail:LookupEvents cloudtrail:DescribeTrails config:DescribeConfigRules \
                config:SelectResourceConfig iam:ListUsers iam:ListRoles iam:GetRole iam:ListAccessKeys \
                iam:GetPolicyVersion access-analyzer:ListFindings securityhub:GetFindings \
                organizations:ListAccounts kms:ListKeys s3:GetBucketPolicy s3:GetBucketPublicAccessBlock \
                ec2:DescribeSecurityGroups health:DescribeEventAggregates"
            }
            Self::Support => {
                "\
                logs:DescribeLogGroups logs:FilterLogEvents logs:StartQuery logs:GetQueryResults \
                dynamodb:Query dynamodb:DescribeTable s3:ListObjects s3:GetObject ec2:DescribeInstances \
                ec2:DescribeInstanceStatus monitoring:DescribeAlarms health:DescribeEventAggregates"
            }
            Self::Finance => {
                "\
                ce:GetCostAndUsage ce:GetDimensionValues billing:GetBillingData \
                organizations:ListAccounts organizations:DescribeOrganization s3:ListBuckets \
                budgets:DescribeBudgets ce:GetReservationCoverage"
            }
        }
    }

    fn cli_calls(self) -> &'static str {
        match self {
            Self::Platform => {
                "\
                sts:GetCallerIdentity ec2:DescribeInstances ec2:DescribeVpcs ec2:DescribeSecurityGroups \
                iam:GetRole iam:ListAttachedRolePolicies iam:GetPolicyVersion iam:ListRolePolicies \
                s3:GetBucketPolicy s3:GetBucketTagging s3:ListObjects ssm:StartSession ssm:GetParameter \
                ssm:PutParameter ec2:RunInstances ec2:TerminateInstances ec2:CreateSecurityGroup \
                ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress iam:PutRolePolicy \
                iam:CreateRole iam:AttachRolePolicy eks:DescribeCluster rds:DescribeDBInstances \
                secretsmanager:DescribeSecret kms:DescribeKey"
            }
            Self::Developer => {
                "\
                sts:GetCallerIdentity lambda:Invoke lambda:UpdateFunctionCode20150331v2 \
                logs:FilterLogEvents s3:ListObjects s3:GetObject s3:PutObject dynamodb:Query \
                dynamodb:GetItem sqs:SendMessage ecr:GetAuthorizationToken ecr:BatchGetImage \
                ssm:GetParameter secretsmanager:GetSecretValue cloudformation:DescribeStacks \
                cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet"
            }
            Self::Data => {
                "\
                sts:GetCallerIdentity s3:ListObjects s3:GetObject s3:PutObject s3:HeadObject \
                athena:StartQueryExecution athena:GetQueryExecution dynamodb:Scan \
                secretsmanager:GetSecretValue rds:CreateDBSnapshot rds:DescribeDBSnapshots \
                ec2:CreateSnapshot ec2:DescribeVolumes"
            }
            Self::Security => {
                "\
                sts:GetCallerIdentity iam:ListUsers iam:ListAccessKeys iam:GetUser \
                iam:ListAttachedUserPolicies iam:GetAccessKeyLastUsed cloudtrail:LookupEvents \
                s3:ListObjects s3:GetObject kms:GetKeyPolicy ec2:DescribeFlowLogs \
                config:SelectResourceConfig guardduty:ListFindings"
            }
            Self::Support => "sts:GetCallerIdentity logs:FilterLogEvents dynamodb:Query s3:GetObject",
            Self::Finance => "sts:GetCallerIdentity ce:GetCostAndUsage",
        }
    }

    fn forbidden_calls(self) -> &'static str {
        match self {
            Self::Platform => "organizations:ListAccounts ce:GetCostAndUsage kms:ListGrants",
            Self::Developer => "iam:ListUsers kms:DescribeKey rds:DescribeDBInstances ec2:DescribeInstances",
            Self::Data => "kms:Decrypt lambda:ListFunctions20150331 glue:GetPartitions",
            Self::Security => "secretsmanager:GetSecretValue s3:GetObject",
            Self::Support => "lambda:Invoke ssm:DescribeParameters s3:ListBuckets",
            Self::Finance => "ec2:DescribeInstances s3:GetBucketLocation",
        }
    }
}

/// The people, and the IAM users among them entered into their accounts.
pub(super) fn hire(
    rng: &mut impl Rng,
    catalogue: &mut Catalogue,
    sites: &[Site],
    accounts: &mut [Account],
    security: usize,
    company: &str,
    count: usize,
) -> Vec<Person> {
    // One role for each permission set and account, shared by everybody who has it.
    let roles: Vec<Vec<(String, String)>> = (0..accounts.len())
        .map(|_| {
            Job::ALL
                .iter()
                .map(|job| (format!("AWSReservedSSO_{}_{}", job.permission_set(), hex(rng, 16)), iam_id("AROA", rng)))
                .collect()
        })
        .collect();
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
            // Some were there before Identity Center and still have IAM users; mostly developers, some with MFA.
            let login = match index % 8 {
                1 => Login::IamUser { mfa: index % 16 == 9 },
                _ => Login::IdentityCenter,
            };
            let name = unused_name(first_name, index);
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
                // An IAM user lives in one account; not in the one that guards the others.
                person_roles.retain(|role| role.account != security || accounts.len() == 1);
                person_roles.truncate(1);
                if let Some(role) = person_roles.first() {
                    accounts[role.account].users.push(name.clone());
                }
            }
            let habit = |rng: &mut _, catalogue: &mut Catalogue, list: &'static str| {
                let mut rare = Vec::new();
                let mut usual = Vec::new();
                for (position, name) in names(list).into_iter().enumerate() {
                    let id = catalogue.id(name);
                    // The first of a list are daily bread; further down, habits differ.
                    if position < 2 || Rng::random_bool(rng, 0.62) {
                        usual.push((id, Rng::random_range(rng, 0.3..2.0)));
                    } else {
                        rare.push(id);
                    }
                }
                (usual, rare)
            };
            let (console_calls, mut rare_calls) = habit(rng, catalogue, job.console_calls());
            let (cli_calls, rare_cli) = habit(rng, catalogue, job.cli_calls());
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
                redial_days: *one_of(rng, &[1, 7, 30, 365]),
                moved: rng
                    .random_bool(0.08)
                    .then(|| (rng.random_range(0..60), one_of(rng, sites[site].homes).address(rng))),
                renewed: rng
                    .random_bool(0.3)
                    .then(|| (rng.random_range(0..60), one_text(rng, &BROWSERS), one_text(rng, &CLIS))),
                mobile: sites[site].mobile.map(|network| network.address(rng)),
                office_share: if sites[site].office.is_some() { rng.random_range(0.1..0.9) } else { 0.0 },
                browser: one_text(rng, &BROWSERS),
                cli: one_text(rng, &CLIS),
                cli_share: match job {
                    Job::Platform | Job::Developer => rng.random_range(0.3..0.8),
                    Job::Data | Job::Security => rng.random_range(0.1..0.6),
                    _ => rng.random_range(0.0..0.1),
                },
                weight: rng.random_range(0.4..1.7),
                begins_hour: around(rng, 9.0, 0.7),
                roles: person_roles,
                user_id: Uuid::draw(rng).to_string(),
                iam_id: iam_id("AIDA", rng),
                console_calls,
                cli_calls,
                rare_calls,
                forbidden: catalogue.id(one_text(rng, &names(job.forbidden_calls()))),
                odd_jobs: ODD_JOBS
                    .iter()
                    .filter(|odd| odd.jobs.contains(&job))
                    .map(|odd| (odd, ids(catalogue, odd.calls)))
                    .collect(),
                tours: TOURS.iter().map(|calls| ids(catalogue, calls)).collect(),
                joined: 0,
                away: rng.random_bool(0.25).then(|| {
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

fn unused_name(start: usize, index: usize) -> String {
    // Walks both lists in steps, so that a pair comes back after 360 names; from then on a number tells them apart.
    let first = FIRST_NAMES[(start + index * 7) % FIRST_NAMES.len()];
    let last = LAST_NAMES[(start + index * 5 + index / 36) % LAST_NAMES.len()];
    match index / 360 {
        0 => format!("{first}.{last}"),
        round => format!("{first}.{last}{}{round}", index % 360 / 36),
    }
}

fn site_of(index: usize, sites: &[Site]) -> usize {
    // Nine of ten as the shares say, the tenth at one of the places without an office.
    let mut rest = (index * 3 % 10) as u32;
    for (site, share) in sites.iter().map(|site| site.share).enumerate() {
        if rest < share {
            return site;
        }
        rest -= share;
    }
    sites.len() - 1 - index / 10 % 4
}

impl Person {
    /// The identity of a console or CLI session with temporary or long-lived credentials.
    pub(super) fn who(&self, account_id: &str, role: &AccountRole, key: &str, since: i64) -> Who {
        match self.login {
            Login::IdentityCenter => {
                let role =
                    Role { account_id, path: "/aws-reserved/sso.amazonaws.com/", name: &role.role, id: &role.role_id };
                Who::role_session(role, &self.mail, key, since, Origin::Plain)
            }
            Login::IamUser { mfa } => Who::iam_user(account_id, &self.iam_id, &self.name, key, Some((since, mfa))),
        }
    }

    /// Works on that day as far as holidays and the first day go.
    pub(super) fn is_there(&self, day: u32) -> bool {
        let is_on_the_way = |trip: &Trip| day + 1 == trip.from || day == trip.to + 1;
        let is_away = self.away.is_some_and(|(from, to)| (from..=to).contains(&day));
        self.is_travelling(day) || day >= self.joined && !is_away && !self.trip.as_ref().is_some_and(is_on_the_way)
    }

    fn is_travelling(&self, day: u32) -> bool {
        self.trip.as_ref().is_some_and(|trip| (trip.from..=trip.to).contains(&day))
    }

    /// Where the person is on a working day that begins at the office or not, and the hours to UTC there.
    fn place(&self, world: &World<'_>, day: u32, at_office: bool) -> (Address, i64) {
        let site = &world.organisation.sites[self.site];
        if let Some(trip) = self.trip.as_ref().filter(|_| self.is_travelling(day)) {
            return (trip.place.clone(), trip.utc_offset);
        }
        let office = match &site.moved {
            Some((from, address, _)) if day >= *from => Some(address),
            _ => site.office.as_ref(),
        };
        let place = match office.filter(|_| at_office) {
            Some(office) => office.clone(),
            None => self.home_on(world, day),
        };
        (place, site.utc_offset)
    }

    /// The address at home: providers change it by and by, people move.
    fn home_on(&self, world: &World<'_>, day: u32) -> Address {
        match &self.moved {
            Some((from, address)) if day >= *from => address.clone(),
            _ if day < self.redial_days => self.home.clone(),
            _ => {
                let name = [number_of(&self.name), u64::from(day / self.redial_days)];
                self.home_network.address(&mut stream(world.settings.seed, Purpose::Home, &name))
            }
        }
    }

    /// Browser and CLI of that day.
    fn clients(&self, day: u32) -> (&'static str, &'static str) {
        match self.renewed {
            Some((from, browser, cli)) if day >= from => (browser, cli),
            _ => (self.browser, self.cli),
        }
    }

    fn incident(&self, day: u32, from_office: bool) -> u16 {
        let covers = |mark: &&Mark| (mark.from..=mark.to).contains(&day) && (from_office || !mark.is_office_only);
        self.marks.iter().find(covers).map_or(0, |mark| mark.incident)
    }
}

/// The share of all events that people make by hand.
const SHARE: f64 = 0.22;

/// Adds one person's day to the plan.
pub(super) fn plan_day(world: &World<'_>, index: usize, day: Day, plan: &mut Plan) {
    let organisation = world.organisation;
    let person = &organisation.people[index];
    let rng = &mut stream(world.settings.seed, Purpose::Person, &[index as u64, u64::from(day.index)]);
    let attends = if day.is_weekend() { 0.04 } else { 0.9 };
    let comes = rng.random_bool(attends) || person.is_travelling(day.index) && !day.is_weekend();
    if !comes || !person.is_there(day.index) {
        return;
    }
    let mean = f64::from(world.settings.events_per_day) * SHARE / organisation.people.len() as f64;
    let mood = rng.random_range(0.45..1.75) * if day.is_weekend() { 0.3 } else { 1.0 };
    let calls = whole(rng, mean * person.weight * mood);
    let at_office = organisation.sites[person.site].office.is_some() && rng.random_bool(person.office_share);
    let (mut place, utc_offset) = person.place(world, day.index, at_office);
    // At friends', in a hotel, in a library; at times across a border. Nobody announces it.
    if person.trip.is_none() && rng.random_bool(0.02) {
        let networks: &[Network] = if rng.random_bool(0.15) { &VISITS } else { organisation.sites[person.site].homes };
        place = one_of(rng, networks).address(rng);
    }
    let begin = day.midnight + ((around(rng, person.begins_hour, 0.4) - utc_offset as f64) * HOUR as f64) as i64;
    let hours = around(rng, 7.8, 0.8).max(2.0);
    let mut workday = Workday {
        world,
        person,
        place,
        incident: person.incident(day.index, at_office),
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
        // Lunch is late morning plus three hours; few work through it.
        let mut at = begin + (hours * HOUR as f64 * rng.random::<f64>()) as i64;
        if (begin + 3 * HOUR..begin + 4 * HOUR).contains(&at) && rng.random_bool(0.7) {
            at += HOUR;
        }
        workday.burst(rng, day, at, size);
    }
    let share = if day.is_weekend() { 0.2 } else { 1.0 };
    let moment = |rng: &mut _| begin + (hours * HOUR as f64 * Rng::random::<f64>(rng)) as i64;
    if rng.random_bool(0.03 * share) {
        let at = moment(rng);
        workday.tour(rng, day, at);
    }
    if rng.random_bool(0.015 * share) {
        let at = moment(rng);
        workday.missing_permission(rng, day, at);
    }
    if rng.random_bool(0.08 * share) {
        let at = moment(rng);
        workday.odd_job(rng, day, at);
    }
}

/// One person's day in the making.
struct Workday<'a, 'b> {
    world: &'a World<'a>,
    person: &'a Person,
    place: Address,
    incident: u16,
    begin: i64,
    /// Credentials by account and half of the day, and whether the console was entered with them.
    keys: Vec<(usize, bool, String, i64)>,
    /// The sessions so far, and whether of the later half of the day.
    open: Vec<(bool, u32)>,
    plan: &'b mut Plan,
}

impl Workday<'_, '_> {
    /// Some calls in a row, in one account, with one client.
    fn burst(&mut self, rng: &mut impl Rng, day: Day, mut at: i64, calls: u32) {
        let person = self.person;
        let is_cli = rng.random_bool(person.cli_share);
        let channel = if is_cli { Channel::Api } else { Channel::Console };
        let total: f64 = person.roles.iter().map(|role| role.weight).sum();
        let Some(role) = pick(rng, &person.roles, total, |role| role.weight) else { return };
        let region = match rng.random_range(0..200) {
            0..140 => HOME_REGION,
            140..180 => GLOBAL_REGION,
            180..199 => 2,
            // The console remembers the region of a link somebody has sent.
            _ if !is_cli && rng.random_bool(0.4) => rng.random_range(0..REGIONS.len()),
            _ => 2,
        };
        // On the way or in a café: the phone's connection.
        let is_mobile = !person.is_travelling(day.index) && rng.random_bool(0.03);
        let place = person.mobile.as_ref().filter(|_| is_mobile).unwrap_or(&self.place).clone();
        let session = self.session(rng, day, role, region, channel, &place, at);
        let incident_here = if is_mobile { person.incident(day.index, false) } else { self.incident };
        let usual = if is_cli { &person.cli_calls } else { &person.console_calls };
        let total: f64 = usual.iter().map(|(_, weight)| weight).sum();
        for _ in 0..calls {
            // Scripts are quick, people read what the page says.
            at += if is_cli { rng.random_range(1..25) } else { rng.random_range(1..70) };
            let mut incident = incident_here;
            let chance = rng.random::<f64>();
            let (call, fate) = if chance < 0.005 {
                (person.forbidden, Fate::Denied)
            } else if chance < 0.014 && !person.rare_calls.is_empty() {
                (*one_of(rng, &person.rare_calls), if rng.random_bool(0.2) { Fate::Denied } else { Fate::Done })
            } else if let Some(adoption) = person.adoption.as_ref().filter(|it| day.index >= it.from && chance < 0.25) {
                if day.index < adoption.from + 7 {
                    incident = adoption.incident;
                }
                (*one_of(rng, &adoption.calls), if chance < 0.03 { Fate::Denied } else { Fate::Done })
            } else {
                let fate = match rng.random_range(0..1000) {
                    0..9 => Fate::NotFound,
                    9..12 => Fate::Throttled,
                    _ => Fate::Done,
                };
                (pick(rng, usual, total, |(_, weight)| *weight).map_or(person.forbidden, |(call, _)| *call), fate)
            };
            let event = Event { fate, incident, ..Event::new(session, call, at) };
            self.plan.add(self.world, rng, event);
        }
    }

    /// First steps with a service, in the console; at times in a region picked by mistake.
    fn tour(&mut self, rng: &mut impl Rng, day: Day, at: i64) {
        let person = self.person;
        let (tour, role) = (one_of(rng, &person.tours), one_of(rng, &person.roles));
        let region = if rng.random_bool(0.15) { rng.random_range(0..REGIONS.len()) } else { HOME_REGION };
        let place = self.place.clone();
        let session = self.session(rng, day, role, region, Channel::Console, &place, at);
        let denied_share = *one_of(rng, &[0.0, 0.0, 0.1, 0.6]);
        let calls: Vec<_> = (0..rng.random_range(3..14)).map(|_| *one_of(rng, tour)).collect();
        self.run(rng, session, at, &calls, denied_share);
    }

    /// A script of one's own runs into what a role may not, again and again until it is given up.
    fn missing_permission(&mut self, rng: &mut impl Rng, day: Day, at: i64) {
        let person = self.person;
        let role = one_of(rng, &person.roles);
        let place = self.place.clone();
        let session = self.session(rng, day, role, HOME_REGION, Channel::Api, &place, at);
        let kinds = *one_of(rng, &[1, 1, 2, 3, 6]);
        let tried: Vec<_> = (0..kinds).map(|_| one_of(rng, &person.cli_calls).0).collect();
        let calls: Vec<_> = tried.iter().copied().cycle().take(rng.random_range(4..25)).collect();
        self.run(rng, session, at, &calls, 0.9);
    }

    /// Work that comes up a few times a year.
    fn odd_job(&mut self, rng: &mut impl Rng, day: Day, at: i64) {
        let person = self.person;
        if person.odd_jobs.is_empty() {
            return;
        }
        let (odd, calls) = one_of(rng, &person.odd_jobs);
        let role = one_of(rng, &person.roles);
        let place = self.place.clone();
        let session = self.session(rng, day, role, HOME_REGION, Channel::Api, &place, at);
        // What it shares it shares within the organisation.
        let organisation = self.world.organisation;
        let accounts = &organisation.accounts;
        let ours = &accounts[(role.account + 1) % accounts.len()].id;
        let session = self.plan.sessions[session as usize].clone().with(Slot::Peer, ours.clone());
        let session = odd.values.iter().fold(session, |session, (slot, value)| session.with(*slot, *value));
        let session = session.on_workload(*one_of(rng, &accounts[role.account].workloads));
        let session = self.plan.open(session);
        let repeats = rng.random_range(odd.times.0..=odd.times.1);
        let calls: Vec<_> = (0..repeats).flat_map(|_| calls.iter().copied()).collect();
        self.run(rng, session, at, &calls, 0.04);
    }

    /// Calls one after the other.
    fn run(&mut self, rng: &mut impl Rng, session: u32, mut at: i64, calls: &[CallId], denied_share: f64) {
        for call in calls {
            at += rng.random_range(1..20);
            let fate = if rng.random_bool(denied_share) { Fate::Denied } else { Fate::Done };
            let event = Event { fate, incident: self.incident, ..Event::new(session, *call, at) };
            self.plan.add(self.world, rng, event);
        }
    }

    /// The session for a burst; the first of a half day signs in.
    #[expect(clippy::too_many_arguments, reason = "what tells one session from another")]
    fn session(
        &mut self,
        rng: &mut impl Rng,
        day: Day,
        role: &AccountRole,
        region: usize,
        channel: Channel,
        place: &Address,
        at: i64,
    ) -> u32 {
        let is_late = at > self.begin + 4 * HOUR;
        let known = self.open.iter().find(|(late, session)| {
            let open = &self.plan.sessions[*session as usize];
            (open.account, *late, open.region, open.channel) == (role.account, is_late, region, channel)
                && open.source == place.ip
        });
        if let Some((_, session)) = known {
            return *session;
        }
        let account = &self.world.organisation.accounts[role.account];
        let known = self.keys.iter().find(|(account, late, ..)| (*account, *late) == (role.account, is_late));
        let (key, since) = match known {
            Some((_, _, key, since)) => (key.clone(), *since),
            None => {
                // Nobody's first call comes before the sign-in: both bursts of one half day share the earlier moment.
                let since = if is_late { self.begin + 4 * HOUR } else { self.begin } - rng.random_range(20..400);
                let key = iam_id("ASIA", rng);
                self.sign_in(rng, role, since);
                self.keys.push((role.account, is_late, key.clone(), since));
                (key, since)
            }
        };
        let (browser, cli) = self.person.clients(day.index);
        let agent = if channel == Channel::Console { browser } else { cli };
        let version = record_version(rng);
        let session = self
            .person
            .who(&account.id, role, &key, since)
            .at(role.account, region, place.clone(), agent, channel)
            .version(version);
        let session = self.plan.open(session);
        self.open.push((is_late, session));
        session
    }

    fn sign_in(&mut self, rng: &mut impl Rng, role: &AccountRole, since: i64) {
        let organisation = self.world.organisation;
        let calls = &self.world.sign_in;
        let person = self.person;
        for (session, call, at) in sign_in(organisation, person, role, &self.place, since, calls) {
            let session = self.plan.open(session);
            let event = Event { incident: self.incident, ..Event::new(session, call, at) };
            self.plan.add(self.world, rng, event);
            // A typing error now and then, and at times several.
            if call == calls.console_login && person.login != Login::IdentityCenter && rng.random_bool(0.04) {
                let errors = *one_of(rng, &[1, 1, 1, 1, 2, 3, 5]);
                for number in 1..=errors {
                    let event = Event {
                        fate: Fate::Denied,
                        incident: self.incident,
                        ..Event::new(session, call, at - 12 * number)
                    };
                    self.plan.add(self.world, rng, event);
                }
            }
        }
    }
}

/// The calls that signing in leaves.
pub(super) struct SignInCalls {
    pub(super) verification: CallId,
    pub(super) authentication: CallId,
    pub(super) federate: CallId,
    pub(super) console_login: CallId,
}

impl SignInCalls {
    /// Looks their numbers up.
    pub(super) fn new(catalogue: &mut Catalogue) -> Self {
        Self {
            verification: catalogue.id("signin:CredentialVerification"),
            authentication: catalogue.id("signin:UserAuthentication"),
            federate: catalogue.id("sso:Federate"),
            console_login: catalogue.id("signin:ConsoleLogin"),
        }
    }
}

/// What signing in leaves: at the access portal and in the account, or in the account alone.
pub(super) fn sign_in(
    organisation: &Organisation,
    person: &Person,
    role: &AccountRole,
    place: &Address,
    since: i64,
    calls: &SignInCalls,
) -> Vec<(Session, CallId, i64)> {
    let account = &organisation.accounts[role.account];
    let login = person.who(&account.id, role, "", since).signing_in().at(
        role.account,
        GLOBAL_REGION,
        place.clone(),
        person.browser,
        Channel::Console,
    );
    match person.login {
        Login::IamUser { mfa } => {
            let login = login.with(Slot::Mfa, if mfa { "Yes" } else { "No" }).with(Slot::Saml, "");
            vec![(login, calls.console_login, since)]
        }
        Login::IdentityCenter => {
            let hub = &organisation.accounts[organisation.security];
            let portal = Who::identity_center(&hub.id, &organisation.directory, &person.user_id, &person.mail)
                .at(organisation.security, GLOBAL_REGION, place.clone(), person.browser, Channel::Console)
                .with(Slot::Credential, "TOTP")
                .with(Slot::Peer, account.id.clone())
                .with(Slot::PermissionSet, person.job.permission_set());
            // The portal has asked for the second factor; the account itself never does.
            let saml = format!(
                r#","SamlProviderArn":"arn:aws:iam::{}:saml-provider/AWSSSO_{}_DO_NOT_DELETE""#,
                account.id,
                &role.role_id[4..]
            );
            let login = login.with(Slot::Mfa, "No").with(Slot::Saml, saml);
            vec![
                (portal.clone(), calls.verification, since - 9),
                (portal.clone(), calls.authentication, since - 7),
                (portal, calls.federate, since - 2),
                (login, calls.console_login, since),
            ]
        }
    }
}

/// A record version, as it is mixed in an archive where services change at their own pace.
pub(super) fn record_version(rng: &mut impl Rng) -> &'static str {
    version_at(rng.random_range(0..100))
}

/// The version that stands at this percentage of an archive.
pub(super) fn version_at(percent: u32) -> &'static str {
    match percent {
        0..3 => "1.05",
        3..48 => "1.08",
        48..74 => "1.09",
        74..88 => "1.10",
        _ => "1.11",
    }
}

/// One of `choices`, as often as its weight says.
pub(super) fn pick<'a, T>(
    rng: &mut impl Rng,
    choices: &'a [T],
    total: f64,
    weight: impl Fn(&T) -> f64,
) -> Option<&'a T> {
    let mut rest = rng.random::<f64>() * total;
    choices
        .iter()
        .find(|choice| {
            rest -= weight(choice);
            rest < 0.0
        })
        .or(choices.last())
}
