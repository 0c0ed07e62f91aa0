//! `policy_risk(policy)`: whether a policy document opens a resource to everyone or gives administration.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use serde_json::{Map, Value};

use super::function::{Argument, Function, texts};

/// Actions of many services; who may call all of them on everything has full access, with IAM or without.
const OF_EVERYTHING: &[&str] = &[
    "cloudtrail:StopLogging",
    "dynamodb:DeleteTable",
    "ec2:RunInstances",
    "kms:ScheduleKeyDeletion",
    "lambda:UpdateFunctionCode",
    "rds:DeleteDBInstance",
    "s3:DeleteBucket",
    "secretsmanager:GetSecretValue",
];

/// Actions of IAM with which a caller can give itself or a role any permission. (Rhino Security Labs, "AWS IAM Privilege
/// Escalation Methods"; ATT&CK T1098.003.)
const ESCALATING: &[&str] = &[
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:PassRole",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
];

/// Condition keys that restrict who calls or from where, in lower case and without a variable part. Other keys, such as
/// `aws:SecureTransport`, are met by everyone. (IAM User Guide, "AWS global condition context keys".)
const RESTRICTING: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:principaltag",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:username",
    "aws:vpcsourceip",
    "kms:calleraccount",
    "kms:grantisforawsresource",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "sns:endpoint",
    "sts:externalid",
];

/// Condition keys that let in all accounts of an organisation.
const OF_ORGANISATION: &[&str] = &["aws:principalorgid", "aws:principalorgpaths"];

/// Identity providers with which anybody can sign up: the audience is the same for all, only the subject restricts.
const OPEN_PROVIDERS: &[&str] = &[
    "accounts.google.com",
    "app.terraform.io",
    "gitlab.com",
    "graph.facebook.com",
    "token.actions.githubusercontent.com",
    "www.amazon.com",
];

/// The worst of what the Allow statements of a policy do:
/// - `public`: everyone may use the resource or assume the role: the principal is `*`, or everybody but some, or an open
///   identity provider without a subject, and no condition restricts it
/// - `administrator`: every action on every resource
/// - `iam`: every action of IAM
/// - `power`: every action but those of IAM, on every resource
/// - `escalation`: an action on every resource with which a caller can give itself permissions, such as `iam:PassRole`
/// - `organisation`: every account of an organisation may use the resource or assume the role
///
/// Actions are compared without regard to case and with their wildcards; `NotAction`, `NotResource` and `NotPrincipal`
/// allow all but what they name. Deny statements are not taken into account. The policy may be an object or JSON text;
/// CloudTrail has both. `None` for anything else.
pub fn policy_risk(policy: &str) -> Option<&'static str> {
    let mut document: Value = serde_json::from_str(policy).ok()?;
    if let Value::String(inner) = &document {
        document = serde_json::from_str(inner).ok()?;
    }
    let statements = listed(member(document.as_object()?, "Statement")?);
    let allowing: Vec<_> = statements
        .into_iter()
        .filter_map(Value::as_object)
        .filter(|statement| member(statement, "Effect").and_then(Value::as_str) == Some("Allow"))
        .collect();
    // Actions may be spread over statements.
    let every = |actions: &[&str], on: fn(&Map<String, Value>) -> bool| {
        actions.iter().all(|action| allowing.iter().any(|statement| on(statement) && allows(statement, action)))
    };
    let access = |wanted: Access| allowing.iter().any(|statement| access(statement) == Some(wanted));
    if access(Access::Everyone) {
        Some("public")
    } else if every(OF_EVERYTHING, is_everywhere) {
        Some(if every(ESCALATING, is_everywhere) { "administrator" } else { "power" })
    } else if every(ESCALATING, is_in_iam) {
        Some("iam")
    } else if allowing.iter().any(|s| is_everywhere(s) && ESCALATING.iter().any(|action| allows(s, action))) {
        Some("escalation")
    } else if access(Access::Organisation) {
        Some("organisation")
    } else {
        None
    }
}

