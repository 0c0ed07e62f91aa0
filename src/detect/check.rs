//! What is wrong with a detector, found before it runs: SQL, parameters, window, columns. The header is
//! [`Detector::read`]'s.

use std::collections::BTreeMap;

use super::detector::uses;
use super::runner::check_contract;
use super::{Detector, Problem, Window};
use crate::engine::{Fault, Place, Session, Sql};

/// Tables and views of single events: without a window they are all of history.
const OF_EVENTS: &[&str] = &[
    "events",
    "calls",
    "categorised_calls",
    "created_identities",
    "cross_account_calls",
    "insight_events",
    "object_calls",
    "object_writes",
    "role_assumptions",
    "sensitive_calls",
    "targeted_calls",
];

/// What is wrong with a detector whose header is well formed, each with its place and the next step. It is planned over
/// `session`, whose lake may be empty; nothing is run.
pub async fn check(detector: &Detector, session: &Session) -> Vec<Problem> {
    let text = &detector.text;
    let body = Place::of(text, text.find("*/").map_or(0, |end| end + 2));
    let at = |place: Option<Place>| place.unwrap_or(body);
    let of_fault = |fault: Fault| vec![Problem::at(at(fault.place), one_line(&fault.reason))];
    let sql = match Sql::parse(text) {
        Ok(sql) => sql,
        Err(fault) => return of_fault(fault),
    };
    let mut problems = of_parameters(detector, &sql);
    problems.extend(of_window(&sql));
    if !problems.is_empty() {
        return problems;
    }
    let window = Window { from: chrono::DateTime::UNIX_EPOCH, to: chrono::DateTime::UNIX_EPOCH };
    let mut parameters = match detector.parameters(&BTreeMap::new()) {
        Ok(parameters) => parameters,
        Err(e) => return vec![Problem::at(body, e.to_string())],
    };
    parameters.extend(window.parameters());
    parameters.retain(|name, _| uses(text, name));
    let places: BTreeMap<String, Option<Place>> =
        super::runner::CONTRACT.iter().map(|(name, _)| ((*name).to_owned(), sql.column(name))).collect();
    match session.check(sql, &parameters).await {
        Err(fault) => of_fault(fault),
        Ok(schema) => match check_contract(&schema) {
            Err((name, reason)) => vec![Problem::at(at(places.get(name).copied().flatten()), reason)],
            Ok(()) => Vec::new(),
        },
    }
}

fn of_parameters(detector: &Detector, sql: &Sql) -> Vec<Problem> {
    let known = |name: &str| ["from", "to"].contains(&name) || detector.params.contains_key(name);
    let undeclared = sql.parameters().iter().filter(|(name, _)| !known(name)).map(|(name, place)| {
        let next = format!("write {name} = {{ default = ..., help = \"...\" }} under [params]");
        Problem::at(*place, format!("parameter ${name} is not declared; {next}"))
    });
    // A name in a comment or a text is no use of it.
    let is_used = |name: &str| sql.parameters().iter().any(|(used, _)| used == name);
    let unused = detector.params.keys().filter(|name| !is_used(name)).map(|name| {
        let line = detector.text.find(&format!("\n{name}")).map_or(0, |at| at + 1);
        let reason = format!("parameter {name} is declared and never used as ${name}; use it or leave it out");
        Problem::at(Place::of(&detector.text, line), reason)
    });
    undeclared.chain(unused).collect()
}

fn of_window(sql: &Sql) -> Option<Problem> {
    let missing = ["from", "to"].into_iter().find(|name| !sql.parameters().iter().any(|(used, _)| used == name))?;
    let of_events = sql.tables().iter().find(|(name, _)| OF_EVENTS.contains(&name.as_str()));
    let (name, place) = of_events.or(sql.tables().first())?;
    let reason = match of_events {
        Some(_) => format!(
            "{name} is read without ${missing}, which is all of history; add event_time >= $from AND event_time < $to"
        ),
        None => format!("${missing} is not used; judge only rows from $from on and before $to"),
    };
    Some(Problem::at(*place, reason))
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
