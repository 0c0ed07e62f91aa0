//! Commands that take the credentials of a finding's calls out of use, by the kind of identity they belong to.

use super::command::Command;
use crate::detect::{Event, Finding, NextStep};
use crate::wording::account_of;

/// Name of the inline policy that AWS's console writes to revoke sessions.
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
const REVOKE_POLICY: &str = "AWSRevokeOlderSessions";

const REVOKE_DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"{now}"}}}]}"#;

/// An identity and the key that it used.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Credential<'a> {
    /// ARN of the caller, a session's with its name.
    arn: &'a str,
    /// Access key id.
    key: Option<&'a str>,
    /// ARN of the user that a session was made from.
    issuer: Option<&'a str>,
}

/// The steps for every credential among the evidence, and for what the credentials came from.
pub fn steps(finding: &Finding) -> Vec<NextStep> {
    let mut credentials: Vec<Credential<'_>> = Vec::new();
    for credential in finding.evidence.events.iter().filter_map(credential) {
        if !credentials.contains(&credential) {
            credentials.push(credential);
        }
    }
    // Whoever only failed to sign in is not the identity.
    let mut events = finding.evidence.events.iter();
    let acted = events.any(|event| event.error_code.is_none() && event.error_message.is_none());
    if let Some(arn) = finding.identity().filter(|_| credentials.is_empty() && acted) {
        let key = (finding.entity_type == "access_key").then_some(&*finding.entity);
        credentials.push(Credential { arn, key, issuer: None });
    }
    let mut steps: Vec<NextStep> = credentials.iter().flat_map(of_credential).collect();
    let is_caller = |arn: &str| credentials.iter().any(|credential| credential.arn == arn);
    let origin = finding.origin.as_ref().filter(|origin| origin.is_known() && !is_caller(&origin.identity));
    steps.extend(origin.and_then(|origin| of_origin(&origin.identity)));
    steps
}

/// Whoever signs in has no credential yet.
fn credential(event: &Event) -> Option<Credential<'_>> {
    let arn = event.caller_arn.as_deref().filter(|_| event.event_source.as_deref() != Some("signin.amazonaws.com"))?;
    Some(Credential { arn, key: event.access_key_id.as_deref(), issuer: event.issuer_arn.as_deref() })
}

fn of_credential(credential: &Credential<'_>) -> Vec<NextStep> {
    let Some(account) = account_of(credential.arn) else { return Vec::new() };
    let resource = credential.arn.splitn(6, ':').nth(5).unwrap_or_default();
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    let iam = |purpose: &str, command: Option<Command>| step(purpose, command, true, "IAM administrator", account);
    match kind {
        "root" => of_root(credential, account),
        "user" => {
            let user = name.rsplit('/').next().unwrap_or(name);
            match credential.key.filter(|key| key.starts_with("AKIA")) {
                Some(key) => {
                    let command = Command::new("aws iam update-access-key").option("user-name", user);
                    let command = command.and_then(|command| command.option("access-key-id", key));
                    vec![iam("deactivate the access key", command.map(|command| command.with("--status=Inactive")))]
                }
                None => vec![
                    iam(
                        "delete the user's console password",
                        Command::new("aws iam delete-login-profile").option("user-name", user),
                    ),
                    iam("deny all sessions of the user that began before now", revoke("user", user)),
                ],
            }
        }
        "federated-user" => {
            let user = credential.issuer.and_then(|arn| arn.rsplit('/').next());
            let command = user.and_then(|user| revoke("user", user));
            vec![iam("deny all sessions of the user behind the federated session that began before now", command)]
        }
        "assumed-role" => {
            let role = name.split('/').next().unwrap_or(name);
            match role {
                _ if role.starts_with("AWSReservedSSO_") => of_person(account),
                // A service owns the role: nobody else can write its policies.
                _ if role.starts_with("AWSServiceRoleFor") => Vec::new(),
                _ => vec![iam("deny all sessions of the role that began before now", revoke("role", role))],
            }
        }
        _ => Vec::new(),
    }
}

fn revoke(kind: &str, name: &str) -> Option<Command> {
    let command = Command::new(&format!("aws iam put-{kind}-policy")).option(&format!("{kind}-name"), name)?;
    command.option("policy-name", REVOKE_POLICY)?.option_with_time("policy-document", REVOKE_DOCUMENT)
}

/// No command ends a session of Identity Center: only its console does, or a policy of the organisation.
/// https://docs.aws.amazon.com/singlesignon/latest/userguide/revoke-user-permissions.html
fn of_person(account: &str) -> Vec<NextStep> {
    let by = |purpose: &str, command| NextStep {
        purpose: purpose.into(),
        command,
        changes: true,
        audience: "Identity Center administrator".into(),
    };
    let find = Command::new("aws sso-admin list-instances").text();
    vec![
        by(
            "disable the person's access in the console of Identity Center, and end their active sessions there; no command does it",
            None,
        ),
        NextStep {
            changes: false,
            ..by(
                &format!(
                    "find the instance, to remove the assignment to account {account} with delete-account-assignment"
                ),
                Some(find),
            )
        },
    ]
}

/// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html
fn of_root(credential: &Credential<'_>, account: &str) -> Vec<NextStep> {
    let key = credential.key.filter(|key| key.starts_with("AKIA"));
    let own = key.and_then(|key| Command::new("aws iam update-access-key").option("access-key-id", key));
    let own = own.map(|command| command.with("--status=Inactive"));
    let mut steps: Vec<NextStep> = own
        .map(|own| step("deactivate the root user's access key", Some(own), true, "root user", account))
        .into_iter()
        .collect();
    let partition = credential.arn.split(':').nth(1).unwrap_or("aws");
    let task = format!("arn=arn:{partition}:iam::aws:policy/root-task/IAMDeleteRootUserCredentials");
    let session = Command::new("aws sts assume-root").option("target-principal", account);
    steps.push(NextStep {
        audience: "administrator of the organisation".into(),
        ..step(
            "get a session that may delete the root user's password and keys (in the management account); otherwise change the password as root",
            session.and_then(|command| command.option("task-policy-arn", &task)),
            true,
            "",
            account,
        )
    });
    steps
}

/// What the credentials came from, if it is a user or an instance: its keys are not in these events.
fn of_origin(arn: &str) -> Option<NextStep> {
    let account = account_of(arn)?;
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, region, resource) = (parts.next()?, parts.next()?, parts.nth(1)?);
    match (service, resource.split_once('/')?) {
        ("iam", ("user", name)) => {
            let user = name.rsplit('/').next()?;
            let command = Command::new("aws iam list-access-keys").option("user-name", user);
            let purpose = "find the access keys of the user whom the sessions came from, to deactivate them";
            Some(step(purpose, command, false, "IAM administrator", account))
        }
        ("ec2", ("instance", id)) => {
            let command = Command::new("aws ec2 modify-instance-metadata-options").option("instance-id", id)?;
            let command = command.with("--http-tokens=required").option("region", region);
            let purpose = "let only IMDSv2 hand out the credentials of the instance that they came from";
            Some(step(purpose, command, true, "owner of the workload", account))
        }
        _ => None,
    }
}

fn step(purpose: &str, command: Option<Command>, changes: bool, audience: &str, account: &str) -> NextStep {
    let purpose = match &command {
        Some(_) => purpose.to_owned(),
        None => format!("{purpose}; its name cannot be part of a command"),
    };
    NextStep { purpose, command: command.map(Command::text), changes, audience: format!("{audience} of {account}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(arn: &str, key: Option<&str>) -> Vec<Option<String>> {
        let credential = Credential { arn, key, issuer: Some("arn:aws:iam::111122223333:user/ana") };
        of_credential(&credential).into_iter().map(|step| step.command).collect()
    }

    fn revoked(kind: &str, name: &str) -> Option<String> {
        let now = r#"'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'"#;
        let document = REVOKE_DOCUMENT.replace("{now}", now);
        Some(format!(
            "aws iam put-{kind}-policy --{kind}-name={name} --policy-name=AWSRevokeOlderSessions --policy-document='{document}'"
        ))
    }

    #[test]
    fn each_kind_of_credential_is_taken_out_of_use() {
        let deactivate = "aws iam update-access-key --user-name=ana --access-key-id=AKIA1 --status=Inactive";
        assert_eq!(commands("arn:aws:iam::111122223333:user/eng/ana", Some("AKIA1")), [Some(deactivate.into())]);
        let password = Some("aws iam delete-login-profile --user-name=ana".to_owned());
        assert_eq!(commands("arn:aws:iam::111122223333:user/ana", Some("ASIA1")), [password, revoked("user", "ana")]);
        assert_eq!(
            commands("arn:aws:sts::111122223333:assumed-role/deploy/x", Some("ASIA1")),
            [revoked("role", "deploy")]
        );
        assert_eq!(commands("arn:aws:sts::111122223333:federated-user/x", Some("ASIA1")), [revoked("user", "ana")]);
        let root = "aws sts assume-root --target-principal=111122223333 \
                    --task-policy-arn='arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials'";
        assert_eq!(commands("arn:aws:iam::111122223333:root", None), [Some(root.into())]);
        let person = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ana";
        assert_eq!(commands(person, Some("ASIA1")), [None, Some("aws sso-admin list-instances".into())]);
        assert!(commands("arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForConfig/x", None).is_empty());
        assert!(commands("ec2.amazonaws.com", None).is_empty());
    }

    #[test]
    fn a_name_that_cannot_be_pasted_makes_no_command() {
        for step in
            of_credential(&Credential { arn: "arn:aws:iam::111122223333:user/a\u{202e}b", key: None, issuer: None })
        {
            assert_eq!(step.command, None);
            assert!(step.purpose.ends_with("; its name cannot be part of a command"), "{step:?}");
        }
    }

    #[test]
    fn the_origin_of_a_session_is_followed() {
        let of = |arn: &str| of_origin(arn).and_then(|step| step.command);
        assert_eq!(of("arn:aws:iam::111122223333:user/ana").unwrap(), "aws iam list-access-keys --user-name=ana");
        assert_eq!(
            of("arn:aws:ec2:eu-west-1:111122223333:instance/i-1").unwrap(),
            "aws ec2 modify-instance-metadata-options --instance-id=i-1 --http-tokens=required --region=eu-west-1"
        );
        assert_eq!(of("system:serviceaccount:x:y"), None);
    }
}
