//! A Parquet file with one day's events of one batch: rows are sorted together and become row groups.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use delta_kernel::expressions::ColumnName;
use delta_kernel::schema::StructType;
use delta_kernel_default_engine::stats::FileStatsAccumulator;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::ByteArray;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;

use super::rows::{Group, Rows};
use super::text_chunk::{self, TextChunk, TextEncoder};
use crate::error::{Error, Result};
use crate::schema::{BLOOM, EVENTS, STATISTICS, UNIQUE, file_schema};

/// Rows of a row group: enough to compress well, and few enough that skipping a row group saves time.
pub const ROW_GROUP_ROWS: usize = 65_536;

/// A file under construction.
pub struct DataFileBuilder {
    writer: SerializedFileWriter<Vec<u8>>,
    encoders: Arc<Encoders>,
    statistics: FileStatsAccumulator,
    /// Rows of the file, and nulls in each column of [`STATISTICS`].
    rows: i64,
    nulls: Vec<i64>,
}

/// Encodes the columns of row groups.
struct Encoders {
    columns: Vec<ColumnDescPtr>,
    properties: WriterPropertiesPtr,
    /// For the columns that [`TextEncoder`] does not encode.
    others: ArrowRowGroupWriterFactory,
}

/// Sorted and encoded rows, to be added to their file: the columns of each row group.
pub struct RowGroups(Vec<Vec<Chunk>>);

enum Chunk {
    Text(TextChunk),
    Other(ArrowColumnChunk),
}

impl Chunk {
    fn statistics(&self) -> Result<&Statistics> {
        let close = match self {
            Chunk::Text(chunk) => &chunk.close,
            Chunk::Other(chunk) => chunk.close(),
        };
        close.metadata.statistics().ok_or_else(|| bug("a column without statistics"))
    }
}

/// A finished file that is not stored yet.
pub struct BuiltFile {
    /// Parquet.
    pub bytes: Vec<u8>,
    /// Statistics in the form the Delta library expects.
    pub statistics: StructArray,
}

impl DataFileBuilder {
    /// An empty file of a table with this schema, with statistics for the columns of [`STATISTICS`].
    ///
    /// # Errors
    /// When Parquet does not support the schema, which is a bug.
    pub fn new(schema: &StructType) -> Result<DataFileBuilder> {
        let columns: Vec<_> = STATISTICS.iter().map(|column| ColumnName::new([*column])).collect();
        let statistics = FileStatsAccumulator::new(&columns, schema);
        let (writer, _) = writer(file_schema())?;
        let (columns, properties) = (writer.schema_descr().columns().to_vec(), Arc::clone(writer.properties()));
        let others = columns.iter().enumerate().filter(|(_, column)| !text_chunk::encodes(&properties, column));
        let others = file_schema().project(&others.map(|(at, _)| at).collect::<Vec<_>>()).map_err(bug)?;
        let encoders = Encoders { columns, properties, others: self::writer(Arc::new(others))?.1 };
        Ok(DataFileBuilder {
            writer,
            encoders: Arc::new(encoders),
            statistics,
            rows: 0,
            nulls: vec![0; STATISTICS.len()],
        })
    }

    /// Bytes encoded so far.
    pub fn encoded_bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// A task that sorts and encodes the next rows; it can run on any thread.
    pub fn begin(&self, rows: Rows) -> impl FnOnce() -> Result<RowGroups> + Send + use<> {
        let encoders = Arc::clone(&self.encoders);
        move || encoded(&rows, &encoders)
    }

    /// Adds encoded rows. Call it in the order of the calls to [`DataFileBuilder::begin`].
    ///
    /// # Errors
    /// When they cannot be written as Parquet, which is a bug.
    pub fn add(&mut self, groups: RowGroups) -> Result<()> {
        for group in groups.0 {
            self.add_statistics(&group)?;
            let mut writer = self.writer.next_row_group().map_err(bug)?;
            for column in group {
                let added = match column {
                    Chunk::Text(TextChunk { bytes, close }) => writer.append_column(&bytes, close),
                    Chunk::Other(chunk) => chunk.append_to_row_group(&mut writer),
                };
                added.map_err(bug)?;
            }
            self.rows += writer.close().map_err(bug)?.num_rows();
        }
        Ok(())
    }

    fn add_statistics(&mut self, group: &[Chunk]) -> Result<()> {
        let mut columns = Vec::with_capacity(STATISTICS.len());
        for (name, nulls) in STATISTICS.iter().zip(&mut self.nulls) {
            let at = file_schema().index_of(name).map_err(bug)?;
            let statistics = group.get(at).ok_or_else(|| bug("no such column"))?.statistics()?;
            *nulls += statistics.null_count_opt().ok_or_else(|| bug("statistics without a null count"))? as i64;
            columns.push((*name, bounds(statistics)?, true));
        }
        let bounds = RecordBatch::try_from_iter_with_nullable(columns).map_err(bug)?;
        self.statistics.merge(&bounds).map_err(bug)
    }

