//! Several machines answer one query: `--workers`.
//!
//! datafusion-distributed divides a physical plan into stages and runs their tasks on workers (`worker`), which read the
//! lake themselves. [`Cluster`] plans for them, `guard` keeps plans here that workers cannot run, `days` gives workers whole
//! days to summarise, `access` connects. A query whose worker is lost is planned and run again on the others, and here when
//! none is left.

mod access;
mod days;
mod guard;
mod resources;
mod worker;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, Result as Planned};
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned, execute_stream};
use datafusion_distributed::{DistributedExt, SessionStateBuilderExt, WorkerResolver};
use futures::future::join_all;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

pub use access::{Access, Identity};
pub use worker::{WorkerSettings, serve};

use crate::error::{Error, Result, one_line};
use crate::geo::Geo;
use crate::lake::origin_of_findings;
use access::Channels;
use guard::Guard;

/// The workers of a request.
#[derive(Debug, Clone)]
pub struct Workers {
    /// `host:port` each; `dns:host:port` stands for all addresses of the host.
    pub addresses: Vec<String>,
    /// How they are reached.
    pub access: Access,
    /// Bytes of files that one task reads.
    pub task_bytes: usize,
}

/// Workers that answered, and how to plan for them.
#[derive(Debug, Clone)]
pub struct Cluster {
    channels: Channels,
    alive: Arc<RwLock<Vec<Url>>>,
    /// What was reported.
    problems: Arc<Mutex<Vec<String>>>,
    report: fn(&str),
    version: Arc<str>,
    task_bytes: usize,
}

/// So many problems are reported.
const PROBLEMS_MAX: usize = 5;
/// The header with the version of the process that plans.
const VERSION_HEADER: &str = "trailhunt-version";

impl Cluster {
    /// Connects to the workers. `report` is called with each problem: a worker that does not answer or is of another version
    /// is left out.
    ///
    /// # Errors
    /// [`Error::Usage`] for an address that is not local without TLS and token; [`Error::Worker`] when no worker is left.
    pub async fn connect(workers: &Workers, geo: &Geo, report: fn(&str)) -> Result<Cluster> {
        let urls = access::urls(workers).await?;
        let cluster = Cluster {
            channels: Channels::new(workers.access.clone()),
            alive: Arc::default(),
            problems: Arc::default(),
            report,
            version: version(geo).into(),
            task_bytes: workers.task_bytes,
        };
        cluster.keep_those_that_answer(urls).await;
        match cluster.has_workers() {
            true => Ok(cluster),
            false => Err(Error::Worker("none of --workers can be used".into())),
        }
    }

    async fn keep_those_that_answer(&self, urls: Vec<Url>) {
        let answers = join_all(urls.iter().map(|url| self.channels.version(url))).await;
        let mut alive = Vec::new();
        for (url, answer) in urls.into_iter().zip(answers) {
            match answer {
                Ok(version) if *version == *self.version => alive.push(url),
                Ok(version) => {
                    let next = "install the same version on both sides, and use the same --geoip-db";
                    self.problem(format!("{url} is {version}, this is {}; {next}", self.version));
                }
                Err(reason) => self.problem(format!("{url} does not answer: {reason}")),
            }
        }
        *self.alive.write().unwrap_or_else(PoisonError::into_inner) = alive;
    }

    /// Leaves out workers that do not answer any more. True if there was one.
    pub(in crate::engine) async fn forget_lost(&self) -> bool {
        let known = self.alive();
        self.keep_those_that_answer(known.clone()).await;
        self.alive().len() < known.len()
    }

    /// Workers cannot run a query or summarise days: it is done here.
    pub(in crate::engine) fn gave_up(&self, error: &impl ToString) {
        let next = "a worker must reach the lake under the same path, read it, and store summaries in it";
        self.problem(format!("a part of the work is done here instead ({next}): {}", one_line(&error.to_string())));
    }

