//! `trailhunt worker`: runs the tasks of queries that another process plans.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result as Planned, exec_err};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::sink::DataSinkExec;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion_distributed::{
    DistributedExt, Worker, WorkerPlanRewriteEvent, WorkerPlanRewriteEventResponse, WorkerQueryContext,
};
use object_store::ObjectStore;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Status};
use url::Url;

use super::access::{Access, Channels, Identity, KEEP_ALIVE};
use super::resources::Resources;
use super::{VERSION_HEADER, days, version};
use crate::engine::context::{BATCH_ROWS, Stores, runtime};
use crate::engine::udf;
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::source::{Location, S3Settings};

/// Threads of a worker, for each processor.
const THREADS_PER_CORE: usize = 4;

/// What a worker offers.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// The address to listen at.
    pub listen: std::net::SocketAddr,
    /// Its certificate; without it, connections are not encrypted.
    pub identity: Option<Identity>,
    /// How it reaches other workers, and the token it asks for.
    pub access: Access,
    /// Access to buckets.
    pub s3: S3Settings,
    /// Memory of all queries together.
    pub memory_bytes: usize,
}

/// Answers until the process ends. Calls `listening` with the address when it is ready.
///
/// # Errors
/// [`Error::Usage`] for an address beyond this machine without TLS and token; [`Error::Worker`] when the address cannot be
/// used or the certificate is wrong.
pub async fn serve(
    settings: WorkerSettings,
    geo: Arc<Geo>,
    listening: impl FnOnce(std::net::SocketAddr) -> Result<()>,
) -> Result<()> {
    let WorkerSettings { listen, identity, access, s3, memory_bytes } = settings;
    if !listen.ip().is_loopback() && (identity.is_none() || !access.is_protected()) {
        return Err(Error::Usage(format!(
            "--listen {listen}: beyond this machine, a worker needs --cert, --key, --cluster-ca and --cluster-token-file"
        )));
    }
    let failed = |e: &dyn fmt::Display| Error::Worker(format!("{listen}: {e}"));
    let registry = Arc::new(BucketsOnDemand { s3: s3.clone(), known: Mutex::default() });
    let environment = runtime(memory_bytes, Some(registry))?;
    let (version, channels) = (version(&geo), Channels::new(access.clone()));
    let resources = Arc::new(Resources { geo, s3, memory_bytes });
    let ours = version.clone();
    let session = move |context: WorkerQueryContext| {
        let (channels, resources) = (channels.clone(), Arc::clone(&resources));
        let is_same = context.headers.get(VERSION_HEADER).is_some_and(|theirs| theirs.as_bytes() == ours.as_bytes());
        let ours = ours.clone();
        async move {
            // Another version may have taken the place of the one that was asked.
            if !is_same {
                return exec_err!("this worker is {ours}");
            }
            let mut builder = context.builder;
            let config = builder.config().take().unwrap_or_default();
            *builder.config() = Some(config.with_batch_size(BATCH_ROWS).with_extension(Arc::clone(&resources)));
            let mut state = builder
                .with_distributed_channel_resolver(channels)
                .with_distributed_user_codec(days::Codec)
                .with_distributed_worker_plan_rewrite_handler(only_reads)
                .build();
            udf::register(&mut state, &resources.geo).map_err(|e| DataFusionError::External(Box::new(e)))?;
            Ok::<_, DataFusionError>(state)
        }
    };
    let worker = Worker::from_session_builder(session).with_runtime_env(environment).with_version(version);
    let service = InterceptedService::new(worker.into_worker_server(), token_check(&access));
    let listener = TcpListener::bind(listen).await.map_err(|e| failed(&e))?;
    let mut server = Server::builder().http2_keepalive_interval(Some(KEEP_ALIVE));
    if let Some(Identity { certificate, key }) = identity {
        let identity = tonic::transport::Identity::from_pem(certificate, key);
        server = server.tls_config(ServerTlsConfig::new().identity(identity)).map_err(|e| failed(&e))?;
    }
    listening(listener.local_addr().map_err(|e| failed(&e))?)?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let served = server.add_service(service).serve_with_incoming(incoming);
    // Tasks keep a thread busy for long. With more threads than processors, one is left to answer.
    let threads = THREADS_PER_CORE * std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(threads).build();
    let runtime = runtime.map_err(|e| failed(&e))?;
    let ended = runtime.spawn(served).await;
    runtime.shutdown_background();
    ended.map_err(|e| failed(&e))?.map_err(|e| failed(&e))
}

/// Refuses requests without the token. Hashes are compared, so that the time says nothing about it.
fn token_check(access: &Access) -> impl Fn(Request<()>) -> std::result::Result<Request<()>, Status> + Clone + use<> {
    let expected = access.header().map(Sha256::digest);
    move |request| {
        let given = request.metadata().get("authorization").map(|given| Sha256::digest(given.as_bytes()));
        match &expected {
            Some(expected) if given.as_ref() != Some(expected) => Err(Status::unauthenticated("wrong token")),
            _ => Ok(request),
        }
    }
}

/// A plan may only read: Parquet files, and rows that came with it.
fn only_reads(event: WorkerPlanRewriteEvent<'_>) -> Planned<WorkerPlanRewriteEventResponse> {
    event.plan.apply(|node| {
        let reads = match node.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source) {
            Some(source) => {
                let files = source.downcast_ref::<FileScanConfig>();
                let is_parquet = files.is_some_and(|files| files.file_source().file_type() == "parquet");
                is_parquet || source.downcast_ref::<MemorySourceConfig>().is_some()
            }
            None => !node.is::<DataSinkExec>(),
        };
        if reads { Ok(TreeNodeRecursion::Continue) } else { exec_err!("a worker does not run {}", node.name()) }
    })?;
    Ok(WorkerPlanRewriteEventResponse::new(event.plan))
}

/// The stores of plans, opened when a plan first names them.
#[derive(Debug)]
struct BucketsOnDemand {
    s3: S3Settings,
    known: Mutex<HashMap<Url, Arc<dyn ObjectStore>>>,
}

impl ObjectStoreRegistry for BucketsOnDemand {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(url.clone(), store)
    }

    fn get_store(&self, url: &Url) -> Planned<Arc<dyn ObjectStore>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = known.get(url) {
            return Ok(Arc::clone(store));
        }
        let external = |e: Error| DataFusionError::External(Box::new(e));
        let of_lake = url.as_str().trim_start_matches("whole-");
        let location = Location::parse(of_lake, &self.s3).map_err(external)?;
        for (url, store) in Stores::of(&location).map_err(external)?.by_url()? {
            known.insert(url, store);
        }
        known.get(url).cloned().ok_or_else(|| DataFusionError::Execution(format!("no store for {url}")))
    }
}
