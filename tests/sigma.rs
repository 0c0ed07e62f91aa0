//! `--sigma`: rules that run, rules that cannot, what becomes a finding, and rules as detectors of our own.

use std::path::{Path, PathBuf};

use crate::common::{archive, arg, read_json, shared_data, succeeds, trailhunt, write};
use serde_json::{Value, json};
use tempfile::TempDir;
use trailhunt::detect::{Library, expand};

const RULE: &str = "title: Trail stopped
id: 00000000-0000-0000-0000-000000000001
status: test
description: Logging was stopped.
references:
  - https://example.com/trails
tags:
  - attack.defense-evasion
  - attack.t1562.008
logsource:
  product: aws
  service: cloudtrail
detection:
  selection:
    eventSource: cloudtrail.amazonaws.com
    eventName: StopLogging
  filter:
    errorCode|exists: true
  condition: selection and not filter
falsepositives:
  - Maintenance
level: high
";

/// A rule of the same form about another API.
fn rule(number: u8, api: &str, level: &str) -> String {
    RULE.replace("0000000001", &format!("00000000{number:02}"))
        .replace("StopLogging", api)
        .replace("level: high", level)
}

/// Files in a folder of rules.
fn rules(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = dir.path().join("rules");
    for (name, text) in files {
        write(&folder.join(name), text.as_bytes());
    }
    (dir, folder)
}

/// An event on a day of March 2024, numbered so that its id is unique.
fn event(number: usize, day: usize, user: &str, api: &str, error: Option<&str>) -> Value {
    json!({
        "eventVersion": "1.09", "eventTime": format!("2024-03-{day:02}T10:00:{:02}Z", number % 60),
        "eventID": format!("00000000-0000-4000-8000-{number:012}"), "eventName": api,
        "eventSource": "cloudtrail.amazonaws.com", "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "eventType": "AwsApiCall", "sourceIPAddress": "198.51.100.7", "errorCode": error,
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{user}"),
                         "accountId": "111122223333", "userName": user, "accessKeyId": format!("AKIA{user:0>16}")}
    })
}

fn lake_of(dir: &Path, events: &[Value]) -> PathBuf {
    let (source, lake) = (dir.join("archive"), dir.join("lake"));
    archive(&source, events);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    lake
}

/// The report of a hunt with rules alone, and what it printed.
fn hunt(lake: &Path, rules: &Path, more: &[&str]) -> (Value, String) {
    let report = lake.join("../report.json");
    let args = ["hunt", "--lake", arg(lake), "--sigma", arg(rules), "--report", arg(&report)];
    let ran = trailhunt(&[&args[..], more].concat());
    assert_ne!(ran.code, 2, "{}{}", ran.out, ran.err);
    (read_json(&report), ran.out)
}

fn of_rule<'a>(report: &'a Value, detector: &str) -> Vec<&'a Value> {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().filter(|finding| finding["detector"] == detector).collect()
}

#[test]
fn a_rule_gives_one_finding_per_identity_and_day_until_it_is_routine() {
    let (dir, folder) = rules(&[("Trail-Stopped.yml", RULE)]);
    let mut events = Vec::new();
    for day in 1..=6 {
        events.extend((0..3).map(|n| event(day * 100 + n, day, "maria", "StopLogging", None)));
        events.push(event(day * 100 + 50, day, "maria", "StopLogging", Some("AccessDenied")));
    }
    events.push(event(601, 6, "ana", "stopLOGGING", None));
    let lake = lake_of(dir.path(), &events);
    let (report, printed) = hunt(&lake, &folder, &[]);
    let found = of_rule(&report, "sigma_trail_stopped");
    let of = |user: &str| {
        let mut of: Vec<_> = found.iter().filter(|f| f["entity"].as_str().expect("text").ends_with(user)).collect();
        of.sort_by_key(|finding| finding["first_time"].as_str());
        of
    };
    let (maria, ana) = (of("maria"), of("ana"));
    assert_eq!((maria.len(), ana.len()), (3, 1), "from the fourth day on it is routine: {printed}");
    let first = maria[0];
    assert_eq!(first["evidence"]["total"], 3, "calls that failed are filtered");
    assert_eq!((&first["severity"], &first["confidence"]), (&json!("high"), &json!("medium")));
    assert_eq!((&first["attack"], &first["benign"]), (&json!(["T1562.008"]), &json!(["Maintenance"])));
    assert_eq!(first["details"]["sigma_references"], "https://example.com/trails");
    assert_eq!(ana[0]["baseline"]["days_of_organisation"], 5);
    assert!(
        maria[2]["score"].as_f64() < first["score"].as_f64() && ana[0]["score"].as_f64() > maria[2]["score"].as_f64()
    );
    let sigma = &report["run"]["sigma"];
    assert_eq!((&sigma["matches"], &sigma["combinations"], &sigma["findings"]), (&json!(19), &json!(7), &json!(4)));
    assert!(printed.contains("1 Sigma rule matched 19 times: 4 findings"), "{printed}");
}

