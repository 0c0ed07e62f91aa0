//! Tests detectors on their own fixtures.

use std::io::Write;

use super::fixture;
use crate::detect::{Detector, FixtureResult, Hunt, expand};
use crate::error::{Error, Result};
use crate::terminal::printable;

/// Event ids that are listed per problem.
const LISTED_MAX: usize = 5;

/// What a detector did on its fixture.
#[derive(Debug)]
pub struct Tested {
    /// The detector's id.
    pub id: String,
    /// Hits found and misses reported.
    pub result: FixtureResult,
    /// What it found.
    pub hunt: Hunt,
}

/// Runs a detector on its fixture, read through the real ingest.
///
/// # Errors
/// When there is no fixture, a record in it cannot be read, or the detector fails.
pub async fn test(detector: &Detector) -> Result<Tested> {
    let id = &detector.id;
    let text = detector.fixture()?.ok_or_else(|| {
        let next = "write the smallest history that shows the behaviour, one CloudTrail record per line";
        Error::Usage(format!("{id}: no {id}.events.jsonl beside it; {next}"))
    })?;
    test_on(detector, &text).await
}

/// Runs a detector on the text of a fixture.
///
/// # Errors
/// When a record in it cannot be read, or the detector fails.
pub async fn test_on(detector: &Detector, text: &str) -> Result<Tested> {
    let id = &detector.id;
    let records = expand(text).map_err(|problem| Error::Usage(format!("{id}.events.jsonl: {problem}")))?;
    let mut hunt = fixture::hunt(&records, &[detector]).await?;
    if let Some(error) = hunt.failed.pop() {
        return Err(error);
    }
    Ok(Tested { id: id.clone(), result: FixtureResult::of(id, &records, &hunt.findings), hunt })
}

impl Tested {
    /// Writes the result, the findings, and the events that are missing or wrong.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn text(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Tested { id, result, hunt } = self;
        writeln!(
            out,
            "{:8}  {id}: {} of {} hits found, {} of {} misses reported",
            if result.passed() { "ok" } else { "FAILED" },
            result.hits - result.missed.len(),
            result.hits,
            result.wrong.len(),
            result.misses
        )?;
        for finding in &hunt.findings {
            writeln!(out, "          {} {:.2}: {}", finding.severity, finding.score, printable(&finding.summary))?;
        }
        for id in result.missed.iter().take(LISTED_MAX) {
            writeln!(out, "          {id} should be evidence of a finding and is not")?;
        }
        for id in result.wrong.iter().take(LISTED_MAX) {
            writeln!(out, "          {id} is evidence of a finding and should not be")?;
        }
        Ok(())
    }
}