/// Who may use a resource, when it is more than named principals.
#[derive(Clone, Copy, PartialEq)]
enum Access {
    Everyone,
    Organisation,
}

fn access(statement: &Map<String, Value>) -> Option<Access> {
    // `NotPrincipal` means everyone else.
    let everyone = member(statement, "NotPrincipal").is_some();
    let (everyone, open_provider) = match member(statement, "Principal") {
        Some(Value::String(who)) => (who == "*", false),
        Some(Value::Object(kinds)) => {
            (everyone || of_kind(kinds, "AWS").any(|who| who == "*"), of_kind(kinds, "Federated").any(is_open_provider))
        }
        _ => (everyone, false),
    };
    let restrictions = restrictions(statement);
    let is_subject =
        |key: &String| RESTRICTING.contains(&key.as_str()) || (key.contains(':') && !key.ends_with(":aud"));
    match (everyone, open_provider) {
        (false, true) if restrictions.iter().any(is_subject) => None,
        (false, false) => None,
        (false, true) => Some(Access::Everyone),
        (true, _) if restrictions.is_empty() => Some(Access::Everyone),
        (true, _) if restrictions.iter().all(|key| OF_ORGANISATION.contains(&key.as_str())) => {
            Some(Access::Organisation)
        }
        (true, _) => None,
    }
}

fn of_kind<'a>(kinds: &'a Map<String, Value>, kind: &str) -> impl Iterator<Item = &'a str> {
    member(kinds, kind).map(listed).unwrap_or_default().into_iter().filter_map(Value::as_str)
}

fn is_open_provider(provider: &str) -> bool {
    let host = provider.rsplit_once("oidc-provider/").map_or(provider, |(_, host)| host);
    provider == "*" || OPEN_PROVIDERS.contains(&host)
}

/// Condition keys of a statement that restrict it, in lower case. An operator that excludes (`...NotEquals`), that holds
/// when the key is missing (`ForAllValues:`, `...IfExists`, `Null`), or with a value for everyone restricts nothing.
fn restrictions(statement: &Map<String, Value>) -> Vec<String> {
    let Some(Value::Object(operators)) = member(statement, "Condition") else { return Vec::new() };
    let mut keys = Vec::new();
    for (operator, tests) in operators {
        let operator = operator.to_ascii_lowercase();
        let excludes = operator.contains("not") || operator.starts_with("forallvalues") || operator == "null";
        for (key, values) in tests.as_object().into_iter().flatten() {
            let key = key.to_ascii_lowercase();
            // The address of a caller is always known.
            let may_be_missing = operator.ends_with("ifexists") && key != "aws:sourceip";
            let name = key.split('/').next().unwrap_or_default();
            let restricts = RESTRICTING.contains(&name) || !(key.starts_with("aws:") || key.starts_with("s3:"));
            let for_everyone = listed(values).into_iter().any(is_any_value);
            if restricts && !excludes && !may_be_missing && !for_everyone {
                keys.push(name.to_owned());
            }
        }
    }
    keys
}

/// True for a value that everyone has: wildcards only, the repositories of everybody, or (almost) all addresses.
fn is_any_value(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return matches!(value, Value::Bool(_)) };
    let wildcards = |text: &str| !text.is_empty() && text.chars().all(|c| "*?:/".contains(c));
    let prefix = text.rsplit_once('/').and_then(|(_, bits)| bits.parse::<u8>().ok());
    let is_address = text.contains('.') || text.contains("::");
    wildcards(text.strip_prefix("repo:").unwrap_or(text))
        || text.starts_with("arn:aws:iam::*:") && wildcards(text.trim_start_matches("arn:aws:iam::*:"))
        || (is_address && prefix.is_some_and(|bits| bits < 8))
        || text == "true"
        || text == "false"
}

/// True when the statement allows the action, on whatever resource.
fn allows(statement: &Map<String, Value>, action: &str) -> bool {
    let covers = |patterns: &Value| listed(patterns).into_iter().filter_map(Value::as_str).any(|p| matches(p, action));
    match (member(statement, "Action"), member(statement, "NotAction")) {
        (Some(actions), _) => covers(actions),
        (None, Some(others)) => !covers(others),
        (None, None) => false,
    }
}

