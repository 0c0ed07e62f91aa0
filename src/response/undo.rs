//! Commands that contain what a call did, from the table `undo.tsv`: one line per API.

use std::sync::LazyLock;

use serde_json::Value;

use super::command::{Command, quoted};
use crate::detect::NextStep;

/// A line of the table.
struct Undo {
    service: &'static str,
    api: &'static str,
    condition: &'static str,
    changes: bool,
    audience: &'static str,
    purpose: &'static str,
    command: &'static str,
}

static TABLE: LazyLock<Vec<Undo>> = LazyLock::new(|| include_str!("undo.tsv").lines().filter_map(line).collect());

fn line(line: &'static str) -> Option<Undo> {
    let mut columns = line.split('\t').filter(|_| !line.starts_with('#'));
    let (service, api, condition) = (columns.next()?, columns.next()?, columns.next()?);
    let changes = columns.next()? == "change";
    let (audience, purpose, command) = (columns.next()?, columns.next()?, columns.next()?);
    Some(Undo { service, api, condition, changes, audience, purpose, command })
}

/// A call that succeeded.
#[derive(Debug, Default)]
pub struct Call {
    /// CloudTrail's event id.
    pub event_id: String,
    /// Service, such as `iam.amazonaws.com`.
    pub event_source: String,
    /// API, without the version that some services append.
    pub api: String,
    /// Account it was made in.
    pub account_id: String,
    /// Region it was made in.
    pub region: String,
    /// `{"request": ..., "response": ...}`.
    pub members: Value,
}

/// Whether the table has an API.
pub fn has(event_source: &str, api: &str) -> bool {
    TABLE.iter().any(|undo| undo.is_for(event_source, api))
}

/// The steps that contain a call.
pub fn steps(call: &Call) -> Vec<NextStep> {
    let lines = TABLE.iter().filter(|undo| undo.is_for(&call.event_source, &call.api) && undo.applies(call));
    lines.map(|undo| undo.step(call)).collect()
}

impl Undo {
    fn is_for(&self, event_source: &str, api: &str) -> bool {
        self.api == api && event_source.strip_suffix(".amazonaws.com") == Some(self.service)
    }

    fn applies(&self, call: &Call) -> bool {
        match self.condition.split_once('=') {
            _ if self.condition.is_empty() => true,
            Some((path, value)) => values(&call.members, path).iter().any(|found| found == value),
            None => !values(&call.members, self.condition).is_empty(),
        }
    }

    fn step(&self, call: &Call) -> NextStep {
        let (purpose, command) = match self.filled(call) {
            Ok(command) => (self.purpose.to_owned(), Some(command)),
            Err(missing) => {
                (format!("{}; event {} has no {missing} that a command could name", self.purpose, call.event_id), None)
            }
        };
        let account = quoted(&call.account_id).unwrap_or_else(|| "an unknown account".into());
        NextStep { purpose, command, changes: self.changes, audience: format!("{} of {account}", self.audience) }
    }

    /// The command with the names of the call, or the member that the call lacks.
    fn filled(&self, call: &Call) -> Result<String, String> {
        let mut words = self.command.split(' ');
        let mut command = Command::new(words.next().unwrap_or_default());
        for word in words {
            command = match word.strip_prefix("--").and_then(|word| word.split_once('=')) {
                Some((name, template)) if template.contains('{') => {
                    let value = filled(template, call)?;
                    command.option(name, &value).ok_or_else(|| template.trim_matches(['{', '}']).to_owned())?
                }
                _ => command.with(word),
            };
        }
        let command = command.option("region", &call.region).ok_or("region")?;
        Ok(command.text())
    }
}

