//! `trailhunt entity`: an identity, an access key or an address on one page.

use super::Outcome;
use crate::ask;
use crate::error::{Error, Result};
use crate::request::{EntityRequest, FindingsFrom};
use crate::terminal::{Out, Progress, note};
use crate::{hunt, open};

/// Exit code 2 if a detector failed.
pub async fn entity(request: EntityRequest, out: &mut Out) -> Result<Outcome> {
    let (snapshot, session) = open::session(&request.lake).await?;
    let window = hunt::exact_window(&snapshot, &request.period)?;
    let mut failed = Vec::new();
    let findings = match request.findings {
        FindingsFrom::Nowhere => None,
        FindingsFrom::Report(findings) => Some(findings),
        FindingsFrom::Hunt(detection) => {
            let days = hunt::window(&snapshot, &request.period)?;
            let hunt = hunt::detect(&detection, &session, days, Progress::Shown).await?;
            let findings: serde_json::Result<_> = hunt.findings.iter().map(serde_json::to_value).collect();
            failed = hunt.failed;
            Some(findings.map_err(|e| Error::Internal(e.to_string()))?)
        }
    };
    let mut sections = ask::sections(&request.entity, &session, window).await?;
    if let Some(findings) = findings {
        sections.insert(1.min(sections.len()), ask::findings_section(&request.entity, &findings));
    }
    out.render(|out| ask::story(&request.entity, window, &sections, out))?;
    failed.iter().for_each(note);
    Ok(Outcome::complete(failed.is_empty()))
}