    /// The whole file.
    ///
    /// # Errors
    /// As [`DataFileBuilder::add`].
    pub fn finish(mut self) -> Result<BuiltFile> {
        if self.rows == 0 {
            self.statistics.merge(&RecordBatch::new_empty(file_schema())).map_err(bug)?;
        }
        let statistics = self.statistics.finish().map_err(bug)?;
        let statistics = statistics.ok_or_else(|| bug("a file without a row group"))?;
        let statistics = with_counts(&statistics, self.rows, &self.nulls)?;
        let bytes = self.writer.into_inner().map_err(bug)?;
        Ok(BuiltFile { bytes, statistics })
    }
}

/// A writer of files with this schema, and the factory of their column writers.
fn writer(schema: SchemaRef) -> Result<(SerializedFileWriter<Vec<u8>>, ArrowRowGroupWriterFactory)> {
    let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties())).map_err(bug)?;
    writer.into_serialized_writer().map_err(bug)
}

/// The smallest and the largest value; null where they are not known.
fn bounds(statistics: &Statistics) -> Result<ArrayRef> {
    Ok(match statistics {
        Statistics::ByteArray(of) => {
            let text = |bound: Option<&ByteArray>| bound.map(|bound| bound.as_utf8().map(str::to_owned)).transpose();
            Arc::new(StringArray::from_iter([text(of.min_opt()).map_err(bug)?, text(of.max_opt()).map_err(bug)?]))
        }
        Statistics::Int64(of) => {
            let times = [of.min_opt().copied(), of.max_opt().copied()];
            Arc::new(TimestampMicrosecondArray::from_iter(times).with_timezone("UTC"))
        }
        other => return Err(bug(format!("statistics of an unexpected type: {other}"))),
    })
}

/// Replaces the counts: `statistics` were accumulated from two rows (minimum and maximum) per row group.
fn with_counts(statistics: &StructArray, rows: i64, nulls: &[i64]) -> Result<StructArray> {
    let number = |number: i64| Arc::new(Int64Array::from(vec![number])) as ArrayRef;
    let section = |(field, column): (&FieldRef, &ArrayRef)| -> Result<ArrayRef> {
        Ok(match (field.name().as_str(), column.as_struct_opt()) {
            ("numRecords", _) => number(rows),
            ("nullCount", Some(counts)) => {
                let of = |field: &FieldRef| {
                    let at = STATISTICS.iter().position(|name| name == field.name());
                    at.map(|at| number(nulls[at])).ok_or_else(|| bug("statistics of an unexpected column"))
                };
                let columns = counts.fields().iter().map(of).collect::<Result<_>>()?;
                Arc::new(StructArray::try_new(counts.fields().clone(), columns, None).map_err(bug)?)
            }
            _ => Arc::clone(column),
        })
    };
    let columns = statistics.fields().iter().zip(statistics.columns()).map(section).collect::<Result<_>>()?;
    StructArray::try_new(statistics.fields().clone(), columns, None).map_err(bug)
}

fn encoded(rows: &Rows, encoders: &Encoders) -> Result<RowGroups> {
    let sorted = rows.sorted()?;
    let schema = file_schema();
    let mut texts = TextEncoder::new(Arc::clone(&encoders.properties))?;
    let mut row_group = |(index, group): (usize, Group)| {
        let mut others = encoders.others.create_column_writers(index).map_err(bug)?.into_iter();
        let column = |(at, column): (usize, &ColumnDescPtr)| {
            if text_chunk::encodes(&encoders.properties, column) {
                return Ok(Chunk::Text(texts.chunk(column, group.texts(at)?)?));
            }
            let mut writer = others.next().ok_or_else(|| bug("a column without a writer"))?;
            let field = schema.field(at);
            for values in group.column(at, field.data_type()) {
                for leaf in compute_leaves(field, &values?).map_err(bug)? {
                    writer.write(&leaf).map_err(bug)?;
                }
            }
            Ok(Chunk::Other(writer.close().map_err(bug)?))
        };
        encoders.columns.iter().enumerate().map(column).collect::<Result<Vec<_>>>()
    };
    Ok(RowGroups(sorted.groups(ROW_GROUP_ROWS).enumerate().map(&mut row_group).collect::<Result<_>>()?))
}

