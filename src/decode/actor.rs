//! Determines the actor of a call: the identity for which baselines are learned, independent of its session.
//!
//! Usually the role behind a session, a user, root or a service. If the session belongs to one person (an Identity
//! Center permission set, or a session named by an e-mail address, as with SAML federation), the person is the actor: a
//! baseline of a role that a whole department assumes says nothing about one person.

use std::borrow::Cow;

/// The members of `userIdentity` that determine the actor.
#[derive(Debug, Default)]
pub struct Identity<'a> {
    /// `type`.
    pub kind: Option<Cow<'a, str>>,
    /// `arn`.
    pub arn: Option<Cow<'a, str>>,
    /// `principalId`.
    pub principal_id: Option<Cow<'a, str>>,
    /// `accountId`.
    pub account_id: Option<Cow<'a, str>>,
    /// `userName`.
    pub user_name: Option<Cow<'a, str>>,
    /// `invokedBy`.
    pub invoked_by: Option<Cow<'a, str>>,
    /// `sessionContext.sessionIssuer.arn`.
    pub issuer_arn: Option<Cow<'a, str>>,
    /// `onBehalfOf.userId`, of an Identity Center user.
    pub on_behalf_of: Option<Cow<'a, str>>,
    /// Region of the call: it tells the partition of an identity without an ARN.
    pub region: Option<Cow<'a, str>>,
}

/// First letters of a region, and the partition in its ARNs. All others are in `aws`.
const PARTITIONS: &[(&str, &str)] = &[
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
];

/// The partition of an identity, such as `aws` or `aws-cn`.
fn partition<'a>(arn: Option<&'a str>, region: Option<&str>) -> &'a str {
    let from_arn = arn.and_then(|arn| arn.strip_prefix("arn:")?.split_once(':')).map(|(partition, _)| partition);
    let from_region = || {
        let region = region.unwrap_or_default();
        PARTITIONS.iter().find(|(start, _)| region.starts_with(start)).map_or("aws", |(_, partition)| *partition)
    };
    from_arn.filter(|partition| !partition.is_empty()).unwrap_or_else(from_region)
}

/// The actor and, for a role, the session name.
pub fn actor<'a>(identity: &'a Identity<'a>) -> (Option<Cow<'a, str>>, Option<&'a str>) {
    let Identity { kind, arn, principal_id, account_id, user_name, invoked_by, issuer_arn, on_behalf_of, region } =
        identity;
    let partition = partition(arn.as_deref(), region.as_deref());
    let session = session_name(arn.as_deref(), principal_id.as_deref());
    let borrowed = |text: &'a Option<Cow<'a, str>>| text.as_deref().filter(|t| !t.is_empty()).map(Cow::Borrowed);
    let actor = match kind.as_deref().unwrap_or_default() {
        "Root" => account_id.as_ref().map(|id| Cow::Owned(format!("arn:{partition}:iam::{id}:root"))).or(borrowed(arn)),
        "IAMUser" => borrowed(arn).or_else(|| {
            let (id, name) = (account_id.as_ref()?, user_name.as_ref()?);
            Some(Cow::Owned(format!("arn:{partition}:iam::{id}:user/{name}")))
        }),
        "AssumedRole" | "Role" if is_person(arn.as_deref(), session) => borrowed(arn),
        "AssumedRole" | "Role" => borrowed(issuer_arn).or_else(|| role_of(arn.as_deref()?)).or(borrowed(arn)),
        "AWSService" => borrowed(invoked_by).or(borrowed(principal_id)),
        "IdentityCenterUser" => borrowed(on_behalf_of).or(borrowed(principal_id)),
        "AWSAccount" => match (account_id.as_deref(), principal_id.as_deref()) {
            (Some("anonymous" | "ANONYMOUS_PRINCIPAL"), _) | (_, Some("ANONYMOUS_PRINCIPAL")) => {
                Some("anonymous".into())
            }
            _ => borrowed(arn).or(borrowed(principal_id)).or(borrowed(account_id)),
        },
        _ => None,
    };
    // A sign-in through Identity Center has the account as its principal, and the person in the other members.
    let is_account = principal_id.is_some() && principal_id == account_id;
    let person = || borrowed(on_behalf_of).or(borrowed(user_name)).filter(|_| is_account);
    let fallback = || {
        borrowed(arn)
            .or_else(person)
            .or(borrowed(principal_id))
            .or(borrowed(user_name))
            .or(borrowed(invoked_by))
            .or(borrowed(account_id))
    };
    (actor.or_else(fallback), session)
}

/// The last part of `arn:aws:sts::<account>:assumed-role/<role>/<session>`, or of `AROA...:<session>`.
fn session_name<'a>(arn: Option<&'a str>, principal_id: Option<&'a str>) -> Option<&'a str> {
    let from_arn = arn.and_then(|arn| arn.split_once(":assumed-role/")?.1.split_once('/')).map(|(_, session)| session);
    from_arn.or_else(|| principal_id.filter(|id| id.starts_with("AROA"))?.split_once(':').map(|(_, session)| session))
}

