//! The rows of a query as a table in memory.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::datasource::MemTable;
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};
use datafusion::prelude::DataFrame;

/// Columns of a frame's rows.
pub(super) fn schema(frame: &DataFrame) -> SchemaRef {
    Arc::new(Schema::clone(frame.schema().as_arrow()))
}

/// Runs a query in this process. Returns its rows as a table, the plan, and the memory the rows take.
pub(super) async fn in_memory(
    frame: DataFrame,
) -> datafusion::common::Result<(MemTable, Arc<dyn ExecutionPlan>, usize)> {
    let (planned, context) = (schema(&frame), Arc::new(frame.task_ctx()));
    let plan = frame.create_physical_plan().await?;
    let (table, bytes) = table(planned, collect_partitioned(Arc::clone(&plan), context).await?)?;
    Ok((table, plan, bytes))
}

/// The rows of a query as a table, and the memory they take.
pub(super) fn table(
    planned: SchemaRef,
    partitions: Vec<Vec<RecordBatch>>,
) -> datafusion::common::Result<(MemTable, usize)> {
    // The rows may come with fewer nullable columns than planned.
    let schema = partitions.iter().flatten().next().map_or(planned, RecordBatch::schema);
    let own = |batches: Vec<RecordBatch>| batches.iter().map(own_memory).collect::<Result<Vec<_>, _>>();
    let partitions: Vec<_> = partitions.into_iter().map(own).collect::<Result<_, _>>()?;
    let bytes = partitions.iter().flatten().map(RecordBatch::get_array_memory_size).sum();
    Ok((MemTable::try_new(schema, partitions)?, bytes))
}

/// Copies a batch into memory of its own. An aggregation returns slices of one large batch, and text views point into
/// buffers of many batches; each batch would otherwise be counted with all of that memory.
fn own_memory(batch: &RecordBatch) -> std::result::Result<RecordBatch, ArrowError> {
    let own = take_record_batch(batch, &UInt32Array::from_iter_values(0..batch.num_rows() as u32))?;
    let compact = |column: &ArrayRef| match column.as_string_view_opt() {
        Some(views) => Arc::new(views.gc()) as ArrayRef,
        None => Arc::clone(column),
    };
    RecordBatch::try_new(own.schema(), own.columns().iter().map(compact).collect())
}

#[cfg(test)]
mod tests {
    use arrow::array::{StringArray, StringViewArray};

    use super::*;

    #[test]
    fn a_copied_batch_holds_only_its_own_rows() {
        let long = |n: usize| format!("a text of more than twelve bytes, {n}");
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..10_000).map(long)));
        let views: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..10_000).map(long)));
        let all = RecordBatch::try_from_iter([("texts", texts), ("views", views)]).unwrap();
        let few = own_memory(&all.slice(5_000, 10)).unwrap();
        assert_eq!(few, all.slice(5_000, 10));
        assert!(few.get_array_memory_size() < 10_000, "{}", few.get_array_memory_size());
    }
}
