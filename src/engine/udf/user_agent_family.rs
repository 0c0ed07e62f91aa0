//! `user_agent_family(user_agent)`: the client, whatever its version.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use regex::Regex;

use super::function::{Argument, Function, texts};

/// Longer names are cut to this many bytes: clients can send anything.
const NAME_BYTES_MAX: usize = 64;

/// The client's name without what changes from release to release, machine to machine or call to call; `None` for blank.
///
/// A user agent is a list of `product/version` with comments in brackets (RFC 9110, 10.1.5), the most important one first.
/// CloudTrail puts some in square brackets, and has a service's host name or a phrase instead of others.
pub fn user_agent_family(user_agent: &str) -> Option<&str> {
    let user_agent = user_agent.trim_matches(|c: char| c.is_whitespace() || c == '[' || c == ']');
    // Tools of AWS partners follow the partner's name: APN/1.0 HashiCorp/1.0 Terraform/1.5.1 (...) aws-sdk-go/1.44.
    let partner = user_agent.find("APN/1.").and_then(|at| {
        let products = user_agent[at..].split_whitespace().skip(1).take(2);
        products.take_while(|product| !product.starts_with('(')).last()
    });
    let name = product(partner.unwrap_or(user_agent));
    let is_host = name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn");
    if name == "Mozilla" || name.contains("Console") || name == "AWS Signin" {
        return Some("console");
    } else if is_host {
        return Some(match name.split('.').next() {
            Some("console" | "signin") => "console",
            Some("cloudformation") => "CloudFormation",
            _ => "AWS service",
        });
    } else if name == "AWS Internal" || name == "aws-internal" {
        return Some("AWS service");
    }
    (!name.is_empty()).then_some(name)
}

/// The first product's name, without a version or an id that is part of it, bounded.
fn product(user_agent: &str) -> &str {
    static SUFFIX: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[-_:. ]?(v?\d+(\.\d+)+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$")
            .expect("a constant pattern that tests compile")
    });
    let end = user_agent.find(['/', ',', ';', '(', '[', '#']).unwrap_or(user_agent.len());
    let (phrase, rest) = user_agent.split_at(end);
    // `AWS Internal` is one name, `tool linux/6.1` is two.
    let words = if rest.starts_with('/') { phrase.split_whitespace().next() } else { None };
    let name = words.unwrap_or(phrase).trim();
    let name = &name[..name.floor_char_boundary(NAME_BYTES_MAX)];
    // An address or a number has no name before the version.
    SUFFIX.find(name).filter(|suffix| suffix.start() > 0).map_or(name, |suffix| &name[..suffix.start()])
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "user_agent_family",
        "The client without its version: the name of the user agent's first product (RFC 9110, 10.1.5), such as aws-cli, Boto3, aws-sdk-go-v2, curl; for APN/1.0, the partner's tool, such as Terraform, Packer or Pulumi; 'console' for browsers and the AWS console; 'CloudFormation'; 'AWS service' for the host name of another service. At most 64 bytes; null for a blank user agent. Clients can send anything: a change is a signal, no change proves nothing.",
        &[Argument::Text("user_agent")],
        DataType::Utf8,
        &[
            (
                "user_agent_family('aws-cli/2.13.5 Python/3.11.4 Darwin/22.5.0 exe/x86_64 command/iam.list-roles')",
                "aws-cli",
            ),
            ("user_agent_family('[aws-cli/1.16.301 Python/2.7.16 Linux/4.14 botocore/1.13.37]')", "aws-cli"),
            ("user_agent_family('Boto3/1.28.30 md/Botocore#1.31.30 ua/2.0 os/linux')", "Boto3"),
            (
                "user_agent_family('APN/1.0 HashiCorp/1.0 Terraform/1.8.7 (+https://www.terraform.io) aws-sdk-go-v2/1.24.1')",
                "Terraform",
            ),
            ("user_agent_family('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36')", "console"),
            ("user_agent_family('cloudformation.amazonaws.com')", "CloudFormation"),
            ("user_agent_family('config.amazonaws.com')", "AWS service"),
            ("user_agent_family('  ')", "NULL"),
            ("user_agent_family(NULL)", "NULL"),
        ],
        |args, _| {
            let families = texts(&args[0]).iter().map(|user_agent| user_agent_family(user_agent?));
            Ok(Arc::new(families.collect::<StringArray>()) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_keeps_its_name_from_release_to_release() {
        for (user_agent, family) in [
            ("aws-sdk-go/1.49.23 (go1.21.5; linux; amd64)", "aws-sdk-go"),
            ("aws-sdk-go-v2/1.24.43 os/linux lang/go#1.21.5", "aws-sdk-go-v2"),
            ("aws-sdk-java/2.21.14 Linux/5.10 OpenJDK_64-Bit_Server_VM/17.0.9+8-LTS", "aws-sdk-java"),
            ("aws-sdk-go/1.14.31 (go1.10.3; linux; amd64) APN/1.0 HashiCorp/1.0 Terraform/0.11.10", "Terraform"),
            ("APN/1.0 HashiCorp/1.0 Packer/1.9.4", "Packer"),
            ("APN/1.0 Pulumi/1.0 (+https://www.pulumi.com)", "Pulumi"),
            ("[S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.783]", "console"),
            ("EC2ConsoleFrontend, aws-internal/3 aws-sdk-java/1.12.1", "console"),
            ("console.ec2.amazonaws.com", "console"),
            ("signin.amazonaws.com", "console"),
            ("AWS Internal", "AWS service"),
            ("aws-internal/3 aws-sdk-java/1.12.264", "AWS service"),
            ("rds.amazonaws.com.cn", "AWS service"),
            ("tool linux/6.1", "tool"),
            ("hunter_9cbca289-7886-421c-b241-fcd2b1f14019", "hunter"),
            ("karpenter.sh-v0.31.2", "karpenter.sh"),
            ("does-not-matter", "does-not-matter"),
            ("curl/8.4.0", "curl"),
            ("203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(user_agent_family(user_agent), Some(family), "{user_agent}");
        }
    }

    #[test]
    fn no_user_agent_gives_a_long_or_blank_name() {
        let long = "é".repeat(1000);
        assert_eq!(user_agent_family(&long).map(str::len), Some(NAME_BYTES_MAX));
        for nothing in ["", " ", "[]", "/1.0", "(comment)", "[ ]"] {
            assert_eq!(user_agent_family(nothing), None, "{nothing}");
        }
    }
}
