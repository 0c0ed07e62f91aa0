//! Terminal output: results on standard output, notes and progress on standard error. Callers can put any text into logs,
//! so log text passes [`printable`] first.

mod out;
mod printable;
mod progress;

pub use out::{Out, note};
pub use printable::{printable, printable_line};
pub use progress::{Bar, Progress};
