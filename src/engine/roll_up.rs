//! Computes the rollups and histories that a snapshot lacks, and stores them in the lake.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Date32Type, SchemaRef};
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
use crate::lake::{DataFile, Lake, Rolled, Rollup, Snapshot, histories, rollups, rollups_and_histories};

/// Most events whose summaries are computed at once, unless a day has more.
const EVENTS_AT_ONCE: u64 = 500_000;
/// Days of a history that are sorted and written at once.
const HISTORY_DAYS_AT_ONCE: usize = 7;
/// Files of a rollup that are written at once.
const FILES_AT_ONCE: usize = 8;

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
    let mut missing: BTreeMap<NaiveDate, Vec<Rollup>> = BTreeMap::new();
    for rollup in rollups() {
        for day in rolled.missing(&rollup, snapshot) {
            missing.entry(day).or_default().push(rollup);
        }
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let unfinished = histories().into_iter().map(|history| (rolled.missing(&history, snapshot), history));
    let unfinished: Vec<_> = unfinished.filter(|(missing, _)| !missing.is_empty()).collect();
    let (mut done, total) = (0, missing.len() + unfinished.len());
    let keep = async |rollup: &Rollup, rows: &RecordBatch, days: &[NaiveDate]| {
        let keep = |(day, rows): (NaiveDate, RecordBatch)| async move {
            lake.keep_rollup(rollup, snapshot, geography, day, &[rows]).await
        };
        stream::iter(by_day(rows, days)?).map(keep).buffered(FILES_AT_ONCE).try_collect::<Vec<DataFile>>().await
    };
    let keep = &keep;
    let mut computed = stream::iter(together(missing, snapshot, cores))
        .map(|Together { days, rollups }| async move {
            let context = day_context(files_of(snapshot, &days), snapshot, geo, memory_bytes / cores).await?;
            let mut kept = Vec::new();
            for rollup in rollups {
                let rows = rows_of(&context, &rollup).await?;
                kept.push((rollup.name, keep(&rollup, &rows, &days).await?));
            }
            Ok::<_, Error>((days, kept))
        })
        .buffered(cores);
    while let Some(kept) = computed.next().await {
        let (days, kept) = kept?;
        for (name, files) in kept {
            rolled.files.entry(name).or_default().extend(files);
        }
        done += days.len();
        progress(done, total, &days.last().map(NaiveDate::to_string).unwrap_or_default());
    }
    drop(computed);
    if !unfinished.is_empty() {
        let session = session(snapshot, &rolled, geo, memory_bytes).await?;
        for (missing, history) in unfinished {
            progress(done, total, history.name);
            for days in missing.chunks(HISTORY_DAYS_AT_ONCE) {
                let rows = history_rows(&session, &history, days).await?;
                let kept = keep(&history, &rows, days).await?;
                rolled.files.entry(history.name).or_default().extend(kept);
            }
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

/// Successive days, and the rollups that all of them lack.
struct Together {
    days: Vec<NaiveDate>,
    rollups: Vec<Rollup>,
}

/// Days whose summaries are computed with one query per rollup. Planning the queries takes a third of a second, so a day
/// with few events is not computed alone.
fn together(missing: BTreeMap<NaiveDate, Vec<Rollup>>, snapshot: &Snapshot, cores: usize) -> Vec<Together> {
    let mut events: BTreeMap<NaiveDate, u64> = BTreeMap::new();
    for file in &snapshot.files {
        *events.entry(file.day).or_default() += file.rows;
    }
    let all: u64 = missing.keys().filter_map(|day| events.get(day)).sum();
    let at_once = all.div_ceil(cores as u64).min(EVENTS_AT_ONCE);
    let (mut together, mut counted): (Vec<Together>, u64) = (Vec::new(), 0);
    for (day, rollups) in missing {
        let of_day = events.get(&day).copied().unwrap_or_default();
        counted += of_day;
        match together.last_mut() {
            Some(last) if last.rollups == rollups && counted <= at_once => last.days.push(day),
            _ => {
                together.push(Together { days: vec![day], rollups });
                counted = of_day;
            }
        }
    }
    together
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
fn by_day(rows: &RecordBatch, days: &[NaiveDate]) -> Result<Vec<(NaiveDate, RecordBatch)>> {
    let of_rows = rows.column(0).as_primitive_opt::<Date32Type>();
    let of_rows = of_rows.ok_or_else(|| Error::Internal(format!("no day in {}", rows.schema())))?;
    let mut at = 0;
    let split = days.iter().map(|day| {
        let count = of_rows.values()[at..].partition_point(|of_row| *of_row <= Date32Type::from_naive_date(*day));
        let of_day = rows.slice(at, count);
        at += count;
        (*day, of_day)
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
        let counts: Vec<_> = split.iter().map(|(_, rows)| rows.num_rows()).collect();
        assert_eq!(counts, [0, 2, 0, 1, 0]);
    }
}
