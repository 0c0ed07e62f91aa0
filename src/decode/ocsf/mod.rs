//! CloudTrail as Amazon Security Lake keeps it: events of the Open Cybersecurity Schema Framework, back to records.
//!
//! `parquet` gives the rows of an object as JSON, `record` makes a record of one. From there on it is read as any other.

pub mod parquet;
pub mod record;
