//! What reaches a terminal: answers on standard output, notes and progress on standard error.

mod out;
mod printable;
mod progress;

pub use out::{Out, note};
pub use printable::printable;
pub use progress::{Bar, Progress};
