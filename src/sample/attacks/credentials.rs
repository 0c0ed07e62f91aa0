//! Attacks that live off somebody else's credentials.

use rand::Rng;

use crate::sample::calls::Slot;
use crate::sample::dice::{iam_id, one_of};
use crate::sample::identity::{Channel, Who};
use crate::sample::incident::{Scene, act};
use crate::sample::machines;
use crate::sample::networks::FAR_HOMES;
use crate::sample::organisation::{GLOBAL_REGION, HOME_REGION, REGIONS, REGIONS_USED};
use crate::sample::people::{Login, Person};

/// What a visitor of the console looks at when everything is new.
pub(super) const LOOKING_AROUND: &str = "\
    iam:GetAccountSummary iam:ListUsers iam:ListRoles iam:ListAccessKeys s3:ListBuckets \
    s3:GetBucketLocation s3:GetBucketPolicyStatus ec2:DescribeInstances ec2:DescribeRegions \
    ec2:DescribeSecurityGroups ec2:DescribeKeyPairs rds:DescribeDBInstances lambda:ListFunctions20150331 \
    secretsmanager:ListSecrets ssm:DescribeParameters dynamodb:ListTables kms:ListAliases \
    ce:GetCostAndUsage organizations:DescribeOrganization cloudtrail:DescribeTrails \
    health:DescribeEventAggregates";

/// A password works from far away.
pub(super) fn stolen_password(scene: &mut Scene<'_>) -> Option<()> {
    let victim = scene
        .take_person(|person| person.login == Login::IamUser { mfa: false })
        .or_else(|| scene.take_person(|person| person.login != Login::IdentityCenter))?;
    let day = scene.weekday();
    let hour = scene.rng.random_range(0..22);
    scene.begin(day, hour);
    let place = one_of(&mut scene.rng, &FAR_HOMES).address(&mut scene.rng);
    let browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36";
    let page = scene.sign_in_page(victim, &place, browser);
    for _ in 0..scene.rng.random_range(0..3) {
        scene.act(&page, act("signin:ConsoleLogin").denied());
    }
    let session = scene.sign_in_with_password(victim, &place, browser);
    scene.pace = (4, 90);
    scene.act(&session, act("health:DescribeEventAggregates"));
    scene.act(&session, act("iam:ListUsers").key());
    let count = scene.rng.random_range(14..38);
    scene.roam(&session, LOOKING_AROUND, count, 0.2);
    Some(())
}

/// A key is in two places at once.
pub(super) fn session_elsewhere(scene: &mut Scene<'_>) -> Option<()> {
    // The owner goes on for a quarter of an hour at least; in a small sample for a minute, or in the console.
    let settled = |person: &Person| person.login == Login::IdentityCenter && person.trip.is_none();
    let working = scene
        .at_work(900, settled, |session| session.channel == Channel::Api)
        .or_else(|| scene.at_work(60, settled, |session| session.channel == Channel::Api))
        .or_else(|| scene.at_work(0, settled, |_| true))?;
    let country = working.session.place.as_ref().map_or("DE", |place| place.country);
    let place = scene.server_far_from(country);
    let session = working
        .session
        .moved(place, "aws-cli/2.15.10 Python/3.11.6 Linux/6.5.0-18-generic exe/x86_64.ubuntu.22 prompt/off");
    scene.clock = working.middle + scene.rng.random_range(30..400);
    scene.act(&session, act("sts:GetCallerIdentity").key());
    scene.act(&session, act("s3:ListBuckets").key());
    let list = "\
        ec2:DescribeInstances secretsmanager:ListSecrets ssm:DescribeParameters iam:ListRoles \
        s3:ListObjects";
    let count = scene.rng.random_range(4..14);
    scene.roam(&session, list, count, 0.15);
    for _ in 0..scene.rng.random_range(4..20) {
        scene.act(&session, act("s3:GetObject").key());
    }
    Some(())
}

/// A list of cheap questions, asked everywhere.
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

/// A key from a public place asks everything.
pub(super) fn leaked_key(scene: &mut Scene<'_>) -> Option<()> {
    let victim = scene.take_key_user(|user| user.rotated.is_none())?;
    let day = scene.weekday();
    let hour = scene.rng.random_range(0..23);
    scene.begin(day, hour);
    let place = scene.server();
    let agent =
        "Boto3/1.34.42 md/Botocore#1.34.42 ua/2.0 os/linux#5.15.0-91-generic md/arch#x86_64 lang/python#3.10.12";
    let session = scene.with_key_of(victim, place, agent);
    scene.act(&session, act("sts:GetCallerIdentity").key());
    scene.pace = (0, 4);
    for number in 0..scene.rng.random_range(150..290) {
        let call = scene.one_call(QUESTIONS);
        let region = scene.rng.random_range(0..REGIONS.len().min(REGIONS_USED + 4));
        let is_denied = scene.rng.random_bool(0.88);
        let question = act(call).in_region(region).denied_if(is_denied && call != "sts:GetCallerIdentity");
        scene.act(&session, if number < 20 { question.key() } else { question });
    }
    Some(())
}

