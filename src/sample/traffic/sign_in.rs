//! Sign-ins: the records of a console login, with or without IAM Identity Center.

use crate::sample::cloudtrail::calls::CallId;
use crate::sample::cloudtrail::identity::{Channel, Identity, Session};
use crate::sample::cloudtrail::template::Slot;
use crate::sample::networks::Address;
use crate::sample::organisation::Organisation;
use crate::sample::organisation::people::{AccountRole, Login, Person};
use crate::sample::organisation::regions::GLOBAL_REGION;
use crate::sample::traffic::named_calls::NamedCalls;

/// The sessions, calls and times of a sign-in: at the access portal and in the account, or in the account only.
pub(crate) fn sign_in(
    organisation: &Organisation,
    person: &Person,
    role: &AccountRole,
    address: &Address,
    since: i64,
    calls: &NamedCalls,
) -> Vec<(Session, CallId, i64)> {
    let account = &organisation.accounts[role.account];
    let login = person.identity(&account.id, role, "", since).before_sign_in().at(
        role.account,
        GLOBAL_REGION,
        address.clone(),
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
            let identity = match organisation.has_unknown_sign_ins {
                true => Identity::unknown,
                false => Identity::identity_center,
            };
            let portal = identity(&hub.id, &organisation.directory, &person.user_id, &person.mail)
                .at(organisation.security, GLOBAL_REGION, address.clone(), person.browser, Channel::Console)
                .with(Slot::Credential, "TOTP")
                .with(Slot::Peer, account.id.clone())
                .with(Slot::PermissionSet, person.job.permission_set());
            // The portal checks MFA; the account's own sign-in record always says no.
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
