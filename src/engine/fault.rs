//! What is wrong with SQL, and where; the engine's errors in plain words.

use std::fmt;

use datafusion::common::DataFusionError;
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::error::Error;

/// A place in a text; line and column, in characters, count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

impl Place {
    /// The place of a byte of `text`.
    pub fn of(text: &str, byte: usize) -> Place {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Place { line: 1 + before.matches('\n').count() as u64, column: 1 + line.chars().count() as u64 }
    }

    /// The start of a span; `None` where the parser knows no place.
    pub(super) fn of_span(span: Span) -> Option<Place> {
        (span.start.line > 0).then_some(Place { line: span.start.line, column: span.start.column })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong with SQL, and where if that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Option<Place>,
    /// What is wrong, and the next step.
    pub reason: String,
    /// The SQL is correct, but a part of it ran out of memory.
    pub is_out_of_memory: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{place}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl Fault {
    pub(super) fn new(place: Option<Place>, reason: impl Into<String>) -> Fault {
        Fault { place, reason: reason.into(), is_out_of_memory: false }
    }

    pub(super) fn at(span: Span, reason: impl Into<String>) -> Fault {
        Fault::new(Place::of_span(span), reason)
    }

    /// The engine's error in plain words.
    pub(super) fn of(error: &DataFusionError) -> Fault {
        let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
        let place = span.map(|span| Place { line: span.start.line, column: span.start.column });
        let is_out_of_memory = is_out_of_memory(error);
        let reason = plain_words(error);
        // The parser appends the place to its message.
        match reason.rsplit_once(" at Line: ").and_then(|(words, at)| Some((words, at.split_once(", Column: ")?))) {
            Some((words, (line, column))) => {
                let number = |text: &str| text.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok();
                let place = number(line).zip(number(column)).map(|(line, column)| Place { line, column }).or(place);
                let reason = words.trim_start_matches("ParserError(\"").to_owned();
                Fault { place, reason, is_out_of_memory }
            }
            None => Fault { place, reason: shortened(reason), is_out_of_memory },
        }
    }

    /// As an error of the query `what`.
    pub fn into_error(self, what: &str) -> Error {
        if self.is_out_of_memory { Error::out_of_memory(what, self) } else { Error::query(what, self) }
    }
}

/// The engine's error as an error of the query `what`.
pub(super) fn query_error(what: &str, error: &DataFusionError) -> Error {
    let reason = plain_words(error);
    if is_out_of_memory(error) { Error::out_of_memory(what, reason) } else { Error::query(what, reason) }
}

fn is_out_of_memory(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

/// Without a similar name, the engine lists all columns; that list may be long.
fn shortened(reason: String) -> String {
    match reason.split_once("Valid fields are ") {
        Some((words, fields)) if fields.len() > 300 => {
            format!("{} `trailhunt query --describe TABLE` lists a table's columns", words.trim())
        }
        _ => reason,
    }
}

/// The engine's message without its internal prefixes.
pub(super) fn plain_words(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    // The outer layers name the engine's passes; the innermost says what is wrong.
    let mut words = text.rsplit("caused by\n").next().unwrap_or(&text);
    for prefix in [
        "Error during planning: ",
        "Schema error: ",
        "SQL error: ",
        "Execution error: ",
        "This feature is not implemented: ",
    ] {
        words = words.strip_prefix(prefix).unwrap_or(words);
    }
    // The engine's own names of the catalog and the schema.
    words.trim().replace("datafusion.public.", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_columns_is_replaced_by_the_command_that_lists_them() {
        let fields = "events.actor, ".repeat(40);
        let error = DataFusionError::Plan(format!("No field named x.\nValid fields are {fields}."));
        let expected = "No field named x. `trailhunt query --describe TABLE` lists a table's columns";
        assert_eq!(Fault::of(&error).reason, expected);
    }

    #[test]
    fn running_out_of_memory_is_recognised_at_any_depth() {
        let exhausted = || DataFusionError::ResourcesExhausted("no memory".into());
        for error in [exhausted(), exhausted().context("sorting"), DataFusionError::External(Box::new(exhausted()))] {
            assert!(matches!(query_error("q", &error), Error::OutOfMemory { .. }), "{error}");
            assert!(matches!(Fault::of(&error).into_error("q"), Error::OutOfMemory { .. }), "{error}");
        }
        let plan = DataFusionError::Plan("no such table".into());
        assert!(matches!(query_error("q", &plan), Error::Query { .. }));
        assert!(matches!(Fault::of(&plan).into_error("q"), Error::Query { .. }));
    }
}
