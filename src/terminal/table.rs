//! Tables that fit the terminal: columns without borders. Where they do not fit, columns that a reader can do without are
//! left out, ARNs become short names, and the widest columns are cut; numbers and times never are. A table that still does
//! not fit shows each row as a block of lines. In a file or pipe, tables are as wide as their texts.

use std::io::{Result, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::layout::lines_max;
use super::{Layout, printable_line};
use crate::wording::wrapped;

/// Columns between two cells.
const GAP: usize = 2;
/// What is left of a column that is cut, at least: of a text, of an address (an IPv4 address fits), of one that is wrapped.
const CUT_MIN: usize = 8;
const ADDRESS_MIN: usize = 15;
const WRAPPED_MIN: usize = 16;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its header.
    pub name: String,
    kind: Kind,
    /// Columns with a rank are left out where the table does not fit, the highest rank first.
    rank: u8,
}

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Text, which may be cut to this width.
    Text(usize),
    /// Times and other short texts, which are never cut.
    Whole,
    /// Numbers: never cut, to the right.
    Number,
}

impl Column {
    /// A column of text.
    pub fn text(name: impl Into<String>) -> Column {
        Column { name: name.into(), kind: Kind::Text(CUT_MIN), rank: 0 }
    }

    /// A column of addresses.
    pub fn address(name: impl Into<String>) -> Column {
        Column { name: name.into(), kind: Kind::Text(ADDRESS_MIN), rank: 0 }
    }

    /// A column of texts that are never cut.
    pub fn whole(name: impl Into<String>) -> Column {
        Column { name: name.into(), kind: Kind::Whole, rank: 0 }
    }

    /// A column of numbers.
    pub fn number(name: impl Into<String>) -> Column {
        Column { name: name.into(), kind: Kind::Number, rank: 0 }
    }

    /// A column that is left out where the table does not fit; the one with the highest rank goes first.
    pub fn optional(self, rank: u8) -> Column {
        Column { rank, ..self }
    }

    /// The same column with another header.
    pub fn named(&self, name: impl Into<String>) -> Column {
        Column { name: name.into(), ..self.clone() }
    }

    fn is_number(&self) -> bool {
        self.kind == Kind::Number
    }
}

/// A table of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    wraps_last: bool,
    has_short_names: bool,
}

/// What of a table was not written, because it did not fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Columns with cells that are cut, or have short names.
    pub cut: Vec<String>,
    /// Columns that are left out.
    pub left_out: Vec<String>,
}

impl Missing {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.cut.is_empty() && self.left_out.is_empty()
    }
}

