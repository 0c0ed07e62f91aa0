//! Benign administration and audits.

use rand::Rng;

use crate::sample::calendar::Day;
use crate::sample::cloudtrail::identity::{Channel, Identity, Origin, Role};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::networks::GUEST_NETWORKS;
use crate::sample::organisation::accounts;
use crate::sample::organisation::jobs::Job;
use crate::sample::organisation::key_users::KeyUser;
use crate::sample::organisation::people::{BROWSERS, Person};
use crate::sample::organisation::regions::{GLOBAL_REGION, REGION_COUNT, REGIONS_USED};
use crate::sample::random::{Uuid, iam_id, one_of};

/// An administrator rotates the access keys of programs within two days.
pub(crate) const KEY_ROTATION: Kind = Kind {
    name: "key_rotation",
    technique: "An administrator rotates the access keys of programs",
    mitre: &[],
    description: "Create, disable and delete in pairs over two days, from the usual place.",
    plant: key_rotation,
};

fn key_rotation(scenario: &mut Scenario<'_>) -> Option<()> {
    // Only keys in use are rotated.
    let is_due = |user: &KeyUser| user.rotated.is_none() && user.last_day.is_none();
    let has_users: Vec<_> = (0..scenario.organisation.accounts.len())
        .map(|account| scenario.organisation.key_users.iter().any(|user| user.account == account && is_due(user)))
        .collect();
    let mut work = scenario.during_work(0, is_admin, |session| has_users[session.account])?;
    let account = work.session.account;
    let users: Vec<_> = (0..scenario.organisation.key_users.len())
        .filter(|user| {
            let user = &scenario.organisation.key_users[*user];
            user.account == account && is_due(user)
        })
        .take(3)
        .collect();
    if users.is_empty() {
        return None;
    }
    scenario.clock = work.middle;
    scenario.pace = (10, 90);
    let mut old_keys = Vec::new();
    for user in users {
        let new_key = iam_id("AKIA", &mut scenario.rng);
        let target = &mut scenario.organisation.key_users[user];
        let name = target.name.clone();
        old_keys.push((name.clone(), target.key.clone()));
        target.rotated = Some((work.day.index + 1, new_key.clone()));
        scenario.run(&work.session, step("iam:ListAccessKeys").with(Slot::User, name.clone()));
        scenario.run(&work.session, step("iam:CreateAccessKey").with(Slot::User, name).with(Slot::NewKey, new_key));
    }
    // The old keys are deleted in the next day's session, or at the end of this one.
    let next = Day::new(scenario.settings.start, work.day.index + 1);
    if next.index < scenario.settings.days
        && let Some(later) = scenario.work_session_on(work.person, next, 0, |session| session.account == account)
    {
        work = later;
    }
    scenario.clock = scenario.clock.max(work.last);
    for (name, key) in old_keys {
        for call in ["iam:GetAccessKeyLastUsed", "iam:UpdateAccessKey", "iam:DeleteAccessKey"] {
            scenario.run(&work.session, step(call).with(Slot::User, name.clone()).with(Slot::OldKey, key.clone()));
        }
    }
    Some(())
}

/// An administrator creates users with login profiles and read-only access.
pub(crate) const ONBOARDING: Kind = Kind {
    name: "onboarding",
    technique: "An administrator sets up new users",
    mitre: &[],
    description: "Users, login profiles and read-only policies within an hour of work, from the usual place.",
    plant: onboarding,
};

fn onboarding(scenario: &mut Scenario<'_>) -> Option<()> {
    const NAMES: [&str; 8] =
        ["alex.stone", "maya.lind", "ravi.das", "zoe.hart", "milan.novak", "tessa.boyd", "karim.aziz", "freya.dahl"];
    let work = scenario.during_work(0, is_admin, |_| true)?;
    scenario.clock = work.middle;
    scenario.pace = (15, 120);
    let first = scenario.rng.random_range(0..NAMES.len());
    for number in 0..scenario.rng.random_range(2..5) {
        let name = NAMES[(first + number) % NAMES.len()];
        scenario.run(&work.session, step("iam:CreateUser").with(Slot::User, name));
        scenario.run(&work.session, step("iam:CreateLoginProfile").with(Slot::User, name));
        scenario.run(&work.session, step("iam:AddUserToGroup").with(Slot::User, name));
        let policy = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        scenario.run(&work.session, step("iam:AttachUserPolicy").with(Slot::User, name).with(Slot::PolicyArn, policy));
    }
    scenario.run(&work.session, step("iam:ListUsers"));
    Some(())
}

