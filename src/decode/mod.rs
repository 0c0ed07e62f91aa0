//! Bytes to columns: objects as stored in, one Arrow batch and the rejects out.
//!
//! `gunzip` inflates, `bundle` unpacks, `text` settles the encoding, `split` finds the objects, `event` takes one apart by
//! `scan` or, when it is odd, by `json`, `shape` says which envelope it is when it is no record, `ocsf` turns Security Lake's
//! events back into records, `caller` and `actor` say whose call it was, `batch` builds the columns, out of `shared_texts`
//! where rows are alike; `reader` leads through them, on the threads of `pool`. Decoding never fails as a whole: what cannot be
//! read becomes a [`Reject`] with the object, the offset and the reason, and the rest goes on.

mod actor;
mod batch;
mod bundle;
mod caller;
mod event;
mod gunzip;
mod json;
mod ocsf;
mod pool;
mod reader;
mod reject;
mod scan;
mod shape;
mod shared_texts;
mod split;
mod text;
mod time;

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::RecordBatch;
use bytes::Bytes;

pub use pool::{Answer, Pool};
pub use reject::Reject;

use crate::sha256;
use crate::source::LogObject;
use reader::Reader;

/// Bounds on what one object may cost. What lies beyond one is a reject.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Inflated bytes of one object, all members of a bundle together. A busy account's files reach some 50 MB.
    pub object_bytes_max: usize,
    /// Inflated bytes for one stored byte. CloudTrail's logs inflate 3 to 20 times; deflate itself can reach 1,032.
    pub ratio_max: usize,
    /// Bytes of one record. CloudTrail promises 256 KB, 1 MB with enriched events.
    pub record_bytes_max: usize,
    /// Members of one bundle.
    pub members_max: usize,
    /// Rejects of one object that are listed; all are counted.
    pub rejects_max: usize,
    /// Envelopes within envelopes. Three are seen: a log event, an EventBridge event, its record.
    pub envelopes_max: usize,
}

/// Inflated bytes an object may have whatever its ratio: a few identical large records inflate 600 times.
const RATIO_FREE_BYTES: usize = 16 << 20;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            object_bytes_max: 1 << 30,
            ratio_max: 200,
            record_bytes_max: 4 << 20,
            members_max: 100_000,
            rejects_max: 10_000,
            envelopes_max: 5,
        }
    }
}

impl Limits {
    /// Inflated bytes that an object of so many stored bytes may have.
    fn inflated_bytes_max(&self, stored_bytes: usize) -> usize {
        self.object_bytes_max.min(self.ratio_bytes_max(stored_bytes))
    }

    /// Bytes that the ratio allows an object of so many stored bytes.
    fn ratio_bytes_max(&self, stored_bytes: usize) -> usize {
        stored_bytes.saturating_mul(self.ratio_max).max(RATIO_FREE_BYTES)
    }
}

/// What some objects held.
#[derive(Debug)]
pub struct Decoded {
    /// Rows with the columns of [`crate::schema::file_schema`], object by object in the order given. Texts that rows share,
    /// those of the caller, the object's URL and [`crate::schema::SHARED`], are dictionaries.
    pub batch: RecordBatch,
    /// UTC day of each row, days since 1970-01-01.
    pub days: Vec<i32>,
    /// One entry an object, in the order given.
    pub objects: Vec<DecodedObject>,
    /// Everything that could not be read, up to [`Limits::rejects_max`] an object.
    pub rejects: Vec<Reject>,
    /// Members of bundles that are no logs, counted by kind and not read.
    pub others: BTreeMap<String, u64>,
}

/// What one object held.
#[derive(Debug)]
pub struct DecodedObject {
    /// The object.
    pub object: LogObject,
    /// Its rows in the batch.
    pub rows: Range<usize>,
    /// What of it could not be read: its entries among the rejects, and those beyond [`Limits::rejects_max`].
    pub rejects: u64,
    /// Members whose value had another type than documented; the original is in `extra`.
    pub retyped_members: u64,
    /// SHA-256 of the bytes as stored, lower-case hex. A digest file names that of the inflated bytes.
    pub sha256: String,
}

/// Reads objects, and keeps its buffers from one batch to the next.
pub struct Decoder {
    reader: Reader,
}

impl Decoder {
    /// A decoder of objects within bounds.
    pub fn new(limits: Limits) -> Decoder {
        Decoder { reader: Reader::new(limits) }
    }

    /// Reads objects into one batch. Bytes are as stored: plain, gzipped, or a bundle of either.
    pub fn decode(&mut self, objects: Vec<(LogObject, Bytes)>) -> Decoded {
        let reader = &mut self.reader;
        reader.make_room();
        let mut outcomes = Vec::with_capacity(objects.len());
        for (object, bytes) in objects {
            let before = reader.counts();
            reader.object(&object, &bytes);
            let after = reader.counts();
            outcomes.push(DecodedObject {
                rows: before.rows..after.rows,
                rejects: after.rejects - before.rejects,
                retyped_members: after.retyped_members - before.retyped_members,
                sha256: sha256::hex(&bytes),
                object,
            });
        }
        let (batch, days, rejects, others) = reader.take();
        Decoded { batch, days, objects: outcomes, rejects, others }
    }
}

/// Reads objects into one batch, once.
pub fn decode(objects: Vec<(LogObject, Bytes)>, limits: Limits) -> Decoded {
    Decoder::new(limits).decode(objects)
}

#[cfg(test)]
mod tests;
