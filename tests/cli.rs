//! The command line: exit codes, error messages, invalid input, repeated runs.

use crate::common::{
    archive, arg, gzip, number, query, read_json, run_with_report, succeeds, trailhunt, trailhunt_with, write,
};
use serde_json::json;

fn record(id: &str, time: &str) -> serde_json::Value {
    json!({
        "eventVersion": "1.09", "eventTime": time, "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets",
        "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "eventID": id, "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/maria", "accountId": "111122223333"}
    })
}

#[test]
fn a_second_run_reads_no_object_and_adds_no_event() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake, report) = (dir.path().join("in"), dir.path().join("a lake"), dir.path().join("r.json"));
    archive(&source, &[record("1", "2024-01-01T10:00:00Z"), record("2", "2024-01-02T10:00:00Z")]);
    let args = [arg(&source), "--lake", arg(&lake)];
    let (_, first) = run_with_report(&args, &report);
    assert_eq!((&first["coverage"]["objects_read"], &first["coverage"]["events_kept"]), (&json!(1), &json!(2)));
    let (_, second) = run_with_report(&args, &report);
    assert_eq!((&second["coverage"]["objects_read"], &second["coverage"]["objects_skipped"]), (&json!(0), &json!(1)));
    assert_eq!((&second["coverage"]["events_kept"], &second["coverage"]["duplicates"]), (&json!(0), &json!(0)));
    assert_eq!(number(&lake, "SELECT count(*) FROM events"), 2);
    assert_eq!(
        first["run"]["lake_version"], second["run"]["lake_version"],
        "without new events there is no new version"
    );
}

#[test]
fn an_event_delivered_twice_is_kept_once_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two, lake) = (dir.path().join("one"), dir.path().join("two"), dir.path().join("lake"));
    let mut without_id = record("x", "2024-01-01T12:00:00Z");
    without_id.as_object_mut().unwrap().remove("eventID");
    archive(&one, &[record("1", "2024-01-01T10:00:00Z"), record("1", "2024-01-01T10:00:00Z"), without_id.clone()]);
    archive(&two, &[record("1", "2024-01-01T10:00:00Z"), record("2", "2024-01-01T11:00:00Z"), without_id]);
    succeeds(&["ingest", arg(&one), arg(&two), "--lake", arg(&lake)]);
    assert_eq!(number(&lake, "SELECT count(*) FROM events"), 3);
    assert_eq!(number(&lake, "SELECT sum(duplicates) FROM objects"), 3);
    assert_eq!(number(&lake, "SELECT sum(records - kept - duplicates - rejects) FROM objects"), 0);
}

#[test]
fn a_damaged_object_is_rejected_with_a_reason_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let records: Vec<_> = (0..200).map(|n| record(&format!("e{n}"), "2024-01-01T10:00:00Z")).collect();
    write(&source.join("good.json.gz"), &gzip(json!({ "Records": records[..100] }).to_string().as_bytes()));
    let cut = gzip(json!({ "Records": records[100..] }).to_string().as_bytes());
    write(&source.join("cut.json.gz"), &cut[..cut.len() / 2]);
    let ran = trailhunt(&["ingest", arg(&source), "--lake", arg(&lake)]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(number(&lake, "SELECT count(*) FROM events") >= 100);
    let rejects = query(&lake, "SELECT object, reason FROM rejects ORDER BY byte_offset DESC");
    assert!(rejects.iter().any(|row| row["reason"] == "truncated gzip"), "{rejects:?}");
    assert!(rejects.iter().all(|row| row["object"].as_str().unwrap().ends_with("cut.json.gz")), "{rejects:?}");
}

#[test]
fn findings_at_or_above_fail_on_give_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let mut stop = record("1", "2024-01-01T10:00:00Z");
    stop["eventSource"] = json!("cloudtrail.amazonaws.com");
    stop["eventName"] = json!("StopLogging");
    archive(&source, &[stop]);
    let run = |fail_on: &str| {
        trailhunt(&[
            "run",
            arg(&source),
            "--lake",
            arg(&lake),
            "--detector",
            "trail_tampering",
            "--allow-empty",
            "--fail-on",
            fail_on,
        ])
    };
    assert_eq!(run("high").code, 1);
    assert_eq!(run("critical").code, 0);
    assert_eq!(succeeds(&["hunt", "--lake", arg(&lake), "--detector", "trail_tampering"]).code, 0);
}

