//! Locations of archives and lakes: `s3://bucket/prefix` or a local path; for a source also `cloudtrail://region`. A
//! [`Location`] includes the store that reads it.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use url::Url;

use super::regional_store::RegionalStore;
use super::{LogKey, LookupEvents, S3Settings, folder, too_large};
use crate::error::{Action, Error, Result, redacted};

/// A bucket prefix or a folder, with its store.
///
/// The store's root is the bucket or the root of the file system, so paths in it are full keys.
#[derive(Debug, Clone)]
pub struct Location {
    /// URL without a trailing slash.
    url: Url,
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    is_file_system: bool,
    /// A folder below that is not part of the archive: the lake.
    excluded: Option<Path>,
}

impl Location {
    /// Parses `s3://bucket/prefix` or a local path. Sends no request and reads no file.
    ///
    /// # Errors
    /// [`Error::Usage`] for another scheme or an invalid path.
    pub fn parse(text: &str, s3: &S3Settings) -> Result<Location> {
        match text.split_once("://") {
            Some((scheme, rest)) if ["s3", "s3a"].contains(&scheme.to_ascii_lowercase().as_str()) => {
                Location::bucket(rest, s3)
            }
            Some(("file", _)) => {
                let path = Url::parse(text).ok().and_then(|url| url.to_file_path().ok());
                Location::folder(&path.ok_or_else(|| invalid_location(text))?)
            }
            Some(_) => Err(invalid_location(text)),
            None => Location::folder(FilePath::new(text)),
        }
    }

    /// Parses the location of a source: as [`parse`](Location::parse), or `cloudtrail://region`, which cannot hold a
    /// lake.
    ///
    /// # Errors
    /// As [`parse`](Location::parse); [`Error::Usage`] when `cloudtrail://` is not followed by a region.
    pub fn source(text: &str, s3: &S3Settings) -> Result<Location> {
        let Some(region) = text.strip_prefix("cloudtrail://") else { return Location::parse(text, s3) };
        let region = region.trim_end_matches('/');
        let store = LookupEvents::connect(region, s3)?;
        Location::in_store(&format!("cloudtrail://{region}"), Arc::new(store))
    }

