//! Text from logs is written by whoever made the call. In every output, no character of it steers a terminal, reorders or
//! hides text, or begins a formula.

use std::path::Path;

use crate::common::{archive, arg, read_json, trailhunt};
use serde_json::{Value, json};

/// A colour, a bell, an escape sequence of one C1 control, bidirectional and zero-width characters, line ends.
const HOSTILE: &str = "x\u{1b}[31m\u{7}\u{9b}2J\u{202e}\u{2066}\u{200b}\u{feff}\u{7f}\u{85}\r\n\u{2028}=1|é";

fn is_hostile(c: char) -> bool {
    let is_invisible = ['\u{61c}', '\u{200b}', '\u{2028}', '\u{202e}', '\u{2066}', '\u{feff}'].contains(&c);
    is_invisible || (c.is_control() && c != '\n')
}

/// Records with hostile text in every member that can have it.
fn records() -> [Value; 4] {
    let hostile = |n: u32, changes: Value| {
        let mut record = json!({
            "eventVersion": HOSTILE, "eventTime": format!("2024-01-01T10:00:0{n}Z"), "eventID": format!("{n}{HOSTILE}"),
            "eventSource": HOSTILE, "eventName": HOSTILE, "awsRegion": HOSTILE, "sourceIPAddress": HOSTILE,
            "userAgent": format!("={HOSTILE}"), "errorMessage": HOSTILE, "requestID": HOSTILE, "eventType": HOSTILE,
            "recipientAccountId": "111122223333", "apiVersion": HOSTILE, "vpcEndpointId": HOSTILE,
            "requestParameters": {"name": HOSTILE, HOSTILE: HOSTILE}, "responseElements": {"a": HOSTILE},
            "additionalEventData": {"a": HOSTILE}, "resources": [{"ARN": HOSTILE}], "unknownMember": HOSTILE,
            "userIdentity": {
                "type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{HOSTILE}"), "userName": HOSTILE,
                "accountId": "111122223333", "accessKeyId": HOSTILE, "principalId": HOSTILE
            }
        });
        for (member, value) in changes.as_object().expect("changes are members") {
            record[member] = value.clone();
        }
        record
    };
    let stop = json!({
        "eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "readOnly": false,
        "managementEvent": true, "errorMessage": null
    });
    [
        hostile(1, stop),
        hostile(2, json!({})),
        hostile(3, json!({"errorCode": HOSTILE})),
        hostile(4, json!({"eventTime": HOSTILE})),
    ]
}

/// Fails if an output has a hostile character. A row of CSV ends with a carriage return.
fn assert_harmless(what: &str, output: &str) {
    let output = if what.ends_with("csv") { output.replace("\r\n", "\n") } else { output.to_owned() };
    let line = output.lines().find(|line| line.contains(is_hostile));
    assert!(line.is_none(), "{what}: {line:?}");
}

#[test]
fn text_from_logs_is_neutralised_in_every_output() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    archive(&source, &records());
    let file = |name: &str| dir.path().join(name);
    let reports =
        ["json", "html", "md", "csv", "sarif", "ocsf.ndjson", "oscal.json"].map(|form| file(&format!("report.{form}")));
    let notified = file("notified.json");
    let (lake, command) = (arg(&lake), format!("cat > {}", notified.display()));
    let mut run = vec!["run", arg(&source), "--lake", lake, "--allow-empty", "--notify-command", &command];
    run.extend(reports.iter().flat_map(|report| ["--report", arg(report)]));

    let actor = format!("arn:aws:iam::111122223333:user/{HOSTILE}");
    let select = "SELECT * FROM calls JOIN rejects ON TRUE";
    let cast = "SELECT CAST(user_agent AS INT) FROM events";
    let explained = format!("SELECT '{HOSTILE}' FROM events");
    let report = arg(&reports[0]);
    let list = file("list");
    std::fs::write(&list, format!("user-agent: =x # {HOSTILE}\n{HOSTILE}\n")).expect("the file can be written");
    run.extend(["--indicators", arg(&list)]);
    let commands: [&[&str]; 20] = [
        &run,
        &["ingest", arg(&source), "--lake", lake],
        &["hunt", "--lake", lake, "--quiet"],
        &["query", "--lake", lake, select],
        &["query", "--lake", lake, "--format", "json", select],
        &["query", "--lake", lake, "--format", "ndjson", select],
        &["query", "--lake", lake, "--explain", &explained],
        &["query", "--lake", lake, cast],
        &["entity", &actor, "--lake", lake, "--report", report],
        &["baseline", "diff", "2023-12-31", "2024-01-01", "--lake", lake],
        &["baseline", "diff", "2023-12-31", "2024-01-01", "--lake", lake, "--format", "json"],
        &["lake", "status", "--lake", lake],
        &["lake", "status", "--lake", lake, "--format", "json"],
        &["lake", "rejects", "--lake", lake],
        &["runs", "--lake", lake],
        &["runs", "--lake", lake, "--format", "json"],
        &["query", "--lake", lake, "--format", "csv", select],
        &["indicators", arg(&list), "--lake", lake],
        &["indicators", arg(&list), "--lake", lake, "--format", "json"],
        &["indicators", arg(&list), "--lake", lake, "--format", "csv"],
    ];
    for command in commands {
        let ran = trailhunt(command);
        assert!(!(ran.out.is_empty() && ran.err.is_empty()), "{command:?} prints something");
        let what = command.join(" ").replace(is_hostile, "?");
        let is_csv = command.contains(&"csv");
        assert_harmless(&if is_csv { format!("{what} csv") } else { what.clone() }, &ran.out);
        assert_harmless(&what, &ran.err);
        // The text itself is there, or the test proves nothing.
        let quotes = ["run", "query", "entity", "rejects", "indicators"].iter().any(|name| command.contains(name));
        assert!(!quotes || ran.out.contains("[31m") || ran.err.contains("[31m"), "{what}: {}{}", ran.out, ran.err);
    }
    let found = read_json(&reports[0])["findings"][0]["id"].as_str().expect("a finding").to_owned();
    for format in ["text", "md", "json"] {
        let ran = trailhunt(&["explain", &found, "--lake", lake, "--format", format]);
        assert_harmless(&format!("explain {format}"), &format!("{}{}", ran.out, ran.err));
        assert!(ran.out.contains("[31m") || ran.out.contains("\\[31m"), "explain {format}: {}{}", ran.out, ran.err);
    }
    for path in reports.iter().chain([&notified]) {
        let text = std::fs::read_to_string(path).expect("the file was written");
        let name = path.file_name().and_then(|name| name.to_str()).expect("the name is UTF-8");
        assert_harmless(name, &text);
        assert!(text.contains("[31m") || text.contains("\\[31m"), "{name} has the text of the log");
    }
    assert_values_are_unchanged(&reports[0]);
    let csv = std::fs::read_to_string(&reports[3]).expect("the file was written");
    assert!(!csv.lines().any(|line| line.split(",\"").any(|cell| cell.starts_with('='))), "{csv}");
}

/// JSON only escapes: a program that reads the report gets what the log says.
fn assert_values_are_unchanged(report: &Path) {
    let report = read_json(report);
    let findings = report["findings"].as_array().expect("a report has findings");
    assert!(
        findings.iter().any(|finding| finding.to_string().contains(&json!(HOSTILE).to_string()[1..])),
        "{findings:?}"
    );
}
