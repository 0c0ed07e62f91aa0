//! Which plans workers can run, and in how many tasks.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result as Planned;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::expr::NullTreatment;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::window::{StandardWindowExpr, WindowExpr};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion_distributed::{DesiredTaskCountEvent, DesiredTaskCountEventResponse, DistributedExec};

use super::days::DaysExec;
use crate::engine::rules::RULES_OF;

/// Rows in memory that a plan may contain. They are sent with it, and a worker waits at most ten seconds for a plan.
const ROWS_BYTES_MAX: usize = 64 << 20;

/// Plans as usual. A plan that workers cannot run stays here.
#[derive(Debug)]
pub(super) struct Guard;

#[async_trait]
impl QueryPlanner for Guard {
    async fn create_physical_plan(
        &self,
        query: &LogicalPlan,
        session: &dyn Session,
    ) -> Planned<Arc<dyn ExecutionPlan>> {
        let plan = DefaultPhysicalPlanner::default().create_physical_plan(query, session).await?;
        if !loses_meaning(query)? && can_travel(&plan)? {
            return Ok(plan);
        }
        let whole = match plan.output_partitioning().partition_count() {
            1 => plan,
            _ => Arc::new(CoalescePartitionsExec::new(plan)) as Arc<dyn ExecutionPlan>,
        };
        // The distributed planner leaves this node as it is, and without stages it runs in this process.
        Ok(Arc::new(DistributedExec::new(whole)))
    }
}

/// A leaf with one partition may be below an operator that needs all rows: nothing marks that place, so with several tasks
/// each would answer for its own rows (datafusion-distributed #582).
pub(super) fn desired_tasks(event: DesiredTaskCountEvent<'_>) -> Option<Planned<DesiredTaskCountEventResponse>> {
    let is_one = event.plan.children().is_empty() && event.plan.output_partitioning().partition_count() == 1;
    is_one.then(|| Ok(DesiredTaskCountEventResponse::maximum(1)))
}

/// Whether a query has a window function of which a part is not sent: FILTER and IGNORE NULLS (DataFusion 55.2,
/// `windows/proto.rs`).
fn loses_meaning(query: &LogicalPlan) -> Planned<bool> {
    let mut loses = false;
    query.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::WindowFunction(window) = part {
                    let params = &window.params;
                    loses |= params.filter.is_some() || params.null_treatment == Some(NullTreatment::IgnoreNulls);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(if loses { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(loses)
}

/// Whether workers can run a plan and give the same rows.
fn can_travel(plan: &Arc<dyn ExecutionPlan>) -> Planned<bool> {
    let (mut can, mut rows_bytes) = (true, 0);
    plan.apply(|node| {
        let mut calls_rules = false;
        node.apply_expressions(&mut |expression: &Arc<dyn PhysicalExpr>| {
            expression.apply(|part| {
                calls_rules |= part.downcast_ref::<ScalarFunctionExpr>().is_some_and(|call| call.name() == RULES_OF);
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        can &= !calls_rules
            && is_known_leaf(node, &mut rows_bytes)
            && !has_limited_side(node)
            && !has_constant_partition(node)
            && !has_reversed_window(node)
            && !has_large_limit(node)
            // They have no form in which they could be sent.
            && !node.is::<RecursiveQueryExec>()
            && !node.is::<ScalarSubqueryExec>();
        Ok(if can { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(can && rows_bytes <= ROWS_BYTES_MAX)
}

/// A leaf that workers can read; any other node is none.
fn is_known_leaf(node: &Arc<dyn ExecutionPlan>, rows_bytes: &mut usize) -> bool {
    if !node.children().is_empty() || node.is::<EmptyExec>() || node.is::<PlaceholderRowExec>() || node.is::<DaysExec>()
    {
        return true;
    }
    let Some(scan) = node.downcast_ref::<DataSourceExec>() else { return false };
    if let Some(rows) = scan.data_source().downcast_ref::<MemorySourceConfig>() {
        *rows_bytes += rows.partitions().iter().flatten().map(RecordBatch::get_array_memory_size).sum::<usize>();
        return true;
    }
    scan.data_source().downcast_ref::<FileScanConfig>().is_some()
}

/// A join with a side of any N rows: each task would keep other rows (datafusion-distributed #708).
fn has_limited_side(node: &Arc<dyn ExecutionPlan>) -> bool {
    let is_join = node.is::<HashJoinExec>() || node.is::<NestedLoopJoinExec>() || node.is::<CrossJoinExec>();
    is_join && node.children().iter().any(|side| side.is::<CoalescePartitionsExec>() && side.fetch().is_some())
}

/// A window function whose rows are not sorted by all columns of its PARTITION BY, because one of them is constant. A worker
/// does not know that it is, and refuses the order.
fn has_constant_partition(node: &Arc<dyn ExecutionPlan>) -> bool {
    let Some((functions, input)) = windows(node) else { return false };
    let keys = functions.first().map(|function| function.partition_by()).unwrap_or_default();
    let is_sorted = |key: &Arc<dyn PhysicalExpr>| {
        input.output_ordering().is_some_and(|order| order.iter().any(|by| by.expr.eq(key)))
    };
    !keys.iter().all(is_sorted)
}

/// A window function that runs over its rows backwards, which the engine does to sort only once. It is sent as if it ran
/// forwards: `lag` would be `lead`.
fn has_reversed_window(node: &Arc<dyn ExecutionPlan>) -> bool {
    let functions = windows(node).map(|(functions, _)| functions).unwrap_or_default();
    functions.iter().any(|function| {
        let standard = function.as_any().downcast_ref::<StandardWindowExpr>();
        // Nothing else tells.
        standard.is_some_and(|of| format!("{:?}", of.get_standard_func_expr()).contains("is_reversed: true"))
    })
}

/// Limits are sent as 32 bits.
fn has_large_limit(node: &Arc<dyn ExecutionPlan>) -> bool {
    let skip = node.downcast_ref::<GlobalLimitExec>().map(GlobalLimitExec::skip);
    [node.fetch(), skip].into_iter().flatten().any(|rows| u32::try_from(rows).is_err())
}

/// The window functions of a node, and its input.
type Windows<'a> = (&'a [Arc<dyn WindowExpr>], &'a Arc<dyn ExecutionPlan>);

/// `None` for a node that has none.
fn windows(node: &Arc<dyn ExecutionPlan>) -> Option<Windows<'_>> {
    let bounded = node.downcast_ref::<BoundedWindowAggExec>().map(|of| (of.window_expr(), of.input()));
    bounded.or_else(|| node.downcast_ref::<WindowAggExec>().map(|of| (of.window_expr(), of.input())))
}
