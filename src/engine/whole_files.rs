//! Small files of a bucket are read whole, and once: a hunt reads the same files with dozens of queries, and a request to
//! S3 takes longer than the bytes of a small file.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::common::Result as Planned;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::stream::{self, StreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, Error, GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt,
    Result,
};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::reads::{Reader, Reads};

/// Bytes of files that are kept in memory, at most.
const KEPT_BYTES: u64 = 128 << 20;
/// Files that are kept, as far as their number matters: a hint.
const FILES: usize = 512;
/// A scan reads its files whole if they have no more bytes than this together: several scans can share what is kept.
pub const SCAN_BYTES: u64 = KEPT_BYTES / 4;
/// Packs up to this size are read whole: a hunt reads nearly all of their members.
pub const PACK_BYTES: u64 = KEPT_BYTES / 16;

/// A store whose files are read whole, once, also for a part of them. Files never change.
#[derive(Debug)]
pub struct WholeFiles {
    store: Arc<dyn ObjectStore>,
    kept: Cache<Path, Whole, ByBytes>,
}

#[derive(Debug, Clone)]
struct Whole {
    meta: ObjectMeta,
    bytes: Bytes,
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Path, Whole> for ByBytes {
    fn weight(&self, _: &Path, whole: &Whole) -> u64 {
        whole.bytes.len() as u64 + 1
    }
}

/// The URL under which a context has the store of whole files beside the plain one. Folders have no such store: reading
/// a part of a local file is cheap.
pub fn whole_files_url(store: &ObjectStoreUrl) -> Planned<ObjectStoreUrl> {
    ObjectStoreUrl::parse(format!("whole-{}", store.as_str()))
}

impl WholeFiles {
    /// Reads the files of `store` whole.
    ///
    /// # Errors
    /// [`Internal`](crate::error::Error::Internal), which is a bug.
    pub fn of(store: Arc<dyn ObjectStore>) -> crate::error::Result<Reader<WholeFiles>> {
        let mut options = OptionsBuilder::new();
        // One shard: each would keep only its part of the bytes, and a larger file would be read again for each request.
        options.shards(1).estimated_items_capacity(FILES).weight_capacity(KEPT_BYTES);
        let options = options.build().map_err(|e| crate::error::Error::Internal(e.to_string()))?;
        let (hash, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Ok(Reader(WholeFiles { store, kept: Cache::with_options(options, ByBytes, hash, lifecycle) }))
    }

    async fn whole(&self, path: &Path) -> Result<Whole> {
        // Scans that need a file at the same time wait for one request.
        let read = async {
            let got = self.store.get(path).await?;
            Ok(Whole { meta: got.meta.clone(), bytes: got.bytes().await? })
        };
        self.kept.get_or_insert_async(path, read).await
    }
}

impl Whole {
    fn part(&self, range: &Range<u64>) -> Result<Bytes> {
        let size = self.bytes.len() as u64;
        if range.start > range.end || range.end > size {
            let source = format!("{}: bytes {range:?} of {size}", self.meta.location).into();
            return Err(Error::Generic { store: "whole files", source });
        }
        Ok(self.bytes.slice(range.start as usize..range.end as usize))
    }
}

#[async_trait]
impl Reads for WholeFiles {
    fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let Some(GetRange::Bounded(range)) = options.range.clone() else {
            return self.store.get_opts(location, options).await;
        };
        let whole = self.whole(location).await?;
        let part = whole.part(&range)?;
        let payload = GetResultPayload::Stream(stream::once(async { Ok(part) }).boxed());
        Ok(GetResult { payload, meta: whole.meta, range, attributes: Attributes::default() })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let whole = self.whole(location).await?;
        ranges.iter().map(|range| whole.part(range)).collect()
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn files_of_the_largest_scan_are_all_kept() {
        let store = Arc::new(InMemory::new());
        let paths: Vec<_> = (0..4).map(|file| Path::from(format!("file {file}"))).collect();
        for path in &paths {
            store.put(path, vec![7; SCAN_BYTES as usize / 4].into()).await.unwrap();
        }
        let large = Path::from("large");
        store.put(&large, vec![8; SCAN_BYTES as usize].into()).await.unwrap();
        let whole = WholeFiles::of(Arc::clone(&store) as Arc<dyn ObjectStore>).unwrap();
        for path in paths.iter().chain([&large]) {
            whole.get_range(path, 0..1).await.unwrap();
            store.delete(path).await.unwrap();
        }
        for path in paths.iter().chain([&large]) {
            whole.get_range(path, 1..2).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_file_is_read_once_and_its_parts_are_those_of_the_store() {
        let store = Arc::new(InMemory::new());
        let path = Path::from("file");
        store.put(&path, Bytes::from_static(b"0123456789").into()).await.unwrap();
        let whole = WholeFiles::of(Arc::clone(&store) as Arc<dyn ObjectStore>).unwrap();
        assert_eq!(whole.get_range(&path, 2..5).await.unwrap(), "234");
        // What is kept is used: the store's file is gone.
        store.delete(&path).await.unwrap();
        assert_eq!(whole.get_ranges(&path, &[0..1, 9..10]).await.unwrap(), ["0", "9"]);
        let error = whole.get_range(&path, 8..11).await.unwrap_err();
        assert!(error.to_string().contains("file: bytes 8..11 of 10"), "{error}");
        // A missing file is an error, and is looked for again.
        let other = Path::from("other");
        assert!(whole.get_range(&other, 0..1).await.is_err());
        store.put(&other, Bytes::from_static(b"x").into()).await.unwrap();
        assert_eq!(whole.get_range(&other, 0..1).await.unwrap(), "x");
    }
}
