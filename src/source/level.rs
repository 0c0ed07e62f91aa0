//! The entries of one folder or prefix, and those among them that cannot be listed or read.

use object_store::ObjectMeta;
use object_store::path::Path;

/// The entries of one folder.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub folders: Vec<Path>,
    pub objects: Vec<ObjectMeta>,
    pub unlisted: Vec<Unlisted>,
}

/// An entry that cannot be listed or read.
#[derive(Debug)]
pub(super) struct Unlisted {
    /// Path in the store, made printable.
    pub path: String,
    /// True for a folder, and for what may hold anything.
    pub is_folder: bool,
    pub reason: String,
}
