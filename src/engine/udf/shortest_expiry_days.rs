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

fn is_for_everything(rule: &Value) -> bool {
    let enabled = rule.get("Status").and_then(Value::as_str).is_none_or(|status| status == "Enabled");
    let empty = |value: &Value| value.as_str().is_some_and(str::is_empty) || value.is_null();
    let filter_is_empty = match rule.get("Filter") {
        Some(Value::Object(members)) => members.iter().all(|(name, value)| name == "Prefix" && empty(value)),
        Some(value) => empty(value),
        None => true,
    };
    enabled && filter_is_empty && rule.get("Prefix").is_none_or(empty)
}

fn expiry_days(rule: &Value) -> Option<i64> {
    let expiration = rule.get("Expiration")?;
    let days = expiration.get("Days").and_then(|days| days.as_i64().or_else(|| days.as_str()?.parse().ok()));
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
        assert_eq!(days(r#"{"NoncurrentVersionExpiration":{"NoncurrentDays":1}}"#), None);
        assert_eq!(shortest_expiry_days("no json"), None);
    }
}
