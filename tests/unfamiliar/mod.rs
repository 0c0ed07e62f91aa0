//! What the detectors say in a company they were not built for: one test per class of mistake that detectors made in
//! organisations nobody knew. Each compares what should be reported with a twin that differs in the one thing that
//! matters.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod agents;
mod company;

use chrono::Duration;
use company::*;
use serde_json::{Value, json};
use trailhunt::detect::Severity;

/// What people do to look around from a shell.
const LOOK_AROUND: [&str; 4] = ["sts:GetCallerIdentity", "s3:ListBuckets", "ec2:DescribeInstances", "iam:ListUsers"];

fn look_around() -> impl Iterator<Item = (&'static str, Value)> {
    LOOK_AROUND.into_iter().map(|api| (api, json!({})))
}

fn read_secret(name: impl std::fmt::Display) -> (&'static str, Value) {
    ("secretsmanager:GetSecretValue", json!({ "secretId": name.to_string() }))
}

#[test]
fn a_policy_that_cloudtrail_left_out_is_reported() {
    let mut company = Company::new();
    let hidden = json!({ "reason": "requestParameters too large", "originalSize": 104_448, "omitted": true });
    company.call(&Caller::person("declan"), today("11:00"), "iam:PutRolePolicy", hidden.clone());
    company.call(&Caller::person("niall"), today("11:05"), "iam:CreatePolicyVersion", hidden);
    let document =
        policy(&json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::ferry-maps/*" }));
    let plain = json!({ "roleName": "gate", "policyName": "maps", "policyDocument": document });
    company.call(&Caller::person("eimear"), today("11:10"), "iam:PutRolePolicy", plain);
    let found = company.hunt(&["sensitive_api"]);
    assert!(found.alerts("declan").contains(": policy hidden by its size;"), "{found}");
    found.alerts("niall");
    assert_eq!(found.severity("eimear"), Some(Severity::Low), "{found}");
}

#[test]
fn trust_is_judged_by_who_gets_it_and_by_what_the_role_is() {
    let mut company = Company::new();
    let administrator =
        json!({ "roleName": "freight-report", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess" });
    company.call(&Caller::person("orla"), at(2, "14:00"), "iam:AttachRolePolicy", administrator);
    let trust = |principal: Value, condition: Value| {
        policy(&json!({
            "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition
        }))
    };
    let mut change = |name: &str, role: &str, principal: Value, condition: Value| {
        let request = json!({ "roleName": role, "policyDocument": trust(principal, condition) });
        company.call(&Caller::person(name), today("12:00"), "iam:UpdateAssumeRolePolicy", request);
    };
    let own = json!({ "AWS": iam("user/legacy-deploy") });
    change("brendan", "harbour-api", own.clone(), json!({}));
    change("ciara", "never-used", own.clone(), json!({}));
    change("declan", "freight-report", own, json!({}));
    let encrypted = json!({ "Bool": { "aws:SecureTransport": "true" }, "StringLike": { "aws:PrincipalArn": "*" } });
    change("eimear", "harbour-api", json!("*"), encrypted);
    let organisation = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-ferry12345" } });
    change("fergal", "harbour-api", json!({ "AWS": "*" }), organisation);

    let host = "token.actions.githubusercontent.com";
    let provider = json!({ "Federated": iam(&format!("oidc-provider/{host}")) });
    let mut create = |name: &str, role: &str, condition: Value| {
        let request = json!({ "roleName": role, "assumeRolePolicyDocument": trust(provider.clone(), condition) });
        company.call(&Caller::person(name), today("12:30"), "iam:CreateRole", request);
    };
    let audience = format!("{host}:aud");
    create("grainne", "build-any", json!({ "StringEquals": { &audience: "sts.amazonaws.com" } }));
    let subject = format!("{host}:sub");
    create(
        "niall",
        "build-ours",
        json!({ "StringEquals": { &audience: "sts.amazonaws.com" }, "StringLike": { subject: "repo:ferryline/gates:*" } }),
    );
    let found = company.hunt(&["sensitive_api"]);
    assert_eq!(found.severity("brendan"), Some(Severity::Low), "a role in daily use\n{found}");
    found.alerts("ciara");
    found.alerts("declan");
    assert_eq!(found.severity("eimear"), Some(Severity::High), "{found}");
    found.alerts("fergal");
    assert_eq!(found.severity("grainne"), Some(Severity::High), "{found}");
    assert_eq!(found.severity("niall"), None, "{found}");
}

#[test]
fn control_planes_beside_iam_are_judged_by_what_they_change() {
    let for_principal = |principal: Value| {
        policy(&json!({ "Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*" }))
    };
    // A call that matters, and its twin.
    let cases = [
        (
            "sso:AttachManagedPolicyToPermissionSet",
            json!({ "managedPolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess" }),
        ),
        (
            "sso:AttachManagedPolicyToPermissionSet",
            json!({ "managedPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess" }),
        ),
        ("organizations:DetachPolicy", json!({ "policyId": "p-ferry001", "targetId": ACCOUNT })),
        ("organizations:AttachPolicy", json!({ "policyId": "p-ferry001", "targetId": ACCOUNT })),
        (
            "eks:AssociateAccessPolicy",
            json!({ "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy" }),
        ),
        (
            "eks:AssociateAccessPolicy",
            json!({ "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy" }),
        ),
        (
            "sts:AssumeRoot",
            json!({ "targetPrincipal": ACCOUNT, "taskPolicyArn": { "arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy" } }),
        ),
        (
            "sts:AssumeRoot",
            json!({ "targetPrincipal": ACCOUNT, "taskPolicyArn": { "arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials" } }),
        ),
        ("backup:DeleteBackupVaultLockConfiguration", json!({ "backupVaultName": "tapes" })),
        ("backup:PutBackupVaultLockConfiguration", json!({ "backupVaultName": "tapes" })),
        ("route53domains:DisableDomainTransferLock", json!({ "domainName": "ferryline.example" })),
        ("route53domains:EnableDomainTransferLock", json!({ "domainName": "ferryline.example" })),
        ("lambda:CreateFunctionUrlConfig", json!({ "functionName": "timetable", "authType": "NONE" })),
        ("lambda:CreateFunctionUrlConfig", json!({ "functionName": "timetable", "authType": "AWS_IAM" })),
        (
            "cognito-identity:CreateIdentityPool",
            json!({ "identityPoolName": "app", "allowUnauthenticatedIdentities": true }),
        ),
        (
            "cognito-identity:CreateIdentityPool",
            json!({ "identityPoolName": "app", "allowUnauthenticatedIdentities": false }),
        ),
        (
            "redshift:AuthorizeSnapshotAccess",
            json!({ "snapshotIdentifier": "sales", "accountWithRestoreAccess": OUTSIDER }),
        ),
        (
            "redshift:AuthorizeSnapshotAccess",
            json!({ "snapshotIdentifier": "sales", "accountWithRestoreAccess": MANAGEMENT }),
        ),
        ("lambda:AddPermission20150331v2", json!({ "functionName": "timetable", "principal": "*" })),
        (
            "lambda:AddPermission20150331v2",
            json!({ "functionName": "timetable", "principal": "*", "principalOrgID": "o-ferry12345" }),
        ),
        ("events:PutPermission", json!({ "principal": "*", "action": "events:PutEvents" })),
        (
            "events:PutPermission",
            json!({ "principal": "*", "condition": { "key": "aws:PrincipalOrgID", "value": "o-ferry12345" } }),
        ),
        ("kms:PutKeyPolicy", json!({ "keyId": "k", "policy": for_principal(json!({ "AWS": "*" })) })),
        ("kms:PutKeyPolicy", json!({ "keyId": "k", "policy": for_principal(json!({ "AWS": iam("root") })) })),
        ("glue:PutResourcePolicy", json!({ "policyInJson": for_principal(json!("*")) })),
        ("glue:PutResourcePolicy", json!({ "policyInJson": for_principal(json!({ "AWS": iam("root") })) })),
    ];
    let mut company = Company::new();
    for (n, (api, request)) in cases.iter().enumerate() {
        company.call(&Caller::person(&format!("person-{n:02}")), today("12:00"), api, request.clone());
    }
    let found = company.hunt(&["sensitive_api"]);
    for (n, (api, request)) in cases.iter().enumerate() {
        let is_reported = found.severity(&format!("person-{n:02}")) >= Some(Severity::Medium);
        assert_eq!(is_reported, n % 2 == 0, "{api} {request}\n{found}");
    }
}

#[test]
fn buckets_that_expire_soon_count_as_deleted() {
    let mut company = Company::new();
    let mut expire = |name: &str, prefix: &str| {
        for bucket in ["maps", "tapes", "tickets", "manifests", "photos"] {
            let rule = json!({ "ID": "tidy", "Status": "Enabled", "Filter": { "Prefix": prefix }, "Expiration": { "Days": 7 } });
            let request =
                json!({ "bucketName": format!("ferry-{bucket}"), "LifecycleConfiguration": { "Rule": rule } });
            company.call(&Caller::person(name), today("15:00"), "s3:PutBucketLifecycle", request);
        }
    };
    expire("ciara", "");
    expire("declan", "tmp/");
    let found = company.hunt(&["data_destruction"]);
    found.alerts("ciara");
    assert_eq!(found.severity("declan"), None, "{found}");
}

#[test]
fn commands_count_the_machines_they_are_for() {
    let mut company = Company::new();
    let mut send = |name: &str, machines: Value| {
        let mut request = json!({ "documentName": "AWS-RunShellScript" });
        request.as_object_mut().unwrap().extend(machines.as_object().unwrap().clone());
        company.call(&Caller::person(name), today("13:00"), "ssm:SendCommand", request);
    };
    send("aoife", json!({ "targets": [{ "key": "tag:Fleet", "values": ["ferry"] }] }));
    let ids: Vec<String> = (0..45).map(|n| format!("i-0{n:016x}")).collect();
    send("brendan", json!({ "instanceIds": ids }));
    send("ciara", json!({ "instanceIds": ids[..1] }));
    let all = json!({ "name": "AWS-RunShellScript", "targets": [{ "key": "InstanceIds", "values": ["*"] }] });
    company.call(&Caller::person("niall"), today("13:00"), "ssm:CreateAssociation", all);
    let found = company.hunt(&["remote_commands"]);
    assert!(
        found
            .alerts("aoife")
            .contains("on all machines of a tag, a group or the account with ssm.amazonaws.com:SendCommand (1 call)"),
        "{found}"
    );
    assert!(found.alerts("brendan").contains("on 45 machines with ssm.amazonaws.com:SendCommand (1 call)"), "{found}");
    assert_eq!(found.severity("ciara"), Some(Severity::Low), "{found}");
    found.alerts("niall");
}

#[test]
fn what_a_service_does_counts_for_whoever_asked_it() {
    let mut company = Company::new();
    let ask = Caller::person("brendan").with(CLI);
    company.update_stack(&ask, today("14:30"), "CreateStack");
    let stack = Caller::role("dock-stack", "AWSCloudFormation").through("cloudformation.amazonaws.com");
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let outside = json!({ "Effect": "Allow", "Principal": { "AWS": OUTSIDER }, "Action": "sts:AssumeRole" });
    let steps = [
        ("iam:CreateUser", json!({ "userName": "buoy" })),
        ("iam:AttachUserPolicy", json!({ "userName": "buoy", "policyArn": administrator })),
        ("iam:CreateAccessKey", json!({ "userName": "buoy" })),
        ("iam:CreateRole", json!({ "roleName": "pilot-boat", "assumeRolePolicyDocument": policy(&outside) })),
    ];
    company.calls(&stack, today("14:30:20"), steps);
    let service = Caller::service_role("AWSServiceRoleForSSO", "sso.amazonaws.com");
    let request = json!({ "roleName": "AWSReservedSSO_Steward_77aa22bb33cc44dd", "policyArn": administrator });
    company.call(&service, today("14:40"), "iam:AttachRolePolicy", request);
    // Without a role of its own, a stack acts as whoever started it. An automation is given a role, as a stack is.
    let grant = |user: &str| json!({ "userName": user, "policyArn": administrator });
    let own = Caller::person("ciara").through("cloudformation.amazonaws.com");
    company.call(&own, today("15:00"), "iam:AttachUserPolicy", grant("jetty"));
    let request =
        json!({ "documentName": "tidy", "parameters": { "AutomationAssumeRole": [iam("role/auto-runner")] } });
    company.call(&Caller::person("declan"), today("15:10"), "ssm:StartAutomationExecution", request);
    let automation = Caller::role("auto-runner", "Automation").through("ssm.amazonaws.com");
    company.call(&automation, today("15:11"), "iam:AttachUserPolicy", grant("wharf"));
    let product = Caller::role("catalog-launch", "servicecatalog").through("cloudformation.amazonaws.com");
    company.call(&product, today("15:20"), "iam:AttachUserPolicy", grant("slip"));
    let found = company.hunt(&["sensitive_api"]);
    for name in ["ciara", "declan", "catalog-launch"] {
        assert!(found.alerts(name).contains(" through "), "{name}\n{found}");
    }
    let summary = found.alerts("brendan");
    assert!(summary.contains("through cloudformation.amazonaws.com"), "{summary}");
    for category in ["administrator granted", "trust changed"] {
        let finding = found.about("brendan").into_iter().find(|f| f.details["category"] == category);
        assert!(finding.is_some_and(|f| f.severity >= Severity::Medium), "{category}\n{found}");
    }
    // Her stack was updated the same day, as every few days, with the same role.
    assert!(found.severity("orla").is_some(), "{found}");
    found.is_calm_about("orla");
    assert_eq!(found.severity("AWSServiceRoleForSSO"), None, "{found}");
    assert_eq!(found.severity("dock-stack"), None, "{found}");
}

#[test]
fn credentials_of_workloads_are_expected_where_the_workloads_run() {
    let mut company = Company::new();
    let instance = |role: &str, n: u32| Caller::role(role, &format!("i-0b7c41d29e83fa56{n}")).of_instance();
    let secret = || [read_secret("booking/db")];
    company.calls(&instance("booking-web", 0).at_endpoint_of(OUTSIDER), today("22:00"), secret());
    company.calls(&instance("ticket-web", 1).at_endpoint_of(MANAGEMENT), today("22:00"), secret());
    company.calls(&Caller::role("timetable-task", "0123456789abcdef").from(RENTED), today("22:10"), look_around());
    company.calls(
        &Caller::role("freight-report", "help@ferryline.example").from(RENTED),
        today("22:20"),
        look_around(),
    );
    company.calls(&Caller::role("harbour-api", "0123456789abcdef").from(OFFICE), today("11:00"), look_around());
    // An honest test from the office explains nothing that comes from elsewhere later.
    company.calls(&Caller::role("freight-report", "nightly").from(OFFICE), today("11:10"), look_around());
    let found = company.hunt(&["credentials_outside_aws"]);
    assert!(found.alerts("booking-web").contains(&format!("VPC endpoint of account {OUTSIDER}")), "{found}");
    assert_eq!(found.severity("ticket-web"), None, "an endpoint of the company\n{found}");
    found.alerts("timetable-task");
    assert!(found.alerts("freight-report").contains(&format!("made 4 calls from {RENTED}")), "{found}");
    assert_eq!(found.severity("harbour-api"), Some(Severity::Low), "the company's own line\n{found}");
}

/// Detectors of who is where.
const PLACES: [&str; 4] = ["credentials_outside_aws", "impossible_travel", "new_place", "key_from_two_networks"];

#[test]
fn machines_that_call_through_the_office_and_a_shell_in_aws_are_where_they_belong() {
    let mut company = Company::new();
    for record in company.records_of_today().filter(|record| record["sourceIPAddress"] == GATEWAY) {
        record["sourceIPAddress"] = OFFICE.into();
    }
    let in_shell = |name: &str, address: &str| Caller::person(name).from(address).with(CLI_LINUX);
    company.call(&Caller::person("ciara"), today("12:00"), "cloudshell:CreateSession", json!({}));
    company.calls(&in_shell("ciara", AMAZON_US), today("12:05"), look_around());
    // The same from a server that somebody rents there.
    company.call(&Caller::person("declan"), today("12:00"), "s3:ListBuckets", json!({}));
    company.calls(&in_shell("declan", "3.210.77.9"), today("12:05"), look_around());
    let found = company.hunt(&PLACES);
    for machine in ["booking-web", "ticket-web", "freight-report"] {
        assert!(found.severity(machine).is_some(), "a note is right: {machine}\n{found}");
        found.is_calm_about(machine);
    }
    found.is_calm_about("ciara");
    found.alerts("declan");
}

#[test]
fn a_proxy_for_everybody_is_no_journey_of_each() {
    let exit = |n: usize| ["163.116.145.3", "163.116.160.9", "163.116.240.4"][n % 3];
    let browse = |company: &mut Company, n: usize| {
        let caller = Caller::person(PEOPLE[n]);
        company.call(&caller, today("10:55"), "ec2:DescribeInstances", json!({}));
        company.call(&caller.from(exit(n)), today("11:05"), "ec2:DescribeInstances", json!({}));
    };
    let mut company = Company::new();
    (0..PEOPLE.len()).for_each(|n| browse(&mut company, n));
    // Somebody else has the session of one of them, from a rented server.
    let thief = Caller::person(PEOPLE[0]).from(RENTED_SG).with(CLI_LINUX);
    company.calls(&thief, today("15:00"), look_around());
    let everybody = company.hunt(&PLACES);
    PEOPLE[1..].iter().for_each(|name| everybody.is_calm_about(name));
    assert!(everybody.alerts(PEOPLE[0]).contains(RENTED_SG), "{everybody}");

    let mut company = Company::new();
    browse(&mut company, 7);
    company.hunt(&PLACES).alerts(PEOPLE[7]);

    // On a holiday, those few are all who work.
    let mut company = Company::new();
    company.only_people_today(&PEOPLE[..3]);
    (0..3).for_each(|n| browse(&mut company, n));
    let found = company.hunt(&PLACES);
    for name in &PEOPLE[..3] {
        found.alerts(name);
    }
}

#[test]
fn root_is_active_only_when_somebody_is_signed_in() {
    let mut company = Company::new();
    let mut sign_in = |account: &str, refused: bool| {
        let record =
            company.call(&Caller::root(account).from(RENTED), today("03:00"), "signin:ConsoleLogin", Value::Null);
        record["eventType"] = "AwsConsoleSignIn".into();
        record["responseElements"] = json!({ "ConsoleLogin": if refused { "Failure" } else { "Success" } });
        if refused {
            record["errorMessage"] = "Failed authentication".into();
        }
    };
    let [refused, signed_in, audited, changed] = ["100000000001", "100000000002", "100000000003", "100000000004"];
    sign_in(refused, true);
    sign_in(signed_in, false);
    let audit = Caller::root(audited).for_a_task().from(GATEWAY);
    company.call(&audit, today("05:00"), "iam:ListAccessKeys", json!({}));
    let task = Caller::root(changed).for_a_task().from(GATEWAY);
    company.call(&task, today("05:00"), "s3:DeleteBucketPolicy", json!({ "bucketName": "ferry-tapes" }));
    // Anybody can ask for a new password; only who reads root's mail can set it.
    let [asked, recovered] = ["100000000005", "100000000006"];
    let stranger = |account| Caller::root(account).from(RENTED);
    company.call(&stranger(asked), today("03:10"), "signin:PasswordRecoveryRequested", Value::Null);
    company.call(&stranger(recovered), today("03:10"), "signin:PasswordRecoveryCompleted", Value::Null);
    let found = company.hunt(&["root_use", "new_identity_abroad"]);
    for account in [refused, asked] {
        assert_eq!(found.severity(account), Some(Severity::Low), "{found}");
        assert!(found.about(account)[0].summary.starts_with("nobody signed in as root"), "{found}");
    }
    assert_eq!(found.severity(recovered), Some(Severity::High), "{found}");
    found.alerts(signed_in);
    assert_eq!(found.severity(audited), Some(Severity::Low), "{found}");
    found.alerts(changed);
}

#[test]
fn secrets_are_counted_within_any_hour_and_a_new_workload_may_read_its_own() {
    let secrets = |from: u32, to: u32| (from..to).map(|n| read_secret(format!("quay/{n}")));
    let mut company = Company::new();
    company.calls(&Caller::role("secrets-of-quay", "sync"), today("09:00"), secrets(0, 24));
    company.calls(&Caller::role("secrets-of-pier", "sync").from(RENTED), today("09:00"), secrets(0, 24));
    let names: Vec<String> = (0..20).map(|n| format!("quay/{n}")).collect();
    let batch = json!({ "secretIdList": names });
    company.call(&Caller::person("aoife"), today("10:00"), "secretsmanager:BatchGetSecretValue", batch);
    company.calls(&Caller::person("brendan"), today("13:52"), secrets(0, 5));
    company.calls(&Caller::person("brendan"), today("14:10"), secrets(5, 10));
    company.calls(&Caller::person("ciara"), today("13:52"), secrets(0, 5));
    company.calls(&Caller::person("ciara"), today("15:10"), secrets(5, 10));
    let found = company.hunt(&["secret_harvest"]);
    assert_eq!(found.severity("secrets-of-quay"), Some(Severity::Low), "{found}");
    found.alerts("secrets-of-pier");
    assert!(found.alerts("aoife").contains("20 different secrets"), "{found}");
    assert!(found.alerts("brendan").contains("10 different secrets"), "{found}");
    assert_eq!(found.severity("ciara"), None, "{found}");
}

/// APIs of eight services that a thief tries.
const TRIED: [&str; 8] = [
    "rds:DescribeDBInstances",
    "kms:ListKeys",
    "sns:ListTopics",
    "backup:ListBackupVaults",
    "ecr:DescribeRepositories",
    "eks:ListClusters",
    "glue:GetDatabases",
    "wafv2:ListWebACLs",
];

#[test]
fn denials_are_counted_within_any_hour_and_are_part_of_a_scanners_work() {
    let mut company = Company::new();
    let denied = |company: &mut Company, caller: &Caller, at, api: &str| {
        company.call(caller, at, api, json!({}))["errorCode"] = "AccessDenied".into();
    };
    let (thief, clumsy) = (Caller::person("declan").with(CLI_LINUX), Caller::person("eimear").with(CLI_LINUX));
    for (n, api) in TRIED.iter().enumerate() {
        denied(&mut company, &thief, today("13:56") + Duration::minutes(n as i64), api);
        denied(&mut company, &clumsy, today("09:00") + Duration::minutes(70 * n as i64), api);
    }
    // Two scanners ask for sixteen APIs every night, two of which are denied. In the last night, ten are new and denied.
    let scan = |company: &mut Company, caller: &Caller, day: u64| {
        for n in 0..14 {
            company.call(caller, at(day, "04:00") + Duration::seconds(n), &format!("config:GetPart{n}"), json!({}));
        }
        denied(company, caller, at(day, "04:01"), "glue:GetMLTransforms");
        denied(company, caller, at(day, "04:02"), "dlm:GetLifecyclePolicies");
        for n in 0..10 {
            if day == 21 {
                denied(company, caller, at(day, "04:03") + Duration::seconds(n), &format!("new-{n}:ListThings"));
            }
        }
    };
    for day in 1..=21 {
        scan(&mut company, &Caller::role("hull-scan", "scan").from(AMAZON_US), day);
        let address = if day == 21 { RENTED_SG } else { AMAZON_US };
        scan(&mut company, &Caller::role("keel-scan", "scan").from(address), day);
    }
    let found = company.hunt(&["denied_breadth"]);
    assert!(found.alerts("declan").contains("denied 8 APIs of 8 services in an hour"), "{found}");
    assert_eq!(found.severity("eimear"), None, "{found}");
    assert_eq!(found.severity("hull-scan"), Some(Severity::Low), "{found}");
    found.alerts("keel-scan");
}

#[test]
fn new_checks_of_a_scanner_and_denials_among_much_work_are_no_probing() {
    let mut company = Company::new();
    let denied = |company: &mut Company, caller: &Caller, at, api: &str| {
        company.call(caller, at, api, json!({}))["errorCode"] = "AccessDenied".into();
    };
    // The scan reads IAM only. A program of which somebody has taken hold does not audit.
    let scan = Caller::role("hull-scan", "scan").from(AMAZON_US);
    for day in 1..=21 {
        for n in 0..8 {
            company.call(&scan, at(day, "04:00") + Duration::seconds(n), &format!("iam:ListPart{n}"), json!({}));
        }
    }
    for n in 0..14 {
        let time = today("04:01") + Duration::seconds(n);
        denied(&mut company, &scan, time, &format!("new-{n}:ListThings"));
        denied(&mut company, &Caller::role("harbour-api", "0123456789abcdef"), time, &format!("new-{n}:ListThings"));
    }
    // A responder gets most of what they ask for; whoever tries out credentials does not.
    for n in 0..9 {
        let time = today("14:00") + Duration::seconds(n);
        for name in ["fergal", "grainne"] {
            denied(&mut company, &Caller::person(name), time, &format!("new-{n}:ListThings"));
        }
        for part in ["A", "B"] {
            company.call(&Caller::person("fergal"), time, &format!("new-{n}:List{part}"), json!({}));
        }
    }
    let found = company.hunt(&["denied_breadth"]);
    ["hull-scan", "fergal"].iter().for_each(|name| assert_eq!(found.severity(name), Some(Severity::Low), "{found}"));
    ["harbour-api", "grainne"].iter().for_each(|name| assert!(!found.alerts(name).is_empty()));
}

#[test]
fn a_profile_that_nothing_used_before_is_not_given_to_a_machine() {
    let mut company = Company::new();
    let mut associate = |name: &str, profile: &str| {
        let profile = json!({ "arn": iam(&format!("instance-profile/{profile}")) });
        let request = json!({ "AssociateIamInstanceProfileRequest": {
            "InstanceId": "i-0b7c41d29e83fa560", "IamInstanceProfile": profile
        } });
        company.call(&Caller::person(name), today("13:00"), "ec2:AssociateIamInstanceProfile", request);
    };
    associate("declan", "lighthouse-master");
    associate("eimear", "booking-web");
    let found = company.hunt(&["sensitive_api"]);
    found.alerts("declan");
    assert_eq!(found.severity("eimear"), Some(Severity::Low), "{found}");
}

#[test]
fn new_identities_are_compared_with_the_whole_company() {
    let mut company = Company::new();
    company.calls(&Caller::user("porter").from(RENTED), today("10:00"), look_around());
    company.calls(&Caller::user("steward").with("rclone/v1.68.2"), today("10:05"), look_around());
    company.calls(&Caller::user("purser"), today("10:10"), look_around());
    company.call(&Caller::person("brendan"), today("10:20"), "iam:CreateUser", json!({ "userName": "stowaway" }));
    let stowaway = Caller::user("stowaway").from(RENTED_2);
    company.calls(&stowaway, today("10:30"), look_around());
    company.calls(&stowaway, today("10:31"), [read_secret("booking/db")]);
    let found = company.hunt(&["new_identity_abroad"]);
    assert_eq!(found.severity("porter"), Some(Severity::Medium), "{found}");
    assert_eq!(found.severity("steward"), Some(Severity::Medium), "{found}");
    assert_eq!(found.severity("purser"), None, "{found}");
    assert_eq!(found.severity("stowaway"), Some(Severity::High), "{found}");
}

#[test]
fn signs_in_chosen_names_match_nothing_else() {
    let mut company = Company::new();
    // In LIKE, the names on the right match the names on the left.
    for (actor, other) in [("dock-hand", "dock_hand"), ("deck-hand", "%"), ("rope-hand", "rope-hand")] {
        let caller = Caller::user(actor);
        company.calls(&caller, today("12:00"), look_around());
        let made_key = format!("AKIANEW{}", actor.to_uppercase());
        let record = company.call(&caller, today("12:05"), "iam:CreateAccessKey", json!({ "userName": other }));
        record["responseElements"] = json!({ "accessKey": { "userName": other, "accessKeyId": made_key } });
        company.call(&Caller::user(other).with_key(&made_key), today("12:10"), "sts:GetCallerIdentity", json!({}));
    }
    let join = |company: &mut Company, actor: &str, user: &str, at| {
        company.call(
            &Caller::user(actor),
            at,
            "iam:AddUserToGroup",
            json!({ "groupName": "readers", "userName": user }),
        );
    };
    // A group that gets new members all the time: only whoever adds itself is reported.
    for day in 1..=6 {
        join(&mut company, "legacy-deploy", &format!("reader-{day}"), at(day, "12:00"));
    }
    join(&mut company, "tide-watch", "tide_watch", today("12:00"));
    join(&mut company, "wind-watch", "%", today("12:00"));
    join(&mut company, "rain-watch", "rain-watch", today("12:00"));
    let found = company.hunt(&["recon_then_key", "group_joined"]);
    found.alerts("dock-hand");
    found.alerts("deck-hand");
    assert_eq!(found.severity("rope-hand"), None, "{found}");
    assert_eq!(found.severity("tide-watch"), None, "{found}");
    assert_eq!(found.severity("wind-watch"), None, "{found}");
    assert!(found.alerts("rain-watch").contains("added itself"), "{found}");
}

#[test]
fn sign_ins_through_identity_center_belong_to_people() {
    let mut company = Company::new();
    let mut sign_in = |name: &str, address: &str, time: &str, result: &str| {
        let caller = Caller::signing_in(name).from(address);
        for step in ["CredentialVerification", "UserAuthentication"] {
            if step == "UserAuthentication" && result == "Failure" {
                continue;
            }
            let record = company.call(&caller, today(time), &format!("signin:{step}"), Value::Null);
            record["serviceEventDetails"] = json!({ step: result });
        }
    };
    sign_in("aoife", OFFICE, "08:00", "Success");
    sign_in("brendan", "213.61.4.5", "08:02", "Success");
    sign_in("ciara", OFFICE, "08:04", "Success");
    sign_in("ciara", "213.61.4.5", "08:06", "Success");
    for n in 0..12 {
        sign_in(&format!("guess-{n}"), RENTED, "04:00", "Failure");
        sign_in(&format!("staff-{n}"), RENTED_2, "09:00", "Success");
    }
    // The same in records that name the person beside the identity, or not at all.
    let mut enter = |address: &str, result: &str, name: Option<String>| {
        let caller = Caller::signing_in_without_name().from(address);
        let step = if result == "Failure" { "CredentialVerification" } else { "UserAuthentication" };
        let record = company.call(&caller, today("08:20"), &format!("signin:{step}"), Value::Null);
        record["serviceEventDetails"] = json!({ step: result });
        record["additionalEventData"] = json!({ "UserName": name });
    };
    (0..4).for_each(|n| enter(RENTED_SG, "Failure", Some(format!("user-{n}"))));
    [OFFICE, "213.61.4.5"].into_iter().for_each(|address| enter(address, "Success", None));
    let found = company.hunt(&["impossible_travel", "login_failures"]);
    assert!(found.alerts(RENTED_SG).contains("4 failed sign-ins for 4 users"), "{found}");
    assert_eq!(found.severity("aoife"), None, "{found}");
    assert_eq!(found.severity("brendan"), None, "{found}");
    found.alerts("ciara");
    assert_eq!(found.severity(MANAGEMENT), None, "{found}");
    assert!(found.alerts(RENTED).contains("12 failed sign-ins for 12 users"), "{found}");
    assert_eq!(found.severity(RENTED_2), None, "{found}");
}

#[test]
fn a_permission_set_made_again_and_a_rotation_by_the_book_are_routine() {
    let mut company = Company::new();
    for record in company.records_of_today() {
        let identity = record["userIdentity"].to_string().replace("3f9a1c5e7b2d4860", "d41f0a6be8c72395");
        record["userIdentity"] = serde_json::from_str(&identity).unwrap();
    }
    // One of them, whose session somebody else has.
    let stolen = Caller::in_set("niall", "Crew_d41f0a6be8c72395", ACCOUNT).with(CLI).from(RENTED_SG);
    company.calls(&stolen, today("20:00"), look_around());
    let rotate = |company: &mut Company, name: &str, user: &str, retires: bool| {
        let caller = Caller::person(name);
        company.call(&caller, today("11:00"), "iam:CreateAccessKey", json!({ "userName": user }));
        if retires {
            let old = json!({ "userName": user, "accessKeyId": key_of(user), "status": "Inactive" });
            company.call(&caller, today("15:00"), "iam:UpdateAccessKey", old);
        }
    };
    rotate(&mut company, "orla", "tape-runner", true);
    rotate(&mut company, "padraig", "gate-agent", false);
    // Of one's own key, IAM needs no name.
    let itself = Caller::user("legacy-deploy");
    company.call(&itself, today("12:00"), "iam:CreateAccessKey", Value::Null);
    let old = json!({ "accessKeyId": key_of("legacy-deploy"), "status": "Inactive" });
    company.call(&itself, today("12:05"), "iam:UpdateAccessKey", old);
    company.call(&Caller::user("tape-runner"), today("12:00"), "iam:CreateAccessKey", Value::Null);
    let mut detectors = vec!["sensitive_api", "new_identity_abroad", "new_identity_sensitive", "new_api"];
    detectors.extend(["new_event_source", "new_user_agent", "new_resource"]);
    detectors.extend(PLACES);
    let found = company.hunt(&detectors);
    PEOPLE[..7].iter().for_each(|name| found.is_calm_about(name));
    found.alerts("niall");
    let rotated = found.about("orla").into_iter().find(|f| f.details["category"] == "credentials created");
    assert_eq!(rotated.map(|f| f.severity), Some(Severity::Low), "{found}");
    found.is_calm_about("orla");
    found.alerts("padraig");
    let itself =
        |name: &str| found.about(name).into_iter().filter(|f| f.detector == "sensitive_api").map(|f| f.severity);
    assert_eq!(itself("legacy-deploy").max(), Some(Severity::Low), "{found}");
    assert_eq!(itself("tape-runner").max(), Some(Severity::Medium), "{found}");
}

#[test]
fn the_first_changes_in_a_service_are_reported() {
    let mut company = Company::new();
    let apis = |service: &str| ["CreateInstance", "CreateUser", "AssociateBot"].map(|api| format!("{service}:{api}"));
    let mut change = |name: &str, day: u64, service: &str| {
        for api in apis(service) {
            company.call(&Caller::person(name), at(day, "16:00"), &api, json!({}));
        }
    };
    change("aoife", 3, "lex");
    change("declan", 21, "connect");
    change("eimear", 21, "lex");
    company.call(&Caller::person("fergal"), today("16:00"), "voiceid:ListDomains", json!({}));
    let found = company.hunt(&["first_changes_in_service"]);
    assert!(found.alerts("declan").contains("connect.amazonaws.com"), "{found}");
    assert_eq!(found.severity("eimear"), None, "{found}");
    assert_eq!(found.severity("fergal"), None, "{found}");
}

#[test]
fn roles_are_the_work_of_those_who_do_it_from_where_they_always_call() {
    let mut company = Company::new();
    let platform = |name: &str| Caller::in_set(name, "Platform_0c4d8e21f6a7b935", ACCOUNT).with(CLI);
    let mut launch = |caller: &Caller, provider: &str| {
        let policy = json!({ "roleName": "harbour-api", "policyArn": "arn:aws:iam::aws:policy/PowerUserAccess" });
        company.call(caller, today("15:00"), "iam:AttachRolePolicy", policy);
        let request = json!({ "url": "https://token.actions.githubusercontent.com", "name": "provider" });
        company.call(caller, today("15:05"), &format!("iam:Create{provider}Provider"), request);
    };
    launch(&platform("padraig"), "OpenIDConnect");
    // A person is the same in a role that is new to them.
    launch(&platform("ciara"), "OpenIDConnect");
    launch(&platform("orla").from(RENTED), "OpenIDConnect");
    launch(&platform("brendan"), "SAML");
    launch(&Caller::person("declan"), "OpenIDConnect");
    // Both were away for a day; one of them still is. Users do this work if they did it before, as others do.
    ["niall", "fergal"].iter().for_each(|name| launch(&platform(name), "OpenIDConnect"));
    ["mate", "cook"].iter().for_each(|name| launch(&Caller::user(name), "OpenIDConnect"));
    for name in ["niall", "fergal"] {
        company.call(&platform(name).from(RENTED_2), at(18, "12:00"), "s3:ListBuckets", json!({}));
    }
    company.call(&platform("fergal").from(RENTED_2), today("12:00"), "s3:ListBuckets", json!({}));
    let read = json!({ "roleName": "gate", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess" });
    for (name, day) in [("bosun", 3), ("bosun", 4), ("mate", 5)] {
        company.call(&Caller::user(name), at(day, "12:00"), "iam:AttachRolePolicy", read.clone());
    }
    for day in 1..=20 {
        company.call(&Caller::user("cook"), at(day, "12:00"), "s3:ListBuckets", json!({}));
        company.call(&Caller::user("mate"), at(day, "12:00"), "s3:ListBuckets", json!({}));
    }
    let found = company.hunt(&["sensitive_api"]);
    for name in ["padraig", "ciara", "niall", "mate"] {
        assert_eq!(found.severity(name), Some(Severity::Low), "{name}\n{found}");
    }
    for name in ["orla", "brendan", "declan", "fergal", "cook"] {
        assert!(!found.alerts(name).is_empty());
    }
}

#[test]
fn code_is_replaced_by_those_who_do_so_and_where_the_company_works() {
    let mut company = Company::new();
    let image = || json!({ "repositoryName": "ferry/booking", "imageTag": "live" });
    for day in 1..=20 {
        company.call(&Caller::role("release", "build"), at(day, "03:00"), "ecr:PutImage", image());
    }
    company.call(&Caller::person("ciara"), today("15:00"), "ecr:PutImage", image());
    let start_script = |instance: &str| json!({ "instanceId": instance, "userData": "<sensitiveDataRemoved>" });
    for day in [9, 16] {
        company.call(
            &Caller::person("padraig"),
            at(day, "15:00"),
            "ec2:ModifyInstanceAttribute",
            start_script("i-0b7c41d29e83fa561"),
        );
    }
    // One of them deploys a function every day, the other edits start scripts.
    for name in ["orla", "padraig"] {
        company.call(
            &Caller::person(name),
            today("15:00"),
            "ec2:ModifyInstanceAttribute",
            start_script("i-0b7c41d29e83fa560"),
        );
    }
    // Both live at the other provider of the colleagues; one has another computer, too.
    let deploy = json!({ "functionName": "timetable" });
    let at_friends = |name: &str| Caller::person(name).from("89.100.200.7");
    let api = "lambda:UpdateFunctionCode20150331v2";
    company.call(&at_friends("eimear").with(CLI), today("16:00"), api, deploy.clone());
    company.call(&at_friends("aoife").with(CLI_LINUX), today("16:00"), api, deploy);
    let found = company.hunt(&["code_replaced"]);
    ["ciara", "orla", "aoife"].iter().for_each(|name| assert!(!found.alerts(name).is_empty()));
    ["padraig", "eimear"].iter().for_each(|name| found.is_calm_about(name));
    company.call(&Caller::person("declan"), at(12, "15:00"), "ecr:PutImage", image());
    company.hunt(&["code_replaced"]).is_calm_about("ciara");
}

#[test]
fn users_who_travel_with_their_computer_are_no_keys_on_the_move() {
    let mut company = Company::new();
    let browser = |name: &str| Caller::user(name).with(BROWSER);
    for day in 1..=20 {
        for name in ["mate", "bosun"] {
            let record = company.call(&browser(name), at(day, "08:30"), "signin:ConsoleLogin", Value::Null);
            record["responseElements"] = json!({ "ConsoleLogin": "Success" });
            company.call(&browser(name), at(day, "08:31"), "s3:ListBuckets", json!({}));
        }
        company.call(&Caller::user("winch"), at(day, "08:31"), "s3:ListBuckets", json!({}));
    }
    let abroad = [browser("mate"), Caller::user("bosun").with(CLI_LINUX), Caller::user("winch")];
    for caller in abroad {
        company.call(&caller.from(RENTED_SG), today("15:00"), "s3:ListBuckets", json!({}));
    }
    let found = company.hunt(&["new_place"]);
    assert_eq!(found.severity("mate"), Some(Severity::Low), "{found}");
    ["bosun", "winch"].iter().for_each(|name| assert!(!found.alerts(name).is_empty()));
}

#[test]
fn a_journey_is_usual_if_it_recurs_and_for_programs_if_programs_make_it() {
    let mut company = Company::new();
    let there = |name: &str| Caller::person(name).from(RENTED_SG);
    for (name, days) in [("declan", vec![5, 21]), ("eimear", vec![18, 21]), ("fergal", vec![3, 5, 21])] {
        for day in days {
            company.call(&Caller::person(name), at(day, "12:00"), "s3:ListBuckets", json!({}));
            company.call(&there(name), at(day, "12:10"), "s3:ListBuckets", json!({}));
        }
    }
    // Programs in Finland: one comes from the provider of people at home, the other from where three more run.
    let program = |name: &str| Caller::user(name).with(CLI_LINUX);
    for day in 1..=20 {
        for name in ["ice-runner", "tape-runner"] {
            company.call(&program(name).from("95.216.10.4"), at(day, "11:00"), "s3:ListBuckets", json!({}));
        }
        for name in ["log-1", "log-2", "log-3"] {
            company.call(&program(name).from(RENTED), at(day, "11:00"), "s3:ListBuckets", json!({}));
        }
    }
    for (name, address) in [("ice-runner", RENTED), ("tape-runner", "86.44.90.7")] {
        company.call(&program(name).from("95.216.10.4"), today("13:30"), "s3:ListBuckets", json!({}));
        company.call(&program(name).from(address), today("13:50"), "s3:ListBuckets", json!({}));
    }
    let found = company.hunt(&["impossible_travel"]);
    found.alerts("declan");
    ["eimear", "fergal"].iter().for_each(|name| assert_eq!(found.severity(name), None, "{name}\n{found}"));
    found.alerts("tape-runner");
    assert_eq!(found.severity("ice-runner"), Some(Severity::Low), "{found}");
}

#[test]
fn acts_that_are_routine_at_the_desk_are_reported_from_a_new_network() {
    let mut company = Company::new();
    let commands = |company: &mut Company, caller: &Caller| {
        for day in 3..=5 {
            let desk = caller.clone().from(OFFICE).with(CLI);
            company.call(&desk, at(day, "12:00"), "ssm:StartSession", json!({ "target": "i-0b7c41d29e83fa560" }));
        }
        let machines: Vec<_> = (0..6).map(|n| format!("i-0b7c41d29e83fa56{n}")).collect();
        company.call(caller, today("16:00"), "ssm:SendCommand", json!({ "instanceIds": machines }));
    };
    let deploy = json!({ "functionName": "timetable" });
    let away = Caller::person("eimear").with(CLI).from(RENTED);
    company.call(&away, today("16:00"), "lambda:UpdateFunctionCode20150331v2", deploy);
    let secrets = || (0..3).map(|n| read_secret(format!("harbour/{n}")));
    company.calls(&Caller::person("declan").with(CLI).from(RENTED_2), today("16:00"), secrets());
    company.calls(&Caller::person("fergal").with(CLI), today("16:00"), secrets());
    commands(&mut company, &Caller::person("brendan").with(CLI).from(RENTED_SG));
    commands(&mut company, &Caller::person("niall").with(CLI));
    // Users of whom two sign in to the console, as one did who runs commands.
    for day in 1..=20 {
        for name in ["mate", "bosun"] {
            let record = company.call(&Caller::user(name), at(day, "08:30"), "signin:ConsoleLogin", Value::Null);
            record["responseElements"] = json!({ "ConsoleLogin": "Success" });
        }
    }
    let machines: Vec<_> = (0..6).map(|n| format!("i-0b7c41d29e83fa56{n}")).collect();
    for (name, time) in [
        ("mate", at(7, "12:00")),
        ("mate", at(8, "12:00")),
        ("bosun", today("16:00")),
        ("legacy-deploy", today("16:00")),
    ] {
        company.call(&Caller::user(name), time, "ssm:SendCommand", json!({ "instanceIds": machines }));
    }
    let found = company.hunt(&["code_replaced", "secret_harvest", "remote_commands"]);
    assert!(found.alerts("eimear").contains("from a network that is new for it"), "{found}");
    assert_eq!(found.severity("aoife"), None, "{found}");
    assert!(found.alerts("declan").contains("read 3 different secrets"), "{found}");
    assert_eq!(found.severity("fergal"), None, "{found}");
    found.alerts("brendan");
    assert_eq!(found.severity("niall"), Some(Severity::Low), "more than ever before, but from the office\n{found}");
    assert_eq!(found.severity("bosun"), Some(Severity::Low), "{found}");
    found.alerts("legacy-deploy");
}

#[test]
fn a_bucket_copied_within_the_company_is_not_stolen() {
    let mut company = Company::new();
    let object = |company: &mut Company, caller: &Caller, at, api: &str, bucket: &str, n: usize| {
        let record = company.call(caller, at, api, json!({ "bucketName": bucket, "key": format!("{n}") }));
        record["managementEvent"] = false.into();
    };
    let job = Caller::role("freight-report", "nightly");
    for day in 1..=20 {
        object(&mut company, &job, at(day, "02:00"), "s3:GetObject", "ferry-maps", 1);
        object(&mut company, &job, at(day, "02:01"), "s3:PutObject", "ferry-atlas", 1);
    }
    for n in 0..90 {
        let time = today("14:00") + Duration::seconds(n as i64);
        for name in ["fergal", "grainne", "declan"] {
            object(&mut company, &Caller::person(name).with(CLI), time, "s3:GetObject", "ferry-maps", n);
        }
        object(&mut company, &Caller::person("fergal").with(CLI), time, "s3:PutObject", "ferry-atlas", n);
        // Nobody of the company ever used this bucket.
        object(&mut company, &Caller::person("declan").with(CLI), time, "s3:PutObject", "dropbox-7731", n);
    }
    // With a client since three days ago, and with one since today.
    let linux = |name: &str| Caller::person(name).with(CLI_LINUX);
    company.call(&linux("ciara"), at(18, "12:00"), "s3:ListBuckets", json!({}));
    for n in 0..90 {
        let time = today("14:00") + Duration::seconds(n as i64);
        for name in ["ciara", "aoife"] {
            object(&mut company, &linux(name), time, "s3:GetObject", "ferry-maps", n);
            object(&mut company, &linux(name), time, "s3:PutObject", "ferry-atlas", n);
        }
    }
    let found = company.hunt(&["bucket_reads"]);
    ["fergal", "ciara"].iter().for_each(|name| assert_eq!(found.severity(name), Some(Severity::Low), "{found}"));
    ["grainne", "declan", "aoife"].iter().for_each(|name| assert!(!found.alerts(name).is_empty()));
}

#[test]
fn a_forgotten_password_is_tried_where_the_user_signed_in_before() {
    let mut company = Company::new();
    let sign_in = |company: &mut Company, caller: &Caller, at, result: &str| {
        let record = company.call(caller, at, "signin:ConsoleLogin", Value::Null);
        record["responseElements"] = json!({ "ConsoleLogin": result });
        if result == "Failure" {
            record["errorMessage"] = "Failed authentication".into();
        }
    };
    let browser = |name: &str| Caller::user(name).with(BROWSER);
    for day in 1..=20 {
        ["mate", "bosun", "cook"]
            .iter()
            .for_each(|name| sign_in(&mut company, &browser(name), at(day, "08:30"), "Success"));
        sign_in(&mut company, &browser("purser"), at(day, "08:30"), "Success");
    }
    // The fourth is in two networks since three days ago.
    for day in 18..=21 {
        company.call(&browser("purser").from(RENTED_2), at(day, "12:00"), "s3:ListBuckets", json!({}));
    }
    // Another address of the office's provider; a rented server; and a colleague who signs in after failures.
    let there = "87.198.131.9";
    for (caller, next) in [
        (browser("mate").from(there), browser("mate").from(there)),
        (browser("bosun").from(RENTED), browser("bosun").from(RENTED)),
        (browser("cook").from("87.198.131.77"), browser("mate").from("87.198.131.77")),
        (browser("purser").from("87.198.131.88"), browser("purser").from("87.198.131.88")),
    ] {
        (0..10).for_each(|n| sign_in(&mut company, &caller, today("17:00") + Duration::seconds(20 * n), "Failure"));
        sign_in(&mut company, &next, today("17:05"), "Success");
    }
    let found = company.hunt(&["login_failures"]);
    assert_eq!(found.severity(there), Some(Severity::Low), "{found}");
    assert!(found.alerts(RENTED).contains("bosun signed in"), "{found}");
    assert!(found.alerts("87.198.131.77").starts_with("nobody signed in"), "{found}");
    assert_eq!(found.severity("87.198.131.88"), Some(Severity::Low), "{found}");
}

#[test]
fn errors_and_the_first_denials_of_an_identity_are_counted_within_any_hour() {
    let mut company = Company::new();
    let fail = |company: &mut Company, caller: &Caller, at, api: &str, code: &str| {
        company.call(caller, at, api, json!({}))["errorCode"] = code.into();
    };
    let codes =
        ["NoSuchBucketPolicy", "AccessDenied", "ValidationException", "ResourceNotFoundException", "InvalidInput"];
    for (n, code) in codes.iter().enumerate() {
        let n = n as i64;
        fail(
            &mut company,
            &Caller::person("declan"),
            today("13:58") + Duration::minutes(n),
            "s3:GetBucketPolicy",
            code,
        );
        let spread = today("09:00") + Duration::minutes(70 * n);
        fail(&mut company, &Caller::person("eimear"), spread, "s3:GetBucketPolicy", code);
    }
    for (n, api) in TRIED.iter().enumerate() {
        let n = n as i64;
        fail(&mut company, &Caller::user("purser"), today("13:56") + Duration::minutes(n), api, "AccessDenied");
        fail(&mut company, &Caller::user("steward"), today("09:00") + Duration::minutes(70 * n), api, "AccessDenied");
    }
    let found = company.hunt(&["error_burst", "new_identity_sensitive"]);
    assert_eq!(found.about("declan").len(), 1, "{found}");
    assert_eq!(found.severity("eimear"), None, "{found}");
    let purser = found.about("purser");
    assert!(purser.iter().any(|finding| finding.summary.contains("8 APIs denied in an hour")), "{found}");
    assert_eq!(found.severity("steward"), None, "{found}");
}
