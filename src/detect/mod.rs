//! Detectors are data: SQL with a TOML header in, findings out. Nothing here knows a detector by name.
//!
//! [`Library`] holds the detectors, [`Detector`] is one of them, [`run`] binds window and parameters and runs its SQL,
//! [`Finding`] is what came of a row, [`risk`] combines an entity's findings.

pub mod attack;
mod detector;
mod finding;
mod fixture;
mod join;
mod library;
pub mod risk;
mod runner;
pub mod suppression;
mod window;

pub use detector::{Confidence, Detector, Parameter, Severity};
pub use finding::{Event, Evidence, Finding, Status};
pub use fixture::expand;
pub use library::Library;
pub use runner::{Hunt, Settings, rows, run};
pub use suppression::Suppressions;
pub use window::Window;