#[test]
fn a_suppressed_finding_does_not_count_and_is_listed_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake, file) = (dir.path().join("in"), dir.path().join("lake"), dir.path().join("accepted.toml"));
    let report = dir.path().join("r.json");
    let mut stop = record("1", "2024-01-01T10:00:00Z");
    stop["eventSource"] = json!("cloudtrail.amazonaws.com");
    stop["eventName"] = json!("StopLogging");
    archive(&source, &[stop]);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    let hunt = |entries: &str| {
        std::fs::write(&file, entries).unwrap();
        let args = ["hunt", "--lake", arg(&lake), "--detector", "trail_tampering", "--fail-on", "low", "--report"];
        let settings = [("TRAILHUNT_SUPPRESSIONS", arg(&file))];
        trailhunt_with(&settings, &[&args[..], &[arg(&report)]].concat())
    };
    let entry = |detector: &str, expires: &str| {
        format!("[[suppress]]\ndetector = \"{detector}\"\nreason = \"being moved\"\nexpires = {expires}\n")
    };

    let ran = hunt(&entry("trail_tampering", "9999-12-31"));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("found     nothing; 1 suppressed"), "{}", ran.out);
    assert!(ran.out.contains("1 finding     line 1, until 9999-12-31  trail_tampering: being moved"), "{}", ran.out);
    let report = read_json(&report);
    assert_eq!((&report["findings"], &report["entities"]), (&json!([]), &json!([])));
    assert_eq!(report["suppressed"][0]["reason"], "being moved");
    assert_eq!(report["suppressed"][0]["expires"], "9999-12-31");
    assert_eq!(
        (&report["suppressions"][0]["state"], &report["suppressions"][0]["findings"]),
        (&json!("applied"), &json!(1))
    );

    let ran = hunt(&(entry("trail_tampering", "2024-01-01") + &entry("root_use", "9999-12-31")));
    assert_eq!(ran.code, 1, "an expired entry suppresses nothing");
    assert!(ran.out.contains("expired       line 1, until 2024-01-01"), "{}", ran.out);
    assert!(ran.out.contains("no match      line 5, until 9999-12-31"), "{}", ran.out);

    let ran = hunt(&entry("trail_tampering", "\"soon\""));
    assert!(ran.code == 2 && ran.err.contains("accepted.toml: line 4: invalid date expires = soon"), "{}", ran.err);
    assert_eq!(ran.err.trim_end().lines().count(), 1, "{}", ran.err);
}

#[test]
fn a_backtest_reports_alerts_per_detector_and_a_score_threshold() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let fixture = trailhunt::detect::Library::fixture("root_use").expect("root_use has a fixture");
    archive(&source, &trailhunt::detect::expand(fixture).expect("the fixture is well formed"));
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    let both = ["backtest", "--lake", arg(&lake), "--detector", "root_use", "--detector", "login_failures"];
    let text = succeeds(&both).out;
    assert!(
        text.lines()
            .any(|line| line.starts_with("root_use  ") && line.trim_end().ends_with(|c: char| c.is_ascii_digit())),
        "{text}"
    );
    assert!(text.contains("No alerts: login_failures"), "{text}");
    let json = succeeds(&[&both[..], &["--format", "json", "--alerts-per-day", "0.01"]].concat()).out;
    let backtest: serde_json::Value = serde_json::from_str(&json).expect("the output is one JSON object");
    let detectors = backtest["detectors"].as_array().expect("a list");
    assert_eq!(detectors.iter().map(|d| &d["detector"]).collect::<Vec<_>>(), ["login_failures", "root_use"]);
    let root = &detectors[1];
    assert_eq!(root["alerts"]["total"], backtest["all"]["total"]);
    assert!(root["alerts"]["total"].as_u64() > Some(0) && root["contributors"][0]["entity_type"] == "actor", "{root}");
    let ran = trailhunt(&[&both[..], &["--alerts-per-day", "none"]].concat());
    assert!(ran.code == 2 && ran.err.contains("expected a number above 0"), "{}", ran.err);
}

