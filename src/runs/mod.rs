//! The chain of runs: what a run leaves in the lake, how it is found again, checked, handed over and announced.

mod evidence;
mod list;
mod notify;
mod record;
mod verify;

pub use evidence::{Evidence, evidence};
pub use list::{list, text};
pub use notify::{Notified, notify};
pub use record::{Run, previous, record};
pub use verify::{Verified, verify};
