//! The ledger in memory: which source objects were read, and in which version.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::array::AsArray;

use super::side_file::{SideFile, read};
use crate::error::Result;
use crate::source::{Location, LogObject};

/// Which objects were read. Stores only hashes of the URL and of URL and version, so that millions fit into memory.
#[derive(Debug, Default)]
pub struct Ledger {
    objects: HashSet<u64>,
    versions: HashSet<u64>,
}

/// What the ledger knows about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectState {
    /// Never read.
    New,
    /// Read in this version.
    Read,
    /// Read in another version.
    Changed,
}

impl Ledger {
    /// Reads the ledger files of a snapshot.
    ///
    /// # Errors
    /// When a ledger file cannot be read.
    pub async fn load(location: &Location, files: &[SideFile]) -> Result<Ledger> {
        let mut ledger = Ledger::default();
        for file in files {
            for batch in read(location, file, Some(&["object", "version"])).await? {
                let (objects, versions) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
                for (object, version) in objects.iter().zip(versions) {
                    ledger.insert(object.unwrap_or_default(), version.unwrap_or_default());
                }
            }
        }
        Ok(ledger)
    }

    /// Whether `object` was read, and in which version.
    pub fn object_state(&self, object: &LogObject) -> ObjectState {
        if self.versions.contains(&hash(&(&object.url, &object.version))) {
            ObjectState::Read
        } else if self.objects.contains(&hash(&object.url)) {
            ObjectState::Changed
        } else {
            ObjectState::New
        }
    }

    /// Records an object as read.
    pub fn insert(&mut self, url: &str, version: &str) {
        self.objects.insert(hash(&url));
        self.versions.insert(hash(&(url, version)));
    }

    /// Objects known.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// True when no object was read yet.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// SipHash with fixed keys. With ten million objects, the chance of any collision is 1 in 370,000.
fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
