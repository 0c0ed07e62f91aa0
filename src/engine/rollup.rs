//! Rollups: made from a day's events and kept, read instead of the events, computed where there is none.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use chrono::NaiveDate;
use datafusion::common::Result as Planned;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{DataFrame, SessionContext, col};
use futures::StreamExt;
use futures::stream;

use super::context;
use super::table::{FilesTable, plain_words};
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{DataFile, Lake, Rolled, Rollup, Snapshot, rollups};

/// Makes every rollup a table of `main`: what is kept, and what the days without a file say.
pub async fn register(
    main: &SessionContext,
    store: &ObjectStoreUrl,
    snapshot: &Snapshot,
    rolled: &Rolled,
    geo: &Arc<Geo>,
) -> Result<()> {
    for rollup in rollups() {
        let missing = rolled.missing(&rollup, snapshot);
        let frame = frame(&rollup, files_of(snapshot, &missing), snapshot, geo, super::MEMORY_BYTES).await?;
        let files = rolled.files.get(rollup.name).cloned().unwrap_or_default();
        let table = union(store, files, (!missing.is_empty()).then_some(&frame), schema(&frame));
        let register = table.and_then(|table| main.register_table(rollup.name, Arc::new(table)).map(drop));
        register.map_err(|e| Error::Internal(format!("rollup {}: {e}", rollup.name)))?;
    }
    Ok(())
}

fn union(
    store: &ObjectStoreUrl,
    files: Vec<DataFile>,
    missing: Option<&DataFrame>,
    schema: SchemaRef,
) -> Planned<ViewTable> {
    let kept = FilesTable::rollup(store.clone(), schema, files);
    let kept = LogicalPlanBuilder::scan("kept", provider_as_source(Arc::new(kept)), None)?;
    let all = match missing {
        Some(frame) => kept.union(frame.logical_plan().clone())?,
        None => kept,
    };
    Ok(ViewTable::new(all.build()?, None))
}

/// Keeps every rollup of the days of `snapshot` that have none, calling `before_each` with the number of days done and
/// of days to do. What is kept in the end.
///
/// # Errors
/// When events cannot be read or a file cannot be written. What was kept until then holds.
pub async fn roll_up(
    lake: &Lake,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
    before_each: impl Fn(usize, usize),
) -> Result<Rolled> {
    let mut rolled = lake.rolled(snapshot).await?;
    let missing = |rollup: Rollup| rolled.missing(&rollup, snapshot).into_iter().map(move |day| (rollup, day));
    let mut work: Vec<(Rollup, NaiveDate)> = rollups().into_iter().flat_map(missing).collect();
    // The rollups of a day read the same file, which is still at hand.
    work.sort_by_key(|(_, day)| *day);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let total = work.len();
    let mut made = stream::iter(work)
        .map(|(rollup, day)| async move {
            let frame = frame(&rollup, files_of(snapshot, &[day]), snapshot, geo, memory_bytes / cores).await?;
            let schema = schema(&frame);
            let failed = |e| Error::query(format!("rollup {}", rollup.name), plain_words(&e));
            // In one order whoever makes it, and like rows together: the file is a function of the day's events.
            let order = schema.fields().iter().map(|field| col(field.name()).sort(true, true)).collect();
            let run = async move { frame.sort(order)?.collect().await };
            let mut batches = tokio::spawn(run).await.map_err(|e| Error::Internal(e.to_string()))?.map_err(failed)?;
            if batches.is_empty() {
                batches.push(arrow::array::RecordBatch::new_empty(schema));
            }
            Ok::<_, Error>((rollup.name, lake.keep_rollup(&rollup, snapshot, day, &batches).await?))
        })
        .buffered(cores);
    let mut done = 0;
    while let Some(file) = made.next().await {
        let (name, file) = file?;
        rolled.files.entry(name).or_default().push(file);
        done += 1;
        before_each(done, total);
    }
    Ok(rolled)
}

fn files_of(snapshot: &Snapshot, days: &[NaiveDate]) -> Vec<DataFile> {
    snapshot.files.iter().filter(|file| days.binary_search(&file.day).is_ok()).cloned().collect()
}

/// A rollup of these files' events and of no others.
async fn frame(
    rollup: &Rollup,
    files: Vec<DataFile>,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
) -> Result<DataFrame> {
    let (context, store) = context(snapshot, geo, memory_bytes)?;
    let failed = |e| Error::query(format!("rollup {}", rollup.name), plain_words(&e));
    context.register_table("events", Arc::new(FilesTable::events(store, files))).map_err(failed)?;
    super::register_views(&context, &["calls", "categorised_calls", "targeted_calls"]).await?;
    context.sql(rollup.sql).await.map_err(failed)
}

fn schema(frame: &DataFrame) -> SchemaRef {
    Arc::new(Schema::clone(frame.schema().as_arrow()))
}
