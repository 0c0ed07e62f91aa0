//! Who makes a call: the `userIdentity` member for every kind of principal in the sample.
//!
//! Input: names and ids. Output: a `Session`: what all records of one credential from one address have in common.

use std::fmt::Write;

use rand::Rng;

use crate::sample::calendar::timestamp;
use crate::sample::cloudtrail::template::Slot;
use crate::sample::networks::Address;

/// How the caller reached AWS; determines `tlsDetails` and `sessionCredentialFromConsole`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// CLI, SDK, Terraform.
    Api,
    /// The console in a browser.
    Console,
    /// An AWS service; records have no TLS details.
    Service,
}

/// What all records of one credential from one address have in common.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Index of the account that the records are delivered to.
    pub(crate) account: usize,
    /// Index of the region of calls, except for global services.
    pub(crate) region: usize,
    /// `userIdentity` as JSON.
    pub(crate) identity: String,
    /// `userIdentity.arn`; empty for AWS services.
    pub(crate) arn: String,
    /// The name of the role session or user.
    pub(crate) name: String,
    /// The access key id; empty when the record has none.
    pub(crate) key: String,
    /// `sourceIPAddress`.
    pub(crate) source: String,
    /// The source as an address; none for AWS services and private addresses.
    pub(crate) address: Option<Address>,
    /// `userAgent`.
    pub(crate) agent: String,
    /// How it reaches AWS.
    pub(crate) channel: Channel,
    /// The id of the VPC endpoint used by the calls.
    pub(crate) endpoint: Option<String>,
    /// `eventVersion`.
    pub(crate) version: &'static str,
    /// Index of the workload whose resources the session uses; none: any workload of the account.
    pub(crate) workload: Option<usize>,
    /// Values of placeholders in all records of this session.
    pub(crate) values: Vec<(Slot, String)>,
}

/// A principal with its credentials: a session without an address.
pub(crate) struct Identity {
    identity: String,
    arn: String,
    name: String,
    key: String,
}

/// A role, as in `sessionIssuer`.
#[derive(Clone, Copy)]
pub(crate) struct Role<'a> {
    /// The account that owns it.
    pub(crate) account_id: &'a str,
    /// With a slash at both ends; usually `/`.
    pub(crate) path: &'a str,
    /// Role name.
    pub(crate) name: &'a str,
    /// `AROA...`
    pub(crate) id: &'a str,
}

