//! Attacks with stolen, leaked or guessed credentials.

use rand::Rng;

use crate::sample::cloudtrail::identity::{Channel, Identity};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::organisation::people::{BROWSERS, Login, Person};
use crate::sample::organisation::regions::{GLOBAL_REGION, HOME_REGION, REGION_COUNT, REGIONS_USED};
use crate::sample::random::{iam_id, one_of};
use crate::sample::traffic::pipelines::pipeline_sessions;

/// Calls of a first look around in the console.
pub(crate) const LOOKING_AROUND: &str = "\
    iam:GetAccountSummary iam:ListUsers iam:ListRoles iam:ListAccessKeys s3:ListBuckets \
    s3:GetBucketLocation s3:GetBucketPolicyStatus ec2:DescribeInstances ec2:DescribeRegions \
    ec2:DescribeSecurityGroups ec2:DescribeKeyPairs rds:DescribeDBInstances lambda:ListFunctions20150331 \
    secretsmanager:ListSecrets ssm:DescribeParameters dynamodb:ListTables kms:ListAliases \
    ce:GetCostAndUsage organizations:DescribeOrganization cloudtrail:DescribeTrails \
    health:DescribeEventAggregates";

/// Signs in with a stolen password from a foreign country, then looks around.
pub(crate) const STOLEN_PASSWORD: Kind = Kind {
    name: "stolen_password",
    technique: "Console login from a country never seen for this person, without MFA, then browsing",
    mitre: &["T1078.004", "T1087.004", "T1580"],
    description: "A stolen password is tried, works, and somebody looks around for half an hour.",
    plant: stolen_password,
};

fn stolen_password(scenario: &mut Scenario<'_>) -> Option<()> {
    let victim = scenario
        .take_person(|person| person.login == Login::IamUser { mfa: false })
        .or_else(|| scenario.take_person(|person| person.login != Login::IdentityCenter))?;
    let day = scenario.weekday();
    let hour = scenario.rng.random_range(0..22);
    scenario.start_at(day, hour);
    let address = scenario.foreign_home();
    let browser = BROWSERS[0];
    let page = scenario.sign_in_page(victim, &address, browser);
    for _ in 0..scenario.rng.random_range(0..3) {
        scenario.run(&page, step("signin:ConsoleLogin").denied());
    }
    let session = scenario.sign_in_with_password(victim, &address, browser);
    scenario.pace = (4, 90);
    scenario.run(&session, step("health:DescribeEventAggregates"));
    scenario.run(&session, step("iam:ListUsers").key());
    let count = scenario.rng.random_range(14..38);
    scenario.run_random(&session, LOOKING_AROUND, count, 0.2);
    Some(())
}

/// Uses a session's key from another continent while its owner works.
pub(crate) const SESSION_ELSEWHERE: Kind = Kind {
    name: "session_elsewhere",
    technique: "A session's key is used from another continent while its owner works",
    mitre: &["T1550.001", "T1078.004", "T1530"],
    description: "Temporary credentials copied from a laptop; owner and attacker call at the same time from places hours of flight apart.",
    plant: session_elsewhere,
};

fn session_elsewhere(scenario: &mut Scenario<'_>) -> Option<()> {
    // The owner keeps working for at least 15 minutes; in a small sample for a minute, or in any session.
    let is_usual = scenario.usual_login();
    let settled = |person: &Person| is_usual(person) && person.trip.is_none();
    let work = scenario
        .during_work(900, settled, |session| session.channel == Channel::Api)
        .or_else(|| scenario.during_work(60, settled, |session| session.channel == Channel::Api))
        .or_else(|| scenario.during_work(0, settled, |_| true))?;
    let country = work.session.address.as_ref().map_or("DE", |address| address.country);
    let address = scenario.hosting_address_far_from(country);
    let session = work
        .session
        .used_from(address, "aws-cli/2.15.10 Python/3.11.6 Linux/6.5.0-18-generic exe/x86_64.ubuntu.22 prompt/off");
    scenario.clock = work.middle + scenario.rng.random_range(30..400);
    scenario.run(&session, step("sts:GetCallerIdentity").key());
    scenario.run(&session, step("s3:ListBuckets").key());
    let list = "\
        ec2:DescribeInstances secretsmanager:ListSecrets ssm:DescribeParameters iam:ListRoles \
        s3:ListObjects";
    let count = scenario.rng.random_range(4..14);
    scenario.run_random(&session, list, count, 0.15);
    for _ in 0..scenario.rng.random_range(4..20) {
        scenario.run(&session, step("s3:GetObject").key());
    }
    Some(())
}

