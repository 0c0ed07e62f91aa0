//! Which objects there are: a place in, log objects out.
//!
//! [`Location`] is where a bucket or folder is, [`LogKey`] what a key says about an object, [`Selection`] what was
//! asked for, [`walk`] and [`list`] find the objects, [`LookupEvents`] makes objects of CloudTrail's event history.
//! Nothing here looks into an object.

mod listing;
mod location;
mod log_key;
mod lookup_events;
mod profile;
mod selection;

pub use listing::{Leaf, Listed, list, walk};
pub use location::{Location, S3Settings};
pub use log_key::{LogKey, ObjectKind};
pub use lookup_events::{LookupEvents, Pace};
pub use selection::{Selection, Wanted};

use chrono::{DateTime, Utc};

/// One object that is read as CloudTrail records.
#[derive(Debug, Clone)]
pub struct LogObject {
    /// Path in its store.
    pub path: object_store::path::Path,
    /// Full URL, as the ledger, rejects and evidence name it.
    pub url: String,
    /// Bytes as stored.
    pub size_bytes: u64,
    /// When it was last written.
    pub last_modified: DateTime<Utc>,
    /// What tells two versions of the same key apart: the ETag in a bucket, size and time in a folder.
    pub version: String,
    /// What the key says.
    pub key: LogKey,
}
