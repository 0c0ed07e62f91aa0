//! `detectors check`, `new`, `test` and `list`: each error is one line with its place and the next step.

use crate::common::{archive, arg, read_json, succeeds, trailhunt, write};
use serde_json::{Value, json};

/// A valid detector.
const GOOD: &str = r#"/*
title      = "Trail stopped"
severity   = "high"
confidence = "medium"
attack     = ["T1562.008"]
why        = "Nobody sees what follows."
benign     = ["A trail that moves"]
respond    = ["Start it again"]
[params]
min_calls = { default = 1, min = 1, help = "calls worth a finding" }
*/
SELECT
  min(event_time) AS first_time,
  max(event_time) AS last_time,
  'actor' AS entity_type,
  actor AS entity,
  account_id,
  aws_region AS region,
  0.5 AS score,
  actor || ' stopped a trail' AS summary,
  evidence(event_id, event_time) AS evidence
FROM calls
WHERE event_time >= $from AND event_time < $to
  AND api = 'StopLogging'
GROUP BY actor, account_id, aws_region
HAVING count(*) >= $min_calls
"#;

/// One `StopLogging` and one other call.
const FIXTURE: &str = include_str!("../src/workbench/new.events.jsonl");

/// Name, the text in [`GOOD`] and its replacement, and the expected line from the position on.
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("no_header", "/*\ntitle", "title", ":1:1: the file must begin with a TOML header"),
    ("bad_toml", "why        =", "why        ", ":6:13: key with no value, expected `=`"),
    (
        "bad_severity",
        "\"high\"",
        "\"severe\"",
        ":3:14: unknown variant `severe`, expected one of `informational`, `low`",
    ),
    ("bad_confidence", "\"medium\"", "0.5", ":4:14: "),
    ("missing_why", "why        = \"Nobody sees what follows.\"\n", "", ":1:3: missing field `why`"),
    ("unknown_key", "benign ", "begnin ", ":7:1: unknown field `begnin`, expected one of "),
    (
        "chart_of_an_unknown_series",
        "[params]",
        "chart = { series = \"calls per year\" }\n[params]",
        ":9:20: unknown variant `calls per year`, expected one of `successful calls per hour`",
    ),
    (
        "chart_of_a_missing_column",
        "[params]",
        "chart = { observed = \"calls\", usual = [\"most_calls\"] }\n[params]",
        ":12:3: the chart names column calls, which the query does not return",
    ),
    ("unknown_technique", "T1562.008", "T1562.999", ":5:15: attack = \"T1562.999\" is not a technique of ATT&CK"),
    (
        "default_of_no_type",
        "default = 1,",
        "default = { is = 1 },",
        ":10:13: parameter min_calls: invalid default { is = 1 }; write a number",
    ),
    (
        "default_of_wrong_type",
        "default = 1,",
        "default = \"1\",",
        ":10:13: parameter min_calls: min and max need a number as default",
    ),
    (
        "default_out_of_range",
        "default = 1,",
        "default = 0,",
        ":10:13: parameter min_calls: default 0 is not at least 1",
    ),
    ("unused_parameter", ">= $min_calls", "> 0", ":10:13: parameter min_calls is declared but $min_calls is not used"),
    (
        "used_in_a_comment_only",
        ">= $min_calls",
        "> 0 -- $min_calls",
        ":10:13: parameter min_calls is declared but $min_calls is not used",
    ),
    (
        "used_in_a_text_only",
        ">= $min_calls",
        "> length('$min_calls')",
        ":10:13: parameter min_calls is declared but $min_calls is not used",
    ),
    (
        "window_in_a_comment_only",
        "event_time >= $from AND",
        "/* event_time >= $from AND */",
        ":22:6: calls is read without $from, so all of history is read",
    ),
    (
        "undeclared_parameter",
        ">= $min_calls",
        ">= $min_calls + $more",
        ":26:33: parameter $more is not declared; add more = { default = ",
    ),
    ("syntax_error", "GROUP BY actor,", "GROUP actor,", ":25:1: Expected: end of statement, found: GROUP"),
    ("open_text", "'StopLogging'", "'StopLogging", ":24:13: Unterminated string literal"),
    ("unknown_column", "AND api =", "AND apii =", ":24:7: "),
    ("unknown_table", "FROM calls", "FROM cals", ":22:6: "),
    ("unknown_function", "min(event_time)", "earliest(event_time)", ":13:3: Invalid function 'earliest'"),
    ("missing_column", "  0.5 AS score,\n", "", ":12:1: no column score; a detector returns first_time, last_time,"),
    ("wrong_type", "0.5 AS score", "'high' AS score", ":19:3: column score is Utf8, expected a number"),
    ("ddl", "SELECT\n", "CREATE TABLE x AS SELECT\n", ":12:1: CREATE is refused: only queries are allowed"),
    ("dml", "SELECT\n", "INSERT INTO events SELECT\n", ":12:1: INSERT is refused: only queries are allowed"),
    ("two_statements", ">= $min_calls\n", ">= $min_calls;\nSELECT 1\n", ":26:30: only one statement is allowed"),
    ("reads_a_file", "FROM calls", "FROM '/etc/passwd'", ":22:6: '/etc/passwd' is a file or a URL"),
    ("ignored_syntax", "FROM calls", "FROM calls TABLESAMPLE BERNOULLI (10)", ":22:6: TABLESAMPLE would be ignored"),
    (
        "no_window",
        "event_time >= $from AND event_time < $to\n  AND ",
        "",
        ":22:6: calls is read without $from, so all of history is read",
    ),
    ("no_end", " AND event_time < $to", "", ":22:6: calls is read without $to"),
];

