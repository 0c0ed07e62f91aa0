//! Detectors are data: SQL with a TOML header in, findings out. No code here knows a detector by name.
//!
//! [`Library`] holds the detectors, [`Detector`] is one of them, [`run`] binds window and parameters and runs the SQL,
//! [`Finding`] is one row of the result, [`check()`] reports what is wrong with a detector before it runs, [`risk`] combines
//! the findings of an entity.

pub mod attack;
mod check;
mod contract;
mod detector;
mod finding;
mod fixture;
mod front_matter;
mod join;
mod library;
mod parameter;
pub mod past;
mod problem;
pub mod rate;
pub mod risk;
mod runner;
mod severity;
pub mod suppression;
mod window;

pub use check::check;
pub use detector::Detector;
pub use finding::{Event, Evidence, Finding, Status};
pub use fixture::{Verdict, expand};
pub use front_matter::FrontMatter;
pub use library::{Library, Unreadable, detector_id};
pub use parameter::{Parameter, value_like, value_of};
pub use problem::Problem;
pub use runner::{Hunt, Settings, conclude, plan, rows, run, run_each};
pub use severity::{Confidence, Kind, Severity};
pub use suppression::Suppressions;
pub use window::Window;
