//! Columns of the ledger (one row per source object that was read) and of the rejects (one row per unreadable record).
//!
//! SQL sees them as the tables `objects` and `rejects`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};

use crate::decode::{DecodedObject, Reject};
use crate::error::{Error, Result};

/// Columns of the ledger, documented as SQL sees them.
pub const LEDGER: &[(&str, &str)] = &[
    ("object", "URL of the source object"),
    ("version", "ETag; for a local file its size and modification time"),
    ("size_bytes", "bytes as stored"),
    ("last_modified", "when the object was written, UTC"),
    ("account_id", "account in its key"),
    ("region", "region in its key"),
    ("day", "day of delivery in its key"),
    ("records", "records found: kept + duplicates + id_conflicts + rejects"),
    ("kept", "events added to the lake from this object"),
    ("duplicates", "events that were already in the lake"),
    (
        "id_conflicts",
        "events added although another event of the day has their id; null in objects read by earlier versions",
    ),
    ("rejects", "records that could not be read; a damaged end of the object counts as one"),
    ("retyped_members", "members of another type than documented; the original is in `extra`"),
    ("sha256", "hash of the stored bytes; a digest file names the hash of the decompressed bytes"),
    ("batch", "name of the ingest batch"),
    ("read_at", "when it was read, UTC"),
];

/// Columns of the rejects.
pub const REJECTS: &[(&str, &str)] = &[
    ("object", "URL of the source object"),
    ("byte_offset", "offset in the decompressed object"),
    ("reason", "why it could not be read"),
    ("batch", "name of the ingest batch"),
];

/// Schema of the ledger files.
pub fn ledger_schema() -> SchemaRef {
    schema(LEDGER)
}

/// Schema of the reject files.
pub fn rejects_schema() -> SchemaRef {
    schema(REJECTS)
}

fn schema(columns: &[(&str, &str)]) -> SchemaRef {
    let data_type = |name: &str| match name {
        "size_bytes" | "records" | "kept" | "duplicates" | "id_conflicts" | "rejects" | "retyped_members"
        | "byte_offset" => DataType::Int64,
        "last_modified" | "read_at" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "day" => DataType::Date32,
        _ => DataType::Utf8,
    };
    Arc::new(Schema::new(columns.iter().map(|(name, _)| Field::new(*name, data_type(name), true)).collect::<Vec<_>>()))
}

/// One row of the ledger: an object and how many of its events were kept.
#[derive(Debug)]
pub struct LedgerRow {
    /// The object as decoded.
    pub decoded: DecodedObject,
    /// Events kept.
    pub kept: u64,
    /// Of these, addenda to events that the lake has.
    pub addenda: u64,
    /// Events that were already in the lake.
    pub duplicates: u64,
    /// Events kept although another event has their id.
    pub id_conflicts: u64,
}

/// Rows as a batch of [`ledger_schema`].
pub fn ledger_batch(rows: &[LedgerRow], batch: &str, read_at: DateTime<Utc>) -> Result<RecordBatch> {
    let text = |get: for<'r> fn(&'r LedgerRow) -> Option<&'r str>| -> ArrayRef {
        Arc::new(rows.iter().map(get).collect::<StringArray>())
    };
    let number = |get: &dyn Fn(&LedgerRow) -> u64| -> ArrayRef {
        Arc::new(rows.iter().map(|row| get(row) as i64).collect::<Int64Array>())
    };
    let time = |get: &dyn Fn(&LedgerRow) -> DateTime<Utc>| -> ArrayRef {
        let micros = rows.iter().map(|row| get(row).timestamp_micros()).collect::<Vec<_>>();
        Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
    };
    let days: Date32Array =
        rows.iter().map(|row| row.decoded.object.key.day().map(Date32Type::from_naive_date)).collect();
    let columns: Vec<ArrayRef> = vec![
        text(|row| Some(&row.decoded.object.url)),
        text(|row| Some(&row.decoded.object.version)),
        number(&|row| row.decoded.object.size_bytes),
        time(&|row| row.decoded.object.last_modified),
        text(|row| row.decoded.object.key.account_id.as_deref()),
        text(|row| row.decoded.object.key.region.as_deref()),
        Arc::new(days),
        number(&|row| row.decoded.rows.len() as u64 + row.decoded.rejects),
        number(&|row| row.kept),
        number(&|row| row.duplicates),
        number(&|row| row.id_conflicts),
        number(&|row| row.decoded.rejects),
        number(&|row| row.decoded.retyped_members),
        text(|row| Some(&row.decoded.sha256)),
        Arc::new(rows.iter().map(|_| Some(batch)).collect::<StringArray>()),
        time(&|_| read_at),
    ];
    RecordBatch::try_new(ledger_schema(), columns).map_err(|e| Error::Internal(format!("ledger: {e}")))
}

/// Rejects as a batch of [`rejects_schema`].
pub fn rejects_batch(rejects: &[Reject], batch: &str) -> Result<RecordBatch> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rejects.iter().map(|r| Some(r.object.as_str())).collect::<StringArray>()),
        Arc::new(rejects.iter().map(|r| r.offset as i64).collect::<Int64Array>()),
        Arc::new(rejects.iter().map(|r| Some(r.reason.as_str())).collect::<StringArray>()),
        Arc::new(rejects.iter().map(|_| Some(batch)).collect::<StringArray>()),
    ];
    RecordBatch::try_new(rejects_schema(), columns).map_err(|e| Error::Internal(format!("rejects: {e}")))
}
