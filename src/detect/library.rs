//! The library: the shipped detectors, and those in the user's folders.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::Detector;
use crate::error::{Error, Result};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/detectors");

/// Detectors by id.
#[derive(Debug, Default)]
pub struct Library {
    detectors: BTreeMap<String, Detector>,
    /// Ids of shipped detectors that a detector in a folder replaces.
    pub replaced: Vec<String>,
}

impl Library {
    /// Loads the shipped detectors and those in `folders`; a detector with the id of a shipped one replaces it.
    ///
    /// # Errors
    /// For a folder that cannot be read, and for an invalid detector.
    pub fn load(folders: &[PathBuf]) -> Result<Library> {
        let mut library = Library::default();
        for file in SHIPPED.files() {
            if let (Some(id), Some(text)) = (detector_id(file.path()), file.contents_utf8()) {
                library.detectors.insert(id.clone(), Detector::parse(&id, text)?);
            }
        }
        for folder in folders {
            library.add_folder(folder)?;
        }
        Ok(library)
    }

    fn add_folder(&mut self, folder: &Path) -> Result<()> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::File { path, source }
        };
        for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
            let path = entry.map_err(failed(folder))?.path();
            let Some(id) = detector_id(&path) else { continue };
            // Opening a FIFO would wait for a writer.
            if std::fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
                let reason = "not a regular file; remove it from the folder of detectors".into();
                return Err(Error::Detector { id, reason });
            }
            let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
            let detector = Detector { path: Some(path), ..Detector::parse(&id, &text)? };
            if self.detectors.insert(id.clone(), detector).is_some() {
                self.replaced.push(id);
            }
        }
        Ok(())
    }

    /// All detectors, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &Detector> {
        self.detectors.values()
    }

    /// The detector with this id.
    ///
    /// # Errors
    /// [`Error::Usage`] with similar ids.
    pub fn get(&self, id: &str) -> Result<&Detector> {
        self.detectors.get(id).ok_or_else(|| {
            let near = self.detectors.keys().filter(|known| known.contains(id) || id.contains(known.as_str()));
            let near: Vec<_> = near.map(String::as_str).collect();
            let hint = if near.is_empty() {
                "see `trailhunt detectors list`".into()
            } else {
                format!("did you mean {}?", near.join(" or "))
            };
            Error::Usage(format!("no detector {id}; {hint}"))
        })
    }

    /// The detectors with these ids, or all of them when `ids` is empty.
    ///
    /// # Errors
    /// As [`Library::get`].
    pub fn select(&self, ids: &[String]) -> Result<Vec<&Detector>> {
        if ids.is_empty() { Ok(self.iter().collect()) } else { ids.iter().map(|id| self.get(id)).collect() }
    }

    /// The fixture of a shipped detector: CloudTrail records, one per line.
    pub fn fixture(id: &str) -> Option<&'static str> {
        SHIPPED.get_file(format!("{id}.events.jsonl"))?.contents_utf8()
    }
}

impl Detector {
    /// The fixture in the same folder, if there is one.
    ///
    /// # Errors
    /// [`Error::File`] when it exists but cannot be read.
    pub fn fixture(&self) -> Result<Option<Cow<'static, str>>> {
        let Some(path) = &self.path else { return Ok(Library::fixture(&self.id).map(Cow::Borrowed)) };
        let path = path.with_extension("events.jsonl");
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Cow::Owned(text))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::File { path, source }),
        }
    }
}

/// File stem of a `.sql` file.
pub fn detector_id(path: &Path) -> Option<String> {
    (path.extension()? == "sql").then(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::attack;

    #[test]
    fn every_technique_of_a_shipped_detector_has_a_tactic() {
        for detector in Library::load(&[]).unwrap().iter() {
            let missing = detector.attack.iter().find(|id| attack::tactics_of(id).is_empty());
            assert_eq!(missing, None, "{}: not in tactics.tsv", detector.id);
        }
    }
}
