//! SQL over a snapshot: the tables, the views, the functions.
//!
//! Tables: `events` (schema.rs), `objects` (the ledger), `rejects`, the rollups `sql/rollups/*.sql` and the histories
//! `sql/histories/*.sql`. Views: `sql/views/*.sql`. Functions: `udf`, one per file, and the JSON functions of
//! datafusion-functions-json; those that give rows, `sql/functions/*.sql`. DataFusion is named in this folder only.

mod explain;
mod rollup;
mod sql;
mod table;
mod table_function;
pub mod udf;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryReservation, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{Rolled, Snapshot, dependencies, ledger_schema, rejects_schema, views};
use explain::Told;
pub use explain::{Plan, Read};
use rollup::Unfinished;
pub use rollup::roll_up;
pub use sql::{Fault, Place, Sql};
use table::{FilesTable, plain_words, side_file};
pub use table_function::{TableFunction, table_functions};

/// Bytes that SQL may use when nobody says otherwise.
pub const MEMORY_BYTES: usize = 1 << 30;

/// Rows of a batch. An aggregation gives slices of one large batch, and whoever sorts or joins them reckons the whole of it
/// for each: with the engine's 8,192 rows the limit was met at a tenth of the memory.
const BATCH_ROWS: usize = 32_768;

/// A value bound to a `$name` in SQL; never pasted into the text.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Whole number.
    Integer(i64),
    /// Number.
    Float(f64),
    /// Text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// List of texts, for `array_has($list, column)`.
    Texts(Vec<String>),
    /// Microseconds since 1970-01-01 UTC.
    Time(i64),
}

impl From<&Value> for ScalarValue {
    fn from(value: &Value) -> ScalarValue {
        match value {
            Value::Integer(n) => ScalarValue::Int64(Some(*n)),
            Value::Float(x) => ScalarValue::Float64(Some(*x)),
            Value::Text(text) => ScalarValue::Utf8(Some(text.clone())),
            Value::Bool(flag) => ScalarValue::Boolean(Some(*flag)),
            Value::Texts(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| ScalarValue::Utf8(Some(text.clone()))).collect();
                ScalarValue::List(ScalarValue::new_list(&texts, &arrow::datatypes::DataType::Utf8, true))
            }
            Value::Time(us) => ScalarValue::TimestampMicrosecond(Some(*us), Some("UTC".into())),
        }
    }
}

/// Values for the `$names` of a query.
pub type Parameters = BTreeMap<String, Value>;

/// SQL over one snapshot of a lake.
pub struct Session {
    context: SessionContext,
    /// Histories of which days are missing: they are computed when the first query asks for them.
    unfinished: tokio::sync::Mutex<Vec<Unfinished>>,
}

/// A table that a session has until this goes away; what was planned with it keeps its rows. Shown, it is its name.
pub struct Lent<'a> {
    context: &'a SessionContext,
    name: String,
}

impl fmt::Display for Lent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // It is there, or somebody else took it away.
        let _ = self.context.deregister_table(&*self.name);
    }
}

/// A planned query.
pub struct Query {
    what: String,
    frame: DataFrame,
    parts: Vec<Part>,
}

/// A subquery that was computed once, `WITH x AS MATERIALIZED (...)`: any other is computed anew wherever it is read.
struct Part {
    /// What its plan read and did. The plan itself would hold what its joins held.
    told: Told,
    /// What the rows take of the memory there is.
    _held: MemoryReservation,
}

