//! Attacks that create a way to come back.

use rand::Rng;

use crate::sample::cloudtrail::identity::{Channel, Identity, Origin, Role};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::incidents::attacks::credentials::LOOKING_AROUND;
use crate::sample::incidents::kind::Kind;
use crate::sample::incidents::scenario::{Scenario, step};
use crate::sample::organisation::accounts::account_id;
use crate::sample::organisation::jobs::Job;
use crate::sample::organisation::people::{BROWSERS, Login, Person};
use crate::sample::organisation::regions::{GLOBAL_REGION, HOME_REGION};
use crate::sample::random::{iam_id, one_of};

fn may_change_users(person: &Person) -> bool {
    person.job == Job::Platform && person.trip.is_none()
}

/// Creates an access key for another user: one call at the usual address and time.
pub(crate) const BACKDOOR_KEY: Kind = Kind {
    name: "backdoor_key",
    technique: "An access key is created for another user",
    mitre: &["T1098.001"],
    description: "One call from a usual session at the usual place and time; nothing follows in the period.",
    plant: backdoor_key,
};

fn backdoor_key(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.insider_session(|person| matches!(person.job, Job::Platform | Job::Developer))?;
    let user = scenario.other_user(&session);
    if scenario.rng.random_bool(0.3) {
        scenario.run(&session, step("iam:ListAccessKeys").with(Slot::User, user.clone()));
    }
    scenario.run(&session, step("iam:CreateAccessKey").with(Slot::User, user).key());
    Some(())
}

/// Gives a program's user a console password and signs in with it.
pub(crate) const LOGIN_PROFILE: Kind = Kind {
    name: "login_profile",
    technique: "A program's user gets a password and signs in with it",
    mitre: &["T1098.001", "T1078.004"],
    description: "A stolen session gives a console password to a user that never had one.",
    plant: login_profile,
};

fn login_profile(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(may_change_users)?;
    let users = scenario.organisation.key_users.iter().filter(|user| user.account == session.account);
    let users: Vec<_> = users.map(|user| (user.id.clone(), user.name.clone())).collect();
    let (id, user) = match users.is_empty() {
        true => (iam_id("AIDA", &mut scenario.rng), scenario.other_user(&session)),
        false => one_of(&mut scenario.rng, &users).clone(),
    };
    scenario.pace = (20, 200);
    scenario.run(&session, step("iam:ListUsers"));
    let call = if scenario.rng.random_bool(0.7) { "iam:CreateLoginProfile" } else { "iam:UpdateLoginProfile" };
    scenario.run(&session, step(call).with(Slot::User, user.clone()).key());
    scenario.clock += scenario.rng.random_range(120..5_000);
    let address = session.address.clone()?;
    let key = iam_id("ASIA", &mut scenario.rng);
    let account = &scenario.organisation.accounts[session.account];
    let who = Identity::iam_user(&account.id, &id, &user, &key, Some((scenario.clock, false)));
    let browser = BROWSERS[1];
    let page = who.before_sign_in().at(session.account, GLOBAL_REGION, address.clone(), browser, Channel::Console);
    scenario.run(&page.with(Slot::Mfa, "No").with(Slot::Saml, ""), step("signin:ConsoleLogin").key());
    let console = who.at(session.account, HOME_REGION, address, browser, Channel::Console);
    let count = scenario.rng.random_range(2..12);
    scenario.run_random(&console, LOOKING_AROUND, count, 0.2);
    Some(())
}

/// Lets an outside account assume a role; hours later it does.
pub(crate) const FOREIGN_TRUST: Kind = Kind {
    name: "foreign_trust",
    technique: "A role's trust policy names an outside account, which then assumes the role",
    mitre: &["T1098.003", "T1199", "T1078.004"],
    description: "One changed policy; hours later a caller from another account assumes the role and uses it from a rented server.",
    plant: foreign_trust,
};

fn foreign_trust(scenario: &mut Scenario<'_>) -> Option<()> {
    let outside = account_id(&mut scenario.rng);
    let is_insider = scenario.rng.random_bool(0.5);
    let session = if is_insider {
        scenario.insider_session(may_change_users)?
    } else {
        scenario.stolen_session(may_change_users)?
    };
    let workload = scenario.any_workload(&session);
    let workload = &scenario.organisation.workloads[workload];
    let (name, role_id) = (workload.role.clone(), workload.role_id.clone());
    scenario.run(&session, step("iam:GetRole").with(Slot::Role, name.clone()));
    let trust = step("iam:UpdateAssumeRolePolicy").with(Slot::Role, name.clone());
    scenario.run(&session, trust.with(Slot::Peer, outside.clone()).key());
    scenario.clock += scenario.rng.random_range(1_800..20_000);
    let (address, client) = (scenario.hosting_address(), scenario.outside_client());
    let key = iam_id("ASIA", &mut scenario.rng);
    let principal = iam_id("AIDA", &mut scenario.rng);
    let account_id = scenario.organisation.accounts[session.account].id.clone();
    let caller = Identity::other_account(&outside, &principal)
        .at(session.account, GLOBAL_REGION, address.clone(), client, Channel::Api)
        .with(Slot::Role, name.clone())
        .with(Slot::RoleId, role_id.clone())
        .with(Slot::Session, "session")
        .with(Slot::SessionKey, key.clone());
    scenario.run(&caller, step("sts:AssumeRole").key());
    let role = Role { account_id: &account_id, path: "/", name: &name, id: &role_id };
    let taken = Identity::role_session(role, "session", &key, scenario.clock, Origin::Plain);
    let taken = taken.at(session.account, HOME_REGION, address, client, Channel::Api);
    scenario.run(&taken, step("sts:GetCallerIdentity").key());
    let count = scenario.rng.random_range(2..14);
    scenario.run_random(
        &taken,
        "s3:ListBuckets s3:ListObjects s3:GetObject dynamodb:Query secretsmanager:GetSecretValue",
        count,
        0.2,
    );
    Some(())
}

