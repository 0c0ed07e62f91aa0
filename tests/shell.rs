//! `trailhunt shell` in a pseudo-terminal.

#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::{archive, arg, succeeds};
use serde_json::json;

/// The output of the terminal so far.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<String>>);

impl Screen {
    fn follow(&self, mut terminal: File) {
        let shown = Arc::clone(&self.0);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = terminal.read(&mut bytes) {
                shown.lock().expect("no panic").push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
    }

    /// Waits for a text in the output. Returns and forgets the output up to it.
    fn expect(&self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let mut shown = self.0.lock().expect("no panic");
            if let Some(at) = shown.find(text) {
                return shown.drain(..at + text.len()).collect();
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no {text:?} in {shown:?}");
            drop(shown);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn the_shell_completes_describes_runs_and_remembers_queries() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lake) = (dir.path().join("in"), dir.path().join("lake"));
    let record = json!({
        "eventVersion": "1.09", "eventTime": "2024-01-01T10:00:00Z", "eventSource": "s3.amazonaws.com",
        "eventName": "ListBuckets", "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "eventID": "1",
        "eventType": "AwsApiCall", "recipientAccountId": "111122223333", "userAgent": "\u{1b}]0;owned\u{7}\u{9b}2J",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/maria", "accountId": "111122223333"}
    });
    archive(&source, &[record]);
    succeeds(&["ingest", arg(&source), "--lake", arg(&lake)]);

    let size = nix::pty::Winsize { ws_row: 30, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = nix::pty::openpty(Some(&size), None).expect("a pseudo-terminal");
    let end = || Stdio::from(terminal.slave.try_clone().expect("the handle can be duplicated"));
    let paged = dir.path().join("paged");
    let mut shell = Command::new(env!("CARGO_BIN_EXE_trailhunt"))
        .args(["shell", "--lake", arg(&lake)])
        .env("TERM", "xterm")
        .env("XDG_STATE_HOME", dir.path())
        .env("PAGER", format!("tee {}", arg(&paged)))
        .env_remove("COLUMNS")
        .stdin(end())
        .stdout(end())
        .stderr(end())
        .spawn()
        .expect("the shell starts");
    let screen = Screen::default();
    let mut keys = File::from(terminal.master);
    screen.follow(keys.try_clone().expect("the handle can be duplicated"));
    let mut type_in = |text: &str| keys.write_all(text.as_bytes()).expect("the shell reads its input");

    screen.expect("trailhunt> ");
    // A query of two lines; Tab completes the table name.
    type_in("SELECT source_ip_address, user_agent\r");
    screen.expect("      ...> ");
    type_in("FROM targeted_c\t\t");
    screen.expect("targeted_calls");
    type_in("\u{15}FROM events;\r");
    let answer = screen.expect("1 row");
    assert!(answer.contains("198.51.100.7"), "{answer:?}");
    assert!(!answer.contains("\u{1b}]0;") && !answer.contains('\u{9b}') && answer.contains("owned"), "{answer:?}");

    screen.expect("trailhunt> ");
    type_in("\\d daily_role\r");
    screen.expect("role that was created");
    screen.expect("trailhunt> ");
    type_in("\\d\r");
    screen.expect("targeted_calls");
    screen.expect("trailhunt> ");
    type_in("DROP TABLE events;\r");
    screen.expect("DROP is refused");
    screen.expect("trailhunt> ");
    type_in("\\i regions_in_use rows=5\r");
    screen.expect("us-east-1");
    screen.expect("trailhunt> ");
    assert!(!paged.exists(), "short answers are not paged");

    type_in("help\r");
    screen.expect("show each row as a block of lines");
    screen.expect("trailhunt> ");
    // Ctrl-C drops a statement that is not complete.
    type_in("SELECT nonsense\r");
    screen.expect("      ...> ");
    type_in("\u{3}");
    screen.expect("trailhunt> ");
    type_in("SELECT repeat('wide ', 40) AS text, user_identity_arn FROM events;\r");
    let answer = screen.expect("shows everything");
    assert!(answer.contains("cut to 80 columns: text") && answer.contains("wide w"), "{answer:?}");
    screen.expect("trailhunt> ");
    type_in("\\x\r");
    screen.expect("expanded output is on");
    screen.expect("trailhunt> ");
    type_in("SELECT event_id AS id, repeat('wide ', 40) AS text FROM events;\r");
    let answer = screen.expect("1 row");
    assert!(answer.contains("id    1\r\n") && answer.matches("wide").count() > 40, "{answer:?}");
    screen.expect("trailhunt> ");
    type_in("\\x\r");
    screen.expect("expanded output is off");
    screen.expect("trailhunt> ");
    type_in("SELECT value FROM generate_series(1, 100);\r");
    screen.expect("100 rows");
    assert!(std::fs::read_to_string(&paged).expect("the pager ran").ends_with("   99\n  100\n100 rows\n"));
    screen.expect("trailhunt> ");
    type_in("exit\r");
    assert_eq!(shell.wait().expect("the shell ends").code(), Some(0));
    let history = std::fs::read_to_string(dir.path().join("trailhunt/history")).expect("the history file exists");
    assert!(history.contains("FROM events;") && history.contains("DROP TABLE events;"), "{history}");
}
