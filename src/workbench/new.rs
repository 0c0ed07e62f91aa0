//! A new detector: a stub whose test fails until it is written.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::detect::attack;
use crate::error::{Error, Result};
use crate::sigma::SigmaDetection;

const DETECTOR: &str = include_str!("new.sql");
const FIXTURE: &str = include_str!("new.events.jsonl");

/// Writes `ID.sql` and `ID.events.jsonl` to a folder, and returns their paths. Overwrites nothing.
///
/// # Errors
/// [`Error::Usage`] for an id that is not a word and for a file that exists, [`Error::File`] when one cannot be written.
pub fn new(id: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    write(id, DETECTOR, folder)
}

/// Writes a Sigma rule as a detector, with a stub of a fixture, and returns their paths. Overwrites nothing.
///
/// # Errors
/// As [`new`].
pub fn import(rule: &SigmaDetection, folder: &Path) -> Result<Vec<PathBuf>> {
    let is_technique = |id: &String| attack::technique(id).is_some();
    let techniques: Vec<_> = rule.about.techniques().into_iter().filter(is_technique).collect();
    let id = rule.about.name.trim_start_matches("sigma_");
    write(id, &rule.detector(&techniques), folder)
}

fn write(id: &str, detector: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !id.starts_with(|c: char| c.is_ascii_lowercase()) || !id.chars().all(is_word) {
        return Err(Error::Usage(format!(
            "invalid detector id `{id}`: use lower-case letters, digits and _, such as bucket_emptied"
        )));
    }
    std::fs::create_dir_all(folder).map_err(|source| Error::File { path: folder.into(), source })?;
    let mut written = Vec::new();
    for (extension, text) in [("sql", detector), ("events.jsonl", FIXTURE)] {
        let path = folder.join(format!("{id}.{extension}"));
        let file = std::fs::File::options().write(true).create_new(true).open(&path);
        let result = file.and_then(|mut file| file.write_all(text.as_bytes()));
        result.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => Error::Usage(format!("{}: exists already; choose another id", path.display())),
            _ => Error::File { path: path.clone(), source },
        })?;
        written.push(path);
    }
    Ok(written)
}
