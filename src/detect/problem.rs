//! What is wrong with a file somebody wrote, and where.

use std::fmt;

use crate::engine::Place;

/// One thing that is wrong, at its place, with the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the file.
    pub place: Place,
    /// What, and what to do.
    pub reason: String,
}

impl Problem {
    /// Shorthand; a problem is one line.
    pub fn at(place: Place, reason: impl Into<String>) -> Problem {
        Problem { place, reason: reason.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}