/// Read calls that reconnaissance tools make in every region.
const QUESTIONS: &str = "\
    iam:GetUser iam:ListUsers iam:ListRoles iam:ListGroups iam:ListPolicies iam:GetAccountSummary \
    iam:ListAttachedUserPolicies iam:ListUserPolicies iam:GetAccountAuthorizationDetails \
    iam:ListAccountAliases s3:ListBuckets ec2:DescribeInstances ec2:DescribeVpcs \
    ec2:DescribeSecurityGroups ec2:DescribeSnapshots ec2:DescribeVolumes ec2:DescribeImages \
    ec2:DescribeKeyPairs ec2:DescribeAddresses ec2:DescribeRegions ec2:DescribeSubnets \
    ec2:DescribeRouteTables lambda:ListFunctions20150331 lambda:ListLayers20181031 \
    rds:DescribeDBInstances rds:DescribeDBSnapshots rds:DescribeDBClusters dynamodb:ListTables \
    dynamodb:ListBackups sqs:ListQueues sns:ListTopics sns:ListSubscriptions secretsmanager:ListSecrets \
    ssm:DescribeParameters ssm:DescribeInstanceInformation kms:ListKeys kms:ListAliases \
    logs:DescribeLogGroups cloudtrail:DescribeTrails config:DescribeConfigRules guardduty:ListDetectors \
    organizations:DescribeOrganization organizations:ListAccounts ecr:DescribeRepositories \
    ecs:ListClusters eks:ListClusters elasticloadbalancing:DescribeLoadBalancers route53:ListHostedZones \
    cloudformation:ListStacks apigateway:GetRestApis sagemaker:ListNotebookInstances \
    redshift:DescribeClusters elasticache:DescribeCacheClusters es:ListDomainNames \
    batch:DescribeJobQueues glue:GetDatabases athena:ListWorkGroups kinesis:ListStreams \
    codebuild:ListProjects codecommit:ListRepositories ses:ListIdentities support:DescribeCases \
    backup:ListBackupVaults states:ListStateMachines sts:GetCallerIdentity";

/// Tries hundreds of read calls with a leaked key; most are denied.
pub(crate) const LEAKED_KEY: Kind = Kind {
    name: "leaked_key",
    technique: "A leaked access key tries read calls over many services and regions",
    mitre: &["T1078.004", "T1580", "T1526", "T1087.004"],
    description: "A long-lived key from a repository; hundreds of calls in minutes from a hosting provider, most of them denied.",
    plant: leaked_key,
};

fn leaked_key(scenario: &mut Scenario<'_>) -> Option<()> {
    let is_stealable = scenario.stealable();
    let victim = scenario.take_key_user(is_stealable)?;
    let day = scenario.weekday();
    let hour = scenario.rng.random_range(0..23);
    scenario.start_at(day, hour);
    let address = scenario.hosting_address();
    let agent =
        "Boto3/1.34.42 md/Botocore#1.34.42 ua/2.0 os/linux#5.15.0-91-generic md/arch#x86_64 lang/python#3.10.12";
    let session = scenario.session_with_key(victim, address, agent);
    scenario.run(&session, step("sts:GetCallerIdentity").key());
    scenario.pace = (0, 4);
    for number in 0..scenario.rng.random_range(150..290) {
        let call = scenario.any_call(QUESTIONS);
        let region = scenario.rng.random_range(0..REGION_COUNT.min(REGIONS_USED + 4));
        let is_denied = scenario.rng.random_bool(0.88);
        let question = step(call).in_region(region).denied_if(is_denied && call != "sts:GetCallerIdentity");
        scenario.run(&session, if number < 20 { question.key() } else { question });
    }
    Some(())
}

