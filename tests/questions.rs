//! Runs every saved question and the entity page on a generated organisation; checks that all columns are documented.

use std::path::Path;

use crate::common::{self, arg, succeeds, trailhunt};
use trailhunt::ask::{self, Questions};
use trailhunt::detect::{Window, rows};
use trailhunt::engine::{MEMORY_BYTES, Parameters, Session, session};
use trailhunt::geo::Geo;
use trailhunt::lake::Lake;
use trailhunt::source::{Location, S3Settings};
use trailhunt::workbench::fixture;

/// For each parameter without a default: SQL that finds a value in the lake.
const VALUES: &[(&str, &str)] = &[
    ("actor", "SELECT actor FROM novelties WHERE actor LIKE '%:user/%' LIMIT 1"),
    ("key", "SELECT access_key_id FROM calls WHERE access_key_id LIKE 'AKIA%' LIMIT 1"),
    ("ip", "SELECT source_ip_address FROM daily_network WHERE asn IS NOT NULL LIMIT 1"),
    ("session", "SELECT session_name FROM calls WHERE session_name IS NOT NULL LIMIT 1"),
    ("network", "SELECT source_ip_address || '/32' FROM daily_network LIMIT 1"),
    ("role", "SELECT role_arn FROM daily_role_assumption LIMIT 1"),
    (
        "resource",
        "SELECT json_get_str(request_parameters, 'bucketName') FROM calls WHERE read_only IS FALSE AND event_source = 's3.amazonaws.com' LIMIT 1",
    ),
    ("entity", "SELECT actor FROM calls WHERE NOT by_service LIMIT 1"),
    ("begin", "SELECT CAST(min(event_time) AS VARCHAR) FROM calls"),
    ("end", "SELECT CAST(max(event_time) AS VARCHAR) FROM calls"),
    ("min_hours", "SELECT '1'"),
    ("history_days", "SELECT '1'"),
];

/// Questions that may return no rows for such a small organisation.
const MAY_BE_EMPTY: &[&str] = &["aggregated_activity", "clickops", "insights"];

fn make_lake(dir: &Path) -> String {
    let out = dir.join("archive");
    let size = ["--days", "7", "--events-per-day", "700", "--attacks", "14"];
    succeeds(&[&["sample", "--out", arg(&out)], &size[..]].concat());
    let lake = dir.join("lake");
    succeeds(&["ingest", arg(&out), "--lake", arg(&lake)]);
    arg(&lake).to_owned()
}

async fn open(lake: &str) -> (Session, Window) {
    let lake = Lake::open(&Location::parse(lake, &S3Settings::default()).expect("a path")).await.expect("a lake");
    let snapshot = lake.snapshot().await.expect("a snapshot");
    let geo = Geo::embedded().expect("the table");
    let rolled = lake.rolled(&snapshot, &geo.sources()).await.expect("a listing");
    let session = session(&snapshot, &rolled, &geo, MEMORY_BYTES).await;
    let (first, last) = snapshot.days().expect("events");
    let midnight = |day: chrono::NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
    (session.expect("a session"), Window { from: midnight(first), to: midnight(last + chrono::Days::new(1)) })
}

