//! `policy_risk(policy)`: whether a policy document opens a resource to everyone or allows everything.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use serde_json::Value;

use super::function::{Argument, Function, texts};

/// `public` when an Allow statement without a condition names everyone as principal, `administrator` when one allows
/// every action on every resource, `iam` when one allows every IAM action; else `None`. The policy may be an object or
/// JSON text; CloudTrail has both.
pub fn policy_risk(policy: &str) -> Option<&'static str> {
    let mut document: Value = serde_json::from_str(policy).ok()?;
    if let Value::String(inner) = &document {
        document = serde_json::from_str(inner).ok()?;
    }
    let allowing: Vec<&Value> = listed(document.get("Statement")?)
        .into_iter()
        .filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some("Allow"))
        .collect();
    let any = |test: &dyn Fn(&Value) -> bool| allowing.iter().any(|statement| test(statement));
    let has = |statement: &Value, member: &str, wanted: &[&str]| {
        let texts = statement.get(member).map(listed).unwrap_or_default();
        texts.iter().filter_map(|text| text.as_str()).any(|text| wanted.contains(&text))
    };
    if any(&|statement| is_everyone(statement) && statement.get("Condition").is_none()) {
        Some("public")
    } else if any(&|statement| has(statement, "Action", &["*", "*:*"]) && has(statement, "Resource", &["*"])) {
        Some("administrator")
    } else if any(&|statement| has(statement, "Action", &["iam:*"])) {
        Some("iam")
    } else {
        None
    }
}

fn is_everyone(statement: &Value) -> bool {
    // `NotPrincipal` means everyone else.
    if statement.get("NotPrincipal").is_some() {
        return true;
    }
    match statement.get("Principal") {
        Some(Value::String(who)) => who == "*",
        Some(Value::Object(kinds)) => kinds.get("AWS").map(listed).unwrap_or_default().iter().any(|who| *who == "*"),
        _ => false,
    }
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
        "What a policy document allows: 'public' (for everyone, without a condition), 'administrator' (every action on every resource), 'iam' (every IAM action); null otherwise. Takes the document as a JSON object, or as a JSON string that contains one.",
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

    #[test]
    fn quoted_text_lists_and_conditions_are_understood() {
        let text =
            serde_json::to_string(r#"{"Statement":[{"Effect":"Allow","Action":["s3:*","*"],"Resource":["*"]}]}"#)
                .unwrap();
        assert_eq!(policy_risk(&text), Some("administrator"));
        let conditional = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"s3:*","Resource":"x","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}]}"#;
        assert_eq!(policy_risk(conditional), None);
        assert_eq!(policy_risk(&conditional.replace("Condition", "Sid")), Some("public"));
        let others = r#"{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*"}}"#;
        assert_eq!(policy_risk(others), Some("public"));
        assert_eq!(policy_risk(r#"{"Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}"#), Some("iam"));
    }
}
