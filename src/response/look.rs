//! Commands that show more about a finding.

use chrono::Days;

use super::command::Command;
use crate::detect::{Finding, NextStep};

/// What happened around it, who it is about, and what else came from there.
pub fn steps(finding: &Finding, lake: &str) -> Vec<NextStep> {
    let timeline = Command::new("trailhunt timeline").option("lake", lake);
    let timeline = timeline.and_then(|command| command.argument(&finding.id));
    let mut steps = vec![step("see in order what happened", timeline)];
    let (from, to) = days(finding).unzip();
    let within = |command: Command| -> Option<Command> {
        command.option("lake", lake)?.option("from", &from.clone()?)?.option("to", &to.clone()?)
    };
    let entity = &finding.entity;
    match finding.entity_type.as_str() {
        "actor" | "ip" | "access_key" => {
            let about = within(Command::new("trailhunt entity"));
            steps.push(step("see everything known about it", about.and_then(|command| command.argument(entity))));
            let values = [("entity", entity), ("begin", &finding.first_time), ("end", &finding.last_time)];
            let around = values.iter().try_fold(Command::new("trailhunt query around"), |command, (name, value)| {
                command.option("param", &format!("{name}={value}"))
            });
            steps.push(step("see what else came from the same addresses within an hour", around.and_then(within)));
        }
        _ => steps.push(step("list the hours without events", within(Command::new("trailhunt query coverage_gaps")))),
    }
    steps
}

fn step(purpose: &str, command: Option<Command>) -> NextStep {
    let purpose = match &command {
        Some(_) => purpose.to_owned(),
        None => format!("{purpose}; its name cannot be part of a command"),
    };
    NextStep { purpose, command: command.map(Command::text), changes: false, audience: "analyst".into() }
}

/// The first day of a finding and the day after its last.
fn days(finding: &Finding) -> Option<(String, String)> {
    let (first, last) = finding.days()?;
    Some((first.to_string(), (last + Days::new(1)).to_string()))
}
