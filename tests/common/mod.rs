//! What the tests share: the program as a person runs it, and archives to run it on.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod security_lake;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a run of the program said.
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs the program, without any AWS setting of the machine.
pub fn trailhunt(args: &[&str]) -> Ran {
    trailhunt_with(&[], args)
}

/// Runs the program with these settings in its environment.
pub fn trailhunt_with(settings: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailhunt"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("TRAILHUNT_")) {
        command.env_remove(name);
    }
    let output = command.envs(settings.iter().copied()).args(args).output().expect("the program starts");
    Ran {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs the program and expects it to succeed.
pub fn succeeds(args: &[&str]) -> Ran {
    let ran = trailhunt(args);
    assert_eq!(ran.code, 0, "trailhunt {}\n{}{}", args.join(" "), ran.out, ran.err);
    ran
}

/// A path as an argument.
pub fn arg(path: &Path) -> &str {
    path.to_str().expect("test paths are UTF-8")
}

/// Rows of a query.
pub fn query(lake: &Path, sql: &str) -> Vec<Value> {
    let ran = succeeds(&["query", "--lake", arg(lake), "--format", "json", sql]);
    serde_json::from_str(&ran.out).expect("query --format json prints one array")
}

/// The one number a query gives.
pub fn number(lake: &Path, sql: &str) -> i64 {
    let rows = query(lake, sql);
    let row = rows[0].as_object().expect("a row is an object");
    row.values().next().and_then(Value::as_i64).expect("a number")
}

/// Runs `run` with a report and reads it. Any exit code but 2 is expected.
pub fn run_with_report(args: &[&str], report: &Path) -> (Ran, Value) {
    let mut all = vec!["run"];
    all.extend(args);
    all.extend(["--report", arg(report)]);
    let ran = trailhunt(&all);
    assert_ne!(ran.code, 2, "{}{}", ran.out, ran.err);
    (ran, read_json(report))
}

/// A JSON file.
pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("the file was written")).expect("it is JSON")
}

/// Writes records as one object of an archive.
pub fn archive(dir: &Path, records: &[Value]) {
    let folder = dir.join("AWSLogs/111122223333/CloudTrail/us-east-1/2024/01/01");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let text = serde_json::json!({ "Records": records }).to_string();
    std::fs::write(folder.join("111122223333_CloudTrail_us-east-1_20240101T0000Z_aaaaaaaaaaaaaaaa.json"), text)
        .expect("a file can be written");
}

/// Real archives that may lie beside the project; a test that wants them says so when they are not there.
pub fn shared_data(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(folder);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: ../shared/data/{folder} is not there");
    None
}

/// Every event id that stands as evidence of a finding.
pub fn evidence(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("a report has findings");
    let events = findings.iter().filter_map(|finding| finding["evidence"]["events"].as_array()).flatten();
    events.filter_map(|event| event["event_id"].as_str()).collect()
}
