//! `trailhunt mcp`: serves the lake, findings and detectors to agents, until the client leaves or the program is stopped.

use std::io::{Read, stdin};

use serde_json::Value;

use super::Outcome;
use crate::error::{Error, Result};
use crate::mcp::{self, Launch};
use crate::request::McpRequest;
use crate::terminal::Out;

pub async fn mcp(request: McpRequest, out: &mut Out) -> Result<Outcome> {
    match request.call.clone() {
        Some(tool) => call(&tool, request, out).await,
        None => serve(request, out).await,
    }
}

/// One call, in the process that the server started for it.
async fn call(tool: &str, request: McpRequest, out: &mut Out) -> Result<Outcome> {
    let mut line = String::new();
    let read = stdin().read_line(&mut line);
    read.map_err(|source| Error::File { path: "standard input".into(), source })?;
    let arguments: Value =
        serde_json::from_str(&line).map_err(|e| Error::Usage(format!("arguments of {tool}: {e}")))?;
    std::thread::spawn(end_with_the_server);
    let reply = mcp::call(tool, arguments, request).await?;
    out.render(|out| serde_json::to_writer(out, &reply).map_err(Into::into))?;
    Ok(Outcome::Done)
}

/// The server keeps the pipe open. If it is killed, nobody waits for the answer, and a query could run for a minute.
fn end_with_the_server() {
    let mut rest = [0];
    while stdin().read(&mut rest).is_ok_and(|bytes| bytes > 0) {}
    std::process::exit(2);
}

async fn serve(request: McpRequest, out: &mut Out) -> Result<Outcome> {
    let program = std::env::current_exe();
    let program = program.map_err(|source| Error::File { path: "the path of this program".into(), source })?;
    let launch = Launch { program, options: std::env::args_os().skip(1).collect(), time_limit: request.time_limit };
    let listening = |address| writeln!(out, "listening at http://{address}{}, with token", mcp::PATH);
    mcp::serve(&request.lake, &request.transport, launch, listening).await?;
    Ok(Outcome::Done)
}