/// Identity Center creates roles named `AWSReservedSSO_*` and names the session after the user.
fn is_person(arn: Option<&str>, session: Option<&str>) -> bool {
    let reserved = arn.is_some_and(|arn| arn.contains(":assumed-role/AWSReservedSSO_"));
    session.is_some_and(|session| reserved || session.contains('@'))
}

/// Converts `arn:aws:sts::1:assumed-role/Name/session` to `arn:aws:iam::1:role/Name`. The path of the role is unknown.
fn role_of(arn: &str) -> Option<Cow<'_, str>> {
    let (front, rest) = arn.split_once(":assumed-role/")?;
    let name = rest.split('/').next()?;
    Some(Cow::Owned(format!("{}:role/{name}", front.replacen(":sts:", ":iam:", 1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(kind: &'static str, arn: &'static str) -> Identity<'static> {
        Identity { kind: Some(kind.into()), arn: (!arn.is_empty()).then(|| arn.into()), ..Default::default() }
    }

    fn name(identity: &Identity) -> Option<String> {
        actor(identity).0.map(Cow::into_owned)
    }

    #[test]
    fn a_role_is_the_actor_and_the_session_name_is_returned() {
        let mut role = identity("AssumedRole", "arn:aws:sts::111122223333:assumed-role/deploy/run-42");
        assert_eq!(name(&role).as_deref(), Some("arn:aws:iam::111122223333:role/deploy"));
        role.issuer_arn = Some("arn:aws:iam::111122223333:role/ci/deploy".into());
        assert_eq!(name(&role).as_deref(), Some("arn:aws:iam::111122223333:role/ci/deploy"));
        assert_eq!(actor(&role).1, Some("run-42"));
    }

    #[test]
    fn a_person_behind_a_shared_role_is_the_actor() {
        for arn in [
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0a1b/maria",
            "arn:aws:sts::111122223333:assumed-role/federated/maria@example.org",
        ] {
            let mut person = identity("AssumedRole", arn);
            person.issuer_arn = Some("arn:aws:iam::111122223333:role/x".into());
            assert_eq!(name(&person).as_deref(), Some(arn));
        }
    }

    #[test]
    fn callers_without_an_arn_have_an_actor_too() {
        let mut user = identity("IAMUser", "");
        (user.account_id, user.user_name) = (Some("111122223333".into()), Some("maria".into()));
        assert_eq!(name(&user).as_deref(), Some("arn:aws:iam::111122223333:user/maria"));
        let service = Identity { invoked_by: Some("config.amazonaws.com".into()), ..identity("AWSService", "") };
        assert_eq!(name(&service).as_deref(), Some("config.amazonaws.com"));
        let anyone = Identity { account_id: Some("anonymous".into()), ..identity("AWSAccount", "") };
        assert_eq!(name(&anyone).as_deref(), Some("anonymous"));
        assert_eq!(name(&Identity::default()), None);
    }

    #[test]
    fn a_sign_in_through_identity_center_belongs_to_its_person() {
        let mut sign_in = Identity {
            principal_id: Some("111122223333".into()),
            account_id: Some("111122223333".into()),
            user_name: Some("maria".into()),
            ..identity("Unknown", "")
        };
        assert_eq!(name(&sign_in).as_deref(), Some("maria"));
        sign_in.on_behalf_of = Some("94a8f4e8-0000-4000-8000-000000000001".into());
        assert_eq!(name(&sign_in).as_deref(), Some("94a8f4e8-0000-4000-8000-000000000001"));
        (sign_in.on_behalf_of, sign_in.user_name) = (None, None);
        assert_eq!(name(&sign_in).as_deref(), Some("111122223333"));
    }

    #[test]
    fn root_has_the_arn_of_its_partition() {
        let root = |arn: &'static str, region: &'static str| {
            let identity = identity("Root", arn);
            name(&Identity { account_id: Some("111122223333".into()), region: Some(region.into()), ..identity })
                .unwrap()
        };
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            let expected = format!("arn:{partition}:iam::111122223333:root");
            assert_eq!(root("", region), expected);
            let arn: &'static str = Box::leak(expected.clone().into_boxed_str());
            assert_eq!(root(arn, ""), expected);
        }
        let mut user = identity("IAMUser", "");
        (user.account_id, user.user_name) = (Some("111122223333".into()), Some("maria".into()));
        user.region = Some("cn-north-1".into());
        assert_eq!(name(&user).as_deref(), Some("arn:aws-cn:iam::111122223333:user/maria"));
        let role = identity("AssumedRole", "arn:aws-us-gov:sts::111122223333:assumed-role/deploy/run-42");
        assert_eq!(name(&role).as_deref(), Some("arn:aws-us-gov:iam::111122223333:role/deploy"));
    }
}
