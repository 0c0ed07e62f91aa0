//! Altered data is detected: in any file of a lake, in the chain of runs, and by the evidence bundle.

use std::path::{Path, PathBuf};

use crate::common::{archive, arg, read_json, succeeds, trailhunt};
use serde_json::{Value, json};

/// `StopLogging` on a day in January.
fn stop(id: &str, day: u32) -> Value {
    json!({
        "eventVersion": "1.09", "eventTime": format!("2024-01-{day:02}T10:00:00Z"), "eventID": id,
        "eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7", "eventType": "AwsApiCall", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann", "accountId": "111122223333"}
    })
}

/// A lake of two days, with a reject, that was hunted once. Returns the lake and the report.
fn hunted(dir: &Path) -> (PathBuf, PathBuf) {
    let (source, lake, report) = (dir.join("in"), dir.join("lake"), dir.join("r.json"));
    archive(&source, &[stop("1", 1), stop("2", 2), json!({"eventTime": "never"})]);
    assert_eq!(trailhunt(&["ingest", arg(&source), "--lake", arg(&lake)]).code, 2, "one reject");
    hunt(&lake, &report);
    (lake, report)
}

fn hunt(lake: &Path, report: &Path) {
    succeeds(&["hunt", "--lake", arg(lake), "--detector", "trail_tampering", "--report", arg(report)]);
}

/// The files in a folder of the lake and below it, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in
        std::fs::read_dir(folder).expect("the folder exists").map(|entry| entry.expect("it can be listed").path())
    {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("test names are UTF-8")
}

/// The output of a `verify` that finds something.
fn problems(lake: &Path, more: &[&str]) -> String {
    let ran = trailhunt(&[&["verify", "--lake", arg(lake)], more].concat());
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    ran.out
}

#[test]
fn one_flipped_bit_anywhere_in_a_lake_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _) = hunted(dir.path());
    let out = succeeds(&["verify", "--lake", arg(&lake)]).out;
    assert!(out.contains("log       2 files\n") && out.contains("verified"), "{out}");
    let folders = ["event_date=2024-01-01", "event_date=2024-01-02", "_trailhunt/ledger", "_trailhunt/rejects"];
    let folders = folders.into_iter().chain(["_trailhunt/rollups", "_delta_log"]);
    let all: Vec<_> = folders.flat_map(|folder| files(&lake.join(folder))).collect();
    // Of each day: events, a pack, two histories. A file of the ledger, one of rejects, two of the log.
    assert_eq!(all.len(), 2 * 4 + 4, "{all:?}");
    let whole: Vec<_> = all.iter().map(|file| std::fs::read(file).unwrap()).collect();
    // One bit in each file at once: every file is named, so each would be alone.
    for part in 0..=4 {
        for (n, (file, whole)) in all.iter().zip(&whole).enumerate() {
            let mut flipped = whole.clone();
            flipped[(whole.len() - 1) * part / 4] ^= 1 << (n % 8);
            std::fs::write(file, flipped).unwrap();
        }
        let out = problems(&lake, &[]);
        for file in &all {
            let expected = format!("{}: hash mismatch: the file was modified", name(file));
            assert!(out.contains(&expected), "{part}/4 of {}: {out}", file.display());
        }
    }
    all.iter().zip(&whole).for_each(|(file, whole)| std::fs::write(file, whole).unwrap());
    succeeds(&["verify", "--lake", arg(&lake)]);
}

#[test]
fn missing_and_cut_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _) = hunted(dir.path());
    for folder in ["event_date=2024-01-02", "_trailhunt/ledger", "_trailhunt/rejects", "_delta_log"] {
        let file = files(&lake.join(folder)).pop().unwrap();
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() - 9]).unwrap();
        let is_data = folder != "_delta_log";
        let sizes = format!("{}: {} bytes instead of {}", name(&file), whole.len() - 9, whole.len());
        let mismatch = format!("{}: hash mismatch", name(&file));
        let out = problems(&lake, &[]);
        assert!(out.contains(if is_data { &sizes } else { &mismatch }), "{out}");
        if is_data {
            // The size does not need the content.
            assert!(problems(&lake, &["--sample", "0"]).contains(&sizes));
        }
        std::fs::remove_file(&file).unwrap();
        let out = problems(&lake, &[]);
        assert!(out.contains(&format!("{}: missing", name(&file))), "{out}");
        std::fs::write(&file, whole).unwrap();
    }
    succeeds(&["verify", "--lake", arg(&lake)]);
}

