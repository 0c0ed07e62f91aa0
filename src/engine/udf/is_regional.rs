//! `is_regional(event_source, aws_region)`: whether the call concerns the region it is recorded in.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// Services without a region: CloudTrail records their calls in [`HOME_REGION`], wherever the caller works.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events>
const GLOBAL_SERVICES: &[&str] = &[
    "account.amazonaws.com",
    "billing.amazonaws.com",
    "cloudfront.amazonaws.com",
    "iam.amazonaws.com",
    "organizations.amazonaws.com",
    "route53.amazonaws.com",
    "support.amazonaws.com",
    "waf.amazonaws.com",
];
const HOME_REGION: &str = "us-east-1";

/// Signing in and requesting a session change nothing in a region.
const SIGN_IN_SERVICES: &[&str] = &["signin.amazonaws.com", "sts.amazonaws.com"];

/// False for sign-in, STS and the global services.
pub fn is_regional(event_source: &str, aws_region: Option<&str>) -> bool {
    let is_global = GLOBAL_SERVICES.contains(&event_source) && aws_region.is_none_or(|region| region == HOME_REGION);
    !is_global && !SIGN_IN_SERVICES.contains(&event_source)
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "is_regional",
        "True when the call concerns the region it is recorded in. False for sign-in and STS, and for global services (IAM, Organizations, Route 53, CloudFront, Support, Account, Billing, WAF Classic), which record every call in us-east-1.",
        &[Argument::Text("event_source"), Argument::Text("aws_region")],
        DataType::Boolean,
        &[
            ("is_regional('ec2.amazonaws.com', 'us-east-1')", "true"),
            ("is_regional('iam.amazonaws.com', 'us-east-1')", "false"),
            ("is_regional('sts.amazonaws.com', 'eu-west-1')", "false"),
            ("is_regional(NULL, 'eu-west-1')", "NULL"),
        ],
        |args, _| {
            let rows = texts(&args[0]).iter().zip(texts(&args[1]));
            let regional = rows.map(|(source, region)| source.map(|source| is_regional(source, region)));
            Ok(Arc::new(regional.collect::<BooleanArray>()) as ArrayRef)
        },
    )
}
