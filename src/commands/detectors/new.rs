//! `trailhunt detectors new`: a detector to begin with, whose test fails until it is written.

use std::io::Write;
use std::path::Path;

use crate::commands::Outcome;
use crate::detect::Library;
use crate::error::{Error, Result};

const DETECTOR: &str = include_str!("new.sql");
const FIXTURE: &str = include_str!("new.events.jsonl");

/// Carries out `detectors new`: writes `ID.sql` and `ID.events.jsonl` to a folder and overwrites nothing.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub fn new(id: &str, folder: Option<&Path>) -> Result<Outcome> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !id.starts_with(|c: char| c.is_ascii_lowercase()) || !id.chars().all(is_word) {
        return Err(Error::Usage(format!(
            "{id} is no id; write lower-case letters, digits and _, such as bucket_emptied"
        )));
    }
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|source| Error::File { path: folder.into(), source })?;
    let shown = folder.display();
    for (ending, text) in [("sql", DETECTOR), ("events.jsonl", FIXTURE)] {
        let path = folder.join(format!("{id}.{ending}"));
        let file = std::fs::File::options().write(true).create_new(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|source| Error::File { path: path.clone(), source })?;
        println!("wrote     {}", path.display());
    }
    if Library::fixture(id).is_some() {
        println!("note      {id} replaces the shipped detector of that name wherever --detectors {shown} is given");
    }
    println!("next      say in {id}.sql what to look for, and show it in {id}.events.jsonl, then");
    println!("          trailhunt detectors check --detectors {shown}");
    println!("          trailhunt detectors test {id} --detectors {shown}");
    Ok(Outcome::Done)
}
