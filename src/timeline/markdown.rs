//! A timeline for a ticket or a chat.

use std::io::{self, Write};

use super::text::{Short, lane_line, line, missing, place, totals, word};
use super::{Kind, Timeline};
use crate::terminal::{inert, printable_line};
use crate::wording::counted;

/// Writes a heading, the credentials as a list, and the rows as a table.
///
/// # Errors
/// When `out` cannot be written.
pub fn markdown(timeline: &Timeline, out: &mut impl Write) -> io::Result<()> {
    let (window, names) = (&timeline.window, Short::names_of(timeline, false));
    let time = "%Y-%m-%d %H:%M";
    writeln!(out, "# Timeline: {}\n", inert(&names.name(&timeline.entity)))?;
    writeln!(out, "{} to {} UTC. {}.\n", window.from.format(time), window.to.format(time), totals(timeline))?;
    for (at, lane) in timeline.lanes.iter().enumerate() {
        writeln!(out, "{}. {}", at + 1, inert(&lane_line(lane, &names)))?;
    }
    writeln!(out, "\n| time (UTC) | credential | what | | from |\n|---|---|---|---|---|")?;
    for row in &timeline.rows {
        let lane = if timeline.lanes.is_empty() { String::new() } else { (row.lane + 1).to_string() };
        let from = place(row).filter(|_| row.kind != Kind::Finding).unwrap_or_default();
        let time = row.first_time.format("%Y-%m-%d %H:%M:%S");
        writeln!(out, "| {time} | {lane} | {} | {} | {} |", word(row), inert(&line(row, &names)), inert(&from))?;
    }
    missing(timeline).iter().try_for_each(|reason| writeln!(out, "\n{reason}."))?;
    if !timeline.next_steps.is_empty() {
        writeln!(out, "\nTo contain it (trailhunt runs none of this, and each command changes AWS):\n")?;
    }
    for step in &timeline.next_steps {
        writeln!(out, "- {} ({})", inert(&step.purpose), inert(&step.audience))?;
        if let Some(command) = &step.command {
            writeln!(out, "\n  ```sh\n  {}\n  ```\n", printable_line(command))?;
        }
    }
    if timeline.more_steps > 0 {
        writeln!(out, "- and {} in the report, with the findings", counted(timeline.more_steps, "more step"))?;
    }
    Ok(())
}