/// Tables, views and functions over `snapshot`, with addresses placed by `geo`. Sorting, grouping and joining spill to
/// disk beyond `memory_bytes`; window functions are not counted by it. What is not `rolled` up is computed where a query
/// asks for it.
///
/// # Errors
/// [`Error::Query`] when a view that comes with the program does not plan, which its tests exclude.
pub async fn session(snapshot: &Snapshot, rolled: &Rolled, geo: &Arc<Geo>, memory_bytes: usize) -> Result<Session> {
    let (context, store) = context(snapshot, geo, memory_bytes)?;
    let side = |files: &[crate::lake::SideFile]| {
        let file = |f: &crate::lake::SideFile| side_file(snapshot.location.child(&f.path), f.size_bytes, f.rows);
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
    rollup::register(&context, &store, snapshot, rolled, geo).await?;
    register_views(&context, &views_in_order()?).await?;
    let unfinished = rollup::register_histories(&context, &store, snapshot, rolled).await?.into();
    Ok(Session { context, unfinished })
}

/// Functions, and the store of `snapshot`; no tables yet.
fn context(snapshot: &Snapshot, geo: &Arc<Geo>, memory_bytes: usize) -> Result<(SessionContext, ObjectStoreUrl)> {
    let pool =
        TrackConsumersPool::new(GreedyMemoryPool::new(memory_bytes), std::num::NonZeroUsize::MIN.saturating_add(4));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).build_arc();
    let runtime = runtime.map_err(|e| Error::Internal(e.to_string()))?;
    let store_url = snapshot.location.store_url();
    runtime.register_object_store(&store_url, Arc::clone(snapshot.location.store()));
    let mut config = SessionConfig::new().with_information_schema(true).with_batch_size(BATCH_ROWS);
    // Rows are told by their narrow columns before the wide ones are read.
    config.options_mut().execution.parquet.pushdown_filters = true;
    config.options_mut().execution.parquet.reorder_filters = true;
    // A join holds its smaller side whole, and tells the scans of the other what to look for. Joined partition by partition
    // it may wait for ever: a partition without rows ends before the join beneath it has told that it began.
    config.options_mut().optimizer.repartition_joins = false;
    let mut context = SessionContext::new_with_config_rt(config, runtime);
    udf::register(&mut context, geo)?;

    let store = ObjectStoreUrl::parse(&store_url).map_err(|e| Error::Internal(e.to_string()))?;
    Ok((context, store))
}

/// Makes views of these names and queries.
async fn register_views(context: &SessionContext, views: &[(&str, &str)]) -> Result<()> {
    for (name, sql) in views {
        let planned = context.sql(&format!("CREATE VIEW {name} AS {}", sql::inline(sql))).await;
        planned.map_err(|e| Error::query(format!("view {name}"), plain_words(&e)))?;
    }
    Ok(())
}

/// Every view, each after those it reads. What else they read is there already.
fn views_in_order() -> Result<Vec<(&'static str, &'static str)>> {
    let views = views();
    let everything: String = views.iter().map(|(name, _)| format!("SELECT * FROM {name}\n")).collect();
    Ok(dependencies(&everything)?.into_iter().filter(|named| views.contains(named)).collect())
}

impl Session {
    /// Plans one query, after running what of it is to be computed once; `what` names it in errors. Reads only: what
    /// writes, or reads anything but the lake, is refused.
    ///
    /// # Errors
    /// [`Error::Query`] with what is wrong and where.
    pub async fn query(&self, what: &str, sql: &str, parameters: &Parameters) -> Result<Query> {
        let text = Sql::parse(sql).map_err(|fault| Error::query(what, fault))?;
        self.finish_histories(&text).await?;
        let (frame, parts) =
            self.plan_in_parts(what, text, parameters).await.map_err(|fault| Error::query(what, fault))?;
        Ok(Query { what: what.to_owned(), frame, parts })
    }

