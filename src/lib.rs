//! trailhunt hunts through archived AWS CloudTrail.
//!
//! ```text
//! source  ->  decode  ->  lake  ->  engine  ->  detect  ->  report
//! which       bytes to    Parquet   SQL over    detectors   html / json / ...
//! objects     columns     + Delta   a snapshot  -> findings
//!                         log
//! ```
//!
//! Arrows go one way: a folder imports only those to its left, and what every folder may use: `error`, `schema`,
//! `geo`, `sha256`, `terminal`, `wording`.
//! `integrity` stands beside the flow and checks what `source` lists, `ask` answers an analyst beside `report`. `cli`,
//! `settings` and `commands` stand below them all, `sample` beside them. `tests/tidy.rs` keeps it so.

#![warn(missing_docs)]

pub mod error;
pub mod geo;
pub mod schema;
pub mod sha256;
pub mod terminal;
pub mod wording;

pub mod source;

pub mod integrity;

pub mod decode;

pub mod lake;

pub mod engine;

pub mod detect;

pub mod report;

pub mod ask;

pub mod sample;

pub mod cli;
pub mod commands;
pub mod settings;