#[test]
fn a_day_has_the_same_findings_alone_and_in_a_replay() {
    let (dir, folder) = rules(&[("stopped.yml", RULE), ("described.yml", &rule(2, "DescribeTrails", "level: low"))]);
    let mut events = Vec::new();
    for day in 1..=12 {
        events.push(event(day * 10, day, "maria", "StopLogging", None));
        events.push(event(day * 10 + 1, day, if day % 4 == 0 { "ana" } else { "maria" }, "DescribeTrails", None));
    }
    events.push(event(900, 12, "eve", "DescribeTrails", None));
    let lake = lake_of(dir.path(), &events);
    let ids = |report: &Value| {
        let of = |finding: &&Value| finding["first_time"].as_str().is_some_and(|time| time.starts_with("2024-03-12"));
        let of_day: Vec<_> = report["findings"].as_array().expect("findings").iter().filter(of).collect();
        let mut of_day: Vec<_> = of_day
            .iter()
            .map(|f| [&f["id"], &f["severity"], &f["score"], &f["summary"]].map(Value::to_string))
            .collect();
        of_day.sort();
        of_day
    };
    let night = hunt(&lake, &folder, &["--from", "2024-03-12"]).0;
    let replay = hunt(&lake, &folder, &[]).0;
    assert_eq!(ids(&night), ids(&replay));
    // It informs, so only a first match is a finding: ana's was in the first days of the lake, eve's is on the last.
    let described = of_rule(&replay, "sigma_described");
    assert_eq!(
        described.iter().map(|finding| finding["entity"].as_str()).collect::<Vec<_>>(),
        [Some("arn:aws:iam::111122223333:user/eve")]
    );
    assert!(of_rule(&replay, "sigma_stopped").len() == 3);
}

#[test]
fn a_rule_that_informs_gives_a_finding_also_when_the_lake_has_a_long_history() {
    let (dir, folder) = rules(&[("described.yml", &rule(2, "DescribeTrails", "level: low"))]);
    let mut events: Vec<_> = (1..=18).map(|day| event(day, day, "maria", "LookupEvents", None)).collect();
    events.push(event(900, 18, "eve", "DescribeTrails", None));
    let (report, printed) = hunt(&lake_of(dir.path(), &events), &folder, &[]);
    let described = of_rule(&report, "sigma_described");
    assert_eq!(described.len(), 1, "{printed}");
    assert_eq!((&described[0]["severity"], &described[0]["baseline"]["days"]), (&json!("low"), &json!(17)));
}

#[test]
fn in_a_young_lake_a_rule_that_matches_many_people_is_common_and_one_about_few_is_an_alert() {
    let (dir, folder) = rules(&[
        ("many.yml", &rule(1, "DescribeTrails", "level: high")),
        ("few.yml", &rule(2, "StopLogging", "level: high").replace("t1562.008", "t1098")),
    ]);
    let mut events = Vec::new();
    for (at, user) in ["ana", "eve", "ida", "maria"].into_iter().enumerate() {
        // Three on the first day, the fourth on the second.
        events.push(event(10 + at, if at < 3 { 1 } else { 2 }, user, "DescribeTrails", None));
        events.push(event(20 + at, 1, user, "LookupEvents", None));
    }
    events.extend([event(30, 1, "ana", "StopLogging", None), event(31, 2, "ana", "DescribeTrails", None)]);
    let lake = lake_of(dir.path(), &events);
    let (report, printed) = hunt(&lake, &folder, &[]);
    let of_many: Vec<_> = of_rule(&report, "sigma_many").iter().map(|f| (&f["first_time"], &f["severity"])).collect();
    assert_eq!(of_many.len(), 3, "the first day has three: {printed}");
    assert!(of_many.iter().all(|(time, severity)| {
        time.as_str().is_some_and(|time| time.starts_with("2024-03-01")) && **severity == json!("high")
    }));
    let of_few = of_rule(&report, "sigma_few");
    assert_eq!((of_few.len(), &of_few[0]["severity"]), (1, &json!("high")), "{printed}");
    let sigma = &report["run"]["sigma"];
    assert_eq!((&sigma["matches"], &sigma["findings"]), (&json!(6), &json!(4)), "all are counted");
}

