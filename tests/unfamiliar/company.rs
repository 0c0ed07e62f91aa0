//! A made-up ferry company: three weeks of ordinary days, to whose last day a test adds what happened.

use std::sync::LazyLock;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde_json::{Map, Value, json};
use trailhunt::detect::{Detector, Finding, Library, Settings, Severity, Window, rows, run};
use trailhunt::workbench::fixture;

/// Days of history; the day after them is the last, on which things happen.
const HISTORY_DAYS: u64 = 20;

pub const ACCOUNT: &str = "222233334444";
/// The company's management account.
pub const MANAGEMENT: &str = "555566667777";
/// Nobody's account that the company knows.
pub const OUTSIDER: &str = "888899990000";

/// The office, with a line of its own provider.
pub const OFFICE: &str = "87.198.130.20";
/// Addresses of the gateway through which machines call, and of a public endpoint: Amazon in Ireland and in the US.
pub const GATEWAY: &str = "52.16.20.30";
pub const AMAZON_US: &str = "3.210.4.4";
/// Servers for rent in the Netherlands (two providers), Finland and Singapore.
pub const RENTED: &str = "85.17.22.30";
pub const RENTED_2: &str = "185.182.193.7";
const RENTED_FI: &str = "95.216.10.4";
pub const RENTED_SG: &str = "128.199.70.8";
/// AWS's MCP server, as records name it.
pub const MCP: &str = "aws-mcp.amazonaws.com";
/// Build runners.
const RUNNER: &str = "172.176.10.2";

