//! Decodes objects, as stored, to one Arrow batch and the rejects.
//!
//! `reader` runs the stages, on the threads of `pool`:
//!
//! - `gunzip` decompresses, `bundle` unpacks zip and tar files, `text` converts the encoding
//! - `split` finds the JSON objects, `event` parses one: by `scan`, or by `json` when its form is unusual
//! - `shape` recognises envelopes, `ocsf` converts Security Lake's events to records
//! - `caller` and `actor` determine who made a call
//! - `batch` builds the columns, `dictionary` those whose values repeat
//! - `identity` tells which rows are the same event
//!
//! Decoding never fails as a whole: whatever cannot be read becomes a [`Reject`] with the object, the offset and the
//! reason, and decoding continues with the next record.

mod actor;
mod batch;
mod bundle;
mod caller;
mod dictionary;
mod event;
mod gunzip;
mod identity;
mod json;
mod limits;
mod ocsf;
mod pool;
mod reader;
mod reject;
mod scan;
mod shape;
mod split;
mod text;
mod time;

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::RecordBatch;
use bytes::Bytes;

pub use identity::{Facts, IDENTITY_COLUMNS, Relation, RowContent, identities, mark_repeats};
pub use limits::Limits;
pub use pool::{JobResult, Pool};
pub use reject::Reject;

use crate::sha256;
use crate::source::LogObject;
use reader::Reader;

/// The decoded content of several objects.
#[derive(Debug)]
pub struct Decoded {
    /// Rows with the columns of [`crate::schema::file_schema`], object by object in the order given. Text columns of
    /// the caller, of the object's URL and of [`crate::schema::SHARED`] are dictionaries.
    pub batch: RecordBatch,
    /// UTC day of each row, days since 1970-01-01.
    pub days: Vec<i32>,
    /// One entry per object, in the order given.
    pub objects: Vec<DecodedObject>,
    /// Everything that could not be read, up to [`Limits::rejects_max`] per object.
    pub rejects: Vec<Reject>,
    /// Number of files in zips and tars that are not logs, by kind. They are not read.
    pub others: BTreeMap<String, u64>,
}

/// The decoded content of one object.
#[derive(Debug)]
pub struct DecodedObject {
    /// The object.
    pub object: LogObject,
    /// Its rows in the batch.
    pub rows: Range<usize>,
    /// Number of its rejects, including those beyond [`Limits::rejects_max`].
    pub rejects: u64,
    /// Members whose value had another type than documented; the original is in `extra`.
    pub retyped_members: u64,
    /// SHA-256 of the bytes as stored, lower-case hex. A digest file lists that of the decompressed bytes instead.
    pub sha256: String,
}

/// Decodes objects. It reuses its buffers for the next batch.
pub struct Decoder {
    reader: Reader,
}

impl Decoder {
    /// A decoder with these limits.
    pub fn new(limits: Limits) -> Decoder {
        Decoder { reader: Reader::new(limits) }
    }

    /// Decodes objects to one batch. The bytes are as stored: plain or gzip, or a zip or tar of such files.
    pub fn decode(&mut self, objects: Vec<(LogObject, Bytes)>) -> Decoded {
        let reader = &mut self.reader;
        reader.reserve();
        let mut decoded_objects = Vec::with_capacity(objects.len());
        for (object, bytes) in objects {
            let before = reader.counts();
            reader.read_object(&object, &bytes);
            let after = reader.counts();
            decoded_objects.push(DecodedObject {
                rows: before.rows..after.rows,
                rejects: after.rejects - before.rejects,
                retyped_members: after.retyped_members - before.retyped_members,
                sha256: sha256::hex(&bytes),
                object,
            });
        }
        let (batch, days, rejects, others) = reader.take();
        Decoded { batch, days, objects: decoded_objects, rejects, others }
    }
}

/// Decodes objects to one batch, with a new decoder.
pub fn decode(objects: Vec<(LogObject, Bytes)>, limits: Limits) -> Decoded {
    Decoder::new(limits).decode(objects)
}

#[cfg(test)]
mod tests;
