//! DataFusion's context: memory limit, settings, functions and views.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result as Planned};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::ObjectStore;
use url::Url;

use super::members::Members;
use super::tables::{Tables, register_later, view};
use super::whole_files::{WholeFiles, whole_files_url};
use super::{semi_join, sql, udf};
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{Snapshot, dependencies, histories, views};
use crate::source::Location;

/// Default memory limit of SQL, in bytes.
pub const MEMORY_BYTES: usize = 1 << 30;

/// Rows of a batch. An aggregation returns slices of one large batch, and operators that sort or join them count all of it
/// for each slice. With the engine's default of 8,192 rows, the memory limit was reached at a tenth of the real memory.
pub(super) const BATCH_ROWS: usize = 32_768;

/// An out-of-memory error names this many of the largest consumers.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// A context with functions and the stores of `snapshot`, but no tables yet.
pub(super) fn context(
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
) -> Result<(SessionContext, ObjectStoreUrl)> {
    let defect = |e: DataFusionError| Error::Internal(e.to_string());
    let runtime = runtime(memory_bytes, None)?;
    let stores = Stores::of(&snapshot.location)?;
    for (url, store) in stores.by_url().map_err(defect)? {
        runtime.register_object_store(&url, store);
    }
    let mut config = SessionConfig::new().with_information_schema(true).with_batch_size(BATCH_ROWS);
    // Filters run on their own columns first; wide columns are read only for the rows that pass.
    config.options_mut().execution.parquet.pushdown_filters = true;
    config.options_mut().execution.parquet.reorder_filters = true;
    // A join keeps its smaller side in memory and passes its keys to the scans of the other side. With partitioned joins
    // this can deadlock: a partition without rows ends before the join below it has reported its start.
    config.options_mut().optimizer.repartition_joins = false;
    // This rule takes JSON functions out of CASE and computes them for every row of the scan.
    config.options_mut().optimizer.enable_leaf_expression_pushdown = false;
    let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
    let state = state.with_physical_optimizer_rules(semi_join::rules()).build();
    let mut context = SessionContext::new_with_state(state);
    let catalog = context.catalog("datafusion").ok_or_else(|| Error::Internal("no catalog".into()))?;
    catalog.register_schema("public", Arc::new(Tables::default())).map_err(defect)?;
    udf::register(&mut context, geo)?;
    Ok((context, stores.url))
}

/// Memory for queries, and where they find stores; without a `registry`, stores have to be registered.
pub(super) fn runtime(memory_bytes: usize, registry: Option<Arc<dyn ObjectStoreRegistry>>) -> Result<Arc<RuntimeEnv>> {
    let pool = TrackConsumersPool::new(GreedyMemoryPool::new(memory_bytes), NAMED_CONSUMERS);
    let mut builder = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool));
    if let Some(registry) = registry {
        builder = builder.with_object_store_registry(registry);
    }
    builder.build_arc().map_err(|e| Error::Internal(e.to_string()))
}

/// How a scan reads the files of a lake.
pub(super) struct Stores {
    url: ObjectStoreUrl,
    store: Arc<dyn ObjectStore>,
    /// For a bucket: the store that reads small files whole.
    whole: Option<Arc<dyn ObjectStore>>,
}

impl Stores {
    pub fn of(location: &Location) -> Result<Stores> {
        let (plain, url) = (Arc::clone(location.store()), location.store_url());
        let url = ObjectStoreUrl::parse(&url).map_err(|e| Error::Internal(e.to_string()))?;
        if location.is_file_system() {
            let store = Arc::new(Members::of(Arc::clone(&plain), plain));
            return Ok(Stores { url, store, whole: None });
        }
        let whole_packs = Arc::new(WholeFiles::of(Arc::clone(&plain))?);
        let store: Arc<dyn ObjectStore> = Arc::new(Members::of(plain, whole_packs));
        let whole: Arc<dyn ObjectStore> = Arc::new(WholeFiles::of(Arc::clone(&store))?);
        Ok(Stores { url, store, whole: Some(whole) })
    }

    /// The stores with the URLs under which scans name them.
    pub fn by_url(&self) -> Planned<Vec<(Url, Arc<dyn ObjectStore>)>> {
        let mut by_url = vec![(Url::clone(self.url.as_ref()), Arc::clone(&self.store))];
        if let Some(whole) = &self.whole {
            by_url.push((Url::clone(whole_files_url(&self.url)?.as_ref()), Arc::clone(whole)));
        }
        Ok(by_url)
    }
}

/// Adds views of these names and queries, or replaces them.
pub(super) fn register_views(context: &SessionContext, views: &[View]) -> Result<()> {
    let register = |(name, sql): &View| {
        let sql = *sql;
        register_later(context, name, move |context| async move { view(context.sql(&sql::inline(sql)).await?) })
    };
    views.iter().try_for_each(register)
}

/// The views that read histories, themselves or through other views.
///
/// # Errors
/// When views read each other in a circle.
pub(super) fn views_of_histories() -> Result<Vec<View>> {
    let mut of_histories = Vec::new();
    for view in views() {
        let read = dependencies(view.1)?;
        if histories().iter().any(|history| read.contains(&(history.name, history.sql))) {
            of_histories.push(view);
        }
    }
    Ok(of_histories)
}

/// Name and SQL of a view.
pub(super) type View = (&'static str, &'static str);
