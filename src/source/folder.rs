//! Lists local folders and reads local files.
//!
//! One bad entry never hides its neighbours: an entry that cannot be listed or read is returned with the reason. Only
//! regular files are opened: opening a FIFO waits for a writer, and a device may never end.

use std::fs::{File, Metadata};
use std::io::{Error, ErrorKind, Read, Result};
use std::path::{Path as FilePath, PathBuf};

use bytes::Bytes;
use chrono::DateTime;
use object_store::ObjectMeta;
use object_store::path::{Path, PathPart};

use super::level::{Level, Unlisted};

/// The entries of a folder, in no particular order. `prefix` is the folder's path in the store.
pub(super) fn level(folder: &FilePath, prefix: &Path) -> Result<Level> {
    let mut level = Level::default();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let unlisted = |is_folder: bool, reason: String| Unlisted {
            path: format!("{prefix}/{}", name.to_string_lossy()),
            is_folder,
            reason,
        };
        // Follows links. A link to nothing has no metadata.
        let metadata = std::fs::metadata(entry.path());
        let is_folder = metadata.as_ref().is_ok_and(Metadata::is_dir);
        let Some(text) = name.to_str() else {
            level.unlisted.push(unlisted(is_folder, "its name is not UTF-8; rename it".into()));
            continue;
        };
        let Ok(part) = PathPart::parse(text) else {
            level.unlisted.push(unlisted(is_folder, "its name has a control character; rename it".into()));
            continue;
        };
        let path = prefix.clone().join(part);
        match metadata {
            Ok(metadata) if metadata.is_file() => level.objects.push(object(path, &metadata)),
            Ok(metadata) if !metadata.is_dir() => level.unlisted.push(unlisted(true, NOT_REGULAR.into())),
            Ok(_) if is_loop(&entry.path()) => {
                level.unlisted.push(unlisted(true, "a link to a folder above it".into()));
            }
            Ok(_) => level.folders.push(path),
            // Removed since the folder was read.
            Err(e) if e.kind() == ErrorKind::NotFound && !entry.path().is_symlink() => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {
                level.unlisted.push(unlisted(false, "a link to a file that does not exist".into()));
            }
            Err(e) => level.unlisted.push(unlisted(true, e.to_string())),
        }
    }
    Ok(level)
}

const NOT_REGULAR: &str = "not a regular file (a FIFO, a socket or a device)";

/// True for a link to a folder on the way to it: following it would never end.
fn is_loop(folder: &FilePath) -> bool {
    if !folder.is_symlink() {
        return false;
    }
    let Ok(target) = folder.canonicalize() else { return true };
    folder.ancestors().skip(1).any(|above| above.canonicalize().is_ok_and(|above| above == target))
}

/// The file at exactly this path; `None` for a folder or a path that does not exist.
///
/// # Errors
/// When it is neither a file nor a folder.
pub(super) fn file(path: &FilePath, key: &Path) -> Result<Option<ObjectMeta>> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(object(key.clone(), &metadata))),
        Ok(metadata) if !metadata.is_dir() => Err(Error::other(NOT_REGULAR)),
        _ => Ok(None),
    }
}

fn object(location: Path, metadata: &Metadata) -> ObjectMeta {
    let last_modified = metadata.modified().map_or(DateTime::UNIX_EPOCH, DateTime::from);
    ObjectMeta { location, last_modified, size: metadata.len(), e_tag: None, version: None }
}

/// All bytes of a regular file of at most `bytes_max`, in chunks: a file can grow while it is read.
pub(super) fn read(path: &FilePath, bytes_max: u64) -> Result<Bytes> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(Error::other(NOT_REGULAR));
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > bytes_max {
        return Err(Error::other(super::too_large(size, bytes_max)));
    }
    let mut bytes = Vec::with_capacity(size as usize + 1);
    let read = file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)? as u64;
    if read > bytes_max { Err(Error::other(super::too_large(read, bytes_max))) } else { Ok(bytes.into()) }
}

/// The path of a key in the file system.
pub(super) fn path_of(key: &Path) -> PathBuf {
    // On Windows a key starts with the drive.
    if cfg!(windows) { PathBuf::from(key.as_ref()) } else { FilePath::new("/").join(key.as_ref()) }
}