impl Table {
    /// A table without rows.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Table {
        let columns = columns.into_iter().map(|column| Column { name: printable_line(&column.name), ..column });
        Table { columns: columns.collect(), ..Table::default() }
    }

    /// The last column is wrapped and not cut.
    pub fn wrapping_last(self) -> Table {
        Table { wraps_last: true, ..self }
    }

    /// ARNs are short also where they would fit, unless full names are wanted.
    pub fn with_short_names(self) -> Table {
        Table { has_short_names: true, ..self }
    }

    /// Adds a row. Characters that steer a terminal are replaced.
    pub fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable_line(&cell)).collect());
    }

    /// Writes the table after `indent` spaces.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write(&self, layout: Layout, indent: usize, out: &mut (impl Write + ?Sized)) -> Result<Missing> {
        let room = layout.width().saturating_sub(indent);
        let mut table = self.clone();
        if self.has_short_names && !layout.has_full_names() {
            table.shorten_names();
        }
        let is_wide = |table: &Table| total(&table.widths()) > room;
        if !layout.has_to_fit() || layout.has_full_names() || !is_wide(&table) {
            let widths = table.widths();
            table.lines(&widths, layout, indent, out)?;
            return Ok(Missing::default());
        }
        table.shorten_names();
        let mut left_out = Vec::new();
        while let (true, Some(at)) = (is_wide(&table), table.least_needed()) {
            left_out.push(table.columns.remove(at).name);
            table.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
        let Some(widths) = table.fitted(room) else {
            let mut blocks = self.clone();
            if self.has_short_names {
                blocks.shorten_names();
            }
            blocks.expanded(layout, indent, out)?;
            return Ok(Missing::default());
        };
        let is_wrapped_whole = table.lines(&widths, layout, indent, out)?;
        let last = table.columns.len().saturating_sub(1);
        let is_cut = |at: usize| {
            let name = &table.columns[at].name;
            let of_self = self.columns.iter().position(|column| column.name == *name).unwrap_or(at);
            let is_shorter = |(shown, row): (&Vec<String>, &Vec<String>)| {
                let is_short_name = !self.has_short_names && shown[at] != row[of_self];
                let is_wide = shown[at].width() > widths[at];
                is_short_name || (is_wide && if self.wraps_last && at == last { !is_wrapped_whole } else { true })
            };
            table.rows.iter().zip(&self.rows).any(is_shorter)
        };
        let cut = (0..table.columns.len()).filter(|at| is_cut(*at)).map(|at| table.columns[at].name.clone()).collect();
        Ok(Missing { cut, left_out })
    }

    /// Writes each row as a block: one line per column, with the whole text.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn expanded(&self, layout: Layout, indent: usize, out: &mut (impl Write + ?Sized)) -> Result<()> {
        let names = self.columns.iter().map(|column| column.name.width()).max().unwrap_or(0);
        let room = layout.width().saturating_sub(indent + names + GAP).max(CUT_MIN);
        for (number, row) in self.rows.iter().enumerate() {
            if self.rows.len() > 1 {
                writeln!(out, "{:indent$}{}", "", layout.title(&format!("-- row {}", number + 1)))?;
            }
            for (column, cell) in self.columns.iter().zip(row) {
                for (at, line) in wrapped(cell, room, usize::MAX).into_iter().enumerate() {
                    let name = if at == 0 { column.name.as_str() } else { "" };
                    let line = if column.name == "severity" { layout.severity(cell, &line) } else { line };
                    let line = format!("{:indent$}{}{:GAP$}{line}", "", fill(name, names, false), "");
                    writeln!(out, "{}", line.trim_end())?;
                }
            }
        }
        Ok(())
    }

    /// JSON stays as it is.
    fn shorten_names(&mut self) {
        let texts = self.rows.iter_mut().flatten().filter(|cell| !cell.starts_with(['{', '[']));
        texts.for_each(|cell| *cell = Layout::plain(0).sentence(cell));
    }

    /// The optional column with the highest rank.
    fn least_needed(&self) -> Option<usize> {
        let (at, column) = self.columns.iter().enumerate().max_by_key(|(_, column)| column.rank)?;
        (column.rank > 0).then_some(at)
    }

    /// The widest cell of each column, with its header.
    fn widths(&self) -> Vec<usize> {
        let width = |(at, column): (usize, &Column)| {
            self.rows.iter().map(|row| row[at].width()).chain([column.name.width()]).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(width).collect()
    }

    /// Widths that fit into `room`; `None` if there are none. The columns that are cut get the same width.
    fn fitted(&self, room: usize) -> Option<Vec<usize>> {
        let wanted = self.widths();
        let last = self.columns.len().checked_sub(1)?;
        let least = |at: usize| match self.columns[at].kind {
            Kind::Whole | Kind::Number => wanted[at],
            Kind::Text(_) if self.wraps_last && at == last => wanted[at].min(WRAPPED_MIN),
            Kind::Text(least) => wanted[at].min(least),
        };
        let of = |cap: usize| (0..=last).map(|at| wanted[at].min(cap).max(least(at))).collect::<Vec<_>>();
        let widest = wanted.iter().copied().max()?.min(room);
        (CUT_MIN..=widest.max(CUT_MIN)).rev().map(of).find(|widths| total(widths) <= room)
    }

    /// Writes a line per row, and more where the last column is wrapped. Whether nothing of that column is missing.
    fn lines(&self, widths: &[usize], layout: Layout, indent: usize, out: &mut (impl Write + ?Sized)) -> Result<bool> {
        let last = self.columns.len().saturating_sub(1);
        let before: usize = widths.iter().take(last).map(|width| width + GAP).sum();
        let header: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        let header = self.line(&header, widths, Layout::plain(layout.width()));
        writeln!(out, "{:indent$}{}", "", layout.title(header.trim_end()))?;
        let mut is_whole = true;
        for row in &self.rows {
            let mut shown = row.clone();
            let mut more = Vec::new();
            if let Some(cell) = shown.last_mut().filter(|cell| self.wraps_last && cell.width() > widths[last]) {
                let mut lines = wrapped(cell, widths[last], usize::MAX);
                let lines_max = lines_max(widths[last]);
                if lines.len() > lines_max {
                    lines = wrapped(cell, widths[last], lines_max);
                    is_whole = false;
                }
                *cell = lines.remove(0);
                more = lines;
            }
            writeln!(out, "{:indent$}{}", "", self.line(&shown, widths, layout).trim_end())?;
            more.iter().try_for_each(|line| writeln!(out, "{:1$}{line}", "", indent + before))?;
        }
        Ok(is_whole)
    }

    fn line(&self, cells: &[String], widths: &[usize], layout: Layout) -> String {
        let shown = cells.iter().zip(widths).zip(&self.columns).map(|((cell, width), column)| {
            let filled = fill(cell, *width, column.is_number());
            if column.name == "severity" { layout.severity(cell, &filled) } else { filled }
        });
        shown.collect::<Vec<_>>().join(&" ".repeat(GAP))
    }
}

