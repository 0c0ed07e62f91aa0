//! `trailhunt explain`: a finding in words, for a person who sees it for the first time.

use super::Outcome;
use crate::detect::{Finding, SeenBefore, Verdicts};
use crate::error::Result;
use crate::lake::Lake;
use crate::report::explanation::{self, Explanation};
use crate::request::{ExplanationFormat, ExplanationRequest};
use crate::runs;
use crate::terminal::{Out, note};

/// Exit code 2 if a verdict in the lake, or the finding's detector, cannot be read.
pub async fn explain(request: ExplanationRequest, out: &mut Out) -> Result<Outcome> {
    let lake = Lake::open(&request.lake).await?;
    let mut finding = match &request.report {
        Some(report) => report.finding(&request.finding)?.clone(),
        None => runs::finding(&lake, &request.finding).await?,
    };
    let verdicts = runs::verdicts(&lake).await?;
    judge(&mut finding, &verdicts);
    // A detector that is not known is no error: the explanation says so.
    let detector = request.library.get(&finding.detector).ok();
    let explained = Explanation::of(&finding, detector);
    let layout = out.layout();
    match request.format {
        ExplanationFormat::Text => out.render(|out| explanation::text(&explained, layout, out))?,
        ExplanationFormat::Markdown => out.render(|out| explanation::markdown(&explained, out))?,
        ExplanationFormat::Json => out.json(&explained)?,
    }
    let unreadable = request.library.unreadable.iter().filter(|file| file.id == finding.detector);
    let unread: Vec<String> = unreadable.map(|file| file.error().to_string()).chain(verdicts.unread).collect();
    unread.iter().for_each(note);
    Ok(Outcome::complete(unread.is_empty()))
}

/// Gives the finding the newest verdict of the lake. Its run has only those that were given before it.
fn judge(finding: &mut Finding, verdicts: &Verdicts) {
    let recorded = finding.verdict.take();
    verdicts.mark(std::slice::from_mut(finding));
    // The recorded one also names a suppression that it cancels.
    let is_recorded = |seen: &SeenBefore| {
        recorded.as_ref().is_some_and(|recorded| (&recorded.at, &recorded.finding) == (&seen.at, &seen.finding))
    };
    if finding.verdict.as_ref().is_none_or(is_recorded) {
        finding.verdict = recorded;
    }
}
