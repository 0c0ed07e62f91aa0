//! Reads files of indicators. The content decides the format, not the file name.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::feed::{Feed, Problem};
use super::indicator::{Indicator, Kind};
use super::list::list;
use super::misp::{is_misp, misp};
use super::stix::{is_stix, stix};
use super::table::{Header, table};
use crate::error::{Error, Result};
use crate::sha256;

/// Problems that are kept. All are counted.
const PROBLEMS_MAX: usize = 10_000;
/// Mentions of one indicator that are kept.
const MENTIONS_MAX: usize = 10;

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FileSummary {
    /// The file.
    pub file: String,
    /// `list`, `csv`, `stix` or `misp`; `unknown` if it could not be read as any of them.
    pub format: &'static str,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Indicators in it that are searched for, repetitions included.
    pub indicators: u64,
}

/// The indicators of some files.
#[derive(Debug, Clone, Default)]
pub struct Indicators {
    /// Each value once.
    pub indicators: Vec<Indicator>,
    /// The files.
    pub files: Vec<FileSummary>,
    /// What CloudTrail does not record, by type.
    pub not_recorded: BTreeMap<String, u64>,
    /// What the files say not to use, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// Lines and objects that are not understood, the first ones.
    pub problems: Vec<Problem>,
    /// How many there are.
    pub problems_total: u64,
}

impl Indicators {
    /// Reads the files.
    ///
    /// # Errors
    /// [`Error::File`] when one cannot be opened. What is wrong in a file is in [`Indicators::problems`].
    pub fn read(paths: &[PathBuf]) -> Result<Indicators> {
        let mut all = Indicators::default();
        let mut known = HashMap::new();
        for path in paths {
            let bytes = std::fs::read(path).map_err(|source| Error::File { path: path.clone(), source })?;
            all.add(path, &bytes, &mut known);
        }
        Ok(all)
    }

    fn add(&mut self, path: &Path, bytes: &[u8], known: &mut HashMap<(Kind, String), usize>) {
        let file = path.display().to_string();
        let mut feed = Feed::of(&file);
        let text = String::from_utf8_lossy(bytes);
        let format = read(text.trim_start_matches('\u{feff}'), &mut feed);
        if feed.indicators.is_empty() && feed.problems.is_empty() {
            feed.problem("1", "no indicator that can be searched for");
        }
        let indicators = feed.indicators.len() as u64;
        self.files.push(FileSummary { file, format, sha256: sha256::hex(bytes), indicators });
        for (kind, value, mention) in feed.indicators {
            let at = *known.entry((kind, value.clone())).or_insert_with(|| {
                self.indicators.push(Indicator { kind, value, mentions: Vec::new() });
                self.indicators.len() - 1
            });
            let mentions = &mut self.indicators[at].mentions;
            if mentions.len() < MENTIONS_MAX {
                mentions.push(mention);
            }
        }
        let add = |to: &mut BTreeMap<String, u64>, from: BTreeMap<String, u64>| {
            from.into_iter().for_each(|(name, n)| *to.entry(name).or_default() += n);
        };
        add(&mut self.not_recorded, feed.not_recorded);
        add(&mut self.left_out, feed.left_out);
        self.problems_total += feed.problems.len() as u64;
        let room = PROBLEMS_MAX.saturating_sub(self.problems.len());
        self.problems.extend(feed.problems.into_iter().take(room));
    }
}

/// Reads a file's text; returns its format.
fn read(text: &str, feed: &mut Feed) -> &'static str {
    if text.trim_start().starts_with(['{', '[']) && !is_list_of_addresses(text) {
        return match serde_json::from_str::<Value>(text) {
            Ok(json) if is_stix(&json) => {
                stix(&json, feed);
                "stix"
            }
            Ok(json) if is_misp(&json) => {
                misp(&json, feed);
                "misp"
            }
            Ok(_) => {
                feed.problem("1", "JSON that is neither a STIX 2.1 bundle nor an event or attributes of MISP");
                "unknown"
            }
            Err(error) => {
                feed.problem(&error.line().to_string(), format!("invalid JSON: {error}"));
                "unknown"
            }
        };
    }
    match Header::find(text) {
        Some(header) => {
            table(text, &header, feed);
            "csv"
        }
        None => {
            list(text, feed);
            "list"
        }
    }
}

/// `[2001:db8::1]:443` begins as JSON does.
fn is_list_of_addresses(text: &str) -> bool {
    let first = text.trim_start().lines().next().unwrap_or_default();
    let inside = first.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inside, _)| inside);
    inside.is_some_and(|inside| inside.parse::<std::net::Ipv6Addr>().is_ok())
}
