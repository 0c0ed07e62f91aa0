//! The file a report is written to. Its extension selects the format.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::document::Report;
use super::{csv, html, json, markdown, ocsf, oscal, sarif};
use crate::error::{Error, Result};

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The complete report, for programs.
    Json,
    /// The complete report as one self-contained page.
    Html,
    /// Findings and missing data, for a ticket or a chat.
    Markdown,
    /// One row per finding, for a spreadsheet.
    Csv,
    /// Findings as SARIF 2.1.0.
    Sarif,
    /// Findings as OCSF Detection Findings, one per line.
    Ocsf,
    /// Findings and controls as OSCAL assessment results.
    Oscal,
}

/// File extensions and their formats. The first that fits counts.
const EXTENSIONS: [(&str, Format); 7] = [
    (".oscal.json", Format::Oscal),
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
    /// Its format.
    pub format: Format,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Output, String> {
        let known = EXTENSIONS.iter().find(|(extension, _)| text.to_ascii_lowercase().ends_with(extension));
        let Some((_, format)) = known else {
            let extensions: Vec<_> = EXTENSIONS.iter().rev().map(|(extension, _)| *extension).collect();
            return Err(format!("unknown report format: the file extension must be one of {}", extensions.join(" ")));
        };
        Ok(Output { path: text.into(), format: *format })
    }
}

impl Output {
    /// Writes `report` to a temporary file next to the output, then renames it, so that no reader sees half a report.
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
            Format::Json => json::json(report, &mut out),
            Format::Html => html::html(report, &mut out),
            Format::Markdown => markdown::markdown(report, &mut out),
            Format::Csv => csv::csv(report, &mut out),
            Format::Sarif => sarif::sarif(report, &mut out),
            Format::Ocsf => ocsf::ocsf(report, &mut out),
            Format::Oscal => oscal::oscal(report, &mut out),
        }?;
        out.flush()?;
        out.into_inner().map_err(|e| e.into_error())?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_extension_selects_the_format() {
        let format = |text: &str| text.parse::<Output>().map(|output| output.format);
        assert_eq!(format("r.json"), Ok(Format::Json));
        assert_eq!(format("reports/R.HTML"), Ok(Format::Html));
        assert_eq!(format("r.ocsf.ndjson"), Ok(Format::Ocsf));
        assert_eq!(format("r.oscal.json"), Ok(Format::Oscal));
        assert_eq!(
            format("report.pdf").unwrap_err(),
            "unknown report format: the file extension must be one of .csv .md .html .json .sarif .ocsf.ndjson .oscal.json"
        );
    }
}
