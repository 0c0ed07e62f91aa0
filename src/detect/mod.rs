//! Detectors are data: SQL with a TOML header in, findings out. No code here knows a detector by name.
//!
//! [`Library`] holds the detectors, [`Detector`] is one of them, [`run`] binds window and parameters and runs the SQL,
//! [`Finding`] is one row of the result, [`check()`] reports what is wrong with a detector before it runs, [`risk`] combines
//! the findings of an entity.

pub mod attack;
mod chart;
mod check;
mod contract;
mod detector;
mod finding;
mod finding_id;
mod fixture;
mod front_matter;
mod join;
mod judgement;
mod library;
mod of_sigma;
mod origin;
mod parameter;
pub mod past;
mod problem;
pub mod rate;
pub mod risk;
mod rows;
mod runner;
mod severity;
pub mod suppression;
mod verdict;
mod window;

pub use chart::{Chart, Series};
pub use check::check;
pub use detector::Detector;
pub use finding::{Event, Evidence, Finding, NextStep, Status};
pub use finding_id::{KnownFinding, find_finding};
pub use fixture::{FixtureResult, expand, later};
pub use front_matter::FrontMatter;
pub use judgement::{Judgement, Verdicts};
pub use library::{Library, Sources, Unreadable, detector_id};
pub use of_sigma::SigmaMatches;
pub use origin::Origin;
pub use parameter::{Candidates, Parameter, value_like, value_of};
pub use problem::Problem;
pub use rows::rows;
pub use runner::{Hunt, Settings, conclude, findings, plan, run, run_each};
pub use severity::{Confidence, Kind, Severity};
pub use suppression::Suppressions;
pub use verdict::{SeenBefore, Verdict};
pub use window::Window;
