//! The part of a Delta commit that names the ledger and reject files.

use serde::{Deserialize, Serialize};

use super::side_file::SideFile;

/// Name of the Delta metadata domain that holds the state.
pub const DOMAIN: &str = "trailhunt";

/// The ledger and reject files of a snapshot. Every commit replaces it in the log entry that adds the events.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    /// Ledger files, paths relative to the lake.
    pub ledger: Vec<SideFile>,
    /// Reject files, paths relative to the lake.
    pub rejects: Vec<SideFile>,
}
