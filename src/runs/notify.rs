//! Passes the summary of a run to the operator's command, on its standard input.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::request::Notify;

/// How often a running command is checked.
const POLL: Duration = Duration::from_millis(50);

/// How a notification ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notified {
    /// The command succeeded.
    Delivered,
    /// It failed or was killed; the text gives the reason.
    Failed(String),
}

/// Runs the command with `summary` and a newline on its standard input. Never blocks the runtime.
///
/// # Errors
/// When no shell can be started.
pub async fn notify(notify: &Notify, summary: &str) -> Result<Notified> {
    let failed = |source| Error::File { path: "sh".into(), source };
    let mut child = Command::new("sh").arg("-c").arg(&notify.command).stdin(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        let line = format!("{summary}\n");
        // A command may never read its input. The thread ends when the command does.
        std::thread::spawn(move || {
            let _ = input.write_all(line.as_bytes());
        });
    }
    wait(&mut child, notify.time_limit).await.map_err(failed)
}

async fn wait(child: &mut Child, time_limit: Duration) -> std::io::Result<Notified> {
    let started = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(Notified::Delivered),
            Some(status) => return Ok(Notified::Failed(format!("--notify-command failed: {status}"))),
            None if started.elapsed() >= time_limit => {
                child.kill()?;
                child.wait()?;
                let seconds = time_limit.as_secs();
                return Ok(Notified::Failed(format!("--notify-command was killed after {seconds} s")));
            }
            None => tokio::time::sleep(POLL).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn send(command: &str, milliseconds: u64) -> Notified {
        let request = Notify { command: command.into(), time_limit: Duration::from_millis(milliseconds) };
        notify(&request, "{}").await.unwrap()
    }

    #[tokio::test]
    async fn success_failure_and_a_hanging_command_are_distinguished() {
        assert_eq!(send("grep -q '{}'", 10_000).await, Notified::Delivered);
        assert!(matches!(send("exit 3", 10_000).await, Notified::Failed(text) if text.contains('3')));
        let started = Instant::now();
        assert!(matches!(send("exec sleep 60", 200).await, Notified::Failed(text) if text.contains("killed")));
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
