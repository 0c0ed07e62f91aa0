//! The report of a run: window, data coverage, baselines, findings, risk per identity, and recommended actions.
//!
//! [`report`] assembles a [`Report`] from a hunt and from the queries in `sql/report`; [`Output`] writes it to a file in
//! one of several formats, one source file per format; [`text`] summarises it for a terminal.

mod assemble;
pub mod backtest;
pub mod bundle;
mod compare;
mod compliance;
mod coverage;
mod csv;
mod detector_summary;
mod document;
pub mod explanation;
mod html;
mod indicators;
mod json;
mod lake_status;
mod listing;
mod markdown;
mod matrix;
mod names;
mod ocsf;
mod oscal;
mod output;
mod recommendation;
mod records;
mod sarif;
#[cfg(test)]
mod schema;
mod sections;
mod stale;
mod summary;
mod text;
mod timelines;

pub use assemble::{ReportInputs, report};
pub use compare::Previous;
pub use compliance::{Control, Framework};
pub use coverage::{Coverage, History};
pub use detector_summary::DetectorSummary;
pub use document::{FORMAT_VERSION, Report, Run};
pub use indicators::{csv as indicators_csv, text as indicators_text};
pub use json::json;
pub use lake_status::LakeStatus;
pub use listing::{FindingLine, Listing, Risk};
pub use matrix::{Matrix, Technique};
pub use output::{Format, Output};
pub use recommendation::Recommendation;
pub use sections::{Judged, Row, section};
pub use summary::{Brief, Summary};
pub use text::text;