/// A build step that is not in the pipeline's file.
pub(super) fn poisoned_pipeline(scene: &mut Scene<'_>) -> Option<()> {
    let victim = scene.take_pipeline(|_| true)?;
    let day = scene.weekday();
    let hour = scene.rng.random_range(8..18);
    scene.begin(day, hour);
    scene.pace = (1, 9);
    let pipeline = &scene.organisation.pipelines[victim];
    let (token, run) = machines::pipeline_sessions(scene.organisation, pipeline, scene.clock, &mut scene.rng);
    scene.act(&token, act("sts:AssumeRoleWithWebIdentity"));
    scene.act(&run, act("sts:GetCallerIdentity"));
    scene.act(&run, act("secretsmanager:ListSecrets").key());
    let workloads = scene.organisation.accounts[run.account].workloads.clone();
    for workload in workloads.into_iter().take(40) {
        let it = &scene.organisation.workloads[workload];
        let (secret, service, region) = (it.secret.clone(), it.service.clone(), it.region);
        let is_denied = scene.rng.random_bool(0.15);
        let read = act("secretsmanager:GetSecretValue").with(Slot::Secret, secret).in_region(region);
        scene.act(&run, read.denied_if(is_denied).key());
        let read = act("ssm:GetParametersByPath").with(Slot::Service, service).in_region(region);
        scene.act(&run, read.key());
    }
    scene.act(&run, act("iam:ListUsers"));
    let user = *one_of(&mut scene.rng, &["svc-artifacts", "svc-release", "ci-cache", "svc-sync", "build-agent"]);
    let new_key = iam_id("AKIA", &mut scene.rng);
    scene.act(&run, act("iam:CreateUser").with(Slot::User, user).key());
    let policy = "arn:aws:iam::aws:policy/PowerUserAccess";
    scene.act(&run, act("iam:AttachUserPolicy").with(Slot::User, user).with(Slot::PolicyArn, policy).key());
    scene.act(&run, act("iam:CreateAccessKey").with(Slot::User, user).with(Slot::NewKey, new_key).key());
    Some(())
}

/// A key is tried out for some minutes, without haste and without a denial.
pub(super) fn quiet_key(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_key(|user| user.last_day.is_none())?;
    scene.pace = (20, 300);
    scene.act(&session, act("sts:GetCallerIdentity").key());
    scene.act(&session, act("s3:ListBuckets").key());
    for _ in 0..scene.rng.random_range(1..5) {
        scene.act(&session, act("s3:ListObjects").key());
    }
    for _ in 0..scene.rng.random_range(2..9) {
        scene.act(&session, act("s3:GetObject").key());
    }
    Some(())
}

/// A key that nobody used for weeks is used again.
pub(super) fn dormant_key(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_key(|user| user.last_day.is_some())?;
    scene.pace = (5, 60);
    let probes = "\
        iam:GetUser iam:ListAttachedUserPolicies s3:ListBuckets s3:ListObjects ec2:DescribeInstances \
        rds:DescribeDBInstances dynamodb:ListTables";
    scene.act(&session, act("sts:GetCallerIdentity").key());
    for _ in 0..scene.rng.random_range(4..20) {
        let call = scene.one_call(probes);
        let is_denied = scene.rng.random_bool(0.25);
        scene.act(&session, act(call).denied_if(is_denied).key());
    }
    Some(())
}

/// Password after password, or one password for everybody, until one works.
pub(super) fn guessed_password(scene: &mut Scene<'_>) -> Option<()> {
    let victim = scene
        .take_person(|person| person.login == Login::IamUser { mfa: false })
        .or_else(|| scene.take_person(|person| person.login != Login::IdentityCenter))?;
    let day = scene.any_day();
    let hour = scene.rng.random_range(0..22);
    scene.begin(day, hour);
    let place = scene.hideout();
    let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:122.0) Gecko/20100101 Firefox/122.0";
    let mut tried = vec![victim; scene.rng.random_range(8..45)];
    if scene.rng.random_bool(0.4) {
        let people = scene.organisation.people.iter().enumerate();
        tried.extend(people.filter(|(_, person)| person.login != Login::IdentityCenter).map(|(index, _)| index));
        tried.drain(..5);
    }
    scene.pace = (2, 25);
    for person in tried {
        let page = scene.sign_in_page(person, &place, browser);
        scene.act(&page, act("signin:ConsoleLogin").denied().key());
    }
    let session = scene.sign_in_with_password(victim, &place, browser);
    scene.pace = (5, 60);
    let count = scene.rng.random_range(3..20);
    scene.roam(&session, LOOKING_AROUND, count, 0.1);
    Some(())
}

/// Root signs in with a password alone.
pub(super) fn root_login(scene: &mut Scene<'_>) -> Option<()> {
    let day = scene.any_day();
    let hour = scene.rng.random_range(0..23);
    scene.begin(day, hour);
    let place = scene.hideout();
    let account = scene.rng.random_range(0..scene.organisation.accounts.len());
    let key = iam_id("ASIA", &mut scene.rng);
    let root = Who::root(&scene.organisation.accounts[account].id, &key, scene.clock, false);
    let browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36";
    let page = root.signing_in().at(account, GLOBAL_REGION, place.clone(), browser, Channel::Console);
    let page = page.with(Slot::Mfa, "No").with(Slot::Saml, "");
    for _ in 0..scene.rng.random_range(0..4) {
        scene.act(&page, act("signin:ConsoleLogin").denied());
    }
    scene.act(&page, act("signin:ConsoleLogin").key());
    let session = root.at(account, HOME_REGION, place, browser, Channel::Console);
    scene.pace = (10, 90);
    scene.acts(&session, "iam:GetAccountSummary billing:GetBillingData s3:ListBuckets iam:ListUsers");
    if scene.rng.random_bool(0.5) {
        let user = *one_of(&mut scene.rng, &["support", "svc-audit", "maintenance"]);
        let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
        scene.act(&session, act("iam:CreateUser").with(Slot::User, user).key());
        scene.act(&session, act("iam:AttachUserPolicy").with(Slot::User, user).with(Slot::PolicyArn, policy).key());
        scene.act(&session, act("iam:CreateAccessKey").with(Slot::User, user).key());
    }
    Some(())
}
