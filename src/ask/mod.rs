//! What an analyst asks of a lake: saved questions, the story of an entity, what columns mean, and the forms of an answer.
//!
//! A question is data, SQL with a TOML header, as a detector is. Nothing here prints.

mod answer;
mod columns;
mod entity;
mod question;

pub use answer::{csv, json, ndjson, parquet, table, written};
pub use columns::{Described, describe};
pub use entity::{Kind, Section, sections};
pub use question::{Question, QuestionParameter, Questions};

pub use crate::terminal::printable;
