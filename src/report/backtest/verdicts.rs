//! What analysts concluded about a detector's findings: precision, and what would have removed those judged benign.

use std::io::Write;

use serde::Serialize;

use crate::detect::suppression::{Entry, as_toml};
use crate::terminal::{Column, Layout, Table, printable_line};
use crate::wording::counted;

/// A detector with verdicts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgedDetector {
    /// Its id.
    pub detector: String,
    /// Findings judged malicious.
    pub malicious: u64,
    /// Findings judged benign or expected.
    pub benign: u64,
    /// The share of malicious ones among both, 0 to 1.
    pub precision: f64,
    /// Ids of findings judged malicious that it no longer reports.
    pub malicious_missed: Vec<String>,
    /// Ids of findings judged benign that it still reports. Of many days with verdicts, only the newest are hunted again.
    pub benign_reported: Vec<String>,
    /// One parameter that removes all of these and none that is judged malicious.
    pub parameter: Option<ParameterProposal>,
    /// Suppressions that remove them and none that is judged malicious.
    pub suppressions: Vec<Entry>,
    /// Findings that no suppression removes.
    pub conflicts: Vec<Conflict>,
}

/// A value of a parameter that removes the findings judged benign.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParameterProposal {
    /// Its name.
    pub name: String,
    /// The proposed value.
    pub value: String,
    /// The value now.
    pub now: String,
    /// Findings judged malicious that it keeps.
    pub malicious_kept: u64,
    /// Findings without a verdict on the same days.
    pub others: u64,
    /// Of these, the findings that it removes too.
    pub others_removed: u64,
}

/// A finding judged benign for which a suppression would also hide one judged malicious.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conflict {
    /// The benign one.
    pub benign: String,
    /// The malicious one.
    pub malicious: String,
}

/// Writes the precision of the detectors, then the proposals.
///
/// # Errors
/// When `out` cannot be written.
pub fn verdicts_text(judged: &[JudgedDetector], layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    if judged.is_empty() {
        return Ok(());
    }
    let numbers = ["malicious", "benign", "precision"].map(Column::number);
    let mut table = Table::new([Column::text("verdicts")].into_iter().chain(numbers));
    for JudgedDetector { detector, malicious, benign, precision, .. } in judged {
        let precision = format!("{:.0}%", 100.0 * precision);
        table.push([detector.clone(), malicious.to_string(), benign.to_string(), precision]);
    }
    writeln!(out)?;
    table.write(layout, 0, out)?;
    judged.iter().try_for_each(|of| proposals(of, out))
}

fn proposals(judged: &JudgedDetector, out: &mut impl Write) -> std::io::Result<()> {
    let JudgedDetector { detector, malicious_missed, benign_reported, parameter, suppressions, conflicts, .. } = judged;
    if !malicious_missed.is_empty() {
        let missed = malicious_missed.join(", ");
        writeln!(out, "\n{detector}: no longer reports {missed}, judged malicious")?;
    }
    if benign_reported.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{detector}: still reports {}, judged benign", benign_reported.join(", "))?;
    let them = if benign_reported.len() == 1 { "it" } else { "them" };
    match parameter {
        Some(ParameterProposal { name, value, now, malicious_kept, others, others_removed }) => {
            write!(out, "  --set {detector}.{name}={value} (now {now}) removes {them}")?;
            if *malicious_kept > 0 {
                write!(out, ", keeps {} judged malicious", counted(*malicious_kept, "finding"))?;
            }
            if *others > 0 {
                write!(out, ", also removes {others_removed} of {} without a verdict", counted(*others, "finding"))?;
            }
            writeln!(out)?;
        }
        None if judged.malicious > 0 => {
            writeln!(out, "  no single parameter removes {them} and keeps the findings judged malicious")?;
        }
        None => writeln!(out, "  no single parameter removes {them}")?,
    }
    for Conflict { benign, malicious } in conflicts {
        writeln!(out, "  a suppression of {benign} would hide {malicious}, judged malicious")?;
    }
    if !suppressions.is_empty() {
        writeln!(out, "  add to the file of --suppressions:\n")?;
    }
    for line in as_toml(suppressions).map_err(std::io::Error::other)?.lines() {
        let line = printable_line(line);
        writeln!(out, "{}", if line.is_empty() { String::new() } else { format!("    {line}") })?;
    }
    Ok(())
}