#[test]
fn rules_that_cannot_run_are_one_line_each_with_file_and_line() {
    let million = format!("{}{}", RULE.split("    eventName").next().expect("text"), {
        let list: String = (0..20_000).map(|n| format!("      - value{n}\n")).collect();
        format!("    eventName:\n{list}  condition: selection\n")
    });
    let huge = format!("{RULE}# {}\n", "x".repeat(2 << 20));
    let circle = |id: &str, of: &str| {
        format!(
            "title: C{id}\nid: {id}\ncorrelation:\n  type: event_count\n  rules: [{of}]\n  group-by: [eventName]\n  timespan: 1h\n  \
             condition:\n    gte: 2\n"
        )
    };
    let regex = RULE.replace("eventName: StopLogging", "eventName|re: '(a{1000}){1000}'");
    let bomb = format!(
        "a: &a [{0}]\nb: &b [{1}]\nc: &c [{2}]\nd: [{3}]\n",
        ["x"; 50].join(","),
        ["*a"; 50].join(","),
        ["*b"; 50].join(","),
        ["*c"; 50].join(",")
    );
    let files = [
        ("yaml.yml", "title: [a\nb: }\n", "2: "),
        ("modifier.yml", &RULE.replace("errorCode|exists", "errorCode|exsits"), "18: "),
        ("field.yml", &RULE.replace("eventName:", "event_name:"), "16: "),
        ("circle.yml", &format!("{}---\n{}", circle("one", "two"), circle("two", "one")), "5: "),
        ("unresolved.yml", &circle("three", "nothing"), "5: "),
        ("regex.yml", &regex, "16: "),
        ("list.yml", &million, "16: "),
        ("huge.yml", &huge, "1: "),
        ("bomb.yml", &bomb, ": "),
        ("level.yml", &RULE.replace("level: high", "level: terrible"), ": "),
        ("windows.yml", &RULE.replace("service: cloudtrail", "service: sysmon"), "10: "),
        ("binary.yml", "\u{0}\u{1}", ": "),
    ];
    let (dir, folder) = rules(&files.map(|(name, text, _)| (name, text)));
    write(&folder.join("good.yml"), RULE.as_bytes());
    let ran = trailhunt(&["detectors", "check", "--sigma", arg(&folder)]);
    assert_eq!(ran.code, 2);
    let lines: Vec<_> = ran.out.lines().collect();
    for (name, _, place) in files {
        let of_file: Vec<_> = lines.iter().filter(|line| line.contains(&format!("{name}:"))).collect();
        let expected = if name == "circle.yml" { 2 } else { 1 };
        assert_eq!(of_file.len(), expected, "{name}: {}{}", ran.out, ran.err);
        assert!(of_file[0].contains(&format!("{name}:{place}")) || place == ": ", "{}", of_file[0]);
    }
    assert_eq!(lines.last(), Some(&"checked   1 Sigma rule, 13 cannot run"), "{}", ran.out);
    // A hunt says so and runs the others.
    let lake = lake_of(dir.path(), &[event(1, 1, "maria", "StopLogging", None)]);
    let ran = trailhunt(&["hunt", "--lake", arg(&lake), "--sigma", arg(&folder)]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.out.contains("field.yml:16") || ran.out.contains("more detectors"), "{}", ran.out);
}

