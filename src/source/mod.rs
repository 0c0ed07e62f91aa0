//! Finds the log objects at a location.
//!
//! [`Location`] is a bucket prefix or folder with its store, [`LogKey`] the parsed key of an object, [`Selection`] the
//! accounts, regions, days and kinds to read, and [`Shard`] the part of them that one of several processes reads. [`walk`] and [`list`] find the objects; [`LookupEvents`] presents
//! CloudTrail's event history as objects. Nothing here parses the content of an object.

mod default_credentials;
mod folder;
mod keys;
mod level;
mod listing;
mod location;
mod log_key;
mod lookup_events;
mod profile;
mod regional_store;
mod s3_settings;
mod selection;
mod shard;
mod shared_config;

pub use listing::{KeyNames, Leaf, Listed, Walk, list, walk};
pub use location::Location;
pub use log_key::{LogKey, ObjectKind, is_account, is_region};
pub use lookup_events::{LookupEvents, RequestPolicy};
pub use s3_settings::S3Settings;
pub use selection::{ObjectKinds, Selection};
pub use shard::Shard;

use chrono::{DateTime, Utc};

/// One object with CloudTrail records.
#[derive(Debug, Clone)]
pub struct LogObject {
    /// Path in its store.
    pub path: object_store::path::Path,
    /// Full URL, used in the ledger, rejects and evidence.
    pub url: String,
    /// Bytes as stored.
    pub size_bytes: u64,
    /// When it was last written.
    pub last_modified: DateTime<Utc>,
    /// Distinguishes versions of the same key: the ETag in a bucket, size and modification time in a folder.
    pub version: String,
    /// The parsed key.
    pub key: LogKey,
}

/// Why an object is not read whose stored bytes exceed the limit of an object.
fn too_large(size_bytes: u64, bytes_max: u64) -> String {
    format!("{size_bytes} bytes exceed the limit of {bytes_max} bytes; raise it with --object-size-max")
}
