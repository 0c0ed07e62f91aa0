//! Shows a long text with a pager.

use std::io::{IsTerminal, Write, stdin, stdout};
use std::process::{Command, Stdio};

use super::layout::stdout_size;

/// Pages without colours getting lost, ends at once if the text fits, cuts long lines, and leaves the text on the screen.
const LESS: [&str; 2] = ["less", "-FRSX"];

/// Writes a text that a person reads to standard output: with `$PAGER`, or less if it is installed, when it has more lines
/// than the terminal; otherwise as it is. `PAGER=` or `PAGER=cat` switches the pager off.
///
/// # Errors
/// When standard output cannot be written.
pub fn paged(text: &str) -> std::io::Result<()> {
    let is_terminal = stdin().is_terminal() && stdout().is_terminal();
    let lines = stdout_size().map_or(usize::MAX, |(_, lines)| lines);
    if is_terminal && text.lines().count() >= lines && with_pager(text) {
        return Ok(());
    }
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// False when there is no pager.
fn with_pager(text: &str) -> bool {
    let mut command = match std::env::var("PAGER") {
        Ok(pager) if pager.trim().is_empty() => return false,
        // `$PAGER` is a command with arguments, as other programs take it.
        Ok(pager) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &pager]);
            shell
        }
        Err(_) => {
            let mut less = Command::new(LESS[0]);
            less.arg(LESS[1]);
            less
        }
    };
    let Ok(mut pager) = command.stdin(Stdio::piped()).spawn() else { return false };
    if let Some(mut input) = pager.stdin.take() {
        // A pager that is left early closes its input.
        let _ = input.write_all(text.as_bytes());
    }
    pager.wait().is_ok_and(|status| status.code() != Some(COMMAND_NOT_FOUND))
}

/// The exit code of `sh` for a command that does not exist.
const COMMAND_NOT_FOUND: i32 = 127;
