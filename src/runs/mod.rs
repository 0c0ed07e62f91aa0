//! The chain of runs: records and reports in the lake, their verification, evidence bundles and notifications.

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
