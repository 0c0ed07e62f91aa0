//! The ledger: which source objects were read, when, and what came of each; and the records that could not be read.
//!
//! Kept as Parquet beside the events, true only through a commit ([`State`](super::State)). SQL sees them as the tables
//! `objects` and `rejects`.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::properties::WriterProperties;

use super::state::SideFile;
use crate::decode::{DecodedObject, Reject};
use crate::error::{Error, Result};
use crate::source::{Location, LogObject};

/// Columns of the ledger, documented as SQL sees them.
pub const LEDGER: &[(&str, &str)] = &[
    ("object", "URL of the source object"),
    ("version", "ETag, or size and time of change in a folder"),
    ("size_bytes", "bytes as stored"),
    ("last_modified", "when the object was written, UTC"),
    ("account_id", "account in its key"),
    ("region", "region in its key"),
    ("day", "day of delivery in its key"),
    ("records", "records met: kept + duplicates + rejects"),
    ("kept", "events that are in the lake because of this object"),
    ("duplicates", "events that were in the lake already"),
    ("rejects", "records, or damaged ends of the object, that could not be read"),
    ("retyped_members", "members of another type than documented; the original is in `extra`"),
    ("sha256", "hash of the bytes as stored; a digest file names that of the inflated bytes"),
    ("batch", "name of the ingest batch"),
    ("read_at", "when it was read, UTC"),
];

/// Columns of the rejects.
pub const REJECTS: &[(&str, &str)] = &[
    ("object", "URL of the source object"),
    ("byte_offset", "offset in the inflated object"),
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
        "size_bytes" | "records" | "kept" | "duplicates" | "rejects" | "retyped_members" | "byte_offset" => {
            DataType::Int64
        }
        "last_modified" | "read_at" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "day" => DataType::Date32,
        _ => DataType::Utf8,
    };
    Arc::new(Schema::new(columns.iter().map(|(name, _)| Field::new(*name, data_type(name), true)).collect::<Vec<_>>()))
}

/// What became of one object.
#[derive(Debug)]
pub struct LedgerRow {
    /// The object, and what decode said of it.
    pub decoded: DecodedObject,
    /// Events kept.
    pub kept: u64,
    /// Events that were there already.
    pub duplicates: u64,
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
    let days: Date32Array = rows
        .iter()
        .map(|row| row.decoded.object.key.day().map(arrow::datatypes::Date32Type::from_naive_date))
        .collect();
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

/// Writes batches of one schema as one Parquet file beside the data.
pub async fn write(
    location: &Location,
    path: String,
    batches: &[RecordBatch],
    properties: WriterProperties,
) -> Result<SideFile> {
    let Some(first) = batches.first() else { return Err(Error::Internal("a side file needs a batch".into())) };
    let parquet = |e: parquet::errors::ParquetError| Error::Internal(format!("{path}: {e}"));
    let mut writer = ArrowWriter::try_new(Vec::new(), first.schema(), Some(properties)).map_err(parquet)?;
    for batch in batches {
        writer.write(batch).map_err(parquet)?;
    }
    let bytes = writer.into_inner().map_err(parquet)?;
    put(location, path, bytes, batches.iter().map(|b| b.num_rows() as u64).sum()).await
}

async fn put(location: &Location, path: String, bytes: Vec<u8>, rows: u64) -> Result<SideFile> {
    let size_bytes = bytes.len() as u64;
    let key = location.child(&path);
    let put = location.store().put(&key, bytes.into()).await;
    put.map_err(|e| Error::storage("write", location.url_of(&key), e))?;
    Ok(SideFile { path, size_bytes, rows })
}

/// Writes the rows of some files of the same columns as one, a row group in memory at a time.
pub async fn join(location: &Location, path: String, files: &[Path], properties: WriterProperties) -> Result<SideFile> {
    let parquet = |e: parquet::errors::ParquetError| Error::Internal(format!("{path}: {e}"));
    // How texts lay in memory when a file was written, and whether one was ever null, may differ.
    let as_stored = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let (mut writer, mut rows) = (None, 0);
    for file in files {
        let bytes = location.bytes(file).await?;
        let failed = |reason: String| Error::lake(location.to_string(), format!("{file}: {reason}"));
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, as_stored());
        let reader = reader.map_err(|e| failed(e.to_string()))?;
        let (schema, writer) = match &mut writer {
            Some(begun) => begun,
            none => {
                let fields = reader.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
                let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
                let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties.clone()));
                none.insert((schema, writer.map_err(parquet)?))
            }
        };
        for batch in reader.build().map_err(|e| failed(e.to_string()))? {
            let batch = batch.and_then(|batch| RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec()));
            let batch = batch.map_err(|e| failed(e.to_string()))?;
            rows += batch.num_rows() as u64;
            writer.write(&batch).map_err(parquet)?;
        }
    }
    let Some((_, writer)) = writer else { return Err(Error::Internal("no side files to join".into())) };
    let bytes = writer.into_inner().map_err(parquet)?;
    put(location, path, bytes, rows).await
}

/// Reads a file beside the data, some of its columns or all.
pub async fn read(location: &Location, file: &SideFile, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
    let key = location.child(&file.path);
    let bytes = location.bytes(&key).await?;
    read_columns(bytes, columns).map_err(|e| Error::lake(location.to_string(), format!("{}: {e}", file.path)))
}

/// Some columns of a Parquet file in memory, in the file's order; all of them for `None`.
pub fn read_columns(bytes: Bytes, columns: Option<&[&str]>) -> parquet::errors::Result<Vec<RecordBatch>> {
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    if let Some(columns) = columns {
        let mask = ProjectionMask::columns(reader.parquet_schema(), columns.iter().copied());
        reader = reader.with_projection(mask);
    }
    Ok(reader.with_batch_size(65_536).build()?.collect::<Result<Vec<_>, _>>()?)
}

/// Which objects were read, small enough to hold millions: hashes of URL, and of URL and version.
#[derive(Debug, Default)]
pub struct Ledger {
    objects: HashSet<u64>,
    versions: HashSet<u64>,
}

/// What the ledger knows of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Never read.
    New,
    /// Read in this very version.
    Read,
    /// Read before in another version.
    Changed,
}

impl Ledger {
    /// The ledger of a state.
    ///
    /// # Errors
    /// When a ledger file cannot be read.
    pub async fn load(location: &Location, files: &[SideFile]) -> Result<Ledger> {
        let mut ledger = Ledger::default();
        for file in files {
            for batch in read(location, file, Some(&["object", "version"])).await? {
                let (objects, versions) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
                for (object, version) in objects.iter().zip(versions) {
                    ledger.insert(object.unwrap_or_default(), version.unwrap_or_default());
                }
            }
        }
        Ok(ledger)
    }

    /// What is known of `object`.
    pub fn standing(&self, object: &LogObject) -> Standing {
        if self.versions.contains(&hash(&(&object.url, &object.version))) {
            Standing::Read
        } else if self.objects.contains(&hash(&object.url)) {
            Standing::Changed
        } else {
            Standing::New
        }
    }

    /// Notes an object as read.
    pub fn insert(&mut self, url: &str, version: &str) {
        self.objects.insert(hash(&url));
        self.versions.insert(hash(&(url, version)));
    }

    /// Objects known.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// True when nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// SipHash with fixed keys. Two of ten million keys share a hash once in 370,000 archives.
fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
