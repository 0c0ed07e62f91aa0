//! DataFusion's context: memory limit, settings, functions and views.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::ObjectStore;

use super::members::Members;
use super::tables::{Tables, register_later, view};
use super::whole_files::{PACK_BYTES, WholeFiles, whole_files_url};
use super::{sql, udf};
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{Pack, Snapshot, dependencies, histories, views};
use crate::source::Location;

/// Default memory limit of SQL, in bytes.
pub const MEMORY_BYTES: usize = 1 << 30;

/// Rows of a batch. An aggregation returns slices of one large batch, and operators that sort or join them count all of it
/// for each slice. With the engine's default of 8,192 rows, the memory limit was reached at a tenth of the real memory.
const BATCH_ROWS: usize = 32_768;

/// An out-of-memory error names this many of the largest consumers.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// A context with functions and the store of `snapshot` with the members of `packs`, but no tables yet.
pub(super) fn context(
    snapshot: &Snapshot,
    packs: &[Pack],
    geo: &Arc<Geo>,
    memory_bytes: usize,
) -> Result<(SessionContext, ObjectStoreUrl)> {
    let pool = TrackConsumersPool::new(GreedyMemoryPool::new(memory_bytes), NAMED_CONSUMERS);
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).build_arc();
    let runtime = runtime.map_err(|e| Error::Internal(e.to_string()))?;
    let store_url = snapshot.location.store_url();
    let store = ObjectStoreUrl::parse(&store_url).map_err(|e| Error::Internal(e.to_string()))?;
    register_stores(&runtime, &store, &snapshot.location, packs)?;
    let mut config = SessionConfig::new().with_information_schema(true).with_batch_size(BATCH_ROWS);
    // Filters run on their own columns first; wide columns are read only for the rows that pass.
    config.options_mut().execution.parquet.pushdown_filters = true;
    config.options_mut().execution.parquet.reorder_filters = true;
    // A join keeps its smaller side in memory and passes its keys to the scans of the other side. With partitioned joins
    // this can deadlock: a partition without rows ends before the join below it has reported its start.
    config.options_mut().optimizer.repartition_joins = false;
    // This rule takes JSON functions out of CASE and computes them for every row of the scan.
    config.options_mut().optimizer.enable_leaf_expression_pushdown = false;
    let mut context = SessionContext::new_with_config_rt(config, runtime);
    let catalog = context.catalog("datafusion").ok_or_else(|| Error::Internal("no catalog".into()))?;
    let tables = catalog.register_schema("public", Arc::new(Tables::default()));
    tables.map_err(|e| Error::Internal(e.to_string()))?;
    udf::register(&mut context, geo)?;
    Ok((context, store))
}

/// The lake's store; and, for a bucket, the store that reads small files and packs whole.
fn register_stores(runtime: &RuntimeEnv, url: &ObjectStoreUrl, location: &Location, packs: &[Pack]) -> Result<()> {
    let plain = location.store();
    if location.is_file_system() {
        let members = Members::of(packs, plain, |_| Arc::clone(plain));
        runtime.register_object_store(url.as_ref(), Arc::new(members));
        return Ok(());
    }
    let whole_packs: Arc<dyn ObjectStore> = Arc::new(WholeFiles::of(Arc::clone(plain))?);
    let members: Arc<dyn ObjectStore> = Arc::new(Members::of(packs, plain, |pack| match pack.file.size_bytes {
        ..=PACK_BYTES => Arc::clone(&whole_packs),
        _ => Arc::clone(plain),
    }));
    let whole = WholeFiles::of(Arc::clone(&members))?;
    let whole_url = whole_files_url(url).map_err(|e| Error::Internal(e.to_string()))?;
    runtime.register_object_store(whole_url.as_ref(), Arc::new(whole));
    runtime.register_object_store(url.as_ref(), members);
    Ok(())
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