#[test]
fn invalid_arguments_give_one_line_with_the_next_step() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let lake = dir.path().join("lake");
    archive(&dir.path().join("in"), &[record("1", "2024-01-01T10:00:00Z")]);
    succeeds(&["ingest", arg(&dir.path().join("in")), "--lake", arg(&lake)]);
    for (args, expected) in [
        (vec!["ingest", arg(&missing), "--lake", arg(&lake)], "nothing to read at"),
        (vec!["query", "--lake", arg(&missing), "SELECT 1"], "no lake found; create one with"),
        (vec!["query", "--lake", "gs://bucket", "SELECT 1"], "expected s3://bucket/prefix or a local path"),
        (vec!["hunt", "--lake", arg(&lake), "--detector", "traveller"], "no detector traveller; see"),
        (vec!["hunt", "--lake", arg(&lake), "--detector", "travel"], "did you mean impossible_travel?"),
        (vec!["hunt", "--lake", arg(&lake), "--from", "soon"], "invalid time `soon`: expected"),
        (
            vec!["hunt", "--lake", arg(&lake), "--from", "2025-01-01"],
            "the lake has events from 2024-01-01 to 2024-01-01",
        ),
        (vec!["hunt", "--lake", arg(&lake), "--set", "call_rate.min_q=3"], "no parameter min_q; its parameters: "),
        (vec!["query", "--lake", arg(&lake), "SELECT nonsense FROM events"], "nonsense"),
        (vec!["query", "--lake", arg(&lake), "CREATE TABLE x AS SELECT 1"], "line 1, column 1: CREATE is refused"),
        (vec!["query", "--lake", arg(&lake), "COPY events TO 'x.parquet'"], "COPY is refused"),
    ] {
        let ran = trailhunt(&args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.err.contains(expected), "{args:?}: {}", ran.err);
        assert_eq!(ran.err.trim_end().lines().count(), 1, "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_query_prints_every_format_and_neutralises_hostile_text() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let hostile = "=HYPERLINK(\"http://x\")\u{1b}[31mred\u{7}\u{9b}2J\u{202e}<script>alert(1)</script>";
    let mut first = record("1", "2024-01-01T10:00:00Z");
    first["userAgent"] = json!(hostile);
    archive(&dir.path().join("in"), &[first]);
    succeeds(&["ingest", arg(&dir.path().join("in")), "--lake", arg(&lake)]);
    let ask = |format: &str, sql: &str| succeeds(&["query", "--lake", arg(&lake), "--format", format, sql]).out;
    assert_eq!(ask("csv", "SELECT event_id, event_date FROM events"), "event_id,event_date\n1,2024-01-01\n");
    assert_eq!(ask("csv", "SELECT event_id FROM events WHERE event_id = 'none'"), "event_id\n");
    assert_eq!(ask("csv", "SELECT '-1' AS a, -1 AS b, make_array('x', '@y') AS c"), "a,b,c\n'-1,-1,\"[x, @y]\"\n");
    assert_eq!(ask("json", "SELECT event_id, error_code FROM events"), "[{\"event_id\":\"1\",\"error_code\":null}]\n");
    assert_eq!(ask("json", "SELECT event_id FROM events WHERE event_id = 'none'"), "[]\n");
    assert_eq!(ask("ndjson", "SELECT event_id FROM events"), "{\"event_id\":\"1\"}\n");
    let agent = "SELECT user_agent FROM events";
    let is_quiet = |text: &str| !text.chars().any(|c| c.is_control() && c != '\n');
    let table = ask("table", agent);
    assert!(table.contains("red") && is_quiet(&table) && !table.contains('\u{202e}'), "{table}");
    assert!(table.ends_with("1 row\n"), "{table}");
    let csv = ask("csv", agent);
    assert!(csv.contains("\"'=HYPERLINK") && is_quiet(&csv), "{csv}");
    for format in ["json", "ndjson"] {
        let text = ask(format, agent);
        let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        let value = if format == "json" { &value[0] } else { &value };
        assert!(is_quiet(&text) && value["user_agent"] == hostile, "JSON keeps the text unchanged: {text}");
    }
    let file = dir.path().join("answer.parquet");
    let parquet = ["query", "--lake", arg(&lake), "--format", "parquet", agent];
    assert!(trailhunt(&parquet).err.contains("--out"), "Parquet needs --out");
    succeeds(&[&parquet[..], &["--out", arg(&file)]].concat());
    let read =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&file).unwrap());
    let batch = read.unwrap().build().unwrap().next().unwrap().unwrap();
    let text = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
    assert_eq!(arrow::array::AsArray::as_string::<i32>(&text).value(0), hostile, "Parquet keeps the text unchanged");
    let page = succeeds(&["entity", "arn:aws:iam::111122223333:user/maria", "--lake", arg(&lake)]).out;
    assert!(page.contains("198.51.100.7") && is_quiet(&page), "{page}");

    let described = succeeds(&["query", "--lake", arg(&lake), "--describe", "events"]).out;
    assert!(
        described.lines().any(|line| line.starts_with("access_key_id") && line.contains("signed the call")),
        "{described}"
    );
}

#[test]
fn a_semi_join_keeps_its_rows_whatever_the_columns_of_its_other_side_are_called() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    archive(&dir.path().join("in"), &[record("1", "2024-01-01T10:00:00Z"), record("2", "2024-01-02T10:00:00Z")]);
    succeeds(&["ingest", arg(&dir.path().join("in")), "--lake", arg(&lake)]);
    // The keys of `asked` are passed on to the columns of `other`, where `actor` is not the key.
    let other = "SELECT user_identity_arn AS caller, event_name AS actor FROM events";
    let sql = format!(
        "SELECT count(*) FROM (SELECT DISTINCT actor FROM events WHERE event_name = 'ListBuckets') AS asked \
         JOIN (SELECT known.actor FROM (SELECT DISTINCT actor FROM events) AS known \
               WHERE EXISTS (SELECT 1 FROM ({other}) AS other \
                             WHERE other.caller = known.actor AND length(other.actor) <> length(known.actor))) AS met \
         ON met.actor = asked.actor"
    );
    assert_eq!(number(&lake, &sql), 1);
    // The other side has the key with another type, and the column it comes from.
    let sql = "SELECT count(*) FROM (SELECT DISTINCT actor FROM events WHERE event_name = 'ListBuckets') AS asked \
               JOIN (SELECT known.actor, min(day.event_date) AS since FROM (SELECT DISTINCT actor FROM events) AS known \
                     JOIN daily_activity AS day ON day.actor = known.actor GROUP BY known.actor) AS met \
               ON met.actor = asked.actor";
    assert_eq!(number(&lake, sql), 1);
}

