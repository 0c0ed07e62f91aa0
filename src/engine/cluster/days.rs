//! Daily summaries on workers: each gets whole days and runs what a single process runs for them.
//!
//! Dividing the queries of a day would gain little: the summaries of a day read each other's rows in memory.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, Date32Array, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};
use async_trait::async_trait;
use chrono::NaiveDate;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result as Planned, internal_err};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion::prelude::SessionContext;
use datafusion_distributed::{
    DesiredTaskCountEvent, DesiredTaskCountEventResponse, DistributedLeafExec, ScaleUpLeafNodeEvent,
    ScaleUpLeafNodeEventResponse,
};
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use futures::{TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::Cluster;
use super::resources::Resources;
use crate::engine::summarise::{days_together, summarise};
use crate::error::{Error, Result};
use crate::lake::{Lake, Snapshot};
use crate::source::Location;

/// Groups of days per worker: a worker that is done early has at most this part of its work less than the others.
const GROUPS_PER_WORKER: usize = 6;

/// Days of a lake that one worker summarises.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Share {
    lake: String,
    /// The version of the lake that has the days' events.
    version: u64,
    /// Days that are computed together, after the number of their events.
    groups: Vec<(u64, Vec<NaiveDate>)>,
}

/// A leaf of a plan: summarises days and stores the summaries in the lake. One row per day that is done.
#[derive(Debug)]
pub(super) struct DaysExec {
    share: Share,
    properties: Arc<PlanProperties>,
}

impl DaysExec {
    fn new(share: Share) -> DaysExec {
        // Two partitions, of which one is empty: a merge above it marks where the worker's part ends.
        let partitioning = Partitioning::UnknownPartitioning(2);
        let equivalences = EquivalenceProperties::new(Arc::clone(&DONE));
        let properties =
            PlanProperties::new(equivalences, partitioning, EmissionType::Incremental, Boundedness::Bounded);
        DaysExec { share, properties: Arc::new(properties) }
    }
}

/// A lake's location as text that [`Location::parse`] reads.
fn to_send(lake: &Location) -> String {
    if lake.is_local() { lake.url().to_string() } else { lake.to_string() }
}

/// Days as a table, so that the planner of the cluster plans them.
#[derive(Debug)]
struct DaysTable(Share);

#[async_trait]
impl TableProvider for DaysTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&DONE)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Planned<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(DaysExec::new(self.0.clone())))
    }
}

impl DisplayAs for DaysExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.share.groups.iter().map(|(_, days)| days.len()).sum::<usize>();
        write!(f, "DaysExec: {days} days of {}", self.share.lake)
    }
}

impl ExecutionPlan for DaysExec {
    fn name(&self) -> &'static str {
        "DaysExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Planned<TreeNodeRecursion>,
    ) -> Planned<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Planned<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Planned<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Planned<SendableRecordBatchStream> {
        let schema = Arc::clone(&DONE);
        if partition > 0 {
            return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::empty())));
        }
        let resources = context.session_config().get_extension::<Resources>();
        let resources = resources.ok_or_else(|| DataFusionError::Internal("days outside a worker".into()))?;
        let share = self.share.clone();
        let done = async move {
            let location = Location::parse(&share.lake, &resources.s3)?;
            let lake = Lake::open(&location).await?;
            let snapshot = lake.snapshot_at(share.version).await?;
            let groups: Vec<_> = share.groups.into_iter().map(|(_, days)| days).collect();
            let mut stored = Vec::new();
            let mut packs = std::pin::pin!(summarise(&lake, &snapshot, &resources.geo, resources.memory_bytes, groups));
            while let Some(packs) = packs.try_next().await? {
                stored.extend(packs.into_iter().map(|pack| Date32Type::from_naive_date(pack.file.day)));
            }
            Ok::<_, Error>(stored)
        };
        let rows = async move {
            let stored = done.await.map_err(|e| DataFusionError::External(Box::new(e)))?;
            Ok(RecordBatch::try_new(Arc::clone(&DONE), vec![Arc::new(Date32Array::from(stored))])?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::once(rows))))
    }
}

/// As many tasks as there are workers.
pub(super) fn desired_tasks(event: DesiredTaskCountEvent<'_>) -> Option<Planned<DesiredTaskCountEventResponse>> {
    event.plan.is::<DaysExec>().then(|| Ok(DesiredTaskCountEventResponse::desired(usize::MAX)))
}

