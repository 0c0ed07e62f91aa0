//! Shared by the tests: runs the program, writes small archives, reads reports.

pub mod bucket;
pub mod page;
pub mod rsigma;
pub mod security_lake;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The result of a run of the program.
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs the program without the AWS and trailhunt settings of the environment.
pub fn trailhunt(args: &[&str]) -> Ran {
    trailhunt_with(&[], args)
}

/// Runs the program with these environment variables.
pub fn trailhunt_with(settings: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailhunt"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("TRAILHUNT_")) {
        command.env_remove(name);
    }
    // A test states what it wants of the terminal.
    for name in ["COLUMNS", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    let output = command.envs(settings.iter().copied()).args(args).output().expect("the program starts");
    Ran {
        code: output.status.code().expect("no signal ended the program"),
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

/// The rows of a query.
pub fn query(lake: &Path, sql: &str) -> Vec<Value> {
    let ran = succeeds(&["query", "--lake", arg(lake), "--format", "json", sql]);
    serde_json::from_str(&ran.out).expect("query --format json prints one array")
}

/// The single number that a query returns.
pub fn number(lake: &Path, sql: &str) -> i64 {
    let rows = query(lake, sql);
    let row = rows[0].as_object().expect("a row is an object");
    row.values().next().and_then(Value::as_i64).expect("a number")
}

/// Runs `run` with a report and reads the report. Fails on exit code 2, but not because nothing is new.
pub fn run_with_report(args: &[&str], report: &Path) -> (Ran, Value) {
    let mut all = vec!["run"];
    all.extend(args);
    all.extend(["--allow-empty", "--report", arg(report)]);
    let ran = trailhunt(&all);
    assert_ne!(ran.code, 2, "{}{}", ran.out, ran.err);
    (ran, read_json(report))
}

/// A JSON file.
pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("the file exists")).expect("the file is JSON")
}

/// Writes a file, and the folders above it.
pub fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("the file is in a folder")).expect("the folder can be created");
    std::fs::write(path, bytes).expect("the file can be written");
}

/// Compresses bytes with gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

/// A tar of these names and contents.
pub fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        archive.append_data(&mut header, name, *bytes).expect("memory can be written");
    }
    archive.into_inner().expect("memory can be written")
}

/// A zip of these names and contents.
pub fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
    for (name, bytes) in files {
        let file = archive.new_file(name).compression_method(rawzip::CompressionMethod::DEFLATE);
        let (mut entry, config) = file.start().expect("memory can be written");
        let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
        let mut writer = config.wrap(encoder);
        writer.write_all(bytes).expect("memory can be written");
        let (encoder, descriptor) = writer.finish().expect("memory can be written");
        encoder.finish().expect("memory can be written");
        entry.finish(descriptor).expect("memory can be written");
    }
    archive.finish().expect("memory can be written");
    out
}

/// Writes records as one object of an archive.
pub fn archive(dir: &Path, records: &[Value]) {
    let key = "AWSLogs/111122223333/CloudTrail/us-east-1/2024/01/01/111122223333_CloudTrail_us-east-1_20240101T0000Z_aaaaaaaaaaaaaaaa.json";
    write(&dir.join(key), serde_json::json!({ "Records": records }).to_string().as_bytes());
}

/// A folder of real archives beside the project. Tests that need one are ignored when the build script finds none.
pub fn shared_data(folder: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(folder);
    assert!(path.exists(), "../shared/data/{folder} is missing");
    path
}

/// All event ids in the evidence of the report's findings.
pub fn evidence(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("a report has findings");
    let events = findings.iter().filter_map(|finding| finding["evidence"]["events"].as_array()).flatten();
    events.filter_map(|event| event["event_id"].as_str()).collect()
}
