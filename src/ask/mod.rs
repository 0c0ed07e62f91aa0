//! Queries of an analyst: saved questions, the page about an entity, the IAM policy of its use, what columns mean, and the
//! output formats.
//!
//! A question is data, SQL with a TOML header, as a detector is.

mod answer;
mod baseline_diff;
mod columns;
mod entity;
mod find;
mod findings;
mod iam;
mod plan;
mod question;
mod rejects;
mod shell;
mod story;

pub use answer::{Rows, csv, json, ndjson, parquet, table, written};
pub use baseline_diff::{baseline_diff, baseline_diff_text};
pub use columns::{Described, describe, describe_text, plain};
pub use entity::{Kind, Section, sections};
pub use find::find;
pub use findings::{findings, values_of_finding};
pub use iam::{GrantedPolicy, PolicyOfUse, Unused, Usage, usage};
pub use plan::{explained, reads};
pub use question::{Question, QuestionParameter, Questions};
pub use rejects::rejects;
pub use shell::shell;
pub use story::{findings_section, story, story_json, story_markdown};
