//! Detectors are data: SQL with a TOML header in, findings out. Nothing here knows a detector by name.
//!
//! [`Library`] holds the detectors, [`Detector`] is one of them, [`run`] binds window and parameters and runs its SQL,
//! [`Finding`] is what came of a row, [`check()`] says what is wrong with a detector before it runs, [`risk`] combines an entity's findings.

pub mod attack;
mod check;
mod detector;
mod finding;
mod fixture;
mod join;
mod library;
mod problem;
pub mod risk;
mod runner;
pub mod suppression;
mod window;

pub use check::check;
pub use detector::{Confidence, Detector, Parameter, Severity, plain as plain_value, typed as value_like};
pub use finding::{Event, Evidence, Finding, Status};
pub use fixture::{Verdict, expand};
pub use library::{Library, detector_id};
pub use problem::Problem;
pub use runner::{Hunt, Settings, plan, rows, run};
pub use suppression::Suppressions;
pub use window::Window;
