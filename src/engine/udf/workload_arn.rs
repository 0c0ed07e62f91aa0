//! `workload_arn(service, session_name, aws_region, role_arn)`: the workload to which a service gave a role's credentials.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// Services that name a role session after the workload, and the resource in the workload's ARN; from the services'
/// user guides. The name of a CodeBuild session has a prefix before the id of the build.
const NAMED_SESSIONS: &[(&str, &str, &str)] = &[
    ("ec2.amazonaws.com", "ec2", "instance/"),
    ("ecs-tasks.amazonaws.com", "ecs", "task/"),
    ("lambda.amazonaws.com", "lambda", "function:"),
    ("codebuild.amazonaws.com", "codebuild", "build/"),
    ("ssm.amazonaws.com", "ssm", "managed-instance/"),
];

/// The ARN of the workload; the service itself if its sessions are not named after one.
fn workload_arn(service: &str, session: Option<&str>, region: Option<&str>, role_arn: Option<&str>) -> String {
    let workload = || {
        let (_, arn_service, resource) =
            NAMED_SESSIONS.iter().find(|(name, ..)| *name == service.trim_end_matches(".cn"))?;
        let (session, region) = (session?, region?);
        let mut role = role_arn?.split(':');
        let (partition, account) = (role.nth(1)?, role.nth(2)?);
        let id = session.strip_prefix("AWSCodeBuild-").unwrap_or(session);
        // Systems Manager also gives sessions to instances of EC2, which keep their id.
        let (arn_service, resource) = match arn_service {
            &"ssm" if session.starts_with("i-") => ("ec2", "instance/"),
            other => (*other, *resource),
        };
        Some(format!("arn:{partition}:{arn_service}:{region}:{account}:{resource}{id}"))
    };
    workload().unwrap_or_else(|| service.to_owned())
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "workload_arn",
        "ARN of the instance, task, function, build or managed node to which a service gave a role's credentials, from \
         the name of the session; the service itself if it does not name sessions after a workload. The log does not \
         name the cluster of a task or the project of a build.",
        &[
            Argument::Text("service"),
            Argument::Text("session_name"),
            Argument::Text("aws_region"),
            Argument::Text("role_arn"),
        ],
        DataType::Utf8,
        &[
            (
                "workload_arn('ec2.amazonaws.com', 'i-0a1b2c3d', 'us-east-1', 'arn:aws:iam::111122223333:role/web')",
                "arn:aws:ec2:us-east-1:111122223333:instance/i-0a1b2c3d",
            ),
            (
                "workload_arn('lambda.amazonaws.com.cn', 'resize', 'cn-north-1', 'arn:aws-cn:iam::111122223333:role/x')",
                "arn:aws-cn:lambda:cn-north-1:111122223333:function:resize",
            ),
            (
                "workload_arn('codebuild.amazonaws.com', 'AWSCodeBuild-5f2c', 'us-east-1', 'arn:aws:iam::111122223333:role/ci')",
                "arn:aws:codebuild:us-east-1:111122223333:build/5f2c",
            ),
            (
                "workload_arn('ssm.amazonaws.com', 'i-0a1b2c3d', 'us-east-1', 'arn:aws:iam::111122223333:role/host')",
                "arn:aws:ec2:us-east-1:111122223333:instance/i-0a1b2c3d",
            ),
            (
                "workload_arn('autoscaling.amazonaws.com', 'AutoScaling', 'us-east-1', 'arn:aws:iam::111122223333:role/x')",
                "autoscaling.amazonaws.com",
            ),
        ],
        |args, rows| {
            let columns = [texts(&args[0]), texts(&args[1]), texts(&args[2]), texts(&args[3])];
            let text = |column: usize, row: usize| columns[column].is_valid(row).then(|| columns[column].value(row));
            let arn = |row| Some(workload_arn(text(0, row)?, text(1, row), text(2, row), text(3, row)));
            Ok(Arc::new((0..rows).map(arn).collect::<StringArray>()) as ArrayRef)
        },
    )
}