/// Creates an identity provider and a role for its users.
pub(crate) const IDENTITY_PROVIDER: Kind = Kind {
    name: "identity_provider",
    technique: "A new identity provider and a role for it",
    mitre: &["T1484.002", "T1098.003"],
    description: "A handful of IAM writes with a stolen session.",
    plant: identity_provider,
};

fn identity_provider(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(may_change_users)?;
    scenario.pace = (15, 150);
    if scenario.rng.random_bool(0.5) {
        scenario.run_all(&session, "iam:ListSAMLProviders");
        scenario.run(&session, step("iam:CreateSAMLProvider").key());
    } else {
        let issuer =
            *one_of(&mut scenario.rng, &["gitlab.com", "accounts.google.com", "token.actions.githubusercontent.com"]);
        scenario.run_all(&session, "iam:ListOpenIDConnectProviders");
        scenario.run(&session, step("iam:CreateOpenIDConnectProvider").with(Slot::Subject, issuer).key());
    }
    scenario.run(&session, step("iam:CreateRole").key());
    let policy = *one_of(&mut scenario.rng, &["AdministratorAccess", "ReadOnlyAccess", "AmazonS3FullAccess"]);
    scenario.run(
        &session,
        step("iam:AttachRolePolicy").with(Slot::PolicyArn, format!("arn:aws:iam::aws:policy/{policy}")).key(),
    );
    Some(())
}

/// Lets an attacker's certificate assume a role (IAM Roles Anywhere), from a usual session.
pub(crate) const ROLES_ANYWHERE: Kind = Kind {
    name: "roles_anywhere",
    technique: "A trust anchor and a profile open a role to a certificate",
    mitre: &["T1098.003", "T1484.002"],
    description: "Two rare writes from a usual session.",
    plant: roles_anywhere,
};

fn roles_anywhere(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.insider_session(may_change_users)?;
    scenario.pace = (20, 200);
    scenario.run_all(&session, "rolesanywhere:ListTrustAnchors iam:GetRole");
    scenario.run(&session, step("rolesanywhere:CreateTrustAnchor").key());
    scenario.run(&session, step("rolesanywhere:CreateProfile").key());
    Some(())
}

/// Turns a key into a console session that stays valid after the key is disabled.
pub(crate) const FEDERATION_TOKEN: Kind = Kind {
    name: "federation_token",
    technique: "A key becomes a federated console session",
    mitre: &["T1550.001", "T1078.004"],
    description: "GetFederationToken and a sign-in token; the session is of a type nobody else uses.",
    plant: federation_token,
};

fn federation_token(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_key(|user| user.last_day.is_none())?;
    let user = scenario.organisation.key_users.iter().find(|user| user.name == session.name)?;
    let (id, name) = (user.id.clone(), user.name.clone());
    let address = session.address.clone()?;
    scenario.run(&session, step("sts:GetCallerIdentity").key());
    let token = *one_of(&mut scenario.rng, &["console", "support", "ops"]);
    let key = iam_id("ASIA", &mut scenario.rng);
    let ask = step("sts:GetFederationToken").with(Slot::Session, token).with(Slot::SessionKey, key.clone());
    scenario.run(&session, ask.key());
    let account = &scenario.organisation.accounts[session.account];
    let who = Identity::federated_user(&account.id, (&id, &name), token, &key, scenario.clock);
    let browser = BROWSERS[0];
    let page = who.before_sign_in().at(session.account, GLOBAL_REGION, address.clone(), browser, Channel::Console);
    let page = page.with(Slot::Mfa, "No").with(Slot::Saml, "");
    scenario.run(&page, step("signin:GetSigninToken").key());
    scenario.run(&page, step("signin:ConsoleLogin").key());
    let console = who.at(session.account, HOME_REGION, address, browser, Channel::Console);
    let count = scenario.rng.random_range(3..25);
    scenario.run_random(&console, LOOKING_AROUND, count, 0.2);
    Some(())
}

/// Removes a user's MFA device and resets the password.
pub(crate) const SECOND_FACTOR_REMOVED: Kind = Kind {
    name: "second_factor_removed",
    technique: "Somebody's MFA device is deactivated and the password reset",
    mitre: &["T1556.006", "T1098.001"],
    description: "Three calls with a stolen administrator's session.",
    plant: second_factor_removed,
};

fn second_factor_removed(scenario: &mut Scenario<'_>) -> Option<()> {
    let session = scenario.stolen_session(may_change_users)?;
    let people = scenario.organisation.people.iter();
    let users: Vec<_> = people
        .filter(|person| person.login == Login::IamUser { mfa: true })
        .map(|person| person.name.clone())
        .collect();
    let user = if users.is_empty() { scenario.other_user(&session) } else { one_of(&mut scenario.rng, &users).clone() };
    scenario.pace = (10, 100);
    scenario.run(&session, step("iam:ListMFADevices").with(Slot::User, user.clone()));
    scenario.run(&session, step("iam:DeactivateMFADevice").with(Slot::User, user.clone()).key());
    scenario.run(&session, step("iam:UpdateLoginProfile").with(Slot::User, user).key());
    Some(())
}
