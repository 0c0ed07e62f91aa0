//! A planned query: its columns and its rows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::MemTable;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::DataFrame;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::cluster::Cluster;
use super::fault::query_error;
use super::in_memory::{in_memory, schema, table};
use super::scan_stats::SubqueryStats;
use crate::error::Result;

/// A planned query.
pub struct Query {
    pub(super) what: String,
    pub(super) frame: DataFrame,
    pub(super) parts: Vec<Part>,
    /// Where it runs; `None` for here.
    pub(super) cluster: Option<Cluster>,
}

/// A subquery that was computed once: `WITH x AS MATERIALIZED (...)`. Any other is computed wherever it is read.
pub(super) struct Part {
    /// What its plan read and did. Keeping the plan itself would keep the memory of its joins.
    pub stats: SubqueryStats,
    /// The memory of its rows.
    pub _held: MemoryReservation,
}

impl Query {
    /// Columns of the answer.
    pub fn schema(&self) -> SchemaRef {
        schema(&self.frame)
    }

    /// The whole answer.
    ///
    /// # Errors
    /// [`Error::Query`](crate::error::Error::Query) when a file cannot be read,
    /// [`Error::OutOfMemory`](crate::error::Error::OutOfMemory) when memory runs out.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        let Some(cluster) = self.cluster.clone() else { return self.stream().await?.try_collect().await };
        let Query { what, frame, parts: _parts, .. } = self;
        let (state, query) = frame.into_parts();
        let answer = cluster.collect_partitioned(&state, &query).await.map_err(|e| query_error(&what, &e))?;
        Ok(answer.0.into_iter().flatten().collect())
    }

    /// The answer, batch by batch.
    ///
    /// # Errors
    /// As [`Query::collect`].
    pub async fn stream(self) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let Query { what, frame, parts, cluster } = self;
        let stream = match cluster {
            Some(cluster) => {
                let (state, query) = frame.into_parts();
                cluster.stream(&state, &query).await
            }
            None => frame.execute_stream().await.map(StreamExt::boxed),
        };
        let stream = stream.map_err(|e| query_error(&what, &e))?;
        let failed = move |e| {
            // Keeps the memory reservations of the parts until the stream is dropped.
            let _ = &parts;
            query_error(&what, &e)
        };
        Ok(stream.map_err(failed).boxed())
    }
}

/// Runs a query, on the workers of a cluster if there is one. Returns its rows as a table, the plan, and the memory the rows
/// take.
pub(super) async fn in_memory_on(
    cluster: Option<&Cluster>,
    frame: DataFrame,
) -> datafusion::common::Result<(MemTable, Arc<dyn ExecutionPlan>, usize)> {
    let Some(cluster) = cluster else { return in_memory(frame).await };
    let planned = schema(&frame);
    let (state, query) = frame.into_parts();
    let (rows, plan) = cluster.collect_partitioned(&state, &query).await?;
    let (table, bytes) = table(planned, rows)?;
    Ok((table, plan, bytes))
}
