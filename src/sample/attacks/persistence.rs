//! Attacks that make a way back in.

use rand::Rng;

use super::credentials::LOOKING_AROUND;
use crate::sample::calls::Slot;
use crate::sample::dice::{iam_id, one_of};
use crate::sample::identity::{Channel, Origin, Role, Who};
use crate::sample::incident::{Scene, act};
use crate::sample::organisation::{GLOBAL_REGION, HOME_REGION, account_id};
use crate::sample::people::{Job, Login, Person};

fn may_change_users(person: &Person) -> bool {
    person.job == Job::Platform && person.trip.is_none()
}

/// One call, from the usual place at the usual time.
pub(super) fn backdoor_key(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.own_session(|person| matches!(person.job, Job::Platform | Job::Developer))?;
    let user = scene.other_user(&session);
    if scene.rng.random_bool(0.3) {
        scene.act(&session, act("iam:ListAccessKeys").with(Slot::User, user.clone()));
    }
    scene.act(&session, act("iam:CreateAccessKey").with(Slot::User, user).key());
    Some(())
}

/// A program's user gets a password, and somebody signs in with it.
pub(super) fn login_profile(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(may_change_users)?;
    let users = scene.organisation.key_users.iter().filter(|user| user.account == session.account);
    let users: Vec<_> = users.map(|user| (user.id.clone(), user.name.clone())).collect();
    let (id, user) = match users.is_empty() {
        true => (iam_id("AIDA", &mut scene.rng), scene.other_user(&session)),
        false => one_of(&mut scene.rng, &users).clone(),
    };
    scene.pace = (20, 200);
    scene.act(&session, act("iam:ListUsers"));
    let call = if scene.rng.random_bool(0.7) { "iam:CreateLoginProfile" } else { "iam:UpdateLoginProfile" };
    scene.act(&session, act(call).with(Slot::User, user.clone()).key());
    scene.clock += scene.rng.random_range(120..5_000);
    let place = session.place.clone()?;
    let key = iam_id("ASIA", &mut scene.rng);
    let account = &scene.organisation.accounts[session.account];
    let who = Who::iam_user(&account.id, &id, &user, &key, Some((scene.clock, false)));
    let browser = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36";
    let page = who.signing_in().at(session.account, GLOBAL_REGION, place.clone(), browser, Channel::Console);
    scene.act(&page.with(Slot::Mfa, "No").with(Slot::Saml, ""), act("signin:ConsoleLogin").key());
    let console = who.at(session.account, HOME_REGION, place, browser, Channel::Console);
    let count = scene.rng.random_range(2..12);
    scene.roam(&console, LOOKING_AROUND, count, 0.2);
    Some(())
}

/// A role learns to trust an outside account, which comes in hours later.
pub(super) fn foreign_trust(scene: &mut Scene<'_>) -> Option<()> {
    let outside = account_id(&mut scene.rng);
    let is_insider = scene.rng.random_bool(0.5);
    let session =
        if is_insider { scene.own_session(may_change_users)? } else { scene.stolen_session(may_change_users)? };
    let workload = scene.a_workload(&session);
    let workload = &scene.organisation.workloads[workload];
    let (name, role_id) = (workload.role.clone(), workload.role_id.clone());
    scene.act(&session, act("iam:GetRole").with(Slot::Role, name.clone()));
    let trust = act("iam:UpdateAssumeRolePolicy").with(Slot::Role, name.clone());
    scene.act(&session, trust.with(Slot::Peer, outside.clone()).key());
    scene.clock += scene.rng.random_range(1_800..20_000);
    let (place, client) = (scene.server(), scene.client());
    let key = iam_id("ASIA", &mut scene.rng);
    let principal = iam_id("AIDA", &mut scene.rng);
    let account_id = scene.organisation.accounts[session.account].id.clone();
    let asks = Who::other_account(&outside, &principal)
        .at(session.account, GLOBAL_REGION, place.clone(), client, Channel::Api)
        .with(Slot::Role, name.clone())
        .with(Slot::RoleId, role_id.clone())
        .with(Slot::Session, "session")
        .with(Slot::SessionKey, key.clone());
    scene.act(&asks, act("sts:AssumeRole").key());
    let role = Role { account_id: &account_id, path: "/", name: &name, id: &role_id };
    let taken = Who::role_session(role, "session", &key, scene.clock, Origin::Plain);
    let taken = taken.at(session.account, HOME_REGION, place, client, Channel::Api);
    scene.act(&taken, act("sts:GetCallerIdentity").key());
    let count = scene.rng.random_range(2..14);
    scene.roam(
        &taken,
        "s3:ListBuckets s3:ListObjects s3:GetObject dynamodb:Query secretsmanager:GetSecretValue",
        count,
        0.2,
    );
    Some(())
}

