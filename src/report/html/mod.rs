//! The report as one self-contained HTML page: no server, no network, no other file.
//!
//! The page contains the report as JSON in two data blocks, and a script that shows it by building DOM nodes from text. The
//! content security policy allows only this style and this script, by their hashes. So no URL in the report is ever
//! fetched, and no text in the report ever becomes markup.

mod events;

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::ser::Formatter;
use sha2::{Digest, Sha256};

use self::events::EventTable;
use super::document::Report;
use crate::terminal::SafeJson;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
/// In the order of their dependencies.
const SCRIPTS: [&str; 11] = [
    include_str!("dom.js"),
    include_str!("charts.js"),
    include_str!("report.js"),
    include_str!("records.js"),
    include_str!("story.js"),
    include_str!("world.js"),
    include_str!("map.js"),
    include_str!("export.js"),
    include_str!("finding.js"),
    include_str!("filters.js"),
    include_str!("page.js"),
];

/// Writes `report` as an HTML page.
///
/// # Errors
/// When `out` cannot be written.
pub fn html(report: &Report, out: &mut impl Write) -> io::Result<()> {
    // A block scope keeps the script's names from clashing with the browser's globals.
    let script = format!("\"use strict\";\n{{\n{}}}\n", SCRIPTS.concat());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(&script)
    );
    let mut data = serde_json::to_value(report)?;
    let events = EventTable::take(&mut data);
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        out.write_all(before.as_bytes())?;
        match name {
            "policy" => out.write_all(policy.as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => out.write_all(script.as_bytes())?,
            "report" => block(&data, out)?,
            "events" => block(&events, out)?,
            other => return Err(io::Error::other(format!("unknown placeholder {other} in page.html"))),
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// Writes the content of a data block.
fn block(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(SafeJson::new(out), InPage))?;
    Ok(())
}

/// A hash for the content security policy.
fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

/// JSON with `<`, `>` and `&` escaped, so that no text can end the data block, or begin a comment or another block.
struct InPage;

impl Formatter for InPage {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for part in fragment.split_inclusive(['<', '>', '&']) {
            let (plain, escape) = match part.as_bytes().last() {
                Some(b'<') => (&part[..part.len() - 1], "\\u003c"),
                Some(b'>') => (&part[..part.len() - 1], "\\u003e"),
                Some(b'&') => (&part[..part.len() - 1], "\\u0026"),
                _ => (part, ""),
            };
            writer.write_all(plain.as_bytes())?;
            writer.write_all(escape.as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_the_data_block() {
        let hostile = "</script><!--<script>&lt;\u{2028}\"\\";
        let mut out = Vec::new();
        hostile.serialize(&mut serde_json::Serializer::with_formatter(&mut out, InPage)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(['<', '>', '&']), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
    }

    #[test]
    fn the_page_runs_only_what_the_policy_allows() {
        let places = ["{{policy}}", "{{style}}", "{{report}}", "{{events}}", "{{script}}"];
        assert!(places.iter().all(|place| PAGE.matches(place).count() == 1));
        for banned in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "http"]
        {
            let found = SCRIPTS.iter().any(|script| script.replace("http://www.w3.org/", "").contains(banned));
            assert!(!found, "the script contains {banned}");
        }
        assert!(!SCRIPTS.concat().contains("</script") && !STYLE.contains("</style"));
    }
}
