//! An explanation for a ticket.

use std::io::{self, Write};

use super::Explanation;
use super::parts::{Part, facts, parts};
use crate::detect::NextStep;
use crate::terminal::{Layout, inert, printable_line};

/// Writes a heading, the facts and parts as lists, and the commands as blocks of code.
///
/// # Errors
/// When `out` cannot be written.
pub fn markdown(explanation: &Explanation, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# {}: {}\n", explanation.severity, inert(&explanation.title))?;
    for (name, value) in facts(explanation) {
        writeln!(out, "- **{}:** {}", inert(&name), inert(&value))?;
    }
    for Part { title, sentences } in parts(explanation) {
        writeln!(out, "\n## {title}\n")?;
        // A list, also for one sentence: how a sentence begins never changes the structure of the page.
        for sentence in sentences {
            writeln!(out, "- {}", inert(&Layout::plain(0).sentence(&sentence)))?;
        }
    }
    if explanation.next_steps.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Commands\n\nTrailhunt runs none of these commands. Those that change something say so.\n")?;
    for NextStep { purpose, command, changes, audience } in &explanation.next_steps {
        let change = if *changes { "**change**: " } else { "" };
        writeln!(out, "- {change}{} ({})", inert(purpose), inert(audience))?;
        if let Some(command) = command {
            // In a block of code nothing is markup but its end, which no command on one line can have.
            writeln!(out, "\n  ```sh\n  {}\n  ```", printable_line(command))?;
        }
    }
    Ok(())
}
