//! A session: the tables, views and functions of one snapshot, and the planning of queries over them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::{DataFrame, SessionContext};

use super::cluster::Cluster;
use super::context::{View, context, register_views, views_of_histories};
use super::fault::{Fault, query_error};
use super::in_memory::schema;
use super::query::{Part, Query, in_memory_on};
use super::rollup::{self, Unfinished};
use super::rules::{Rule, RulesOf};
use super::scan_stats::SubqueryStats;
use super::size;
use super::sql::Sql;
use super::table::{FilesTable, side_file};
use super::table_function::table_functions;
use super::value::{Parameters, Value};
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{Rolled, SideFile, Snapshot, dependencies, ledger_schema, rejects_schema, views};

/// SQL over one snapshot of a lake.
pub struct Session {
    context: SessionContext,
    /// Histories with missing days; computed when the first query reads them.
    unfinished: tokio::sync::Mutex<Vec<Unfinished>>,
    /// Views that read histories.
    of_histories: Vec<View>,
    /// Where queries run; `None` for here.
    cluster: Option<Cluster>,
}

/// A table of a session that is removed when this value is dropped. Queries that are already planned keep its rows.
/// Displayed, it is its name in SQL.
pub struct TempTable<'a> {
    context: &'a SessionContext,
    name: String,
}

impl fmt::Display for TempTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Drop for TempTable<'_> {
    fn drop(&mut self) {
        // Cannot fail in a catalog in memory, and a drop could not report it.
        let _ = self.context.deregister_table(&*self.name);
    }
}

/// Opens a session over `snapshot`; `geo` places addresses. Sorting, grouping and joining spill to disk beyond
/// `memory_bytes`; window functions are not counted. Rollups that are not in `rolled` are computed when a query reads them.
///
/// # Errors
/// [`Error::Query`] when a shipped view does not plan, which tests exclude.
pub async fn session(snapshot: &Snapshot, rolled: &Rolled, geo: &Arc<Geo>, memory_bytes: usize) -> Result<Session> {
    let (context, store) = context(snapshot, geo, memory_bytes)?;
    let side = |files: &[SideFile]| {
        let file = |f: &SideFile| side_file(snapshot.location.child(&f.path), f.size_bytes, f.rows);
        files.iter().map(file).collect::<Vec<_>>()
    };
    let tables = [
        ("events", FilesTable::viewed_events(store.clone(), snapshot.files.clone())),
        ("objects", FilesTable::plain(store.clone(), ledger_schema(), side(&snapshot.state.ledger))),
        ("rejects", FilesTable::plain(store.clone(), rejects_schema(), side(&snapshot.state.rejects))),
    ];
    for (name, table) in tables {
        context.register_table(name, Arc::new(table)).map_err(|e| Error::Internal(e.to_string()))?;
    }
    rollup::register(&context, &store, snapshot, rolled, geo)?;
    let unfinished = rollup::register_histories(&context, &store, snapshot, rolled)?.into();
    register_views(&context, &views())?;
    Ok(Session { context, unfinished, of_histories: views_of_histories()?, cluster: None })
}

impl Session {
    /// Runs its queries on the workers of `cluster`, if there is one.
    pub fn on(self, cluster: Option<Cluster>) -> Session {
        Session { cluster, ..self }
    }

    /// Parses and plans one query; see [`Session::query_parsed`].
    ///
    /// # Errors
    /// As [`Session::query_parsed`], and for what [`Sql::parse`] refuses.
    pub async fn query(&self, what: &str, sql: &str, parameters: &Parameters) -> Result<Query> {
        let sql = Sql::parse(sql).map_err(|fault| fault.into_error(what))?;
        self.query_parsed(what, &sql, parameters).await
    }

