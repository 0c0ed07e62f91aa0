//! Where detectors are written: a stub to start from, checks, tests on a fixture, and what a detector reads and costs.

mod check;
mod explain;
pub mod fixture;
mod new;
mod test;

pub use check::{Checked, check};
pub use explain::{Explained, explain};
pub use new::new;
pub use test::{Tested, test};
