//! The findings as comma-separated values (RFC 4180), one row per finding, safe to open in a spreadsheet.

use std::io::Write;

use super::document::Report;
use crate::detect::Finding;
use crate::terminal::spreadsheet_cell;

/// A column: its header, and its value for a finding.
type Column = (&'static str, fn(&Finding) -> String);

const COLUMNS: [Column; 18] = [
    ("id", |f| f.id.clone()),
    ("status", |f| word(f.status)),
    ("severity", |f| f.severity.to_string()),
    ("confidence", |f| word(f.confidence)),
    ("score", |f| format!("{:.3}", f.score)),
    ("detector", |f| f.detector.clone()),
    ("title", |f| f.title.clone()),
    ("entity_type", |f| f.entity_type.clone()),
    ("entity", |f| f.entity.clone()),
    ("actor", |f| f.actor.clone().unwrap_or_default()),
    ("origin", |f| f.origin.as_ref().map(|origin| origin.identity.clone()).unwrap_or_default()),
    ("account_id", |f| f.account_id.clone().unwrap_or_default()),
    ("region", |f| f.region.clone().unwrap_or_default()),
    ("first_time", |f| f.first_time.clone()),
    ("last_time", |f| f.last_time.clone()),
    ("summary", |f| f.summary.clone()),
    ("attack", |f| f.attack.join(" ")),
    ("events", |f| f.evidence.total.to_string()),
];

/// Writes a header, the findings and the resolved findings.
///
/// # Errors
/// When `out` cannot be written.
pub fn csv(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let names = COLUMNS.map(|(name, _)| name.to_owned());
    write!(out, "{}\r\n", names.join(","))?;
    for finding in report.findings.iter().chain(&report.resolved) {
        let fields = COLUMNS.map(|(_, text)| field(&text(finding)));
        write!(out, "{}\r\n", fields.join(","))?;
    }
    Ok(())
}

/// An enum value as the JSON report writes it.
pub(super) fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A quoted field.
pub(super) fn field(text: &str) -> String {
    format!("\"{}\"", spreadsheet_cell(text).replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_and_quotes_are_escaped() {
        assert_eq!(field("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\"");
        assert_eq!(field("@SUM(1)"), "\"'@SUM(1)\"");
        assert_eq!(field("a,b\nc\r\u{1b}"), "\"a,b\nc\u{fffd}\u{fffd}\"");
    }
}