pub const BROWSER: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1 Safari/605.1";
pub const CLI: &str = "aws-cli/2.22.4 md/awscrt#0.23.1 ua/2.0 os/macos#24.1 md/arch#arm64 lang/python#3.12.6";
pub const CLI_LINUX: &str = "aws-cli/2.22.4 md/awscrt#0.23.1 ua/2.0 os/linux#6.8 md/arch#x86_64 lang/python#3.12.6";
pub const JAVA: &str = "aws-sdk-java/2.29.6 os/linux lang/java#21";
const TERRAFORM: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.9.8 (+https://www.terraform.io) aws-sdk-go-v2/1.32.4";

/// Everybody but two is of the crew; the two run the platform.
pub const PEOPLE: [&str; 10] =
    ["aoife", "brendan", "ciara", "declan", "eimear", "fergal", "grainne", "niall", "orla", "padraig"];

fn is_platform(name: &str) -> bool {
    PEOPLE[8..].contains(&name)
}

/// A moment of a day, counted from 1.
pub fn at(day: u64, time: &str) -> DateTime<Utc> {
    let date = NaiveDate::from_ymd_opt(2025, 3, 2).unwrap() + Days::new(day);
    let seconds = if time.len() == 5 { ":00" } else { "" };
    date.and_time(format!("{time}{seconds}").parse::<NaiveTime>().unwrap()).and_utc()
}

/// A moment of the last day.
pub fn today(time: &str) -> DateTime<Utc> {
    at(HISTORY_DAYS + 1, time)
}

/// A name of a role or policy in the company's account, as ARN.
pub fn iam(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{name}")
}

/// A policy document with one statement, as the text that requests contain.
pub fn policy(statement: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// Who calls, from where and with what.
#[derive(Clone)]
pub struct Caller {
    identity: Value,
    account: String,
    address: String,
    client: String,
    /// Further members of the record.
    members: Map<String, Value>,
}

impl Caller {
    fn new(identity: Value, account: &str, address: &str, client: &str) -> Caller {
        let [account, address, client] = [account, address, client].map(str::to_owned);
        Caller { identity, account, address, client, members: Map::new() }
    }

    /// A session of a role. The caller chooses its name.
    pub fn role(name: &str, session: &str) -> Caller {
        Caller::role_in(ACCOUNT, "", name, session)
    }

    fn role_in(account: &str, path: &str, name: &str, session: &str) -> Caller {
        let id = format!("AROA{}", name.to_uppercase());
        let identity = json!({
            "type": "AssumedRole", "principalId": format!("{id}:{session}"), "accountId": account,
            "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
            "accessKeyId": format!("ASIA{}{}", name.to_uppercase(), session.to_uppercase()),
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role", "principalId": id, "accountId": account, "userName": name,
                    "arn": format!("arn:aws:iam::{account}:role/{path}{name}"),
                },
                "attributes": { "creationDate": "2025-03-01T00:00:00Z", "mfaAuthenticated": "false" },
            },
        });
        Caller::new(identity, account, GATEWAY, JAVA)
    }

    /// A person who signed in through Identity Center, at a desk in the office.
    pub fn person(name: &str) -> Caller {
        let set = if is_platform(name) { "Platform_0c4d8e21f6a7b935" } else { "Crew_3f9a1c5e7b2d4860" };
        Caller::in_set(name, set, ACCOUNT)
    }

    /// A person with a permission set, named with its suffix, in an account.
    pub fn in_set(name: &str, set: &str, account: &str) -> Caller {
        let path = "aws-reserved/sso.amazonaws.com/eu-west-1/";
        Caller::role_in(account, path, &format!("AWSReservedSSO_{set}"), &format!("{name}@ferryline.example"))
            .from(OFFICE)
            .with(BROWSER)
    }

    /// An IAM user with a key.
    pub fn user(name: &str) -> Caller {
        let identity = json!({
            "type": "IAMUser", "principalId": format!("AIDA{}", name.to_uppercase()), "accountId": ACCOUNT,
            "arn": iam(&format!("user/{name}")), "userName": name, "accessKeyId": key_of(name),
        });
        Caller::new(identity, ACCOUNT, OFFICE, CLI)
    }

    pub fn root(account: &str) -> Caller {
        let arn = format!("arn:aws:iam::{account}:root");
        let identity = json!({ "type": "Root", "principalId": account, "arn": arn, "accountId": account });
        Caller::new(identity, account, OFFICE, BROWSER)
    }

    /// A role that a service has for its own work.
    pub fn service_role(name: &str, service: &str) -> Caller {
        Caller::role_in(ACCOUNT, &format!("aws-service-role/{service}/"), name, "service").through(service)
    }

    /// A service that acts for itself.
    pub fn service(name: &str) -> Caller {
        Caller::new(json!({ "type": "AWSService", "invokedBy": name }), ACCOUNT, name, name)
    }

    /// A person on the sign-in page of Identity Center: the record's principal is the account.
    pub fn signing_in(name: &str) -> Caller {
        let mut caller = Caller::signing_in_without_name();
        caller.identity["userName"] = format!("{name}@ferryline.example").into();
        caller
    }

    /// As above, in records that have the name elsewhere.
    pub fn signing_in_without_name() -> Caller {
        let identity = json!({
            "type": "Unknown", "principalId": MANAGEMENT, "arn": "", "accountId": MANAGEMENT, "accessKeyId": "",
        });
        let mut caller = Caller::new(identity, MANAGEMENT, OFFICE, BROWSER);
        caller.members.insert("eventType".into(), "AwsServiceEvent".into());
        caller
    }

    pub fn from(mut self, address: &str) -> Caller {
        address.clone_into(&mut self.address);
        self
    }

    pub fn with(mut self, client: &str) -> Caller {
        client.clone_into(&mut self.client);
        self
    }

    /// A service makes the call for the caller.
    pub fn through(mut self, service: &str) -> Caller {
        self.identity["invokedBy"] = service.into();
        self.from(service).with(service)
    }

    /// The session of an instance's role.
    pub fn of_instance(mut self) -> Caller {
        self.identity["sessionContext"]["ec2RoleDelivery"] = "2.0".into();
        self
    }

    /// A task of root in an account, by AssumeRoot.
    pub fn for_a_task(mut self) -> Caller {
        self.identity["sessionContext"] = json!({ "assumedRoot": "true" });
        self
    }

    /// With another of the user's keys.
    pub fn with_key(mut self, key: &str) -> Caller {
        self.identity["accessKeyId"] = key.into();
        self
    }

    /// Through a VPC endpoint of an account, from a private address.
    pub fn at_endpoint_of(mut self, account: &str) -> Caller {
        self.members.insert("vpcEndpointId".into(), format!("vpce-{account}").into());
        self.members.insert("vpcEndpointAccountId".into(), account.into());
        self.from("10.8.3.17")
    }
}

