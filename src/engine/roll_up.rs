//! Computes the rollups and histories that a snapshot lacks, and stores them in the lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use chrono::NaiveDate;
use datafusion::common::Result as Planned;
use datafusion::prelude::{DataFrame, SessionContext, col};
use futures::{StreamExt, TryStreamExt, stream};

use super::query::schema;
use super::rollup::{day_context, failed, files_of, frame};
use super::session::{Session, session};
use super::value::Parameters;
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{Lake, Rolled, Rollup, Snapshot, histories, rollups, rollups_and_histories};

/// Stores every missing rollup of the days of `snapshot` and returns all that exist then. Calls `progress` with the number of
/// steps done, their total, and the day that was summarised or the history that is computed next.
///
/// # Errors
/// When events cannot be read or a file cannot be written. Files that were already stored stay valid.
pub async fn roll_up(
    lake: &Lake,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
    progress: impl Fn(usize, usize, &str),
) -> Result<Rolled> {
    let geography = &geo.sources();
    let mut rolled = lake.rolled(snapshot, geography).await?;
    let mut days: BTreeMap<NaiveDate, Vec<Rollup>> = BTreeMap::new();
    for rollup in rollups() {
        for day in rolled.missing(&rollup, snapshot) {
            days.entry(day).or_default().push(rollup);
        }
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let unfinished = histories().into_iter().map(|history| (rolled.missing(&history, snapshot), history));
    let unfinished: Vec<_> = unfinished.filter(|(missing, _)| !missing.is_empty()).collect();
    let (mut done, total) = (0, days.len() + unfinished.len());
    let mut computed = stream::iter(days)
        .map(|(day, missing)| async move {
            let context = day_context(files_of(snapshot, &[day]), snapshot, geo, memory_bytes / cores).await?;
            let mut kept = Vec::new();
            for rollup in missing {
                let batches = one_day(&context, &rollup).await?;
                kept.push((rollup.name, lake.keep_rollup(&rollup, snapshot, geography, day, &batches).await?));
            }
            Ok::<_, Error>((day, kept))
        })
        .buffered(cores);
    while let Some(kept) = computed.next().await {
        let (day, kept) = kept?;
        for (name, file) in kept {
            rolled.files.entry(name).or_default().push(file);
        }
        done += 1;
        progress(done, total, &day.to_string());
    }
    drop(computed);
    if !unfinished.is_empty() {
        let session = session(snapshot, &rolled, geo, memory_bytes).await?;
        for (missing, history) in unfinished {
            progress(done, total, history.name);
            let (session, history) = (&session, &history);
            let keep = |day| async move {
                let rows = history_day(session, history, day).await?;
                lake.keep_rollup(history, snapshot, geography, day, &[rows]).await
            };
            let kept: Vec<_> = stream::iter(missing).map(keep).buffered(cores).try_collect().await?;
            rolled.files.entry(history.name).or_default().extend(kept);
            done += 1;
        }
    }
    for rollup in rollups_and_histories() {
        for files in rolled.joinable(&rollup, snapshot) {
            let joined = lake.join_rollup(&rollup, snapshot, geography, &files).await?;
            rolled.join(&rollup, joined);
        }
    }
    Ok(rolled)
}

/// A history's rows of one day, in one batch.
async fn history_day(session: &Session, history: &Rollup, day: NaiveDate) -> Result<RecordBatch> {
    let sql = format!("SELECT * FROM {} WHERE event_date = DATE '{day}'", history.name);
    let mut query = session.query(history.name, &sql, &Parameters::new()).await?;
    query.frame = in_order(query.frame).map_err(|e| failed(history, &e))?;
    let planned = query.schema();
    let batches = query.collect().await?;
    // Texts may have another Arrow type than planned.
    let schema = batches.first().map_or(planned, RecordBatch::schema);
    concat_batches(&schema, &batches).map_err(|e| Error::Internal(e.to_string()))
}

/// Sorts by all columns, so that a day's file depends only on its events and similar rows are stored together.
fn in_order(frame: DataFrame) -> Planned<DataFrame> {
    let order = schema(&frame).fields().iter().map(|field| col(field.name()).sort(true, true)).collect();
    frame.sort(order)
}

/// A rollup's rows over a context's events; at least one batch, so that a day without rows has a file too.
async fn one_day(context: &SessionContext, rollup: &Rollup) -> Result<Vec<RecordBatch>> {
    let frame = frame(context, rollup).await?;
    let schema = schema(&frame);
    let run = tokio::spawn(async move { in_order(frame)?.collect().await });
    let batches = run.await.map_err(|e| Error::Internal(e.to_string()))?;
    let mut batches = batches.map_err(|e| failed(rollup, &e))?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}
