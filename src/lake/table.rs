//! The Delta table behind a lake: opened, created, and the engine that reads and writes it.

use std::sync::Arc;

use delta_kernel::Engine;
use delta_kernel::committer::FileSystemCommitter;
use delta_kernel::engine::arrow_conversion::TryFromArrow;
use delta_kernel::schema::StructType;
use delta_kernel::transaction::CommitResult;
use delta_kernel::transaction::create_table::create_table;
use delta_kernel::transaction::data_layout::DataLayout;
use delta_kernel_default_engine::DefaultEngineBuilder;
use delta_kernel_default_engine::executor::tokio::TokioMultiThreadExecutor;
use futures::TryStreamExt;
use object_store::{ObjectMeta, PutMode, PutPayload};

use crate::error::{Action, Error, Result};
use crate::schema::{PARTITION, STATISTICS, table_schema};
use crate::source::Location;

/// The writer's name in the Delta log and in Parquet files.
pub(super) const ENGINE_INFO: &str = concat!("trailhunt/", env!("CARGO_PKG_VERSION"));

/// An existing lake. Needs a multi-threaded tokio runtime: the Delta library makes blocking calls to async stores.
#[derive(Clone)]
pub struct Lake {
    pub(super) location: Location,
    pub(super) engine: Arc<dyn Engine>,
}

impl Lake {
    /// Opens a lake for reading.
    ///
    /// # Errors
    /// [`Error::Lake`] when there is no table at `location`.
    pub async fn open(location: &Location) -> Result<Lake> {
        let lake = Lake::at(location);
        if !lake.exists().await? {
            return Err(lake.failed("no lake found; create one with `trailhunt ingest SOURCE --lake LAKE`"));
        }
        Ok(lake)
    }

    /// Opens a lake for writing; creates an empty one if there is none.
    ///
    /// # Errors
    /// [`Error::Lake`] when `location` cannot be written.
    pub async fn open_or_create(location: &Location) -> Result<Lake> {
        let lake = Lake::at(location);
        if !lake.exists().await? {
            lake.create().await?;
        }
        Ok(lake)
    }

    fn at(location: &Location) -> Lake {
        let executor = TokioMultiThreadExecutor::new(tokio::runtime::Handle::current());
        let engine = DefaultEngineBuilder::new(Arc::clone(location.store()));
        let engine = engine.with_task_executor(Arc::new(executor)).build();
        Lake { location: location.clone(), engine: Arc::new(engine) }
    }

    /// Where the lake is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    async fn exists(&self) -> Result<bool> {
        let log = self.location.child("_delta_log");
        let listed = self.location.store().list_with_delimiter(Some(&log)).await;
        match listed {
            Ok(listed) => Ok(!listed.objects.is_empty()),
            Err(object_store::Error::NotFound { .. }) if self.location.is_local() => Ok(false),
            Err(e) => Err(Error::storage(Action::Open, self.location.to_string(), e)),
        }
    }

    /// Commits version 0. If another process creates the table first, its table is used.
    async fn create(&self) -> Result<()> {
        if self.location.is_local() {
            let path = self.location.url().to_file_path().unwrap_or_default();
            std::fs::create_dir_all(&path).map_err(|source| Error::File { path, source })?;
        }
        let schema = StructType::try_from_arrow(table_schema().as_ref()).map_err(|e| self.failed(e))?;
        let statistics = STATISTICS.join(",");
        let transaction = create_table(self.location.directory_url(), Arc::new(schema), ENGINE_INFO, true)
            .with_table_properties([
                ("delta.feature.domainMetadata", "supported"),
                ("delta.dataSkippingStatsColumns", statistics.as_str()),
            ])
            .with_data_layout(DataLayout::partitioned([PARTITION]))
            .build(self.engine.as_ref(), Box::new(FileSystemCommitter::new()));
        let transaction = match transaction {
            Ok(transaction) => transaction,
            // Another process created it after the check.
            Err(_) if self.exists().await? => return Ok(()),
            Err(e) => return Err(self.failed(e)),
        };
        match transaction.commit(self.engine.as_ref()).map_err(|e| self.failed(e))? {
            CommitResult::Committed(_) | CommitResult::Conflicted(_) => Ok(()),
            CommitResult::Retryable(retry) => Err(self.failed(retry.error)),
        }
    }

    /// Writes a file unless it exists; false when it does.
    pub(super) async fn put_new(&self, path: &str, bytes: Vec<u8>) -> Result<bool> {
        let path = self.location.child(path);
        match self.location.store().put_opts(&path, PutPayload::from(bytes), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(e) => Err(Error::storage(Action::Write, self.location.url_of(&path), e)),
        }
    }

    /// The objects in a folder of the lake; none if it does not exist yet.
    pub(super) async fn objects_in(&self, folder: &str) -> Result<Vec<ObjectMeta>> {
        let folder = self.location.child(folder);
        match self.location.store().list(Some(&folder)).try_collect().await {
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            listed => listed.map_err(|e| Error::storage(Action::List, self.location.url_of(&folder), e)),
        }
    }

    pub(super) fn failed(&self, reason: impl ToString) -> Error {
        Error::lake(self.location.to_string(), reason)
    }
}
