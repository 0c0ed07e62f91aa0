//! `shared_accounts(request_parameters)`: the accounts that a request gives access to.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use serde_json::Value;

use super::function::{Argument, Function, texts};

/// Members of requests that give access to the accounts they name, in lower case.
const HANDING: &[&str] = &[
    "accountidstoadd",
    "accountwithrestoreaccess",
    "add",
    "addallowedprincipals",
    "awsaccountids",
    "granteeprincipal",
    "principal",
    "principals",
    "valuestoadd",
];

/// Condition keys that restrict `*` to the accounts they name, in lower case.
const NARROWING: &[&str] =
    &["aws:principalaccount", "aws:principalarn", "aws:sourceaccount", "aws:sourceowner", "kms:calleraccount"];

/// AWS accounts from which classic load balancers write their logs, one per region; every bucket with such logs names
/// one of them (Elastic Load Balancing's user guide, "Attach a policy to your S3 bucket").
const LOG_DELIVERY: &[&str] = &[
    "127311923021",
    "033677994240",
    "027434742980",
    "797873946194",
    "098369216593",
    "754344448648",
    "589379963580",
    "718504428378",
    "383597477331",
    "600734575887",
    "114774131450",
    "783225319266",
    "582318560864",
    "985666609251",
    "054676820928",
    "156460612806",
    "652711504416",
    "635631232127",
    "009996457667",
    "897822967062",
    "076674570225",
    "507241528517",
];

/// Every account that an Allow statement of a policy in the request, an object or text, has as a principal, and that a
/// list of grantees names: 12 digits each, sorted, with commas between; `None` when there is none. AWS's own accounts
/// for log delivery and services' names are not accounts of somebody.
pub fn shared_accounts(request_parameters: &str) -> Option<String> {
    let request: Value = serde_json::from_str(request_parameters).ok()?;
    let mut accounts = BTreeSet::new();
    of_request(&request, &mut accounts);
    let accounts: Vec<_> = accounts.into_iter().filter(|id| !LOG_DELIVERY.contains(&id.as_str())).collect();
    (!accounts.is_empty()).then(|| accounts.join(","))
}

fn of_request(value: &Value, accounts: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) if members.contains_key("Statement") => of_policy(&members["Statement"], accounts),
        Value::Object(members) => {
            for (name, member) in members {
                if HANDING.contains(&name.to_ascii_lowercase().as_str()) {
                    named(member, accounts);
                } else {
                    of_request(member, accounts);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| of_request(value, accounts)),
        Value::String(text) if text.trim_start().starts_with('{') => {
            if let Ok(inner @ Value::Object(_)) = serde_json::from_str(text) {
                of_request(&inner, accounts);
            }
        }
        _ => {}
    }
}

fn of_policy(statements: &Value, accounts: &mut BTreeSet<String>) {
    let statements = statements.as_array().map_or(std::slice::from_ref(statements), Vec::as_slice);
    for statement in statements.iter().filter(|s| s.get("Effect").and_then(Value::as_str) == Some("Allow")) {
        match statement.get("Principal") {
            Some(Value::Object(kinds)) => kinds.get("AWS").into_iter().for_each(|who| named(who, accounts)),
            Some(who) => named(who, accounts),
            None => {}
        }
        let tests = statement.get("Condition").and_then(Value::as_object).into_iter().flat_map(|c| c.values());
        for (key, values) in tests.filter_map(Value::as_object).flatten() {
            if NARROWING.contains(&key.to_ascii_lowercase().as_str()) {
                named(values, accounts);
            }
        }
    }
}

/// Accounts in a text, or in any text of a list or of an object's members.
fn named(value: &Value, accounts: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| named(value, accounts)),
        Value::Object(members) => members.values().for_each(|value| named(value, accounts)),
        Value::String(text) => accounts.extend(account(text).map(str::to_owned)),
        _ => {}
    }
}

/// The account of an ARN of IAM, STS or another service, or the account itself.
fn account(principal: &str) -> Option<&str> {
    let id = if principal.starts_with("arn:") { principal.split(':').nth(4)? } else { principal };
    (id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "shared_accounts",
        "The accounts that a request gives access to, including the caller's own: principals of Allow statements in any policy of the request, and accounts in members such as valuesToAdd, granteePrincipal or launchPermission.add. 12 digits each, sorted, separated by commas; null when there is none.",
        &[Argument::Text("request_parameters")],
        DataType::Utf8,
        &[
            (
                r#"shared_accounts('{"bucketPolicy":{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"}}}}')"#,
                "999988887777",
            ),
            (
                r#"shared_accounts('{"launchPermission":{"add":{"items":[{"userId":"999988887777"},{"userId":"444455556666"}]}}}')"#,
                "444455556666,999988887777",
            ),
            (r#"shared_accounts('{"principal":"s3.amazonaws.com"}')"#, "NULL"),
        ],
        |args, _| {
            let accounts = texts(&args[0]).iter().map(|request| shared_accounts(request?));
            Ok(Arc::new(accounts.collect::<StringArray>()) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(statement: &str) -> String {
        serde_json::json!({ "policy": format!(r#"{{"Statement":[{statement}]}}"#) }).to_string()
    }

    #[test]
    fn only_allowed_principals_and_accounts_of_conditions_count() {
        let bare = r#"{"Effect":"Allow","Principal":{"AWS":["111122223333","*"]}}"#;
        assert_eq!(shared_accounts(&policy(bare)).as_deref(), Some("111122223333"));
        assert_eq!(shared_accounts(&policy(&bare.replace("Allow", "Deny"))), None);
        let narrowed = r#"{"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}}"#;
        assert_eq!(shared_accounts(&policy(narrowed)).as_deref(), Some("111122223333"));
        let logs = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::127311923021:root"}}"#;
        assert_eq!(shared_accounts(&policy(logs)), None);
    }

    #[test]
    fn revoked_access_is_not_shared() {
        let taken = r#"{"createVolumePermission":{"remove":{"items":[{"userId":"111122223333"}]}}}"#;
        assert_eq!(shared_accounts(taken), None);
    }
}
