//! How text is laid out on standard output: its width, its colours, and whether names are short. Nothing else decides this.

use std::io::IsTerminal;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use terminal_size::{Height, Width, terminal_size};

use crate::wording::{Names, short_name, wrapped};

/// Columns where standard output is no terminal.
const WIDTH: usize = 100;
/// The narrowest layout: narrower terminals break its lines themselves.
const WIDTH_MIN: usize = 40;

/// Characters that a text may have at least, and its lines.
const TEXT_MAX: usize = 300;
const LINES_MIN: usize = 3;

/// Width, colours and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    width: usize,
    has_to_fit: bool,
    has_colour: bool,
    has_full_names: bool,
}

impl Layout {
    /// That of standard output: `COLUMNS`, or the width of the terminal; in a file or pipe, sentences are wrapped to 100
    /// columns and tables are not cut. Colours on a terminal, unless `NO_COLOR`, `CLICOLOR_FORCE` or `TERM` say otherwise.
    pub fn of_stdout(has_full_names: bool) -> Layout {
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|n| *n > 0);
        let columns = columns.or_else(|| Some(stdout_size()?.0));
        let has_colour = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
        let width = columns.unwrap_or(WIDTH).max(WIDTH_MIN);
        let layout = Layout { width, has_to_fit: columns.is_some(), has_colour, has_full_names: false };
        if has_full_names { layout.with_full_names() } else { layout }
    }

    /// Without colours, with short names.
    pub fn plain(width: usize) -> Layout {
        Layout { width, has_to_fit: true, has_colour: false, has_full_names: false }
    }

    /// The same layout with colours.
    pub fn with_colour(self) -> Layout {
        Layout { has_colour: true, ..self }
    }

    /// The same layout with full names and tables that are not cut.
    pub fn with_full_names(self) -> Layout {
        Layout { has_full_names: true, ..self }
    }

    /// Columns of a line.
    pub fn width(self) -> usize {
        self.width
    }

    /// Lines of a text that somebody else chose: it must not fill the screen.
    pub fn lines_max(self) -> usize {
        lines_max(self.width)
    }

    /// Whether output has to fit the width: not in a file or pipe.
    pub fn has_to_fit(self) -> bool {
        self.has_to_fit
    }

    /// A text after `indent` spaces, in lines that fit. In a file or pipe it stays in one line, which can be searched for.
    pub fn fitted(self, text: &str, indent: usize) -> Vec<String> {
        if !self.has_to_fit {
            return vec![text.to_owned()];
        }
        wrapped(text, self.width.saturating_sub(indent).max(1), usize::MAX)
    }

    /// Whether names are shown in full.
    pub fn has_full_names(self) -> bool {
        self.has_full_names
    }

    /// A name as it is shown: the short name of an ARN, unless full names are wanted.
    pub fn name(self, name: &str) -> String {
        if self.has_full_names { name.to_owned() } else { short_name(name) }
    }

    /// A sentence with the ARNs in it as they are shown.
    pub fn sentence(self, sentence: &str) -> String {
        match self.has_full_names {
            true => sentence.to_owned(),
            // A name alone stands in a table, which has the account in another column.
            false if !sentence.contains(char::is_whitespace) => short_name(sentence),
            false => Names::default().sentence(sentence),
        }
    }

    /// A text in the colour of a severity, such as `high`. Other words stay as they are.
    pub fn severity(self, severity: &str, text: &str) -> String {
        let style = match severity {
            "critical" => AnsiColor::Red.on_default().bold(),
            "high" => AnsiColor::Red.on_default(),
            "medium" => AnsiColor::Yellow.on_default(),
            "low" => AnsiColor::Cyan.on_default(),
            "informational" => Style::new().dimmed(),
            _ => return text.to_owned(),
        };
        self.painted(style, text)
    }

    /// A headline.
    pub fn title(self, text: &str) -> String {
        self.painted(Style::new().bold(), text)
    }

    /// A warning.
    pub fn warning(self, text: &str) -> String {
        self.painted(AnsiColor::Yellow.on_default().bold(), text)
    }

    fn painted(self, style: Style, text: &str) -> String {
        if self.has_colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Lines of a text that somebody else chose, in a column of this width.
pub(super) fn lines_max(width: usize) -> usize {
    TEXT_MAX.div_ceil(width.max(1)).max(LINES_MIN)
}

/// Columns and lines of the terminal that standard output is.
pub fn stdout_size() -> Option<(usize, usize)> {
    let stdout = std::io::stdout();
    let (Width(columns), Height(lines)) = terminal_size().filter(|_| stdout.is_terminal())?;
    Some((columns.into(), lines.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_surround_the_text_only_where_they_are_wanted() {
        let plain = Layout::plain(80);
        assert_eq!((plain.severity("high", "high"), plain.title("Top")), ("high".into(), "Top".into()));
        let coloured = plain.with_colour();
        assert_eq!(coloured.severity("high", "2 high"), "\u{1b}[31m2 high\u{1b}[0m");
        assert_eq!(coloured.severity("?", "x"), "x");
    }

    #[test]
    fn names_are_short_unless_full_ones_are_wanted() {
        let arn = "arn:aws:iam::111122223333:user/maria";
        let (short, full) = (Layout::plain(80), Layout::plain(80).with_full_names());
        assert_eq!((short.name(arn), full.name(arn)), ("user/maria".into(), arn.into()));
        let sentence = format!("{arn}: first use");
        assert_eq!(
            (short.sentence(&sentence), full.sentence(&sentence)),
            ("user/maria in 111122223333: first use".into(), sentence)
        );
    }
}