/// Columns of a line with these cells.
fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// A text of exactly `width` columns: filled with spaces, or cut with an ellipsis.
fn fill(text: &str, width: usize, is_right: bool) -> String {
    let text = shortened(text, width);
    let spaces = " ".repeat(width.saturating_sub(text.width()));
    if is_right { spaces + &text } else { text + &spaces }
}

/// Text of at most `width` columns; what is cut shows an ellipsis.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut shown, mut columns) = (String::new(), 1);
    for c in text.chars() {
        columns += c.width().unwrap_or(0);
        if columns > width {
            break;
        }
        shown.push(c);
    }
    shown + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(table: &Table, width: usize) -> (String, Missing) {
        let mut out = Vec::new();
        let missing = table.write(Layout::plain(width), 0, &mut out).unwrap();
        (String::from_utf8(out).unwrap(), missing)
    }

    fn cut(columns: &[&str]) -> Missing {
        Missing { cut: columns.iter().map(|name| (*name).to_owned()).collect(), ..Missing::default() }
    }

    fn calls() -> Table {
        let columns = [Column::whole("time"), Column::text("actor"), Column::text("request"), Column::number("n")];
        let mut table = Table::new(columns);
        let arn = "arn:aws:iam::111122223333:user/maria";
        table.push(["10:00", arn, "a request with many words in it", "1,234"].map(str::to_owned));
        table.push(["10:01", "日本", "x", "5"].map(str::to_owned));
        table
    }

    #[test]
    fn a_table_that_fits_is_shown_whole() {
        let (text, missing) = shown(&calls(), 100);
        assert!(missing.is_empty());
        let expected = "time   actor                                 request                              n\n\
                        10:00  arn:aws:iam::111122223333:user/maria  a request with many words in it  1,234\n\
                        10:01  日本                                  x                                    5\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn names_become_short_before_anything_is_cut_and_numbers_stay() {
        let (text, missing) = shown(&calls(), 60);
        assert_eq!(missing, cut(&["actor"]));
        assert!(text.contains("\n10:00  user/maria  a request with many words in it  1,234\n"), "{text}");
        let (text, missing) = shown(&calls(), 40);
        assert_eq!(missing, cut(&["actor", "request"]));
        assert!(text.contains("\n10:00  user/maria  a request wit…  1,234\n"), "{text}");
        assert!(text.lines().all(|line| line.width() <= 40), "{text}");
    }

    #[test]
    fn optional_columns_are_left_out_by_their_rank() {
        let names = ["day", "mean", "median", "seconds"];
        let ranks = [0, 0, 1, 2];
        let columns = names.iter().zip(ranks).map(|(name, rank)| Column::number(*name).optional(rank));
        let mut table = Table::new(columns);
        table.push(["1", "2", "3", "4"].map(str::to_owned));
        let (text, missing) = shown(&table, 20);
        assert_eq!(
            (text.as_str(), missing.left_out.join(" ").as_str()),
            ("day  mean  median\n  1     2       3\n", "seconds")
        );
        let (text, missing) = shown(&table, 10);
        assert_eq!((text.as_str(), missing.left_out.join(" ").as_str()), ("day  mean\n  1     2\n", "seconds median"));
    }

    #[test]
    fn a_table_that_cannot_fit_shows_rows_as_blocks() {
        let mut table = Table::new((0..9).map(|n| Column::whole(format!("column_{n}"))));
        table.push((0..9).map(|n| format!("value {n}")));
        let (text, missing) = shown(&table, 60);
        assert!(missing.is_empty());
        assert!(text.starts_with("column_0  value 0\ncolumn_1  value 1\n"), "{text}");
        table.push((0..9).map(|n| format!("value {n}")));
        assert!(shown(&table, 60).0.starts_with("-- row 1\ncolumn_0  value 0\n"));
    }

    #[test]
    fn a_last_column_wraps_where_it_begins_and_says_when_it_is_too_long() {
        let table = |text: String| {
            let mut table = Table::new([Column::whole("id"), Column::text("title")]).wrapping_last();
            table.push(["a".to_owned(), text]);
            table
        };
        let (text, missing) = shown(&table("one two three four five six seven eight nine ten".into()), 32);
        assert!(missing.is_empty());
        assert_eq!(text, "id  title\na   one two three four five six\n    seven eight nine ten\n");
        let (text, missing) = shown(&table("word ".repeat(200)), 32);
        assert_eq!(missing, cut(&["title"]));
        assert!(text.ends_with("word…\n"), "{text}");
    }

    #[test]
    fn nothing_in_a_cell_steers_the_terminal() {
        let mut table = Table::new([Column::text("a")]);
        table.push(["x\u{1b}[2J\ny\u{202e}".to_owned()]);
        assert_eq!(shown(&table, 60).0, "a\nx\u{fffd}[2J\u{fffd}y\u{fffd}\n");
    }
}
