//! `entity --policy` prints the IAM policy that covers what an identity successfully used, and says what it leaves out.
//! `entity --compare` lists what a policy grants that was never used.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::{Path, PathBuf};

use crate::common::{Ran, archive, arg, succeeds, trailhunt, write};
use serde_json::{Value, json};

const USER: &str = "arn:aws:iam::111122223333:user/maria";
const ROLE: &str = "arn:aws:iam::111122223333:role/service/etl";
const PERSON: &str = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0a1b/jo";

fn user() -> Value {
    json!({"type": "IAMUser", "arn": USER, "accountId": "111122223333", "userName": "maria",
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE"})
}

fn session(name: &str) -> Value {
    json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/etl/{name}"),
        "accountId": "111122223333", "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE}}})
}

fn person() -> Value {
    let issuer = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0a1b";
    json!({"type": "AssumedRole", "arn": PERSON, "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": issuer}}})
}

/// The calls of a test; each has its own id and time.
#[derive(Default)]
struct Calls(Vec<Value>);

impl Calls {
    fn call(&mut self, identity: Value, service: &str, api: &str, changes: Value) -> &mut Calls {
        let n = self.0.len();
        let mut record = json!({
            "eventVersion": "1.09", "eventTime": format!("2024-01-{:02}T10:{:02}:00Z", 1 + n / 60, n % 60),
            "eventID": format!("0e1d2c3b-0000-4000-8000-{n:012}"), "eventSource": format!("{service}.amazonaws.com"),
            "eventName": api, "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2.15",
            "eventType": "AwsApiCall", "recipientAccountId": "111122223333", "readOnly": true, "userIdentity": identity
        });
        for (member, value) in changes.as_object().unwrap() {
            record[member] = value.clone();
        }
        self.0.push(record);
        self
    }

    fn lake(&self, dir: &Path) -> PathBuf {
        archive(&dir.join("archive"), &self.0);
        let lake = dir.join("lake");
        succeeds(&["ingest", arg(&dir.join("archive")), "--lake", arg(&lake)]);
        lake
    }
}

fn object(bucket: &str, key: &str) -> Value {
    json!({
        "requestParameters": {"bucketName": bucket, "key": key}, "managementEvent": false, "eventCategory": "Data",
        "resources": [{"type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::{bucket}/{key}")},
            {"type": "AWS::S3::Bucket", "accountId": "111122223333", "ARN": format!("arn:aws:s3:::{bucket}")}]
    })
}

/// The policy as pairs of actions and resources, and the notes.
fn policy(lake: &Path, entity: &str, more: &[&str]) -> (Vec<(Value, Value)>, String) {
    let Ran { out, err, .. } = succeeds(&[&["entity", entity, "--policy", "--lake", arg(lake)], more].concat());
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["Version"], "2012-10-17");
    let statements = document["Statement"].as_array().unwrap().iter();
    let pair = |statement: &Value| {
        assert_eq!(statement["Effect"], "Allow");
        (statement["Action"].clone(), statement["Resource"].clone())
    };
    (statements.map(pair).collect(), err)
}

#[test]
fn a_user_gets_its_actions_on_the_resources_that_the_log_names() {
    let dir = tempfile::tempdir().unwrap();
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234";
    let mut calls = Calls::default();
    calls
        .call(user(), "s3", "ListBuckets", json!({}))
        .call(user(), "s3", "GetObject", object("data", "a/\"quoted\".csv"))
        .call(user(), "s3", "GetObject", object("data", "b.csv"))
        .call(user(), "s3", "HeadObject", object("logs", "x"))
        .call(user(), "s3", "HeadBucket", json!({"requestParameters": {"bucketName": "data"}}))
        .call(user(), "s3", "CompleteMultipartUpload", object("data", "up"))
        .call(user(), "kms", "Decrypt", json!({"resources": [{"type": "AWS::KMS::Key", "ARN": key}]}))
        .call(user(), "lambda", "GetFunction20150331v2", json!({"requestParameters": {"functionName": "resize"}}))
        .call(user(), "monitoring", "ListMetrics", json!({}))
        .call(user(), "ec2", "DescribeInstances", json!({}))
        .call(
            user(),
            "ec2",
            "TerminateInstances",
            json!({"readOnly": false,
            "requestParameters": {"instancesSet": {"items": [{"instanceId": "i-1"}]}}}),
        );
    let lake = calls.lake(dir.path());
    let (statements, notes) = policy(&lake, USER, &[]);
    assert_eq!(
        statements,
        [
            (json!(["cloudwatch:ListMetrics"]), json!(["*"])),
            (json!(["ec2:DescribeInstances", "ec2:TerminateInstances"]), json!(["*"])),
            (json!(["kms:Decrypt"]), json!([key])),
            (json!(["lambda:GetFunction"]), json!(["arn:aws:lambda:eu-west-1:111122223333:function:resize"])),
            (json!(["s3:ListAllMyBuckets"]), json!(["*"])),
            (json!(["s3:ListBucket"]), json!(["arn:aws:s3:::data"])),
            (json!(["s3:PutObject"]), json!(["arn:aws:s3:::data/*"])),
            (json!(["s3:GetObject"]), json!(["arn:aws:s3:::data/*", "arn:aws:s3:::logs/*"])),
        ]
    );
    assert_eq!(notes.trim(), "trailhunt: Resource is * because the log names no ARN for ec2:TerminateInstances");
    let (key, _) = policy(&lake, "AKIAIOSFODNN7EXAMPLE", &[]);
    assert_eq!(key, statements, "the identity of a key");
}

