//! Computes the rollups and histories that a snapshot lacks, and stores them in the lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Date32Type, SchemaRef};
use chrono::NaiveDate;
use datafusion::common::{DataFusionError, Result as Planned};
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionContext, col};
use futures::{StreamExt, TryStreamExt, stream};

use super::fault::query_error;
use super::query::{in_memory, schema};
use super::rollup::{day_context, failed, files_of, frame};
use super::session::{Session, session};
use super::value::Parameters;
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{DataFile, Lake, Pack, Rolled, Rollup, Snapshot, histories, rollups_in_order};
use crate::source::Shard;

/// Most events whose summaries are computed at once, unless a day has more.
const EVENTS_AT_ONCE: u64 = 500_000;
/// Views that several rollups read: computed once for the days that are computed together.
const SHARED: [&str; 1] = ["hourly_calls"];
/// Days of a history that are sorted and written at once.
const HISTORY_DAYS_AT_ONCE: usize = 7;
/// Files that are written at once.
const FILES_AT_ONCE: usize = 8;

/// Stores every missing rollup of the days of `snapshot` and returns all that exist then. With a `shard`, only the rollups
/// of its days: histories depend on all days, and other shards may compute what would be joined. Calls `progress` with the number of
/// steps done, their total, and the day that was summarised or the history that is computed next.
///
/// # Errors
/// When events cannot be read or a file cannot be written. Files that were already stored stay valid.
pub async fn roll_up(
    lake: &Lake,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
    shard: Option<Shard>,
    progress: impl Fn(usize, usize, &str),
) -> Result<Rolled> {
    let geography = &geo.sources();
    let mut rolled = lake.rolled(snapshot, geography).await?;
    let mut missing = rolled.missing(snapshot);
    missing.retain(|day| shard.is_none_or(|shard| shard.has_day(*day)));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let unfinished = histories().into_iter().map(|history| (rolled.missing_of(&history, snapshot), history));
    let unfinished: Vec<_> = unfinished.filter(|(missing, _)| shard.is_none() && !missing.is_empty()).collect();
    let (mut done, total) = (0, missing.len() + unfinished.len());
    let mut computed = stream::iter(together(missing, snapshot, cores))
        .map(|days| async move {
            let context = day_context(files_of(snapshot, &days), snapshot, geo, memory_bytes / cores)?;
            let of_days = rows_of_days(&context, &days).await?;
            let keep = |(day, rows): (NaiveDate, Vec<(Rollup, RecordBatch)>)| async move {
                lake.keep_rollups(snapshot, geography, day, rows).await
            };
            stream::iter(days.into_iter().zip(of_days))
                .map(keep)
                .buffered(FILES_AT_ONCE)
                .try_collect::<Vec<Pack>>()
                .await
        })
        .buffered(cores);
    while let Some(packs) = computed.next().await {
        let packs = packs?;
        done += packs.len();
        progress(done, total, &packs.last().map(|pack| pack.file.day.to_string()).unwrap_or_default());
        rolled.packs.extend(packs);
    }
    drop(computed);
    if !unfinished.is_empty() {
        let session = session(snapshot, &rolled, geo, memory_bytes).await?;
        for (missing, history) in unfinished {
            progress(done, total, history.name);
            for days in missing.chunks(HISTORY_DAYS_AT_ONCE) {
                let rows = by_day(&history_rows(&session, &history, days).await?, days)?;
                let history = &history;
                let keep = |(day, rows): (NaiveDate, RecordBatch)| async move {
                    lake.keep_history(history, snapshot, geography, day, rows).await
                };
                let kept = stream::iter(days.iter().copied().zip(rows)).map(keep).buffered(FILES_AT_ONCE);
                rolled.histories.entry(history.name).or_default().extend(kept.try_collect::<Vec<DataFile>>().await?);
            }
            done += 1;
        }
    }
    if shard.is_none() {
        lake.join_rolled(&mut rolled, snapshot, geography).await?;
    }
    Ok(rolled)
}

/// A history's rows of successive days, in one batch.
async fn history_rows(session: &Session, history: &Rollup, days: &[NaiveDate]) -> Result<RecordBatch> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Err(Error::Internal(format!("no day of {}", history.name)));
    };
    let sql = format!("SELECT * FROM {} WHERE event_date BETWEEN DATE '{first}' AND DATE '{last}'", history.name);
    let mut query = session.query(history.name, &sql, &Parameters::new()).await?;
    query.frame = in_order(query.frame).map_err(|e| failed(history, &e))?;
    let planned = query.schema();
    in_one(planned, &query.collect().await?)
}

/// Sorts by all columns, so that a day's file depends only on its events and similar rows are stored together.
fn in_order(frame: DataFrame) -> Planned<DataFrame> {
    let order = schema(&frame).fields().iter().map(|field| col(field.name()).sort(true, true)).collect();
    frame.sort(order)
}

