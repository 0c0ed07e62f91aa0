//! The members of packs, as files that a scan can read.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, GetResult, ObjectStore, Result};

use super::reads::{Reader, Reads};
use crate::lake::Pack;

/// A store in which each member of a pack is a file of its own. Everything else is as in the store below it.
#[derive(Debug)]
pub struct Members {
    store: Arc<dyn ObjectStore>,
    by_path: HashMap<Path, InPack>,
}

/// Where a member is.
#[derive(Debug, Clone)]
struct InPack {
    /// The store that reads its pack.
    store: Arc<dyn ObjectStore>,
    pack: Path,
    /// The member's bytes within the pack.
    range: Range<u64>,
}

impl Members {
    /// The members of `packs`, which `store` has.
    pub fn of(
        packs: &[Pack],
        store: &Arc<dyn ObjectStore>,
        of_pack: impl Fn(&Pack) -> Arc<dyn ObjectStore>,
    ) -> Reader<Members> {
        let mut by_path = HashMap::new();
        for pack in packs {
            let store = of_pack(pack);
            for member in pack.members.iter() {
                let (store, range) = (Arc::clone(&store), member.range.clone());
                by_path.insert(pack.path_of(member), InPack { store, pack: pack.file.path.clone(), range });
            }
        }
        Reader(Members { store: Arc::clone(store), by_path })
    }
}

impl InPack {
    fn within(&self, range: &Range<u64>) -> Result<Range<u64>> {
        let (start, end) = (self.range.start + range.start, self.range.start + range.end);
        if start > end || end > self.range.end {
            let source = format!("{}: bytes {range:?} of a member at {:?}", self.pack, self.range).into();
            return Err(Error::Generic { store: "packs", source });
        }
        Ok(start..end)
    }
}

#[async_trait]
impl Reads for Members {
    fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        let Some(member) = self.by_path.get(location) else { return self.store.get_opts(location, options).await };
        let size = member.range.end - member.range.start;
        let range = match options.range.take() {
            Some(GetRange::Bounded(range)) => range,
            Some(GetRange::Offset(from)) => from..size,
            Some(GetRange::Suffix(last)) => size.saturating_sub(last)..size,
            None => 0..size,
        };
        options.range = Some(GetRange::Bounded(member.within(&range)?));
        member.store.get_opts(&member.pack, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let Some(member) = self.by_path.get(location) else { return self.store.get_ranges(location, ranges).await };
        let ranges: Vec<_> = ranges.iter().map(|range| member.within(range)).collect::<Result<_>>()?;
        member.store.get_ranges(&member.pack, &ranges).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;
    use crate::lake::{DataFile, Member};

    #[tokio::test]
    async fn a_member_reads_like_a_file_and_never_beyond_itself() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let (pack, member) = (Path::from("pack.zip"), Path::from("pack.zip/a.parquet"));
        store.put(&pack, Bytes::from_static(b"..abcd..").into()).await.unwrap();
        let file = DataFile {
            path: pack.clone(),
            size_bytes: 8,
            day: Default::default(),
            rows: 0,
            min: Default::default(),
            max: Default::default(),
            nulls: Default::default(),
        };
        let packs = [Pack { file, members: [Member { table: "a".into(), range: 2..6 }].into() }];
        let members = Members::of(&packs, &store, |_| Arc::clone(&store));
        assert_eq!(members.get(&member).await.unwrap().bytes().await.unwrap(), "abcd");
        assert_eq!(members.get_range(&member, 1..3).await.unwrap(), "bc");
        assert_eq!(members.get_ranges(&member, &[0..1, 3..4]).await.unwrap(), ["a", "d"]);
        let last = GetOptions { range: Some(GetRange::Suffix(2)), ..GetOptions::default() };
        assert_eq!(members.get_opts(&member, last).await.unwrap().bytes().await.unwrap(), "cd");
        for range in [3..5, 4..6] {
            assert!(members.get_range(&member, range.clone()).await.is_err(), "{range:?}");
            assert!(members.get_ranges(&member, &[range]).await.is_err());
        }
        assert_eq!(members.get_range(&pack, 0..3).await.unwrap(), "..a", "other files are those of the store");
    }
}