#[test]
fn a_query_is_sql_a_file_or_a_saved_question() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, file, report) = (dir.path().join("lake"), dir.path().join("q.sql"), dir.path().join("r.json"));
    archive(&dir.path().join("in"), &[record("1", "2024-01-01T10:00:00Z"), record("2", "2024-01-02T10:00:00Z")]);
    succeeds(&["ingest", arg(&dir.path().join("in")), "--lake", arg(&lake)]);
    let ask = |args: &[&str]| succeeds(&[&["query", "--lake", arg(&lake), "--format", "csv"], args].concat()).out;
    assert_eq!(ask(&["-- why\nSELECT 1 AS a"]), "a\n1\n");
    assert_eq!(ask(&["--SELECT\nSELECT 1 AS a", "--from", "2024-01-02"]), "a\n1\n");
    for seconds in ["0", "18446744073709551615"] {
        assert_eq!(ask(&["SELECT 1 AS a", "--timeout", seconds]), "a\n1\n");
    }
    let by_day = "SELECT event_id AS id FROM events WHERE event_time >= $from AND event_time < $to AND event_name = $api ORDER BY 1";
    std::fs::write(&file, by_day).unwrap();
    assert_eq!(ask(&["--file", arg(&file), "--param", "api=ListBuckets", "--from", "2024-01-02"]), "id\n2\n");
    let exactly = ["--file", arg(&file), "--param", "api=ListBuckets", "--from", "2024-01-01T10:00:00Z", "--to"];
    let until = |to: &str| ask(&[&exactly[..], &[to]].concat());
    assert_eq!(until("2024-01-02T11:00:00+01:00"), "id\n1\n", "times are not rounded to days");
    assert_eq!(until("2024-01-02T10:00:01Z"), "id\n1\n2\n");
    let of_address = ["address_timeline", "--param", "ip=198.51.100.7", "--param", "rows=1"];
    assert_eq!(ask(&of_address).lines().count(), 2);
    std::fs::write(
        &report,
        r#"{"findings": [{"id": "f1", "entity": "198.51.100.7", "first_time": "2024-01-01T10:00:00Z", "last_time": "2024-01-01T10:00:00Z"}]}"#,
    )
    .unwrap();
    let around = ask(&["--finding", "f1", "--report", arg(&report)]);
    assert!(around.lines().count() == 2 && around.contains(",true,"), "the next day is outside the period: {around}");
    let plan = ask(&["--explain", "SELECT * FROM events WHERE event_date = '2024-01-02'"]);
    assert!(plan.contains("reads     events: 1 of 2 files of") && plan.contains("DataSourceExec"), "{plan}");
    let twice = |hint: &str| {
        format!(
            "WITH x AS {hint} (SELECT event_id FROM events WHERE event_name = $api) \
             SELECT count(*) AS n FROM x AS a JOIN x AS b ON b.event_id = a.event_id"
        )
    };
    let (anew, once) = (twice(""), twice("MATERIALIZED"));
    let named = |format: &str, sql: &str, more: &[&str]| {
        let args = ["query", "--lake", arg(&lake), "--format", format, "--param", "api=ListBuckets", sql];
        succeeds(&[&args[..], more].concat()).out
    };
    assert_eq!((named("csv", &anew, &[]), named("csv", &once, &[])), ("n\n2\n".to_owned(), "n\n2\n".to_owned()));
    assert!(named("csv", &anew, &["--explain"]).contains("reads     events: 4 of 2 files of"));
    let plan = named("csv", &once, &["--explain"]);
    assert!(plan.contains("reads     events: 2 of 2 files of") && plan.contains("x, computed once:"), "{plan}");
    for (args, expected) in [
        (vec!["nonsense"], "no question nonsense; see `trailhunt queries`"),
        (vec!["key_timeline"], "key_timeline requires --param key=...: access key id"),
        (vec!["key_timeline", "--param", "key"], "--param key: expected NAME=VALUE"),
        (vec!["--finding", "f2", "--report", arg(&report)], "no finding f2"),
        (vec!["--describe", "evnts"], "no table evnts; there are agent_requests, aggregated_calls, "),
    ] {
        let ran = trailhunt(&[&["query", "--lake", arg(&lake)], &args[..]].concat());
        assert!(ran.code == 2 && ran.err.contains(expected), "{args:?}: {}", ran.err);
    }
}

