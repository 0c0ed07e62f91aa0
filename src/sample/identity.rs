//! Who calls: the `userIdentity` member for every kind of principal in the sample.
//!
//! In: names and ids. Out: a `Session`, which is everything that the records of one credential from one place have in
//! common. Never draws chance.

use std::fmt::Write;

use super::calendar::timestamp;
use super::calls::Slot;
use super::networks::Address;
use super::people::version_at;

/// How the caller reached AWS; decides about `tlsDetails`, `userAgent` and the console's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// CLI, SDK, Terraform.
    Api,
    /// A browser.
    Console,
    /// AWS itself, without TLS details.
    Service,
}

/// What the records of one credential from one place have in common.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Index of the account that the records are delivered to.
    pub(super) account: usize,
    /// Index of the region where calls go when the call does not say otherwise.
    pub(super) region: usize,
    /// `userIdentity`, rendered.
    pub(super) identity: String,
    /// `userIdentity.arn`; empty for AWS services.
    pub(super) arn: String,
    /// The role session's or user's name.
    pub(super) name: String,
    /// The access key id; empty when the record has none.
    pub(super) key: String,
    /// `sourceIPAddress`.
    pub(super) source: String,
    /// What a geo table says about the source, when it is an address.
    pub(super) place: Option<Address>,
    /// `userAgent`.
    pub(super) agent: String,
    pub(super) channel: Channel,
    /// The VPC endpoint that the calls pass.
    pub(super) endpoint: Option<String>,
    pub(super) version: &'static str,
    /// Index of the workload whose resources the session works on; without it any of the account's.
    pub(super) workload: Option<usize>,
    /// Values that all records of this session give to slots.
    pub(super) values: Vec<(Slot, String)>,
}

/// The identity part of a session, before a place is known.
pub(super) struct Who {
    identity: String,
    arn: String,
    name: String,
    key: String,
}

/// A role as `sessionIssuer` names it.
#[derive(Clone, Copy)]
pub(super) struct Role<'a> {
    pub(super) account_id: &'a str,
    /// With slashes at both ends; `/` for most.
    pub(super) path: &'a str,
    pub(super) name: &'a str,
    /// `AROA...`
    pub(super) id: &'a str,
}

