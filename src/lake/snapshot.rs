//! The lake at one version: its data files with their statistics, and its state.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, MapArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Int64Type};
use chrono::NaiveDate;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::object_store::path::Path;
use delta_kernel::{Snapshot as DeltaSnapshot, SnapshotRef};
use serde_json::Value;

use super::state::{DOMAIN, State};
use super::table::Lake;
use crate::error::{Error, Result};
use crate::schema::PARTITION;
use crate::source::Location;

/// The lake at one version. Later commits do not change it.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Where the lake is.
    pub location: Location,
    /// Delta version.
    pub version: u64,
    /// Data files, sorted by day and name.
    pub files: Vec<DataFile>,
    /// Ledger and rejects.
    pub state: State,
    pub(super) delta: SnapshotRef,
}

/// One Parquet file of events, all of one day.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    /// Path in the lake's store.
    pub path: Path,
    /// Size.
    pub size_bytes: u64,
    /// UTC day of its events.
    pub day: NaiveDate,
    /// Events.
    pub rows: u64,
    /// Smallest value of each column with statistics, as the Delta log writes it.
    pub min: BTreeMap<String, Value>,
    /// Largest value.
    pub max: BTreeMap<String, Value>,
    /// Number of nulls.
    pub nulls: BTreeMap<String, u64>,
}

impl Lake {
    /// The lake's current content.
    ///
    /// # Errors
    /// [`Error::Lake`] when the table's log cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let builder = DeltaSnapshot::builder_for(self.location.directory_url());
        Snapshot::read(self, builder.build(self.engine.as_ref()).map_err(|e| self.failed(e))?)
    }

    /// The lake's content at an older version. Files that [`Lake::vacuum`] has deleted since then cannot be read.
    ///
    /// # Errors
    /// [`Error::Lake`] when this version does not exist or can no longer be read.
    pub async fn snapshot_at(&self, version: u64) -> Result<Snapshot> {
        let builder = DeltaSnapshot::builder_for(self.location.directory_url()).at_version(version);
        Snapshot::read(self, builder.build(self.engine.as_ref()).map_err(|e| self.failed(e))?)
    }
}

impl Snapshot {
    fn read(lake: &Lake, delta: SnapshotRef) -> Result<Snapshot> {
        let engine = lake.engine.as_ref();
        let state = delta.get_domain_metadata(DOMAIN, engine).map_err(|e| lake.failed(e))?;
        let state = match state {
            Some(text) => serde_json::from_str(&text).map_err(|e| lake.failed(format!("state in the log: {e}")))?,
            None => State::default(),
        };
        let scan = delta.clone().scan_builder().build().map_err(|e| lake.failed(e))?;
        let mut files = Vec::new();
        for metadata in scan.scan_metadata(engine).map_err(|e| lake.failed(e))? {
            let (data, selected) = metadata.map_err(|e| lake.failed(e))?.scan_files.into_parts();
            let batch = ArrowEngineData::try_from_engine_data(data).map_err(|e| lake.failed(e))?;
            read_files(lake, batch.record_batch(), &selected, &mut files)?;
        }
        files.sort_by(|a, b| (a.day, &a.path).cmp(&(b.day, &b.path)));
        Ok(Snapshot { location: lake.location.clone(), version: delta.version(), files, state, delta })
    }

    /// Events in the lake.
    pub fn events(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Bytes of the data files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }

    /// First and last UTC day with events.
    pub fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        Some((self.files.first()?.day, self.files.last()?.day))
    }

    /// Every day that has events, in order.
    pub fn each_day(&self) -> Vec<NaiveDate> {
        let mut days: Vec<_> = self.files.iter().map(|file| file.day).collect();
        days.dedup();
        days
    }
}

/// Rows of the kernel's scan metadata: path, size, stats (JSON text), fileConstantValues.partitionValues.
fn read_files(lake: &Lake, batch: &RecordBatch, selected: &[bool], files: &mut Vec<DataFile>) -> Result<()> {
    let unexpected = || Error::Internal("unexpected shape of the Delta library's scan metadata".into());
    let text = |name: &str| {
        batch.column_by_name(name).filter(|c| *c.data_type() == DataType::Utf8).map(|c| c.as_string::<i32>())
    };
    let paths = text("path").ok_or_else(unexpected)?;
    let stats = text("stats").ok_or_else(unexpected)?;
    let sizes = batch.column_by_name("size").and_then(|c| c.as_primitive_opt::<Int64Type>()).ok_or_else(unexpected)?;
    let constants =
        batch.column_by_name("fileConstantValues").and_then(|c| c.as_struct_opt()).ok_or_else(unexpected)?;
    for row in (0..batch.num_rows()).filter(|row| selected.get(*row).copied().unwrap_or(true)) {
        let day = partition(constants, row).and_then(|day| day.parse().ok());
        let stats: Stats = serde_json::from_str(if stats.is_null(row) { "{}" } else { stats.value(row) })
            .map_err(|e| lake.failed(format!("statistics of {}: {e}", paths.value(row))))?;
        files.push(DataFile {
            path: path_in_store(lake, paths.value(row))?,
            size_bytes: sizes.value(row) as u64,
            day: day.ok_or_else(|| lake.failed(format!("{} has no {PARTITION}", paths.value(row))))?,
            rows: stats.num_records,
            min: stats.min_values,
            max: stats.max_values,
            nulls: stats.null_count,
        });
    }
    Ok(())
}

/// Key of a file. The log names it by a URL relative to the table.
pub(super) fn path_in_store(lake: &Lake, path: &str) -> Result<Path> {
    let url = lake.location.directory_url().join(path).map_err(|e| lake.failed(e))?;
    Path::from_url_path(url.path()).map_err(|e| lake.failed(e))
}

/// A file's statistics as the Delta protocol writes them.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stats {
    num_records: u64,
    min_values: BTreeMap<String, Value>,
    max_values: BTreeMap<String, Value>,
    null_count: BTreeMap<String, u64>,
}

/// The partition value of a row, from `partitionValues`, a map of text to text.
fn partition(constants: &StructArray, row: usize) -> Option<String> {
    let map: &MapArray = constants.column_by_name("partitionValues")?.as_map_opt()?;
    let entries = map.value(row);
    let (keys, values) = (entries.column(0).as_string_opt::<i32>()?, entries.column(1).as_string_opt::<i32>()?);
    let at = (0..entries.len()).find(|at| keys.value(*at) == PARTITION)?;
    values.is_valid(at).then(|| values.value(at).to_owned())
}