#[test]
fn arguments_override_the_environment_which_overrides_the_settings_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    for (name, day) in [("one", "2024-01-01"), ("two", "2024-01-02"), ("three", "2024-01-03")] {
        archive(&dir.path().join(name).join("in"), &[record(name, &format!("{day}T10:00:00Z"))]);
        succeeds(&[
            "ingest",
            arg(&dir.path().join(name).join("in")),
            "--lake",
            arg(&dir.path().join(name).join("lake")),
        ]);
    }
    std::fs::write(&file, "lake = \"one/lake\"\nfail_on = \"low\"\n\n[parameters.root_use]\nroutine_days = 9\n")
        .unwrap();
    let (two, three) = (dir.path().join("two/lake"), dir.path().join("three/lake"));
    let first = |settings: &[(&str, &str)], args: &[&str]| {
        let ask = ["query", "--config", arg(&file), "--format", "csv", "SELECT event_id AS id FROM events"];
        let ran = trailhunt_with(settings, &[&ask[..], args].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    assert_eq!(first(&[], &[]), "id\none\n", "relative to the folder of the settings file");
    assert_eq!(first(&[("TRAILHUNT_LAKE", arg(&two))], &[]), "id\ntwo\n");
    assert_eq!(first(&[("TRAILHUNT_LAKE", arg(&two))], &["--lake", arg(&three)]), "id\nthree\n");

    let explain = ["detectors", "explain", "root_use", "--config", arg(&file)];
    assert!(succeeds(&explain).out.contains("routine_days = 9"));
    assert!(succeeds(&[&explain[..], &["--set", "root_use.routine_days=4"]].concat()).out.contains("routine_days = 4"));

    let shown = trailhunt_with(
        &[("TRAILHUNT_CONFIG", arg(&file)), ("TRAILHUNT_SUPPRESSIONS", "accepted.toml")],
        &["config", "show"],
    );
    for expected in [
        format!("lake           {}  ({}:1)\n", arg(&dir.path().join("one/lake")), arg(&file)),
        "suppressions   accepted.toml  (environment, TRAILHUNT_SUPPRESSIONS)\n".into(),
        "memory_limit   1GB  (built in)\n".into(),
        "profile        -\n".into(),
        format!("parameters     root_use.routine_days=9  ({}:4)\n", arg(&file)),
    ] {
        assert!(shown.out.contains(&expected), "{expected} is not in {}{}", shown.out, shown.err);
    }
    std::fs::write(dir.path().join("trailhunt.toml"), "fail_on = \"high\"\n").unwrap();
    let mut here = std::process::Command::new(env!("CARGO_BIN_EXE_trailhunt"));
    let here = here.args(["config", "show"]).current_dir(dir.path()).env_remove("TRAILHUNT_CONFIG").output().unwrap();
    assert!(String::from_utf8_lossy(&here.stdout).contains("fail_on        high  (trailhunt.toml:1)"), "{here:?}");
    assert!(String::from_utf8_lossy(&here.stderr).contains("using settings from ./trailhunt.toml"), "{here:?}");

    std::fs::write(&file, "lakes = \"x\"\n").unwrap();
    let ran = trailhunt(&["config", "show", "--config", arg(&file)]);
    assert!(
        ran.code == 2 && ran.err.contains("line 1, column 1: unknown setting lakes; did you mean lake?"),
        "{}",
        ran.err
    );
}

#[test]
fn completions_and_manual_pages_are_written() {
    for shell in ["bash", "zsh", "fish"] {
        let completions = succeeds(&["completions", shell]).out;
        assert!(completions.contains("verify-digests"), "{shell}");
        assert!(completions.contains("impossible_travel") && completions.contains("key_timeline"), "{shell}");
    }
    assert!(succeeds(&["man"]).out.contains(".TH trailhunt 1"));
    let page = succeeds(&["man", "detectors", "new"]).out;
    assert!(page.contains(".TH trailhunt-detectors-new 1") && page.contains("trailhunt detectors new trail"), "{page}");
    let ran = trailhunt(&["man", "detectors", "knew"]);
    assert!(ran.code == 2 && ran.err.contains("no command knew of trailhunt detectors: list, show,"), "{}", ran.err);
    let dir = tempfile::tempdir().unwrap();
    succeeds(&["man", "--out", arg(dir.path())]);
    for page in ["", "-detectors-new", "-lake-verify-digests", "-query", "-man"] {
        assert!(dir.path().join(format!("trailhunt{page}.1")).exists(), "{page}");
    }
}

/// Asks bash itself: the words that it offers for the last one.
#[cfg(unix)]
#[test]
fn bash_completes_names_of_detectors_and_questions_and_no_files() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("new_file"), "").unwrap();
    std::fs::write(dir.path().join("completions"), succeeds(&["completions", "bash"]).out).unwrap();
    let offered = |line: &str| {
        let script = format!(
            "source completions; COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _trailhunt trailhunt \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             echo \"${{COMPREPLY[*]}}\""
        );
        let bash = std::process::Command::new("bash").args(["--norc", "-c", &script]).current_dir(dir.path()).output();
        String::from_utf8(bash.expect("bash starts").stdout).unwrap().trim().to_owned()
    };
    assert_eq!(offered("trailhunt hunt --detector impossible"), "impossible_travel");
    let new = offered("trailhunt hunt --detector new_");
    assert!(new.contains("new_place new_region") && !new.contains("new_file"), "{new}");
    assert_eq!(offered("trailhunt query key"), "key_timeline");
    assert_eq!(offered("trailhunt queries network"), "network_timeline");
    assert_eq!(offered("trailhunt detectors show root"), "root_use");
    assert_eq!(offered("trailhunt verdict --format \'\'"), "table json");
    assert_eq!(offered("trailhunt hunt --report new"), "new_file", "a report is a file");
}

