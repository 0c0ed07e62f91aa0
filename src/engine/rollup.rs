//! Rollups: made from a day's events and kept, read instead of the events, computed where there is none.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result as Planned};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{DataFrame, SessionContext, col};
use futures::stream;
use futures::{StreamExt, TryStreamExt};

use super::table::{FilesTable, plain_words};
use super::{Parameters, Session, context, schema, sql};
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{DataFile, Lake, Rolled, Rollup, Snapshot, dependencies, histories, rollups, rollups_and_histories};

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
        let kept = kept(store, rolled, &rollup, schema(&frame));
        let table: Planned<Arc<dyn TableProvider>> = match missing.is_empty() {
            true => Ok(kept),
            false => union(kept, frame.into_view()).map(|all| Arc::new(all) as Arc<dyn TableProvider>),
        };
        let register = table.and_then(|table| main.register_table(rollup.name, table).map(drop));
        register.map_err(|e| Error::Internal(format!("rollup {}: {e}", rollup.name)))?;
    }
    Ok(())
}

/// A history of which days are missing.
pub struct Unfinished {
    /// Its table.
    pub name: &'static str,
    /// How it goes on.
    pub sql: &'static str,
    /// What is kept, of the days before.
    pub known: Arc<dyn TableProvider>,
    /// The days that are missing, in pieces to compute one after the other: first day, day after the last.
    pub pieces: Vec<(NaiveDate, NaiveDate)>,
}

/// Days from the `known`th on in pieces, each as long as all before it: what is new becomes less from day to day, so each
/// takes about the same memory, and a night is one piece.
fn pieces(days: &[NaiveDate], known: usize) -> Vec<(NaiveDate, NaiveDate)> {
    let (mut pieces, mut at) = (Vec::new(), known);
    while at < days.len() {
        let next = (2 * at).clamp(at + 1, days.len());
        let end = days.get(next).copied().or_else(|| days[next - 1].succ_opt()).unwrap_or(NaiveDate::MAX);
        pieces.push((days[at], end));
        at = next;
    }
    pieces
}

/// Makes every history a table of `main`, which has rollups and views already: what is kept of it. Those with days
/// missing.
pub async fn register_histories(
    main: &SessionContext,
    store: &ObjectStoreUrl,
    snapshot: &Snapshot,
    rolled: &Rolled,
) -> Result<Vec<Unfinished>> {
    let mut unfinished = Vec::new();
    for history in histories() {
        let frame = main.sql(&sql::inline(history.sql)).await.map_err(|e| failed(&history, &e))?;
        let known = kept(store, rolled, &history, schema(&frame));
        main.register_table(history.name, Arc::clone(&known)).map_err(|e| failed(&history, &e))?;
        let missing = rolled.missing(&history, snapshot).len();
        if missing > 0 {
            let days = snapshot.each_day();
            let pieces = pieces(&days, days.len() - missing);
            unfinished.push(Unfinished { name: history.name, sql: history.sql, known, pieces });
        }
    }
    Ok(unfinished)
}

/// The kept files of a rollup.
fn kept(store: &ObjectStoreUrl, rolled: &Rolled, rollup: &Rollup, schema: SchemaRef) -> Arc<dyn TableProvider> {
    let files = rolled.files.get(rollup.name).cloned().unwrap_or_default();
    Arc::new(FilesTable::rollup(store.clone(), schema, files))
}

