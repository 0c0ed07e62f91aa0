//! The library: the shipped detectors, and those in the user's folders.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::{Detector, attack};
use crate::error::{Error, Result};
use crate::sigma::Sigma;
use crate::wording::did_you_mean;

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/detectors");

/// Detectors by id.
#[derive(Debug, Default)]
pub struct Library {
    detectors: BTreeMap<String, Detector>,
    /// Ids of shipped detectors that a detector in a folder replaces.
    pub replaced: Vec<String>,
    /// The Sigma rules among the detectors.
    pub sigma: Sigma,
    /// Files in the folders that are not valid detectors, with the reason; a shipped detector of that id stays.
    pub unreadable: Vec<Unreadable>,
}

/// Where a library comes from, besides the shipped detectors.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Folders of detectors.
    pub folders: Vec<PathBuf>,
    /// Sigma rules: files and folders.
    pub sigma: Vec<PathBuf>,
    /// Their processing pipelines.
    pub sigma_pipelines: Vec<PathBuf>,
}

impl Sources {
    /// The library, without the files that are not valid detectors. It takes a tenth of a second to read.
    ///
    /// # Errors
    /// For a folder, rule or pipeline that cannot be read.
    pub fn library(&self) -> Result<Library> {
        let mut library = Library::load_readable(&self.folders)?;
        library.add_sigma(Sigma::load(&self.sigma, &self.sigma_pipelines)?)?;
        Ok(library)
    }
}

/// A file that was named like a detector but could not be read or is invalid.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// File stem.
    pub id: String,
    /// File and reason.
    pub reason: String,
}

impl Unreadable {
    /// As the error of a detector.
    pub fn error(&self) -> Error {
        Error::Detector { id: self.id.clone(), reason: self.reason.clone() }
    }
}

impl Library {
    /// Loads the shipped detectors and those in `folders`; a detector with the id of a shipped one replaces it.
    ///
    /// # Errors
    /// For a folder or a file that cannot be read, and for an invalid detector.
    pub fn load(folders: &[PathBuf]) -> Result<Library> {
        let library = Library::load_readable(folders)?;
        library.unreadable.first().map_or(Ok(()), |file| Err(file.error()))?;
        Ok(library)
    }

    /// As [`Library::load`], for hunts: a file that cannot be read is in [`Library::unreadable`], to be reported.
    ///
    /// # Errors
    /// For a folder that cannot be read.
    pub fn load_readable(folders: &[PathBuf]) -> Result<Library> {
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
        let failed = |source| Error::File { path: folder.to_path_buf(), source };
        let entries =
            std::fs::read_dir(folder).map_err(failed)?.collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
        for path in entries.into_iter().map(|entry| entry.path()) {
            let Some(id) = detector_id(&path) else { continue };
            match read(&id, path) {
                Ok(detector) => {
                    if self.detectors.insert(id.clone(), detector).is_some() {
                        self.replaced.push(id);
                    }
                }
                Err(reason) => self.unreadable.push(Unreadable { id, reason }),
            }
        }
        // Folders are not sorted.
        self.unreadable.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(())
    }

    /// Adds Sigma rules as detectors, and those that cannot run as [`Library::unreadable`].
    ///
    /// # Errors
    /// [`Error::Internal`] when a converted rule is not a valid detector, which is a bug.
    pub fn add_sigma(&mut self, sigma: Sigma) -> Result<()> {
        for (about, text) in sigma.detectors(|id| attack::technique(id).is_some()) {
            let detector = Detector::read(&about.name, &text);
            let detector = detector.map_err(|e| Error::Internal(format!("{}: {e}", about.path.display())))?;
            let converted = Some(about.id.clone());
            let detector = Detector { path: Some(about.path.clone()), sigma_rule: converted, ..detector };
            if about.is_reported {
                self.detectors.insert(about.name.clone(), detector);
            }
        }
        for rejected in &sigma.rejected {
            let id = rejected.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            self.unreadable.push(Unreadable { id, reason: rejected.to_string() });
        }
        self.sigma = sigma;
        Ok(())
    }

    /// All detectors, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &Detector> {
        self.detectors.values()
    }

    /// The detector with this id.
    ///
    /// # Errors
    /// [`Error::Usage`] with similar ids; [`Error::Detector`] when its file could not be read.
    pub fn get(&self, id: &str) -> Result<&Detector> {
        self.detectors.get(id).ok_or_else(|| {
            if let Some(file) = self.unreadable.iter().find(|file| file.id == id) {
                return file.error();
            }
            let names = || self.detectors.keys().map(String::as_str);
            let similar: Vec<_> = names().filter(|known| known.contains(id) || id.contains(known)).collect();
            let hint = did_you_mean(id, &similar, names()).unwrap_or_else(|| "see `trailhunt detectors list`".into());
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

/// Reads a detector; an error is the reason.
fn read(id: &str, path: PathBuf) -> Result<Detector, String> {
    let failed = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
    // Opening a FIFO would wait for a writer.
    if std::fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(failed(&"not a regular file; remove it from the folder of detectors"));
    }
    let text = std::fs::read_to_string(&path).map_err(|e| failed(&e))?;
    match Detector::parse(id, &text) {
        Ok(detector) => Ok(Detector { path: Some(path), ..detector }),
        Err(Error::Detector { reason, .. }) => Err(reason),
        Err(e) => Err(failed(&e)),
    }
}

impl Detector {
    /// The fixture in the same folder, if there is one.
    ///
    /// # Errors
    /// [`Error::File`] when it exists but cannot be read.
    pub fn fixture(&self) -> Result<Option<Cow<'static, str>>> {
        let Some(path) = &self.path else { return Ok(Library::fixture(&self.id).map(Cow::Borrowed)) };
        read_if_exists(path.with_extension("events.jsonl"))
    }
}

impl Detector {
    /// The detection of the Sigma rule in the same folder, if there is one.
    ///
    /// # Errors
    /// [`Error::File`] when it exists but cannot be read.
    pub fn sigma_detection(&self) -> Result<Option<Cow<'static, str>>> {
        let Some(path) = &self.path else {
            let file = SHIPPED.get_file(format!("{}.sigma.yml", self.id));
            return Ok(file.and_then(|file| file.contents_utf8()).map(Cow::Borrowed));
        };
        read_if_exists(path.with_extension("sigma.yml"))
    }
}

fn read_if_exists(path: PathBuf) -> Result<Option<Cow<'static, str>>> {
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(Cow::Owned(text))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { path, source }),
    }
}

/// File stem of a `.sql` file.
pub fn detector_id(path: &Path) -> Option<String> {
    (path.extension()? == "sql").then(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_technique_of_a_shipped_detector_has_a_tactic() {
        for detector in Library::load(&[]).unwrap().iter() {
            let missing = detector.attack.iter().find(|id| attack::tactics_of(id).is_empty());
            assert_eq!(missing, None, "{}: not in tactics.tsv", detector.id);
        }
    }
}
