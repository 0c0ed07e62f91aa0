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

/// Condition keys that restrict who calls or from where, in lower case. Other keys, such as `aws:SecureTransport`, are met
/// by everyone. (S3 User Guide, "The meaning of 'public'"; IAM User Guide, "AWS global condition context keys"; EFS User
/// Guide, "Using IAM to control file system data access".)
const RESTRICTING: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:vpcsourceip",
    "elasticfilesystem:accessedviamounttarget",
    "kms:calleraccount",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "sns:endpoint",
];

/// Those of them that are about a place: whoever is there may assume a role that trusts everyone from there.
const OF_PLACE: &[&str] = &["aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip"];

/// Condition keys whose values callers of other accounts choose themselves, or can know. They restrict nothing alone.
const CHOSEN_BY_CALLER: &[&str] = &["aws:principaltag", "aws:username", "sts:externalid"];

/// Those whose value is an account or an organisation, so that a wildcard lets in others.
const EXACT: &[&str] = &[
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceowner",
    "kms:calleraccount",
    "s3:dataaccesspointaccount",
];

/// Condition keys that let in all accounts of an organisation.
const OF_ORGANISATION: &[&str] = &["aws:principalorgid", "aws:principalorgpaths"];

/// Identity providers with which anybody can sign up: the audience is the same for all, only the subject restricts. The
/// audience of a Cognito identity pool is the pool.
const OPEN_PROVIDERS: &[&str] = &[
    "accounts.google.com",
    "agent.buildkite.com",
    "app.terraform.io",
    "cognito-identity.amazonaws.com",
    "gitlab.com",
    "graph.facebook.com",
    "token.actions.githubusercontent.com",
    "www.amazon.com",
];

/// Claims of their tokens that say whose token it is.
const SUBJECTS: &[&str] = &[
    "actor",
    "actor_id",
    "app_id",
    "enterprise",
    "job_workflow_ref",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "sub",
    "user_id",
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
    let every = |actions: &[&str], on: fn(&Map<String, Value>, &str) -> bool| {
        actions.iter().all(|action| allowing.iter().any(|statement| allows(statement, action) && on(statement, action)))
    };
    let anywhere = |action: &&str| allowing.iter().any(|s| allows(s, action) && is_everywhere(s, action));
    let access = |wanted: Access| allowing.iter().any(|statement| access(statement) == Some(wanted));
    if access(Access::Everyone) {
        Some("public")
    } else if every(OF_EVERYTHING, is_everywhere) {
        Some(if every(ESCALATING, is_everywhere) { "administrator" } else { "power" })
    } else if every(ESCALATING, is_in_iam) {
        Some("iam")
    } else if ESCALATING.iter().any(anywhere) {
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
    let mut everyone = member(statement, "NotPrincipal").is_some();
    let mut providers = Vec::new();
    match member(statement, "Principal") {
        Some(Value::Object(kinds)) => {
            everyone |= of_kind(kinds, "AWS").any(|who| who == "*");
            providers.extend(of_kind(kinds, "Federated"));
        }
        Some(who) => everyone |= listed(who).contains(&&Value::from("*")),
        None => {}
    }
    let keys = restrictions(statement);
    let has = |list: &[&str], key: &String| list.contains(&key.as_str());
    if everyone {
        let is_trust = member(statement, "Resource").is_none() && allows(statement, "sts:AssumeRole");
        let restricts = |key: &&String| has(RESTRICTING, key) && !(is_trust && has(OF_PLACE, key));
        if keys.iter().filter(restricts).count() == 0 {
            return Some(Access::Everyone);
        }
        return keys.iter().all(|key| has(OF_ORGANISATION, key)).then_some(Access::Organisation);
    }
    let is_subject = |key: &String| {
        let claim = key.rsplit(':').next().unwrap_or_default();
        has(RESTRICTING, key) || SUBJECTS.contains(&claim) || key == "cognito-identity.amazonaws.com:aud"
    };
    (providers.into_iter().any(is_open_provider) && !keys.iter().any(is_subject)).then_some(Access::Everyone)
}

fn of_kind<'a>(kinds: &'a Map<String, Value>, kind: &str) -> impl Iterator<Item = &'a str> {
    member(kinds, kind).map(listed).unwrap_or_default().into_iter().filter_map(Value::as_str)
}

fn is_open_provider(provider: &str) -> bool {
    let host = provider.rsplit_once("oidc-provider/").map_or(provider, |(_, host)| host);
    provider == "*" || OPEN_PROVIDERS.contains(&host)
}