/// The value of an option: text with members of the call in braces. A list becomes JSON, which the AWS CLI reads.
fn filled(template: &str, call: &Call) -> Result<String, String> {
    let mut value = String::new();
    let mut rest = template;
    while let Some((before, (path, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        value.push_str(before);
        rest = after;
        match path {
            "account" => value.push_str(&call.account_id),
            "partition" => value.push_str(partition(&call.region)),
            _ => {
                let found = values(&call.members, path);
                let usable = !found.is_empty() && found.iter().all(|found| quoted(found).is_some());
                match &found[..] {
                    _ if !usable => return Err(path.to_owned()),
                    all if path.contains("[]") => value.push_str(&serde_json::json!(all).to_string()),
                    [one] => value.push_str(one),
                    _ => return Err(path.to_owned()),
                }
            }
        }
    }
    Ok(value + rest)
}

/// The partition of a region, as in the ARNs of its resources.
pub fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The texts at a path such as `request.userSet.items[].userId`. The case of member names differs between services.
fn values(value: &Value, path: &str) -> Vec<String> {
    let (member, rest) = path.split_once('.').unwrap_or((path, ""));
    let (member, is_list) = member.strip_suffix("[]").map_or((member, false), |member| (member, true));
    let members = value.as_object();
    let found = members.and_then(|members| {
        let any_case = || members.iter().find(|(name, _)| name.eq_ignore_ascii_case(member)).map(|(_, value)| value);
        members.get(member).or_else(any_case)
    });
    let below = |value: &Value| if rest.is_empty() { text(value).into_iter().collect() } else { values(value, rest) };
    match found {
        Some(Value::Array(items)) if is_list => items.iter().flat_map(below).collect(),
        Some(value) if !is_list => below(value),
        _ => Vec::new(),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(service: &str, api: &str, request: Value, response: Value) -> Call {
        Call {
            event_id: "e1".into(),
            event_source: format!("{service}.amazonaws.com"),
            api: api.into(),
            account_id: "111122223333".into(),
            region: "eu-west-1".into(),
            members: json!({"request": request, "response": response}),
        }
    }

    fn commands(service: &str, api: &str, request: Value, response: Value) -> Vec<String> {
        steps(&call(service, api, request, response)).into_iter().filter_map(|step| step.command).collect()
    }

    #[test]
    fn every_line_of_the_table_is_complete() {
        let lines = include_str!("undo.tsv").lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.count(), TABLE.len());
        for undo in TABLE.iter() {
            let what = format!("{}:{}", undo.service, undo.api);
            assert!(undo.command.starts_with("aws ") && !undo.audience.is_empty(), "{what}");
            for word in undo.command.split(' ').filter(|word| word.contains('{')) {
                assert!(word.starts_with("--") && word.contains('='), "{what}: {word} could be taken for an option");
            }
            let reads = ["get-", "list-", "describe-"].iter().any(|verb| undo.command.contains(&format!(" {verb}")));
            assert_eq!(undo.changes, !reads, "{what}: {}", undo.command);
        }
    }

    #[test]
    fn what_attacks_did_is_undone_with_their_own_names() {
        let region = "--region=eu-west-1";
        let cases = [
            (
                "iam",
                "CreateAccessKey",
                json!({"userName": "bo"}),
                json!({"accessKey": {"userName": "bo", "accessKeyId": "AKIA1"}}),
                "aws iam update-access-key --user-name=bo --access-key-id=AKIA1 --status=Inactive",
            ),
            (
                "iam",
                "CreateUser",
                json!({"userName": "bo"}),
                json!(null),
                "aws iam attach-user-policy --user-name=bo --policy-arn=arn:aws:iam::aws:policy/AWSDenyAll",
            ),
            (
                "iam",
                "CreateLoginProfile",
                json!({"userName": "bo"}),
                json!(null),
                "aws iam delete-login-profile --user-name=bo",
            ),
            (
                "iam",
                "AttachRolePolicy",
                json!({"roleName": "r", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
                json!(null),
                "aws iam detach-role-policy --role-name=r --policy-arn=arn:aws:iam::aws:policy/AdministratorAccess",
            ),
            (
                "iam",
                "CreateOpenIDConnectProvider",
                json!({"url": "https://x"}),
                json!({"openIDConnectProviderArn": "arn:aws:iam::1:oidc-provider/x"}),
                "aws iam delete-open-id-connect-provider --open-id-connect-provider-arn=arn:aws:iam::1:oidc-provider/x",
            ),
            (
                "cloudtrail",
                "StopLogging",
                json!({"name": "main"}),
                json!(null),
                "aws cloudtrail start-logging --name=main",
            ),
            (
                "guardduty",
                "UpdateDetector",
                json!({"detectorId": "d1", "enable": false}),
                json!(null),
                "aws guardduty update-detector --detector-id=d1 --enable",
            ),
            (
                "ec2",
                "ModifySnapshotAttribute",
                json!({"snapshotId": "snap-1", "createVolumePermission": {"add": {"items": [{"userId": "999988887777"}, {"userId": "1"}]}}}),
                json!({"_return": true}),
                "aws ec2 modify-snapshot-attribute --snapshot-id=snap-1 --attribute=createVolumePermission --operation-type=remove \
              --user-ids='[\"999988887777\",\"1\"]'",
            ),
            (
                "ec2",
                "ModifyImageAttribute",
                json!({"imageId": "ami-1", "launchPermission": {"add": {"items": [{"group": "all"}]}}}),
                json!(null),
                "aws ec2 modify-image-attribute --image-id=ami-1 --attribute=launchPermission --operation-type=remove --user-groups='[\"all\"]'",
            ),
            (
                "ec2",
                "RunInstances",
                json!({}),
                json!({"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}}),
                "aws ec2 stop-instances --instance-ids='[\"i-1\",\"i-2\"]'",
            ),
            (
                "lambda",
                "AddPermission",
                json!({"functionName": "f", "statementId": "s"}),
                json!(null),
                "aws lambda remove-permission --function-name=f --statement-id=s",
            ),
            (
                "kms",
                "CreateGrant",
                json!({"keyId": "k"}),
                json!({"grantId": "g"}),
                "aws kms revoke-grant --key-id=k --grant-id=g",
            ),
            (
                "ram",
                "AssociateResourceShare",
                json!({"resourceShareArn": "arn:x", "principals": ["999988887777"]}),
                json!(null),
                "aws ram disassociate-resource-share --resource-share-arn=arn:x --principals='[\"999988887777\"]'",
            ),
            (
                "s3",
                "PutBucketPolicy",
                json!({"bucketName": "b"}),
                json!(null),
                "aws s3api delete-bucket-policy --bucket=b",
            ),
            (
                "sso",
                "CreateAccountAssignment",
                json!({"instanceArn": "arn:i", "permissionSetArn": "arn:p", "principalType": "USER", "principalId": "u", "targetType": "AWS_ACCOUNT", "targetId": "1"}),
                json!(null),
                "aws sso-admin delete-account-assignment --instance-arn=arn:i --permission-set-arn=arn:p --principal-type=USER \
              --principal-id=u --target-type=AWS_ACCOUNT --target-id=1",
            ),
            (
                "rds",
                "ModifyDBSnapshotAttribute",
                json!({"dBSnapshotIdentifier": "s", "valuesToAdd": ["all"]}),
                json!(null),
                "aws rds modify-db-snapshot-attribute --db-snapshot-identifier=s --attribute-name=restore --values-to-remove='[\"all\"]'",
            ),
        ];
        for (service, api, request, response, expected) in cases {
            assert_eq!(commands(service, api, request, response), [format!("{expected} {region}")], "{service}:{api}");
        }
    }

    #[test]
    fn a_condition_decides_and_a_share_that_was_removed_needs_no_undo() {
        let removed = json!({"snapshotId": "s", "createVolumePermission": {"remove": {"items": [{"userId": "1"}]}}});
        assert!(steps(&call("ec2", "ModifySnapshotAttribute", removed, json!(null))).is_empty());
        assert!(steps(&call("guardduty", "UpdateDetector", json!({"enable": true}), json!(null))).is_empty());
        assert!(steps(&call("iam", "UpdateAccessKey", json!({"status": "Inactive"}), json!(null))).is_empty());
        assert!(!has("example.amazonaws.com", "StopLogging"));
    }

    #[test]
    fn what_the_event_lacks_is_said_and_no_command_is_made_up() {
        let steps = steps(&call("iam", "CreateAccessKey", json!({"userName": "bo"}), json!(null)));
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].command, None);
        assert!(
            steps[0].purpose.ends_with("; event e1 has no response.accessKey.userName that a command could name"),
            "{:?}",
            steps[0]
        );
        assert_eq!(steps[0].audience, "IAM administrator of 111122223333");
    }

    #[test]
    fn hostile_names_are_quoted_or_refused_everywhere() {
        for name in ["a;id", "$(id)", "`id`", "x' --profile=admin '", "-x", "--cli-input-json=file:x", "a b", "{}"] {
            for undo in TABLE.iter() {
                let mut call = call(undo.service, undo.api, json!({}), json!({}));
                call.members = with_everywhere(undo, name);
                let Ok(command) = undo.filled(&call) else { panic!("{name} fits into {}", undo.command) };
                let words = shlex::split(&command).unwrap();
                let of_template = undo.command.split(' ').count() + 1;
                assert_eq!(words.len(), of_template, "{command}");
                assert!(words.iter().skip(1).all(|word| word.starts_with("--") || !word.contains(name)), "{command}");
            }
        }
        for name in ["a\nb", "a\0", "\u{202e}x", "file:///etc/shadow", "HIDDEN_DUE_TO_SECURITY_REASONS"] {
            for undo in TABLE.iter().filter(|undo| undo.command.contains("{re")) {
                let mut call = call(undo.service, undo.api, json!({}), json!({}));
                call.members = with_everywhere(undo, name);
                assert!(undo.filled(&call).is_err(), "{name:?} in {}", undo.command);
            }
        }
    }

    /// A call with a value at every path of a template.
    fn with_everywhere(undo: &Undo, text: &str) -> Value {
        fn put(value: &mut Value, path: &str, text: &str) {
            let (member, rest) = path.split_once('.').unwrap_or((path, ""));
            let (name, is_list) = member.strip_suffix("[]").map_or((member, false), |name| (name, true));
            let place = &mut value[name];
            let place = if is_list {
                if !place.is_array() {
                    *place = json!([null]);
                }
                &mut place[0]
            } else {
                place
            };
            if rest.is_empty() { *place = json!(text) } else { put(place, rest, text) }
        }
        let mut members = json!({});
        for path in undo.command.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(path, _)| path) {
            if path.starts_with("re") {
                put(&mut members, path, text);
            }
        }
        members
    }
}
