//! What is wrong with a detector, a question or a fixture, and where.

use std::fmt;

use crate::engine::{Fault, Place};
use crate::error::one_line;

/// One problem, with its position and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the file.
    pub place: Place,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Problem {
    /// Shorthand; the reason is one line.
    pub fn at(place: Place, reason: impl Into<String>) -> Problem {
        Problem { place, reason: reason.into() }
    }

    /// A fault in the SQL of a file. `sql` is where the SQL begins, for faults without a place of their own.
    pub fn of_fault(fault: Fault, sql: Place) -> Problem {
        Problem::at(fault.place.unwrap_or(sql), one_line(&fault.reason))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}
