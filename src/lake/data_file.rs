//! One day's events of one batch as a Parquet file: rows that waited together are sorted and become row groups.

use std::sync::Arc;

use arrow::array::{RecordBatch, StructArray};
use arrow::datatypes::DataType;
use delta_kernel::expressions::ColumnName;
use delta_kernel::schema::StructType;
use delta_kernel_default_engine::stats::FileStatsAccumulator;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;

use super::rows::{Group, Rows};
use crate::error::{Error, Result};
use crate::schema::{BLOOM, EVENTS, STATISTICS, UNIQUE, file_schema};

/// Rows of a row group: large enough to compress well, small enough that skipping one saves something.
pub const ROW_GROUP_ROWS: usize = 65_536;

/// A file under construction.
pub struct DataFileBuilder {
    writer: SerializedFileWriter<Vec<u8>>,
    encoders: Arc<ArrowRowGroupWriterFactory>,
    statistics: FileStatsAccumulator,
    rows: usize,
}

/// Rows sorted and encoded, to be put into their file: the columns of each row group.
pub struct RowGroups(Vec<Vec<ArrowColumnChunk>>);

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
        let statistics = FileStatsAccumulator::new(&columns, schema);
        let writer = ArrowWriter::try_new(Vec::new(), file_schema(), Some(properties())).map_err(defect)?;
        let (writer, encoders) = writer.into_serialized_writer().map_err(defect)?;
        Ok(DataFileBuilder { writer, encoders: Arc::new(encoders), statistics, rows: 0 })
    }

    /// Bytes encoded so far.
    pub fn encoded_bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Notes what the next rows hold. What is left, to sort and encode them, can be done on any thread.
    ///
    /// # Errors
    /// Only for rows of another schema, which is a defect.
    pub fn begin(&mut self, rows: Rows) -> Result<impl FnOnce() -> Result<RowGroups> + Send + use<>> {
        for part in rows.plain(STATISTICS) {
            self.statistics.merge(&part?).map_err(defect)?;
        }
        self.rows += rows.count();
        let encoders = Arc::clone(&self.encoders);
        Ok(move || encoded(&rows, &encoders))
    }

    /// Adds rows. They come in the order in which they were begun.
    ///
    /// # Errors
    /// Only when it cannot be Parquet, which is a defect.
    pub fn add(&mut self, groups: RowGroups) -> Result<()> {
        for group in groups.0 {
            let mut writer = self.writer.next_row_group().map_err(defect)?;
            for column in group {
                column.append_to_row_group(&mut writer).map_err(defect)?;
            }
            writer.close().map_err(defect)?;
        }
        Ok(())
    }

    /// The whole file.
    ///
    /// # Errors
    /// As [`DataFileBuilder::add`].
    pub fn finish(mut self) -> Result<BuiltFile> {
        if self.rows == 0 {
            self.statistics.merge(&RecordBatch::new_empty(file_schema())).map_err(defect)?;
        }
        let statistics = self.statistics.finish().map_err(defect)?;
        let statistics = statistics.ok_or_else(|| defect("a file without a row group"))?;
        let bytes = self.writer.into_inner().map_err(defect)?;
        Ok(BuiltFile { bytes, statistics })
    }
}

fn encoded(rows: &Rows, encoders: &ArrowRowGroupWriterFactory) -> Result<RowGroups> {
    let sorted = rows.sorted()?;
    let schema = file_schema();
    let row_group = |(index, group): (usize, Group)| {
        let writers = encoders.create_column_writers(index).map_err(defect)?;
        let column = |(at, mut writer): (usize, ArrowColumnWriter)| {
            let field = schema.field(at);
            for values in group.column(at, field.data_type()) {
                for leaf in compute_leaves(field, &values?).map_err(defect)? {
                    writer.write(&leaf).map_err(defect)?;
                }
            }
            writer.close().map_err(defect)
        };
        writers.into_iter().enumerate().map(column).collect::<Result<Vec<_>>>()
    };
    Ok(RowGroups(sorted.groups(ROW_GROUP_ROWS).enumerate().map(row_group).collect::<Result<_>>()?))
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
            .set_column_encoding((*column).into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
            // Nothing in random digits is found again, however hard it is looked for.
            .set_column_compression((*column).into(), Compression::ZSTD(ZstdLevel::default()));
    }
    // Neighbours in the sort order are minutes apart, and stood anywhere in their objects.
    for column in ["event_time", "source_record"] {
        properties = properties
            .set_column_dictionary_enabled(column.into(), false)
            .set_column_encoding(column.into(), Encoding::DELTA_BINARY_PACKED);
    }
    // Nobody asks for texts by their order but for those of these; to compare them all costs more than to hash them.
    let unordered = |name: &str| !STATISTICS.contains(&name);
    for column in EVENTS.iter().filter(|column| column.kind.data_type() == DataType::Utf8 && unordered(column.name)) {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, StringArray, TimestampMicrosecondArray, new_null_array};
    use arrow::datatypes::TimestampMicrosecondType;
    use bytes::Bytes;
    use delta_kernel::engine::arrow_conversion::TryFromArrow;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    /// So many events of one API, the latest first.
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

    fn file(rows: Vec<Rows>) -> ParquetRecordBatchReaderBuilder<Bytes> {
        let schema = StructType::try_from_arrow(file_schema().as_ref()).unwrap();
        let mut builder = DataFileBuilder::new(&schema).unwrap();
        for rows in rows {
            let encode = builder.begin(rows).unwrap();
            builder.add(encode().unwrap()).unwrap();
        }
        ParquetRecordBatchReaderBuilder::try_new(builder.finish().unwrap().bytes.into()).unwrap()
    }

    #[test]
    fn rows_sorted_together_fill_row_groups_of_bounded_size_in_one_order() {
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
