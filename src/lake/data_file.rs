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

/// A file under construction.
pub struct DataFileBuilder {
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    waiting_bytes: usize,
    /// Rows that are sorted together.
    sorted_rows: usize,
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
            writer,
            statistics: FileStatsAccumulator::new(&columns, schema),
            rows: 0,
        })
    }

    /// Sorts up to `rows` rows together instead of one row group's, for a file that is written once and read often.
    pub fn sorted_by(mut self, rows: usize) -> DataFileBuilder {
        self.sorted_rows = rows;
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
        if self.waiting_rows >= self.sorted_rows { self.flush() } else { Ok(()) }
    }

    /// Bytes held: rows that wait and what is encoded.
    pub fn memory_bytes(&self) -> usize {
        self.waiting_bytes + self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Sorts what waits into row groups of its own. Only the sort keys are joined up for it, the rows are copied once.
    fn flush(&mut self) -> Result<()> {
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
        let rows = match order.as_slice() {
            [] => RecordBatch::new_empty(file_schema()),
            order => interleave_record_batch(&batches, order).map_err(defect)?,
        };
        drop(waiting);
        self.statistics.merge(&rows).map_err(defect)?;
        self.rows += rows.num_rows() as u64;
        self.writer.write(&rows).and_then(|()| self.writer.flush()).map_err(defect)
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
