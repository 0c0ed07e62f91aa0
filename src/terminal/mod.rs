//! What reaches a terminal. Log text is chosen by whoever made the call, so it passes [`printable`] first.

mod printable;

pub use printable::{printable, printable_line};
