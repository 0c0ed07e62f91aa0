//! Bytes to columns: objects as stored in, one Arrow batch and the rejects out.
//!
//! `gunzip` inflates, `split` finds the records in whatever envelope holds them, `event` reads one record's members,
//! `actor` says whose call it was, `batch` builds the columns. Decoding never fails as a whole: what cannot be read
//! becomes a [`Reject`] with the object, the offset and the reason, and the rest goes on.

mod actor;
mod batch;
mod event;
mod gunzip;
mod json;
mod reject;
mod split;
mod time;

use std::ops::Range;

use arrow::array::RecordBatch;
use bytes::Bytes;

pub use reject::Reject;

use crate::source::LogObject;
use batch::EventBatch;

/// Bounds on what one object may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Inflated bytes of one object; the rest of a larger one is rejected. A busy account's files reach some 50 MB.
    pub object_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { object_bytes_max: 1 << 30 }
    }
}

/// What some objects held.
#[derive(Debug)]
pub struct Decoded {
    /// Rows with the columns of [`crate::schema::file_schema`], object by object in the order given.
    pub batch: RecordBatch,
    /// UTC day of each row, days since 1970-01-01.
    pub days: Vec<i32>,
    /// One entry an object, in the order given.
    pub objects: Vec<DecodedObject>,
    /// Everything that could not be read.
    pub rejects: Vec<Reject>,
}

/// What one object held.
#[derive(Debug)]
pub struct DecodedObject {
    /// The object.
    pub object: LogObject,
    /// Its rows in the batch.
    pub rows: Range<usize>,
    /// Entries of it among the rejects.
    pub rejects: u64,
    /// Members whose value had another type than documented; the original is in `extra`.
    pub retyped_members: u64,
    /// SHA-256 of the bytes as stored, lower-case hex. A digest file names that of the inflated bytes.
    pub sha256: String,
}

/// Reads objects into one batch. Bytes are as stored, gzipped or plain.
pub fn decode(objects: Vec<(LogObject, Bytes)>, limits: Limits) -> Decoded {
    let mut batch = EventBatch::new();
    let mut rejects = Vec::new();
    let mut outcomes = Vec::with_capacity(objects.len());
    let mut inflated = Vec::new();
    for (object, bytes) in objects {
        let first = batch.rows();
        let rejects_before = rejects.len();
        let retyped_before = batch.retyped_members();
        inflated.clear();
        if let Some(problem) = gunzip::gunzip(&bytes, limits.object_bytes_max, &mut inflated) {
            rejects.push(Reject::new(&object, inflated.len(), problem));
        }
        let text = split::utf8(&mut inflated);
        split::records(text, |offset, piece| match piece.and_then(event::read) {
            Ok(event) => batch.push(&event, &object, (batch.rows() - first) as i64),
            Err(reason) => rejects.push(Reject::new(&object, offset, reason)),
        });
        outcomes.push(DecodedObject {
            rows: first..batch.rows(),
            rejects: (rejects.len() - rejects_before) as u64,
            retyped_members: batch.retyped_members() - retyped_before,
            sha256: sha256_hex(&bytes),
            object,
        });
    }
    let (batch, days) = batch.finish();
    Decoded { batch, days, objects: outcomes, rejects }
}

fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
