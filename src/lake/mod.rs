//! The lake: a Delta Lake table of events, partitioned by UTC day, and the ledger of the source objects read into it.
//!
//! Only this folder writes lake files. A batch of source objects becomes visible in one Delta commit: it adds the data
//! files and, in the same log entry, names the ledger and reject files ([`State`], kept as Delta domain metadata).
//! Readers never see a file that no commit names.
//!
//! ```text
//! LAKE/_delta_log/                         the table's log
//! LAKE/event_date=2024-02-29/<batch>.<sha256>.parquet
//! LAKE/_trailhunt/ledger/<batch>.<sha256>.parquet   one row per source object that was read
//! LAKE/_trailhunt/rejects/<batch>.<sha256>.parquet  one row per record that could not be read
//! LAKE/_trailhunt/rollups/<day>-<hash>.<sha256>.zip  daily summaries, one Parquet file per table within; they can be
//!                                          recomputed at any time
//! LAKE/_trailhunt/rollups/<history>/<day>-<hash>.<sha256>.parquet  what depends on all earlier days, the same
//! LAKE/_trailhunt/past_findings/<day>-<hash>.<sha256>.parquet  results of detectors by day; they can be recomputed too
//! LAKE/_trailhunt/sigma_matches/<day>-<hash>.<sha256>.parquet  matches of Sigma rules by day, the same
//! LAKE/_trailhunt/locks/                   the lock of the nightly run
//! LAKE/_trailhunt/runs/                    the chain of runs and their reports
//! LAKE/_trailhunt/verdicts/                the chain of verdicts on findings
//! LAKE/_trailhunt/calls/                   the chain of calls of agents
//! ```
//!
//! `<sha256>` is the hash of the file's content.

mod append;
mod calls;
mod chain;
mod check;
mod checksum;
mod commit;
mod compact;
mod data_file;
mod day_results;
mod dependencies;
mod hybrid;
mod known;
mod ledger;
mod ledger_schema;
mod lock;
mod log;
mod pack;
mod rollup;
mod rows;
mod runs;
mod side_file;
mod snapshot;
mod span;
mod sql_files;
mod state;
mod table;
#[cfg(test)]
pub(crate) mod test_store;
mod text_chunk;
mod verdicts;

pub use append::{Appended, Appender, Committed};
pub use calls::{CallLog, CallRecord};
pub use chain::ChainLink;
pub use check::CheckedFiles;
pub use compact::{Compacted, Vacuumed};
pub use day_results::DayResult;
pub use dependencies::{dependencies, rollups_in_order};
pub use ledger::{Ledger, ObjectState};
pub use ledger_schema::{LEDGER, REJECTS, ledger_schema, rejects_schema};
pub use lock::Lock;
pub use log::{CheckedLog, LogFiles};
pub use pack::Member;
pub use rollup::{InPack, Pack, Rolled};
pub use runs::{Link, Record, RunFiles, StoredFile};
pub use side_file::SideFile;
pub use snapshot::{DataFile, Snapshot};
pub use sql_files::{FUNCTIONS, Rollup, VIEWS, histories, origin_of_findings, rollups, rollups_and_histories, views};
pub use state::State;
pub use table::Lake;
pub use verdicts::VerdictRecord;