#[test]
fn the_extension_of_a_file_selects_the_format_of_a_query() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    archive(&dir.path().join("in"), &[record("1", "2024-01-01T10:00:00Z")]);
    succeeds(&["ingest", arg(&dir.path().join("in")), "--lake", arg(&lake)]);
    let written = |name: &str, more: &[&str]| {
        let path = dir.path().join(name);
        let args = ["query", "--lake", arg(&lake), "SELECT event_id FROM events", "--out", arg(&path)];
        let ran = trailhunt(&[&args[..], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        std::fs::read(&path).unwrap()
    };
    assert_eq!(written("x.csv", &[]), b"event_id\n1\n");
    assert_eq!(written("x.json", &[]), b"[{\"event_id\":\"1\"}]\n");
    assert_eq!(written("x.ndjson", &[]), b"{\"event_id\":\"1\"}\n");
    assert!(written("x.parquet", &[]).starts_with(b"PAR1"));
    assert_eq!(written("x.csv", &["--format", "csv"]), b"event_id\n1\n");
    assert_eq!(written("x.out", &["--format", "csv"]), b"event_id\n1\n");
    assert_eq!(written("x.txt", &[]), b"event_id\n1\n1 row\n", "a table");
    let both = ["query", "--lake", arg(&lake), "SELECT 1", "--out", "x.csv", "--format", "json"];
    let ran = trailhunt(&both);
    assert!(ran.code == 2 && ran.err.contains("x.csv: .csv is another format than --format"), "{}", ran.err);
}

#[test]
fn lists_may_be_separated_by_commas() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake, report) = (dir.path().join("in"), dir.path().join("lake"), dir.path().join("r.json"));
    archive(&source, &[record("1", "2024-01-01T10:00:00Z")]);
    let lists = ["--account", "111122223333,444455556666", "--region", "us-east-1", "--detector", "root_use,call_rate"];
    let ran = trailhunt(&[&["run", arg(&source), "--lake", arg(&lake), "--report", arg(&report)][..], &lists].concat());
    // The second account is not in the archive, which is said.
    assert!(ran.out.contains("--account 444455556666 matches nothing; accounts found: 111122223333"), "{}", ran.out);
    let detectors = &read_json(&report)["run"]["detectors"];
    assert_eq!(detectors.as_object().unwrap().keys().collect::<Vec<_>>(), ["call_rate", "root_use"]);
}

#[test]
fn an_entity_is_shown_with_the_findings_of_the_last_run_in_three_formats() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let mut stop = record("1", "2024-01-01T10:00:00Z");
    stop["eventSource"] = json!("cloudtrail.amazonaws.com");
    stop["eventName"] = json!("StopLogging");
    stop["userIdentity"]["accessKeyId"] = json!("ASIAIOSFODNN7EXAMPLE");
    stop["userAgent"] = json!("a|b *c*");
    archive(&source, &[stop]);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    let maria = "arn:aws:iam::111122223333:user/maria";
    let page = |more: &[&str]| succeeds(&[&["entity", maria, "--lake", arg(&lake)], more].concat());
    let before = page(&[]);
    assert!(before.err.contains("no run is recorded yet, so no findings are shown"), "{}", before.err);
    assert!(!before.out.contains("\nFindings\n"), "{}", before.out);
    succeeds(&["hunt", "--lake", arg(&lake), "--detector", "trail_tampering"]);
    let text = page(&[]).out;
    assert!(text.contains("\nFindings\n") && text.contains("trail_tampering"), "{text}");
    assert!(text.contains("ASIAIOSFODNN7EXAMPLE"), "a few temporary keys are named: {text}");
    let json: serde_json::Value = serde_json::from_str(&page(&["--format", "json"]).out).expect("one JSON object");
    assert_eq!((&json["entity"], &json["kind"]), (&json!(maria), &json!("identity")));
    let section = |title: &str| {
        let sections = json["sections"].as_array().expect("a list");
        sections.iter().find(|section| section["title"] == title).expect(title)["rows"].clone()
    };
    assert_eq!(section("Activity")[0]["calls"], 1);
    assert_eq!(section("Findings")[0]["detector"], "trail_tampering");
    let id = section("Findings")[0]["id"].as_str().expect("an id").to_owned();
    let markdown = page(&["--format", "md"]).out;
    assert!(markdown.starts_with("# identity: arn:aws:iam::111122223333:user/maria\n\n2024-01-01 to 2024-01-02 UTC\n"));
    assert!(markdown.contains("\n## Findings\n\n| first time | severity | id | detector | summary |\n"), "{markdown}");

    // The beginning of an id names a finding, and the last run has it.
    let around = |typed: &str| trailhunt(&["query", "--finding", typed, "--lake", arg(&lake), "--format", "csv"]);
    for typed in [&id[..], &id[..6], &id[..8].to_uppercase()] {
        let ran = around(typed);
        assert!(ran.code == 0 && ran.out.lines().count() == 2, "{typed}: {}{}", ran.out, ran.err);
    }
    assert!(around("0000000000").err.contains("no finding 0000000000"), "{}", around("0000000000").err);
    let again = succeeds(&["verify", "--lake", arg(&lake), "--again", &id[..7]]).out;
    assert!(again.contains(&format!("finding   {id} reproduced: ")), "{again}");
}

