//! Checks a detector before it runs: parameters, window, and the columns of its plan. [`Detector::read`] has checked the
//! header and the syntax of the SQL.

use std::collections::BTreeMap;

use arrow::datatypes::Schema;

use super::contract::{CONTRACT, check_contract};
use super::front_matter::FrontMatter;
use super::{Chart, Detector, Problem, Window};
use crate::engine::{Place, Session, Sql};

/// Tables and views of single events: reading them without a window reads all of history.
const EVENT_TABLES: &[&str] = &[
    "events",
    "aggregated_calls",
    "aggregated_events",
    "aggregated_reads",
    "aggregated_records",
    "calls",
    "categorised_calls",
    "created_identities",
    "cross_account_calls",
    "identified_calls",
    "insight_events",
    "mcp_tool_calls",
    "object_calls",
    "object_writes",
    "role_assumptions",
    "secret_calls",
    "sensitive_calls",
    "targeted_calls",
];

/// The problems of a detector, each with its position and the next step. The detector is planned over `session`, whose lake
/// may be empty; nothing runs.
pub async fn check(detector: &Detector, session: &Session) -> Vec<Problem> {
    let start = Place { line: 1, column: 1 };
    let body = FrontMatter::find(&detector.text).map_or(start, |front_matter| front_matter.end());
    let sql = &detector.sql;
    let mut problems = undeclared_parameters(detector);
    problems.extend(missing_window(sql));
    if !problems.is_empty() {
        return problems;
    }
    let window = Window { from: chrono::DateTime::UNIX_EPOCH, to: chrono::DateTime::UNIX_EPOCH };
    let mut parameters = match detector.parameters(&BTreeMap::new()) {
        Ok(parameters) => parameters,
        Err(e) => return vec![Problem::at(body, e.to_string())],
    };
    parameters.extend(window.parameters());
    let places: BTreeMap<&str, Option<Place>> = CONTRACT.iter().map(|(name, _)| (*name, sql.column(name))).collect();
    match session.check(sql.clone(), &parameters).await {
        Err(fault) => vec![Problem::of_fault(fault, body)],
        Ok(schema) => match check_contract(&schema) {
            Err((name, reason)) => vec![Problem::at(places.get(name).copied().flatten().unwrap_or(body), reason)],
            Ok(()) => missing_of_chart(detector, &schema, body).into_iter().collect(),
        },
    }
}

/// A column that the header's chart names and the query does not return.
fn missing_of_chart(detector: &Detector, schema: &Schema, body: Place) -> Option<Problem> {
    let mut columns = detector.chart.iter().flat_map(Chart::columns);
    let missing = columns.find(|name| schema.field_with_name(name).is_err())?;
    Some(Problem::at(body, format!("the chart names column {missing}, which the query does not return")))
}

fn undeclared_parameters(detector: &Detector) -> Vec<Problem> {
    let is_known = |name: &str| ["from", "to"].contains(&name) || detector.params.contains_key(name);
    let undeclared = detector.sql.parameters().iter().filter(|(name, _)| !is_known(name));
    let problem = |(name, place): &(String, Place)| {
        let next = format!("add {name} = {{ default = ..., help = \"...\" }} under [params]");
        Problem::at(*place, format!("parameter ${name} is not declared; {next}"))
    };
    undeclared.map(problem).collect()
}

fn missing_window(sql: &Sql) -> Option<Problem> {
    let missing = ["from", "to"].into_iter().find(|name| !sql.uses(name))?;
    let of_events = sql.tables().iter().find(|(name, _)| EVENT_TABLES.contains(&name.as_str()));
    let (name, place) = of_events.or(sql.tables().first())?;
    let reason = match of_events {
        Some(_) => format!(
            "{name} is read without ${missing}, so all of history is read; add event_time >= $from AND event_time < $to"
        ),
        None => format!("${missing} is not used; report only rows from $from (inclusive) to $to (exclusive)"),
    };
    Some(Problem::at(*place, reason))
}