/// True when the statement is about every resource, or all but some.
fn is_everywhere(statement: &Map<String, Value>) -> bool {
    let all = |text: &str| text.chars().all(|c| "*?".contains(c)) || (text.starts_with("arn:") && is_any_arn(text));
    match member(statement, "Resource") {
        Some(resources) => listed(resources).into_iter().filter_map(Value::as_str).any(all),
        None => member(statement, "NotResource").is_some(),
    }
}

/// True when the statement is about some users, roles or policies.
fn is_in_iam(statement: &Map<String, Value>) -> bool {
    let resources = member(statement, "Resource").map(listed).unwrap_or_default();
    let in_iam = |arn: &str| arn.split(':').nth(2).is_some_and(|service| service == "iam");
    is_everywhere(statement) || resources.into_iter().filter_map(Value::as_str).any(in_iam)
}

/// True for an ARN that names nothing but the partition and perhaps the service: `arn:aws:iam::*:*`.
fn is_any_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    parts.iter().skip(3).all(|part| part.chars().all(|c| "*?:/".contains(c)))
}

/// Compares as IAM does: without regard to case, `*` for any text, `?` for one character.
fn matches(pattern: &str, action: &str) -> bool {
    let pattern: Vec<char> = pattern.to_ascii_lowercase().chars().collect();
    let action: Vec<char> = action.to_ascii_lowercase().chars().collect();
    // Positions to go back to: behind the last `*`, and the first character it does not cover yet.
    let (mut p, mut a, mut back) = (0, 0, None);
    while a < action.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p + 1, a + 1));
                p += 1;
            }
            Some(c) if *c == '?' || *c == action[a] => (p, a) = (p + 1, a + 1),
            _ => match back {
                Some((after, next)) => {
                    (p, a) = (after, next);
                    back = Some((after, next + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// A member by name. Names of policy elements are compared without regard to case.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// In policies, a single value may be written without a list.
fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "policy_risk",
        "The worst of what a policy document allows: 'public' (for everyone; no condition restricts it), 'administrator' (every action on every resource), 'iam' (every IAM action), 'power' (every action but those of IAM), 'escalation' (an action on every resource with which a caller can give itself permissions), 'organisation' (for every account of an organisation); null otherwise. Takes the document as a JSON object, or as a JSON string that contains one.",
        &[Argument::Text("policy")],
        DataType::Utf8,
        &[
            (
                r#"policy_risk('{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}')"#,
                "public",
            ),
            (r#"policy_risk('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}')"#, "administrator"),
            (r#"policy_risk('{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}')"#, "NULL"),
            ("policy_risk('no policy')", "NULL"),
        ],
        |args, _| {
            Ok(Arc::new(texts(&args[0]).iter().map(|policy| policy_risk(policy?)).collect::<StringArray>()) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn risk(statement: &str) -> Option<&'static str> {
        policy_risk(&format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#))
    }

    /// Risk of a bucket policy for everyone with this condition.
    fn under(condition: &str) -> Option<&'static str> {
        risk(&format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":["*"]}},"Action":"s3:*","Resource":"x","Condition":{condition}}}"#
        ))
    }

    #[test]
    fn quoted_text_and_lists_are_understood() {
        let text =
            serde_json::to_string(r#"{"Statement":[{"Effect":"Allow","Action":["s3:*","*"],"Resource":["*"]}]}"#)
                .unwrap();
        assert_eq!(policy_risk(&text), Some("administrator"));
        let others = r#"{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*"}"#;
        assert_eq!(risk(others), Some("public"));
        assert_eq!(risk(r#"{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"s3:*"}"#), Some("public"));
        assert_eq!(risk(r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*"}"#), None);
    }

    #[test]
    fn actions_are_compared_as_iam_does() {
        let iam = |action: &str| risk(&format!(r#"{{"Effect":"Allow","Action":{action},"Resource":"*"}}"#));
        for all in [r#""iam:*""#, r#"["IAM:*"]"#, r#""i?m:*""#, r#"["logs:PutLogEvents","Iam:**"]"#, r#""iam*""#] {
            assert_eq!(iam(all), Some("iam"), "{all}");
        }
        for all in [r#""*""#, r#""*:*""#, r#"["s3:*","*"]"#] {
            assert_eq!(iam(all), Some("administrator"), "{all}");
        }
        for one in [r#""iam:passrole""#, r#""IAM:Attach*Policy""#, r#"["s3:GetObject","iam:CreatePolicyVersion"]"#] {
            assert_eq!(iam(one), Some("escalation"), "{one}");
        }
        for none in [r#""iam:List*""#, r#""iam:Get*""#, r#"["s3:*","ec2:*"]"#, r#""iamx:*""#] {
            assert_eq!(iam(none), None, "{none}");
        }
    }

    #[test]
    fn what_a_statement_excludes_leaves_the_rest() {
        let of = |rest: &str| risk(&format!(r#"{{"Effect":"Allow",{rest}}}"#));
        assert_eq!(of(r#""NotAction":["billing:*"],"Resource":"*""#), Some("administrator"));
        assert_eq!(of(r#""NotAction":["iam:*","organizations:*"],"Resource":"*""#), Some("power"));
        assert_eq!(of(r#""Action":"*","NotResource":"arn:aws:s3:::logs/*""#), Some("administrator"));
        assert_eq!(of(r#""Action":"*","Resource":"arn:aws:*:*:*:*""#), Some("administrator"));
        assert_eq!(of(r#""Action":"*","Resource":"arn:aws:s3:::app/*""#), None);
        assert_eq!(of(r#""Action":"iam:*","Resource":"arn:aws:iam::111122223333:role/app-*""#), Some("iam"));
        assert_eq!(of(r#""Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/task""#), None);
        let spread = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"},{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#;
        assert_eq!(risk(spread), Some("administrator"));
    }

    #[test]
    fn a_condition_that_everyone_meets_restricts_nothing() {
        for restricting in [
            r#"{"StringEquals":{"AWS:SourceVpce":"vpce-1"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24"]}}"#,
            r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}}"#,
            r#"{"Bool":{"aws:SecureTransport":"true"},"StringEquals":{"aws:SourceAccount":"111122223333"}}"#,
        ] {
            assert_eq!(under(restricting), None, "{restricting}");
        }
        for open in [
            r#"{"Bool":{"aws:SecureTransport":"true"}}"#,
            r#"{"StringLike":{"aws:PrincipalArn":"*"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["0.0.0.0/1","128.0.0.0/1"]}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"::/0"}}"#,
            r#"{"StringNotEquals":{"aws:PrincipalAccount":"111122223333"}}"#,
            r#"{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}"#,
            r#"{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
            r#"{"Null":{"aws:PrincipalOrgID":"true"}}"#,
            "{}",
        ] {
            assert_eq!(under(open), Some("public"), "{open}");
        }
        assert_eq!(under(r#"{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#), Some("organisation"));
    }

    #[test]
    fn an_open_identity_provider_needs_a_subject() {
        let trust = |provider: &str, condition: &str| {
            risk(&format!(
                r#"{{"Effect":"Allow","Principal":{{"Federated":"{provider}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{condition}}}"#
            ))
        };
        let github = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com";
        let key = "token.actions.githubusercontent.com";
        let audience = format!(r#"{{"StringEquals":{{"{key}:aud":"sts.amazonaws.com"}}}}"#);
        let subject = |sub: &str| format!(r#"{{"StringLike":{{"{key}:sub":"{sub}"}}}}"#);
        assert_eq!(trust(github, &audience), Some("public"));
        assert_eq!(trust(github, &subject("repo:*")), Some("public"));
        assert_eq!(trust(github, &subject("repo:acme/app:*")), None);
        assert_eq!(trust("arn:aws:iam::111122223333:saml-provider/okta", "{}"), None);
        assert_eq!(trust("*", "{}"), Some("public"));
    }
}
