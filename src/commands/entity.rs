//! `trailhunt entity`: an identity, an access key or an address on one page; or the IAM policy of what it used.

use super::Outcome;
use crate::ask;
use crate::detect::Window;
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::lake::{Lake, Snapshot};
use crate::request::{EntityAnswer, EntityRequest, FindingsFrom, PageFormat};
use crate::terminal::{Out, Progress, note};
use crate::{hunt, open, runs};

/// Exit code 2 if a detector failed.
pub async fn entity(request: EntityRequest, out: &mut Out) -> Result<Outcome> {
    let (snapshot, session) = open::session(&request.lake).await?;
    let window = hunt::exact_window(&snapshot, &request.period)?;
    let mut entities = ask::find(&request.entity, &session).await?;
    // A person's name without an ARN is the origin of sessions, which have pages of their own.
    if entities.iter().any(|name| name.starts_with("arn:")) {
        entities.retain(|name| name.starts_with("arn:"));
    }
    match &request.shown {
        EntityAnswer::Page(findings) => {
            let mut outcome = Outcome::Done;
            // A name may be that of several: a person with two permission sets, a role in each account.
            for (at, entity) in entities.iter().enumerate() {
                if at > 0 {
                    writeln!(out)?;
                }
                outcome = outcome.max(page(entity, &request, findings, &snapshot, &session, window, out).await?);
            }
            Ok(outcome)
        }
        EntityAnswer::Policy => {
            let policy = ask::PolicyOfUse::of(&used(only(&request.entity, &entities)?, &session, window).await?);
            out.render(|out| policy.write(out))?;
            policy.notes.iter().for_each(note);
            Ok(Outcome::Done)
        }
        EntityAnswer::Unused(policy) => {
            let unused = ask::Unused::of(policy, &used(only(&request.entity, &entities)?, &session, window).await?);
            out.render(|out| unused.text(out))?;
            Ok(Outcome::Done)
        }
    }
}

/// The one identity that has the name.
fn only<'a>(typed: &str, entities: &'a [String]) -> Result<&'a str> {
    match entities {
        [one] => Ok(one),
        several => Err(Error::Usage(format!("{typed} is the name of {}; give one of them", several.join(", ")))),
    }
}

async fn page(
    entity: &str,
    request: &EntityRequest,
    findings: &FindingsFrom,
    snapshot: &Snapshot,
    session: &Session,
    window: Window,
    out: &mut Out,
) -> Result<Outcome> {
    let mut failed = Vec::new();
    let findings = match findings {
        FindingsFrom::LastRun => {
            let findings = runs::last_findings(&Lake::open(&request.lake.location).await?).await?;
            if findings.is_none() {
                note("no run is recorded yet, so no findings are shown; --hunt runs the detectors now");
            }
            findings
        }
        FindingsFrom::Report(findings) => Some(findings.clone()),
        FindingsFrom::Hunt(detection) => {
            let days = hunt::window(snapshot, &request.period)?;
            let hunt = hunt::detect(detection, session, days, Progress::Shown).await?;
            let findings: serde_json::Result<_> = hunt.findings.iter().map(serde_json::to_value).collect();
            failed = hunt.failed;
            Some(findings.map_err(|e| Error::Internal(e.to_string()))?)
        }
    };
    let mut sections = ask::sections(entity, session, window).await?;
    if let Some(findings) = findings {
        sections.insert(1.min(sections.len()), ask::findings_section(entity, &findings));
    }
    let layout = out.layout();
    match request.format {
        PageFormat::Table => out.render(|out| ask::story(entity, window, &sections, layout, out))?,
        PageFormat::Json => out.json(&ask::story_json(entity, window, &sections))?,
        PageFormat::Markdown => out.render(|out| ask::story_markdown(entity, window, &sections, out))?,
    }
    failed.iter().for_each(note);
    Ok(Outcome::complete(failed.is_empty()))
}

/// What the identity used; an error when it made no calls, because an empty policy would look like an answer.
async fn used(entity: &str, session: &Session, window: Window) -> Result<ask::Usage> {
    if ask::Kind::of(entity) == ask::Kind::Address {
        return Err(Error::Usage(format!("{entity}: an address has no policy; give the ARN of an identity")));
    }
    let usage = ask::usage(entity, session, window).await?;
    if usage.is_empty() {
        return Err(Error::Usage(format!(
            "no calls of {entity} in this period; `trailhunt query calls_by_identity` lists the identities in the lake"
        )));
    }
    Ok(usage)
}
