//! Computes the rollups of days, and stores them in the lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Date32Type, SchemaRef};
use chrono::NaiveDate;
use datafusion::common::{DataFusionError, Result as Planned};
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionContext, col};
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::fault::query_error;
use super::in_memory::{in_memory, schema};
use super::rollup::{day_context, failed, files_of, frame};
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{Lake, Pack, Rollup, Snapshot, rollups_in_order};

/// Most events whose summaries are computed at once, unless a day has more.
const EVENTS_AT_ONCE: u64 = 500_000;
/// Views that several rollups read: computed once for the days that are computed together.
const SHARED: [&str; 1] = ["hourly_calls"];
/// Files that are written at once.
pub(super) const FILES_AT_ONCE: usize = 8;

/// Computes and stores the rollups of groups of days, several groups at once. The packs of each group.
pub(super) fn summarise<'a>(
    lake: &'a Lake,
    snapshot: &'a Snapshot,
    geo: &'a Arc<Geo>,
    memory_bytes: usize,
    groups: Vec<Vec<NaiveDate>>,
) -> impl Stream<Item = Result<Vec<Pack>>> + 'a {
    let cores = cores();
    let group = move |days: Vec<NaiveDate>| async move {
        let geography = &geo.sources();
        let context = day_context(files_of(snapshot, &days), snapshot, geo, memory_bytes / cores)?;
        let of_days = rows_of_days(&context, &days).await?;
        let keep = |(day, rows): (NaiveDate, Vec<(Rollup, RecordBatch)>)| async move {
            lake.keep_rollups(snapshot, geography, day, rows).await
        };
        stream::iter(days.into_iter().zip(of_days)).map(keep).buffered(FILES_AT_ONCE).try_collect().await
    };
    stream::iter(groups).map(group).buffered(cores)
}

/// Processors that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Successive days whose summaries are computed with one query per rollup, and how many events they have; in at least
/// `parts` groups, if there are so many days. Planning the queries takes a third of a second, so a day with few events is
/// not computed alone.
pub(super) fn days_together(missing: Vec<NaiveDate>, snapshot: &Snapshot, parts: usize) -> Vec<(u64, Vec<NaiveDate>)> {
    let mut events: BTreeMap<NaiveDate, u64> = BTreeMap::new();
    for file in &snapshot.files {
        *events.entry(file.day).or_default() += file.rows;
    }
    let all: u64 = missing.iter().filter_map(|day| events.get(day)).sum();
    let at_once = all.div_ceil(parts as u64).min(EVENTS_AT_ONCE);
    let mut together: Vec<(u64, Vec<NaiveDate>)> = Vec::new();
    for day in missing {
        let of_day = events.get(&day).copied().unwrap_or_default();
        match together.last_mut() {
            Some((counted, days)) if *counted + of_day <= at_once => {
                *counted += of_day;
                days.push(day);
            }
            _ => together.push((of_day, vec![day])),
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

/// Sorts by all columns, so that a day's file depends only on its events and similar rows are stored together.
pub(super) fn in_order(frame: DataFrame) -> Planned<DataFrame> {
    let order = schema(&frame).fields().iter().map(|field| col(field.name()).sort(true, true)).collect();
    frame.sort(order)
}

/// The rows as one batch.
pub(super) fn in_one(planned: SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch> {
    // Texts may have another Arrow type than planned.
    let schema = batches.first().map_or(planned, RecordBatch::schema);
    concat_batches(&schema, batches).map_err(|e| Error::Internal(e.to_string()))
}

/// The rows of each day, which may be none. Rows are sorted, and their first column is the day.
pub(super) fn by_day(rows: &RecordBatch, days: &[NaiveDate]) -> Result<Vec<RecordBatch>> {
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
