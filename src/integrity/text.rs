//! A verification as text.

use std::io::Write;

use indicatif::HumanCount;

use super::Verification;
use crate::terminal::printable_line;

/// Writes a summary, then one line per problem.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(verification: &Verification, out: &mut impl Write) -> std::io::Result<()> {
    let Verification { digests, logs, problems, .. } = verification;
    let period = match (&digests.from, &digests.to) {
        (Some(from), Some(to)) => format!(", {from} to {to}"),
        _ => String::new(),
    };
    writeln!(out, "digests   {} of {} verified{period}", HumanCount(digests.verified), HumanCount(digests.found))?;
    if digests.copied > 0 {
        writeln!(out, "copied    {} of them are not where CloudTrail delivered them", HumanCount(digests.copied))?;
    }
    if digests.signed_by_successor > 0 {
        let count = HumanCount(digests.signed_by_successor);
        writeln!(out, "          {count} without metadata; the signature is taken from the next digest")?;
    }
    let others = [
        (logs.altered, "altered"),
        (logs.missing, "missing"),
        (logs.unreadable, "unreadable"),
        (logs.extra, "not listed in any digest"),
        (logs.not_covered_yet, "newer than the newest digest"),
        (logs.unproven, "listed only in digests that could not be verified"),
    ];
    let others = others.iter().filter(|(count, _)| *count > 0);
    let others: String = others.map(|(count, what)| format!(", {} {what}", HumanCount(*count))).collect();
    writeln!(out, "logs      {} verified{others}", HumanCount(logs.verified))?;
    if problems.is_empty() {
        return writeln!(out, "verified  every log is as CloudTrail delivered it; none is missing or extra");
    }
    writeln!(out, "problems  {}\n", HumanCount(problems.len() as u64))?;
    for problem in problems {
        // One line each, whatever the name of the object contains.
        writeln!(out, "{}", printable_line(&problem.to_string()))?;
    }
    Ok(())
}