/// How a role session came to be.
#[derive(Clone, Copy, Default)]
pub(super) enum Origin<'a> {
    #[default]
    Plain,
    /// Credentials of an instance profile.
    Ec2,
    /// A web identity provider's ARN.
    Federated(&'a str),
    /// A service acts with the role.
    InvokedBy(&'a str),
    /// Handed on by an earlier session.
    SourceIdentity(&'a str),
}

impl Who {
    /// A role session.
    pub(super) fn role_session(role: Role<'_>, session: &str, key: &str, since: i64, origin: Origin<'_>) -> Self {
        let Role { account_id, path, name, id } = role;
        let arn = format!("arn:aws:sts::{account_id}:assumed-role/{name}/{session}");
        let mut identity = format!(
            r#"{{"type":"AssumedRole","principalId":"{id}:{session}","arn":"{arn}","accountId":"{account_id}","accessKeyId":"{key}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"{id}","arn":"arn:aws:iam::{account_id}:role{path}{name}","accountId":"{account_id}","userName":"{name}"}},"#
        );
        if let Origin::Federated(provider) = origin {
            let _ =
                write!(identity, r#""webIdFederationData":{{"federatedProvider":"{provider}","attributes":{{}}}},"#);
        }
        let _ =
            write!(identity, r#""attributes":{{"creationDate":"{}","mfaAuthenticated":"false"}}"#, timestamp(since));
        match origin {
            Origin::Ec2 => identity.push_str(r#","ec2RoleDelivery":"2.0"}}"#),
            Origin::SourceIdentity(source) => {
                let _ = write!(identity, r#","sourceIdentity":"{source}"}}}}"#);
            }
            Origin::InvokedBy(service) => {
                let _ = write!(identity, r#"}},"invokedBy":"{service}"}}"#);
            }
            Origin::Plain | Origin::Federated(_) => identity.push_str("}}"),
        }
        Self { identity, arn, name: session.to_owned(), key: key.to_owned() }
    }

    /// An IAM user with a long-lived key (`since` is none) or signed in to the console (`since`, with MFA or not).
    pub(super) fn iam_user(account_id: &str, id: &str, user: &str, key: &str, since: Option<(i64, bool)>) -> Self {
        let arn = format!("arn:aws:iam::{account_id}:user/{user}");
        let mut identity = format!(
            r#"{{"type":"IAMUser","principalId":"{id}","arn":"{arn}","accountId":"{account_id}","accessKeyId":"{key}","userName":"{user}""#
        );
        push_attributes(&mut identity, since);
        identity.push('}');
        Self { identity, arn, name: user.to_owned(), key: key.to_owned() }
    }

    /// What an IAM user's key has made with `GetFederationToken`.
    pub(super) fn federated_user(account_id: &str, user: (&str, &str), name: &str, key: &str, since: i64) -> Self {
        let (id, user) = user;
        let arn = format!("arn:aws:sts::{account_id}:federated-user/{name}");
        let identity = format!(
            r#"{{"type":"FederatedUser","principalId":"{account_id}:{name}","arn":"{arn}","accountId":"{account_id}","accessKeyId":"{key}","sessionContext":{{"sessionIssuer":{{"type":"IAMUser","principalId":"{id}","arn":"arn:aws:iam::{account_id}:user/{user}","accountId":"{account_id}","userName":"{user}"}},"attributes":{{"creationDate":"{}","mfaAuthenticated":"false"}}}}}}"#,
            timestamp(since)
        );
        Self { identity, arn, name: name.to_owned(), key: key.to_owned() }
    }

    /// The account's root user, signed in to the console.
    pub(super) fn root(account_id: &str, key: &str, since: i64, mfa: bool) -> Self {
        let arn = format!("arn:aws:iam::{account_id}:root");
        let mut identity = format!(
            r#"{{"type":"Root","principalId":"{account_id}","arn":"{arn}","accountId":"{account_id}","accessKeyId":"{key}""#
        );
        push_attributes(&mut identity, Some((since, mfa)));
        identity.push('}');
        Self { identity, arn, name: "root".to_owned(), key: key.to_owned() }
    }

    /// Somebody at a sign-in page, who has no session yet.
    pub(super) fn signing_in(&self) -> Self {
        let identity = match self.identity.find(r#","accessKeyId""#) {
            Some(end) if self.identity.starts_with(r#"{"type":"IAMUser""#) => {
                format!(r#"{},"userName":"{}"}}"#, &self.identity[..end], self.name)
            }
            Some(end) => format!("{}}}", &self.identity[..end]),
            None => self.identity.clone(),
        };
        Self { identity, arn: self.arn.clone(), name: self.name.clone(), key: String::new() }
    }

    /// A person of IAM Identity Center at the access portal.
    pub(super) fn identity_center(account_id: &str, directory: &str, user_id: &str, name: &str) -> Self {
        let identity = format!(
            r#"{{"type":"IdentityCenterUser","accountId":"{account_id}","onBehalfOf":{{"userId":"{user_id}","identityStoreArn":"arn:aws:identitystore::{account_id}:identitystore/{directory}"}}}}"#
        );
        Self { identity, arn: String::new(), name: name.to_owned(), key: String::new() }
    }

    /// An AWS service by itself.
    pub(super) fn service(principal: &str) -> Self {
        let identity = format!(r#"{{"type":"AWSService","invokedBy":"{principal}"}}"#);
        Self { identity, arn: String::new(), name: principal.to_owned(), key: String::new() }
    }

    /// What AWS does inside an account, such as rotating a key.
    pub(super) fn internal(account_id: &str) -> Self {
        let identity = format!(r#"{{"accountId":"{account_id}","invokedBy":"AWS Internal"}}"#);
        Self { identity, arn: String::new(), name: "AWS Internal".to_owned(), key: String::new() }
    }

    /// A principal of another account, as the account that is called sees it.
    pub(super) fn other_account(account_id: &str, principal: &str) -> Self {
        let identity = format!(r#"{{"type":"AWSAccount","principalId":"{principal}","accountId":"{account_id}"}}"#);
        Self { identity, arn: String::new(), name: principal.to_owned(), key: String::new() }
    }

    /// A token of an OpenID Connect provider on its way to becoming a role session.
    pub(super) fn web_identity(provider: &str, subject: &str) -> Self {
        let identity = format!(
            r#"{{"type":"WebIdentityUser","principalId":"{provider}:sts.amazonaws.com:{subject}","userName":"{subject}","identityProvider":"{provider}"}}"#
        );
        Self { identity, arn: String::new(), name: subject.to_owned(), key: String::new() }
    }

    /// The session this identity has at an address.
    pub(super) fn at(self, account: usize, region: usize, place: Address, agent: &str, channel: Channel) -> Session {
        let source = place.ip.clone();
        Session { place: Some(place), source, ..self.from(account, region, "", agent, channel) }
    }

    /// The session of, or behind, a service, whose source is a name.
    pub(super) fn behind(self, account: usize, region: usize, service: &str) -> Session {
        self.from(account, region, service, service, Channel::Service)
    }

    fn from(self, account: usize, region: usize, source: &str, agent: &str, channel: Channel) -> Session {
        // Mixed by the credentials, so that a planted session's records look like everybody's.
        let version = version_at(self.key.bytes().map(u32::from).sum::<u32>() % 100);
        Session {
            account,
            region,
            identity: self.identity,
            arn: self.arn,
            name: self.name,
            key: self.key,
            source: source.to_owned(),
            place: None,
            agent: agent.to_owned(),
            channel,
            endpoint: None,
            version,
            workload: None,
            values: Vec::new(),
        }
    }
}

impl Session {
    /// The same credentials at another place, with another client.
    pub(super) fn moved(&self, place: Address, agent: &str) -> Self {
        Self {
            source: place.ip.clone(),
            place: Some(place),
            agent: agent.to_owned(),
            channel: if agent.starts_with("Mozilla") { Channel::Console } else { Channel::Api },
            endpoint: None,
            ..self.clone()
        }
    }

    /// With a value for a slot in all records.
    pub(super) fn with(mut self, slot: Slot, value: impl Into<String>) -> Self {
        self.values.push((slot, value.into()));
        self
    }

    /// Working on one workload's resources.
    pub(super) fn on_workload(self, workload: usize) -> Self {
        Self { workload: Some(workload), ..self }
    }

    /// Writing records of another version.
    pub(super) fn version(self, version: &'static str) -> Self {
        Self { version, ..self }
    }
}

fn push_attributes(identity: &mut String, since: Option<(i64, bool)>) {
    if let Some((since, mfa)) = since {
        let _ = write!(
            identity,
            r#","sessionContext":{{"attributes":{{"creationDate":"{}","mfaAuthenticated":"{mfa}"}}}}"#,
            timestamp(since)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parses(who: &Who) -> serde_json::Value {
        serde_json::from_str(&who.identity).unwrap()
    }

    #[test]
    fn every_identity_is_json() {
        let role = Role { account_id: "111122223333", path: "/", name: "web", id: "AROAX" };
        for origin in
            [Origin::Plain, Origin::Ec2, Origin::Federated("p"), Origin::InvokedBy("s"), Origin::SourceIdentity("x")]
        {
            let who = Who::role_session(role, "i-1", "ASIA", 0, origin);
            assert_eq!(parses(&who)["type"], "AssumedRole");
            assert_eq!(parses(&who.signing_in())["accessKeyId"], serde_json::Value::Null);
        }
        let user = Who::iam_user("111122223333", "AIDAX", "ann", "AKIA", Some((0, true)));
        assert_eq!(parses(&user)["sessionContext"]["attributes"]["mfaAuthenticated"], "true");
        assert_eq!(parses(&user.signing_in())["userName"], "ann");
        assert_eq!(parses(&Who::root("111122223333", "ASIA", 0, true))["type"], "Root");
        let federated = Who::federated_user("111122223333", ("AIDAX", "ann"), "ann-console", "ASIA", 0);
        assert_eq!(parses(&federated)["sessionContext"]["sessionIssuer"]["userName"], "ann");
        assert_eq!(parses(&federated.signing_in())["type"], "FederatedUser");
        assert_eq!(parses(&Who::web_identity("p", "repo:a/b"))["type"], "WebIdentityUser");
        assert_eq!(parses(&Who::identity_center("1", "d-1", "u", "n"))["type"], "IdentityCenterUser");
    }
}
