//! Tells somebody how a run ended: a command of the operator's that gets the summary on its standard input.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Runs `command` in a shell with `summary` and a line's end on its standard input. False when it says that it failed.
///
/// # Errors
/// When no shell can be started.
pub fn notify(command: &str, summary: &str) -> Result<bool> {
    let failed = |source| Error::File { path: "sh".into(), source };
    let mut child = Command::new("sh").arg("-c").arg(command).stdin(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // A command that does not listen is told nothing, and may be content with that.
        let _ = writeln!(input, "{summary}");
    }
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        eprintln!("trailhunt: --notify-command ended with {status}");
    }
    Ok(status.success())
}
