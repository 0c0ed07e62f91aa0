//! Parquet files beside the data files: written, joined and read.
//!
//! The ledger, the rejects and the rollups are such files.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{FieldRef, Fields, Schema, SchemaRef};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, TryFutureExt};
use futures::{Stream, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use super::checksum::{self, PARQUET};
use crate::error::{Action, Error, Result};
use crate::source::Location;

/// Most footers of data files are smaller: they are read with one request.
const FOOTER_BYTES: usize = 64 << 10;
/// Rows that are decoded at once.
const BATCH_ROWS: usize = 65_536;

/// A Parquet file beside the data files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideFile {
    /// Path relative to the lake.
    pub path: String,
    /// Bytes.
    pub size_bytes: u64,
    /// Rows.
    pub rows: u64,
}

/// Writes batches of one schema as one Parquet file, whose path is `stem` and its checksum.
pub async fn write(
    location: &Location,
    stem: String,
    batches: &[RecordBatch],
    properties: WriterProperties,
) -> Result<SideFile> {
    let bytes = encode(&stem, batches, properties)?;
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    put(location, checksum::name(&stem, &bytes, PARQUET), bytes.into(), rows).await
}

/// Batches of one schema as a Parquet file; `what` names it in errors.
pub fn encode(what: &str, batches: &[RecordBatch], properties: WriterProperties) -> Result<Vec<u8>> {
    let Some(first) = batches.first() else { return Err(Error::Internal("a side file needs a batch".into())) };
    let parquet = |e: ParquetError| Error::Internal(format!("{what}: {e}"));
    let mut writer = ArrowWriter::try_new(Vec::new(), first.schema(), Some(properties)).map_err(parquet)?;
    for batch in batches {
        writer.write(batch).map_err(parquet)?;
    }
    writer.into_inner().map_err(parquet)
}

/// Writes a file of the lake.
pub async fn put(location: &Location, path: String, bytes: Bytes, rows: u64) -> Result<SideFile> {
    let size_bytes = bytes.len() as u64;
    let key = location.child(&path);
    let put = location.store().put(&key, bytes.into()).await;
    put.map_err(|e| Error::storage(Action::Write, location.url_of(&key), e))?;
    Ok(SideFile { path, size_bytes, rows })
}

/// Joins files into one; only one row group is in memory at a time. The columns are those of the first file, and those of
/// `added`, which files of earlier versions do not have.
pub async fn join(
    location: &Location,
    stem: String,
    files: &[Path],
    added: &Fields,
    properties: WriterProperties,
) -> Result<SideFile> {
    let mut joined = Joined::new(&stem, added, properties);
    for file in files {
        let bytes = location.bytes(file).await?;
        checksum::check(location, file, &bytes)?;
        joined.add(bytes).map_err(|e| Error::lake(location.to_string(), format!("{file}: {e}")))?;
    }
    let (bytes, rows) = joined.finish()?;
    put(location, checksum::name(&stem, &bytes, PARQUET), bytes.into(), rows).await
}

/// Joins Parquet files that are in memory, as [`join`].
pub struct Joined<'a> {
    what: &'a str,
    added: &'a Fields,
    properties: WriterProperties,
    writer: Option<(SchemaRef, ArrowWriter<Vec<u8>>)>,
    rows: u64,
}

impl<'a> Joined<'a> {
    /// Nothing yet; `what` names the file in errors.
    pub fn new(what: &'a str, added: &'a Fields, properties: WriterProperties) -> Joined<'a> {
        Joined { what, added, properties, writer: None, rows: 0 }
    }

    /// Adds the rows of a file.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn add(&mut self, bytes: Bytes) -> parquet::errors::Result<()> {
        // The Arrow layout stored in each file (text or text view, nullable or not) may differ between files.
        let as_stored = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, as_stored)?;
        let (schema, writer) = match &mut self.writer {
            Some(started) => started,
            none => {
                let stored = reader.schema().fields();
                let added = self.added.iter().filter(|field| stored.find(field.name()).is_none());
                let fields = stored.iter().chain(added).map(|field| field.as_ref().clone().with_nullable(true));
                let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
                let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(self.properties.clone()));
                none.insert((schema, writer?))
            }
        };
        for batch in reader.build()? {
            let batch = batch.and_then(|batch| {
                let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
                    Some(column) => Arc::clone(column),
                    None => new_null_array(field.data_type(), batch.num_rows()),
                };
                RecordBatch::try_new(Arc::clone(schema), schema.fields().iter().map(column).collect())
            });
            let batch = batch?;
            self.rows += batch.num_rows() as u64;
            writer.write(&batch)?;
        }
        Ok(())
    }

    /// The joined file and its number of rows.
    ///
    /// # Errors
    /// When no file was added.
    pub fn finish(self) -> Result<(Vec<u8>, u64)> {
        let Some((_, writer)) = self.writer else { return Err(Error::Internal("no side files to join".into())) };
        let bytes = writer.into_inner().map_err(|e| Error::Internal(format!("{}: {e}", self.what)))?;
        Ok((bytes, self.rows))
    }
}

