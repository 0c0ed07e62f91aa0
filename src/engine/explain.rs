//! What a query reads and what that costs: the files its plan names, and the bytes and rows that came out of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};

use super::Query;
use super::table::plain_words;
use crate::error::{Error, Result};

/// A query's plan, after it was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it read, by table.
    pub reads: Vec<Read>,
    /// The engine's steps, the last one first, with what each of them gave and took.
    pub steps: String,
    /// Rows of the answer.
    pub rows: usize,
}

/// What was read of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// Table.
    pub table: String,
    /// Files that could not be left out by their day or their statistics; a file that two steps read counts twice.
    pub files: usize,
    /// Their size.
    pub file_bytes: u64,
    /// Bytes that were fetched from them: the columns and row groups that matter.
    pub bytes_read: u64,
    /// Rows that came out.
    pub rows: u64,
}

impl Query {
    /// Runs the query and says what it read.
    ///
    /// # Errors
    /// As [`Query::collect`].
    pub async fn explain(self) -> Result<Plan> {
        let failed = |e| Error::query(&*self.what, plain_words(&e));
        let context = Arc::new(self.frame.task_ctx());
        let plan = self.frame.create_physical_plan().await.map_err(failed)?;
        let batches = collect(Arc::clone(&plan), context).await.map_err(failed)?;
        let mut reads: BTreeMap<String, Read> = BTreeMap::new();
        let mut steps = String::new();
        for told in self.parts.iter().map(|part| &part.told) {
            told.reads.values().for_each(|read| reads.entry(read.table.clone()).or_default().add(read));
            steps += &told.steps;
        }
        add_reads(&plan, &mut reads);
        steps += &displayable(plan.as_ref()).indent(false).to_string();
        Ok(Plan { reads: reads.into_values().collect(), steps, rows: batches.iter().map(|b| b.num_rows()).sum() })
    }
}

/// What is told of a subquery that was run by itself.
pub struct Told {
    reads: BTreeMap<String, Read>,
    steps: String,
}

impl Told {
    /// Of a plan that was run.
    pub fn of(name: &str, plan: &Arc<dyn ExecutionPlan>) -> Told {
        let mut reads = BTreeMap::new();
        add_reads(plan, &mut reads);
        Told { reads, steps: format!("{name}, computed once:\n{}\n", displayable(plan.as_ref()).indent(false)) }
    }
}

impl Read {
    fn add(&mut self, other: &Read) {
        self.table.clone_from(&other.table);
        self.files += other.files;
        self.file_bytes += other.file_bytes;
        self.bytes_read += other.bytes_read;
        self.rows += other.rows;
    }
}

fn add_reads(plan: &Arc<dyn ExecutionPlan>, reads: &mut BTreeMap<String, Read>) {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>()
        && let Some(scan) = source.data_source().downcast_ref::<FileScanConfig>()
    {
        // A file may be read in parts, by several cores.
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

/// The table a lake's file belongs to, by where it lies.
fn table_of(path: &str) -> &str {
    match path.split_once("_trailhunt/") {
        None => "events",
        Some((_, inside)) if inside.starts_with("ledger/") => "objects",
        Some((_, inside)) => inside.trim_start_matches("rollups/").split('/').next().unwrap_or(inside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_its_table() {
        assert_eq!(table_of("lake/event_date=2024-01-01/a.parquet"), "events");
        assert_eq!(table_of("lake/_trailhunt/rollups/daily_role/2024-01-01-a.parquet"), "daily_role");
        assert_eq!(table_of("lake/_trailhunt/ledger/a.parquet"), "objects");
        assert_eq!(table_of("_trailhunt/rejects/a.parquet"), "rejects");
    }
}
