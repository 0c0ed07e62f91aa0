//! `call_via(user_agent, source_ip_address, invoked_by, from_console)`: what made the call.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;

use super::agent_name::agent_name;
use super::function::{Argument, Function, texts};
use super::is_service_caller::is_service_caller;
use super::user_agent_family::user_agent_family;

/// Tools by a text that their user agents contain. The first match counts.
const TOOLS: &[(&str, &str)] = &[
    // AWS_EXECUTION_ENV of CloudShell. AWS CloudTrail user guide, "CloudTrail log file examples".
    ("exec-env/CloudShell", "cloudshell"),
    // AWS DevOps blog, "Controlling AWS API calls from Amazon Q Developer" (user-agent markers).
    ("exec-env/AmazonQ-For-CLI", "amazon-q"),
    ("exec-env/AmazonQ-For-IDE", "amazon-q"),
    // AWS partners' tools send APN/1.0, the partner and the tool; HashiCorp's and Pulumi's AWS providers.
    (" Terraform/", "terraform"),
    ("Pulumi/", "pulumi"),
    // The CDK's command line names itself, after the SDK or before it.
    ("aws-cdk/", "cdk"),
    // AWS CLI user guide and "CloudTrail log file examples".
    ("aws-cli/", "cli"),
];

/// Beginnings of the user agents of AWS's SDKs: "User agent" in the SDKs and tools reference guide.
const SDKS: &[&str] = &["aws-sdk-", "Boto3/", "Botocore/", "Boto/"];

