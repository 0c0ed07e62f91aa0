//! Where a report goes and in which form: the end of the file's name says it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Report, csv, html, json, markdown, ocsf, sarif};
use crate::error::{Error, Result};

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Everything, for programs.
    Json,
    /// Everything, for people: one page that needs nothing else.
    Html,
    /// Findings and coverage, for a ticket or a chat.
    Markdown,
    /// Findings, a line each, for a spreadsheet.
    Csv,
    /// Findings as SARIF 2.1.0.
    Sarif,
    /// Findings as OCSF's Detection Finding, one a line.
    Ocsf,
}

/// What a file's name ends with, and what that means. A longer end stands before a shorter one that it contains.
const ENDS: [(&str, Format); 6] = [
    (".ocsf.ndjson", Format::Ocsf),
    (".sarif", Format::Sarif),
    (".json", Format::Json),
    (".html", Format::Html),
    (".md", Format::Markdown),
    (".csv", Format::Csv),
];

/// A file to write a report to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The file.
    pub path: PathBuf,
    /// Its form.
    pub format: Format,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Output, String> {
        let known = ENDS.iter().find(|(end, _)| text.to_ascii_lowercase().ends_with(end));
        let Some((_, format)) = known else {
            let ends: Vec<_> = ENDS.iter().rev().map(|(end, _)| *end).collect();
            return Err(format!("the end of the name chooses the form: {}", ends.join(" ")));
        };
        Ok(Output { path: text.into(), format: *format })
    }
}

impl Output {
    /// Writes `report`, whole or not at all: under another name first.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, report: &Report) -> Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = self.path.with_file_name(name);
        let written = self.write_to(report, &part).and_then(|()| std::fs::rename(&part, &self.path));
        written.map_err(|source| {
            let _ = std::fs::remove_file(&part);
            Error::File { path: self.path.clone(), source }
        })
    }

    fn write_to(&self, report: &Report, path: &Path) -> std::io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        match self.format {
            Format::Json => json(report, &mut out),
            Format::Html => html::html(report, &mut out),
            Format::Markdown => markdown::markdown(report, &mut out),
            Format::Csv => csv::csv(report, &mut out),
            Format::Sarif => sarif::sarif(report, &mut out),
            Format::Ocsf => ocsf::ocsf(report, &mut out),
        }?;
        out.flush()?;
        out.into_inner().map_err(|e| e.into_error())?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_chooses_the_form() {
        let format = |text: &str| text.parse::<Output>().map(|output| output.format);
        assert_eq!(format("r.json"), Ok(Format::Json));
        assert_eq!(format("night/R.HTML"), Ok(Format::Html));
        assert_eq!(format("r.ocsf.ndjson"), Ok(Format::Ocsf));
        assert_eq!(
            format("report.pdf").unwrap_err(),
            "the end of the name chooses the form: .csv .md .html .json .sarif .ocsf.ndjson"
        );
    }
}
