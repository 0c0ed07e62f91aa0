//! What agents of AWS do for people: it belongs to the people, and the agent is no place.

use serde_json::{Value, json};
use trailhunt::detect::{Library, Severity};

use super::company::*;

/// A client that people call the agent with.
const EDITOR: &str = "python-httpx/0.28.1 mcp-proxy-for-aws/1.7.0 editor/1.0.0";

fn person(name: &str) -> Caller {
    Caller::person(name).with(EDITOR)
}

fn new_key() -> Value {
    json!({ "userName": "tape-runner" })
}

#[test]
fn calls_of_an_agent_are_those_of_its_caller() {
    let mut company = Company::new();
    company.ask_agent(&person("aoife").from(RENTED), today("11:00"), "rds:DescribeDBInstances", json!({}));
    // Its record of the tool is missing: another trail has it, or it was never logged.
    company.call(&person("brendan").through(MCP), today("11:00"), "rds:DescribeDBInstances", json!({}));
    company.call(&person("ciara").through("q.amazonaws.com"), today("11:00"), "rds:DescribeDBInstances", json!({}));
    // Services that carry out a request, and an agent that acts for nobody.
    company.call(
        &person("declan").through("athena.amazonaws.com"),
        today("11:00"),
        "rds:DescribeDBInstances",
        json!({}),
    );
    company.call(&Caller::service(MCP), today("11:00"), "rds:DescribeDBInstances", json!({}));

    let calls = company.query(
        "SELECT split_part(actor, '/', 3) AS who, by_service, agent, via, client, is_change FROM calls
         WHERE event_source = 'rds.amazonaws.com' ORDER BY who",
    );
    let call = |who: &str, by_service: bool, agent: Value, via: &str, client: &str| {
        let who = if who.is_empty() { String::new() } else { format!("{who}@ferryline.example") };
        json!({ "who": who, "by_service": by_service, "agent": agent, "via": via, "client": client, "is_change": false })
    };
    let expected = [
        call("", true, Value::Null, "aws-mcp", "AWS service"),
        call("aoife", false, "aws-mcp".into(), "aws-mcp", "aws-mcp"),
        call("brendan", false, "aws-mcp".into(), "aws-mcp", "aws-mcp"),
        call("ciara", false, "amazon-q".into(), "amazon-q", "amazon-q"),
        call("declan", true, Value::Null, "service", "AWS service"),
    ];
    assert_eq!(
        calls.iter().map(without_nulls).collect::<Vec<_>>(),
        expected.iter().map(without_nulls).collect::<Vec<_>>()
    );

    let used = |table: &str, filter: &str| {
        let rows =
            company.query(&format!("SELECT DISTINCT split_part(actor, '/', 3) AS who FROM {table} WHERE {filter}"));
        let mut who: Vec<_> =
            rows.iter().map(|row| row["who"].as_str().unwrap().split('@').next().unwrap().to_owned()).collect();
        who.sort();
        who
    };
    assert_eq!(used("daily_api_use", "event_source = 'rds.amazonaws.com'"), ["aoife", "brendan", "ciara"]);
    assert_eq!(used("daily_agent_use", "agent = 'aws-mcp'"), ["aoife", "brendan"]);
    assert_eq!(used("novelties", "item = 'rds.amazonaws.com:DescribeDBInstances'"), ["aoife", "brendan", "ciara"]);
    // The host name of a service is no address; the address from which the tool was called is.
    assert_eq!(used("daily_address", "source_ip_address LIKE '%.amazonaws.com'"), [""; 0]);
    assert_eq!(used("daily_network", &format!("source_ip_address = '{RENTED}'")), ["aoife"]);
    // The tool itself changes nothing.
    assert_eq!(
        company.query("SELECT DISTINCT is_change FROM calls WHERE event_source = 'aws-mcp.amazonaws.com'"),
        [json!({ "is_change": false })]
    );
}

#[test]
fn the_timeline_has_the_address_from_which_an_agent_was_asked() {
    let mut company = Company::new();
    company.ask_agent(&person("aoife").from(RENTED), today("11:00"), "rds:DescribeDBInstances", json!({}));
    company.call(&person("brendan").through(MCP), today("11:00"), "rds:DescribeDBInstances", json!({}));
    // Somebody else's record with the same id says nothing about Brendan's call.
    company.call(&person("ciara").through(MCP), today("11:00"), "rds:DescribeDBInstances", json!({}))["requestID"] =
        json!("5c0ffee0-0000-4000-8000-000000000000");
    let rows = company.query(
        "SELECT split_part(actor, '/', 3) AS who, source_ip_address, caller_address, caller_client, via FROM timeline
         WHERE event_source = 'rds.amazonaws.com' ORDER BY who",
    );
    assert_eq!(rows[0]["caller_address"], RENTED, "{rows:?}");
    assert_eq!(rows[0]["caller_client"], "python-httpx", "{rows:?}");
    assert_eq!(rows[0]["source_ip_address"], MCP, "{rows:?}");
    assert!(rows[1..].iter().all(|row| row.get("caller_address").is_none_or(Value::is_null)), "{rows:?}");
    let (all, calls) =
        (company.query("SELECT count(*) AS n FROM timeline"), company.query("SELECT count(*) AS n FROM calls"));
    assert_eq!(all, calls);
}