/// What made a call; `None` when nothing documented says so.
pub fn call_via(
    user_agent: Option<&str>,
    source_ip_address: Option<&str>,
    invoked_by: Option<&str>,
    from_console: bool,
) -> Option<&'static str> {
    if let Some(agent) = invoked_by.and_then(agent_name) {
        return Some(agent);
    }
    // AWS writes these two, so that they say more than the user agent.
    let host = |name: &str| is_service_caller(name) && !name.starts_with("AWS Internal");
    if let Some(service) = invoked_by.or(source_ip_address.filter(|source| host(source))) {
        return Some(match service.split('.').next() {
            Some("console" | "signin") => "console",
            Some("cloudformation") => "cloudformation",
            Some("bedrock-agentcore") => "bedrock-agent",
            _ => "service",
        });
    }
    let user_agent = user_agent.unwrap_or_default().trim_start_matches(['[', ' ']);
    let family = user_agent_family(user_agent);
    let tool = TOOLS.iter().find(|(text, _)| user_agent.contains(text)).map(|(_, tool)| *tool);
    if tool.is_some() {
        tool
    } else if from_console || family == Some("console") {
        Some("console")
    } else if SDKS.iter().any(|sdk| user_agent.starts_with(sdk)) {
        Some("sdk")
    } else if family == Some("CloudFormation") {
        Some("cloudformation")
    } else {
        let is_service = family == Some("AWS service") || source_ip_address.is_some_and(is_service_caller);
        is_service.then_some("service")
    }
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "call_via",
        "What made the call: an agent, as agent_name; 'console', 'cloudshell', 'cli', 'sdk', 'terraform', 'pulumi', 'cdk', 'cloudformation'; 'bedrock-agent' for Bedrock AgentCore; 'service' for other services; null when nothing documented says so. Only service names and sessionCredentialFromConsole come from AWS. The rest is the user agent, in which clients can send anything: it never proves that a call is harmless.",
        &[
            Argument::Text("user_agent"),
            Argument::Text("source_ip_address"),
            Argument::Text("invoked_by"),
            Argument::Boolean("from_console"),
        ],
        DataType::Utf8,
        &[
            ("call_via('aws-mcp.amazonaws.com', 'aws-mcp.amazonaws.com', 'aws-mcp.amazonaws.com', FALSE)", "aws-mcp"),
            ("call_via('aws-cli/2.13.5 Python/3.11.4 exec-env/CloudShell', '203.0.113.7', NULL, TRUE)", "cloudshell"),
            ("call_via('APN/1.0 HashiCorp/1.0 Terraform/1.8.7', '203.0.113.7', NULL, NULL)", "terraform"),
            ("call_via('aws-sdk-js/2.1586.0 aws-cdk/2.135.0 promise', '203.0.113.7', NULL, NULL)", "cdk"),
            ("call_via('aws-internal/3 aws-sdk-java/1.12.264', 'AWS Internal', NULL, TRUE)", "console"),
            ("call_via('AWS Internal', 'cloudformation.amazonaws.com', NULL, NULL)", "cloudformation"),
            ("call_via('curl/8.4.0', '203.0.113.7', NULL, NULL)", "NULL"),
        ],
        |args, rows| {
            let [agents, sources, invokers] = [0, 1, 2].map(|at| texts(&args[at]));
            let consoles = args[3].as_boolean();
            fn value(texts: &StringArray, row: usize) -> Option<&str> {
                texts.is_valid(row).then(|| texts.value(row))
            }
            let via = (0..rows).map(|row| {
                let from_console = consoles.is_valid(row) && consoles.value(row);
                call_via(value(agents, row), value(sources, row), value(invokers, row), from_console)
            });
            Ok(Arc::new(via.collect::<StringArray>()) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_documented_signal_names_what_made_the_call() {
        let address = Some("203.0.113.7");
        for (user_agent, source, invoked_by, from_console, via) in [
            ("q.amazonaws.com", Some("q.amazonaws.com"), Some("q.amazonaws.com"), false, Some("amazon-q")),
            ("aws-cli/2.13.5 Python/3.11.4 Darwin/22.5.0", address, None, false, Some("cli")),
            ("[aws-cli/1.16.301 Python/2.7.16 Linux/4.14 botocore/1.13.37]", address, None, false, Some("cli")),
            ("aws-cli/2.32.1 exec-env/AmazonQ-For-CLI Version/1.20.0", address, None, false, Some("amazon-q")),
            ("Boto3/1.34.42 md/Botocore#1.34.42 ua/2.0 os/linux#6.1", address, None, false, Some("sdk")),
            ("aws-sdk-go-v2/1.24.43 os/linux lang/go#1.21.5", address, None, false, Some("sdk")),
            ("APN/1.0 Pulumi/1.0 (+https://www.pulumi.com)", address, None, false, Some("pulumi")),
            ("aws-sdk-go/1.49 (go1.21) APN/1.0 HashiCorp/1.0 Terraform/1.6", address, None, false, Some("terraform")),
            ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", address, None, false, Some("console")),
            ("aws-sdk-java/2.21.14 Linux/5.10", address, None, true, Some("console")),
            ("", Some("signin.amazonaws.com"), None, false, Some("console")),
            ("", Some("config.amazonaws.com"), None, false, Some("service")),
            ("AWS Internal", Some("AWS Internal"), None, false, Some("service")),
            (
                "bedrock-agentcore.amazonaws.com",
                None,
                Some("bedrock-agentcore.amazonaws.com"),
                false,
                Some("bedrock-agent"),
            ),
            ("aws-cli/2.13.5", address, Some("cloudformation.amazonaws.com"), true, Some("cloudformation")),
            ("claude-code/2.1.202 (cli)", address, None, false, None),
            ("", None, None, false, None),
        ] {
            assert_eq!(call_via(Some(user_agent), source, invoked_by, from_console), via, "{user_agent}");
        }
    }

    #[test]
    fn a_caller_that_names_an_agent_in_its_user_agent_is_no_agent() {
        let via = call_via(Some("aws-mcp.amazonaws.com"), Some("203.0.113.7"), None, false);
        assert_eq!(via, Some("service"));
        assert_eq!(call_via(Some("aws-mcp"), Some("203.0.113.7"), None, false), None);
    }
}
