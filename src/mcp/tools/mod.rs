//! The tools, by subject. Each function answers one tool; its arguments and its answer are the types beside it.

mod detectors;
mod entities;
mod findings;
mod lake;
mod questions;
mod record;

use futures::FutureExt;

use super::tool::{Tool, Tools};
use crate::error::Result;

pub use questions::{QUERY_SQL, QuerySql};
pub use record::last_report;

/// All tools.
///
/// # Errors
/// When the declaration of one is not valid, which tests exclude.
pub fn tools() -> Result<Tools> {
    let tools = [
        Tool::new(
            "lake_status",
            "What the lake holds",
            "Events, days, accounts and regions of the lake; gaps in which events are missing; records that could not be \
             read; the last run. Start here: what is not in the lake cannot be found.",
            |context, arguments| lake::lake_status(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "describe_table",
            "Tables and columns",
            "Without a table: the tables and views that SQL can read. With one: its columns, their types and meaning.",
            |context, arguments| lake::describe_table(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "list_findings",
            "Findings of a run",
            "Findings of the last recorded run, or of another one, most important first, and the riskiest identities. Each \
             day was compared only with the days before it. Filter by severity, detector, entity and status.",
            |context, arguments| findings::list_findings(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "get_finding",
            "One finding",
            "What happened, compared with what, why it matters, how often it happens here, the events it is based on, \
             benign causes and next steps. Takes an id, or how it begins.",
            |context, arguments| findings::get_finding(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "explain_baseline",
            "What is normal",
            "What a finding was compared with: its baseline and what was observed, how often findings like it occur here, \
             and the calls per day of its identity before and after.",
            |context, arguments| findings::explain_baseline(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "entity_story",
            "Story of an identity, key or address",
            "What an identity, access key or address did, in order of time, across the roles and sessions that belong to \
             it, with what was new and with findings; and its profile: addresses, habits, sensitive and denied calls.",
            |context, arguments| entities::entity_story(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "session_lineage",
            "Who is behind a session",
            "Who is behind a temporary access key, a session or a role, step by step, and the sessions that an identity \
             got. Takes an access key id, an ARN, a session name or an identity.",
            |context, arguments| entities::session_lineage(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "list_detectors",
            "Detectors",
            "The detectors: what each finds, its severity and its ATT&CK techniques. Filter by severity, tactic, and by the \
             table or service that a detector reads.",
            |context, arguments| detectors::list_detectors(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "get_detector",
            "One detector",
            "The SQL of a detector, with its header: why it matters, benign explanations, what to do, its parameters.",
            |context, arguments| detectors::get_detector(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "check_detector",
            "Check a proposed detector",
            "Checks a detector that you propose and tests it on a fixture, in memory: nothing is written. The SQL begins \
             with a TOML header in /* */. The fixture has one CloudTrail record per line; events whose eventID begins with \
             hit- must be found, those with miss- must not. See the prompt write_detector.",
            |context, arguments| detectors::check_detector(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "backtest_detector",
            "Test a detector on history",
            "How many alerts a detector would have raised on each past day, and about whom. Takes the id of a detector, with \
             other values for its parameters if you like, or the SQL of a proposed one.",
            |context, arguments| detectors::backtest_detector(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "list_questions",
            "Saved questions",
            "The saved questions and their parameters. Prefer them to SQL of your own.",
            |context, arguments| questions::list_questions(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "ask_question",
            "Ask a saved question",
            "The answer of a saved question: a summary of its columns, the first rows, and a handle with which query_sql \
             returns further rows.",
            |context, arguments| questions::ask_question(context, arguments).boxed_local(),
        )?,
        Tool::new(
            QUERY_SQL,
            "Query with SQL",
            "One SELECT over the lake. First with `sql`: a summary of the columns, the first rows and a handle. Then with \
             `handle` and `offset`: further rows. Texts are cut to 500 characters; substr() shows the rest. describe_table \
             lists tables; $from and $to are the period; `values` \
             binds texts to other $names. Aggregate in SQL instead of reading many pages.",
            |context, arguments| questions::query_sql(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "runs",
            "Recorded runs",
            "The last runs: when, which days, how many findings, what could not be read.",
            |context, arguments| record::runs(context, arguments).boxed_local(),
        )?,
        Tool::new(
            "verify",
            "Verify the records",
            "Verifies that no file of the lake, recorded run, verdict or log of calls was modified.",
            |context, arguments| record::verify(context, arguments).boxed_local(),
        )?,
    ];
    Ok(tools.into_iter().map(|tool| (tool.declaration.name.to_string(), tool)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_tool_only_reads_and_has_two_schemas_and_a_described_argument() {
        for (name, tool) in tools().unwrap() {
            let of = &tool.declaration;
            let annotations = of.annotations.as_ref().unwrap();
            assert_eq!((annotations.read_only_hint, annotations.open_world_hint), (Some(true), Some(false)), "{name}");
            assert!(of.title.is_some() && of.output_schema.is_some());
            let input = Value::Object((*of.input_schema).clone());
            assert_eq!(input["additionalProperties"], json!(false), "{name}: unknown arguments are refused");
            for (argument, schema) in input["properties"].as_object().into_iter().flatten() {
                assert!(schema["description"].is_string(), "{name}: {argument} has no description");
            }
        }
    }
}