    /// Plans one query, after running its `MATERIALIZED` subqueries; `what` names it in errors. Parameters that the query
    /// does not use are ignored. Queries that write, or that read anything but the lake, are refused.
    ///
    /// # Errors
    /// [`Error::Query`] with what is wrong and where; [`Error::OutOfMemory`] when a subquery runs out of memory.
    pub async fn query_parsed(&self, what: &str, sql: &Sql, parameters: &Parameters) -> Result<Query> {
        let mut sql = sql.clone();
        sql.leave_out_origin();
        self.finish_histories(&sql).await?;
        let planned = self.plan_in_parts(what, sql, parameters).await;
        let (frame, parts) = planned.map_err(|fault| fault.into_error(what))?;
        Ok(Query { what: what.to_owned(), frame, parts, cluster: self.cluster.clone() })
    }

    /// A temporary table with one column of texts, to join with.
    ///
    /// # Errors
    /// [`Error::Internal`], which is a bug.
    pub fn temp_table(&self, column: &str, texts: impl IntoIterator<Item = String>) -> Result<TempTable<'_>> {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        let rows = RecordBatch::try_from_iter([(column, texts)]).map_err(|e| Error::Internal(e.to_string()))?;
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]]);
        table.and_then(|table| self.register_temp_table(Arc::new(table))).map_err(|e| Error::Internal(e.to_string()))
    }

    fn register_temp_table(&self, table: Arc<dyn TableProvider>) -> datafusion::common::Result<TempTable<'_>> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("temp_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.context.register_table(&*name, table)?;
        Ok(TempTable { context: &self.context, name })
    }

    /// Adds rules: the view `sigma_matches` has one row per event and rule that matches it.
    ///
    /// # Errors
    /// [`Error::Query`] when a condition does not plan, which the compiler of the rules excludes.
    pub async fn add_rules(&self, rules: &[Rule]) -> Result<()> {
        let failed = |e| query_error("sigma_matches", &e);
        let events = self.columns("events").await?;
        let function = RulesOf::new(&self.context, rules, &events).map_err(failed)?;
        let columns: Vec<_> = events.fields().iter().map(|field| field.name().as_str()).collect();
        let (call, columns) = (function.call(), columns.join(", "));
        self.context.register_udf(ScalarUDF::new_from_impl(function));
        let view =
            format!("CREATE OR REPLACE VIEW sigma_matches AS SELECT unnest({call}) AS rule, {columns} FROM events");
        self.context.sql(&view).await.map(drop).map_err(failed)
    }

    /// Adds a table with these rows, or replaces it.
    ///
    /// # Errors
    /// [`Error::Internal`], which is a bug.
    pub fn set_table(&self, name: &str, columns: SchemaRef, rows: Vec<RecordBatch>) -> Result<()> {
        let failed = |e: datafusion::error::DataFusionError| Error::Internal(format!("table {name}: {e}"));
        let table = MemTable::try_new(columns, vec![rows]).map_err(failed)?;
        self.context.deregister_table(name).map_err(failed)?;
        self.context.register_table(name, Arc::new(table)).map(drop).map_err(failed)
    }

    /// Plans one query without running anything, and returns its columns.
    ///
    /// # Errors
    /// What is wrong with it and where.
    pub async fn check(&self, mut sql: Sql, parameters: &Parameters) -> Result<SchemaRef, Fault> {
        let failed = |e| Fault::of(&e);
        let mut tables = Vec::new();
        while let Some((name, part)) = sql.next_materialized() {
            let columns = schema(&self.plan(part, parameters).await?);
            let empty = MemTable::try_new(columns, vec![vec![]]).map_err(failed)?;
            let table = self.register_temp_table(Arc::new(empty)).map_err(failed)?;
            sql.read_instead(&name, &table.name);
            tables.push(table);
        }
        Ok(schema(&self.plan(sql, parameters).await?))
    }

    /// The columns of a table or view. Missing days of histories are not computed.
    ///
    /// # Errors
    /// [`Error::Query`] when there is no such table.
    pub async fn columns(&self, table: &str) -> Result<SchemaRef> {
        let planned = match Sql::parse(&format!("SELECT * FROM {table}")) {
            Ok(sql) => self.plan(sql, &Parameters::new()).await,
            Err(fault) => Err(fault),
        };
        planned.map(|frame| schema(&frame)).map_err(|fault| fault.into_error(table))
    }

    /// Names of tables and views, sorted.
    pub fn tables(&self) -> Vec<String> {
        let schema = self.context.catalog("datafusion").and_then(|catalog| catalog.schema("public"));
        let mut names = schema.map(|schema| schema.table_names()).unwrap_or_default();
        names.sort_unstable();
        names
    }

    /// Names of functions, sorted: ours and the engine's.
    pub fn functions(&self) -> Vec<String> {
        let state = self.context.state();
        let (scalar, aggregate) = (state.scalar_functions().keys(), state.aggregate_functions().keys());
        let mut names: Vec<_> = scalar.chain(aggregate).chain(state.window_functions().keys()).cloned().collect();
        names.extend(table_functions().iter().map(|function| function.name.to_owned()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// True when there is a table or view of this name.
    pub fn has_table(&self, name: &str) -> bool {
        self.context.table_exist(name).unwrap_or(false)
    }

    async fn plan(&self, sql: Sql, parameters: &Parameters) -> Result<DataFrame, Fault> {
        let failed = |e| Fault::of(&e);
        let mut state = self.context.state();
        let plan = match state.statement_to_plan(sql.statement().clone()).await {
            Ok(plan) => plan,
            Err(_) => {
                // Plans again with source places, which would slow down plans that succeed.
                state.config_mut().options_mut().sql_parser.collect_spans = true;
                state.statement_to_plan(sql.statement().clone()).await.map_err(failed)?
            }
        };
        size::check_plan(&plan)?;
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(failed)?;
        let frame = self.context.execute_logical_plan(plan).await.map_err(failed)?;
        if parameters.is_empty() {
            return Ok(frame);
        }
        // The engine refuses a name that the plan does not use; other subqueries of the same text may use it.
        let used = frame.logical_plan().get_parameter_names().map_err(failed)?;
        let values: Vec<(String, ScalarValue)> = parameters
            .iter()
            .filter(|(name, _)| used.contains(&format!("${name}")))
            .map(|(name, value)| (name.clone(), value.into()))
            .collect();
        match values.is_empty() {
            true => Ok(frame),
            false => frame.with_param_values(ParamValues::from(values)).map_err(failed),
        }
    }

    /// Plans a query. Runs its `MATERIALIZED` subqueries first and makes each of them a table.
    async fn plan_in_parts(
        &self,
        what: &str,
        mut sql: Sql,
        parameters: &Parameters,
    ) -> Result<(DataFrame, Vec<Part>), Fault> {
        let failed = |e| Fault::of(&e);
        let (mut parts, mut tables) = (Vec::new(), Vec::new());
        while let Some((name, part)) = sql.next_materialized() {
            let frame = self.plan(part, parameters).await?;
            let (rows, plan, bytes) = in_memory_on(self.cluster.as_ref(), frame).await.map_err(failed)?;
            let consumer = MemoryConsumer::new(format!("{name} of {what}"));
            let held = consumer.register(&self.context.runtime_env().memory_pool);
            held.try_grow(bytes).map_err(failed)?;
            let table = self.register_temp_table(Arc::new(rows)).map_err(failed)?;
            sql.read_instead(&name, &table.name);
            parts.push(Part { stats: SubqueryStats::of(&name, &plan), _held: held });
            tables.push(table);
        }
        Ok((self.plan(sql, parameters).await?, parts))
    }

    /// Computes the missing days of the histories that `sql` reads, itself or through a view.
    async fn finish_histories(&self, sql: &Sql) -> Result<()> {
        let mut unfinished = self.unfinished.lock().await;
        let viewed = self.of_histories.iter().filter(|(view, _)| sql.reads(view));
        let texts: String = viewed.map(|(_, text)| format!("{text}\n")).collect();
        let viewed: Vec<_> = dependencies(&texts)?.into_iter().map(|(name, _)| name).collect();
        let is_read = |history: &Unfinished| sql.reads(history.name) || viewed.contains(&history.name);
        while let Some(at) = unfinished.iter().position(is_read) {
            self.finish(&unfinished[at]).await?;
            unfinished.remove(at);
        }
        Ok(())
    }

    async fn finish(&self, history: &Unfinished) -> Result<()> {
        let what = format!("history {}", history.name);
        let failed = |e| query_error(&what, &e);
        let parsed = Sql::parse(history.sql).map_err(|fault| fault.into_error(&what))?;
        let mut known = self.context.table_provider(history.name).await.map_err(failed)?;
        for (from, to) in &history.pieces {
            let mut sql = parsed.clone();
            let table = self.register_temp_table(Arc::clone(&known)).map_err(failed)?;
            sql.read_instead("known", &table.name);
            let day = |name: &str, day: &NaiveDate| (name.to_owned(), Value::Text(day.to_string()));
            let days = Parameters::from([day("from", from), day("to", to)]);
            let planned = self.plan_in_parts(&what, sql, &days).await;
            let (frame, _parts) = planned.map_err(|fault| fault.into_error(&what))?;
            let (days, ..) = in_memory_on(self.cluster.as_ref(), frame).await.map_err(failed)?;
            known = Arc::new(rollup::union(known, Arc::new(days)).map_err(failed)?);
        }
        self.context.deregister_table(history.name).map_err(failed)?;
        self.context.register_table(history.name, known).map_err(failed)?;
        // They were planned over the stored days.
        register_views(&self.context, &self.of_histories)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use object_store::memory::InMemory;

    use super::*;
    use crate::lake::Lake;
    use crate::source::Location;

    /// A session over an empty lake that may use 2 MB.
    async fn small_session() -> Session {
        let location = Location::in_store("memory://test/lake", Arc::new(InMemory::new())).unwrap();
        let snapshot = Lake::open_or_create(&location).await.unwrap().snapshot().await.unwrap();
        session(&snapshot, &Rolled::default(), &Geo::embedded().unwrap(), 2 << 20).await.unwrap()
    }

    async fn error(session: &Session, sql: &str) -> Error {
        match session.query("q", sql, &BTreeMap::new()).await {
            Ok(query) => query.collect().await.unwrap_err(),
            Err(e) => e,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn running_out_of_memory_is_distinguished_from_a_wrong_query() {
        let session = small_session().await;
        for sql in [
            "WITH x AS MATERIALIZED (SELECT * FROM range(1, 1000000)) SELECT count(*) FROM x",
            "SELECT a.value FROM range(1, 1000000) AS a JOIN range(1, 1000000) AS b ON a.value = b.value",
        ] {
            let error = error(&session, sql).await;
            assert!(matches!(error, Error::OutOfMemory { .. }), "{sql}: {error:?}");
        }
        for sql in ["SELECT nothing FROM events", "SELEC 1", "SELECT CAST('x' AS INT)"] {
            let error = error(&session, sql).await;
            assert!(matches!(error, Error::Query { .. }), "{sql}: {error:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn parameters_that_a_query_does_not_use_are_ignored() {
        let session = small_session().await;
        let parameters = Parameters::from([
            ("from".to_owned(), Value::Integer(1)),
            ("from_day".to_owned(), Value::Integer(2)),
            ("other".to_owned(), Value::Integer(3)),
        ]);
        let sql = "WITH x AS MATERIALIZED (SELECT $from_day AS n), unused AS (SELECT $other) SELECT n FROM x -- $from";
        let batches = session.query("q", sql, &parameters).await.unwrap().collect().await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    }
}