/// Parquet settings of data files, ledger and rejects.
pub fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        // The lowest level: on sorted rows with dictionaries, higher levels save 1 % and take twice the time.
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        // `userIdentity` values repeat thousands of times; the default dictionary size of 1 MB is too small for them.
        .set_dictionary_page_size_limit(4 << 20)
        .set_created_by(super::table::ENGINE_INFO.to_owned());
    // The values of these columns are unique, so a dictionary would be a copy; their lengths are all the same.
    for column in UNIQUE {
        properties = properties
            .set_column_dictionary_enabled((*column).into(), false)
            .set_column_encoding((*column).into(), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    // Neighbouring rows are minutes apart and come from different places in their objects, so values hardly repeat.
    for column in ["event_time", "source_record"] {
        properties = properties
            .set_column_dictionary_enabled(column.into(), false)
            .set_column_encoding(column.into(), Encoding::DELTA_BINARY_PACKED);
    }
    // Minimum and maximum of other texts are never used for pruning, and comparing texts costs more than hashing them.
    let without = |name: &str| !STATISTICS.contains(&name);
    for column in EVENTS.iter().filter(|column| column.kind.data_type() == DataType::Utf8 && without(column.name)) {
        properties = properties.set_column_statistics_enabled(column.name.into(), EnabledStatistics::None);
    }
    for column in BLOOM {
        // Each row group has its own filter, and at most this many values.
        properties = properties
            .set_column_bloom_filter_enabled((*column).into(), true)
            .set_column_bloom_filter_max_ndv((*column).into(), ROW_GROUP_ROWS as u64);
    }
    properties.build()
}

fn bug(reason: impl ToString) -> Error {
    Error::Internal(format!("data file: {}", reason.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::new_null_array;
    use arrow::datatypes::TimestampMicrosecondType;
    use arrow::util::display::array_value_to_string;
    use bytes::Bytes;
    use delta_kernel::engine::arrow_conversion::TryFromArrow;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    /// `count` events of one API, the latest first.
    fn rows(count: usize) -> Rows {
        let column = |(name, empty): (&str, ArrayRef)| -> ArrayRef {
            let times = || (0..count as i64).rev();
            match name {
                "event_time" => Arc::new(TimestampMicrosecondArray::from_iter_values(times()).with_timezone("UTC")),
                "event_id" => Arc::new(StringArray::from_iter_values(times().map(|time| time.to_string()))),
                _ => empty,
            }
        };
        let schema = file_schema();
        let empty = schema.fields().iter().map(|f| (f.name().as_str(), new_null_array(f.data_type(), count)));
        let batch = RecordBatch::try_new(Arc::clone(&schema), empty.map(column).collect()).unwrap();
        let mut rows = Rows::default();
        rows.push(&batch, (0..count as u32).collect()).unwrap();
        rows
    }

    fn built(rows: Vec<Rows>) -> BuiltFile {
        let schema = StructType::try_from_arrow(file_schema().as_ref()).unwrap();
        let mut builder = DataFileBuilder::new(&schema).unwrap();
        for rows in rows {
            let encode = builder.begin(rows);
            builder.add(encode().unwrap()).unwrap();
        }
        builder.finish().unwrap()
    }

    fn file(rows: Vec<Rows>) -> ParquetRecordBatchReaderBuilder<Bytes> {
        ParquetRecordBatchReaderBuilder::try_new(built(rows).bytes.into()).unwrap()
    }

    #[test]
    fn statistics_cover_all_row_groups() {
        let statistics = built(vec![rows(ROW_GROUP_ROWS + 10), rows(3)]).statistics;
        let rows = ROW_GROUP_ROWS as i64 + 13;
        let of = |section: &str, column: &str| {
            let columns = statistics.column_by_name(section).unwrap().as_struct();
            let column = Arc::clone(columns.column_by_name(column).unwrap());
            array_value_to_string(&column, 0).unwrap()
        };
        assert_eq!(
            array_value_to_string(statistics.column_by_name("numRecords").unwrap(), 0).unwrap(),
            rows.to_string()
        );
        assert_eq!([of("nullCount", "event_id"), of("nullCount", "event_time")], ["0", "0"]);
        assert_eq!([of("nullCount", "actor"), of("nullCount", "error_code")], [rows.to_string(), rows.to_string()]);
        assert_eq!([of("minValues", "event_id"), of("maxValues", "event_id")], ["0", "9999"]);
        assert_eq!(of("minValues", "event_time"), "1970-01-01T00:00:00Z");
        assert_eq!(of("maxValues", "event_time"), "1970-01-01T00:00:00.065545Z");
        assert_eq!(of("maxValues", "actor"), "");
    }

    #[test]
    fn rows_sorted_together_fill_row_groups_of_bounded_size() {
        let file = file(vec![rows(2 * ROW_GROUP_ROWS + 10)]);
        let groups: Vec<_> = file.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, [ROW_GROUP_ROWS as i64, ROW_GROUP_ROWS as i64, 10]);
        let mut expected = 0..;
        for batch in file.build().unwrap() {
            let times = batch.unwrap().column_by_name("event_time").unwrap().clone();
            assert!(
                times.as_primitive::<TimestampMicrosecondType>().values().iter().all(|t| expected.next() == Some(*t))
            );
        }
        assert_eq!(expected.next(), Some(2 * ROW_GROUP_ROWS as i64 + 10));
    }

    #[test]
    fn no_rows_make_no_row_group() {
        assert_eq!(file(vec![rows(3), Rows::default()]).metadata().num_row_groups(), 1);
        assert_eq!(file(vec![Rows::default()]).metadata().num_row_groups(), 0);
    }
}
