//! Parquet files of several tables in one object: a zip without compression, with a member `<table>.parquet` for each table
//! that has rows. The summaries of a day are dozens of small tables, and on S3 each object costs a request.

use std::io::{self, Write};
use std::ops::Range;

use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use rawzip::{CompressionMethod, ReaderAt, ZipArchiveWriter, ZipLocator};

use crate::error::{Action, Error, Result};
use crate::source::Location;

/// Ending of a pack's name.
pub const ENDING: &str = ".zip";
/// Ending of a member's name.
const MEMBER_ENDING: &str = ".parquet";
/// The directory at the end of a pack is smaller: less than 200 bytes per table.
const DIRECTORY_BYTES: u64 = 64 << 10;
/// Bytes of a member's header before its name (PKWARE's APPNOTE 4.3.7); packs have no extra fields.
const HEADER_BYTES: u64 = 30;

/// A file within a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name of its table.
    pub table: String,
    /// Its bytes within the pack.
    pub range: Range<u64>,
}

/// Packs one Parquet file per table.
///
/// # Errors
/// [`Error::Internal`], which is a bug.
pub fn pack<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Result<Vec<u8>> {
    let failed = |e: rawzip::Error| Error::Internal(format!("packing: {e}"));
    let mut packed = Vec::new();
    let mut zip = ZipArchiveWriter::new(&mut packed);
    for (table, bytes) in files {
        let name = format!("{table}{MEMBER_ENDING}");
        let file = zip.new_file(&name).compression_method(CompressionMethod::STORE);
        let (mut entry, config) = file.start().map_err(failed)?;
        let mut writer = config.wrap(&mut entry);
        writer.write_all(&bytes).map_err(|e| Error::Internal(format!("packing {name}: {e}")))?;
        let (_, descriptor) = writer.finish().map_err(failed)?;
        entry.finish(descriptor).map_err(failed)?;
    }
    zip.finish().map_err(failed)?;
    Ok(packed)
}

/// Reads a pack's directory, with one request.
///
/// # Errors
/// When the pack cannot be read or is damaged.
pub async fn members(location: &Location, pack: &Path, size_bytes: u64) -> Result<Vec<Member>> {
    let start = size_bytes.saturating_sub(DIRECTORY_BYTES);
    let tail = location.store().get_range(pack, start..size_bytes).await;
    let bytes = tail.map_err(|e| Error::storage(Action::Read, location.url_of(pack), e))?;
    members_of(Tail { start, bytes }).map_err(|reason| Error::lake(location.url_of(pack), reason))
}

/// The members of a pack that is in memory, with their bytes.
///
/// # Errors
/// What is damaged.
pub fn unpack(bytes: &Bytes) -> Result<Vec<(String, Bytes)>, String> {
    let members = directory(bytes)?;
    Ok(members.into_iter().map(|m| (m.table, bytes.slice(m.range.start as usize..m.range.end as usize))).collect())
}

/// The members of a pack that is in memory.
///
/// # Errors
/// What is damaged.
pub fn directory(bytes: &Bytes) -> Result<Vec<Member>, String> {
    members_of(Tail { start: 0, bytes: bytes.clone() })
}

/// The last bytes of a file.
struct Tail {
    start: u64,
    bytes: Bytes,
}

impl ReaderAt for Tail {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = offset.checked_sub(self.start).and_then(|from| self.bytes.get(from as usize..));
        let from = from.ok_or(io::ErrorKind::UnexpectedEof)?;
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }
}

fn members_of(tail: Tail) -> Result<Vec<Member>, String> {
    let damaged = |e: rawzip::Error| format!("damaged pack: {e}");
    let end = tail.start + tail.bytes.len() as u64;
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let archive = ZipLocator::new().locate_in_reader(tail, &mut buffer, end).map_err(|(_, e)| damaged(e))?;
    let mut entries = archive.entries(&mut buffer);
    let mut members = Vec::new();
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        let path = entry.file_path();
        let name = path.as_ref();
        let table = std::str::from_utf8(name).ok().and_then(|name| name.strip_suffix(MEMBER_ENDING));
        let table =
            table.ok_or_else(|| format!("damaged pack: unexpected member {:?}", String::from_utf8_lossy(name)))?;
        let start = entry.local_header_offset() + HEADER_BYTES + name.len() as u64;
        let range = start..start + entry.compressed_size_hint();
        if range.end > end {
            return Err(format!("damaged pack: {table} ends after {end} bytes"));
        }
        members.push(Member { table: table.to_owned(), range });
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn members_are_found_by_the_directory_alone_also_in_a_large_pack() {
        let location = Location::in_store("s3://lake", Arc::new(InMemory::new())).unwrap();
        let large = vec![7; 3 * DIRECTORY_BYTES as usize];
        let files = [("daily_role", b"role".to_vec()), ("daily_client", large), ("a", Vec::new())];
        for files in [&files[..0], &files[..1], &files] {
            let packed = pack(files.iter().cloned()).unwrap();
            let (path, bytes) = (Path::from("p.zip"), Bytes::from(packed));
            location.store().put(&path, bytes.clone().into()).await.unwrap();
            let found = members(&location, &path, bytes.len() as u64).await.unwrap();
            let read = |m: &Member| (m.table.clone(), bytes.slice(m.range.start as usize..m.range.end as usize));
            assert_eq!(found.iter().map(read).collect::<Vec<_>>(), unpack(&bytes).unwrap());
            let expected: Vec<_> = files.iter().map(|(t, b)| ((*t).to_owned(), Bytes::from(b.clone()))).collect();
            assert_eq!(unpack(&bytes).unwrap(), expected);
        }
    }

    #[test]
    fn a_damaged_pack_is_an_error() {
        let packed = pack([("daily_role", vec![1; 100])]).unwrap();
        for bytes in [0, 100, packed.len() - 1] {
            let part = Bytes::copy_from_slice(&packed[..bytes]);
            assert!(unpack(&part).unwrap_err().starts_with("damaged pack"), "{bytes} bytes");
        }
    }
}
