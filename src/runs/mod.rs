//! The chain of runs: records and reports in the lake, their verification, evidence bundles and notifications; and the
//! verdicts on their findings.

mod evidence;
mod findings;
mod list;
mod notify;
mod record;
mod verdict;
mod verify;

pub use evidence::{Evidence, evidence};
pub use findings::{Reported, finding, reported};
pub use list::{last, list, text};
pub use notify::{Notified, notify};
pub use record::{Run, last_findings, listing, previous, record};
pub use verdict::{Recorded, judge, verdict_lines, verdicts};
pub use verify::{Verified, verify};
