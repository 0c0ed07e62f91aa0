//! The findings as comma-separated values, RFC 4180, one a line: for spreadsheets, which take some texts for formulas.

use std::io::Write;

use super::Report;
use crate::detect::Finding;

/// Name of a column, and what stands in it.
type Column = (&'static str, fn(&Finding) -> String);

const COLUMNS: [Column; 17] = [
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
    ("account_id", |f| f.account_id.clone().unwrap_or_default()),
    ("region", |f| f.region.clone().unwrap_or_default()),
    ("first_time", |f| f.first_time.clone()),
    ("last_time", |f| f.last_time.clone()),
    ("summary", |f| f.summary.clone()),
    ("attack", |f| f.attack.join(" ")),
    ("events", |f| f.evidence.total.to_string()),
];

/// Writes the findings and what is resolved, with a header.
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

/// A word of the report, as it is written there.
fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A quoted field. What a spreadsheet would compute gets an apostrophe in front, as OWASP advises.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let text = text.replace('\0', "\u{fffd}").replace('"', "\"\"");
    format!("\"{}{text}\"", if formula { "'" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_formula_and_nothing_leaves_its_field() {
        assert_eq!(field("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\"");
        assert_eq!(field("@SUM(1)"), "\"'@SUM(1)\"");
        assert_eq!(field("a,b\r\nc"), "\"a,b\r\nc\"");
    }
}
