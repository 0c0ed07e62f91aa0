//! What could not be read: which object, where in it, and why.

use crate::source::LogObject;

/// A record, or the rest of an object, that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// URL of the object.
    pub object: String,
    /// Byte offset in the inflated object; the row's number in Parquet.
    pub offset: u64,
    /// What is wrong there.
    pub reason: String,
}

impl Reject {
    /// What lies at `offset` of `object` cannot be read.
    pub fn new(object: &LogObject, offset: usize, reason: impl Into<String>) -> Reject {
        Reject { object: object.url.clone(), offset: offset as u64, reason: reason.into() }
    }
}