async fn one(session: &Session, sql: &str) -> Option<String> {
    let batches = session.query("value", sql, &Parameters::new()).await.expect(sql).collect().await.expect(sql);
    rows(&batches).expect("rows").first()?.values().next()?.as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_returns_rows_and_every_entity_has_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let lake = make_lake(dir.path());
    let (session, window) = open(&lake).await;
    let mut values = Vec::new();
    for (name, sql) in VALUES {
        let value = one(&session, sql).await.expect(sql);
        values.push(((*name).to_owned(), value));
    }
    let questions = Questions::load().expect("the questions are well formed");
    assert!(questions.iter().count() >= 20);
    let mut wrong = Vec::new();
    for question in questions.iter() {
        let given: Vec<_> = values.iter().filter(|(name, _)| question.params.contains_key(name)).cloned().collect();
        let parameters = question.parameters(&given, Some(window)).expect("all parameters have values");
        for name in question.params.keys().filter(|name| !parameters.contains_key(*name)) {
            wrong.push(format!("{}: parameter {name} is not used", question.name));
        }
        let answer = match session.query_parsed(&question.name, &question.sql, &parameters).await {
            Ok(query) => query.collect().await,
            Err(e) => Err(e),
        };
        match answer {
            Ok(batches) if batches.iter().all(|batch| batch.num_rows() == 0) => {
                if !MAY_BE_EMPTY.contains(&question.name.as_str()) {
                    wrong.push(format!("{}: no rows", question.name));
                }
            }
            Ok(_) => {}
            Err(e) => wrong.push(e.to_string()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    for name in ["actor", "key", "ip"] {
        let (_, value) = values.iter().find(|(known, _)| known == name).expect("a value");
        let sections = ask::sections(value, &session, window).await.expect("the sections of an entity");
        let seen = &sections[0];
        assert_eq!((seen.title.as_str(), seen.rows.len()), ("Activity", 1), "{value}");
        assert!(sections.iter().filter(|section| !section.rows.is_empty()).count() >= 5, "{value}: {sections:?}");
    }
    let actor = &values[0].1;
    let page = succeeds(&["entity", actor, "--lake", &lake, "--hunt", "--detector", "new_place"]).out;
    assert!(page.starts_with(&format!("identity: {actor}, ")), "{page}");
    for title in ["\nActivity\n", "\nFindings\n", "\nHabits: ", "\nSource addresses\n", "\nMost recent days\n"] {
        assert!(page.contains(title), "{title}: {page}");
    }
    let nobody = succeeds(&["entity", "arn:aws:iam::1:user/nobody", "--lake", &lake]).out;
    assert!(nobody.contains("not in the lake"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_of_every_table_is_documented() {
    let (session, _) = fixture::session(&[]).await.expect("an empty lake");
    let mut without = Vec::new();
    for table in session.tables() {
        let query =
            session.query(&table, &format!("SELECT * FROM {table}"), &Parameters::new()).await.expect("a table");
        let columns = ask::describe(&table, &query.schema());
        without.extend(columns.iter().filter(|c| c.doc.is_empty()).map(|column| format!("{table}.{}", column.name)));
    }
    assert!(without.is_empty(), "sql/columns.tsv does not describe {}", without.join(", "));
}

#[test]
fn questions_are_listed_and_shown_with_their_parameters() {
    let listed = succeeds(&["queries"]).out;
    assert!(
        listed.lines().any(|line| line.starts_with("key_timeline ") && line.ends_with("(key=..., rows=1000)")),
        "{listed}"
    );
    assert!(succeeds(&["queries", "key_timeline"]).out.contains("WHERE access_key_id = $key"));
    let ran = trailhunt(&["queries", "timeline"]);
    assert!(
        ran.code == 2 && ran.err.contains("no question timeline; did you mean address_timeline or "),
        "{}",
        ran.err
    );
}

/// A change of 10 January 2024 at this minute.
fn change(minute: u32, service: &str, api: &str, agent: &str, changes: &serde_json::Value) -> serde_json::Value {
    let mut record = serde_json::json!({
        "eventVersion": "1.09", "eventTime": format!("2024-01-10T10:{minute:02}:00Z"),
        "eventID": format!("0e1d2c3b-0000-4000-8000-{minute:012}"), "eventSource": format!("{service}.amazonaws.com"),
        "eventName": api, "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.7", "userAgent": agent,
        "eventType": "AwsApiCall", "recipientAccountId": "111122223333", "readOnly": false, "managementEvent": true,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/maria", "accountId": "111122223333"}
    });
    for (member, value) in changes.as_object().expect("changes are members") {
        record[member] = value.clone();
    }
    record
}

#[test]
fn clickops_lists_console_changes_to_what_code_made_before() {
    use serde_json::json;
    let dir = tempfile::tempdir().unwrap();
    let (code, console) =
        ("APN/1.0 HashiCorp/1.0 Terraform/1.8.7 (+https://www.terraform.io)", "Mozilla/5.0 (X11; Linux)");
    let bucket = |name: &str| json!({"requestParameters": {"bucketName": name}});
    let group = "sg-0123456789abcdef0";
    let rule = json!({"requestParameters": {"groupId": group, "ipPermissions": {}}});
    let topic = json!({"requestParameters": {"topicArn": "arn:aws:sns:eu-west-1:111122223333:orders"}});
    let stack = json!({"requestParameters": {"functionName": "resize"}, "sourceIPAddress": "cloudformation.amazonaws.com",
        "userAgent": "cloudformation.amazonaws.com"});
    let on_behalf = json!({"requestParameters": {"functionName": "resize"}, "sessionCredentialFromConsole": "true",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/maria", "accountId": "111122223333",
            "invokedBy": "cloudformation.amazonaws.com"}});
    let flagged = json!({"requestParameters": {"functionName": "arn:aws:lambda:eu-west-1:111122223333:function:resize"},
        "sessionCredentialFromConsole": "true"});
    let denied = json!({"requestParameters": {"bucketName": "logs"}, "errorCode": "AccessDenied"});
    let read = json!({"requestParameters": {"bucketName": "logs"}, "readOnly": true});
    let request = |request: &serde_json::Value| json!({"requestParameters": request});
    let second = json!({"instanceId": "i-0a1b2c3d4e5f60719"});
    let launch = |instances: &serde_json::Value| {
        json!({"requestParameters": {"instancesSet": {"items": [{"imageId": "ami-0a1b2c3d4e5f60718"}]}},
            "responseElements": {"instancesSet": {"items": instances}, "vpcId": "vpc-0a1b2c3d4e5f60718"}})
    };
    let attach =
        |role: &str| request(&json!({"roleName": role, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}));
    let records = [
        change(0, "s3", "PutBucketPolicy", console, &bucket("logs")),
        change(1, "s3", "CreateBucket", code, &bucket("logs")),
        change(
            2,
            "ec2",
            "CreateSecurityGroup",
            "APN/1.0 Pulumi/1.0",
            &json!({"requestParameters": {"groupName": "web"},
            "responseElements": {"groupId": group}}),
        ),
        change(3, "sns", "CreateTopic", "aws-sdk-js/3 aws-cdk/2.1", &json!({"requestParameters": {"name": "orders"}})),
        change(4, "lambda", "CreateFunction20150331", "", &stack),
        change(5, "lambda", "UpdateFunctionCode20150331v2", "", &on_behalf),
        change(
            6,
            "ec2",
            "CreateVpc",
            code,
            &json!({"requestParameters": {"cidrBlock": "10.0.0.0/16"},
            "responseElements": {"vpc": {"vpcId": "vpc-0a1b2c3d4e5f60718"}}}),
        ),
        change(7, "ec2", "RunInstances", code, &launch(&json!([{"instanceId": "i-0a1b2c3d4e5f60718"}, second]))),
        change(8, "iam", "AttachRolePolicy", code, &attach("app")),
        change(
            9,
            "autoscaling",
            "CreateAutoScalingGroup",
            code,
            &request(&json!({"autoScalingGroupName": "web",
            "launchTemplate": {"launchTemplateId": "lt-0a1b2c3d4e5f60718"}})),
        ),
        // Manual changes.
        change(10, "s3", "PutBucketPolicy", console, &bucket("logs")),
        change(11, "ec2", "AuthorizeSecurityGroupIngress", console, &rule),
        change(12, "sns", "SetTopicAttributes", "[SNSConsole/0.1]", &topic),
        change(13, "lambda", "UpdateFunctionCode20150331v2", "aws-sdk-java/2", &flagged),
        change(14, "ec2", "TerminateInstances", console, &request(&json!({"instancesSet": {"items": [second]}}))),
        change(
            15,
            "ec2",
            "CreateTags",
            console,
            &request(&json!({"resourcesSet": {"items": [{"resourceId": group}]}})),
        ),
        change(16, "iam", "PutRolePolicy", console, &request(&json!({"roleName": "app", "policyName": "more"}))),
        change(17, "autoscaling", "UpdateAutoScalingGroup", console, &request(&json!({"autoScalingGroupName": "web"}))),
        // What is made by hand in a network, from an image or with AWS's policy of code is nobody else's.
        change(
            30,
            "ec2",
            "CreateSubnet",
            console,
            &json!({"requestParameters": {"vpcId": "vpc-0a1b2c3d4e5f60718"},
            "responseElements": {"subnet": {"vpcId": "vpc-0a1b2c3d4e5f60718", "subnetId": "subnet-0a1b2c3d4e5f60719"}}}),
        ),
        change(31, "ec2", "RunInstances", console, &launch(&json!([{"instanceId": "i-0a1b2c3d4e5f60799"}]))),
        change(32, "iam", "AttachRolePolicy", console, &attach("mine")),
        // Others: nobody's bucket, denied, reads, by another program, by code.
        change(20, "s3", "PutBucketPolicy", console, &bucket("handmade")),
        change(21, "s3", "DeleteBucketPolicy", console, &denied),
        change(22, "s3", "GetBucketPolicy", console, &read),
        change(23, "s3", "PutBucketPolicy", "aws-cli/2.15", &bucket("logs")),
        change(24, "s3", "PutBucketPolicy", code, &bucket("logs")),
    ];
    common::archive(&dir.path().join("archive"), &records);
    let lake = dir.path().join("lake");
    succeeds(&["ingest", arg(&dir.path().join("archive")), "--lake", arg(&lake)]);
    let answer = succeeds(&["query", "clickops", "--lake", arg(&lake), "--format", "json"]).out;
    let answer: Vec<serde_json::Value> = serde_json::from_str(&answer).expect("JSON");
    let rows: Vec<_> = answer
        .iter()
        .map(|row| {
            ["api", "resource", "owned_by", "last_change_by_owner"].map(|name| row[name].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        rows,
        [
            ["PutBucketPolicy", "logs", "Terraform", "2024-01-10T10:01:00Z"],
            ["AuthorizeSecurityGroupIngress", group, "Pulumi", "2024-01-10T10:02:00Z"],
            ["SetTopicAttributes", "orders", "CDK", "2024-01-10T10:03:00Z"],
            ["UpdateFunctionCode", "resize", "CloudFormation", "2024-01-10T10:05:00Z"],
            ["TerminateInstances", "i-0a1b2c3d4e5f60719", "Terraform", "2024-01-10T10:07:00Z"],
            ["CreateTags", group, "Pulumi", "2024-01-10T10:02:00Z"],
            ["PutRolePolicy", "app", "Terraform", "2024-01-10T10:08:00Z"],
            ["UpdateAutoScalingGroup", "web", "Terraform", "2024-01-10T10:09:00Z"],
        ]
    );
}