/// A security engineer makes many read calls in all regions in use.
pub(crate) const RESPONDER_SWEEP: Kind = Kind {
    name: "responder_sweep",
    technique: "A security engineer reads broadly through an account",
    mitre: &[],
    description: "Many different read calls in all used regions with a few denials, by somebody whose job it is.",
    plant: responder_sweep,
};

fn responder_sweep(scenario: &mut Scenario<'_>) -> Option<()> {
    let is_responder = |person: &Person| person.job == Job::Security;
    let work =
        scenario.during_work(0, is_responder, |_| true).or_else(|| scenario.during_work(0, is_admin, |_| true))?;
    scenario.clock = work.middle;
    scenario.pace = (1, 25);
    for _ in 0..scenario.rng.random_range(60..130) {
        let call = scenario.any_call(SWEEP);
        let region = scenario.rng.random_range(0..REGIONS_USED);
        let is_denied = scenario.rng.random_bool(0.06);
        scenario.run(&work.session, step(call).in_region(region).denied_if(is_denied));
    }
    Some(())
}

/// Root signs in with MFA from the office.
pub(crate) const ROOT_YEARLY: Kind = Kind {
    name: "root_yearly",
    technique: "Root signs in with MFA from the office for the yearly check",
    mitre: &[],
    description: "Worth reporting by policy; office address, MFA, no keys created.",
    plant: root_yearly,
};

fn root_yearly(scenario: &mut Scenario<'_>) -> Option<()> {
    let day = scenario.weekday();
    let hour = scenario.rng.random_range(8..15);
    scenario.start_at(day, scenario.office_hour(hour));
    // The second office, if there is one.
    let office = scenario.office_of(1, day).or_else(|| scenario.office_of(0, day))?;
    let account = scenario.rng.random_range(0..scenario.organisation.accounts.len());
    let key = iam_id("ASIA", &mut scenario.rng);
    let root = Identity::root(&scenario.organisation.accounts[account].id, &key, scenario.clock, true);
    let browser = BROWSERS[0];
    let page = root.before_sign_in().at(account, GLOBAL_REGION, office.clone(), browser, Channel::Console);
    scenario.run(&page.with(Slot::Mfa, "Yes").with(Slot::Saml, ""), step("signin:ConsoleLogin"));
    let session = root.at(account, GLOBAL_REGION, office, browser, Channel::Console);
    scenario.pace = (20, 120);
    scenario.run_all(
        &session,
        "\
            iam:GetAccountSummary iam:ListMFADevices account:GetContactInformation \
            account:PutContactInformation billing:GetBillingData",
    );
    Some(())
}

/// External auditors read everything for two days through a new role.
pub(crate) const AUDITOR_VISIT: Kind = Kind {
    name: "auditor_visit",
    technique: "Outside auditors read everything through a new role",
    mitre: &[],
    description: "A caller of another account, a network never seen, broad reads in all regions with denials, for two days.",
    plant: auditor_visit,
};

fn auditor_visit(scenario: &mut Scenario<'_>) -> Option<()> {
    let day = scenario.weekday();
    let account = scenario.rng.random_range(0..scenario.organisation.accounts.len());
    let account_id = scenario.organisation.accounts[account].id.clone();
    let (firm, principal) = (accounts::account_id(&mut scenario.rng), iam_id("AIDA", &mut scenario.rng));
    let (role_id, address) =
        (iam_id("AROA", &mut scenario.rng), one_of(&mut scenario.rng, &GUEST_NETWORKS).address(&mut scenario.rng));
    let client = scenario.outside_client();
    let name = *one_of(&mut scenario.rng, &["external-audit", "CloudReview", "compliance-ro", "PartnerReadOnly"]);
    for index in day.index..(day.index + 2).min(scenario.settings.days) {
        let hour = scenario.rng.random_range(8..14);
        scenario.start_at(Day::new(scenario.settings.start, index), scenario.office_hour(hour));
        let key = iam_id("ASIA", &mut scenario.rng);
        let caller = Identity::other_account(&firm, &principal)
            .at(account, GLOBAL_REGION, address.clone(), client, Channel::Api)
            .with(Slot::Role, name)
            .with(Slot::RoleId, role_id.clone())
            .with(Slot::Session, "review")
            .with(Slot::SessionKey, key.clone());
        scenario.run(&caller, step("sts:AssumeRole"));
        let role = Role { account_id: &account_id, path: "/", name, id: &role_id };
        let session = Identity::role_session(role, "review", &key, scenario.clock, Origin::Plain).at(
            account,
            GLOBAL_REGION,
            address.clone(),
            client,
            Channel::Api,
        );
        scenario.pace = (1, 15);
        for _ in 0..scenario.rng.random_range(60..180) {
            let call = scenario.any_call(SWEEP);
            let region = scenario.rng.random_range(0..REGION_COUNT);
            let is_denied = scenario.rng.random_bool(0.12);
            scenario.run(&session, step(call).in_region(region).denied_if(is_denied));
        }
    }
    Some(())
}

