//! Converts events of the Open Cybersecurity Schema Framework (OCSF), as stored in Amazon Security Lake, back to
//! CloudTrail records.
//!
//! `parquet` reads the rows of an object as JSON, `record` converts one to a record, which is then read like any other.

pub mod parquet;
pub mod record;
