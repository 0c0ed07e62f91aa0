//! The process of a call: the same program with the same options, for one tool. It gets the arguments as one line on
//! standard input and writes a [`Reply`] to standard output. It ends itself when its standard input ends before that: then
//! the server is gone.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::tool::Reply;

/// Time after its limit in which a process ends itself.
const GRACE: Duration = Duration::from_secs(5);

/// How the process of a call is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// This program.
    pub program: PathBuf,
    /// The options of the server.
    pub options: Vec<OsString>,
    /// Time that a call may take.
    pub time_limit: Duration,
}

impl Launch {
    /// Runs a call. The process is killed when the returned future is dropped, so a cancelled call ends at once.
    pub async fn call(&self, tool: &str, arguments: &Value) -> Reply {
        match timeout(self.time_limit + GRACE, self.run(tool, arguments)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(reason)) => Reply::Failed(reason),
            Err(_) => Reply::Failed(format!("stopped: time limit of {} s exceeded", self.time_limit.as_secs())),
        }
    }

    async fn run(&self, tool: &str, arguments: &Value) -> Result<Reply, String> {
        let failed = |e: std::io::Error| format!("cannot run the process of a call: {e}");
        let mut command = Command::new(&self.program);
        command.args(&self.options).args(["--call", tool]).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let input = child.stdin.take();
        let line = format!("{arguments}\n");
        let write = async {
            let mut input = input?;
            // A process that has failed already does not read it; its message is the reason.
            let _ = input.write_all(line.as_bytes()).await;
            Some(input)
        };
        let (_input_stays_open, output) = tokio::join!(write, child.wait_with_output());
        let output = output.map_err(failed)?;
        match serde_json::from_slice::<Reply>(&output.stdout) {
            Ok(reply) if output.status.success() => Ok(reply),
            _ => {
                let messages = String::from_utf8_lossy(&output.stderr);
                let last = messages.lines().rev().find(|line| !line.trim().is_empty());
                let reason = last.map(|line| line.trim_start_matches("trailhunt: ").to_owned());
                Err(reason.unwrap_or_else(|| format!("the process of the call ended: {}", output.status)))
            }
        }
    }
}