#[test]
fn a_record_of_a_tool_without_its_requests_is_linked_by_identity_and_time_if_all_are_from_one_address() {
    let mut company = Company::new();
    let tool = |company: &mut Company, name: &str, address: &str, at: &str| {
        let record = company.call(&person(name).from(address), today(at), "aws-mcp:CallReadWriteTool", json!({}));
        record["eventType"] = "AwsMcpEvent".into();
    };
    for name in ["aoife", "brendan", "ciara"] {
        company.call(&person(name).through(MCP), today("11:00"), "rds:DescribeDBInstances", json!({}));
    }
    company.call(&person("declan").through("q.amazonaws.com"), today("11:00"), "rds:DescribeDBInstances", json!({}));
    for (name, address, at) in [
        ("aoife", RENTED, "10:59"),
        ("aoife", RENTED, "11:01"),
        ("aoife", OFFICE, "11:02"),
        // From two addresses, too late, of another agent.
        ("brendan", RENTED, "11:00"),
        ("brendan", OFFICE, "11:01"),
        ("ciara", RENTED, "11:02"),
        ("declan", RENTED, "11:00"),
    ] {
        tool(&mut company, name, address, at);
    }
    // The request id says more than the time.
    company.ask_agent(&person("aoife").from(OFFICE), today("11:00"), "rds:DescribeDBClusters", json!({}));
    let rows = company.query(
        "SELECT split_part(actor, '/', 3) AS who, caller_address, caller_client, caller_known_by FROM timeline
         WHERE event_source = 'rds.amazonaws.com' ORDER BY who, api DESC",
    );
    let known = |row: &Value| {
        ["caller_address", "caller_client", "caller_known_by"]
            .map(|name| row[name].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(known(&rows[0]), [RENTED, "python-httpx", "identity, time"], "{rows:?}");
    assert_eq!(known(&rows[1]), [OFFICE, "python-httpx", "request id"], "{rows:?}");
    assert_eq!(rows.len(), 5);
    assert!(rows[2..].iter().all(|row| known(row) == [""; 3]), "{rows:?}");
}

#[test]
fn an_attack_through_an_agent_is_the_same_finding_as_without() {
    let mut company = Company::new();
    company.call(&person("aoife"), today("11:00"), "iam:CreateAccessKey", new_key());
    company.ask_agent(&person("brendan"), today("11:00"), "iam:CreateAccessKey", new_key());
    company.call(&person("ciara").through(MCP), today("11:00"), "iam:CreateAccessKey", new_key());
    company.call(&person("declan").through("q.amazonaws.com"), today("11:00"), "iam:CreateAccessKey", new_key());
    let found = company.hunt(&["sensitive_api"]);
    for name in ["brendan", "ciara", "declan"] {
        assert_eq!(found.severity(name), found.severity("aoife"), "{found}");
        assert!(found.alerts(name).contains(".amazonaws.com: credentials created; earlier days: 0"), "{found}");
    }
}

#[test]
fn no_finding_takes_an_agent_for_a_place() {
    let library = Library::load(&[]).unwrap();
    let all: Vec<_> = library.iter().map(|detector| detector.id.as_str()).collect();
    let mut company = Company::new();
    let agent = person("aoife").through(MCP);
    let reads = ["iam:ListUsers", "iam:ListAccessKeys", "iam:GetAccountSummary", "iam:ListGroups"];
    company.calls(&agent, today("11:00"), reads.map(|api| (api, json!({}))));
    let made = company.call(&agent, today("11:05"), "iam:CreateAccessKey", new_key());
    made["responseElements"] = json!({ "accessKey": { "userName": "tape-runner", "accessKeyId": "AKIANEWKEY" } });
    let key = Caller::user("tape-runner").with_key("AKIANEWKEY").through(MCP);
    company.calls(&key, today("11:10"), reads.map(|api| (api, json!({}))));
    // An identity without a history of its own, and the first that uses the agent.
    company.calls(&Caller::user("stowaway").through(MCP), today("10:20"), reads.map(|api| (api, json!({}))));
    let found = company.hunt(&all);
    found.alerts("aoife");
    for finding in found.about("") {
        let mut finding = serde_json::to_value(finding).unwrap();
        let members = finding.as_object_mut().unwrap();
        // Records state the host name, and a sensitive call the service that made it.
        members.remove("evidence");
        let text =
            finding.to_string().replace(&format!("through {MCP}"), "").replace(&format!(r#""through":"{MCP}""#), "");
        assert!(!text.contains(MCP), "{text}");
    }
    for detector in ["recon_then_key", "new_identity_abroad"] {
        assert!(found.about("").iter().any(|finding| finding.detector == detector), "{detector}\n{found}");
    }
}

#[test]
fn the_place_from_which_an_agent_is_asked_is_a_place_of_the_caller() {
    let mut company = Company::new();
    company.ask_agent(
        &Caller::user("tape-runner").with(EDITOR).from(RENTED_SG),
        today("11:00"),
        "rds:DescribeDBInstances",
        json!({}),
    );
    company.call(&Caller::user("legacy-deploy").through(MCP), today("11:00"), "rds:DescribeDBInstances", json!({}));
    let found = company.hunt(&["new_place", "key_from_two_networks", "impossible_travel"]);
    assert!(found.alerts("tape-runner").contains(RENTED_SG), "{found}");
    assert_eq!(found.severity("legacy-deploy"), None, "{found}");
}

#[test]
fn a_first_agent_is_reported_by_how_many_use_it() {
    let mut company = Company::new();
    company.ask_agent(&person("aoife"), today("11:00"), "s3:ListBuckets", json!({}));
    company.call(
        &person("brendan").through("cloudformation.amazonaws.com"),
        today("11:00"),
        "s3:ListBuckets",
        json!({}),
    );
    let found = company.hunt(&["agent_first_use"]);
    assert_eq!(found.severity("aoife"), Some(Severity::Low), "{found}");
    assert_eq!(found.severity("brendan"), None, "{found}");

    for name in &PEOPLE[3..8] {
        company.ask_agent(&person(name), at(12, "11:00"), "s3:ListBuckets", json!({}));
    }
    let found = company.hunt(&["agent_first_use"]);
    assert_eq!(found.severity("aoife"), Some(Severity::Informational), "{found}");
    assert_eq!(found.severity("declan"), None, "{found}");
}

#[test]
fn an_agent_that_does_what_its_user_never_did_is_reported() {
    let mut company = Company::new();
    company.ask_agent(&person("aoife"), today("11:00"), "iam:CreateAccessKey", new_key());
    company.call(&person("brendan"), today("11:00"), "iam:CreateAccessKey", new_key());
    company.ask_agent(&person("brendan"), today("11:05"), "iam:CreateAccessKey", new_key());
    company.ask_agent(&person("ciara"), today("11:00"), "ec2:DescribeInstances", json!({}));
    company.ask_agent(&person("aoife"), today("11:06"), "s3:ListBuckets", json!({}));
    let found = company.hunt(&["agent_new_action"]);
    assert!(found.alerts("aoife").contains("called iam.amazonaws.com:CreateAccessKey on behalf of"), "{found}");
    assert_eq!(found.severity("brendan"), None, "{found}");
    assert_eq!(found.severity("ciara"), None, "{found}");
}

#[test]
fn where_everybody_works_with_agents_their_work_is_quiet() {
    let mut company = Company::new();
    for day in 1..=21 {
        for (n, name) in PEOPLE.iter().enumerate() {
            // The last to begin does so today.
            if n == 9 && day < 21 {
                continue;
            }
            let time = |minute: usize| at(day, &format!("14:{:02}", n + minute));
            let agent = person(name);
            company.ask_agent(&agent, time(0), "ec2:DescribeInstances", json!({}));
            company.ask_agent(&agent, time(10), "logs:DescribeLogGroups", json!({}));
            // Work that most do now and then, each for the first time on another day; three of them today.
            for (m, api) in [
                "lambda:UpdateFunctionConfiguration",
                "sqs:SetQueueAttributes",
                "rds:DescribeDBInstances",
                "sns:ListTopics",
            ]
            .iter()
            .enumerate()
            {
                if day as usize == 12 + (n + 2 * m) % 10 {
                    company.ask_agent(&agent, time(20 + m), api, json!({}));
                }
            }
        }
    }
    let found = company.hunt(&["agent_first_use", "agent_new_action"]);
    for finding in found.about("") {
        assert!(finding.severity <= Severity::Informational, "{found}");
    }
    assert_eq!(found.about("").len(), 1, "only the last to begin\n{found}");
}

/// A row without the members that are null: the engine leaves some of them out.
fn without_nulls(row: &Value) -> Value {
    let members = row.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}