pub fn key_of(user: &str) -> String {
    format!("AKIA{}", user.to_uppercase())
}

/// The records of the company.
pub struct Company {
    records: Vec<Value>,
    /// Calls so far: the number in a record's id.
    calls: usize,
}

impl Company {
    /// The company after its history and an ordinary last day.
    pub fn new() -> Company {
        let mut company = Company { records: Vec::new(), calls: 0 };
        for day in 1..=HISTORY_DAYS + 1 {
            company.work_of_people(day);
            company.work_of_machines(day);
        }
        company
    }

    fn work_of_people(&mut self, day: u64) {
        for (n, name) in PEOPLE.iter().enumerate() {
            // Three days in the office, two at home; on the last day all are in the office.
            let is_home = day <= HISTORY_DAYS && (day + n as u64) % 5 >= 3;
            let home = format!("{}.{n}.21", if n % 2 == 0 { "86.44" } else { "89.100" });
            let desk = Caller::person(name).from(if is_home { &home } else { OFFICE });
            let time = |minute: usize| at(day, &format!("{:02}:{minute:02}", 8 + n / 5));
            let login = self.call(&desk, time(n), "signin:ConsoleLogin", Value::Null);
            login["responseElements"] = json!({ "ConsoleLogin": "Success" });
            self.call(&desk, time(n + 10), "ec2:DescribeInstances", json!({ "maxResults": 50 }));
            self.call(&desk, time(n + 20), "logs:FilterLogEvents", json!({ "logGroupName": "/ferry/booking" }));
            let shell = desk.clone().with(CLI);
            self.call(&shell, time(n + 30), "s3:ListBuckets", json!({}));
            if n % 4 == 0 {
                let request = json!({ "functionName": "timetable" });
                self.call(&shell, time(n + 40), "lambda:UpdateFunctionCode20150331v2", request);
            }
            if is_platform(name) {
                self.call(&desk, time(n + 40), "iam:ListRoles", json!({}));
            }
            // Now and then, people look at something that is new to them.
            for (first, api) in [(9, "monitoring:DescribeAlarms"), (15, "sqs:ListQueues")] {
                if day == first + n as u64 % 4 {
                    self.call(&desk, time(n + 45), api, json!({}));
                }
            }
        }
        let orla = Caller::in_set("orla", "Steward_77aa22bb33cc44dd", MANAGEMENT);
        self.call(&orla, at(day, "10:02"), "organizations:ListAccounts", json!({}));
        if day % 5 == 1 {
            self.update_stack(&Caller::person("orla"), at(day, "10:10"), "UpdateStack");
            let stack = Caller::role("dock-stack", "AWSCloudFormation").through("cloudformation.amazonaws.com");
            let task = json!({ "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*" });
            let request = json!({ "roleName": "gate", "policyName": "send", "policyDocument": policy(&task) });
            self.call(&stack, at(day, "10:11"), "iam:PutRolePolicy", request);
        }
    }

    /// Gives the stack role to CloudFormation.
    pub fn update_stack(&mut self, caller: &Caller, at: DateTime<Utc>, api: &str) {
        let request = json!({ "stackName": "gates", "roleARN": iam("role/dock-stack") });
        self.call(caller, at, &format!("cloudformation:{api}"), request);
    }