/// A platform engineer rotates secret after secret.
pub(crate) const SECRET_ROTATION: Kind = Kind {
    name: "secret_rotation",
    technique: "Secrets are rotated one after the other",
    mitre: &[],
    description: "Reads and writes of many secrets within an hour from the usual place.",
    plant: secret_rotation,
};

fn secret_rotation(scenario: &mut Scenario<'_>) -> Option<()> {
    let work = scenario.during_work(0, is_admin, |_| true)?;
    scenario.clock = work.middle;
    scenario.pace = (10, 90);
    let workloads = scenario.organisation.accounts[work.session.account].workloads.clone();
    let count = scenario.rng.random_range(5..25);
    scenario.run(&work.session, step("secretsmanager:ListSecrets"));
    for workload in workloads.into_iter().take(count) {
        let target = &scenario.organisation.workloads[workload];
        let (secret, region) = (target.secret.clone(), target.region);
        for call in ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"] {
            scenario.run(&work.session, step(call).with(Slot::Secret, secret.clone()).in_region(region));
        }
    }
    Some(())
}

/// A platform engineer creates the roles, policies and keys of a new service.
pub(crate) const SERVICE_LAUNCH: Kind = Kind {
    name: "service_launch",
    technique: "A new service gets its roles, provider and pipeline",
    mitre: &[],
    description: "CreateRole, policies, an identity provider and keys for encryption by a platform engineer in working hours.",
    plant: service_launch,
};

fn service_launch(scenario: &mut Scenario<'_>) -> Option<()> {
    let work = scenario.during_work(0, is_admin, |_| true)?;
    scenario.clock = work.middle;
    scenario.pace = (10, 120);
    let session = &work.session;
    scenario.run_all(session, "iam:ListRoles iam:CreateRole");
    let policy = *one_of(&mut scenario.rng, &["AmazonS3FullAccess", "PowerUserAccess", "AmazonSQSFullAccess"]);
    scenario
        .run(session, step("iam:AttachRolePolicy").with(Slot::PolicyArn, format!("arn:aws:iam::aws:policy/{policy}")));
    scenario.run_all(session, "iam:PutRolePolicy kms:CreateKey kms:CreateAlias s3:CreateBucket");
    if scenario.rng.random_bool(0.4) {
        let issuer = "token.actions.githubusercontent.com";
        scenario.run(session, step("iam:CreateOpenIDConnectProvider").with(Slot::Subject, issuer));
    }
    if scenario.rng.random_bool(0.4) {
        let other = scenario.organisation.accounts[0].id.clone();
        scenario.run(session, step("iam:UpdateAssumeRolePolicy").with(Slot::Peer, other));
    }
    scenario.run_all(session, "s3:PutBucketPolicy logs:CreateLogGroup monitoring:PutMetricAlarm");
    Some(())
}

/// Old log groups and alarms are deleted.
pub(crate) const LOG_CLEANUP: Kind = Kind {
    name: "log_cleanup",
    technique: "Old log groups, alarms and rules are deleted in a clean-up",
    mitre: &[],
    description: "Dozens of deletes of monitoring resources, in a development account.",
    plant: log_cleanup,
};

fn log_cleanup(scenario: &mut Scenario<'_>) -> Option<()> {
    let work = scenario.during_work(0, |person| matches!(person.job, Job::Platform | Job::Developer), |_| true)?;
    scenario.clock = work.middle;
    scenario.pace = (2, 30);
    let deletes = "logs:DeleteLogGroup logs:DeleteLogGroup monitoring:DeleteAlarms logs:PutRetentionPolicy";
    scenario.run_all(&work.session, "logs:DescribeLogGroups monitoring:DescribeAlarms");
    for _ in 0..scenario.rng.random_range(4..35) {
        let call = scenario.any_call(deletes);
        scenario.run(&work.session, step(call).with(Slot::Days, "14"));
    }
    Some(())
}