    /// Reports the first problems; the same cause often fails many queries.
    fn problem(&self, problem: String) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if !problems.contains(&problem) && problems.len() <= PROBLEMS_MAX {
            match problems.len() < PROBLEMS_MAX {
                true => (self.report)(&problem),
                false => (self.report)("there are more problems"),
            }
            problems.push(problem);
        }
    }

    /// A worker is left.
    pub(in crate::engine) fn has_workers(&self) -> bool {
        !self.alive().is_empty()
    }

    fn alive(&self) -> Vec<Url> {
        self.alive.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As `local`, but plans for the workers.
    fn state(&self, local: SessionState) -> Planned<SessionState> {
        let version = HeaderValue::from_str(&self.version).map_err(|e| DataFusionError::External(Box::new(e)))?;
        let headers = HeaderMap::from_iter([(HeaderName::from_static(VERSION_HEADER), version)]);
        let mut state = SessionStateBuilder::new_from_existing(local)
            // Before the next line, which wraps it.
            .with_query_planner(Arc::new(Guard))
            .with_distributed_planner()
            .with_distributed_worker_resolver(self.clone())
            .with_distributed_channel_resolver(self.channels.clone())
            .with_distributed_user_codec(days::Codec)
            .with_distributed_desired_task_count_handler(days::desired_tasks)
            .with_distributed_desired_task_count_handler(guard::desired_tasks)
            .with_distributed_scale_up_leaf_node_handler(days::divided)
            .with_distributed_passthrough_headers(headers)?
            // Waiting for them can hang (datafusion-distributed #739).
            .with_distributed_metrics_collection(false)?
            // A plan for one worker would have no task to send.
            .with_distributed_max_tasks_per_stage(self.alive().len().max(2))?
            .build();
        let config = state.config_mut();
        // With one partition, the engine marks nowhere that an operator needs all rows, and each task would answer for its own.
        let partitions = config.target_partitions().max(2);
        let options = config.options_mut();
        options.execution.target_partitions = partitions;
        // The distributed planner turns it off; then a scalar subquery with two rows is no error any more.
        options.optimizer.enable_physical_uncorrelated_scalar_subquery = true;
        let bytes = self.task_bytes / partitions;
        config.set_distributed_file_scan_config_bytes_per_partition(bytes.max(1))?;
        Ok(state)
    }

    /// Plans a query for the workers that are alive, or for this process.
    async fn plan(
        &self,
        local: &SessionState,
        query: &LogicalPlan,
        here: bool,
    ) -> Planned<(Arc<dyn ExecutionPlan>, Arc<TaskContext>)> {
        let state = match here || !self.has_workers() {
            true => local.clone(),
            false => self.state(local.clone())?,
        };
        Ok((state.create_physical_plan(query).await?, state.task_ctx()))
    }

    /// After an error: whether the query runs here from now on. It is not, if a worker was lost and others are left.
    ///
    /// # Errors
    /// `error`, if the query ran here already.
    async fn runs_here_after(&self, error: DataFusionError, here: bool) -> Planned<bool> {
        match here || !self.has_workers() {
            true => Err(error),
            false if self.forget_lost().await => Ok(false),
            false => {
                self.gave_up(&error);
                Ok(true)
            }
        }
    }

    /// The partitions of an answer, and the plan that gave it. If a worker is lost, the query runs again on the others; if they
    /// cannot run it, here.
    ///
    /// # Errors
    /// Those of the query when it runs here.
    pub(in crate::engine) async fn collect_partitioned(
        &self,
        local: &SessionState,
        query: &LogicalPlan,
    ) -> Planned<(Vec<Vec<RecordBatch>>, Arc<dyn ExecutionPlan>)> {
        let mut here = false;
        loop {
            // A plan runs once.
            let ran = async {
                let (plan, context) = self.plan(local, query, here).await?;
                Ok((collect_partitioned(Arc::clone(&plan), context).await?, plan))
            };
            match ran.await {
                Ok(answer) => return Ok(answer),
                Err(e) => here = self.runs_here_after(e, here).await?,
            }
        }
    }

    /// The answer, batch by batch. A worker that is lost after the first batch is an error: rows that were passed on cannot
    /// be taken back.
    ///
    /// # Errors
    /// Those of the query.
    pub(in crate::engine) async fn stream(
        &self,
        local: &SessionState,
        query: &LogicalPlan,
    ) -> Planned<BoxStream<'static, Planned<RecordBatch>>> {
        let mut here = false;
        loop {
            let ran = async {
                let (plan, context) = self.plan(local, query, here).await?;
                let mut rows = execute_stream(plan, context)?;
                Ok((rows.try_next().await?, rows))
            };
            match ran.await {
                Ok((first, rest)) => return Ok(stream::iter(first.map(Ok)).chain(rest).boxed()),
                Err(e) => here = self.runs_here_after(e, here).await?,
            }
        }
    }
}

impl WorkerResolver for Cluster {
    fn get_urls(&self) -> Planned<Vec<Url>, DataFusionError> {
        Ok(self.alive())
    }
}

/// What the processes of a cluster must have in common: the program, its SQL, the geographic databases, and the processor,
/// on which the last digits of floating-point numbers may depend.
fn version(geo: &Geo) -> String {
    use sha2::Digest;
    let mut hash = origin_of_findings();
    hash.update(geo.sources().join("\n"));
    let hash: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("trailhunt {} {hash} on {}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH)
}
