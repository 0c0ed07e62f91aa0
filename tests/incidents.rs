//! `docs/incidents.md`: each incident is worked from `run` to containment, in at most six commands.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use std::path::Path;
use std::process::Command;

use crate::common::{page, shared_data, write};
use tempfile::TempDir;

/// Works the section of the page whose headline begins with `headline`, in a folder that `prepare` fills.
fn work(headline: &str, prepare: impl Fn(&Path)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/incidents.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with(headline)).unwrap();
    let folder = TempDir::new().unwrap();
    prepare(folder.path());
    let followed = page::follow(section, folder.path());
    assert!((3..=6).contains(&followed.commands), "{followed:?}");
    assert!(followed.lines >= 8, "{followed:?}");
    assert!(section.contains("\naws "), "{headline}: no command that contains the attack");
}

/// A folder of the page is one of the real archives.
fn archive(folder: &Path, name: &str) {
    std::os::unix::fs::symlink(shared_data(name).canonicalize().unwrap(), folder.join(name)).unwrap();
}

#[test]
fn a_user_in_two_accounts() {
    work("A role in another account", |folder| {
        let records = "tests/fixtures/who_was_it.jsonl";
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(records);
        write(&folder.join(records), &std::fs::read(fixture).unwrap());
    });
}

#[test]
fn a_leaked_key() {
    work("A leaked key", |_| {});
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs real archives in ../shared/data")]
fn an_attack_of_an_hour() {
    work("An attack of an hour", |folder| archive(folder, "invictus"));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs real archives in ../shared/data")]
fn a_week_in_an_organisation() {
    work("Logging switched off", |folder| archive(folder, "organisation"));
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs the cases in ../shared/cases")]
fn a_case_from_a_public_report() {
    work("A backdoor in Identity Center", |folder| {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/cases.py").canonicalize().unwrap();
        let made =
            Command::new("python3").arg(cases).arg("03-identity-center-backdoor").current_dir(folder).status().unwrap();
        assert!(made.success());
        std::fs::rename(folder.join("03-identity-center-backdoor"), folder.join("case")).unwrap();
    });
}
