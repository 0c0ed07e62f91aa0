//! What reaches a terminal: answers on standard output, notes and progress on standard error. Log text is written by whoever
//! made the call, so it passes [`printable`] first.

mod out;
mod printable;
mod progress;

pub use out::{Out, note};
pub use printable::{printable, printable_line};
pub use progress::{Bar, Progress};