    /// A table of one column of texts, to join with.
    ///
    /// # Errors
    /// [`Error::Internal`], which is a defect.
    pub fn lend(&self, column: &str, texts: impl IntoIterator<Item = String>) -> Result<Lent<'_>> {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        let rows = RecordBatch::try_from_iter([(column, texts)]).map_err(|e| Error::Internal(e.to_string()))?;
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]]);
        table.and_then(|table| self.lend_table(Arc::new(table))).map_err(|e| Error::Internal(e.to_string()))
    }

    fn lend_table(&self, table: Arc<dyn TableProvider>) -> datafusion::common::Result<Lent<'_>> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("lent_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.context.register_table(&*name, table)?;
        Ok(Lent { context: &self.context, name })
    }

    /// Plans one query and runs nothing: its columns.
    ///
    /// # Errors
    /// What is wrong with it and where.
    pub async fn check(&self, sql: Sql, parameters: &Parameters) -> Result<SchemaRef, Fault> {
        let frame = self.plan(sql, parameters).await?;
        Ok(schema(&frame))
    }

    /// Names of tables and views, in order.
    pub fn tables(&self) -> Vec<String> {
        let schema = self.context.catalog("datafusion").and_then(|catalog| catalog.schema("public"));
        let mut names = schema.map(|schema| schema.table_names()).unwrap_or_default();
        names.sort_unstable();
        names
    }

    /// Names of functions, in order: ours and the engine's.
    pub fn functions(&self) -> Vec<String> {
        let state = self.context.state();
        let (of_rows, of_groups) = (state.scalar_functions().keys(), state.aggregate_functions().keys());
        let mut names: Vec<_> = of_rows.chain(of_groups).chain(state.window_functions().keys()).cloned().collect();
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
                // Once more, with places: they would slow down every plan that holds.
                state.config_mut().options_mut().sql_parser.collect_spans = true;
                state.statement_to_plan(sql.statement().clone()).await.map_err(failed)?
            }
        };
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(failed)?;
        let frame = self.context.execute_logical_plan(plan).await.map_err(failed)?;
        if parameters.is_empty() {
            return Ok(frame);
        }
        // What the text uses elsewhere, in what is computed by itself, has no place in this plan.
        let used = frame.logical_plan().get_parameter_names().map_err(failed)?;
        let is_elsewhere =
            |name: &str| !used.contains(&format!("${name}")) && sql.parameters().iter().any(|(other, _)| other == name);
        let values: Vec<(String, ScalarValue)> =
            parameters.iter().filter(|(n, _)| !is_elsewhere(n)).map(|(n, v)| (n.clone(), v.into())).collect();
        match values.is_empty() {
            true => Ok(frame),
            false => frame.with_param_values(ParamValues::from(values)).map_err(failed),
        }
    }

    /// Plans a query. What of it is to be computed once is run, and becomes a table.
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
            let (rows, plan, bytes) = in_memory(frame).await.map_err(failed)?;
            let consumer = MemoryConsumer::new(format!("{name} of {what}"));
            let held = consumer.register(&self.context.runtime_env().memory_pool);
            held.try_grow(bytes).map_err(failed)?;
            let table = self.lend_table(Arc::new(rows)).map_err(failed)?;
            sql.read_instead(&name, &table.name);
            parts.push(Part { told: Told::of(&name, &plan), _held: held });
            tables.push(table);
        }
        Ok((self.plan(sql, parameters).await?, parts))
    }

    /// Computes the missing days of the histories that `sql` asks for.
    async fn finish_histories(&self, sql: &Sql) -> Result<()> {
        let mut unfinished = self.unfinished.lock().await;
        while let Some(at) = unfinished.iter().position(|history| sql.tables().iter().any(|(t, _)| t == history.name)) {
            self.finish(&unfinished[at]).await?;
            unfinished.remove(at);
        }
        Ok(())
    }

    async fn finish(&self, history: &Unfinished) -> Result<()> {
        let what = format!("history {}", history.name);
        let failed = |e| Error::query(&*what, plain_words(&e));
        let mut known = Arc::clone(&history.known);
        for (from, to) in &history.pieces {
            let mut sql = Sql::parse(history.sql).map_err(|fault| Error::query(&*what, fault))?;
            let lent = self.lend_table(Arc::clone(&known)).map_err(failed)?;
            sql.read_instead("known", &lent.name);
            let day = |name: &str, day: &NaiveDate| (name.to_owned(), Value::Text(day.to_string()));
            let days = Parameters::from([day("from", from), day("to", to)]);
            let planned = self.plan_in_parts(&what, sql, &days).await;
            let (frame, _parts) = planned.map_err(|fault| Error::query(&*what, fault))?;
            let (days, ..) = in_memory(frame).await.map_err(failed)?;
            known = Arc::new(rollup::union(known, Arc::new(days)).map_err(failed)?);
        }
        self.context.deregister_table(history.name).map_err(failed)?;
        self.context.register_table(history.name, known).map_err(failed)?;
        Ok(())
    }
}