#[test]
fn what_is_not_in_the_policy_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let denied = json!({"errorCode": "AccessDenied"});
    let role = "arn:aws:iam::111122223333:role/lambda-exec";
    let mut calls = Calls::default();
    calls
        .call(user(), "iam", "ListUsers", json!({}))
        .call(user(), "iam", "CreateUser", denied.clone())
        .call(user(), "iam", "CreateUser", denied)
        .call(user(), "iam", "GetUser", json!({"errorCode": "NoSuchEntityException"}))
        .call(user(), "dynamodb", "ExecuteStatement", json!({}))
        .call(user(), "inventedservice", "DoThings", json!({}))
        .call(user(), "signin", "ConsoleLogin", json!({"eventType": "AwsConsoleSignIn"}))
        .call(
            user(),
            "sns",
            "PublishBatch",
            json!({"userIdentity": {"type": "IAMUser", "arn": USER,
            "accountId": "111122223333", "invokedBy": "cloudformation.amazonaws.com"}}),
        )
        .call(
            user(),
            "lambda",
            "CreateFunction20150331",
            json!({"readOnly": false,
            "requestParameters": {"functionName": "f", "role": role}}),
        );
    let lake = calls.lake(dir.path());
    let (statements, notes) = policy(&lake, USER, &[]);
    assert_eq!(
        statements,
        [
            (json!(["iam:ListUsers"]), json!(["*"])),
            (json!(["lambda:CreateFunction"]), json!(["arn:aws:lambda:eu-west-1:111122223333:function:f"])),
            (json!(["sns:Publish"]), json!(["*"])),
        ]
    );
    for note in [
        "no known IAM action, not in the policy: dynamodb:ExecuteStatement (1 call), inventedservice:DoThings (1 call)",
        "denied, not in the policy: iam:CreateUser (2 calls)",
        "failed for another reason, not in the policy: iam:GetUser (1 call)",
        "needs no permission: signin:ConsoleLogin (1 call)",
        "Resource is * because the log names no ARN for sns:Publish",
        "needed because cloudformation.amazonaws.com called on its behalf: sns:Publish",
        &format!("may need iam:PassRole for {role}, which is not logged: named in lambda:CreateFunction"),
    ] {
        assert!(notes.contains(note), "{note}\n{notes}");
    }
}

#[test]
fn a_role_has_the_calls_of_all_its_sessions_and_a_person_and_a_period_only_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let mut calls = Calls::default();
    calls.call(session("a"), "sqs", "ReceiveMessage", json!({}));
    calls.call(session("b"), "sqs", "DeleteMessageBatch", json!({}));
    calls.call(person(), "iam", "ListRoles", json!({}));
    calls.call(person(), "ec2", "DescribeVpcs", json!({"eventTime": "2024-01-05T10:00:00Z"}));
    let lake = calls.lake(dir.path());
    let actions = |entity: &str, more: &[&str]| {
        let (statements, _) = policy(&lake, entity, more);
        statements.iter().flat_map(|(actions, _)| actions.as_array().unwrap().clone()).collect::<Vec<_>>()
    };
    assert_eq!(actions(ROLE, &[]), ["sqs:DeleteMessage", "sqs:ReceiveMessage"]);
    assert_eq!(actions("arn:aws:sts::111122223333:assumed-role/etl/b", &[]), ["sqs:DeleteMessage"]);
    assert_eq!(actions(PERSON, &[]), ["ec2:DescribeVpcs", "iam:ListRoles"]);
    let permission_set = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0a1b";
    assert_eq!(actions(permission_set, &[]), ["ec2:DescribeVpcs", "iam:ListRoles"]);
    assert_eq!(actions(PERSON, &["--from", "2024-01-05", "--to", "2024-01-06"]), ["ec2:DescribeVpcs"]);
    let nobody = trailhunt(&["entity", "arn:aws:iam::1:user/nobody", "--policy", "--lake", arg(&lake)]);
    assert_eq!((nobody.code, nobody.out.as_str()), (2, ""), "{}", nobody.err);
    assert!(nobody.err.contains("no calls of arn:aws:iam::1:user/nobody in this period"), "{}", nobody.err);
    let address = trailhunt(&["entity", "198.51.100.7", "--policy", "--lake", arg(&lake)]);
    assert!(address.code == 2 && address.err.contains("an address has no policy"), "{}", address.err);
}

