//! Computes the rollups and histories that a snapshot lacks, and stores them in the lake.

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt, stream};

use super::cluster::Cluster;
use super::context::context;
use super::rollup::failed;
use super::session::{Session, session};
use super::summarise::{FILES_AT_ONCE, by_day, cores, days_together, in_one, in_order, summarise};
use super::value::Parameters;
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{DataFile, Lake, Rolled, Rollup, Snapshot, histories};
use crate::source::Shard;

/// Days of a history that are sorted and written at once.
const HISTORY_DAYS_AT_ONCE: usize = 7;

/// Stores every missing rollup of the days of `snapshot` and returns all that exist then. With a `shard`, only the rollups
/// of its days: histories depend on all days, and other shards may compute what would be joined. Workers of a `cluster`
/// compute rollups, if there is one. Calls `progress` with the number of steps done, their total, and the day that was
/// summarised or the history that is computed next.
///
/// # Errors
/// When events cannot be read or a file cannot be written. Files that were already stored stay valid.
pub async fn roll_up(
    lake: &Lake,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
    shard: Option<Shard>,
    cluster: Option<&Cluster>,
    progress: impl Fn(usize, usize, &str),
) -> Result<Rolled> {
    let geography = &geo.sources();
    let mut rolled = lake.rolled(snapshot, geography).await?;
    let mut missing = rolled.missing(snapshot);
    missing.retain(|day| shard.is_none_or(|shard| shard.has_day(*day)));
    let unfinished = histories().into_iter().map(|history| (rolled.missing_of(&history, snapshot), history));
    let unfinished: Vec<_> = unfinished.filter(|(missing, _)| shard.is_none() && !missing.is_empty()).collect();
    let (mut done, total) = (0, missing.len() + unfinished.len());
    if let Some(cluster) = cluster {
        missing = on_workers(cluster, lake, snapshot, (geo, memory_bytes), missing, |day| {
            done += 1;
            progress(done, total, &day.to_string());
        })
        .await?;
        rolled = lake.rolled(snapshot, geography).await?;
    }
    let groups = days_together(missing, snapshot, cores()).into_iter().map(|(_, days)| days).collect();
    let mut computed = std::pin::pin!(summarise(lake, snapshot, geo, memory_bytes, groups));
    while let Some(packs) = computed.try_next().await? {
        done += packs.len();
        progress(done, total, &packs.last().map(|pack| pack.file.day.to_string()).unwrap_or_default());
        rolled.packs.extend(packs);
    }
    if !unfinished.is_empty() {
        let session = session(snapshot, &rolled, geo, memory_bytes).await?.on(cluster.cloned());
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

/// Summarises days on workers, again on the others when one is lost. Returns the days that are left when workers cannot do it.
async fn on_workers(
    cluster: &Cluster,
    lake: &Lake,
    snapshot: &Snapshot,
    (geo, memory_bytes): (&Arc<Geo>, usize),
    mut missing: Vec<NaiveDate>,
    mut done: impl FnMut(NaiveDate),
) -> Result<Vec<NaiveDate>> {
    let state = context(snapshot, geo, memory_bytes)?.0.state();
    while !missing.is_empty() && cluster.has_workers() {
        let ran = cluster.summarise(&state, (lake.location(), snapshot), missing.clone(), &mut done).await;
        let still = lake.rolled(snapshot, &geo.sources()).await?.missing(snapshot);
        missing.retain(|day| still.contains(day));
        match ran {
            Err(_) if cluster.forget_lost().await => {}
            // This process will see the error, or do it.
            Err(e) => {
                cluster.gave_up(&e);
                break;
            }
            Ok(()) if missing.is_empty() => {}
            Ok(()) => {
                cluster.gave_up(&"the summaries that workers stored are not in the lake here");
                break;
            }
        }
    }
    Ok(missing)
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
