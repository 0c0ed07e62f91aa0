//! Tests of the program from outside, in one binary: linking takes longer than most of them.
//!
//! ```sh
//! cargo test --test tests                  # all of them
//! cargo test --test tests walk_forward::   # one module
//! ```

mod accounting;
mod aggregated;
mod altered;
mod cli;
mod common;
mod cross_fire;
mod demo;
mod detectors;
mod digests;
mod docs;
mod evaluation;
mod exactly_once;
mod explain;
mod fuzz_decode;
mod incidents;
mod indicators;
mod least_privilege;
mod lineage;
mod live;
mod log_text;
mod next_steps;
mod odd;
mod questions;
mod rates;
mod runs;
mod sample;
mod security_lake;
mod shared_data;
mod shell;
mod sigma;
mod sigma_engines;
mod silence;
mod skill;
mod snapshots;
mod sources;
mod tidy;
mod timeline;
mod unfamiliar;
mod verdicts;
mod walk_forward;
mod wrong_detectors;
