//! The SHA-256 of a file's content, kept in the file's name: `<stem>.<sha256>.parquet`, or `.zip`.
//!
//! A commit names its files, so it fixes their content. Files of older versions of this program have no hash.

use object_store::path::Path;

use crate::error::{Error, Result};
use crate::sha256;
use crate::source::Location;

/// Endings of the files of a lake.
const ENDINGS: [&str; 2] = [PARQUET, super::pack::ENDING];
/// The ending of a Parquet file.
pub const PARQUET: &str = ".parquet";
/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// The name of a file with this content.
pub fn name(stem: &str, bytes: &[u8], ending: &str) -> String {
    format!("{stem}.{}{ending}", sha256::hex(bytes))
}

/// The hash in a file's name.
pub fn of(path: &Path) -> Option<&str> {
    split(path.as_ref()).1
}

/// A file's path without hash and ending.
pub fn stem(path: &Path) -> Path {
    Path::from(split(path.as_ref()).0)
}

/// True when the content is the one that the name stands for, or the name has no hash.
pub fn matches(path: &Path, bytes: &[u8]) -> bool {
    of(path).is_none_or(|sha256| sha256 == sha256::hex(bytes))
}

/// Reports a modified file.
///
/// # Errors
/// [`Error::Lake`] that names the file.
pub fn check(location: &Location, path: &Path, bytes: &[u8]) -> Result<()> {
    if matches(path, bytes) {
        return Ok(());
    }
    let file = relative(location, path);
    Err(Error::lake(location.to_string(), format!("{file}: {MODIFIED}; `trailhunt verify` checks all files")))
}

/// What is wrong with a file whose content differs from its name.
pub const MODIFIED: &str = "hash mismatch: the file was modified";

/// A path in the lake, as people read it.
pub fn relative(location: &Location, path: &Path) -> String {
    match path.prefix_match(location.prefix()) {
        Some(parts) => parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"),
        None => path.to_string(),
    }
}

/// Stem and hash.
fn split(path: &str) -> (&str, Option<&str>) {
    let Some(name) = ENDINGS.iter().find_map(|ending| path.strip_suffix(ending)) else { return (path, None) };
    let is_hash =
        |hash: &str| hash.len() == DIGITS && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match name.rsplit_once('.').filter(|(_, hash)| is_hash(hash)) {
        Some((stem, hash)) => (stem, Some(hash)),
        None => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whether_the_content_was_modified() {
        let path = Path::from(name("event_date=2024-01-01/a.b", b"content", PARQUET));
        assert_eq!(stem(&path), Path::from("event_date=2024-01-01/a.b"));
        assert!(matches(&path, b"content") && !matches(&path, b"Content") && !matches(&path, b""));
        let old = Path::from("event_date=2024-01-01/a.b.parquet");
        assert_eq!((of(&old), stem(&old)), (None, stem(&path)));
        assert!(matches(&old, b"anything"));
    }
}