/// Reads some columns of a file, or all of them for `None`.
pub async fn read(location: &Location, file: &SideFile, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
    let key = location.child(&file.path);
    let bytes = location.bytes(&key).await?;
    checksum::check(location, &key, &bytes)?;
    read_columns(bytes, columns).map_err(|e| Error::lake(location.to_string(), format!("{}: {e}", file.path)))
}

/// Reads some columns of a Parquet file, or all of them for `None`, batch by batch. Other columns are not downloaded.
///
/// # Errors
/// When the file cannot be read.
pub async fn stream(
    location: &Location,
    path: &Path,
    size_bytes: u64,
    columns: Option<&[&str]>,
) -> Result<impl Stream<Item = Result<RecordBatch>> + Unpin> {
    let url = location.url_of(path);
    let failed = move |e: ParquetError| match e {
        ParquetError::External(e) => match e.downcast() {
            Ok(e) => Error::storage(Action::Read, url.as_str(), *e),
            Err(e) => Error::lake(url.as_str(), e),
        },
        e => Error::lake(url.as_str(), e),
    };
    let file = FileInStore { store: Arc::clone(location.store()), path: path.clone(), size_bytes };
    let mut reader = ParquetRecordBatchStreamBuilder::new(file).await.map_err(&failed)?;
    if let Some(columns) = columns {
        let mask = ProjectionMask::columns(reader.parquet_schema(), columns.iter().copied());
        reader = reader.with_projection(mask);
    }
    let batches = reader.with_batch_size(BATCH_ROWS).build().map_err(&failed)?;
    Ok(batches.map_err(failed))
}

/// Parts of a file, for Parquet's reader.
struct FileInStore {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size_bytes: u64,
}

impl AsyncFileReader for FileInStore {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.store.get_range(&self.path, range).map_err(|e| ParquetError::External(Box::new(e))).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        let read = async move { self.store.get_ranges(&self.path, &ranges).await };
        read.map_err(|e| ParquetError::External(Box::new(e))).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        let size_bytes = self.size_bytes;
        let footer =
            ParquetMetaDataReader::new().with_arrow_reader_options(options).with_prefetch_hint(Some(FOOTER_BYTES));
        async move { footer.load_and_finish(self, size_bytes).await.map(Arc::new) }.boxed()
    }
}

/// Reads some columns of a Parquet file that is in memory, in the file's order; all of them for `None`.
pub fn read_columns(bytes: Bytes, columns: Option<&[&str]>) -> parquet::errors::Result<Vec<RecordBatch>> {
    Ok(batches(bytes, columns)?.collect::<Result<Vec<_>, _>>()?)
}

/// As [`read_columns`], batch by batch.
pub fn batches(bytes: Bytes, columns: Option<&[&str]>) -> parquet::errors::Result<ParquetRecordBatchReader> {
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    if let Some(columns) = columns {
        let mask = ProjectionMask::columns(reader.parquet_schema(), columns.iter().copied());
        reader = reader.with_projection(mask);
    }
    reader.with_batch_size(BATCH_ROWS).build()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn a_file_without_a_new_column_is_joined_with_one_that_has_it() {
        let location = Location::in_store("s3://lake", Arc::new(InMemory::new())).unwrap();
        let number = |number: i64| Arc::new(Int64Array::from(vec![number])) as ArrayRef;
        let old = RecordBatch::try_from_iter([("a", number(1))]).unwrap();
        let new = RecordBatch::try_from_iter([("added", number(2)), ("a", number(3))]).unwrap();
        let (mut paths, added) = (Vec::new(), new.schema());
        for (path, batch) in [("old", old), ("new", new)] {
            let file = write(&location, path.into(), &[batch], WriterProperties::default()).await.unwrap();
            paths.push(location.child(&file.path));
        }
        let all = join(&location, "all".into(), &paths, added.fields(), WriterProperties::default()).await.unwrap();
        let rows: Vec<_> = read(&location, &all, None).await.unwrap();
        let column = |name: &str| {
            let columns = rows.iter().map(|rows| rows.column_by_name(name).unwrap().as_primitive::<Int64Type>());
            columns.flat_map(|column| column.iter().collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        assert_eq!((column("a"), column("added")), (vec![Some(1), Some(3)], vec![None, Some(2)]));
    }
}
