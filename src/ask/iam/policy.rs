//! The IAM policy that covers what an identity successfully did, and what it cannot cover.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use super::catalogue::Action;
use super::usage::{Calls, Usage};
use crate::terminal::SafeJson;
use crate::wording::counted;

/// A policy document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: Vec<String>,
    resource: Vec<String>,
}

/// A policy with notes about it.
#[derive(Debug)]
pub struct PolicyOfUse {
    document: Document,
    /// What the reader has to know, one sentence each.
    pub notes: Vec<String>,
}

impl PolicyOfUse {
    /// The policy for this use. Actions with the same resources share a statement.
    pub fn of(usage: &Usage) -> PolicyOfUse {
        let mut statements: BTreeMap<(&str, Vec<String>), Vec<String>> = BTreeMap::new();
        for (action, resources) in &usage.used {
            let is_limited = action.supports_resources() && !resources.has_unnamed;
            let arns = if is_limited { resources.arns.iter().cloned().collect() } else { vec!["*".to_owned()] };
            statements.entry((action.prefix, arns)).or_default().push(action.to_string());
        }
        let statement = |((_, resource), action): ((&str, Vec<String>), Vec<String>)| Statement {
            effect: "Allow",
            action,
            resource,
        };
        let statement = statements.into_iter().map(statement).collect();
        PolicyOfUse { document: Document { version: "2012-10-17", statement }, notes: notes(usage) }
    }

    /// Writes the policy document.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        serde_json::to_writer_pretty(SafeJson::new(&mut *out), &self.document)?;
        writeln!(out)
    }
}

fn notes(usage: &Usage) -> Vec<String> {
    let mut notes = Vec::new();
    let mut list = |what: &str, calls: &Calls| {
        let shown: Vec<_> = calls.iter().map(|(api, n)| format!("{api} ({})", counted(*n, "call"))).collect();
        if !shown.is_empty() {
            notes.push(format!("{what}: {}", shown.join(", ")));
        }
    };
    list("no known IAM action, not in the policy", &usage.unknown);
    list("denied, not in the policy", &usage.denied);
    list("failed for another reason, not in the policy", &usage.failed);
    list("needs no permission", &usage.without_policy);
    let unnamed = usage.used.iter().filter(|(action, of)| action.supports_resources() && of.has_unnamed);
    let unnamed: Vec<Action> = unnamed.map(|(action, _)| *action).collect();
    if !unnamed.is_empty() {
        notes.push(format!("Resource is * because the log names no ARN for {}", names(&unnamed)));
    }
    for (service, actions) in &usage.via {
        notes.push(format!("needed because {service} called on its behalf: {}", names(actions)));
    }
    for (role, apis) in &usage.passed_roles {
        let apis: Vec<_> = apis.iter().map(String::as_str).collect();
        notes.push(format!("may need iam:PassRole for {role}, which is not logged: named in {}", apis.join(", ")));
    }
    notes
}

fn names<'a>(actions: impl IntoIterator<Item = &'a Action>) -> String {
    actions.into_iter().map(Action::to_string).collect::<Vec<_>>().join(", ")
}