/// A manipulated build step reads secrets and creates a user with an access key.
pub(crate) const POISONED_PIPELINE: Kind = Kind {
    name: "poisoned_pipeline",
    technique: "A CI role reads every secret, then creates a user with a key",
    mitre: &["T1195.002", "T1555.006", "T1136.003", "T1098.001"],
    description: "A manipulated build step, from a usual runner at a usual time, makes calls that the role never made.",
    plant: poisoned_pipeline,
};

fn poisoned_pipeline(scenario: &mut Scenario<'_>) -> Option<()> {
    let victim = scenario.take_pipeline(|_| true)?;
    let day = scenario.weekday();
    let hour = scenario.rng.random_range(8..18);
    scenario.start_at(day, scenario.office_hour(hour));
    scenario.pace = (1, 9);
    let pipeline = &scenario.organisation.pipelines[victim];
    let (token, run) = pipeline_sessions(scenario.organisation, pipeline, scenario.clock, &mut scenario.rng);
    scenario.run(&token, step("sts:AssumeRoleWithWebIdentity"));
    scenario.run(&run, step("sts:GetCallerIdentity"));
    scenario.run(&run, step("secretsmanager:ListSecrets").key());
    let workloads = scenario.organisation.accounts[run.account].workloads.clone();
    for workload in workloads.into_iter().take(40) {
        let target = &scenario.organisation.workloads[workload];
        let (secret, service, region) = (target.secret.clone(), target.service.clone(), target.region);
        let is_denied = scenario.rng.random_bool(0.15);
        let read = step("secretsmanager:GetSecretValue").with(Slot::Secret, secret).in_region(region);
        scenario.run(&run, read.denied_if(is_denied).key());
        let read = step("ssm:GetParametersByPath").with(Slot::Service, service).in_region(region);
        scenario.run(&run, read.key());
    }
    scenario.run(&run, step("iam:ListUsers"));
    let user = *one_of(&mut scenario.rng, &["svc-artifacts", "svc-release", "ci-cache", "svc-sync", "build-agent"]);
    let new_key = iam_id("AKIA", &mut scenario.rng);
    scenario.run(&run, step("iam:CreateUser").with(Slot::User, user).key());
    let policy = "arn:aws:iam::aws:policy/PowerUserAccess";
    scenario.run(&run, step("iam:AttachUserPolicy").with(Slot::User, user).with(Slot::PolicyArn, policy).key());
    scenario.run(&run, step("iam:CreateAccessKey").with(Slot::User, user).with(Slot::NewKey, new_key).key());
    Some(())
}

/// Tries a program's key for some minutes, slowly and without a denial.
pub(crate) const QUIET_KEY: Kind = Kind {
    name: "quiet_key",
    technique: "A program's key is tried out from elsewhere",
    mitre: &["T1078.004", "T1530"],
    description: "A handful of calls in some minutes, all allowed, of the kind the key makes anyway: only the place is new.",
    plant: quiet_key,
};

fn quiet_key(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_key(|user| user.last_day.is_none())?;
    scenario.pace = (20, 300);
    scenario.run(&session, step("sts:GetCallerIdentity").key());
    scenario.run(&session, step("s3:ListBuckets").key());
    for _ in 0..scenario.rng.random_range(1..5) {
        scenario.run(&session, step("s3:ListObjects").key());
    }
    for _ in 0..scenario.rng.random_range(2..9) {
        scenario.run(&session, step("s3:GetObject").key());
    }
    Some(())
}

/// Uses a key that was not used for weeks.
pub(crate) const DORMANT_KEY: Kind = Kind {
    name: "dormant_key",
    technique: "A forgotten key is used again",
    mitre: &["T1078.004", "T1580"],
    description: "Reconnaissance with the key of a user who was inactive for weeks.",
    plant: dormant_key,
};