/// What is kept and the rest.
pub fn union(kept: Arc<dyn TableProvider>, rest: Arc<dyn TableProvider>) -> Planned<ViewTable> {
    let rest = LogicalPlanBuilder::scan("rest", provider_as_source(rest), None)?.build()?;
    let all = LogicalPlanBuilder::scan("kept", provider_as_source(kept), None)?.union(rest)?;
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
    let geography = &geo.sources();
    let mut rolled = lake.rolled(snapshot, geography).await?;
    let mut days: BTreeMap<NaiveDate, Vec<Rollup>> = BTreeMap::new();
    for rollup in rollups() {
        for day in rolled.missing(&rollup, snapshot) {
            days.entry(day).or_default().push(rollup);
        }
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let told: Vec<_> = histories().into_iter().map(|h| (rolled.missing(&h, snapshot), h)).collect();
    let told: Vec<_> = told.into_iter().filter(|(missing, _)| !missing.is_empty()).collect();
    let (mut done, total) = (0, days.len() + told.len());
    let mut made = stream::iter(days)
        .map(|(day, missing)| async move {
            let context = day_context(files_of(snapshot, &[day]), snapshot, geo, memory_bytes / cores).await?;
            let mut kept = Vec::new();
            for rollup in missing {
                let batches = one_day(&context, &rollup).await?;
                kept.push((rollup.name, lake.keep_rollup(&rollup, snapshot, geography, day, &batches).await?));
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
    drop(made);
    if !told.is_empty() {
        let session = super::session(snapshot, &rolled, geo, memory_bytes).await?;
        for (missing, history) in told {
            let (session, history) = (&session, &history);
            let keep = |day| async move {
                let rows = history_day(session, history, day).await?;
                lake.keep_rollup(history, snapshot, geography, day, &[rows]).await
            };
            let kept: Vec<_> = stream::iter(missing).map(keep).buffered(cores).try_collect().await?;
            rolled.files.entry(history.name).or_default().extend(kept);
            done += 1;
            after_each(done, total);
        }
    }
    for rollup in rollups_and_histories() {
        for files in rolled.apart(&rollup, snapshot) {
            let joined = lake.join_rollup(&rollup, snapshot, geography, &files).await?;
            rolled.join(&rollup, joined);
        }
    }
    Ok(rolled)
}

/// What a history says of one day, in one batch.
async fn history_day(session: &Session, history: &Rollup, day: NaiveDate) -> Result<RecordBatch> {
    let sql = format!("SELECT * FROM {} WHERE event_date = DATE '{day}'", history.name);
    let mut query = session.query(history.name, &sql, &Parameters::new()).await?;
    query.frame = in_order(query.frame).map_err(|e| failed(history, &e))?;
    let planned = query.schema();
    let batches = query.collect().await?;
    // Texts may come in another layout than planned.
    let schema = batches.first().map_or(planned, RecordBatch::schema);
    concat_batches(&schema, &batches).map_err(|e| Error::Internal(e.to_string()))
}

/// In one order whoever makes it, and like rows together: what is kept of a day is a function of its events.
fn in_order(frame: DataFrame) -> Planned<DataFrame> {
    let order = schema(&frame).fields().iter().map(|field| col(field.name()).sort(true, true)).collect();
    frame.sort(order)
}

/// What a rollup says of a context's events; never nothing, so that a day without rows has a file too.
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

fn files_of(snapshot: &Snapshot, days: &[NaiveDate]) -> Vec<DataFile> {
    snapshot.files.iter().filter(|file| days.binary_search(&file.day).is_ok()).cloned().collect()
}

/// A context with the events of these files and no others, and what rollups read.
async fn day_context(
    files: Vec<DataFile>,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
) -> Result<SessionContext> {
    let (context, store) = context(snapshot, geo, memory_bytes)?;
    let registered = context.register_table("events", Arc::new(FilesTable::events(store, files)));
    registered.map_err(|e| Error::Internal(e.to_string()))?;
    let all: Vec<_> = rollups().iter().map(|rollup| rollup.sql).collect();
    super::register_views(&context, &dependencies(&all.join("\n"))?).await?;
    Ok(context)
}

async fn frame(context: &SessionContext, rollup: &Rollup) -> Result<DataFrame> {
    context.sql(rollup.sql).await.map_err(|e| failed(rollup, &e))
}

fn failed(rollup: &Rollup, error: &DataFusionError) -> Error {
    Error::query(format!("rollup {}", rollup.name), plain_words(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::views;

    #[test]
    fn every_file_that_another_reads_is_among_its_dependencies() {
        let rollups = rollups_and_histories().into_iter().map(|rollup| (rollup.name, rollup.sql));
        let files: Vec<_> = views().into_iter().chain(rollups).collect();
        for (name, sql) in &files {
            let found = dependencies(sql).unwrap();
            let parsed = sql::Sql::parse(sql).unwrap();
            for (table, _) in parsed.tables().iter().filter(|(table, _)| files.iter().any(|(file, _)| file == table)) {
                assert!(found.iter().any(|(read, _)| read == table), "{name} reads {table}");
            }
        }
    }

    #[test]
    fn a_history_is_computed_in_pieces_as_long_as_all_before_them() {
        let day = |n| NaiveDate::from_ymd_opt(2024, 3, n).unwrap();
        let days: Vec<_> = [1, 2, 3, 4, 6, 7, 9].map(day).into();
        assert_eq!(pieces(&days, 0), [(day(1), day(2)), (day(2), day(3)), (day(3), day(6)), (day(6), day(10))]);
        assert_eq!(pieces(&days, 6), [(day(9), day(10))]);
        assert_eq!(pieces(&days, 5), [(day(7), day(10))]);
        assert_eq!(pieces(&days, 7), []);
    }
}
