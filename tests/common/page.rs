//! Pages of the documentation that run as tests: `sh` blocks are commands, `text` blocks are lines of their output.

use std::path::Path;
use std::process::Command;

/// What a page or a section of one was made of.
#[derive(Debug, Default)]
pub struct Followed {
    /// Commands that ran.
    pub commands: usize,
    /// Lines that the output of the command before them contains.
    pub lines: usize,
}

/// Runs the commands of a page in a folder, and checks that the output of each contains the lines below it.
pub fn follow(page: &str, folder: &Path) -> Followed {
    let (mut followed, mut output) = (Followed::default(), String::new());
    for block in page.split("```").skip(1).step_by(2) {
        match block.split_once('\n').expect("a block has a first line") {
            ("sh", commands) => {
                for command in commands.lines() {
                    output = plain(&shell(folder, command));
                    followed.commands += 1;
                }
            }
            (_, excerpt) => {
                for line in excerpt.lines().map(plain).filter(|line| line != "...") {
                    assert!(output.contains(&line), "{line} is not in the output:\n{output}");
                    followed.lines += 1;
                }
            }
        }
    }
    followed
}

/// Runs a command line of the documentation in a folder.
fn shell(folder: &Path, line: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_trailhunt"));
    let path = std::env::var("PATH").expect("there is a PATH");
    let path = format!("{}:{path}", program.parent().expect("it is in a folder").display());
    let output = Command::new("sh").args(["-c", line]).current_dir(folder).env_clear().env("PATH", path).output();
    let output = output.expect("sh starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{line}\n{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Text with single spaces.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