/// Successive days whose summaries are computed with one query per rollup. Planning the queries takes a third of a second,
/// so a day with few events is not computed alone.
fn together(missing: Vec<NaiveDate>, snapshot: &Snapshot, cores: usize) -> Vec<Vec<NaiveDate>> {
    let mut events: BTreeMap<NaiveDate, u64> = BTreeMap::new();
    for file in &snapshot.files {
        *events.entry(file.day).or_default() += file.rows;
    }
    let all: u64 = missing.iter().filter_map(|day| events.get(day)).sum();
    let at_once = all.div_ceil(cores as u64).min(EVENTS_AT_ONCE);
    let (mut together, mut counted): (Vec<Vec<NaiveDate>>, u64) = (Vec::new(), 0);
    for day in missing {
        let of_day = events.get(&day).copied().unwrap_or_default();
        counted += of_day;
        match together.last_mut() {
            Some(last) if counted <= at_once => last.push(day),
            _ => {
                together.push(vec![day]);
                counted = of_day;
            }
        }
    }
    together
}

/// The rows of all rollups over a context's events, for each day.
async fn rows_of_days(context: &SessionContext, days: &[NaiveDate]) -> Result<Vec<Vec<(Rollup, RecordBatch)>>> {
    for view in SHARED {
        let failed = |e: DataFusionError| query_error(&format!("view {view}"), &e);
        let frame = context.table(view).await.map_err(failed)?;
        let rows = tokio::spawn(in_memory(frame)).await.map_err(|e| Error::Internal(e.to_string()))?;
        hold(context, view, rows.map_err(failed)?.0).map_err(failed)?;
    }
    let mut of_days = vec![Vec::new(); days.len()];
    for rollup in rollups_in_order()? {
        let rows = rows_of(context, &rollup).await?;
        let of_each = by_day(&rows, days)?;
        of_days.iter_mut().zip(of_each).for_each(|(of_day, rows)| of_day.push((rollup, rows)));
        // Another rollup may read it.
        let held = MemTable::try_new(rows.schema(), vec![vec![rows]]);
        held.and_then(|rows| hold(context, rollup.name, rows)).map_err(|e| failed(&rollup, &e))?;
    }
    Ok(of_days)
}

/// Replaces a view by its rows.
fn hold(context: &SessionContext, view: &str, rows: MemTable) -> Planned<()> {
    context.deregister_table(view)?;
    context.register_table(view, Arc::new(rows)).map(drop)
}

/// A rollup's rows over a context's events, in one batch.
async fn rows_of(context: &SessionContext, rollup: &Rollup) -> Result<RecordBatch> {
    let frame = frame(context, rollup).await?;
    let schema = schema(&frame);
    let run = tokio::spawn(async move { in_order(frame)?.collect().await });
    let batches = run.await.map_err(|e| Error::Internal(e.to_string()))?;
    in_one(schema, &batches.map_err(|e| failed(rollup, &e))?)
}

fn in_one(planned: SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch> {
    // Texts may have another Arrow type than planned.
    let schema = batches.first().map_or(planned, RecordBatch::schema);
    concat_batches(&schema, batches).map_err(|e| Error::Internal(e.to_string()))
}

/// The rows of each day, which may be none. Rows are sorted, and their first column is the day.
fn by_day(rows: &RecordBatch, days: &[NaiveDate]) -> Result<Vec<RecordBatch>> {
    let of_rows = rows.column(0).as_primitive_opt::<Date32Type>();
    let of_rows = of_rows.ok_or_else(|| Error::Internal(format!("no day in {}", rows.schema())))?;
    let mut at = 0;
    let split = days.iter().map(|day| {
        let count = of_rows.values()[at..].partition_point(|of_row| *of_row <= Date32Type::from_naive_date(*day));
        let of_day = rows.slice(at, count);
        at += count;
        of_day
    });
    Ok(split.collect())
}

#[cfg(test)]
mod tests {
    use arrow::array::Date32Array;

    use super::*;

    #[test]
    fn every_day_has_its_rows_also_when_there_are_none() {
        let day = |day| NaiveDate::from_ymd_opt(2024, 3, day).unwrap();
        let of_rows = [2, 2, 4].map(|of_row| Date32Type::from_naive_date(day(of_row)));
        let rows = RecordBatch::try_from_iter([("event_date", Arc::new(Date32Array::from(of_rows.to_vec())) as _)]);
        let split = by_day(&rows.unwrap(), &[1, 2, 3, 4, 5].map(day)).unwrap();
        let counts: Vec<_> = split.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(counts, [0, 2, 0, 1, 0]);
    }
}