/// Divides the days so that each task has about as many events.
pub(super) fn divided(event: ScaleUpLeafNodeEvent<'_>) -> Option<Planned<ScaleUpLeafNodeEventResponse>> {
    let days = event.plan.downcast_ref::<DaysExec>()?;
    let parts = divide(days.share.groups.clone(), event.task_count).into_iter().map(|groups| {
        let share = Share { groups, ..days.share.clone() };
        Arc::new(DaysExec::new(share)) as Arc<dyn ExecutionPlan>
    });
    let leaf = DistributedLeafExec::try_new(Arc::clone(event.plan), parts);
    Some(leaf.map(|leaf| ScaleUpLeafNodeEventResponse::new(Arc::new(leaf))))
}

/// Gives each group of days, the one with most events first, to the part that has the fewest.
fn divide(mut groups: Vec<(u64, Vec<NaiveDate>)>, parts: usize) -> Vec<Vec<(u64, Vec<NaiveDate>)>> {
    groups.sort_by_key(|(events, days)| (std::cmp::Reverse(*events), days.first().copied()));
    let mut divided = vec![(0, Vec::new()); parts.max(1)];
    for group in groups {
        if let Some((events, least)) = divided.iter_mut().min_by_key(|(events, _)| *events) {
            *events += group.0;
            least.push(group);
        }
    }
    divided.into_iter().map(|(_, groups)| groups).collect()
}

/// Sends [`DaysExec`] as JSON. All other nodes have a form of their own.
#[derive(Debug)]
pub(super) struct Codec;

impl PhysicalExtensionCodec for Codec {
    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Planned<()> {
        match node.downcast_ref::<DaysExec>() {
            Some(days) => {
                serde_json::to_writer(buffer, &days.share).map_err(|e| DataFusionError::External(Box::new(e)))
            }
            None => internal_err!("{} cannot be sent to a worker", node.name()),
        }
    }

    fn try_decode(
        &self,
        buffer: &[u8],
        _: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Planned<Arc<dyn ExecutionPlan>> {
        let share = serde_json::from_slice(buffer).map_err(|e| DataFusionError::External(Box::new(e)))?;
        Ok(Arc::new(DaysExec::new(share)))
    }
}

/// The day that was summarised.
static DONE: LazyLock<SchemaRef> =
    LazyLock::new(|| Arc::new(Schema::new(vec![Field::new("day", DataType::Date32, false)])));

impl Cluster {
    /// Summarises `days`, which are missing in the lake, on the workers. Calls `done` with each day.
    ///
    /// # Errors
    /// When a worker fails or is lost. What was stored stays.
    pub(in crate::engine) async fn summarise(
        &self,
        state: &SessionState,
        (lake, snapshot): (&Location, &Snapshot),
        days: Vec<NaiveDate>,
        mut done: impl FnMut(NaiveDate),
    ) -> Result<()> {
        let failed = |e: DataFusionError| Error::Worker(e.strip_backtrace());
        let parts = GROUPS_PER_WORKER * self.alive().len();
        let groups = days_together(days, snapshot, parts);
        let share = Share { lake: to_send(lake), version: snapshot.version, groups };
        let context = SessionContext::new_with_state(self.state(state.clone()).map_err(failed)?);
        let frame = context.read_table(Arc::new(DaysTable(share))).map_err(failed)?;
        let mut rows = frame.execute_stream().await.map_err(failed)?;
        while let Some(batch) = rows.try_next().await.map_err(failed)? {
            let days = batch.column(0).as_primitive::<Date32Type>().values();
            days.iter().for_each(|day| done(Date32Type::to_naive_date_opt(*day).unwrap_or_default()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_divided_by_their_events() {
        let day = |n| NaiveDate::from_ymd_opt(2024, 3, n).unwrap();
        let groups = vec![(10, vec![day(1), day(2)]), (70, vec![day(3)]), (40, vec![day(4)]), (30, vec![day(5)])];
        let divided = divide(groups.clone(), 2);
        let events: Vec<u64> = divided.iter().map(|part| part.iter().map(|(events, _)| events).sum()).collect();
        assert_eq!(events, [80, 70]);
        let mut all: Vec<_> = divided.into_iter().flatten().flat_map(|(_, days)| days).collect();
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3, 4, 5].map(day));
        assert_eq!(divide(groups, 6).len(), 6, "some parts may be empty");
    }
}
