//! Rollups and histories as tables: stored days are read from their files, missing days are computed.

use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result as Planned};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{DataFrame, SessionContext};

use super::context::{MEMORY_BYTES, context, register_views};
use super::fault::query_error;
use super::in_memory::schema;
use super::sql;
use super::table::FilesTable;
use super::tables::register_later;
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{DataFile, Rolled, Rollup, Snapshot, dependencies, histories, rollups};

/// Registers every rollup as a table of `main`: the stored days, and a view that computes the missing ones.
pub fn register(
    main: &SessionContext,
    store: &ObjectStoreUrl,
    snapshot: &Snapshot,
    rolled: &Rolled,
    geo: &Arc<Geo>,
) -> Result<()> {
    let missing = rolled.missing(snapshot);
    let of_missing = day_context(files_of(snapshot, &missing), snapshot, geo, MEMORY_BYTES)?;
    for rollup in rollups() {
        let (of_missing, store, files) = (of_missing.clone(), store.clone(), rolled.files(&rollup));
        let is_complete = missing.is_empty();
        let make = move |_| {
            let (of_missing, store, files) = (of_missing.clone(), store.clone(), files.clone());
            async move {
                let frame = of_missing.sql(rollup.sql).await?;
                let kept: Arc<dyn TableProvider> = Arc::new(FilesTable::rollup(store, schema(&frame), files));
                match is_complete {
                    true => Ok(kept),
                    false => union(kept, frame.into_view()).map(|all| Arc::new(all) as Arc<dyn TableProvider>),
                }
            }
        };
        register_later(main, rollup.name, make)?;
    }
    Ok(())
}

/// A history with missing days.
pub struct Unfinished {
    /// Its table.
    pub name: &'static str,
    /// The query that computes further days.
    pub sql: &'static str,
    /// The missing days, in pieces to compute one after the other: first day, day after the last.
    pub pieces: Vec<(NaiveDate, NaiveDate)>,
}

/// How many days of a history are computed at once, at most: its comment `-- days at once: 7`.
fn days_at_once(sql: &str) -> usize {
    let said = sql.lines().find_map(|line| line.strip_prefix("-- days at once: "));
    said.and_then(|days| days.trim().parse().ok()).unwrap_or(usize::MAX)
}

/// Splits the days after the first `known` into pieces, each as long as all days before it but not longer than `at_once`.
/// Later days bring less that is new, so all pieces take about the same memory; the one day of a nightly run is one piece.
fn pieces(days: &[NaiveDate], known: usize, at_once: usize) -> Vec<(NaiveDate, NaiveDate)> {
    let (mut pieces, mut at) = (Vec::new(), known);
    while at < days.len() {
        let next = (2 * at).clamp(at + 1, at.saturating_add(at_once)).min(days.len());
        let end = days.get(next).copied().or_else(|| days[next - 1].succ_opt()).unwrap_or(NaiveDate::MAX);
        pieces.push((days[at], end));
        at = next;
    }
    pieces
}

/// Registers the stored days of every history as a table of `main`. Returns the histories with missing days.
pub fn register_histories(
    main: &SessionContext,
    store: &ObjectStoreUrl,
    snapshot: &Snapshot,
    rolled: &Rolled,
) -> Result<Vec<Unfinished>> {
    let mut unfinished = Vec::new();
    for history in histories() {
        let (store, files) = (store.clone(), rolled.files(&history));
        let make = move |context: SessionContext| {
            let (store, files) = (store.clone(), files.clone());
            async move {
                let frame = context.sql(&sql::inline(history.sql)).await?;
                Ok(Arc::new(FilesTable::rollup(store, schema(&frame), files)) as Arc<dyn TableProvider>)
            }
        };
        register_later(main, history.name, make)?;
        let missing = rolled.missing_of(&history, snapshot).len();
        if missing > 0 {
            let days = snapshot.each_day();
            let pieces = pieces(&days, days.len() - missing, days_at_once(history.sql));
            unfinished.push(Unfinished { name: history.name, sql: history.sql, pieces });
        }
    }
    Ok(unfinished)
}

/// The rows of both tables.
pub fn union(kept: Arc<dyn TableProvider>, rest: Arc<dyn TableProvider>) -> Planned<ViewTable> {
    let rest = LogicalPlanBuilder::scan("rest", provider_as_source(rest), None)?.build()?;
    let all = LogicalPlanBuilder::scan("kept", provider_as_source(kept), None)?.union(rest)?;
    Ok(ViewTable::new(all.build()?, None))
}

/// The data files of some days.
pub(super) fn files_of(snapshot: &Snapshot, days: &[NaiveDate]) -> Vec<DataFile> {
    snapshot.files.iter().filter(|file| days.binary_search(&file.day).is_ok()).cloned().collect()
}

/// A context with the events of these files only, and what rollups read: views, and other rollups of these days.
pub(super) fn day_context(
    files: Vec<DataFile>,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
) -> Result<SessionContext> {
    let (context, store) = context(snapshot, geo, memory_bytes)?;
    let registered = context.register_table("events", Arc::new(FilesTable::events(store, files)));
    registered.map_err(|e| Error::Internal(e.to_string()))?;
    let all: Vec<_> = rollups().iter().map(|rollup| rollup.sql).collect();
    register_views(&context, &dependencies(&all.join("\n"))?)?;
    Ok(context)
}

/// A rollup's query over a context's events.
pub(super) async fn frame(context: &SessionContext, rollup: &Rollup) -> Result<DataFrame> {
    context.sql(rollup.sql).await.map_err(|e| failed(rollup, &e))
}

pub(super) fn failed(rollup: &Rollup, error: &DataFusionError) -> Error {
    query_error(&format!("rollup {}", rollup.name), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{rollups_and_histories, views};

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
        assert_eq!(
            pieces(&days, 0, usize::MAX),
            [(day(1), day(2)), (day(2), day(3)), (day(3), day(6)), (day(6), day(10))]
        );
        assert_eq!(pieces(&days, 6, usize::MAX), [(day(9), day(10))]);
        assert_eq!(pieces(&days, 5, usize::MAX), [(day(7), day(10))]);
        assert_eq!(pieces(&days, 7, usize::MAX), []);
        let every = [(day(1), day(2)), (day(2), day(3)), (day(3), day(6)), (day(6), day(9)), (day(9), day(10))];
        assert_eq!(pieces(&days, 0, 2), every);
    }
}
