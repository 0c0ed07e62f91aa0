//! The members of packs, as files that a scan can read. Their paths say where they are: see [`Pack::path_of`].

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, GetResult, ObjectStore, Result};

use super::reads::{Reader, Reads};
use super::whole_files::PACK_BYTES;
use crate::lake::InPack;

/// A store in which each member of a pack is a file of its own. Everything else is as in the store below it.
#[derive(Debug)]
pub struct Members {
    store: Arc<dyn ObjectStore>,
    /// Reads packs of at most [`PACK_BYTES`].
    of_small_packs: Arc<dyn ObjectStore>,
}

impl Members {
    /// The members of the packs in `store`; `of_small_packs` reads small ones.
    pub fn of(store: Arc<dyn ObjectStore>, of_small_packs: Arc<dyn ObjectStore>) -> Reader<Members> {
        Reader(Members { store, of_small_packs })
    }

    fn of_pack(&self, member: &InPack) -> &Arc<dyn ObjectStore> {
        if member.pack_bytes <= PACK_BYTES { &self.of_small_packs } else { &self.store }
    }
}

/// A range of a member as a range of its pack.
fn within(member: &InPack, range: &Range<u64>) -> Result<Range<u64>> {
    let (start, end) = (member.range.start + range.start, member.range.start + range.end);
    if start > end || end > member.range.end {
        let source = format!("{}: bytes {range:?} of a member at {:?}", member.pack, member.range).into();
        return Err(Error::Generic { store: "packs", source });
    }
    Ok(start..end)
}

#[async_trait]
impl Reads for Members {
    fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        let Some(member) = InPack::of_path(location) else { return self.store.get_opts(location, options).await };
        let size = member.range.end - member.range.start;
        let range = match options.range.take() {
            Some(GetRange::Bounded(range)) => range,
            Some(GetRange::Offset(from)) => from..size,
            Some(GetRange::Suffix(last)) => size.saturating_sub(last)..size,
            None => 0..size,
        };
        options.range = Some(GetRange::Bounded(within(&member, &range)?));
        self.of_pack(&member).get_opts(&member.pack, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let Some(member) = InPack::of_path(location) else { return self.store.get_ranges(location, ranges).await };
        let ranges: Vec<_> = ranges.iter().map(|range| within(&member, range)).collect::<Result<_>>()?;
        self.of_pack(&member).get_ranges(&member.pack, &ranges).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;
    use crate::lake::{DataFile, Member, Pack};

    #[tokio::test]
    async fn a_member_reads_like_a_file_and_never_beyond_itself() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let (pack, member) = (Path::from("pack.zip"), Member { table: "a".into(), range: 2..6 });
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
        let of_pack = Pack { file, members: [member.clone()].into() };
        let (member, members) = (of_pack.path_of(&member), Members::of(Arc::clone(&store), store));
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
