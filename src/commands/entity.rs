//! `trailhunt entity`: an identity, an access key or an address on one page; or the IAM policy of what it used.

use super::Outcome;
use crate::ask;
use crate::detect::Window;
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::lake::Snapshot;
use crate::request::{EntityAnswer, EntityRequest, FindingsFrom};
use crate::terminal::{Out, Progress, note};
use crate::{hunt, open};

/// Exit code 2 if a detector failed.
pub async fn entity(request: EntityRequest, out: &mut Out) -> Result<Outcome> {
    let (snapshot, session) = open::session(&request.lake).await?;
    let window = hunt::exact_window(&snapshot, &request.period)?;
    match &request.shown {
        EntityAnswer::Page(findings) => page(&request, findings, &snapshot, &session, window, out).await,
        EntityAnswer::Policy => {
            let policy = ask::PolicyOfUse::of(&used(&request.entity, &session, window).await?);
            out.render(|out| policy.write(out))?;
            policy.notes.iter().for_each(note);
            Ok(Outcome::Done)
        }
        EntityAnswer::Unused(policy) => {
            let unused = ask::Unused::of(policy, &used(&request.entity, &session, window).await?);
            out.render(|out| unused.text(out))?;
            Ok(Outcome::Done)
        }
    }
}

async fn page(
    request: &EntityRequest,
    findings: &FindingsFrom,
    snapshot: &Snapshot,
    session: &Session,
    window: Window,
    out: &mut Out,
) -> Result<Outcome> {
    let mut failed = Vec::new();
    let findings = match findings {
        FindingsFrom::Nowhere => None,
        FindingsFrom::Report(findings) => Some(findings.clone()),
        FindingsFrom::Hunt(detection) => {
            let days = hunt::window(snapshot, &request.period)?;
            let hunt = hunt::detect(detection, session, days, Progress::Shown).await?;
            let findings: serde_json::Result<_> = hunt.findings.iter().map(serde_json::to_value).collect();
            failed = hunt.failed;
            Some(findings.map_err(|e| Error::Internal(e.to_string()))?)
        }
    };
    let mut sections = ask::sections(&request.entity, session, window).await?;
    if let Some(findings) = findings {
        sections.insert(1.min(sections.len()), ask::findings_section(&request.entity, &findings));
    }
    out.render(|out| ask::story(&request.entity, window, &sections, out))?;
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