/// Runs a query: its rows as a table, the plan that gave them, and the bytes they take.
async fn in_memory(frame: DataFrame) -> datafusion::common::Result<(MemTable, Arc<dyn ExecutionPlan>, usize)> {
    let planned = schema(&frame);
    let context = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    let partitions = collect_partitioned(Arc::clone(&plan), context).await?;
    // What is run may be stricter than what was planned about which columns are ever null.
    let schema = partitions.iter().flatten().next().map_or(planned, RecordBatch::schema);
    let own = |batches: Vec<RecordBatch>| batches.iter().map(own_memory).collect::<Result<Vec<_>, _>>();
    let partitions: Vec<_> = partitions.into_iter().map(own).collect::<Result<_, _>>()?;
    let bytes = partitions.iter().flatten().map(RecordBatch::get_array_memory_size).sum();
    Ok((MemTable::try_new(schema, partitions)?, plan, bytes))
}

/// The batch in memory of its own. An aggregation's batches are slices of one, and views of texts look into buffers of many:
/// whoever holds a few of them would be taken to hold all of it once for each.
fn own_memory(batch: &RecordBatch) -> std::result::Result<RecordBatch, ArrowError> {
    let own = take_record_batch(batch, &UInt32Array::from_iter_values(0..batch.num_rows() as u32))?;
    let compact = |column: &ArrayRef| match column.as_string_view_opt() {
        Some(views) => Arc::new(views.gc()) as ArrayRef,
        None => Arc::clone(column),
    };
    RecordBatch::try_new(own.schema(), own.columns().iter().map(compact).collect())
}

/// Columns of a frame's rows.
fn schema(frame: &DataFrame) -> SchemaRef {
    Arc::new(Schema::clone(frame.schema().as_arrow()))
}

impl Query {
    /// Columns of the answer.
    pub fn schema(&self) -> SchemaRef {
        schema(&self.frame)
    }

    /// The whole answer.
    ///
    /// # Errors
    /// [`Error::Query`] when a file cannot be read or memory runs out.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        self.stream().await?.try_collect().await
    }

    /// The answer as it comes.
    ///
    /// # Errors
    /// As [`Query::collect`].
    pub async fn stream(self) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let Query { what, frame, parts } = self;
        let stream = frame.execute_stream().await.map_err(|e| Error::query(&*what, plain_words(&e)))?;
        let failed = move |e| {
            // Their memory is held until the stream is gone.
            let _ = &parts;
            Error::query(&*what, plain_words(&e))
        };
        Ok(stream.map_err(failed).boxed())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;

    use super::*;

    #[test]
    fn a_kept_batch_holds_its_own_rows_and_no_others() {
        let long = |n: usize| format!("a text of more than twelve bytes, {n}");
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..10_000).map(long)));
        let views: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..10_000).map(long)));
        let all = RecordBatch::try_from_iter([("texts", texts), ("views", views)]).unwrap();
        let few = own_memory(&all.slice(5_000, 10)).unwrap();
        assert_eq!(few, all.slice(5_000, 10));
        assert!(few.get_array_memory_size() < 10_000, "{}", few.get_array_memory_size());
    }
}
