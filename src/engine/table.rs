//! Parquet files of a snapshot as one SQL table.
//!
//! The list of files and their statistics come from the Delta log, so planning reads no footer and lists no folder. Files
//! whose day, minimum or maximum cannot match a query's filter are never opened.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::{DataType, Date32Type, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, Result, ScalarValue, Statistics as TableStatistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use serde_json::Value;

use super::whole_files::{SCAN_BYTES, whole_files_url};
use crate::lake::DataFile;
use crate::schema::{PARTITION, file_schema, table_schema};

/// Estimated compressed size of a rollup's row; measured in large rollups: 16 to 42 bytes.
const ROLLUP_ROW_BYTES: usize = 24;

/// Parquet files of one schema in one store.
#[derive(Debug)]
pub struct FilesTable {
    store: ObjectStoreUrl,
    /// Columns as SQL sees them; the partition column, if there is one, comes first.
    schema: SchemaRef,
    /// Columns as the scan returns them: partition columns last.
    table: TableSchema,
    files: Vec<DataFile>,
    partitioned: bool,
    /// The number of rows of each file is known.
    counted: bool,
}

impl FilesTable {
    /// The events, with plain texts. Rollups and histories hold many rows for long; with text views, each row would be
    /// counted with the memory of its whole page.
    pub fn events(store: ObjectStoreUrl, files: Vec<DataFile>) -> FilesTable {
        let partition = Arc::new(Field::new(PARTITION, DataType::Date32, true));
        let table = TableSchema::builder(file_schema()).with_table_partition_cols(vec![partition]).build();
        FilesTable { store, schema: table_schema(), table, files, partitioned: true, counted: true }
    }

    /// The events, with text views: texts stay in the decoded page and are not copied.
    pub fn viewed_events(store: ObjectStoreUrl, files: Vec<DataFile>) -> FilesTable {
        let events = FilesTable::events(store, files);
        let partition = events.table.table_partition_cols().clone();
        let table = TableSchema::builder(viewed(&file_schema())).with_table_partition_cols(partition).build();
        FilesTable { schema: viewed(&table_schema()), table, ..events }
    }

    /// A rollup's files, each of a day, a week or a month. The first column of `schema` is the day, stored in the files.
    pub fn rollup(store: ObjectStoreUrl, schema: SchemaRef, files: Vec<DataFile>) -> FilesTable {
        FilesTable { counted: false, ..FilesTable::plain(store, schema, files) }
    }

    /// Files without a partition column or statistics.
    pub fn plain(store: ObjectStoreUrl, schema: SchemaRef, files: Vec<DataFile>) -> FilesTable {
        let table = TableSchema::from(Arc::clone(&schema));
        FilesTable { store, schema, table, files, partitioned: false, counted: true }
    }

    /// Files that may hold rows that pass the filters.
    fn pruned(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&DataFile>> {
        let all = || self.files.iter().collect();
        let Some(filter) = conjunction(filters.to_vec()) else { return Ok(all()) };
        let schema = datafusion::common::DFSchema::try_from(Arc::clone(&self.schema))?;
        let filter = state.create_physical_expr(filter, &schema)?;
        let predicate = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&self.schema)).try_build(filter);
        let Ok(predicate) = predicate else { return Ok(all()) };
        let keep = predicate.prune(&Statistics { schema: &self.schema, files: &self.files, counted: self.counted })?;
        Ok(self.files.iter().zip(keep).filter(|(_, keep)| *keep).map(|(file, _)| file).collect())
    }
}

