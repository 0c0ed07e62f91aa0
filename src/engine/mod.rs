//! SQL over a snapshot: the tables, the views, the functions.
//!
//! Tables: `events` (schema.rs), `objects` (the ledger), `rejects`, and the rollups `sql/rollups/*.sql`. Views:
//! `sql/views/*.sql`. Functions: `udf`, one a file, and the JSON functions of datafusion-functions-json. DataFusion is
//! named in this folder only.

mod explain;
mod rollup;
mod sql;
mod table;
pub mod udf;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use include_dir::File;

use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{Rolled, Snapshot, VIEWS, ledger_schema, rejects_schema};
pub use explain::{Plan, Read};
pub use rollup::roll_up;
pub use sql::{Fault, Place, Sql};
use table::{FilesTable, plain_words, side_file};

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

/// A list to stand behind SQL's `IN`, `($value0, $value1, ...)`, and what its names stand for. Filters of such lists reach
/// bloom filters, which those of a list in one parameter do not.
pub fn list(values: impl IntoIterator<Item = String>) -> (String, Parameters) {
    let parameters: Vec<_> =
        values.into_iter().enumerate().map(|(n, value)| (format!("value{n}"), Value::Text(value))).collect();
    let names: Vec<_> = parameters.iter().map(|(name, _)| format!("${name}")).collect();
    (format!("({})", names.join(", ")), parameters.into_iter().collect())
}

/// SQL over one snapshot of a lake.
pub struct Session {
    context: SessionContext,
    /// Views that were computed and are kept in memory.
    kept: tokio::sync::Mutex<HashSet<String>>,
}

/// What the first line of a view says that several detectors read: it is computed when the first one asks.
const KEPT: &str = "-- Computed once a session.";

/// A planned query.
pub struct Query {
    what: String,
    frame: DataFrame,
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
        ("events", FilesTable::events(store.clone(), snapshot.files.clone())),
        ("objects", FilesTable::plain(store.clone(), ledger_schema(), side(&snapshot.state.ledger))),
        ("rejects", FilesTable::plain(store.clone(), rejects_schema(), side(&snapshot.state.rejects))),
    ];
    for (name, table) in tables {
        context.register_table(name, Arc::new(table)).map_err(|e| Error::Internal(e.to_string()))?;
    }
    rollup::register(&context, &store, snapshot, rolled, geo).await?;
    register_views(&context, &[]).await?;
    Ok(Session { context, kept: Default::default() })
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
    config.options_mut().execution.parquet.pushdown_filters = true;
    // A join that tells its other side what to look for waits until all its partitions know, and with empty ones it may
    // wait for ever.
    config.options_mut().optimizer.enable_join_dynamic_filter_pushdown = false;
    let mut context = SessionContext::new_with_config_rt(config, runtime);
    udf::register(&mut context, geo)?;

    let store = ObjectStoreUrl::parse(&store_url).map_err(|e| Error::Internal(e.to_string()))?;
    Ok((context, store))
}

fn stem(file: &File) -> String {
    file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Makes views, all of them when none are named. They may stand on each other, in any order of file names: passes until
/// all are there.
async fn register_views(context: &SessionContext, names: &[&str]) -> Result<()> {
    let wanted = |file: &&File| {
        file.path().extension().is_some_and(|e| e == "sql") && (names.is_empty() || names.contains(&&*stem(file)))
    };
    let mut waiting: Vec<_> = VIEWS.files().filter(wanted).collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut failed = Vec::new();
        let mut reason = None;
        for file in waiting {
            let name = stem(file);
            let body = file.contents_utf8().unwrap_or_default();
            match context.sql(&format!("CREATE VIEW {name} AS {body}")).await {
                Ok(_) => {}
                Err(e) => {
                    reason.get_or_insert_with(|| Error::query(format!("view {name}"), plain_words(&e)));
                    failed.push(file);
                }
            }
        }
        if let Some(reason) = reason.filter(|_| failed.len() == before) {
            return Err(reason);
        }
        waiting = failed;
    }
    Ok(())
}

impl Session {
    /// Plans one query; `what` names it in errors. Reads only: what writes, or reads anything but the lake, is refused.
    ///
    /// # Errors
    /// [`Error::Query`] with what is wrong and where.
    pub async fn query(&self, what: &str, sql: &str, parameters: &Parameters) -> Result<Query> {
        let failed = |fault: Fault| Error::query(what, fault);
        let text = Sql::parse(sql).map_err(failed)?;
        self.keep(sql).await?;
        let frame = self.plan(text, parameters).await.map_err(failed)?;
        Ok(Query { what: what.to_owned(), frame })
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
        let values: Vec<(String, ScalarValue)> = parameters.iter().map(|(n, v)| (n.clone(), v.into())).collect();
        frame.with_param_values(ParamValues::from(values)).map_err(failed)
    }

    /// Computes the views that `sql` names and that are worth keeping.
    async fn keep(&self, sql: &str) -> Result<()> {
        let mut kept = self.kept.lock().await;
        for (name, body) in kept_views(sql) {
            if kept.contains(&name) {
                continue;
            }
            let failed = |e| Error::query(format!("view {name}"), plain_words(&e));
            // Planned anew: what it stands on may be in memory by now.
            let frame = self.context.sql(body).await.map_err(failed)?;
            let planned = schema(&frame);
            let partitions = frame.collect_partitioned().await.map_err(failed)?;
            // What is run may be stricter than what was planned about which columns are ever null.
            let schema = partitions.iter().flatten().next().map_or(planned, RecordBatch::schema);
            let own = |batches: Vec<RecordBatch>| batches.iter().map(own_memory).collect::<Result<Vec<_>, _>>();
            let partitions = partitions.into_iter().map(own).collect::<Result<Vec<_>, _>>();
            let partitions = partitions.map_err(|e| Error::query(format!("view {name}"), e))?;
            let table = MemTable::try_new(schema, partitions).map_err(failed)?;
            self.context.deregister_table(&name).map_err(failed)?;
            self.context.register_table(&name, Arc::new(table)).map_err(failed)?;
            kept.insert(name);
        }
        Ok(())
    }
}

/// The batch in memory of its own. An aggregation's batches are slices of one, and whoever holds a few of them would be
/// taken to hold all of it once for each.
fn own_memory(batch: &RecordBatch) -> std::result::Result<RecordBatch, ArrowError> {
    take_record_batch(batch, &UInt32Array::from_iter_values(0..batch.num_rows() as u32))
}

/// The views worth keeping that `sql` names, those they stand on first.
fn kept_views(sql: &str) -> Vec<(String, &'static str)> {
    let views = VIEWS.files().filter_map(|view| Some((stem(view), view.contents_utf8()?)));
    let named = views.filter(|(name, body)| body.starts_with(KEPT) && *body != sql && sql.contains(&**name));
    named.flat_map(|(name, body)| kept_views(body).into_iter().chain([(name, body)])).collect()
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
        let what = self.what;
        let stream = self.frame.execute_stream().await.map_err(|e| Error::query(&*what, plain_words(&e)))?;
        Ok(stream.map_err(move |e| Error::query(&*what, plain_words(&e))).boxed())
    }
}
