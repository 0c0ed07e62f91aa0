//! Opens a lake for SQL: with or without computing missing daily summaries first, and with Sigma rules.

mod sigma_days;

use std::sync::Arc;

use crate::engine::{self, Cluster, Session, Workers};
use crate::error::Result;
use crate::geo::Geo;
use crate::lake::{Lake, Rolled, Snapshot};
use crate::request::LakeRequest;
use crate::source::Shard;
use crate::terminal::{Progress, note};

pub use sigma_days::add_sigma;

/// SQL over a lake as it is: daily summaries that are missing are computed by the queries that need them.
///
/// # Errors
/// When there is no lake or it cannot be read.
pub async fn session(request: &LakeRequest) -> Result<(Snapshot, Session)> {
    session_of(&Lake::open(&request.location).await?, request).await
}

/// [`session`], for a lake that is open.
///
/// # Errors
/// When the lake cannot be read.
pub async fn session_of(lake: &Lake, request: &LakeRequest) -> Result<(Snapshot, Session)> {
    let (snapshot, _, session) = session_and_rolled(lake, request).await?;
    Ok((snapshot, session))
}

/// [`session_of`], and the daily summaries that are stored.
///
/// # Errors
/// When the lake cannot be read.
pub async fn session_and_rolled(lake: &Lake, request: &LakeRequest) -> Result<(Snapshot, Rolled, Session)> {
    let snapshot = lake.snapshot().await?;
    let geo = request.geo()?;
    let rolled = lake.rolled(&snapshot, &geo.sources()).await?;
    let (cluster, session) = tokio::join!(
        cluster(request.workers.as_ref(), &geo),
        engine::session(&snapshot, &rolled, &geo, request.memory_bytes)
    );
    Ok((snapshot, rolled, session?.on(cluster?)))
}

/// SQL over a snapshot after its missing daily summaries were computed and stored. In a read-only lake they are computed
/// by the queries that need them.
///
/// # Errors
/// When the lake cannot be read.
pub async fn summarised_session(
    lake: &Lake,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
    cluster: Option<Cluster>,
    progress: Progress,
) -> Result<Session> {
    let rolled = match summarise(lake, snapshot, geo, memory_bytes, None, cluster.as_ref(), progress).await {
        Err(e) if e.is_read_only() => lake.rolled(snapshot, &geo.sources()).await?,
        rolled => rolled?,
    };
    Ok(engine::session(snapshot, &rolled, geo, memory_bytes).await?.on(cluster))
}

/// Connects to the workers of a request, if it has any. Problems with them are written to standard error as they occur.
///
/// # Errors
/// When none can be used.
pub async fn cluster(workers: Option<&Workers>, geo: &Geo) -> Result<Option<Cluster>> {
    match workers {
        Some(workers) => Cluster::connect(workers, geo, |problem| note(format!("workers: {problem}"))).await.map(Some),
        None => Ok(None),
    }
}

/// Computes and stores the daily summaries that a snapshot lacks, or only a shard's part of them, and returns all that
/// exist then.
///
/// # Errors
/// When the lake cannot be read or written.
pub async fn summarise(
    lake: &Lake,
    snapshot: &Snapshot,
    geo: &Arc<Geo>,
    memory_bytes: usize,
    shard: Option<Shard>,
    cluster: Option<&Cluster>,
    progress: Progress,
) -> Result<Rolled> {
    let bar = progress.steps("summaries", 0);
    let summarised = |done: usize, of: usize, what: &str| {
        bar.set(done as u64, of as u64);
        bar.describe(what);
    };
    engine::roll_up(lake, snapshot, geo, memory_bytes, shard, cluster, summarised).await
}