/// A provider of identities that nobody ordered, and a role for its users.
pub(super) fn identity_provider(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(may_change_users)?;
    scene.pace = (15, 150);
    if scene.rng.random_bool(0.5) {
        scene.acts(&session, "iam:ListSAMLProviders");
        scene.act(&session, act("iam:CreateSAMLProvider").key());
    } else {
        let issuer =
            *one_of(&mut scene.rng, &["gitlab.com", "accounts.google.com", "token.actions.githubusercontent.com"]);
        scene.acts(&session, "iam:ListOpenIDConnectProviders");
        scene.act(&session, act("iam:CreateOpenIDConnectProvider").with(Slot::Subject, issuer).key());
    }
    scene.act(&session, act("iam:CreateRole").key());
    let policy = *one_of(&mut scene.rng, &["AdministratorAccess", "ReadOnlyAccess", "AmazonS3FullAccess"]);
    scene.act(
        &session,
        act("iam:AttachRolePolicy").with(Slot::PolicyArn, format!("arn:aws:iam::aws:policy/{policy}")).key(),
    );
    Some(())
}

/// A certificate of one's own opens a role, from a usual session.
pub(super) fn roles_anywhere(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.own_session(may_change_users)?;
    scene.pace = (20, 200);
    scene.acts(&session, "rolesanywhere:ListTrustAnchors iam:GetRole");
    scene.act(&session, act("rolesanywhere:CreateTrustAnchor").key());
    scene.act(&session, act("rolesanywhere:CreateProfile").key());
    Some(())
}

/// A key becomes a console session that outlives the key.
pub(super) fn federation_token(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_key(|user| user.last_day.is_none())?;
    let user = scene.organisation.key_users.iter().find(|user| user.key == session.key)?;
    let (id, name) = (user.id.clone(), user.name.clone());
    let place = session.place.clone()?;
    scene.act(&session, act("sts:GetCallerIdentity").key());
    let token = *one_of(&mut scene.rng, &["console", "support", "ops"]);
    let key = iam_id("ASIA", &mut scene.rng);
    let ask = act("sts:GetFederationToken").with(Slot::Session, token).with(Slot::SessionKey, key.clone());
    scene.act(&session, ask.key());
    let account = &scene.organisation.accounts[session.account];
    let who = Who::federated_user(&account.id, (&id, &name), token, &key, scene.clock);
    let browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36";
    let page = who.signing_in().at(session.account, GLOBAL_REGION, place.clone(), browser, Channel::Console);
    let page = page.with(Slot::Mfa, "No").with(Slot::Saml, "");
    scene.act(&page, act("signin:GetSigninToken").key());
    scene.act(&page, act("signin:ConsoleLogin").key());
    let console = who.at(session.account, HOME_REGION, place, browser, Channel::Console);
    let count = scene.rng.random_range(3..25);
    scene.roam(&console, LOOKING_AROUND, count, 0.2);
    Some(())
}

/// Somebody's second factor is removed, so that the password suffices.
pub(super) fn second_factor_removed(scene: &mut Scene<'_>) -> Option<()> {
    let session = scene.stolen_session(may_change_users)?;
    let people = scene.organisation.people.iter();
    let users: Vec<_> = people
        .filter(|person| person.login == Login::IamUser { mfa: true })
        .map(|person| person.name.clone())
        .collect();
    let user = if users.is_empty() { scene.other_user(&session) } else { one_of(&mut scene.rng, &users).clone() };
    scene.pace = (10, 100);
    scene.act(&session, act("iam:ListMFADevices").with(Slot::User, user.clone()));
    scene.act(&session, act("iam:DeactivateMFADevice").with(Slot::User, user.clone()).key());
    scene.act(&session, act("iam:UpdateLoginProfile").with(Slot::User, user).key());
    Some(())
}
