//! A bucket of AWS, in whatever region it is: the first request looks the region up.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::TryFutureExt;
use futures::stream::{BoxStream, StreamExt};
use object_store::aws::{AmazonS3, resolve_bucket_region};
use object_store::path::Path;
use object_store::{
    ClientOptions, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::OnceCell;

use super::S3Settings;

/// Forwards everything to the bucket's store, which is made by the first request.
#[derive(Debug, Clone)]
pub(super) struct RegionalStore {
    bucket: String,
    settings: S3Settings,
    store: Arc<OnceCell<AmazonS3>>,
}

impl RegionalStore {
    pub(super) fn new(bucket: &str, settings: &S3Settings) -> RegionalStore {
        RegionalStore { bucket: bucket.into(), settings: settings.clone(), store: Arc::default() }
    }

    async fn store(&self) -> Result<&AmazonS3> {
        let connect = || async {
            // S3 answers this without credentials. If it does not, the region of the environment has to do.
            let region = resolve_bucket_region(&self.bucket, &ClientOptions::default()).await.ok();
            self.settings.store(&self.bucket, region.as_deref())
        };
        self.store.get_or_try_init(connect).await
    }

    /// The stream of the store, which may have to be made first.
    fn stream<T: Send + 'static>(
        &self,
        stream: impl FnOnce(&AmazonS3) -> BoxStream<'static, Result<T>> + Send + 'static,
    ) -> BoxStream<'static, Result<T>> {
        let this = self.clone();
        async move { Ok(stream(this.store().await?)) }.try_flatten_stream().boxed()
    }
}

#[async_trait]
impl ObjectStore for RegionalStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store().await?.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store().await?.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.store().await?.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.stream(|store| store.delete_stream(locations))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.cloned();
        self.stream(move |store| store.list(prefix.as_ref()))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let (prefix, offset) = (prefix.cloned(), offset.clone());
        self.stream(move |store| store.list_with_offset(prefix.as_ref(), &offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store().await?.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store().await?.copy_opts(from, to, options).await
    }
}

impl fmt::Display for RegionalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AmazonS3({})", self.bucket)
    }
}
