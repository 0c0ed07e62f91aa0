//! `object_name(request_parameters)`: what a call is about.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use serde_json::{Map, Value};

use super::function::{Argument, Function, texts};

/// Parts of the name, at most.
const PARTS_MAX: usize = 2;
/// Characters of a part, at most. IAM's longest ARNs have 2,048; names that long tell a reader nothing.
const PART_CHARS_MAX: usize = 200;

/// Members that name what a call is about, in lower case, the most telling first.
const TELLING: &[&str] = &[
    "bucketname",
    "username",
    "rolename",
    "groupname",
    "rolearn",
    "policyarn",
    "policyname",
    "functionname",
    "instanceid",
    "secretid",
    "keyid",
    "snapshotid",
    "imageid",
    "volumeid",
    "groupid",
    "trailname",
    "name",
];
/// How other names of resources end.
const ENDINGS: &[&str] = &["name", "arn", "identifier", "id"];
/// Members that end like a name and are none: tokens, and what a call has in common with every other.
const NO_NAMES: &[&str] = &["accountid", "ownerid", "regionname", "requestid", "clientrequesttoken", "versionid"];

/// The resources that a request names: at most two, such as a user and a policy. `None` if it names none.
fn object_name(request_parameters: &str) -> Option<String> {
    let request: Map<String, Value> = serde_json::from_str(request_parameters).ok()?;
    if let (Some(Value::String(bucket)), Some(Value::String(key))) = (request.get("bucketName"), request.get("key")) {
        return Some(cut(&format!("{bucket}/{key}")));
    }
    let mut named: Vec<(usize, String)> = request.iter().filter_map(|(name, value)| part(name, value)).collect();
    named.sort();
    let parts: Vec<String> = named.into_iter().take(PARTS_MAX).map(|(_, part)| part).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How telling a member is, from 0, and what it names.
fn part(name: &str, value: &Value) -> Option<(usize, String)> {
    let name = name.to_ascii_lowercase();
    match value {
        Value::String(text) if !text.is_empty() => Some((place(&name)?, cut(text))),
        // A list of names: instanceIds, names.
        Value::Array(values) => {
            let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            Some((place(name.strip_suffix('s')?)?, several(&texts)?))
        }
        // EC2 writes lists as {"instancesSet": {"items": [{"instanceId": "i-1"}]}}.
        Value::Object(members) => {
            let items = members.get("items")?.as_array()?;
            let names = items.iter().filter_map(|item| item.as_object()?.iter().find_map(|(name, v)| part(name, v)));
            let (places, names): (Vec<usize>, Vec<String>) = names.unzip();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Some((*places.first()?, several(&names)?))
        }
        _ => None,
    }
}

fn place(name: &str) -> Option<usize> {
    if NO_NAMES.contains(&name) {
        return None;
    }
    let telling = TELLING.iter().position(|telling| *telling == name);
    telling.or_else(|| Some(TELLING.len() + ENDINGS.iter().position(|ending| name.ends_with(ending))?))
}

/// `i-1 and 2 more`.
fn several(names: &[&str]) -> Option<String> {
    match names {
        [] => None,
        [one] => Some(cut(one)),
        [first, rest @ ..] => Some(format!("{} and {} more", cut(first), rest.len())),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(PART_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "object_name",
        "What a call is about, from its request_parameters: a bucket or an object in it, a user, a role, an instance, \
         at most two of them; null if the request names no resource.",
        &[Argument::Text("request_parameters")],
        DataType::Utf8,
        &[
            (
                r#"object_name('{"policyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess","userName":"maria"}')"#,
                "maria, arn:aws:iam::aws:policy/ReadOnlyAccess",
            ),
            (r#"object_name('{"bucketName":"invoices","key":"2024/05.csv"}')"#, "invoices/2024/05.csv"),
            (
                r#"object_name('{"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"}]}}')"#,
                "i-1 and 1 more",
            ),
            (r#"object_name('{"dBSnapshotIdentifier":"nightly","maxRecords":20}')"#, "nightly"),
            (r#"object_name('{"maxResults":20}')"#, "NULL"),
        ],
        |arguments, _| {
            let names: StringArray = texts(&arguments[0]).iter().map(|request| request.and_then(object_name)).collect();
            Ok(Arc::new(names) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_request_contains_its_name_is_short_or_none() {
        for request in ["", "null", "[]", "{", "{}", r#"{"name":5,"id":null,"names":[]}"#, r#"{"nextToken":"x"}"#] {
            assert_eq!(object_name(request), None, "{request}");
        }
        let long = object_name(&format!(r#"{{"name":"{}"}}"#, "é".repeat(5_000))).unwrap();
        assert_eq!(long.chars().count(), PART_CHARS_MAX + 1);
    }

    #[test]
    fn the_most_telling_members_come_first() {
        let name = |request: &str| object_name(request).unwrap();
        assert_eq!(name(r#"{"durationSeconds":3600,"roleSessionName":"s","roleArn":"arn:r"}"#), "arn:r, s");
        assert_eq!(
            name(r#"{"instanceIds":["i-1","i-2","i-3"],"documentName":"AWS-RunShellScript"}"#),
            "i-1 and 2 more, AWS-RunShellScript"
        );
        assert_eq!(name(r#"{"accountId":"111122223333","permissionSetArn":"arn:p"}"#), "arn:p");
    }
}
