//! Reads a Parquet object: the text of one JSON object per row.
//!
//! Columns of any type are converted, so new columns in OCSF need no change here. Only tables that can contain OCSF
//! events of CloudTrail are read, and the sizes in the footer are checked before any page is decompressed.

use std::fmt::Display;
use std::sync::mpsc::{SyncSender, sync_channel};

use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;

const MAGIC: &[u8] = b"PAR1";
/// The magic at both ends, and the length of the footer.
const BYTES_MIN: usize = 12;
/// Rows per batch: enough to amortise the cost per column, few enough that their JSON stays small.
const BATCH_ROWS: usize = 256;

/// True when the bytes start and end with Parquet's magic.
pub fn is_parquet(bytes: &[u8]) -> bool {
    bytes.len() >= BYTES_MIN && bytes.starts_with(MAGIC) && bytes.ends_with(MAGIC)
}

/// Limits for one object.
#[derive(Debug, Clone, Copy)]
pub struct ParquetLimits {
    /// Bytes of all pages, decompressed.
    pub pages_bytes_max: usize,
    /// Bytes of all rows, as JSON.
    pub rows_bytes_max: usize,
}

/// Calls `found` with the number and JSON text of every row, in order.
///
/// # Errors
/// Why the object, or the rest of it, was not read.
pub fn rows(bytes: &[u8], limits: ParquetLimits, mut found: impl FnMut(usize, &str)) -> Result<(), String> {
    let bytes = Bytes::copy_from_slice(bytes);
    // The parquet crate panics on some damaged files. On its own thread, a panic only affects this object.
    std::thread::scope(|scope| {
        let (sender, batches) = sync_channel(1);
        let reading = scope.spawn(move || read(bytes, limits, &sender));
        let mut row = 0;
        for batch in batches {
            for line in batch.lines() {
                found(row, line);
                row += 1;
            }
        }
        reading.join().unwrap_or_else(|_| Err("damaged Parquet: the Parquet reader panicked".into()))
    })
}

/// Sends the rows as batches of JSON lines.
fn read(bytes: Bytes, limits: ParquetLimits, batches: &SyncSender<String>) -> Result<(), String> {
    let damaged = |e: &dyn Display| format!("damaged Parquet: {e}");
    let table = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| damaged(&e))?;
    is_cloudtrail(table.schema())?;
    check_sizes(table.metadata(), limits.pages_bytes_max)?;
    let mut bytes_left = limits.rows_bytes_max;
    for batch in table.with_batch_size(BATCH_ROWS).build().map_err(|e| damaged(&e))? {
        let text = batch.and_then(|batch| lines(&batch)).map_err(|e| damaged(&e))?;
        bytes_left = bytes_left.checked_sub(text.len()).ok_or_else(|| {
            format!("Parquet rows larger than {} bytes as JSON; the rest was not read", limits.rows_bytes_max)
        })?;
        batches.send(text).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Flow logs, DNS queries, findings and other tables lack one of the columns of API calls.
fn is_cloudtrail(schema: &Schema) -> Result<(), String> {
    let has = |name: &str| schema.column_with_name(name).is_some();
    let missing = ["class_uid", "metadata"].into_iter().find(|name| !has(name));
    match missing.or_else(|| (!has("api") && !has("raw_data")).then_some("api")) {
        Some(name) => Err(format!("Parquet without OCSF events of CloudTrail: no column {name}")),
        None => Ok(()),
    }
}

/// Checks the sizes in the footer. A page header can contradict them, but its size has only 31 bits.
fn check_sizes(metadata: &ParquetMetaData, bytes_max: usize) -> Result<(), String> {
    let columns = || metadata.row_groups().iter().flat_map(|group| group.columns());
    let sum = |of: &dyn Fn(&parquet::file::metadata::ColumnChunkMetaData) -> i64| {
        columns().try_fold(0u64, |sum, column| sum.checked_add(u64::try_from(of(column)).ok()?))
    };
    let fits = |sum: Option<u64>| sum.is_some_and(|sum| sum <= bytes_max as u64);
    // Null values take almost no space in a page, but their levels take two bytes each in memory.
    if fits(sum(&|column| column.uncompressed_size())) && fits(sum(&|column| column.num_values())) {
        return Ok(());
    }
    Err(format!("Parquet larger than {bytes_max} bytes after decompression; it was not read"))
}

/// One line of JSON per row, without null members. Times without a zone are UTC.
fn lines(batch: &RecordBatch) -> Result<String, ArrowError> {
    let mut writer = WriterBuilder::new()
        .with_timestamp_format("%Y-%m-%dT%H:%M:%S%.fZ".into())
        .build::<_, LineDelimited>(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    String::from_utf8(writer.into_inner()).map_err(|e| ArrowError::JsonError(e.to_string()))
}
