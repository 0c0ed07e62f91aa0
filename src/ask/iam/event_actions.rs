//! The IAM actions that a logged call needs: mostly the one of the same name. `iam/events.tsv` has the exceptions.

use std::sync::LazyLock;

use super::catalogue::{Action, action};

const EXCEPTIONS: &str = include_str!("../../../iam/events.tsv");

/// What a call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needed {
    /// These actions.
    Actions(Vec<Action>),
    /// No policy is asked for it.
    Nothing,
    /// No action is known.
    Unknown,
}

/// A line of the exceptions.
#[derive(Debug)]
struct Exception {
    service: &'static str,
    api: &'static str,
    actions: &'static str,
}

fn exceptions(service: &str) -> impl Iterator<Item = &'static Exception> {
    static ALL: LazyLock<Vec<Exception>> = LazyLock::new(|| {
        let lines = EXCEPTIONS.lines().filter(|line| !line.starts_with('#'));
        let exception = |line: &'static str| {
            let mut fields = line.split('\t');
            Some(Exception { service: fields.next()?, api: fields.next()?, actions: fields.next()? })
        };
        lines.filter_map(exception).collect()
    });
    ALL.iter().filter(move |line| line.service == service)
}

/// The actions for a call of `api`, at a service given by its event source without the domain.
pub fn needed(service: &str, api: &str) -> Needed {
    let of = |api: &str| exceptions(service).find(|line| line.api == api);
    let prefix = of("=").map_or(service, |line| line.actions);
    let name = api.split_once('?').map_or(api, |(name, _)| name);
    if let Some(line) = of(api).or_else(|| of(name)).or_else(|| other(prefix, service, api, name)) {
        return line.needed();
    }
    if let Some(action) = action(prefix, name) {
        return Needed::Actions(vec![action]);
    }
    let is_like = |line: &&Exception| line.api.strip_suffix('*').is_some_and(|begin| name.starts_with(begin));
    exceptions(service).find(is_like).map_or(Needed::Unknown, Exception::needed)
}

/// An exception of the service that another event source belongs to.
fn other(prefix: &str, service: &str, api: &str, name: &str) -> Option<&'static Exception> {
    let mut lines = exceptions(prefix).filter(|_| prefix != service);
    lines.find(|line| line.api == api || line.api == name)
}

impl Exception {
    fn needed(&self) -> Needed {
        if self.actions == "-" {
            return Needed::Nothing;
        }
        let actions =
            self.actions.split(' ').map(|text| text.split_once(':').and_then(|(prefix, name)| action(prefix, name)));
        actions.collect::<Option<Vec<_>>>().map_or(Needed::Unknown, Needed::Actions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::iam::catalogue::services;

    fn names(service: &str, api: &str) -> String {
        match needed(service, api) {
            Needed::Actions(actions) => actions.iter().map(Action::to_string).collect::<Vec<_>>().join(" "),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn calls_need_the_actions_that_aws_documents() {
        for (service, api, expected) in [
            ("iam", "CreateUser", "iam:CreateUser"),
            ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
            ("s3", "HeadObject", "s3:GetObject"),
            ("s3", "GetObject", "s3:GetObject"),
            ("s3", "GetObject?versionId", "s3:GetObjectVersion"),
            ("s3", "PutObject?versionId", "s3:PutObject"),
            ("s3", "ListObjects", "s3:ListBucket"),
            ("s3", "CompleteMultipartUpload", "s3:PutObject"),
            ("s3", "CopyObject", "s3:PutObject s3:GetObject"),
            ("s3", "DeleteBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
            ("lambda", "Invoke", "lambda:InvokeFunction"),
            ("monitoring", "PutMetricData", "cloudwatch:PutMetricData"),
            ("email", "SendEmail", "ses:SendEmail"),
            ("bedrock-runtime", "Converse", "bedrock:InvokeModel"),
            ("apigateway", "CreateRestApi", "apigateway:POST"),
            ("apigateway", "GetRestApis", "apigateway:GET"),
            ("kms", "ReEncrypt", "kms:ReEncryptFrom kms:ReEncryptTo"),
            ("signin", "ConsoleLogin", "Nothing"),
            ("sso", "GetRoleCredentials", "Nothing"),
            ("sso", "CreatePermissionSet", "sso:CreatePermissionSet"),
            ("dynamodb", "ExecuteStatement", "Unknown"),
            ("s3", "Invented", "Unknown"),
            ("invented", "GetObject", "Unknown"),
        ] {
            assert_eq!(names(service, api), expected, "{service} {api}");
        }
    }

    #[test]
    fn every_exception_names_actions_that_exist_and_its_source() {
        let lines: Vec<_> = EXCEPTIONS.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 100);
        for line in lines {
            let fields: Vec<_> = line.split('\t').collect();
            let [service, api, actions, reason] = fields[..] else { panic!("{line}: not four fields") };
            assert!(!reason.is_empty(), "{line}");
            match api {
                "=" => assert!(services().contains_key(actions), "{line}"),
                _ => assert_ne!(needed(service, api), Needed::Unknown, "{line}"),
            }
        }
    }
}
