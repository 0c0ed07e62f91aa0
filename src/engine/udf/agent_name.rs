//! `agent_name(invoked_by)`: the agent that made a call for the identity in the record.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// Agents that AWS runs and that decide themselves which APIs to call, with the identity of whoever asked them. AWS
/// writes the name of their service into `userIdentity.invokedBy`; callers cannot. The source of each is the page of
/// AWS's documentation that shows such a record or names the service.
///
/// Services that carry out one request of their caller, such as CloudFormation or Systems Manager Automation, and agents
/// that act with a role of their own, such as Bedrock Agents, are services: docs/decisions/0033-agents.md.
const AGENTS: &[(&str, &str)] = &[
    // Agent Toolkit for AWS, "How AWS MCP Server works with IAM" (aws:CalledViaAWSMCP) and "Logging AWS MCP Server API
    // calls using AWS CloudTrail".
    ("aws-mcp.amazonaws.com", "aws-mcp"),
    ("ecs-mcp.amazonaws.com", "ecs-mcp"),
    ("eks-mcp.amazonaws.com", "eks-mcp"),
    // Amazon SageMaker Unified Studio, "Logging Amazon SageMaker Unified Studio MCP calls using AWS CloudTrail".
    ("sagemaker-unified-studio-mcp.amazonaws.com", "sagemaker-mcp"),
    // Amazon Q Developer, "Logging Amazon Q Developer API calls using AWS CloudTrail".
    ("q.amazonaws.com", "amazon-q"),
];

/// Name of the agent with this service name; `None` for other services.
pub fn agent_name(service: &str) -> Option<&'static str> {
    AGENTS.iter().find(|(host, _)| *host == service).map(|(_, name)| *name)
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "agent_name",
        "The agent that made a call with the identity of whoever asked it: aws-mcp, ecs-mcp, eks-mcp, sagemaker-mcp or amazon-q; null for other services. AWS writes invoked_by, not the caller.",
        &[Argument::Text("invoked_by")],
        DataType::Utf8,
        &[
            ("agent_name('aws-mcp.amazonaws.com')", "aws-mcp"),
            ("agent_name('q.amazonaws.com')", "amazon-q"),
            ("agent_name('cloudformation.amazonaws.com')", "NULL"),
            ("agent_name(NULL)", "NULL"),
        ],
        |args, _| {
            let names = texts(&args[0]).iter().map(|service| agent_name(service?));
            Ok(Arc::new(names.collect::<StringArray>()) as ArrayRef)
        },
    )
}