/// An old KMS key is disabled and scheduled for deletion.
pub(crate) const KEY_RETIRED: Kind = Kind {
    name: "key_retired",
    technique: "An old encryption key is disabled and scheduled for deletion",
    mitre: &[],
    description: "One key, after its service was shut down; its description is read first.",
    plant: key_retired,
};

fn key_retired(scenario: &mut Scenario<'_>) -> Option<()> {
    let work = scenario.during_work(0, is_admin, |_| true)?;
    scenario.clock = work.middle;
    scenario.pace = (20, 120);
    let key = Uuid::draw(&mut scenario.rng).to_string();
    for call in ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:DisableKey", "kms:ScheduleKeyDeletion"] {
        scenario.run(&work.session, step(call).with(Slot::Kms, key.clone()));
    }
    Some(())
}

/// The emergency user signs in with MFA from the office to test its access.
pub(crate) const BREAK_GLASS_DRILL: Kind = Kind {
    name: "break_glass_drill",
    technique: "The emergency user is tested",
    mitre: &[],
    description: "A user nobody has seen before signs in with MFA from the office and looks at what it may do.",
    plant: break_glass_drill,
};

fn break_glass_drill(scenario: &mut Scenario<'_>) -> Option<()> {
    let day = scenario.weekday();
    let hour = scenario.rng.random_range(8..15);
    scenario.start_at(day, scenario.office_hour(hour));
    let office = match &scenario.settings.environment {
        None => scenario.organisation.sites[0].office.clone(),
        Some(_) => scenario.office_of(0, day),
    }?;
    let account = scenario.rng.random_range(0..scenario.organisation.accounts.len());
    let key = iam_id("ASIA", &mut scenario.rng);
    let id = iam_id("AIDA", &mut scenario.rng);
    let account_id = scenario.organisation.accounts[account].id.clone();
    let name = *one_of(&mut scenario.rng, &["emergency-1", "break-glass", "admin-fallback", "ops-recovery"]);
    let who = Identity::iam_user(&account_id, &id, name, &key, Some((scenario.clock, true)));
    let browser = BROWSERS[0];
    let page = who.before_sign_in().at(account, GLOBAL_REGION, office.clone(), browser, Channel::Console);
    scenario.run(&page.with(Slot::Mfa, "Yes").with(Slot::Saml, ""), step("signin:ConsoleLogin"));
    let session = who.at(account, GLOBAL_REGION, office, browser, Channel::Console);
    scenario.pace = (10, 90);
    scenario.run_all(
        &session,
        "\
            iam:GetAccountSummary iam:ListUsers iam:ListRoles ec2:DescribeInstances s3:ListBuckets \
            cloudtrail:DescribeTrails iam:CreateRole organizations:DescribeOrganization",
    );
    Some(())
}

/// Read calls of a broad review of an account.
const SWEEP: &str = "\
        iam:ListUsers iam:ListRoles iam:ListAccessKeys iam:GetAccountAuthorizationDetails \
        iam:GetCredentialReport cloudtrail:LookupEvents cloudtrail:DescribeTrails \
        cloudtrail:GetTrailStatus ec2:DescribeInstances ec2:DescribeSecurityGroups ec2:DescribeSnapshots \
        ec2:DescribeFlowLogs ec2:DescribeNetworkInterfaces s3:ListBuckets s3:GetBucketPolicy \
        s3:GetBucketAcl s3:GetBucketPublicAccessBlock lambda:ListFunctions20150331 \
        lambda:GetPolicy20150331v2 secretsmanager:ListSecrets kms:ListKeys kms:GetKeyPolicy \
        rds:DescribeDBInstances rds:DescribeDBSnapshots guardduty:ListFindings guardduty:GetFindings \
        config:SelectResourceConfig ssm:DescribeInstanceInformation dynamodb:ListTables sqs:ListQueues \
        sns:ListTopics ecr:DescribeRepositories";

fn is_admin(person: &Person) -> bool {
    person.job == Job::Platform && person.trip.is_none()
}