/// Condition keys of a statement that restrict it, in lower case and without a variable part. An operator that excludes
/// (`...NotEquals`), that holds when the key is missing (`ForAllValues:`, `...IfExists`, `Null`), or with a value for
/// everyone restricts nothing.
fn restrictions(statement: &Map<String, Value>) -> Vec<String> {
    let Some(Value::Object(operators)) = member(statement, "Condition") else { return Vec::new() };
    let mut keys = Vec::new();
    for (operator, tests) in operators {
        let operator = operator.to_ascii_lowercase();
        let excludes = operator.contains("not") || operator.starts_with("forallvalues") || operator == "null";
        for (key, values) in tests.as_object().into_iter().flatten() {
            let key = key.to_ascii_lowercase();
            let name = key.split('/').next().unwrap_or_default();
            let values: Vec<String> = listed(values).into_iter().map(text_of).collect();
            // The resource's own organisation or account, written as a comparison with the caller's.
            let name = match (name, values.as_slice()) {
                ("aws:resourceorgid", [caller]) if caller == "${aws:principalorgid}" => "aws:principalorgid",
                ("aws:resourceaccount", [caller]) if caller == "${aws:principalaccount}" => "aws:principalaccount",
                (name, values) if are_for_everyone(name, values) => continue,
                (name, _) => name,
            };
            // The address of a caller is always known.
            let may_be_missing = operator.ends_with("ifexists") && name != "aws:sourceip";
            let is_known = RESTRICTING.contains(&name) || CHOSEN_BY_CALLER.contains(&name);
            // Claims of an identity provider: `token.actions.githubusercontent.com:sub`.
            let is_claim = name.contains('.') && name.contains(':');
            if (is_known || is_claim) && !excludes && !may_be_missing {
                keys.push(name.to_owned());
            }
        }
    }
    keys
}

/// The text of a condition's value, in lower case.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).to_ascii_lowercase()
}

