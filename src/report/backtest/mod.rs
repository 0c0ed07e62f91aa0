//! A backtest: what each detector would have raised over history. [`backtest`] computes the figures, [`text`] prints them.

mod figures;
mod text;
mod verdicts;

pub use figures::{Alerts, Backtest, Contributor, Figures, Overlap, Threshold, backtest};
pub use text::text;
pub use verdicts::{Conflict, JudgedDetector, ParameterProposal};