#[test]
fn roles_that_were_assumed_are_shown_with_who_assumed_them_in_order_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let role = "arn:aws:iam::111122223333:role/deploy";
    let assume = |id: &str, user: &str, time: &str, key: &str| {
        let mut assume = record(id, time);
        assume["eventSource"] = json!("sts.amazonaws.com");
        assume["eventName"] = json!("AssumeRole");
        assume["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111122223333:user/{user}"));
        assume["requestParameters"] = json!({"roleArn": role, "roleSessionName": "release"});
        assume["responseElements"] = json!({"credentials": {"accessKeyId": key},
            "assumedRoleUser": {"arn": "arn:aws:sts::111122223333:assumed-role/deploy/release"}});
        assume
    };
    let (first, later) = ("ASIAIOSFODNN7EXAMPL1", "ASIAIOSFODNN7EXAMPL2");
    archive(
        &source,
        &[
            assume("1", "zoe", "2024-01-01T09:00:00Z", first),
            assume("2", "ann", "2024-01-01T10:00:00Z", later),
            assume("3", "ann", "2024-01-01T11:00:00Z", later),
        ],
    );
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    let roles = |entity: &str| {
        let page = succeeds(&["entity", entity, "--lake", arg(&lake), "--format", "json"]).out;
        let page: serde_json::Value = serde_json::from_str(&page).expect("one JSON object");
        let sections = page["sections"].as_array().expect("a list").clone();
        let section =
            sections.iter().find(|section| section["title"] == "Roles assumed, and by whom").expect("it").clone();
        let name = |row: &serde_json::Value| row["assumed_by"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let rows = section["rows"].as_array().expect("a list").clone();
        rows.iter()
            .map(|row| format!("{} {} {}", name(row), row["calls"], row["session"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let both = ["zoe 1 release", "ann 2 release"];
    assert_eq!(roles(role), both, "the role");
    assert_eq!(roles("arn:aws:sts::111122223333:assumed-role/deploy/release"), both, "its session");
    assert_eq!(roles(first), both[..1], "a key that was issued");
    assert_eq!(roles("arn:aws:iam::111122223333:user/ann"), both[1..], "who assumed it");
}

#[test]
fn what_was_found_on_the_last_day_is_separate() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let stop = |id: &str, user: &str, time: &str| {
        let mut stop = record(id, time);
        stop["eventSource"] = json!("cloudtrail.amazonaws.com");
        stop["eventName"] = json!("StopLogging");
        stop["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111122223333:user/{user}"));
        stop
    };
    let days = ["2024-01-01T10:00:00Z", "2024-01-02T10:00:00Z", "2024-01-03T10:00:00Z"];
    archive(&source, &[stop("1", "maria", days[0]), stop("2", "ann", days[1]), record("3", days[2])]);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    let found = |from: &str, to: &str| {
        let hunt = ["hunt", "--lake", arg(&lake), "--detector", "trail_tampering", "--allow-empty"];
        let out = succeeds(&[&hunt[..], &["--from", from, "--to", to]].concat()).out;
        out.lines().find_map(|line| line.strip_prefix("found     ")).expect("the line").to_owned()
    };
    assert_eq!(found("2024-01-01", "2024-01-02"), "1 high", "a window of one day");
    assert_eq!(found("2024-01-01", "2024-01-03"), "1 high on 2024-01-02; 1 high before");
    assert_eq!(found("2024-01-01", "2024-01-04"), "nothing on 2024-01-03; 2 high before");
    assert_eq!(found("2024-01-03", "2024-01-04"), "nothing");
}

#[test]
fn a_detector_folder_adds_detectors_and_may_replace_shipped_ones() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("own");
    std::fs::create_dir_all(&own).unwrap();
    let text = succeeds(&["detectors", "show", "root_use"]).out;
    std::fs::write(own.join("root_use.sql"), text.replace("Root user active", "Ours")).unwrap();
    std::fs::write(own.join("broken.sql"), "SELECT 1").unwrap();
    let ran = trailhunt(&["detectors", "list", "--detector-dir", arg(&own)]);
    assert!(
        ran.code == 2 && ran.err.contains("detector broken: line 1, column 1: the file must begin with a TOML header"),
        "{}",
        ran.err
    );
    std::fs::remove_file(own.join("broken.sql")).unwrap();
    let listed = succeeds(&["detectors", "list", "--detector-dir", arg(&own)]).out;
    assert!(listed.contains("Ours") && listed.contains("root_use replaces the shipped detector"), "{listed}");
}

#[test]
fn explain_shows_what_a_detector_reads_from_a_lake() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    archive(&source, &[record("1", "2024-01-01T10:00:00Z"), record("2", "2024-01-02T10:00:00Z")]);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    let explain = ["detectors", "explain", "root_use", "--lake", arg(&lake), "--from", "2024-01-02", "--plan"];
    let explained = succeeds(&[&explain[..], &["--set", "root_use.routine_days=7"]].concat()).out;
    assert!(explained.contains("attack    T1078.004 Valid Accounts: Cloud Accounts (Initial Access"), "{explained}");
    assert!(
        explained.contains("param     routine_days = 7, at least 1: earlier days with root activity"),
        "{explained}"
    );
    assert!(explained.contains("tables    calls, daily_api_use\n"), "{explained}");
    assert!(explained.contains("reads     events: 1 of 2 files"), "the file of the day before is pruned: {explained}");
    assert!(explained.contains(" s, 0 findings\n") && explained.contains("DataSourceExec"), "{explained}");
}