/// How a role session was created.
#[derive(Clone, Copy, Default)]
pub(crate) enum Origin<'a> {
    #[default]
    /// A plain `AssumeRole`.
    Plain,
    /// An instance profile.
    Ec2,
    /// A web identity provider, by its ARN.
    Federated(&'a str),
    /// A service that acts with the role.
    InvokedBy(&'a str),
    /// A source identity set by an earlier session.
    SourceIdentity(&'a str),
}

impl Identity {
    /// A role session.
    pub(crate) fn role_session(role: Role<'_>, session: &str, key: &str, since: i64, origin: Origin<'_>) -> Self {
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

    /// An IAM user with a long-lived key (`since` is none) or in the console (`since`: sign-in time, whether with MFA).
    pub(crate) fn iam_user(account_id: &str, id: &str, user: &str, key: &str, since: Option<(i64, bool)>) -> Self {
        let arn = format!("arn:aws:iam::{account_id}:user/{user}");
        let mut identity = format!(
            r#"{{"type":"IAMUser","principalId":"{id}","arn":"{arn}","accountId":"{account_id}","accessKeyId":"{key}","userName":"{user}""#
        );
        push_attributes(&mut identity, since);
        identity.push('}');
        Self { identity, arn, name: user.to_owned(), key: key.to_owned() }
    }

    /// The result of `GetFederationToken` by an IAM user.
    pub(crate) fn federated_user(account_id: &str, user: (&str, &str), name: &str, key: &str, since: i64) -> Self {
        let (id, user) = user;
        let arn = format!("arn:aws:sts::{account_id}:federated-user/{name}");
        let identity = format!(
            r#"{{"type":"FederatedUser","principalId":"{account_id}:{name}","arn":"{arn}","accountId":"{account_id}","accessKeyId":"{key}","sessionContext":{{"sessionIssuer":{{"type":"IAMUser","principalId":"{id}","arn":"arn:aws:iam::{account_id}:user/{user}","accountId":"{account_id}","userName":"{user}"}},"attributes":{{"creationDate":"{}","mfaAuthenticated":"false"}}}}}}"#,
            timestamp(since)
        );
        Self { identity, arn, name: name.to_owned(), key: key.to_owned() }
    }

    /// The root user in the console.
    pub(crate) fn root(account_id: &str, key: &str, since: i64, mfa: bool) -> Self {
        let arn = format!("arn:aws:iam::{account_id}:root");
        let mut identity = format!(
            r#"{{"type":"Root","principalId":"{account_id}","arn":"{arn}","accountId":"{account_id}","accessKeyId":"{key}""#
        );
        push_attributes(&mut identity, Some((since, mfa)));
        identity.push('}');
        Self { identity, arn, name: "root".to_owned(), key: key.to_owned() }
    }

    /// The same identity at the sign-in page, before it has a session.
    pub(crate) fn before_sign_in(&self) -> Self {
        let identity = match self.identity.find(r#","accessKeyId""#) {
            Some(end) if self.identity.starts_with(r#"{"type":"IAMUser""#) => {
                format!(r#"{},"userName":"{}"}}"#, &self.identity[..end], self.name)
            }
            Some(end) => format!("{}}}", &self.identity[..end]),
            None => self.identity.clone(),
        };
        Self { identity, arn: self.arn.clone(), name: self.name.clone(), key: String::new() }
    }

    /// An IAM Identity Center user at the access portal.
    pub(crate) fn identity_center(account_id: &str, directory: &str, user_id: &str, name: &str) -> Self {
        let identity = format!(
            r#"{{"type":"IdentityCenterUser","accountId":"{account_id}","onBehalfOf":{{"userId":"{user_id}","identityStoreArn":"arn:aws:identitystore::{account_id}:identitystore/{directory}"}}}}"#
        );
        Self { identity, arn: String::new(), name: name.to_owned(), key: String::new() }
    }

    /// An IAM Identity Center user at the access portal, as logged since 2025.
    pub(crate) fn unknown(account_id: &str, directory: &str, user_id: &str, name: &str) -> Self {
        let identity = format!(
            r#"{{"type":"Unknown","principalId":"{account_id}","accountId":"{account_id}","userName":"{name}","onBehalfOf":{{"userId":"{user_id}","identityStoreArn":"arn:aws:identitystore::{account_id}:identitystore/{directory}"}}}}"#
        );
        Self { identity, arn: String::new(), name: name.to_owned(), key: String::new() }
    }

    /// An AWS service that uses no role.
    pub(crate) fn service(principal: &str) -> Self {
        let identity = format!(r#"{{"type":"AWSService","invokedBy":"{principal}"}}"#);
        Self { identity, arn: String::new(), name: principal.to_owned(), key: String::new() }
    }

    /// AWS acting inside an account, for example to rotate a key.
    pub(crate) fn internal(account_id: &str) -> Self {
        let identity = format!(r#"{{"accountId":"{account_id}","invokedBy":"AWS Internal"}}"#);
        Self { identity, arn: String::new(), name: "AWS Internal".to_owned(), key: String::new() }
    }

    /// A principal of another account, as the called account logs it.
    pub(crate) fn other_account(account_id: &str, principal: &str) -> Self {
        let identity = format!(r#"{{"type":"AWSAccount","principalId":"{principal}","accountId":"{account_id}"}}"#);
        Self { identity, arn: String::new(), name: principal.to_owned(), key: String::new() }
    }

    /// A token of an OpenID Connect provider, which assumes a role.
    pub(crate) fn web_identity(provider: &str, subject: &str) -> Self {
        let identity = format!(
            r#"{{"type":"WebIdentityUser","principalId":"{provider}:sts.amazonaws.com:{subject}","userName":"{subject}","identityProvider":"{provider}"}}"#
        );
        Self { identity, arn: String::new(), name: subject.to_owned(), key: String::new() }
    }

    /// The session of this identity at an address.
    pub(crate) fn at(self, account: usize, region: usize, address: Address, agent: &str, channel: Channel) -> Session {
        let source = address.ip.clone();
        Session { address: Some(address), source, ..self.from(account, region, "", agent, channel) }
    }

    /// The session of a service, or of this identity used by a service; the source is the service's name.
    pub(crate) fn via_service(self, account: usize, region: usize, service: &str) -> Session {
        self.from(account, region, service, service, Channel::Service)
    }

    fn from(self, account: usize, region: usize, source: &str, agent: &str, channel: Channel) -> Session {
        // Derived from the credentials, so that planted sessions have the same mix of versions as normal traffic.
        let version = version_at(self.key.bytes().map(u32::from).sum::<u32>() % 100);
        Session {
            account,
            region,
            identity: self.identity,
            arn: self.arn,
            name: self.name,
            key: self.key,
            source: source.to_owned(),
            address: None,
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
    /// The same credentials at another address, with another client.
    pub(crate) fn used_from(&self, address: Address, agent: &str) -> Self {
        Self {
            source: address.ip.clone(),
            address: Some(address),
            agent: agent.to_owned(),
            channel: if agent.starts_with("Mozilla") { Channel::Console } else { Channel::Api },
            endpoint: None,
            ..self.clone()
        }
    }

    /// Sets the value of a placeholder in all records.
    pub(crate) fn with(mut self, slot: Slot, value: impl Into<String>) -> Self {
        self.values.push((slot, value.into()));
        self
    }

    /// Uses the resources of one workload.
    pub(crate) fn on_workload(self, workload: usize) -> Self {
        Self { workload: Some(workload), ..self }
    }

    /// Sets the record version.
    pub(crate) fn version(self, version: &'static str) -> Self {
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

/// A random record version: real archives contain several, because services upgrade independently.
pub(crate) fn record_version(rng: &mut impl Rng) -> &'static str {
    version_at(rng.random_range(0..100))
}

/// The record version at this percentile of an archive.
pub(crate) fn version_at(percent: u32) -> &'static str {
    match percent {
        0..3 => "1.05",
        3..48 => "1.08",
        48..74 => "1.09",
        74..88 => "1.10",
        _ => "1.11",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parses(who: &Identity) -> serde_json::Value {
        serde_json::from_str(&who.identity).unwrap()
    }

    #[test]
    fn every_identity_is_json() {
        let role = Role { account_id: "111122223333", path: "/", name: "web", id: "AROAX" };
        for origin in
            [Origin::Plain, Origin::Ec2, Origin::Federated("p"), Origin::InvokedBy("s"), Origin::SourceIdentity("x")]
        {
            let who = Identity::role_session(role, "i-1", "ASIA", 0, origin);
            assert_eq!(parses(&who)["type"], "AssumedRole");
            assert_eq!(parses(&who.before_sign_in())["accessKeyId"], serde_json::Value::Null);
        }
        let user = Identity::iam_user("111122223333", "AIDAX", "ann", "AKIA", Some((0, true)));
        assert_eq!(parses(&user)["sessionContext"]["attributes"]["mfaAuthenticated"], "true");
        assert_eq!(parses(&user.before_sign_in())["userName"], "ann");
        assert_eq!(parses(&Identity::root("111122223333", "ASIA", 0, true))["type"], "Root");
        let federated = Identity::federated_user("111122223333", ("AIDAX", "ann"), "ann-console", "ASIA", 0);
        assert_eq!(parses(&federated)["sessionContext"]["sessionIssuer"]["userName"], "ann");
        assert_eq!(parses(&federated.before_sign_in())["type"], "FederatedUser");
        assert_eq!(parses(&Identity::web_identity("p", "repo:a/b"))["type"], "WebIdentityUser");
        assert_eq!(parses(&Identity::unknown("1", "d-1", "u", "n"))["userName"], "n");
        assert_eq!(parses(&Identity::identity_center("1", "d-1", "u", "n"))["type"], "IdentityCenterUser");
    }
}
