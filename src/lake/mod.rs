//! The lake: a Delta Lake table of events, partitioned by UTC day, and the ledger of what was read into it.
//!
//! This folder is the only writer of lake files. One Delta commit is the only moment at which a batch of source objects
//! becomes true: the commit adds the data files and, in the same log entry, points at the ledger and reject files
//! ([`State`], kept as Delta domain metadata). A file no commit points at is not there for any reader.
//!
//! ```text
//! LAKE/_delta_log/                         the table's log
//! LAKE/event_date=2024-02-29/<batch>.parquet
//! LAKE/_trailhunt/ledger/<batch>.parquet   one row per source object that was read
//! LAKE/_trailhunt/rejects/<batch>.parquet  one row per record that could not be read
//! LAKE/_trailhunt/rollups/<name>/<day>-<hash>.parquet  daily summaries, made again at will
//! LAKE/_trailhunt/locks/                   one nightly run at a time
//! LAKE/_trailhunt/runs/                    the chain of runs and their reports
//! ```

mod append;
mod commit;
mod compact;
mod data_file;
mod dependencies;
mod hybrid;
mod known;
mod ledger;
mod lock;
mod rollup;
mod rows;
mod runs;
mod snapshot;
mod state;
mod text_chunk;

use std::sync::Arc;

use delta_kernel::committer::FileSystemCommitter;
use delta_kernel::engine::arrow_conversion::TryFromArrow;
use delta_kernel::schema::StructType;
use delta_kernel::transaction::CommitResult;
use delta_kernel::transaction::create_table::create_table;
use delta_kernel::transaction::data_layout::DataLayout;
use delta_kernel::{Engine, Snapshot as DeltaSnapshot, SnapshotRef};
use delta_kernel_default_engine::DefaultEngineBuilder;
use delta_kernel_default_engine::executor::tokio::TokioMultiThreadExecutor;

pub use append::{Appended, Appender, Committed};
pub use compact::{Compacted, Vacuumed};
pub use dependencies::dependencies;
pub use ledger::{LEDGER, Ledger, REJECTS, Standing, ledger_schema, rejects_schema};
pub use lock::Lock;
pub use rollup::{Rolled, Rollup, VIEWS, histories, rollups, rollups_and_histories, views};
pub use runs::{Link, Record};
pub use snapshot::{DataFile, Snapshot};
pub use state::{SideFile, State};

use crate::error::{Error, Result};
use crate::schema::{PARTITION, STATISTICS, table_schema};
use crate::source::Location;

/// Who wrote a commit, as the Delta log names it.
const ENGINE_INFO: &str = concat!("trailhunt/", env!("CARGO_PKG_VERSION"));

/// A lake that exists. Needs a multi-threaded tokio runtime: the Delta library is synchronous above asynchronous stores.
pub struct Lake {
    location: Location,
    engine: Arc<dyn Engine>,
}

impl Lake {
    /// Opens a lake to read it.
    ///
    /// # Errors
    /// [`Error::Lake`] when there is no table at `location`.
    pub async fn open(location: &Location) -> Result<Lake> {
        let lake = Lake::at(location);
        if !lake.exists().await? {
            return Err(lake.failed("there is no lake here; make one with `trailhunt ingest SOURCE --lake LAKE`"));
        }
        Ok(lake)
    }

    /// Opens a lake to add to it, and makes an empty one first where there is none.
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
            Err(e) => Err(Error::storage("open", self.location.to_string(), e)),
        }
    }

    /// Commits version 0. Losing the race to make it is as good as winning it.
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
            // Somebody made it since we looked.
            Err(_) if self.exists().await? => return Ok(()),
            Err(e) => return Err(self.failed(e)),
        };
        match transaction.commit(self.engine.as_ref()).map_err(|e| self.failed(e))? {
            CommitResult::Committed(_) | CommitResult::Conflicted(_) => Ok(()),
            CommitResult::Retryable(retry) => Err(self.failed(retry.error)),
        }
    }

    fn delta_snapshot(&self) -> Result<SnapshotRef> {
        let snapshot = DeltaSnapshot::builder_for(self.location.directory_url()).build(self.engine.as_ref());
        snapshot.map_err(|e| self.failed(e))
    }

    /// What the lake holds now.
    ///
    /// # Errors
    /// [`Error::Lake`] when the table's log cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        Snapshot::read(self, self.delta_snapshot()?)
    }

    /// What the lake held at a version. Files that [`Lake::vacuum`] took away since are missed when they are read.
    ///
    /// # Errors
    /// [`Error::Lake`] when there is no such version, or none any more.
    pub async fn snapshot_at(&self, version: u64) -> Result<Snapshot> {
        let builder = DeltaSnapshot::builder_for(self.location.directory_url()).at_version(version);
        Snapshot::read(self, builder.build(self.engine.as_ref()).map_err(|e| self.failed(e))?)
    }

    fn failed(&self, reason: impl ToString) -> Error {
        Error::lake(self.location.to_string(), reason)
    }
}