#[test]
fn a_changed_object_is_read_again_once_and_reported() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (source, lake, report) = (dir.path().join("in"), dir.path().join("lake"), dir.path().join("r.json"));
    let args = [arg(&source), "--lake", arg(&lake), "--detector", "root_use"];
    archive(&source, &[record("1", "2024-01-01T10:00:00Z")]);
    run_with_report(&args, &report);
    archive(&source, &[record("1", "2024-01-01T10:00:00Z"), record("2", "2024-01-01T11:00:00Z")]);
    let (_, changed) = run_with_report(&args, &report);
    let coverage = &changed["coverage"];
    assert_eq!(
        (&coverage["objects_changed"], &coverage["events_kept"], &coverage["duplicates"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let (_, third) = run_with_report(&args, &report);
    assert_eq!((&third["coverage"]["objects_changed"], &third["coverage"]["objects_read"]), (&json!(0), &json!(0)));
}

#[test]
fn frequent_ingests_keep_few_files_per_day() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    for hour in 0..12 {
        let source = dir.path().join(format!("{hour}"));
        archive(&source, &[record(&hour.to_string(), &format!("2024-01-01T{hour:02}:00:00Z"))]);
        succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    }
    assert_eq!(number(&lake, "SELECT count(*) FROM events"), 12);
    let log = std::fs::read_dir(lake.join("_delta_log")).unwrap();
    let (mut added, mut removed) = (0, 0);
    for entry in log.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let text = std::fs::read_to_string(entry).unwrap();
        added += text.lines().filter(|line| line.starts_with(r#"{"add":"#)).count();
        removed += text.lines().filter(|line| line.starts_with(r#"{"remove":"#)).count();
    }
    assert_eq!((added, removed), (13, 9), "the ninth file of a day triggers the join of all nine");
}

#[cfg(unix)]
#[test]
fn a_failed_write_of_summaries_is_an_error_that_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    archive(&source, &[record("1", "2024-01-01T10:00:00Z")]);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    // A file in place of the folder makes writes fail, whatever the user's permissions are.
    std::fs::write(lake.join("_trailhunt/rollups"), "in the way").unwrap();
    let hunt = ["hunt", "--lake", arg(&lake), "--detector", "call_rate", "--detector", "new_api"];
    let ran = trailhunt(&hunt);
    assert!(ran.code == 2 && ran.err.contains("cannot write") && ran.err.contains("rollups"), "{}{}", ran.out, ran.err);
}

#[test]
fn limits_per_object_are_settings() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    archive(&source, &[record("1", "2024-01-01T10:00:00Z")]);
    let ingest = ["ingest", arg(&source), "--lake", arg(&lake)];
    let ran = trailhunt(&[&ingest[..], &["--record-size-max", "64", "--memory-limit", "64MB"]].concat());
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    let reasons = query(&lake, "SELECT reason FROM rejects");
    assert!(reasons[0]["reason"].as_str().unwrap().ends_with("exceeds the limit of 64 bytes"), "{reasons:?}");
    let ran = trailhunt(&[&ingest[..], &["--memory-limit", "1 parsec"]].concat());
    assert!(ran.code == 2 && ran.err.contains("unknown unit `PARSEC`: expected KB, MB or GB"), "{}", ran.err);
}

#[test]
fn the_counts_in_lake_status_add_up() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    archive(
        &source,
        &[record("1", "2024-01-01T10:00:00Z"), record("1", "2024-01-01T10:00:00Z"), json!({"eventTime": "soon"})],
    );
    assert_eq!(trailhunt(&["ingest", arg(&source), "--lake", arg(&lake)]).code, 2);
    let status = trailhunt(&["lake", "status", "--lake", arg(&lake)]);
    assert!(status.out.contains("records   3 = 1 kept + 1 duplicate + 1 reject"), "{}", status.out);
    assert_eq!(status.code, 2, "there are rejects");
    let rejects = trailhunt(&["lake", "rejects", "--lake", arg(&lake)]);
    assert!(rejects.out.contains("unknown format of the event time: \"soon\""), "{}", rejects.out);
}
