//! SQL over a snapshot: the tables, the views, the functions.
//!
//! Tables: `events` (schema.rs), `objects` (the ledger), `rejects`, the rollups `sql/rollups/*.sql` and the histories
//! `sql/histories/*.sql`. Views: `sql/views/*.sql`. Functions: `udf`, one per file, and the JSON functions of
//! datafusion-functions-json. Table functions: `sql/functions/*.sql`. Only this folder uses DataFusion.

pub mod cluster;
mod condition;
mod context;
mod explain;
mod fault;
mod in_memory;
mod lint;
mod members;
mod query;
mod reads;
mod roll_up;
mod rollup;
mod rules;
mod scan_stats;
mod semi_join;
mod services;
mod session;
mod size;
mod sql;
mod summarise;
mod table;
mod table_function;
mod tables;
pub mod udf;
mod value;
mod whole_files;

pub use cluster::{Access, Cluster, Identity, WorkerSettings, Workers};
pub use condition::Condition;
pub use context::MEMORY_BYTES;
pub use explain::Plan;
pub use fault::{Fault, Place};
pub use query::Query;
pub use roll_up::roll_up;
pub use rules::Rule;
pub use scan_stats::Read;
pub use services::names_service;
pub use session::{Session, TempTable, session};
pub use sql::Sql;
pub use table_function::{TableFunction, table_functions};
pub use udf::api_name;
pub use value::{Parameters, Value, bind_days, bind_texts};