    fn work_of_machines(&mut self, day: u64) {
        let secret = |name: &str| json!({ "secretId": name });
        for hour in ["01", "13"] {
            let time = |minute: &str| at(day, &format!("{hour}:{minute}"));
            for (n, role) in ["booking-web", "ticket-web"].iter().enumerate() {
                let instance = Caller::role(role, &format!("i-0b7c41d29e83fa56{n}")).of_instance();
                self.call(&instance, time("05"), "secretsmanager:GetSecretValue", secret("booking/db"));
                self.call(&instance, time("06"), "sqs:GetQueueUrl", json!({ "queueName": "bookings" }));
            }
            for role in ["timetable-task", "harbour-api"] {
                let container = Caller::role(role, &format!("{day:032x}")).at_endpoint_of(ACCOUNT);
                self.call(&container, time("15"), "secretsmanager:GetSecretValue", secret("timetable/db"));
                self.call(&container, time("16"), "dynamodb:DescribeTable", json!({ "tableName": "sailings" }));
            }
            let job = Caller::role("freight-report", "nightly");
            self.call(&job, time("20"), "athena:StartQueryExecution", json!({ "workGroup": "freight" }));
            self.call(&job, time("21"), "athena:GetQueryResults", json!({ "workGroup": "freight" }));
            let pipeline = Caller::role("release", "build").from(RUNNER).with(TERRAFORM);
            self.call(&pipeline, time("30"), "ecs:DescribeServices", json!({ "cluster": "ferry" }));
            self.call(&pipeline, time("31"), "ecs:UpdateService", json!({ "cluster": "ferry" }));
            let backup = Caller::user("tape-runner").from(RENTED_FI).with(CLI_LINUX);
            self.call(&backup, time("40"), "s3:GetBucketLocation", json!({ "bucketName": "ferry-tapes" }));
        }
        self.call(&Caller::user("legacy-deploy"), at(day, "09:50"), "s3:ListBuckets", json!({}));
    }

    /// Adds a call of an API, written `service:Name`, and returns its record.
    pub fn call(&mut self, caller: &Caller, at: DateTime<Utc>, api: &str, request: Value) -> &mut Value {
        let (service, name) = api.split_once(':').unwrap();
        let reads = ["AssumeRole", "BatchGet", "Describe", "Filter", "Get", "List"].iter().any(|s| name.starts_with(s));
        self.calls += 1;
        let n = self.calls;
        let mut record = json!({
            "eventID": format!("7e77a000-0000-4000-8000-{n:012}"), "eventTime": at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "eventVersion": "1.11", "userIdentity": caller.identity, "eventName": name,
            "eventSource": format!("{service}.amazonaws.com"),
            "awsRegion": if ["iam", "organizations"].contains(&service) { "us-east-1" } else { "eu-west-1" },
            "sourceIPAddress": caller.address, "userAgent": caller.client, "requestParameters": request,
            "responseElements": null, "readOnly": reads, "eventType": "AwsApiCall", "managementEvent": true,
            "recipientAccountId": caller.account, "eventCategory": "Management",
        });
        record.as_object_mut().unwrap().extend(caller.members.clone());
        // A session gets a new key every day.
        if caller.identity["type"] == "AssumedRole" {
            let key = caller.identity["accessKeyId"].as_str().unwrap();
            record["userIdentity"]["accessKeyId"] = format!("{key}{}", at.format("%m%d")).into();
        }
        self.records.push(record);
        self.records.last_mut().unwrap()
    }

