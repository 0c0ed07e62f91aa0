//! A reject: what could not be read, where, and why.

use crate::source::LogObject;

/// A record, or the rest of an object, that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// URL of the object.
    pub object: String,
    /// Byte offset in the decompressed object; in Parquet, the row number.
    pub offset: u64,
    /// Why it could not be read.
    pub reason: String,
}

impl Reject {
    /// A reject at `offset` of `object`.
    pub fn new(object: &LogObject, offset: usize, reason: impl Into<String>) -> Reject {
        Reject { object: object.url.clone(), offset: offset as u64, reason: reason.into() }
    }
}
