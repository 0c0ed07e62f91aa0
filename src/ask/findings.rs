//! Findings of a report file, for questions about them.

use std::path::Path;

use serde_json::Value;

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

/// The entity and time of a finding in a report, as values for the parameters of the saved question `around`.
///
/// # Errors
/// As [`findings`]; [`Error::Usage`] when the report has no such finding.
pub fn values_of_finding(id: &str, report: &Path) -> Result<Vec<(String, String)>> {
    let findings = findings(report)?;
    let finding = findings.iter().find(|finding| finding["id"] == id);
    let finding = finding.ok_or_else(|| Error::Usage(format!("{}: no finding {id}", report.display())))?;
    let member = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let pairs = [("entity", "entity"), ("begin", "first_time"), ("end", "last_time")];
    Ok(pairs.map(|(name, of)| (name.to_owned(), member(of))).into())
}
