//! A timeline for a ticket or a chat.

use std::io::{self, Write};

use super::text::{lane_line, line, missing, names, place, totals, word};
use super::{Kind, Timeline};
use crate::terminal::printable_line;
use crate::wording::counted;

/// Writes a heading, the credentials as a list, and the rows as a table.
///
/// # Errors
/// When `out` cannot be written.
pub fn markdown(timeline: &Timeline, out: &mut impl Write) -> io::Result<()> {
    let (window, names) = (&timeline.window, names(timeline));
    let time = "%Y-%m-%d %H:%M";
    writeln!(out, "# Timeline: {}\n", cell(&names.short(&timeline.entity)))?;
    writeln!(out, "{} to {} UTC. {}.\n", window.from.format(time), window.to.format(time), totals(timeline))?;
    for (at, lane) in timeline.lanes.iter().enumerate() {
        writeln!(out, "{}. {}", at + 1, cell(&lane_line(lane, &names)))?;
    }
    writeln!(out, "\n| time (UTC) | credential | what | | from |\n|---|---|---|---|---|")?;
    for row in &timeline.rows {
        let lane = if timeline.lanes.is_empty() { String::new() } else { (row.lane + 1).to_string() };
        let from = place(row).filter(|_| row.kind != Kind::Finding).unwrap_or_default();
        let time = row.first_time.format("%Y-%m-%d %H:%M:%S");
        writeln!(out, "| {time} | {lane} | {} | {} | {} |", word(row), cell(&line(row, &names)), cell(&from))?;
    }
    missing(timeline).iter().try_for_each(|reason| writeln!(out, "\n{reason}."))?;
    if !timeline.next_steps.is_empty() {
        writeln!(out, "\nTo contain it (trailhunt runs none of this, and each command changes AWS):\n")?;
    }
    for step in &timeline.next_steps {
        writeln!(out, "- {} ({})", cell(&step.purpose), cell(&step.audience))?;
        if let Some(command) = &step.command {
            writeln!(out, "\n  ```sh\n  {}\n  ```\n", printable_line(command))?;
        }
    }
    if timeline.more_steps > 0 {
        writeln!(out, "- and {} in the report, with the findings", counted(timeline.more_steps, "more step"))?;
    }
    Ok(())
}

/// Text that neither ends its cell nor becomes markup.
fn cell(text: &str) -> String {
    let text = printable_line(text);
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_{}[]<>()#+!|~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
