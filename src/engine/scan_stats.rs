//! What a plan read: the files its scans name, and the bytes and rows they returned.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::{ExecutionPlan, displayable};

/// What was read from one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// Table.
    pub table: String,
    /// Files that could not be skipped by day or statistics; a file read by two steps counts twice.
    pub files: usize,
    /// Size of these files.
    pub file_bytes: u64,
    /// Bytes fetched from them: only the needed columns and row groups.
    pub bytes_read: u64,
    /// Rows returned.
    pub rows: u64,
}

/// What a subquery that ran on its own read, and its plan.
pub struct SubqueryStats {
    pub(super) reads: BTreeMap<String, Read>,
    pub(super) steps: String,
}

impl SubqueryStats {
    /// The statistics of a plan that has run.
    pub fn of(name: &str, plan: &Arc<dyn ExecutionPlan>) -> SubqueryStats {
        let mut reads = BTreeMap::new();
        add_reads(plan, &mut reads);
        SubqueryStats {
            reads,
            steps: format!("{name}, computed once:\n{}\n", displayable(plan.as_ref()).indent(false)),
        }
    }
}

impl Read {
    pub(super) fn add(&mut self, other: &Read) {
        self.table.clone_from(&other.table);
        self.files += other.files;
        self.file_bytes += other.file_bytes;
        self.bytes_read += other.bytes_read;
        self.rows += other.rows;
    }
}

/// Adds what a plan that has run read, by table.
pub(super) fn add_reads(plan: &Arc<dyn ExecutionPlan>, reads: &mut BTreeMap<String, Read>) {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>()
        && let Some(scan) = source.data_source().downcast_ref::<FileScanConfig>()
    {
        // Several cores may read parts of one file.
        let parts = scan.file_groups.iter().flat_map(|group| group.files());
        let files: BTreeMap<&str, u64> =
            parts.map(|part| (part.object_meta.location.as_ref(), part.object_meta.size)).collect();
        let table = files.keys().next().map_or("", |path| table_of(path));
        let metrics = plan.metrics().unwrap_or_default();
        reads.entry(table.to_owned()).or_default().add(&Read {
            table: table.to_owned(),
            files: files.len(),
            file_bytes: files.values().sum(),
            bytes_read: metrics.sum_by_name("bytes_scanned").map_or(0, |value| value.as_usize() as u64),
            rows: metrics.output_rows().unwrap_or(0) as u64,
        });
    }
    for child in plan.children() {
        add_reads(child, reads);
    }
}

/// The table that a lake's file belongs to, by its path.
fn table_of(path: &str) -> &str {
    match path.split_once("_trailhunt/") {
        None => "events",
        Some((_, inside)) if inside.starts_with("ledger/") => "objects",
        Some((_, inside)) if inside.contains(".zip/") => {
            let member = inside.rsplit('/').next().unwrap_or(inside);
            member.strip_suffix(".parquet").unwrap_or(member)
        }
        Some((_, inside)) => inside.trim_start_matches("rollups/").split('/').next().unwrap_or(inside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_file_names_its_table() {
        assert_eq!(table_of("lake/event_date=2024-01-01/a.parquet"), "events");
        assert_eq!(table_of("lake/_trailhunt/rollups/2024-01-01-a.0b.zip/daily_role.parquet"), "daily_role");
        assert_eq!(table_of("lake/_trailhunt/rollups/novelties/2024-01-01-a.parquet"), "novelties");
        assert_eq!(table_of("lake/_trailhunt/ledger/a.parquet"), "objects");
        assert_eq!(table_of("_trailhunt/rejects/a.parquet"), "rejects");
    }
}
