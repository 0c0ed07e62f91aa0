//! Findings of a report file, for questions about them.

use std::path::Path;

use serde_json::Value;

use crate::detect::{KnownFinding, find_finding};
use crate::error::{Error, Result};

/// The findings of a report that was written as JSON.
///
/// # Errors
/// When the file cannot be read or is not a report.
pub fn findings(report: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read(report).map_err(|source| Error::File { path: report.into(), source })?;
    let mut report_text: Value = serde_json::from_slice(&text).unwrap_or_default();
    match report_text["findings"].take() {
        Value::Array(findings) => Ok(findings),
        _ => Err(Error::Usage(format!(
            "{}: not a JSON report; `trailhunt hunt --report FILE.json` writes one",
            report.display()
        ))),
    }
}

/// The entity and time of one of these findings, as values for the parameters of the saved question `around`.
///
/// # Errors
/// [`Error::Usage`] when none or several of the findings have an id that begins with `id`.
pub fn values_of_finding(id: &str, findings: &[Value]) -> Result<Vec<(String, String)>> {
    let known: Vec<KnownFinding> = findings.iter().map(KnownFinding::of_json).collect();
    let finding = &findings[find_finding(id, &known)?];
    let member = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let pairs = [("entity", "entity"), ("begin", "first_time"), ("end", "last_time")];
    Ok(pairs.map(|(name, of)| (name.to_owned(), member(of))).into())
}