#[test]
fn a_copy_needs_to_read_from_its_source_and_an_old_version_has_its_own_action() {
    let dir = tempfile::tempdir().unwrap();
    let mut copy = object("target", "k");
    copy["requestParameters"]["x-amz-copy-source"] = json!("/source/k");
    copy["readOnly"] = json!(false);
    let mut version = object("target", "k");
    version["requestParameters"]["versionId"] = json!("3");
    let mut calls = Calls::default();
    calls.call(user(), "s3", "CopyObject", copy).call(user(), "s3", "GetObject", version);
    let (statements, _) = policy(&calls.lake(dir.path()), USER, &[]);
    assert_eq!(
        statements,
        [
            (json!(["s3:GetObject"]), json!(["arn:aws:s3:::source/*"])),
            (json!(["s3:GetObjectVersion", "s3:PutObject"]), json!(["arn:aws:s3:::target/*"])),
        ]
    );
}

#[test]
fn names_from_a_log_do_not_widen_the_policy() {
    let dir = tempfile::tempdir().unwrap();
    let mut calls = Calls::default();
    for table in ["*", "orders", "arn:aws:dynamodb:eu-west-1:111122223333:table/x?"] {
        calls.call(user(), "dynamodb", "DescribeTable", json!({"requestParameters": {"tableName": table}}));
    }
    let (statements, _) = policy(&calls.lake(dir.path()), USER, &[]);
    let table = |name: &str| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}");
    let expected = json!([table("${*}"), table("orders"), table("x${?}")]);
    assert_eq!(statements, [(json!(["dynamodb:DescribeTable"]), expected)]);
}

#[test]
fn what_a_policy_grants_and_nobody_used_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let mut calls = Calls::default();
    calls.call(user(), "s3", "GetObject", object("data", "a")).call(user(), "iam", "ListUsers", json!({})).call(
        user(),
        "ec2",
        "RunInstances",
        json!({"errorCode": "Client.UnauthorizedOperation"}),
    );
    let lake = calls.lake(dir.path());
    let file = dir.path().join("policy.json");
    let compare = |policy: &str| {
        write(&file, policy.as_bytes());
        trailhunt(&["entity", USER, "--compare", arg(&file), "--lake", arg(&lake)])
    };
    let ran = compare(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject", "S3:putobject", "s3:GetObject*", "dynamodb:*"], "Resource": "*"},
            {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"},
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
            {"Effect": "Allow", "Action": "s3:Invented", "Resource": "*"},
            {"Effect": "Deny", "Action": "sts:*", "Resource": "*"}]}"#,
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<String> =
        ran.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let at = |text: &str| {
        lines.iter().position(|line| line.starts_with(text)).unwrap_or_else(|| panic!("{text}: {}", ran.out))
    };
    let (never, partly, whole) = (
        at("granted and never used:"),
        at("granted and partly used:"),
        at("action patterns granted and used in full: 1"),
    );
    for entry in ["S3:putobject", "ec2:RunInstances", "s3:Invented no such action"] {
        assert!((never..partly).contains(&at(entry)), "{entry}: {}", ran.out);
    }
    let dynamodb = &lines[at("dynamodb:*")];
    assert!(dynamodb.ends_with(" actions") && (never..partly).contains(&at("dynamodb:*")), "{}", ran.out);
    let part = at("s3:GetObject* ");
    assert!(
        (partly..whole).contains(&part) && lines[part].contains("1 of ") && lines[part].ends_with("used: s3:GetObject")
    );
    let all_but = &lines[at("everything but iam:*")];
    assert!(all_but.contains("1 of 4") && all_but.contains("services used: s3; never used: "), "{all_but}");
    assert!(ran.out.contains("The policy also has Deny statements"), "{}", ran.out);

    // As the AWS CLI prints it.
    let answer = r#"{"PolicyVersion": {"Document": {"Statement": {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}}}}"#;
    assert!(compare(answer).out.contains("action patterns granted and used in full: 1"));
    for (text, reason) in
        [("{", "invalid JSON"), ("{}", "no `Statement`"), (r#"{"Statement": {"Effect": "Allow"}}"#, "without `Action`")]
    {
        let ran = compare(text);
        assert!(
            ran.code == 2 && ran.err.contains("policy.json: not an IAM policy") && ran.err.contains(reason),
            "{}",
            ran.err
        );
    }
}
