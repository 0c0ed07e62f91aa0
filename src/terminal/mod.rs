//! What reaches a terminal: answers on standard output, notes and progress on standard error. Log text is written by whoever
//! made the call, so it passes [`printable`] first.

mod out;
mod printable;
mod progress;
mod safe_json;

pub use out::{Out, message, note};
pub use printable::{printable, printable_line, spreadsheet_cell};
pub use progress::{Bar, Progress};
pub use safe_json::SafeJson;