    fn bucket(rest: &str, s3: &S3Settings) -> Result<Location> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let text = format!("s3://{bucket}/{prefix}");
        if bucket.is_empty() {
            return Err(Error::Usage("s3:// needs a bucket: s3://bucket/prefix".into()));
        }
        if bucket.starts_with("arn:") {
            let next = "use the alias of the access point, which ends with -s3alias: s3://ALIAS/prefix";
            return Err(Error::Usage(format!("{text}: an ARN is not a bucket; {next}")));
        }
        let store: Arc<dyn ObjectStore> = if s3.finds_region() {
            Arc::new(RegionalStore::new(bucket, s3))
        } else {
            Arc::new(s3.store(bucket, None).map_err(|e| Error::storage(Action::Open, &text, e))?)
        };
        let prefix = Path::parse(prefix).map_err(|e| Error::Usage(format!("{text}: {e}")))?;
        let mut url = Url::parse(&format!("s3://{bucket}")).map_err(|_| invalid_location(&text))?;
        url.set_path(prefix.as_ref());
        Ok(Location { url, store, prefix, is_file_system: false, excluded: None })
    }

    fn folder(path: &FilePath) -> Result<Location> {
        let absolute = std::path::absolute(path).map_err(|source| Error::File { path: path.to_path_buf(), source })?;
        let absolute = normalised(&absolute);
        let prefix =
            Path::from_absolute_path(&absolute).map_err(|e| Error::Usage(format!("{}: {e}", absolute.display())))?;
        let url = Url::from_file_path(&absolute).map_err(|()| invalid_location(&absolute.display().to_string()))?;
        let store = Arc::new(LocalFileSystem::new());
        Ok(Location { url, store, prefix, is_file_system: true, excluded: None })
    }

    /// A location in the given store, such as one in memory.
    ///
    /// # Errors
    /// [`Error::Usage`] when `url` is not `scheme://host/prefix`.
    pub fn in_store(url: &str, store: Arc<dyn ObjectStore>) -> Result<Location> {
        let url = Url::parse(url).map_err(|_| invalid_location(url))?;
        let prefix = Path::from_url_path(url.path()).map_err(|e| Error::Usage(format!("{url}: {e}")))?;
        Ok(Location { url, store, prefix, is_file_system: false, excluded: None })
    }

    /// The store; its root is the bucket or the root of the file system.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Key prefix of this location in its store.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The URL, without a trailing slash.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL with a trailing slash, which table formats require for a root.
    pub fn directory_url(&self) -> Url {
        let mut url = self.url.clone();
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        url
    }

    /// The part of the URL that identifies the store: `s3://bucket/` or `file:///`.
    pub fn store_url(&self) -> Url {
        let mut url = self.url.clone();
        url.set_path("/");
        url
    }

    /// True for a folder of the local file system.
    pub fn is_local(&self) -> bool {
        self.url.scheme() == "file"
    }

    /// Full URL of a key in this store, not percent-encoded so that it can be pasted.
    pub fn url_of(&self, path: &Path) -> String {
        self.url_of_key(path.as_ref())
    }

    /// As [`url_of`](Location::url_of), for a key that is not a valid path.
    pub(super) fn url_of_key(&self, key: &str) -> String {
        match self.url.host_str() {
            Some(bucket) => format!("{}://{bucket}/{key}", self.url.scheme()),
            None => format!("file:///{key}"),
        }
    }

    /// What the part of a key below this location says, and what this location says itself: see [`LogKey::below`].
    pub fn key(&self, path: &str) -> LogKey {
        LogKey::below(self.prefix.as_ref(), path)
    }

    /// This location without `lake`, if it is inside.
    pub fn without(self, lake: &Location) -> Location {
        let below = |prefix: &Path, of: &Path| of.prefix_matches(prefix).then(|| of.clone());
        let excluded = if self.store_url() != lake.store_url() {
            None
        } else if self.is_file_system {
            // The same folder can have several names.
            let real = |path: &Path| folder::path_of(path).canonicalize();
            match (real(&self.prefix), real(&lake.prefix)) {
                (Ok(own), Ok(of)) => {
                    of.strip_prefix(own).ok().and_then(|relative| Some(self.child(relative.to_str()?)))
                }
                _ => below(&self.prefix, &lake.prefix),
            }
        } else {
            below(&self.prefix, &lake.prefix)
        };
        Location { excluded, ..self }
    }

    /// Whether a key is in the folder that [`without`](Location::without) excluded.
    pub(super) fn excludes(&self, path: &Path) -> bool {
        self.excluded.as_ref().is_some_and(|excluded| path.prefix_matches(excluded))
    }

    /// The part of a key below this location; empty if it is not below.
    pub(super) fn relative(&self, path: &Path) -> String {
        let parts: Vec<_> = path.prefix_match(&self.prefix).into_iter().flatten().collect();
        parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/")
    }

    /// A key below this location.
    pub fn child(&self, relative: &str) -> Path {
        relative
            .split('/')
            .filter(|part| !part.is_empty())
            .fold(self.prefix.clone(), |path, part| path.clone().join(part))
    }

    /// All bytes of an object in this store. It must have at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`Error::Storage`] with the object's URL.
    pub async fn bytes_within(&self, path: &Path, bytes_max: u64) -> Result<Bytes> {
        let got = async {
            let got = self.store.get(path).await?;
            if got.meta.size > bytes_max {
                return Err(generic(too_large(got.meta.size, bytes_max)));
            }
            let (mut chunks, mut size) = (Vec::new(), 0);
            let mut stream = got.into_stream();
            while let Some(chunk) = stream.try_next().await? {
                size += chunk.len() as u64;
                if size > bytes_max {
                    return Err(generic(too_large(size, bytes_max)));
                }
                chunks.push(chunk);
            }
            Ok(if chunks.len() == 1 { chunks.remove(0) } else { chunks.concat().into() })
        };
        got.await.map_err(|e| Error::storage(Action::Read, self.url_of(path), e))
    }

    /// All bytes of an object in this store, of any size.
    ///
    /// # Errors
    /// [`Error::Storage`] with the object's URL.
    pub async fn bytes(&self, path: &Path) -> Result<Bytes> {
        let got = async { self.store.get(path).await?.bytes().await };
        got.await.map_err(|e| Error::storage(Action::Read, self.url_of(path), e))
    }

    /// True when the store is the local file system, so that [`Location::bytes_of_file`] can be called.
    pub fn is_file_system(&self) -> bool {
        self.is_file_system
    }

    /// All bytes of a regular file of at most `bytes_max`, read on this thread: for a tiny file, handing it to another
    /// thread takes longer than reading it.
    ///
    /// # Errors
    /// [`Error::File`] with the file's path.
    pub fn bytes_of_file(&self, path: &Path, bytes_max: u64) -> Result<Bytes> {
        let file = folder::path_of(path);
        folder::read(&file, bytes_max).map_err(|source| Error::File { path: file, source })
    }

    /// The object at exactly this location, when it is an object and not a prefix.
    ///
    /// # Errors
    /// [`Error::File`] for a local path that is neither a file nor a folder.
    pub async fn object(&self) -> Result<Option<ObjectMeta>> {
        if self.prefix.as_ref().is_empty() {
            return Ok(None);
        }
        if self.is_file_system {
            let path = folder::path_of(&self.prefix);
            return folder::file(&path, &self.prefix).map_err(|source| Error::File { path, source });
        }
        match self.store.head(&self.prefix).await {
            Ok(object) => Ok(Some(object).filter(|object| object.size > 0)),
            // Listing would wait for the same server again.
            Err(e) if is_unreachable(&e) => Err(Error::storage(Action::Read, self.to_string(), e)),
            Err(_) => Ok(None),
        }
    }
}