fn dormant_key(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_key(|user| user.last_day.is_some())?;
    scenario.pace = (5, 60);
    let probes = "\
        iam:GetUser iam:ListAttachedUserPolicies s3:ListBuckets s3:ListObjects ec2:DescribeInstances \
        rds:DescribeDBInstances dynamodb:ListTables";
    scenario.run(&session, step("sts:GetCallerIdentity").key());
    for _ in 0..scenario.rng.random_range(4..20) {
        let call = scenario.any_call(probes);
        let is_denied = scenario.rng.random_bool(0.25);
        scenario.run(&session, step(call).denied_if(is_denied).key());
    }
    Some(())
}

/// Guesses passwords of one user, or of all users, until one works.
pub(crate) const GUESSED_PASSWORD: Kind = Kind {
    name: "guessed_password",
    technique: "Failed sign-ins for one user or many, then one that works",
    mitre: &["T1110.001", "T1110.003", "T1078.004"],
    description: "Dozens of wrong passwords within minutes, then a success.",
    plant: guessed_password,
};

fn guessed_password(scenario: &mut Scenario<'_>) -> Option<()> {
    let victim = scenario
        .take_person(|person| person.login == Login::IamUser { mfa: false })
        .or_else(|| scenario.take_person(|person| person.login != Login::IdentityCenter))?;
    let day = scenario.any_day();
    let hour = scenario.rng.random_range(0..22);
    scenario.start_at(day, hour);
    let address = scenario.attacker_address();
    let browser = BROWSERS[3];
    let mut tried = vec![victim; scenario.rng.random_range(8..45)];
    if scenario.rng.random_bool(0.4) {
        let people = scenario.organisation.people.iter().enumerate();
        tried.extend(people.filter(|(_, person)| person.login != Login::IdentityCenter).map(|(index, _)| index));
        tried.drain(..5);
    }
    scenario.pace = (2, 25);
    for person in tried {
        let page = scenario.sign_in_page(person, &address, browser);
        scenario.run(&page, step("signin:ConsoleLogin").denied().key());
    }
    let session = scenario.sign_in_with_password(victim, &address, browser);
    scenario.pace = (5, 60);
    let count = scenario.rng.random_range(3..20);
    scenario.run_random(&session, LOOKING_AROUND, count, 0.1);
    Some(())
}

/// Signs in as root without MFA.
pub(crate) const ROOT_LOGIN: Kind = Kind {
    name: "root_login",
    technique: "Root signs in without MFA from an unknown place",
    mitre: &["T1078.004", "T1136.003"],
    description: "A few reads of users and bills, sometimes a new administrator.",
    plant: root_login,
};

fn root_login(scenario: &mut Scenario<'_>) -> Option<()> {
    let day = scenario.any_day();
    let hour = scenario.rng.random_range(0..23);
    scenario.start_at(day, hour);
    let address = scenario.attacker_address();
    let account = scenario.rng.random_range(0..scenario.organisation.accounts.len());
    let key = iam_id("ASIA", &mut scenario.rng);
    let root = Identity::root(&scenario.organisation.accounts[account].id, &key, scenario.clock, false);
    let browser = BROWSERS[0];
    let page = root.before_sign_in().at(account, GLOBAL_REGION, address.clone(), browser, Channel::Console);
    let page = page.with(Slot::Mfa, "No").with(Slot::Saml, "");
    for _ in 0..scenario.rng.random_range(0..4) {
        scenario.run(&page, step("signin:ConsoleLogin").denied());
    }
    scenario.run(&page, step("signin:ConsoleLogin").key());
    let session = root.at(account, HOME_REGION, address, browser, Channel::Console);
    scenario.pace = (10, 90);
    scenario.run_all(&session, "iam:GetAccountSummary billing:GetBillingData s3:ListBuckets iam:ListUsers");
    if scenario.rng.random_bool(0.5) {
        let user = *one_of(&mut scenario.rng, &["support", "svc-audit", "maintenance"]);
        let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
        scenario.run(&session, step("iam:CreateUser").with(Slot::User, user).key());
        scenario.run(&session, step("iam:AttachUserPolicy").with(Slot::User, user).with(Slot::PolicyArn, policy).key());
        scenario.run(&session, step("iam:CreateAccessKey").with(Slot::User, user).key());
    }
    Some(())
}
