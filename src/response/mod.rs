//! What to do about a finding, as commands: to look at it, to take its credentials out of use, and to contain what its calls
//! did. Commands with a change are for the reader to decide on; nothing here runs one.
//!
//! The names in them come from the events of the evidence. A name that a command cannot hold safely, or that the events do
//! not have, makes no command: the step says so.

mod command;
mod credential;
mod look;
mod undo;

pub use command::quoted;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::detect::{Finding, NextStep, Severity, rows};
use crate::engine::{Parameters, Session, api_name, bind_days, bind_texts};
use crate::error::{Error, Result};

use undo::Call;

/// Steps of one finding. A last step says how many more there would be.
const STEPS_MAX: usize = 20;
/// Larger requests and responses are not read: no name is so long.
const MEMBERS_BYTES_MAX: usize = 65_536;

/// Fills in the next steps of all findings. `lake` is the location as a command takes it.
///
/// # Errors
/// When the events of the evidence cannot be read.
pub async fn add_next_steps(session: &Session, findings: &mut [Finding], lake: &str) -> Result<()> {
    let calls = calls(session, findings).await?;
    for finding in findings {
        let mut steps = look::steps(finding, lake);
        if finding.severity > Severity::Informational {
            steps.extend(credential::steps(finding));
            let of_finding = finding.evidence.events.iter().filter_map(|event| calls.get(&event.event_id));
            steps.extend(of_finding.flat_map(undo::steps));
        }
        finding.next_steps = distinct(steps);
    }
    Ok(())
}

/// Each step once, in order, and at most [`STEPS_MAX`] of them.
fn distinct(steps: Vec<NextStep>) -> Vec<NextStep> {
    let mut distinct: Vec<NextStep> = Vec::new();
    for step in steps {
        if !distinct.contains(&step) {
            distinct.push(step);
        }
    }
    let more = distinct.len().saturating_sub(STEPS_MAX);
    if more > 0 {
        distinct.truncate(STEPS_MAX);
        let purpose = format!("{more} more steps like these: look at the evidence for the other calls");
        distinct.push(NextStep { purpose, command: None, changes: true, audience: "analyst".into() });
    }
    distinct
}

/// The calls among the evidence that succeeded and that can be contained, by event id.
async fn calls(session: &Session, findings: &[Finding]) -> Result<BTreeMap<String, Call>> {
    let (mut ids, mut names, mut days) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let responded = findings.iter().filter(|finding| finding.severity > Severity::Informational);
    for event in responded.flat_map(|finding| &finding.evidence.events).filter(|event| event.error_code.is_none()) {
        let (Some(source), Some(name)) = (&event.event_source, &event.event_name) else { continue };
        if undo::has(source, api_name(name)) {
            ids.insert(event.event_id.clone());
            names.insert(name.clone());
            days.extend(event.event_time.as_ref().and_then(|time| time.get(..10)).map(str::to_owned));
        }
    }
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut parameters = Parameters::new();
    let names = bind_texts(&mut parameters, "name", names);
    let days = bind_days(&mut parameters, days);
    let wanted = session.temp_table("event_id", ids)?;
    let member = |name: &str| format!("CASE WHEN length({name}) <= {MEMBERS_BYTES_MAX} THEN {name} END AS {name}");
    let sql = format!(
        "SELECT e.event_id, event_source, event_name, account_id, aws_region, {}, {} \
         FROM {wanted} AS w JOIN events AS e ON e.event_id = w.event_id \
         WHERE e.event_name IN ({names}) AND e.event_date IN ({days}) AND error_code IS NULL",
        member("request_parameters"),
        member("response_elements"),
    );
    let batches = session.query("next steps", &sql, &parameters).await?.collect().await?;
    let rows = rows(&batches).map_err(|e| Error::query("next steps", e))?;
    let calls = rows.into_iter().map(|row| {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let members = |name: &str| serde_json::from_str::<Value>(text(name)).unwrap_or_default();
        let call = Call {
            event_id: text("event_id").to_owned(),
            event_source: text("event_source").to_owned(),
            api: api_name(text("event_name")).to_owned(),
            account_id: text("account_id").to_owned(),
            region: text("aws_region").to_owned(),
            members: json!({"request": members("request_parameters"), "response": members("response_elements")}),
        };
        (call.event_id.clone(), call)
    });
    Ok(calls.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_listed_once_and_the_rest_is_counted() {
        let step = |n: usize| NextStep {
            purpose: format!("step {n}"),
            command: None,
            changes: true,
            audience: "analyst".into(),
        };
        assert_eq!(distinct(vec![step(1), step(2), step(1)]), [step(1), step(2)]);
        let many = distinct((0..25).map(step).collect());
        assert_eq!((many.len(), many[20].purpose.split(':').next().unwrap()), (21, "5 more steps like these"));
    }
}