/// Whether the server could not be reached, or did not answer in time.
fn is_unreachable(error: &object_store::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return matches!(http.kind(), HttpErrorKind::Connect | HttpErrorKind::Timeout);
        }
        cause = error.source();
    }
    false
}

fn generic(reason: String) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: reason.into() }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.url_of(&self.prefix).as_str())
    }
}

/// Removes `.` and `..` from an absolute path. The path need not exist yet.
fn normalised(path: &FilePath) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                out.pop();
            }
            std::path::Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

fn invalid_location(text: &str) -> Error {
    let text = redacted(text);
    Error::Usage(format!("invalid location `{text}`: expected s3://bucket/prefix or a local path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_its_prefix_are_parsed() {
        let location = Location::parse("s3://acme-trail/org/logs/", &S3Settings::default()).unwrap();
        assert_eq!(location.prefix().as_ref(), "org/logs");
        assert_eq!(location.url_of(&location.child("AWSLogs/1")), "s3://acme-trail/org/logs/AWSLogs/1");
        assert_eq!(location.directory_url().as_str(), "s3://acme-trail/org/logs/");
        assert_eq!(location.store_url().as_str(), "s3://acme-trail/");
    }

    #[test]
    fn a_local_path_is_made_absolute_and_normalised() {
        let location = Location::parse("/tmp/a/../b c/./lake", &S3Settings::default()).unwrap();
        assert_eq!(location.prefix().as_ref(), "tmp/b c/lake");
        assert_eq!(location.to_string(), "file:///tmp/b c/lake");
        assert_eq!(location.directory_url().as_str(), "file:///tmp/b%20c/lake/");
    }

    #[test]
    fn an_event_history_location_is_a_region_only() {
        let settings = S3Settings { profile: Some("auditor".into()), endpoint_url: None };
        let location = Location::source("cloudtrail://eu-west-1/", &settings).unwrap();
        assert_eq!((location.to_string().as_str(), location.is_local()), ("cloudtrail://eu-west-1/", false));
        for text in ["cloudtrail://", "cloudtrail://europe", "cloudtrail://eu-west-1/2026"] {
            assert!(
                Location::source(text, &settings).unwrap_err().to_string().contains("expected cloudtrail://REGION")
            );
        }
        let as_lake = Location::parse("cloudtrail://eu-west-1", &settings).unwrap_err().to_string();
        assert!(as_lake.contains("expected s3://bucket/prefix or a local path"));
    }

    #[test]
    fn another_scheme_is_refused_with_the_accepted_ones() {
        let error = Location::parse("gs://bucket", &S3Settings::default()).unwrap_err();
        assert_eq!(error.to_string(), "invalid location `gs://bucket`: expected s3://bucket/prefix or a local path");
    }
}
