//! What the tasks of a worker use besides their plan.

use std::sync::Arc;

use crate::geo::Geo;
use crate::source::S3Settings;

/// An extension of the worker's sessions.
#[derive(Debug)]
pub(super) struct Resources {
    /// What maps addresses to places.
    pub geo: Arc<Geo>,
    /// Access to buckets.
    pub s3: S3Settings,
    /// Memory of all queries together.
    pub memory_bytes: usize,
}