#[test]
fn compacted_files_have_checksums_and_altered_events_are_not_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, more) = (hunted(dir.path()).0, dir.path().join("more"));
    archive(&more, &[stop("3", 1), stop("4", 2)]);
    succeeds(&["ingest", arg(&more), "--lake", arg(&lake)]);
    let file = files(&lake.join("event_date=2024-01-01")).remove(0);
    let whole = std::fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    std::fs::write(&file, flipped).unwrap();
    let ran = trailhunt(&["lake", "compact", "--lake", arg(&lake)]);
    assert!(ran.code == 2 && ran.err.contains(&format!("{}: hash mismatch", name(&file))), "{}{}", ran.out, ran.err);
    std::fs::write(&file, whole).unwrap();
    succeeds(&["lake", "compact", "--lake", arg(&lake)]);
    succeeds(&["lake", "vacuum", "--lake", arg(&lake), "--retain-hours", "0"]);
    let out = succeeds(&["verify", "--lake", arg(&lake)]).out;
    assert!(!out.contains("without a checksum") && out.contains("not checked: no recorded run covers them"), "{out}");
    let compacted = files(&lake.join("event_date=2024-01-01"));
    assert_eq!(compacted.len(), 1);
    let mut bytes = std::fs::read(&compacted[0]).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&compacted[0], bytes).unwrap();
    assert!(problems(&lake, &[]).contains(name(&compacted[0])));
}

#[test]
fn files_of_an_older_version_are_counted_and_a_sample_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    archive(&source, &[stop("1", 1), stop("2", 2)]);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);
    // As an older version named it.
    let file = files(&lake.join("event_date=2024-01-01")).remove(0);
    let old = format!("{}.parquet", name(&file).split('.').next().unwrap());
    let commit = lake.join("_delta_log/00000000000000000001.json");
    let text = std::fs::read_to_string(&commit).unwrap();
    assert!(text.contains(name(&file)));
    std::fs::write(&commit, text.replace(name(&file), &old)).unwrap();
    std::fs::rename(&file, file.with_file_name(&old)).unwrap();
    hunt(&lake, &dir.path().join("r.json"));
    let out = succeeds(&["verify", "--lake", arg(&lake), "--sample", "10%"]).out;
    assert!(out.contains("1 file without a checksum") && out.contains("not in the sample of 10 %"), "{out}");
    let evidence = ["evidence", "last", "--lake", arg(&lake), "--out"];
    let ran = trailhunt(&[&evidence[..], &[arg(&dir.path().join("e.tar.gz"))]].concat());
    assert!(ran.code == 2 && ran.out.contains(&format!("{old}: an older version wrote")), "{}{}", ran.out, ran.err);
    let ran = trailhunt(&["verify", "--lake", arg(&lake), "--sample", "110%"]);
    assert!(ran.code == 2 && ran.err.contains("expected a percentage such as 5%"), "{}", ran.err);
}

#[test]
fn a_removed_last_run_is_revealed_by_its_report() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, first) = hunted(dir.path());
    let last = dir.path().join("last.json");
    hunt(&lake, &last);
    let run = |report: &Path| read_json(report)["run"]["id"].as_str().unwrap().to_owned();
    std::fs::remove_file(lake.join("_trailhunt/runs/00000002.json")).unwrap();
    let removed = format!("{}.report.json.gz: no record names this report", run(&last));
    assert!(problems(&lake, &[]).contains(&removed));
    std::fs::remove_file(lake.join(format!("_trailhunt/runs/{}.report.json.gz", run(&last)))).unwrap();
    let out = problems(&lake, &[arg(&last)]);
    assert!(out.contains(&format!("last.json: run {} is not recorded in this lake", run(&last))), "{out}");
    succeeds(&["verify", "--lake", arg(&lake), arg(&first)]);
}

#[test]
fn an_evidence_bundle_is_not_made_from_altered_sources() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, _) = hunted(dir.path());
    let out = dir.path().join("evidence.tar.gz");
    let evidence = ["evidence", "last", "--lake", arg(&lake), "--out", arg(&out)];
    for folder in ["event_date=2024-01-01", "event_date=2024-01-02", "_trailhunt/ledger"] {
        let file = files(&lake.join(folder)).pop().unwrap();
        let whole = std::fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 8;
        std::fs::write(&file, flipped).unwrap();
        let ran = trailhunt(&evidence);
        let expected = format!("{}: hash mismatch: the file was modified", name(&file));
        assert!(ran.code == 2 && ran.err.contains(&expected), "{}{}", ran.out, ran.err);
        assert!(!out.exists());
        std::fs::write(&file, whole).unwrap();
    }
    succeeds(&evidence);
    assert!(out.exists());
}
