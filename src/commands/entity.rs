//! `trailhunt entity`: an identity, a key or an address on one page.

use std::io::Write;

use serde_json::Value;

use super::query::{findings, open, printable, written};
use super::{Outcome, hunt};
use crate::ask::{self, Kind, Section};
use crate::cli::EntityArgs;
use crate::detect::{Library, Settings, Window};
use crate::engine::Session;
use crate::error::{Error, Result};

/// Widest cell that is printed whole, in characters.
const CELL_MAX: usize = 80;

/// Carries out `entity`.
pub async fn entity(args: EntityArgs) -> Result<Outcome> {
    let (snapshot, session) = open(&args.lake, &args.detect.geo, &args.memory).await?;
    let window = hunt::window(&snapshot, &args.period)?;
    let mut sections = ask::sections(&args.entity, &session, window).await?;
    if let Some(findings) = findings_about(&args, &session, window).await? {
        sections.insert(1.min(sections.len()), findings);
    }
    let mut out = std::io::stdout().lock();
    let (from, to) = (window.from.date_naive(), window.to.date_naive());
    written(writeln!(out, "{}: {}, {from} to {to}", Kind::of(&args.entity).word(), printable(&args.entity)))?;
    if sections.iter().all(|section| section.rows.is_empty()) {
        written(writeln!(out, "\nnothing in the lake; `trailhunt query calls_by_identity` lists who is in it"))?;
        return Ok(Outcome::Done);
    }
    for section in &sections {
        write(section, &mut out)?;
    }
    Ok(Outcome::Done)
}

/// What a report or a hunt found about it; none when neither was asked for.
async fn findings_about(args: &EntityArgs, session: &Session, window: Window) -> Result<Option<Section>> {
    let findings = match (&args.report, args.hunt) {
        (Some(report), _) => findings(report)?,
        (None, true) => {
            let library = Library::load(&args.detect.folders)?;
            let settings = Settings { parameters: hunt::parameters(&args.detect.parameters, &library)? };
            let hunt = hunt::detect(&library.select(&args.detect.detectors)?, session, window, &settings).await?;
            let found = hunt.findings.iter().map(serde_json::to_value).collect::<std::result::Result<_, _>>();
            found.map_err(|e| Error::Internal(e.to_string()))?
        }
        (None, false) => return Ok(None),
    };
    let is_about = |finding: &&Value| {
        let of_evidence = |event: &Value| event["source_ip_address"] == args.entity.as_str();
        let mut evidence = finding["evidence"]["events"].as_array().into_iter().flatten();
        [&finding["entity"], &finding["actor"]].iter().any(|who| **who == args.entity.as_str())
            || evidence.any(of_evidence)
    };
    let cells = |finding: &Value| {
        let cell = |name: &str| printable(finding[name].as_str().unwrap_or_default()).replace('\n', "\u{fffd}");
        ["severity", "first_time", "detector", "summary"].map(cell).to_vec()
    };
    let rows = findings.iter().filter(is_about).map(cells).collect();
    let columns = ["severity", "first time", "detector", "summary"].map(str::to_owned).to_vec();
    Ok(Some(Section { title: "Findings".into(), columns, rows }))
}

fn write(section: &Section, out: &mut impl Write) -> Result<()> {
    written(writeln!(out, "\n{}", section.title))?;
    if section.rows.is_empty() {
        return written(writeln!(out, "  nothing"));
    }
    let last = section.columns.len().saturating_sub(1);
    let shown = |at: usize, cell: &str| match at == last || cell.chars().count() <= CELL_MAX {
        true => cell.to_owned(),
        false => cell.chars().take(CELL_MAX - 1).chain(['…']).collect(),
    };
    let width = |at: usize| {
        let cells = section.rows.iter().map(|row| &row[at]).chain([&section.columns[at]]);
        cells.map(|cell| shown(at, cell).chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..section.columns.len()).map(width).collect();
    for row in [&section.columns].into_iter().chain(&section.rows) {
        let cells = row.iter().enumerate().map(|(at, cell)| format!("{:1$}", shown(at, cell), widths[at]));
        written(writeln!(out, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end()))?;
    }
    Ok(())
}
