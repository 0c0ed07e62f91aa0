//! `is_administrator_policy(policy_arn)`: whether an AWS managed policy gives full administration, or the means to get it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// Policies managed by AWS that allow everything, every IAM action (so the holder can grant itself the rest), or
/// everything except IAM.
const ADMINISTRATOR_POLICIES: &[&str] = &["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"];

/// True for the ARN of one of them. A customer managed policy of the same name has another ARN.
pub fn is_administrator_policy(arn: &str) -> bool {
    arn.rsplit_once(":aws:policy/").is_some_and(|(_, name)| ADMINISTRATOR_POLICIES.contains(&name))
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "is_administrator_policy",
        "True for the ARN of an AWS managed policy that gives full administration or the means to get it: AdministratorAccess, IAMFullAccess, PowerUserAccess. For other policies, policy_risk examines the document.",
        &[Argument::Text("policy_arn")],
        DataType::Boolean,
        &[
            ("is_administrator_policy('arn:aws:iam::aws:policy/AdministratorAccess')", "true"),
            ("is_administrator_policy('arn:aws:iam::aws:policy/ReadOnlyAccess')", "false"),
            ("is_administrator_policy('arn:aws:iam::111122223333:policy/AdministratorAccess')", "false"),
        ],
        |args, _| {
            let policies = texts(&args[0]).iter().map(|arn| arn.map(is_administrator_policy));
            Ok(Arc::new(policies.collect::<BooleanArray>()) as ArrayRef)
        },
    )
}
