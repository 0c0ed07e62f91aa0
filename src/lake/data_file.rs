//! One day's events of one batch as a Parquet file: sorted row groups, built in memory as rows come.

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::compute::{SortColumn, concat, interleave_record_batch, lexsort_to_indices};
use delta_kernel::expressions::ColumnName;
use delta_kernel::schema::StructType;
use delta_kernel_default_engine::stats::FileStatsAccumulator;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::{Error, Result};
use crate::schema::{BLOOM, SORT, STATISTICS, file_schema};

/// Rows of a row group: large enough to compress well, small enough that skipping one saves something.
const ROW_GROUP_ROWS: usize = 65_536;
/// Rows copied at a time from where they wait into a row group.
const COPIED_ROWS: usize = 4_096;

/// A file under construction.
pub struct DataFileBuilder {
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    waiting_bytes: usize,
    /// Rows that are sorted together, and bytes of them.
    sorted_rows: usize,
    sorted_bytes: usize,
    writer: ArrowWriter<Vec<u8>>,
    statistics: FileStatsAccumulator,
    rows: u64,
}

/// A finished file, not yet written anywhere.
pub struct BuiltFile {
    /// Parquet.
    pub bytes: Vec<u8>,
    /// Statistics as the Delta library wants them.
    pub statistics: StructArray,
}

impl DataFileBuilder {
    /// An empty file of a table with this schema, with statistics of [`STATISTICS`].
    ///
    /// # Errors
    /// Only if the schema cannot be Parquet, which is a defect.
    pub fn new(schema: &StructType) -> Result<DataFileBuilder> {
        let columns: Vec<_> = STATISTICS.iter().map(|column| ColumnName::new([*column])).collect();
        let writer = ArrowWriter::try_new(Vec::new(), file_schema(), Some(properties())).map_err(defect)?;
        Ok(DataFileBuilder {
            waiting: Vec::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            sorted_rows: ROW_GROUP_ROWS,
            sorted_bytes: usize::MAX,
            writer,
            statistics: FileStatsAccumulator::new(&columns, schema),
            rows: 0,
        })
    }

    /// Sorts up to `rows` rows of `bytes` bytes together instead of one row group's, for a file that is written once and
    /// read often.
    pub fn sorted_by(mut self, rows: usize, bytes: usize) -> DataFileBuilder {
        (self.sorted_rows, self.sorted_bytes) = (rows, bytes);
        self
    }

    /// Adds rows of [`file_schema`].
    ///
    /// # Errors
    /// Only for a batch of another schema, which is a defect.
    pub fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.waiting_rows += batch.num_rows();
        self.waiting_bytes += batch.get_array_memory_size();
        self.waiting.push(batch);
        if self.waiting_rows >= self.sorted_rows || self.waiting_bytes >= self.sorted_bytes {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Bytes of the rows that wait to be sorted.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Bytes encoded so far.
    pub fn encoded_bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Sorts what waits into row groups of its own. Only the sort keys are joined up for it; the rows are copied once, a
    /// few thousand at a time.
    ///
    /// # Errors
    /// As [`DataFileBuilder::push`].
    pub fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        (self.waiting_rows, self.waiting_bytes) = (0, 0);
        let batches: Vec<&RecordBatch> = waiting.iter().collect();
        let places: Vec<(usize, usize)> = batches
            .iter()
            .enumerate()
            .flat_map(|(at, batch)| (0..batch.num_rows()).map(move |row| (at, row)))
            .collect();
        let key = |name: &&str| {
            let parts: Vec<&dyn Array> =
                batches.iter().filter_map(|b| b.column_by_name(name)).map(AsRef::as_ref).collect();
            concat(&parts).map(|values| SortColumn { values, options: None })
        };
        let order = match batches.as_slice() {
            [] => Vec::new(),
            _ => {
                let keys = SORT.iter().map(key).collect::<std::result::Result<Vec<_>, _>>().map_err(defect)?;
                let order = lexsort_to_indices(&keys, None).map_err(defect)?;
                order.values().iter().map(|row| places[*row as usize]).collect()
            }
        };
        if order.is_empty() {
            self.write(&RecordBatch::new_empty(file_schema()))?;
        }
        for some in order.chunks(COPIED_ROWS) {
            self.write(&interleave_record_batch(&batches, some).map_err(defect)?)?;
        }
        self.writer.flush().map_err(defect)
    }

    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.statistics.merge(rows).map_err(defect)?;
        self.rows += rows.num_rows() as u64;
        self.writer.write(rows).map_err(defect)
    }

    /// The whole file.
    ///
    /// # Errors
    /// As [`DataFileBuilder::push`].
    pub fn finish(mut self) -> Result<BuiltFile> {
        if self.waiting_rows > 0 || self.rows == 0 {
            self.flush()?;
        }
        let statistics = self.statistics.finish().map_err(defect)?;
        let statistics = statistics.ok_or_else(|| defect("a file without a row group"))?;
        let bytes = self.writer.into_inner().map_err(defect)?;
        Ok(BuiltFile { bytes, statistics })
    }
}

/// How our Parquet is written.
pub fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        // Whole identities repeat thousands of times; 1 MB of dictionary, the default, would run over.
        .set_dictionary_page_size_limit(4 << 20)
        .set_created_by(super::ENGINE_INFO.to_owned());
    for column in BLOOM {
        // A filter is one row group's, and no group has more values.
        properties = properties
            .set_column_bloom_filter_enabled((*column).into(), true)
            .set_column_bloom_filter_max_ndv((*column).into(), ROW_GROUP_ROWS as u64);
    }
    properties.build()
}

fn defect(reason: impl ToString) -> Error {
    Error::Internal(format!("data file: {}", reason.to_string()))
}
