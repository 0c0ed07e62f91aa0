//! The server for agents.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::LakeRequest;
use crate::detect::{Settings, Sources};

/// A server for agents, or one of its calls.
#[derive(Debug)]
pub struct McpRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// Where its detectors come from. Most calls do not need them.
    pub detectors: Sources,
    /// Parameters of trailhunt.toml.
    pub settings: Settings,
    /// How clients reach it.
    pub transport: Transport,
    /// Time that a call may take.
    pub time_limit: Duration,
    /// The tool to answer one call of; its arguments are read from standard input. `None` to serve.
    pub call: Option<String>,
}

/// How clients reach a server.
#[derive(Clone)]
pub enum Transport {
    /// Standard input and output, for a client that starts the server.
    Stdio,
    /// HTTP on an address of this machine, for clients with the token.
    Http {
        /// Address and port.
        listen: SocketAddr,
        /// What clients send as `Authorization: Bearer ...`.
        token: String,
    },
}

/// Without the token.
impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Transport::Stdio => f.write_str("Stdio"),
            Transport::Http { listen, .. } => write!(f, "Http {{ listen: {listen} }}"),
        }
    }
}
