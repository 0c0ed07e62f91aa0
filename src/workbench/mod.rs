//! Where detectors are written: a stub to start from, checks, tests on a fixture, and what a detector reads and costs.

mod check;
mod explain;
mod export;
pub mod fixture;
mod new;
mod test;

pub use check::{Checked, check, check_proposed, check_sigma};
pub use explain::{Explained, explain};
pub use export::as_sigma_rule;
pub use new::{import, new};
pub use test::{Tested, test, test_on};