#[test]
fn correlations_are_evaluated_within_groups_and_their_events_are_the_evidence() {
    let correlation = "title: Stopped again and again
id: again
level: critical
correlation:
  type: event_count
  rules: [Trail stopped]
  group-by: [userIdentity.accessKeyId]
  timespan: 20s
  condition:
    gte: 3
";
    let (dir, folder) = rules(&[("stopped.yml", RULE), ("again.yml", correlation)]);
    let mut events: Vec<_> = [0, 10, 20, 55].map(|second| event(second, 5, "maria", "StopLogging", None)).into();
    events.extend([5, 15].map(|second| event(100 + 20 + second, 5, "ana", "StopLogging", None)));
    let lake = lake_of(dir.path(), &events);
    let (report, printed) = hunt(&lake, &folder, &[]);
    let found = of_rule(&report, "sigma_again");
    assert_eq!(found.len(), 1, "{printed}");
    assert!(found[0]["entity"].as_str().is_some_and(|entity| entity.ends_with("maria")), "{printed}");
    assert_eq!((&found[0]["evidence"]["total"], &found[0]["severity"]), (&json!(3), &json!("critical")));
    assert!(of_rule(&report, "sigma_stopped").is_empty(), "the rule only serves its correlation");
    let sql = "SELECT count(*) AS n FROM sigma_correlated WHERE completes";
    let ran = succeeds(&["query", "--lake", arg(&lake), "--sigma", arg(&folder), "--format", "json", sql]);
    assert_eq!(ran.out.trim(), r#"[{"n":1}]"#);
    let sql = "SELECT m.rule, r.title, count(*) AS n FROM sigma_matches AS m JOIN sigma_rules AS r ON r.rule = m.rule GROUP BY ALL";
    let ran = succeeds(&["query", "--lake", arg(&lake), "--sigma", arg(&folder), "--format", "csv", sql]);
    assert!(ran.out.contains(",Trail stopped,6"), "{}", ran.out);
}

#[test]
fn pipelines_and_filters_change_rules() {
    let renamed = RULE.replace("eventName:", "api:").replace("service: cloudtrail", "service: audit");
    let pipeline = "name: ours\npriority: 10\ntransformations:\n  - type: field_name_mapping\n    mapping:\n      api: eventName\n  \
                    - type: change_logsource\n    product: aws\n    service: cloudtrail\n";
    let filter = "title: Not maria\nid: filter\nlogsource:\n  product: aws\n  service: cloudtrail\nfilter:\n  rules: [Trail stopped]\n  \
                  selection:\n    userIdentity.userName: maria\n  condition: not selection\n";
    let (dir, folder) = rules(&[("stopped.yml", &renamed), ("filter.yml", filter)]);
    let pipelines = dir.path().join("pipeline.yml");
    write(&pipelines, pipeline.as_bytes());
    let events = [event(1, 5, "maria", "StopLogging", None), event(2, 5, "ana", "StopLogging", None)];
    let lake = lake_of(dir.path(), &events);
    let (report, printed) = hunt(&lake, &folder, &["--sigma-pipeline", arg(&pipelines)]);
    let found = of_rule(&report, "sigma_stopped");
    assert_eq!(found.len(), 1, "{printed}");
    assert!(found[0]["entity"].as_str().is_some_and(|entity| entity.ends_with("ana")));
}

#[test]
fn an_exported_detector_matches_every_event_that_its_fixture_says_is_found() {
    let mut exported = 0;
    for detector in Library::load(&[]).expect("the library").iter() {
        if detector.sigma_detection().expect("a file").is_none() {
            continue;
        }
        let fixture = detector.fixture().expect("a file").expect("a fixture");
        let records: Vec<Value> = expand(&fixture).expect("a valid fixture");
        let rule = succeeds(&["detectors", "export", &detector.id, "--sigma"]).out;
        let (dir, folder) = rules(&[("exported.yml", &rule)]);
        let lake = lake_of(dir.path(), &records);
        let sql = "SELECT event_id FROM sigma_matches";
        let ran = succeeds(&["query", "--lake", arg(&lake), "--sigma", arg(&folder), "--format", "csv", sql]);
        let hits: Vec<_> = records
            .iter()
            .filter_map(|record| record["eventID"].as_str())
            .filter(|id| id.starts_with("hit-"))
            .collect();
        assert!(!hits.is_empty(), "{}", detector.id);
        let missed: Vec<_> = hits.iter().filter(|id| !ran.out.contains(**id)).collect();
        assert!(missed.is_empty(), "{}: {missed:?}", detector.id);
        exported += 1;
    }
    assert!(exported > 0);
    let ran = trailhunt(&["detectors", "export", "impossible_travel", "--sigma"]);
    assert!(ran.code == 2 && ran.err.contains("those that can: "), "{}", ran.err);
}

#[test]
fn an_imported_rule_is_a_detector_that_finds_the_same_events() {
    let (dir, folder) = rules(&[("trail_stopped.yml", &rule(2, "DeleteTrail", "level: medium"))]);
    let mine = dir.path().join("mine");
    let ran = succeeds(&["detectors", "import", arg(&folder), "--detector-dir", arg(&mine)]);
    assert!(ran.out.contains("trail_stopped.sql") && ran.out.contains("imported  1 rule"), "{}", ran.out);
    let events = [event(1, 5, "maria", "DELETETRAIL", None), event(2, 5, "ana", "DeleteTrail", Some("AccessDenied"))];
    let lake = lake_of(dir.path(), &events);
    let (report, printed) = hunt(&lake, &folder, &["--detector-dir", arg(&mine)]);
    let (own, of_sigma) = (of_rule(&report, "trail_stopped"), of_rule(&report, "sigma_trail_stopped"));
    assert_eq!((own.len(), of_sigma.len()), (1, 1), "{printed}");
    assert_eq!(own[0]["evidence"]["events"], of_sigma[0]["evidence"]["events"]);
    let ran = trailhunt(&["detectors", "check", "--detector-dir", arg(&mine)]);
    assert!(ran.out.contains("checked   1 detector, 0 problems"), "{}", ran.out);
    // The fixture has to be written: the test fails until then.
    assert_ne!(trailhunt(&["detectors", "test", "--detector-dir", arg(&mine)]).code, 0);
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/sigma and ../shared/data, which are not part of the project")]
fn an_account_under_attack_has_few_alerts_of_all_public_packs_and_the_attacker_is_first() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (lake, report) = (dir.path().join("lake"), dir.path().join("report.json"));
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/sigma");
    succeeds(&["ingest", arg(&shared_data("invictus")), "--lake", arg(&lake)]);
    // Three rules of the packs cannot run, so the exit code is 2.
    let ran = trailhunt(&["hunt", "--lake", arg(&lake), "--sigma", arg(&packs), "--report", arg(&report)]);
    let report = read_json(&report);
    assert_eq!(report["run"]["detectors_failed"].as_array().map(Vec::len), Some(3), "{}", ran.err);
    assert!(report["entities"][0]["entity"].as_str().is_some_and(|entity| entity.ends_with("user/bert-jan")));
    let is_alert = |finding: &&Value| {
        let severity = finding["severity"].as_str().unwrap_or_default();
        finding["detector"].as_str().is_some_and(|id| id.starts_with("sigma_"))
            && ["medium", "high", "critical"].contains(&severity)
    };
    let alerts = report["findings"].as_array().expect("findings").iter().filter(is_alert).count();
    assert!((10..=30).contains(&alerts), "{alerts} alerts");
    let sql =
        "SELECT count(*) AS n FROM sigma_matches AS m JOIN sigma_rules AS r ON r.rule = m.rule WHERE r.is_reported";
    let ran = succeeds(&["query", "--lake", arg(&lake), "--sigma", arg(&packs), "--format", "json", sql]);
    let counted: Value = serde_json::from_str(&ran.out).expect("JSON");
    let correlated = "SELECT count(*) AS n FROM sigma_correlated";
    let ran = succeeds(&["query", "--lake", arg(&lake), "--sigma", arg(&packs), "--format", "json", correlated]);
    let correlated: Value = serde_json::from_str(&ran.out).expect("JSON");
    let all = counted[0]["n"].as_u64().expect("a number") + correlated[0]["n"].as_u64().expect("a number");
    assert_eq!(report["run"]["sigma"]["matches"].as_u64(), Some(all), "every match can be counted");
}
