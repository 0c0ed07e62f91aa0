//! An explanation for a terminal.

use std::io::{self, Write};

use super::Explanation;
use super::parts::{Part, facts, parts};
use crate::detect::NextStep;
use crate::terminal::{Layout, printable_line};
use crate::wording::wrapped;

/// Columns of a fact's name, and left of its value, of a sentence, and of a sentence's further lines.
const NAME: usize = 10;
const FACT_INDENT: usize = NAME + 2;
const INDENT: usize = 2;
const FURTHER_INDENT: usize = 4;
/// Characters of a sentence. Much of it is chosen by callers, who must not fill the screen.
const SENTENCE_MAX: usize = 1200;

/// Writes severity and title, the facts, the parts of the explanation, and the commands.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(explanation: &Explanation, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let severity = explanation.severity.to_string();
    let title = printable_line(&format!("{}: {}", severity.to_uppercase(), explanation.title));
    for line in wrapped(&title, layout.width(), usize::MAX) {
        writeln!(out, "{}", layout.severity(&severity, &line))?;
    }
    for (name, value) in facts(explanation) {
        let (name, value) = (printable_line(&name), printable_line(&value));
        // A name or an id stays whole, to be copied.
        let lines = if value.contains(' ') { lines(&value, FACT_INDENT, layout) } else { vec![value] };
        let heads = std::iter::once(name.as_str()).chain(std::iter::repeat(""));
        heads.zip(lines).try_for_each(|(head, line)| writeln!(out, "{head:NAME$}  {line}"))?;
    }
    for Part { title, sentences } in parts(explanation) {
        writeln!(out, "\n{}", layout.title(&title))?;
        for sentence in sentences {
            let lines = lines(&printable_line(&layout.sentence(&sentence)), FURTHER_INDENT, layout);
            let indents = std::iter::once(INDENT).chain(std::iter::repeat(FURTHER_INDENT));
            indents.zip(lines).try_for_each(|(indent, line)| writeln!(out, "{:indent$}{line}", ""))?;
        }
    }
    let (changes, looks): (Vec<&NextStep>, Vec<&NextStep>) = explanation.next_steps.iter().partition(|s| s.changes);
    steps("To look at it", &looks, layout, out)?;
    steps("To contain it; trailhunt runs none of this, and each command changes AWS", &changes, layout, out)
}

/// A title, and steps as comments with commands, to be pasted into a shell.
fn steps(title: &str, steps: &[&NextStep], layout: Layout, out: &mut impl Write) -> io::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let title = wrapped(title, layout.width(), usize::MAX);
    title.iter().try_for_each(|line| writeln!(out, "{}", layout.title(line)))?;
    for step in steps {
        let purpose = printable_line(&format!("{} ({})", step.purpose, step.audience));
        // Each line is a comment, also for a shell that it is pasted into.
        lines(&purpose, FURTHER_INDENT, layout).iter().try_for_each(|line| writeln!(out, "  # {line}"))?;
        // On one line, to be copied.
        step.command.iter().try_for_each(|command| writeln!(out, "  {}", printable_line(command)))?;
    }
    Ok(())
}

/// A text in lines that fit after `indent` spaces.
fn lines(text: &str, indent: usize, layout: Layout) -> Vec<String> {
    let width = layout.width().saturating_sub(indent).max(1);
    wrapped(text, width, SENTENCE_MAX.div_ceil(width))
}