    /// Adds a call that AWS's MCP server makes for a caller, and after it the record of the tool that the caller called.
    pub fn ask_agent(&mut self, caller: &Caller, at: DateTime<Utc>, api: &str, request: Value) {
        let id = format!("5c0ffee0-0000-4000-8000-{:012}", self.calls);
        self.call(&caller.clone().through(MCP), at, api, request)["requestID"] = id.clone().into();
        let at = at + chrono::Duration::seconds(1);
        let tool = self.call(caller, at, "aws-mcp:CallReadWriteTool", json!({ "method": "tools/call" }));
        tool["eventType"] = "AwsMcpEvent".into();
        let made = json!({ "apiName": api, "requestId": id, "awsRegion": "eu-west-1" });
        tool["additionalEventData"] = json!({ "downstreamRequests": [made] });
    }

    /// Adds calls that are one second apart.
    pub fn calls<'a>(
        &mut self,
        caller: &Caller,
        begin: DateTime<Utc>,
        calls: impl IntoIterator<Item = (&'a str, Value)>,
    ) {
        for (n, (api, request)) in calls.into_iter().enumerate() {
            self.call(caller, begin + chrono::Duration::seconds(n as i64), api, request);
        }
    }

    /// The records of the last day so far.
    pub fn records_of_today(&mut self) -> impl Iterator<Item = &mut Value> {
        let date = today("00:00").format("%Y-%m-%d").to_string();
        self.records.iter_mut().filter(move |record| record["eventTime"].as_str().unwrap().starts_with(&date))
    }

    /// Leaves out what everybody but these people did on the last day, as on a holiday.
    pub fn only_people_today(&mut self, people: &[&str]) {
        let date = today("00:00").format("%Y-%m-%d").to_string();
        self.records.retain(|record| {
            let arn = record["userIdentity"]["arn"].as_str().unwrap();
            let is_person = PEOPLE.iter().any(|name| arn.contains(name));
            let is_today = record["eventTime"].as_str().unwrap().starts_with(&date);
            !(is_today && is_person) || people.iter().any(|name| arn.contains(name))
        });
    }

    /// The rows of a query.
    pub fn query(&self, sql: &str) -> Vec<Value> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let batches = runtime.block_on(async {
            let (session, _) = fixture::session(&self.records).await.unwrap();
            session.query("test", sql, &Default::default()).await.unwrap().collect().await.unwrap()
        });
        rows(&batches).unwrap().into_iter().map(Value::Object).collect()
    }

    /// What detectors find on the last day.
    pub fn hunt(&self, detectors: &[&str]) -> Found {
        static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::load(&[]).unwrap());
        let detectors: Vec<&Detector> = detectors.iter().map(|id| LIBRARY.get(id).unwrap()).collect();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let hunt = runtime.block_on(async {
            let (session, whole) = fixture::session(&self.records).await.unwrap();
            let window = Window { from: today("00:00"), to: whole.to };
            run(&detectors, &session, window, &Settings::default(), |_, _| {}).await.unwrap()
        });
        assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
        Found(hunt.findings)
    }
}

/// The findings of the last day, heaviest first.
pub struct Found(Vec<Finding>);

impl Found {
    /// The findings about an entity or actor whose name contains this.
    pub fn about(&self, name: &str) -> Vec<&Finding> {
        let named = |text: &str| text.contains(name);
        self.0.iter().filter(|f| named(&f.entity) || f.actor.as_deref().is_some_and(named)).collect()
    }

    /// The worst of them.
    pub fn severity(&self, name: &str) -> Option<Severity> {
        self.about(name).iter().map(|finding| finding.severity).max()
    }

    /// Expects a finding at medium or above. Returns the summary of the worst.
    pub fn alerts(&self, name: &str) -> &str {
        assert!(self.severity(name) >= Some(Severity::Medium), "{name} is not reported\n{self}");
        &self.about(name).into_iter().max_by_key(|finding| finding.severity).unwrap().summary
    }

    /// Expects no finding at medium or above.
    pub fn is_calm_about(&self, name: &str) {
        assert!(self.severity(name) < Some(Severity::Medium), "{name} is reported\n{self}");
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|found| writeln!(f, "{} {}: {}", found.severity, found.detector, found.summary))
    }
}
