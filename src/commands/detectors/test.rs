//! `trailhunt detectors test`: detectors on their own fixtures.

use std::path::PathBuf;

use crate::commands::query::printable;
use crate::commands::{Outcome, fixture};
use crate::detect::{Detector, Hunt, Library, Verdict, expand};
use crate::error::{Error, Result};

/// Carries out `detectors test`: each on its own fixture, read through the real decode. Exit code 2 when one fails.
/// Without ids it tests the folders' detectors, or those that come with the program when no folder is named.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub async fn test(ids: &[String], folders: &[PathBuf]) -> Result<Outcome> {
    let library = Library::load(folders)?;
    let mut detectors = library.select(ids)?;
    detectors.retain(|detector| !ids.is_empty() || folders.is_empty() || detector.path.is_some());
    let mut failed = 0;
    for detector in &detectors {
        let (verdict, hunt) = one(detector).await?;
        let word = if verdict.passed() { "ok" } else { "FAILED" };
        println!(
            "{word:8}  {}: {} of {} hits found, {} of {} misses left alone",
            detector.id,
            verdict.hits - verdict.missed.len(),
            verdict.hits,
            verdict.misses - verdict.wrong.len(),
            verdict.misses
        );
        for finding in &hunt.findings {
            println!("          {} {:.2}: {}", finding.severity, finding.score, printable(&finding.summary));
        }
        for id in verdict.missed.iter().take(5) {
            println!("          {id} is no evidence of any finding and should be");
        }
        for id in verdict.wrong.iter().take(5) {
            println!("          {id} is evidence of a finding and should not be");
        }
        failed += usize::from(!verdict.passed());
    }
    println!("tested    {} detectors, {failed} failed", detectors.len());
    Ok(if failed == 0 { Outcome::Done } else { Outcome::Incomplete })
}

/// A detector on its own fixture.
async fn one(detector: &Detector) -> Result<(Verdict, Hunt)> {
    let id = &detector.id;
    let text = detector.fixture()?.ok_or_else(|| {
        let next = "write the smallest history that shows it, one CloudTrail record a line";
        Error::Usage(format!("{id}: there is no {id}.events.jsonl beside it; {next}"))
    })?;
    let records = expand(&text).map_err(|problem| Error::Usage(format!("{id}.events.jsonl: {problem}")))?;
    let mut hunt = fixture::hunt(&records, &[detector]).await?;
    if let Some(error) = hunt.failed.pop() {
        return Err(error);
    }
    Ok((Verdict::of(id, &records, &hunt.findings), hunt))
}
