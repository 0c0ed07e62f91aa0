//! Terminal output: results on standard output, notes and progress on standard error. Callers can put any text into logs,
//! so log text passes [`printable`] first.

mod out;
mod printable;
mod progress;
mod safe_json;

pub use out::{Out, message, note};
pub use printable::{printable, printable_line, spreadsheet_cell};
pub use progress::{Bar, Progress};
pub use safe_json::SafeJson;
