//! Rollups: made from a day's events and kept, read instead of the events, computed where there is none.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::common::{DataFusionError, Result as Planned};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{DataFrame, SessionContext, col};
use futures::StreamExt;
use futures::stream;

use super::table::{FilesTable, plain_words};
use super::{context, schema};
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
    let mut contexts: HashMap<Vec<NaiveDate>, SessionContext> = HashMap::new();
    for rollup in rollups() {
        let missing = rolled.missing(&rollup, snapshot);
        if !contexts.contains_key(&missing) {
            let files = files_of(snapshot, &missing);
            contexts.insert(missing.clone(), day_context(files, snapshot, geo, super::MEMORY_BYTES).await?);
        }
        let frame = frame(&contexts[&missing], &rollup).await?;
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

/// Keeps every rollup of the days of `snapshot` that have none, calling `after_each` with the number of days done and
/// of days to do. What is kept in the end.
///
/// # Errors
/// When events cannot be read or a file cannot be written. What was kept until then holds.
pub async fn roll_up(
    lake: &Lake,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
    after_each: impl Fn(usize, usize),
) -> Result<Rolled> {
    let mut rolled = lake.rolled(snapshot).await?;
    let mut days: BTreeMap<NaiveDate, Vec<Rollup>> = BTreeMap::new();
    for rollup in rollups() {
        for day in rolled.missing(&rollup, snapshot) {
            days.entry(day).or_default().push(rollup);
        }
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let (mut done, total) = (0, days.len());
    let mut made = stream::iter(days)
        .map(|(day, missing)| async move {
            let context = day_context(files_of(snapshot, &[day]), snapshot, geo, memory_bytes / cores).await?;
            let mut kept = Vec::new();
            for rollup in missing {
                let batches = one_day(&context, &rollup).await?;
                kept.push((rollup.name, lake.keep_rollup(&rollup, snapshot, day, &batches).await?));
            }
            Ok::<_, Error>(kept)
        })
        .buffered(cores);
    while let Some(kept) = made.next().await {
        for (name, file) in kept? {
            rolled.files.entry(name).or_default().push(file);
        }
        done += 1;
        after_each(done, total);
    }
    Ok(rolled)
}

/// What a rollup says of a context's events; never nothing, so that a day without rows has a file too.
async fn one_day(context: &SessionContext, rollup: &Rollup) -> Result<Vec<RecordBatch>> {
    let frame = frame(context, rollup).await?;
    let schema = schema(&frame);
    // In one order whoever makes it, and like rows together: the file is a function of the day's events.
    let order = schema.fields().iter().map(|field| col(field.name()).sort(true, true)).collect();
    let run = tokio::spawn(async move { frame.sort(order)?.collect().await });
    let batches = run.await.map_err(|e| Error::Internal(e.to_string()))?;
    let mut batches = batches.map_err(|e| failed(rollup, &e))?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

fn files_of(snapshot: &Snapshot, days: &[NaiveDate]) -> Vec<DataFile> {
    snapshot.files.iter().filter(|file| days.binary_search(&file.day).is_ok()).cloned().collect()
}

/// A context with the events of these files and no others, and what rollups may stand on.
async fn day_context(
    files: Vec<DataFile>,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
) -> Result<SessionContext> {
    let (context, store) = context(snapshot, geo, memory_bytes)?;
    let registered = context.register_table("events", Arc::new(FilesTable::events(store, files)));
    registered.map_err(|e| Error::Internal(e.to_string()))?;
    super::register_views(&context, &["calls", "targeted_calls"]).await?;
    Ok(context)
}

async fn frame(context: &SessionContext, rollup: &Rollup) -> Result<DataFrame> {
    context.sql(rollup.sql).await.map_err(|e| failed(rollup, &e))
}

fn failed(rollup: &Rollup, error: &DataFusionError) -> Error {
    Error::query(format!("rollup {}", rollup.name), plain_words(error))
}