/// The schema with text views instead of texts.
fn viewed(schema: &SchemaRef) -> SchemaRef {
    let field = |field: &FieldRef| match field.data_type() {
        DataType::Utf8 => Arc::new(Field::clone(field).with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

#[async_trait]
impl TableProvider for FilesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The scan skips whole files and row groups; the filter still has to check each row.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut groups = vec![Vec::new(); state.config().target_partitions().max(1)];
        // Largest file first, each to the smallest group, so that all cores finish at about the same time.
        let mut files = self.pruned(state, filters)?;
        // The engine compares rows to find the smaller side of a join; compressed sizes would mislead it.
        let statistics = TableStatistics {
            num_rows: match self.counted {
                true => Precision::Exact(files.iter().map(|file| file.rows as usize).sum()),
                false => Precision::Inexact(files.iter().map(|file| file.size_bytes as usize / ROLLUP_ROW_BYTES).sum()),
            },
            total_byte_size: Precision::Absent,
            column_statistics: TableStatistics::unknown_column(self.table.table_schema()),
        };
        files.sort_by_key(|file| std::cmp::Reverse(file.size_bytes));
        let mut sizes = vec![0u64; groups.len()];
        for file in files {
            let least = (0..sizes.len()).min_by_key(|at| sizes[*at]).unwrap_or(0);
            sizes[least] += file.size_bytes;
            let mut part = PartitionedFile::new(file.path.to_string(), file.size_bytes);
            if self.partitioned {
                part =
                    part.with_partition_values(vec![ScalarValue::Date32(Some(Date32Type::from_naive_date(file.day)))]);
            }
            groups[least].push(part);
        }
        let groups: Vec<_> = groups.into_iter().filter(|group| !group.is_empty()).map(FileGroup::new).collect();
        if groups.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let filter = conjunction(filters.to_vec());
        // A hunt scans the same files dozens of times; their footers are cached.
        let of_scan: u64 = sizes.iter().sum();
        let whole_url = whole_files_url(&self.store)?;
        let whole = match of_scan <= SCAN_BYTES {
            true => state.runtime_env().object_store(&whole_url).ok(),
            false => None,
        };
        // The scan names the store, so that a worker reads in the same way.
        let (url, store) = match whole {
            Some(whole) => (whole_url, whole),
            None => (self.store.clone(), state.runtime_env().object_store(&self.store)?),
        };
        let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
        let mut options = state.table_options().parquet.clone();
        if !self.counted {
            // Rollup files are pruned by day already. Pruning row groups costs more than it saves, because the predicate is
            // built again for every file and scan.
            options.global.pruning = false;
            options.global.bloom_filter_on_read = false;
            options.global.enable_page_index = false;
        }
        let mut source = ParquetSource::new(self.table.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(store, footers)))
            .with_pushdown_filters(true);
        if let Some(filter) = filter {
            let schema = datafusion::common::DFSchema::try_from(Arc::clone(self.table.table_schema()))?;
            source = source.with_predicate(state.create_physical_expr(filter, &schema)?);
        }
        let scan = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(Some(self.scan_columns(projection)))?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}

impl FilesTable {
    /// Maps column indexes of SQL's schema (partition column first) to those of the scan's (partition column last).
    fn scan_columns(&self, projection: Option<&Vec<usize>>) -> Vec<usize> {
        let fields = self.schema.fields();
        let index = |at: usize| match self.partitioned {
            true if at == 0 => fields.len() - 1,
            true => at - 1,
            false => at,
        };
        match projection {
            Some(columns) => columns.iter().map(|at| index(*at)).collect(),
            None => (0..fields.len()).map(index).collect(),
        }
    }
}

/// The files' statistics; each file is one container.
struct Statistics<'a> {
    schema: &'a SchemaRef,
    files: &'a [DataFile],
    counted: bool,
}

impl Statistics<'_> {
    fn values(&self, column: &Column, of: impl Fn(&DataFile) -> &BTreeMap<String, Value>) -> Option<ArrayRef> {
        let data_type = self.schema.field_with_name(&column.name).ok()?.data_type();
        let value = |file: &DataFile| match (column.name.as_str(), of(file).get(&column.name)) {
            (PARTITION, None) => ScalarValue::Date32(Some(Date32Type::from_naive_date(file.day))),
            (_, value) => scalar(value, data_type),
        };
        ScalarValue::iter_to_array(self.files.iter().map(value)).ok()
    }
}

/// A statistic of the Delta log as a value of the column's type; null when it is absent.
fn scalar(value: Option<&Value>, data_type: &DataType) -> ScalarValue {
    match (data_type, value) {
        (DataType::Utf8, value) => ScalarValue::Utf8(value.and_then(Value::as_str).map(str::to_owned)),
        (DataType::Date32, value) => {
            let day = value.and_then(Value::as_str).and_then(|text| text.parse().ok());
            ScalarValue::Date32(day.map(Date32Type::from_naive_date))
        }
        (DataType::Timestamp(TimeUnit::Microsecond, zone), value) => {
            let time = value.and_then(Value::as_str).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            ScalarValue::TimestampMicrosecond(time.map(|time| time.timestamp_micros()), zone.clone())
        }
        (other, _) => ScalarValue::try_from(other).unwrap_or(ScalarValue::Null),
    }
}

impl PruningStatistics for Statistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |file| &file.min)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        // The log stores milliseconds; the largest time may be up to 999 microseconds later.
        let values = self.values(column, |file| &file.max)?;
        match values.data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                use arrow::array::AsArray;
                use arrow::datatypes::TimestampMicrosecondType;
                let times = values.as_primitive::<TimestampMicrosecondType>();
                Some(Arc::new(times.unary::<_, TimestampMicrosecondType>(|t| t + 999).with_timezone_opt(zone.clone())))
            }
            _ => Some(values),
        }
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let nulls = |file: &DataFile| match column.name.as_str() {
            PARTITION => Some(0),
            name => file.nulls.get(name).copied(),
        };
        Some(Arc::new(self.files.iter().map(nulls).collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = |file: &DataFile| self.counted.then_some(file.rows);
        Some(Arc::new(self.files.iter().map(rows).collect::<UInt64Array>()))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// A ledger or reject file as a table's file.
pub fn side_file(path: object_store::path::Path, size_bytes: u64, rows: u64) -> DataFile {
    let (min, max, nulls) = Default::default();
    DataFile { path, size_bytes, day: NaiveDate::default(), rows, min, max, nulls }
}
