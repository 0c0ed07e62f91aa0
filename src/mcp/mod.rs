//! The server for agents: the lake, findings and detectors as tools of the Model Context Protocol.
//!
//! ```text
//! client  <->  server (rmcp, over stdio or http)  ->  process of the call  ->  tools  ->  the lake
//!                | pages of kept rows                  time and memory limits
//!                | log of calls in the lake
//! ```
//!
//! Each call runs in a process of its own (`process`): when it takes too long or too much memory, or is cancelled, the
//! process ends, and everything it used is free again. The server itself only sends the pages of answers that it keeps.
//! Text from log records is only in fields marked as untrusted (`untrusted`). Nothing is written but the log of calls.

mod guide;
mod http;
mod page;
mod process;
mod rows;
mod server;
mod tool;
mod tools;
mod untrusted;

pub use http::PATH;
pub use process::Launch;
pub use tool::Reply;

use std::net::SocketAddr;

use rmcp::service::ServiceExt;
use serde_json::Value;

use crate::error::{Error, Result, redacted};
use crate::lake::Lake;
use crate::request::{LakeRequest, McpRequest, Transport};
use guide::REPORT;
use server::Server;
use tool::{Context, Tool};

/// Serves clients until standard input ends or the program is stopped; `listening` gets the address of HTTP.
///
/// # Errors
/// When there is no lake, when calls cannot be recorded in it, or when the address cannot be used.
pub async fn serve(
    lake: &LakeRequest,
    transport: &Transport,
    launch: Launch,
    listening: impl FnOnce(SocketAddr) -> Result<()>,
) -> Result<()> {
    let server = Server::start(lake, launch).await?;
    match transport {
        Transport::Stdio => {
            // A client that leaves before it says anything is no error.
            let Ok(running) = server.serve(rmcp::transport::stdio()).await else { return Ok(()) };
            let ended = running.waiting().await;
            ended.map(drop).map_err(|e| Error::Internal(format!("the server for standard input: {e}")))
        }
        Transport::Http { listen, token } => http::serve(server, *listen, token, listening).await,
    }
}

/// Answers one call, in the process that was started for it. A failed call is a [`Reply`] too.
///
/// # Errors
/// [`Error::Interrupted`], which nobody waits for.
pub async fn call(tool: &str, arguments: Value, request: McpRequest) -> Result<Reply> {
    match answer(tool, arguments, request).await {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => Ok(Reply::Failed(redacted(&error.to_string()).into_owned())),
        Ok(reply) => Ok(reply),
    }
}

async fn answer(tool: &str, arguments: Value, request: McpRequest) -> Result<Reply> {
    let lake = Lake::open(&request.lake.location).await?;
    let context = Context { lake, request };
    if tool == REPORT {
        return Tool::new(REPORT, "", "", |context, arguments| Box::pin(tools::last_report(context, arguments)))?
            .call(&context, arguments)
            .await;
    }
    let tools = tools::tools()?;
    let tool = tools.get(tool).ok_or_else(|| Error::Usage(format!("no tool {tool}")))?;
    tool.call(&context, arguments).await
}
