//! What one file of indicators holds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::indicator::{Kind, Mention};
use super::recognise::Recognised;
use crate::wording::shortened;

/// Characters of a description and of a type's name that are kept.
const TEXT_MAX: usize = 200;
const TYPE_MAX: usize = 40;

/// A line or object that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Line, or id of the object in the file.
    pub at: String,
    /// What is wrong.
    pub reason: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.at, self.reason)
    }
}

/// The content of one file.
#[derive(Debug, Default)]
pub struct Feed {
    file: String,
    /// Values to search for, with repetitions.
    pub indicators: Vec<(Kind, String, Mention)>,
    /// What CloudTrail does not record, by type.
    pub not_recorded: BTreeMap<String, u64>,
    /// What the file says not to use, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// What is not understood.
    pub problems: Vec<Problem>,
}

impl Feed {
    /// An empty one.
    pub fn of(file: &str) -> Feed {
        Feed { file: file.to_owned(), ..Feed::default() }
    }

    /// Adds a value. `about` says more about it; its file, place and length of texts are set here.
    pub fn add(&mut self, at: &str, value: Result<Recognised, String>, about: Mention) {
        match value {
            Ok(Recognised::Indicator(kind, value)) => {
                let text = |text: Option<String>| text.filter(|text| !text.trim().is_empty()).map(|text| short(&text));
                let mention = Mention {
                    file: self.file.clone(),
                    at: short(at),
                    description: text(about.description),
                    source: text(about.source),
                    caveat: text(about.caveat),
                    ..about
                };
                self.indicators.push((kind, value, mention));
            }
            Ok(Recognised::NotRecorded(of)) => *self.not_recorded.entry(shortened(&of, TYPE_MAX)).or_default() += 1,
            Err(reason) => self.problem(at, reason),
        }
    }

    /// Counts what the file itself says not to use.
    pub fn leave_out(&mut self, reason: &str) {
        *self.left_out.entry(reason.to_owned()).or_default() += 1;
    }

    /// Names what is not understood.
    pub fn problem(&mut self, at: &str, reason: impl Into<String>) {
        self.problems.push(Problem { file: self.file.clone(), at: short(at), reason: short(&reason.into()) });
    }
}

/// A text on one line that fits a report.
fn short(text: &str) -> String {
    shortened(&text.split_whitespace().collect::<Vec<_>>().join(" "), TEXT_MAX)
}
