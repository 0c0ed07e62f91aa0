//! A store in memory whose writes can fail, for tests.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A store in memory whose writes fail on request; reads always succeed.
#[derive(Debug)]
pub struct Failing {
    inner: Arc<InMemory>,
    failure: Mutex<Option<fn() -> Error>>,
}

impl Failing {
    pub fn new() -> Arc<Failing> {
        Arc::new(Failing { inner: Arc::new(InMemory::new()), failure: Mutex::new(None) })
    }

    /// From now on, writes and deletes fail with this error.
    pub fn fail_writes(&self, failure: fn() -> Error) {
        *self.failure.lock().unwrap() = Some(failure);
    }

    pub fn succeed(&self) {
        *self.failure.lock().unwrap() = None;
    }

    pub fn disk_full() -> Error {
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        Error::Generic { store: "test", source: source.into() }
    }

    pub fn throttled() -> Error {
        Error::Generic { store: "test", source: "503 SlowDown".into() }
    }

    pub fn denied() -> Error {
        Error::PermissionDenied { path: "lake".into(), source: "403 AccessDenied".into() }
    }

    fn check(&self) -> Result<()> {
        match *self.failure.lock().unwrap() {
            Some(failure) => Err(failure()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failing")
    }
}

#[async_trait]
impl ObjectStore for Failing {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.check()?;
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.check()?;
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.check() {
            Ok(()) => self.inner.delete_stream(locations),
            Err(e) => futures::stream::iter([Err(e)]).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.check()?;
        self.inner.copy_opts(from, to, options).await
    }
}
