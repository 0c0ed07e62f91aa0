//! Locations of archives and lakes: `s3://bucket/prefix` or a local path; for a source also `cloudtrail://region`. A
//! [`Location`] includes the store that reads it.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use url::Url;

use super::{LookupEvents, S3Settings};
use crate::error::{Action, Error, Result};

/// A bucket prefix or a folder, with its store.
///
/// The store's root is the bucket or the root of the file system, so paths in it are full keys.
#[derive(Debug, Clone)]
pub struct Location {
    /// URL without a trailing slash.
    url: Url,
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The same store, when it is the local file system.
    files: Option<Arc<LocalFileSystem>>,
}

impl Location {
    /// Parses `s3://bucket/prefix` or a local path. Sends no request and reads no file.
    ///
    /// # Errors
    /// [`Error::Usage`] for another scheme or an invalid path.
    pub fn parse(text: &str, s3: &S3Settings) -> Result<Location> {
        match text.split_once("://") {
            Some(("s3" | "s3a", rest)) => Location::bucket(rest, s3),
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
        let store =
            s3.builder().with_bucket_name(bucket).build().map_err(|e| Error::storage(Action::Open, &text, e))?;
        let prefix = Path::parse(prefix).map_err(|e| Error::Usage(format!("{text}: {e}")))?;
        let mut url = Url::parse(&format!("s3://{bucket}")).map_err(|_| invalid_location(&text))?;
        url.set_path(prefix.as_ref());
        Ok(Location { url, store: Arc::new(store), prefix, files: None })
    }

    fn folder(path: &FilePath) -> Result<Location> {
        let absolute = std::path::absolute(path).map_err(|source| Error::File { path: path.to_path_buf(), source })?;
        let absolute = normalised(&absolute);
        let prefix =
            Path::from_absolute_path(&absolute).map_err(|e| Error::Usage(format!("{}: {e}", absolute.display())))?;
        let url = Url::from_file_path(&absolute).map_err(|()| invalid_location(&absolute.display().to_string()))?;
        let files = Arc::new(LocalFileSystem::new());
        Ok(Location { url, store: Arc::clone(&files) as Arc<dyn ObjectStore>, prefix, files: Some(files) })
    }

    /// A location in the given store, such as one in memory.
    ///
    /// # Errors
    /// [`Error::Usage`] when `url` is not `scheme://host/prefix`.
    pub fn in_store(url: &str, store: Arc<dyn ObjectStore>) -> Result<Location> {
        let url = Url::parse(url).map_err(|_| invalid_location(url))?;
        let prefix = Path::from_url_path(url.path()).map_err(|e| Error::Usage(format!("{url}: {e}")))?;
        Ok(Location { url, store, prefix, files: None })
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
        match self.url.host_str() {
            Some(bucket) => format!("{}://{bucket}/{path}", self.url.scheme()),
            None => format!("file:///{path}"),
        }
    }

    /// A key below this location.
    pub fn child(&self, relative: &str) -> Path {
        relative
            .split('/')
            .filter(|part| !part.is_empty())
            .fold(self.prefix.clone(), |path, part| path.clone().join(part))
    }

    /// All bytes of an object in this store.
    ///
    /// # Errors
    /// [`Error::Storage`] with the object's URL.
    pub async fn bytes(&self, path: &Path) -> Result<Bytes> {
        let got = async { self.store.get(path).await?.bytes().await };
        got.await.map_err(|e| Error::storage(Action::Read, self.url_of(path), e))
    }

    /// True when the store is the local file system, so that [`Location::bytes_of_file`] can be called.
    pub fn is_file_system(&self) -> bool {
        self.files.is_some()
    }

    /// All bytes of a file, read on this thread: for a tiny file, handing it to another thread takes longer than
    /// reading it.
    ///
    /// # Errors
    /// [`Error::File`] with the file's path; [`Error::Internal`] when the store is not the local file system.
    pub fn bytes_of_file(&self, path: &Path) -> Result<Bytes> {
        let files = self.files.as_ref().ok_or_else(|| Error::Internal(format!("{self} is not a local folder")))?;
        let file = files.path_to_filesystem(path).map_err(|e| Error::storage(Action::Read, self.url_of(path), e))?;
        std::fs::read(&file).map(Bytes::from).map_err(|source| Error::File { path: file, source })
    }

    /// The object at exactly this location, when it is an object and not a prefix.
    pub async fn object(&self) -> Option<ObjectMeta> {
        if self.prefix.as_ref().is_empty() { None } else { self.store.head(&self.prefix).await.ok() }
    }
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
