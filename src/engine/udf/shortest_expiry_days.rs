//! `shortest_expiry_days(request_parameters)`: when a bucket's new lifecycle rules delete everything in it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use serde_json::Value;

use super::function::{Argument, Function, texts};

/// The fewest days after which an enabled lifecycle rule for all objects of the bucket deletes them; 0 for a rule with a
/// date. `None` when no rule does: rules for a prefix, a tag or a size, and rules that only move objects or delete old
/// versions. Takes the request of `PutBucketLifecycle` or `PutBucketLifecycleConfiguration`.
pub fn shortest_expiry_days(request_parameters: &str) -> Option<i64> {
    let request: Value = serde_json::from_str(request_parameters).ok()?;
    let configuration = request.get("LifecycleConfiguration")?;
    let rules = configuration.get("Rule").or_else(|| configuration.get("Rules"))?;
    let rules = rules.as_array().map_or(std::slice::from_ref(rules), Vec::as_slice);
    rules.iter().filter(|rule| is_for_everything(rule)).filter_map(expiry_days).min()
}

/// Smallest objects, in bytes, that a rule may leave out and still be for everything.
const SMALL_BYTES: i64 = 1024;

fn is_for_everything(rule: &Value) -> bool {
    let enabled = rule.get("Status").and_then(Value::as_str).is_none_or(|status| status == "Enabled");
    enabled && rule.get("Filter").is_none_or(matches_everything) && rule.get("Prefix").is_none_or(is_empty)
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

fn matches_everything(filter: &Value) -> bool {
    let Some(members) = filter.as_object() else { return is_empty(filter) };
    members.iter().all(|(name, value)| match name.as_str() {
        "And" => matches_everything(value),
        "Prefix" => is_empty(value),
        "ObjectSizeGreaterThan" => number(value).is_some_and(|bytes| bytes < SMALL_BYTES),
        _ => false,
    })
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn expiry_days(rule: &Value) -> Option<i64> {
    let expiration = rule.get("Expiration")?;
    let days = expiration.get("Days").and_then(number);
    days.or_else(|| expiration.get("Date").map(|_| 0))
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "shortest_expiry_days",
        "The fewest days after which a lifecycle rule in the request deletes all objects of the bucket, 0 for a rule with a date; null when no enabled rule deletes all objects.",
        &[Argument::Text("request_parameters")],
        DataType::Int64,
        &[
            (
                r#"shortest_expiry_days('{"LifecycleConfiguration":{"Rule":{"Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":7}}}}')"#,
                "7",
            ),
            (
                r#"shortest_expiry_days('{"LifecycleConfiguration":{"Rule":{"Status":"Enabled","Prefix":"tmp/","Expiration":{"Days":1}}}}')"#,
                "NULL",
            ),
        ],
        |args, _| {
            let days = texts(&args[0]).iter().map(|request| shortest_expiry_days(request?));
            Ok(Arc::new(days.collect::<Int64Array>()) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(rules: &str) -> Option<i64> {
        shortest_expiry_days(&format!(r#"{{"bucketName":"b","LifecycleConfiguration":{{"Rule":{rules}}}}}"#))
    }

    #[test]
    fn the_shortest_enabled_rule_for_all_objects_counts() {
        assert_eq!(days(r#"[{"Expiration":{"Days":30}},{"Prefix":"","Expiration":{"Days":"3"}}]"#), Some(3));
        assert_eq!(days(r#"{"Status":"Enabled","Filter":"","Expiration":{"Date":"2025-01-01"}}"#), Some(0));
        assert_eq!(days(r#"{"Status":"Disabled","Expiration":{"Days":1}}"#), None);
        assert_eq!(days(r#"{"Filter":{"Tag":{"Key":"k","Value":"v"}},"Expiration":{"Days":1}}"#), None);
        assert_eq!(days(r#"{"Filter":{"Prefix":"logs/"},"Expiration":{"Days":1}}"#), None);
        // A filter that nearly every object passes.
        let above = |bytes: &str| {
            format!(
                r#"{{"Filter":{{"And":{{"Prefix":"","ObjectSizeGreaterThan":{bytes}}}}},"Expiration":{{"Days":2}}}}"#
            )
        };
        assert_eq!(days(&above("0")), Some(2));
        assert_eq!(days(&above(r#""5000000000""#)), None);
        assert_eq!(days(r#"{"NoncurrentVersionExpiration":{"NoncurrentDays":1}}"#), None);
        assert_eq!(shortest_expiry_days("no json"), None);
    }
}
