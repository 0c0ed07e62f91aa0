//! Terminal output: results on standard output, notes and progress on standard error. [`Layout`] decides width and colours.
//! Callers can put any text into logs, so log text passes [`printable`] first.

mod layout;
mod out;
mod pager;
mod printable;
mod progress;
mod safe_json;
mod table;

pub use layout::{Layout, stdout_size};
pub use out::{Out, message, note};
pub use pager::paged;
pub use printable::{inert, printable, printable_line, spreadsheet_cell};
pub use progress::{Bar, Progress};
pub use safe_json::SafeJson;
pub use table::{Column, Missing, Table};