#[test]
fn each_error_is_one_line_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, ending: &str, text: &str| {
        std::fs::write(dir.path().join(format!("{name}.{ending}")), text).expect("the file can be written");
    };
    for (name, from, to, _) in WRONG {
        assert_eq!(GOOD.matches(from).count(), 1, "{name}: the text occurs once");
        write(name, "sql", &GOOD.replacen(from, to, 1));
        write(name, "events.jsonl", FIXTURE);
    }
    write(
        "copy",
        "sql",
        &(GOOD.split("SELECT\n").next().unwrap_or_default().to_owned() + "COPY events TO 'x' -- $min_calls"),
    );
    write("copy", "events.jsonl", FIXTURE);
    write("no_fixture", "sql", GOOD);
    write("fixture_no_json", "sql", GOOD);
    write("fixture_no_json", "events.jsonl", "{\"eventID\":\"hit-1\"}\n{eventID: 2}\n");
    write("fixture_without_a_miss", "sql", GOOD);
    write("fixture_without_a_miss", "events.jsonl", "{\"eventID\":\"hit-1\"}\n");
    write("good", "sql", GOOD);
    write("good", "events.jsonl", FIXTURE);
    write("fixture_unreadable", "sql", GOOD);
    write("fixture_unreadable", "events.jsonl", "{\"eventID\":\"hit-1\"}\n{\"eventID\":\"miss-1\"}\n");
    let beside = [
        ("copy", "copy.sql:12:1: COPY is refused"),
        ("no_fixture", "no_fixture.events.jsonl:1:1: no fixture; write the smallest history"),
        (
            "fixture_no_json",
            "fixture_no_json.events.jsonl:2:2: key must be a string; a fixture has one JSON record per line",
        ),
        ("fixture_unreadable", "fixture_unreadable.events.jsonl:1:1: a record of the fixture cannot be read: "),
        ("fixture_without_a_miss", "fixture_without_a_miss.events.jsonl:1:1: no eventID begins with miss-"),
    ];

    let ran = trailhunt(&["detectors", "check", arg(dir.path())]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    let expected = WRONG.iter().map(|(name, _, _, expected)| (*name, format!("{name}.sql{expected}")));
    let expected: Vec<_> = expected.chain(beside.map(|(name, expected)| (name, expected.to_owned()))).collect();
    let mut wrong = Vec::new();
    for (name, expected) in &expected {
        let of =
            |line: &&str| line.contains(&format!("/{name}.sql:")) || line.contains(&format!("/{name}.events.jsonl:"));
        let lines: Vec<&str> = ran.out.lines().filter(of).collect();
        if lines.len() != 1 || !lines[0].contains(expected.as_str()) {
            wrong.push(format!("{expected}\n  is {lines:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!ran.out.contains("/good."), "{}", ran.out);
    let total = format!("checked   {} detectors, {} problems", expected.len() + 1, expected.len());
    assert!(ran.out.contains(&total), "{}", ran.out);
}

#[test]
fn a_detector_whose_findings_depend_on_later_days_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let days = |bound: &str| {
        let days = format!("stopped a trail after ' || (SELECT count(*) FROM daily_activity{bound}) || ' days'");
        GOOD.replace("stopped a trail'", &days)
    };
    // A change on a later day makes the earlier reads of an API look like changes.
    let (shipped, bound) = (include_str!("../sql/detectors/recon_then_key.sql"), "AND event_date < CAST($to AS DATE)");
    let until_then = "(r.first_change IS NULL OR r.first_change > m.event_time)";
    assert_eq!((shipped.matches(bound).count(), shipped.matches(until_then).count()), (1, 1));
    let all_reads = shipped.replace(bound, "").replace(until_then, "r.first_change IS NULL");
    for (name, text, fixture) in [
        ("all_days", days(""), FIXTURE),
        ("earlier_days", days(" WHERE event_date < CAST($to AS DATE)"), FIXTURE),
        ("all_reads", all_reads, include_str!("../sql/detectors/recon_then_key.events.jsonl")),
    ] {
        write(&dir.path().join(format!("{name}.sql")), text.as_bytes());
        write(&dir.path().join(format!("{name}.events.jsonl")), fixture.as_bytes());
    }
    let ran = trailhunt(&["detectors", "check", arg(dir.path())]);
    let expected = [
        (
            "all_reads.sql:12:3",
            "the findings change when days after the window have events (0 instead of 1); bound every",
        ),
        (
            "all_days.sql:11:3",
            "the findings change when days after the window have events (summary); bound every table",
        ),
    ];
    for (place, reason) in expected {
        assert!(ran.out.contains(&format!("{place}: {reason}")), "{place}: {reason}\n{}{}", ran.out, ran.err);
    }
    assert!(ran.code == 2 && ran.out.ends_with("checked   3 detectors, 2 problems\n"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_new_detector_fails_its_test_until_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mine = dir.path().join("mine");
    let folder = ["--detector-dir", arg(&mine)];
    let detectors = |args: &[&str]| trailhunt(&[&["detectors"], args, &folder[..]].concat());
    assert_eq!(detectors(&["new", "Bad Name"]).code, 2);
    assert!(detectors(&["new", "root_use"]).out.contains("root_use replaces the shipped detector"));
    std::fs::remove_file(mine.join("root_use.sql")).unwrap();
    assert_eq!(detectors(&["new", "trail_stopped"]).code, 0);
    assert!(detectors(&["new", "trail_stopped"]).err.contains("exists"), "nothing is overwritten");
    let checked = detectors(&["check"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    let tested = detectors(&["test", "trail_stopped"]);
    assert_eq!(tested.code, 2, "{}{}", tested.out, tested.err);
    assert!(
        tested.out.contains("FAILED    trail_stopped: 0 of 1 hits found, 0 of 1 misses reported"),
        "{}",
        tested.out
    );
    assert!(tested.out.contains("hit-1 should be evidence of a finding and is not"), "{}", tested.out);

    let path = mine.join("trail_stopped.sql");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("TheCallToLookFor", "StopLogging")).unwrap();
    let tested = detectors(&["test"]);
    assert_eq!(tested.code, 0, "{}{}", tested.out, tested.err);
    assert!(tested.out.contains("ok        trail_stopped: 1 of 1 hits found"), "{}", tested.out);
    assert!(
        tested.out.contains("tested    1 detector, 0 failed"),
        "a folder's own and no shipped ones: {}",
        tested.out
    );

    std::fs::write(&path, text.replace("api = 'TheCallToLookFor'", "TRUE")).unwrap();
    let tested = detectors(&["test"]);
    assert_eq!(tested.code, 2);
    assert!(tested.out.contains("miss-1 is evidence of a finding and should not be"), "{}", tested.out);
}

#[test]
#[ignore = "hunts each fixture twice for two minutes; `.ci/run detectors_check` runs it"]
fn the_shipped_detectors_have_no_errors() {
    let out = succeeds(&["detectors", "check"]).out;
    assert!(out.ends_with(" 0 problems\n"), "{out}");
}

#[test]
fn detectors_are_listed_by_severity_tactic_and_source() {
    let list = |args: &[&str]| -> Vec<String> {
        let out = succeeds(&[&["detectors", "list"], args].concat()).out;
        out.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
    };
    let all = list(&[]);
    let high = list(&["--severity", "high"]);
    assert!(!high.is_empty() && high.len() < all.len() && high.iter().all(|id| all.contains(id)), "{high:?}");
    assert!(list(&["--tactic", "impact"]).contains(&"data_destruction".to_owned()));
    assert!(!list(&["--tactic", "impact"]).contains(&"root_use".to_owned()));
    assert!(list(&["--reads", "daily_role_assumption"]).contains(&"new_role_caller".to_owned()));
    assert!(list(&["--reads", "sts.amazonaws.com"]).contains(&"new_role_caller".to_owned()));
    let ran = trailhunt(&["detectors", "list", "--tactic", "luck"]);
    assert!(ran.code == 2 && ran.err.contains("unknown tactic luck: expected one of initial-access, "), "{}", ran.err);
}

#[test]
fn a_detector_that_cannot_be_read_or_planned_is_named_and_the_others_hunt() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mine, lake, report) = (dir.path().join("mine"), dir.path().join("lake"), dir.path().join("report.json"));
    let too_long = GOOD.replace("0.5 AS score", &format!("0.5{} AS score", " + 0".repeat(5_000)));
    for (name, text) in [
        ("good.sql", GOOD.as_bytes()),
        ("no_header.sql", b"SELECT 1"),
        ("no_text.sql", b"\xff\xfe"),
        ("too_long.sql", too_long.as_bytes()),
    ] {
        write(&mine.join(name), text);
    }
    let event = json!({"eventTime": "2024-01-01T10:00:00Z", "eventID": "1", "eventName": "StopLogging",
        "eventSource": "cloudtrail.amazonaws.com", "userIdentity": {"type": "Root", "accountId": "111122223333"}});
    archive(&dir.path().join("archive"), &[event]);
    succeeds(&["ingest", arg(&dir.path().join("archive")), "--lake", arg(&lake)]);
    let ran = trailhunt(&["hunt", "--lake", arg(&lake), "--detector-dir", arg(&mine), "--report", arg(&report)]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    let report = read_json(&report);
    let texts = |list: &Value| list.as_array().expect("a list").iter().map(Value::to_string).collect::<Vec<_>>();
    let failed = texts(&report["run"]["detectors_failed"]);
    assert_eq!(failed.len(), 3, "{failed:?}");
    for id in ["no_header", "no_text", "too_long"] {
        assert!(failed.iter().any(|reason| reason.contains(id)), "{id}: {failed:?}");
        assert!(ran.out.contains(id), "{id}: {}", ran.out);
    }
    let found: Vec<_> = texts(&report["findings"]);
    assert!(found.iter().any(|finding| finding.contains(r#""detector":"good""#)), "{found:?}");
    assert!(found.iter().any(|finding| finding.contains(r#""detector":"trail_tampering""#)), "{found:?}");
}