/// True when a condition key has one of these values for everyone.
fn are_for_everyone(key: &str, values: &[String]) -> bool {
    match key {
        "aws:sourceip" | "aws:vpcsourceip" => are_most_addresses(values),
        "aws:principalisawsservice" | "elasticfilesystem:accessedviamounttarget" => values != ["true"],
        _ => values.iter().any(|value| is_any_value(key, value)),
    }
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn is_wildcards(text: &str) -> bool {
    text.chars().all(|c| "*?:/".contains(c))
}

/// True for a value that everyone has: wildcards only, a variable (it is compared with itself), somebody in any account or
/// organisation, the repositories of any owner.
fn is_any_value(key: &str, value: &str) -> bool {
    let before = |separator: char| value.split(separator).next().unwrap_or_default();
    if is_wildcards(value) || value.contains("${") {
        return true;
    }
    match key {
        "aws:principalarn" => value.split(':').nth(4).is_none_or(has_wildcard),
        "aws:principalorgpaths" | "aws:sourceorgpaths" => has_wildcard(before('/')),
        "aws:userid" => has_wildcard(before(':')),
        key if EXACT.contains(&key) => has_wildcard(value),
        // A name that begins with the owner's: anybody can register it.
        _ => match value.split_once(':') {
            Some(("repo" | "project_path", path)) => has_wildcard(path.split('/').next().unwrap_or_default()),
            Some(("organization", rest)) => has_wildcard(rest.split(':').next().unwrap_or_default()),
            _ => false,
        },
    }
}

/// True for ranges of addresses that are not somebody's: together 1/128 of all IPv4 addresses, or a range of IPv6 wider
/// than /32. (S3 User Guide, "The meaning of 'public'", on broad ranges; its limit for one IPv4 range is /8.)
fn are_most_addresses(ranges: &[String]) -> bool {
    let mut share = 0.0;
    for range in ranges {
        let (address, bits) = range.split_once('/').unwrap_or((range, "128"));
        let Ok(bits) = bits.parse::<i32>() else { return true };
        let is_private = address.starts_with("fc") || address.starts_with("fd");
        if address.contains(':') {
            share += if bits < 32 && !is_private { 1.0 } else { 0.0 };
        } else {
            share += f64::exp2(-f64::from(bits));
        }
    }
    share >= 1.0 / 128.0
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

/// True when the statement is about every resource that the action can be about, or all but some.
fn is_everywhere(statement: &Map<String, Value>, action: &str) -> bool {
    let all = |resources: &Value| listed(resources).into_iter().filter_map(Value::as_str).any(|r| is_all_of(r, action));
    match (member(statement, "Resource"), member(statement, "NotResource")) {
        (Some(resources), _) => all(resources),
        (None, Some(others)) => !all(others),
        (None, None) => false,
    }
}

/// True when the statement is about some users, roles or policies.
fn is_in_iam(statement: &Map<String, Value>, action: &str) -> bool {
    let resources = member(statement, "Resource").map(listed).unwrap_or_default();
    let in_iam = |arn: &str| arn.split(':').nth(2).is_some_and(|service| service == "iam");
    is_everywhere(statement, action) || resources.into_iter().filter_map(Value::as_str).any(in_iam)
}

/// True when a pattern names all resources of the action's service, or all of a type: `*`, `arn:aws:iam::*:role/*`.
fn is_all_of(pattern: &str, action: &str) -> bool {
    let service = action.split(':').next().unwrap_or_default();
    let is_account = |part: &str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_type = |part: &str| service != "s3" && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if is_wildcards(pattern) {
        return true;
    }
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    pattern.starts_with("arn:")
        // The last part covers what is not written.
        && (parts.len() == 6 || parts.last().is_some_and(|last| last.ends_with('*')))
        && parts.iter().enumerate().all(|(at, part)| match at {
            0 | 1 => true,
            2 => matches(part, service),
            3 => is_wildcards(part),
            4 => is_wildcards(part) || is_account(part),
            _ => {
                let rest = part.split_once(['/', ':']).filter(|(kind, _)| is_type(kind)).map_or(*part, |(_, rest)| rest);
                is_wildcards(rest)
            }
        })
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

    /// Policies of AWS's user guides that give access to somebody in particular.
    #[test]
    fn documented_policies_for_somebody_are_no_risk() {
        let everyone = |rest: &str| risk(&format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"*"}},{rest}}}"#));
        for (what, statement) in [
            (
                "SNS default",
                r#""Action":"SNS:Publish","Resource":"arn:aws:sns:eu-west-1:111122223333:t","Condition":{"StringEquals":{"AWS:SourceOwner":"111122223333"}}"#,
            ),
            (
                "SQS of a topic",
                r#""Action":"SQS:SendMessage","Resource":"q","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-west-1:111122223333:t"}}"#,
            ),
            (
                "SQS of a bucket",
                r#""Action":"SQS:SendMessage","Resource":"q","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:*:*:acme"}}"#,
            ),
            (
                "key managed by AWS",
                r#""Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"s3.eu-west-1.amazonaws.com"}}"#,
            ),
            (
                "VPC endpoint only",
                r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}"#,
            ),
            (
                "office only",
                r#""Action":"s3:*","Resource":"arn:aws:s3:::acme/*","Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","10.0.0.0/8","2001:db8::/32"]}}"#,
            ),
            (
                "one team of the organisation",
                r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1","aws:PrincipalTag/team":"red"}}"#,
            ),
            (
                "own account",
                r#""Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}}"#,
            ),
            (
                "file system",
                r#""Action":"elasticfilesystem:ClientMount","Resource":"*","Condition":{"Bool":{"elasticfilesystem:AccessedViaMountTarget":"true"}}"#,
            ),
            (
                "services",
                r#""Action":"s3:PutObject","Resource":"*","Condition":{"Bool":{"aws:PrincipalIsAWSService":"true"}}"#,
            ),
            (
                "one session's role",
                r#""Action":"s3:*","Resource":"*","Condition":{"StringLike":{"aws:userId":"AROAEXAMPLEID:*"}}"#,
            ),
        ] {
            assert_eq!(everyone(statement), None, "{what}");
        }
        for (what, statement) in [
            (
                "CloudFront OAC",
                r#"{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/*","Condition":{"StringEquals":{"AWS:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E1"}}}"#,
            ),
            (
                "CloudFront OAI",
                r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::acme/*"}"#,
            ),
            (
                "key default",
                r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}"#,
            ),
            (
                "ECR pull by another account",
                r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}"#,
            ),
            (
                "MFA or nothing",
                r#"{"Effect":"Deny","NotAction":"iam:ListUsers","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}"#,
            ),
            (
                "TLS or nothing",
                r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#,
            ),
            (
                "own keys",
                r#"{"Effect":"Allow","Action":["iam:CreateAccessKey","iam:UpdateLoginProfile"],"Resource":"arn:aws:iam::*:user/${aws:username}"}"#,
            ),
            (
                "roles of a service",
                r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/app/*"}"#,
            ),
            ("all buckets", r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::*"}"#),
            (
                "mobile app",
                r#"{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"eu-west-1:pool"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}}"#,
            ),
            (
                "supplier with an external id",
                r#"{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}"#,
            ),
        ] {
            assert_eq!(risk(statement), None, "{what}");
        }
    }

    /// Conditions that look strict and let in whoever wrote them.
    #[test]
    fn conditions_that_an_outsider_can_meet_restrict_nothing() {
        for open in [
            r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/deploy"}}"#,
            r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*"}}"#,
            r#"{"ArnLike":{"aws:PrincipalArn":["arn:aws:iam::111122223333:role/a","arn:aws:iam::?11122223333:root"]}}"#,
            r#"{"StringLike":{"aws:PrincipalOrgID":"o-*"}}"#,
            r#"{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-*/r-1/ou-1/"}}"#,
            r#"{"StringLike":{"aws:PrincipalAccount":"1*"}}"#,
            r#"{"StringLike":{"aws:userid":"*:deploy"}}"#,
            r#"{"StringEquals":{"aws:PrincipalTag/team":"red"}}"#,
            r#"{"StringEquals":{"aws:username":"deploy"}}"#,
            r#"{"StringEquals":{"aws:PrincipalAccount":"${aws:PrincipalAccount}"}}"#,
            r#"{"StringEquals":{"aws:ResourceAccount":"111122223333"}}"#,
            r#"{"StringEquals":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}"#,
            r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["1.0.0.0/8","2.0.0.0/8","3.0.0.0/8"]}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"2600::/12"}}"#,
            r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
            r#"{"Null":{"aws:PrincipalOrgID":"false"}}"#,
        ] {
            assert_eq!(under(open), Some("public"), "{open}");
        }
        let organisation = r#"{"StringEquals":{"aws:ResourceOrgID":"${aws:PrincipalOrgID}"}}"#;
        assert_eq!(under(organisation), Some("organisation"));
        // Whoever is at an address, or knows a word, may assume a role that trusts everyone there.
        for (key, value) in [("aws:SourceIp", "203.0.113.7/32"), ("sts:ExternalId", "word"), ("aws:SourceVpc", "vpc-1")]
        {
            let trust = |principal: &str| {
                risk(&format!(
                    r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"{key}":"{value}"}}}}}}"#
                ))
            };
            assert_eq!(trust(r#"{"AWS":"*"}"#), Some("public"), "{key}");
            assert_eq!(trust(r#"["*"]"#), Some("public"), "{key}");
            assert_eq!(trust(r#"{"AWS":"111122223333"}"#), None, "{key}");
        }
        for (claim, value, risk_of_it) in [
            ("sub", "repo:acme*", Some("public")),
            ("sub", "repo:*/app:*", Some("public")),
            ("ref", "refs/heads/main", Some("public")),
            ("sub", "repo:acme/*", None),
            ("repository_owner", "acme", None),
        ] {
            let trust = format!(
                r#"{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringLike":{{"token.actions.githubusercontent.com:{claim}":"{value}"}}}}}}"#
            );
            assert_eq!(risk(&trust), risk_of_it, "{claim} {value}");
        }
    }

    #[test]
    fn resources_written_out_are_everything_too() {
        let on = |action: &str, resources: &str| {
            risk(&format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":{resources}}}"#))
        };
        for all in ["role/*", "*", "user/*"] {
            let resource = format!(r#""arn:aws:iam::111122223333:{all}""#);
            assert_eq!(on("iam:*Login*", &resource), Some("escalation"), "{all}");
        }
        assert_eq!(on("iam:PassRole", r#""arn:aws:iam::*:role/*""#), Some("escalation"));
        let services = ["cloudtrail", "dynamodb", "ec2", "kms", "lambda", "rds", "s3", "secretsmanager", "iam"];
        let each: Vec<String> = services.map(|service| format!(r#""arn:aws:{service}:*:*:*""#)).into();
        assert_eq!(on("*", &format!("[{}]", each.join(","))), Some("administrator"));
        assert_eq!(on("*", &format!("[{}]", each[..8].join(","))), Some("power"));
        assert_eq!(on("*", r#""arn:aws:*""#), Some("administrator"));
        assert_eq!(risk(r#"{"Effect":"Allow","Action":"*","NotResource":"*"}"#), None);
        let letters: Vec<String> = ('a'..='z').map(|letter| format!(r#""{letter}*""#)).collect();
        let spread = format!(r#"{{"Effect":"Allow","Action":[{}],"Resource":"*"}}"#, letters.join(","));
        assert_eq!(risk(&spread), Some("administrator"));
        assert_eq!(risk(r#"{"Effect":"allow","Action":"*","Resource":"*"}"#), None, "IAM refuses it");
    }
}
