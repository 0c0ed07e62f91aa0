//! `trailhunt demo`: what it prints to try works when it is pasted, its folder is used again, and nothing is deleted.

#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{arg, succeeds, trailhunt};
use serde_json::json;

/// A demo's folder with an archive that is smaller than that of the demo, as if an earlier demo had written it.
fn written_before(folder: &Path) {
    let archive = folder.join("archive");
    let small = ["--days", "5", "--accounts", "2", "--people", "12", "--events-per-day", "150", "--attacks", "3"];
    succeeds(&[&["sample", "--out", arg(&archive)][..], &small].concat());
    let mark = json!({"version": env!("CARGO_PKG_VERSION"), "archive": [700, 3]});
    std::fs::write(folder.join("trailhunt-demo.json"), mark.to_string()).expect("the mark can be written");
}

fn run_in(dir: &Path, command: &str, args: &[&str]) -> Output {
    let mut command = Command::new(command);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRAILHUNT_")) {
        command.env_remove(name);
    }
    command.args(args).current_dir(dir).output().expect("the command starts")
}

#[test]
fn the_commands_at_the_end_of_a_demo_work_when_they_are_pasted() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let dir = dir.path().join("a folder's name");
    let folder = dir.join("trailhunt-demo");
    std::fs::create_dir_all(&folder).expect("the folder can be created");
    written_before(&folder);
    std::fs::write(folder.join("mine"), "notes").expect("a file can be written");
    for _ in 0..2 {
        let ran = run_in(&dir, env!("CARGO_BIN_EXE_trailhunt"), &["demo"]);
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert_eq!(ran.status.code(), Some(0), "{out}{err}");
        assert!(out.contains("uses trailhunt-demo again, from an earlier demo"), "{out}");
        assert!(out.contains("open trailhunt-demo/report.html in a browser"), "{out}");
        let (_, commands) = out.split_once("\nTry next\n").expect("there are commands");
        let commands: Vec<&str> = commands.lines().map(str::trim).collect();
        assert_eq!(commands.len(), 3, "{commands:?}");
        for command in commands {
            let ran = run_in(&dir, "sh", &["-c", command]);
            let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
            assert!(ran.status.success() && out.lines().count() > 2, "{command}\n{out}{err}");
        }
    }
    assert_eq!(std::fs::read_to_string(folder.join("mine")).expect("it is still there"), "notes");
    assert!(folder.join("report.json").exists() && folder.join("lake").exists());
    let ignored = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.gitignore")).expect("the file");
    assert!(ignored.lines().any(|line| line == "/trailhunt-demo"), "the demo leaves nothing in a clone");
}

#[test]
fn a_demo_leaves_the_folders_of_others_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let refused = |mark: Option<&str>| {
        std::fs::write(dir.path().join("mine"), "notes").expect("a file can be written");
        if let Some(mark) = mark {
            std::fs::write(dir.path().join("trailhunt-demo.json"), mark).expect("the mark can be written");
        }
        let ran = trailhunt(&["demo", "--dir", arg(dir.path())]);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(!dir.path().join("archive").exists() && dir.path().join("mine").exists());
        ran.err
    };
    let err = refused(None);
    assert!(err.contains("was not written by `trailhunt demo`; name another folder with --dir"), "{err}");
    let err = refused(Some(r#"{"version": "0.0.1", "archive": null}"#));
    assert!(err.contains("is from trailhunt 0.0.1, this is") && err.contains("delete it, or name another"), "{err}");
    assert!(refused(Some("{}")).contains("trailhunt-demo.json: missing field"));
}
