//! trailhunt hunts through archived AWS CloudTrail.
//!
//! ```text
//! source  ->  decode  ->  lake  ->  engine  ->  detect  ->  report
//! which       bytes to    Parquet   SQL over    detectors   html / json / ...
//! objects     columns     + Delta   a snapshot  -> findings
//!                         log
//! ```
//!
//! Arrows point one way: a folder imports only folders to its left, and the shared modules: `error`, `schema`, `geo`,
//! `sha256`, `terminal`, `wording`. `integrity` checks what `source` lists, `sigma` reads Sigma rules, `indicators` searches
//! for what others published, `timeline` tells the story of an identity, `response` says what to do about a finding, `ask`
//! answers questions of analysts, `sample` imports nothing.
//!
//! Around the flow: `request` describes what runs, `ingest` and `hunt` are the two pipelines, `runs` is the chain of recorded runs,
//! `workbench` is where detectors are written. `cli` and `settings` parse what was typed, `resolve` turns it into requests,
//! `commands` runs them, and `supervisor` ends them in time. `tests/tidy.rs` enforces this.

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

pub mod sigma;

pub mod detect;

pub mod indicators;

pub mod timeline;

pub mod response;

pub mod report;

pub mod ask;

pub mod sample;

pub mod request;

pub mod ingest;
pub mod open;

pub mod runs;

pub mod hunt;

pub mod workbench;

pub mod mcp;

pub mod cli;
pub mod settings;

pub mod resolve;

pub mod supervisor;

pub mod commands;
