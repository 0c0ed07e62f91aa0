//! One day's events of one batch as a Parquet file: rows wait in their batches, are sorted and become row groups.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch, StructArray, UInt32Array};
use arrow::compute::{interleave_record_batch, take_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use delta_kernel::expressions::ColumnName;
use delta_kernel::schema::StructType;
use delta_kernel_default_engine::stats::FileStatsAccumulator;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::error::{Error, Result};
use crate::schema::{BLOOM, EVENTS, Kind, SORT, STATISTICS, UNIQUE, file_schema};

/// Rows of a row group: large enough to compress well, small enough that skipping one saves something.
pub const ROW_GROUP_ROWS: usize = 65_536;
/// Rows copied at a time from where they wait into a row group.
const COPIED_ROWS: usize = 1_024;

/// Rows that wait to be sorted together. They stay in their batches until they are encoded.
#[derive(Default)]
pub struct Rows {
    parts: Vec<Part>,
    count: usize,
    bytes: usize,
}

struct Part {
    batch: RecordBatch,
    rows: Vec<u32>,
}

impl Rows {
    /// Adds some rows of a batch of [`file_schema`], by their places in it. The batch is kept, unless they are the smaller
    /// part of it: a few late events of a day must not hold what came with them.
    ///
    /// # Errors
    /// Only for a place beyond the batch, which is a defect.
    pub fn push(&mut self, batch: &RecordBatch, rows: Vec<u32>) -> Result<()> {
        let part = if rows.len() * 2 < batch.num_rows() {
            let places = 0..rows.len() as u32;
            let batch = take_record_batch(batch, &UInt32Array::from(rows)).map_err(defect)?;
            Part { batch, rows: places.collect() }
        } else {
            Part { batch: batch.clone(), rows }
        };
        self.count += part.rows.len();
        self.bytes += part.batch.get_array_memory_size();
        self.parts.push(part);
        Ok(())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes they hold.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Each as batch and place, in the order of [`SORT`].
    ///
    /// Texts are ranked first: there are hundreds of sources, names and actors among tens of thousands of rows, and
    /// numbers compare in a tenth of the time.
    fn order(&self) -> Result<Vec<(usize, usize)>> {
        let places = || {
            self.parts.iter().enumerate().flat_map(|(at, part)| part.rows.iter().map(move |row| (at, *row as usize)))
        };
        let mut keys = vec![[0; SORT.len()]; self.count];
        for (part, name) in SORT.iter().enumerate() {
            let column = |part: &Part| part.batch.column_by_name(name).cloned();
            let columns: Option<Vec<_>> = self.parts.iter().map(column).collect();
            let columns = columns.ok_or_else(|| defect(format!("no {name}")))?;
            if let Some(texts) = columns.iter().map(|column| column.as_string_opt::<i32>()).collect::<Option<Vec<_>>>()
            {
                let text = |(at, row): (usize, usize)| texts[at].is_valid(row).then(|| texts[at].value(row));
                let mut ranks: HashMap<Option<&str>, i64> = places().map(|place| (text(place), 0)).collect();
                let mut distinct: Vec<_> = ranks.keys().copied().collect();
                distinct.sort_unstable();
                ranks.extend(distinct.into_iter().zip(0..));
                keys.iter_mut().zip(places()).for_each(|(key, place)| key[part] = ranks[&text(place)]);
            } else {
                let times = columns.iter().map(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
                let times = times.collect::<Option<Vec<_>>>().ok_or_else(|| defect(format!("{name} has no order")))?;
                keys.iter_mut().zip(places()).for_each(|(key, (at, row))| key[part] = times[at].value(row));
            }
        }
        let mut order: Vec<_> = keys.into_iter().zip(places()).collect();
        order.sort_unstable();
        Ok(order.into_iter().map(|(_, place)| place).collect())
    }
}

/// A file under construction.
pub struct DataFileBuilder {
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
        Ok(DataFileBuilder { writer, statistics: FileStatsAccumulator::new(&columns, schema), rows: 0 })
    }

    /// Bytes encoded so far.
    pub fn encoded_bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Sorts rows into row groups of their own. They are copied once, a few at a time.
    ///
    /// # Errors
    /// Only for a batch of another schema, which is a defect.
    pub fn push(&mut self, rows: &Rows) -> Result<()> {
        let batches: Vec<&RecordBatch> = rows.parts.iter().map(|part| &part.batch).collect();
        for some in rows.order()?.chunks(COPIED_ROWS) {
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
        if self.rows == 0 {
            self.write(&RecordBatch::new_empty(file_schema()))?;
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
    // Every value of these is another one: a dictionary of them is a copy, and their lengths are all the same.
    for column in UNIQUE {
        properties = properties
            .set_column_dictionary_enabled((*column).into(), false)
            .set_column_encoding((*column).into(), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    // Neighbours in the sort order are minutes apart.
    properties = properties
        .set_column_dictionary_enabled("event_time".into(), false)
        .set_column_encoding("event_time".into(), Encoding::DELTA_BINARY_PACKED);
    for column in EVENTS.iter().filter(|column| column.kind == Kind::Json) {
        // Nobody asks for an object by its order among texts.
        properties = properties.set_column_statistics_enabled(column.name.into(), EnabledStatistics::None);
    }
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
