//! Runs a query and reports its plan: what it read, and the steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::physical_plan::{collect, displayable};

use super::fault::query_error;
use super::query::Query;
use super::scan_stats::{Read, add_reads};
use crate::error::Result;

/// The plan of a query that has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it read, by table.
    pub reads: Vec<Read>,
    /// The engine's steps, the last one first.
    pub steps: String,
    /// Rows of the answer.
    pub rows: usize,
}

impl Query {
    /// Runs the query and reports its plan.
    ///
    /// # Errors
    /// As [`Query::collect`].
    pub async fn explain(self) -> Result<Plan> {
        let failed = |e| query_error(&self.what, &e);
        let context = Arc::new(self.frame.task_ctx());
        let plan = self.frame.create_physical_plan().await.map_err(failed)?;
        let batches = collect(Arc::clone(&plan), context).await.map_err(failed)?;
        let mut reads: BTreeMap<String, Read> = BTreeMap::new();
        let mut steps = String::new();
        for stats in self.parts.iter().map(|part| &part.stats) {
            stats.reads.values().for_each(|read| reads.entry(read.table.clone()).or_default().add(read));
            steps += &stats.steps;
        }
        add_reads(&plan, &mut reads);
        steps += &displayable(plan.as_ref()).indent(false).to_string();
        Ok(Plan { reads: reads.into_values().collect(), steps, rows: batches.iter().map(|b| b.num_rows()).sum() })
    }
}
