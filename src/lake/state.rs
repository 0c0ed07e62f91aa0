//! What a lake's commits say beside the data files: which ledger and reject files are true.

use serde::{Deserialize, Serialize};

/// Name of the Delta metadata domain that holds the state.
pub const DOMAIN: &str = "trailhunt";

/// The part of a snapshot that is ours; every commit of ours replaces it in the same log entry that adds the events.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    /// Ledger files, paths relative to the lake.
    pub ledger: Vec<SideFile>,
    /// Reject files, paths relative to the lake.
    pub rejects: Vec<SideFile>,
}

/// A Parquet file beside the data files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideFile {
    /// Path relative to the lake.
    pub path: String,
    /// Bytes.
    pub size_bytes: u64,
    /// Rows.
    pub rows: u64,
}
