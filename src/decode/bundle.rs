//! Unpacks a bundle, a `.zip` or `.tar` file: the name and bytes of each file in it, up to a limit.
//!
//! Recognised by content. Folders and links are skipped. Files are passed on as stored, even if they are gzip; the
//! reader rejects bundles inside bundles.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};

/// Format of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.zip`, with stored or deflated files.
    Zip,
    /// `.tar`, after decompression.
    Tar,
}

/// One file of a bundle.
#[derive(Debug)]
pub struct Member<'a> {
    /// Path within the bundle.
    pub name: String,
    /// Its bytes; if it is damaged, those before the damage.
    pub bytes: Cow<'a, [u8]>,
    /// Why it could not be read completely.
    pub problem: Option<String>,
}

/// Receives the files of a bundle.
pub trait Visitor {
    /// False to skip a file.
    fn should_unpack(&mut self, name: &str) -> bool;

    /// Limit of the decompressed bytes of the next file.
    fn bytes_max(&self) -> usize;

    /// Receives a file. An error ends the unpacking, with the reason.
    fn member(&mut self, member: Member) -> Result<(), String>;
}

/// S3 keys have at most 1,024 bytes, and every row contains the name of its object.
const NAME_BYTES_MAX: usize = 1024;

/// The format of a bundle; `None` if the bytes are not a bundle.
pub fn format(bytes: &[u8]) -> Option<Format> {
    // JSON can contain `ustar` at the offset of tar's magic; a tar of logs does not start with a file name like JSON.
    let is_json = matches!(bytes.first(), Some(b'{' | b'['));
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        Some(Format::Zip)
    } else if !is_json && bytes.get(257..262) == Some(b"ustar") {
        Some(Format::Tar)
    } else {
        None
    }
}

/// Passes every file of a bundle to `visitor`, in order.
///
/// # Errors
/// Why the rest of the bundle was not read.
pub fn members(format: Format, bytes: &[u8], visitor: &mut impl Visitor) -> Result<(), String> {
    match format {
        Format::Zip => unpack_zip(bytes, visitor),
        Format::Tar => unpack_tar(bytes, visitor),
    }
}

fn unpack_zip(bytes: &[u8], visitor: &mut impl Visitor) -> Result<(), String> {
    let archive = ZipArchive::from_slice(bytes).map_err(|e| format!("damaged zip: {e}"))?;
    let mut entries = archive.entries();
    let mut found = 0;
    while let Some(entry) = entries.next_entry().map_err(|e| format!("damaged zip: {e}"))? {
        found += 1;
        if entry.is_dir() {
            continue;
        }
        let name = name(entry.file_path().as_ref())?;
        if visitor.should_unpack(&name) {
            let mut decompressed = Vec::new();
            let problem = unzip(&archive, &entry, visitor.bytes_max(), &mut decompressed).err();
            visitor.member(Member { name, bytes: decompressed.into(), problem })?;
        }
    }
    let expected = archive.entries_hint();
    if found < expected { Err(format!("damaged zip: found {found} of {expected} files")) } else { Ok(()) }
}

/// Appends the decompressed bytes of one file to `out`; on an error, those before the damage.
fn unzip(
    archive: &ZipSliceArchive<&[u8]>,
    entry: &ZipFileHeaderRecord,
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    if entry.flags().is_encrypted() {
        return Err("encrypted file in a zip".into());
    }
    let packed = archive.get_entry(entry.wayfinder()).map_err(|e| format!("damaged zip: {e}"))?;
    let bytes: Box<dyn Read> = match entry.compression_method() {
        CompressionMethod::STORE => Box::new(packed.data()),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed.data())),
        _ => return Err("unsupported compression in a zip: expected stored or deflate".into()),
    };
    let read = packed.verifying_reader(bytes).take(bytes_max as u64 + 1).read_to_end(out);
    if out.len() > bytes_max {
        out.truncate(bytes_max);
        return Err("the files of this zip exceed its size limit; the rest of this file was not read".into());
    }
    read.map(|_| ()).map_err(|e| format!("damaged file in a zip: {e}"))
}

fn unpack_tar(bytes: &[u8], visitor: &mut impl Visitor) -> Result<(), String> {
    let damaged = |e: std::io::Error| format!("damaged tar: {e}");
    let mut archive = tar::Archive::new(bytes);
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            continue;
        }
        let name = name(&entry.path_bytes())?;
        if !visitor.should_unpack(&name) {
            continue;
        }
        let rest = usize::try_from(entry.raw_file_position()).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        let is_truncated = size > rest.len();
        let problem = match kind.is_gnu_sparse() {
            true => Some("sparse file in a tar is not supported".into()),
            false => is_truncated.then(|| "truncated tar".into()),
        };
        let bytes = if kind.is_gnu_sparse() { &[][..] } else { &rest[..size.min(rest.len())] };
        visitor.member(Member { name, bytes: bytes.into(), problem })?;
        if is_truncated {
            return Ok(());
        }
    }
    Ok(())
}

/// A file's name as printable text.
fn name(bytes: &[u8]) -> Result<String, String> {
    if bytes.len() > NAME_BYTES_MAX {
        return Err(format!("file name of {} bytes in a zip or tar; the rest was not read", bytes.len()));
    }
    Ok(String::from_utf8_lossy(bytes).replace(|c: char| c.is_control(), "\u{fffd}"))
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;

    /// A tar with these files.
    pub fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    /// A zip with these files, deflated.
    pub fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
        for (name, bytes) in files {
            let file = archive.new_file(name).compression_method(CompressionMethod::DEFLATE);
            let (mut entry, config) = file.start().unwrap();
            let mut writer = config.wrap(flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast()));
            writer.write_all(bytes).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        out
    }

    struct Collector {
        seen: Vec<(String, Vec<u8>, Option<String>)>,
        bytes_max: usize,
    }

    impl Visitor for Collector {
        fn should_unpack(&mut self, name: &str) -> bool {
            name != "skipped"
        }

        fn bytes_max(&self) -> usize {
            self.bytes_max
        }

        fn member(&mut self, member: Member) -> Result<(), String> {
            self.seen.push((member.name, member.bytes.into_owned(), member.problem));
            Ok(())
        }
    }

    fn unpack(bytes: &[u8], bytes_max: usize) -> (Collector, Result<(), String>) {
        let mut collector = Collector { seen: Vec::new(), bytes_max };
        let end = format(bytes).map_or(Ok(()), |format| members(format, bytes, &mut collector));
        (collector, end)
    }

    const FILES: &[(&str, &[u8])] = &[("a/1.json", b"one"), ("skipped", b"no"), ("b/\u{7}2.json", b"two"), ("3", b"")];

    #[test]
    fn files_are_unpacked_in_order_unless_skipped() {
        for bytes in [tar_of(FILES), zip_of(FILES)] {
            let (files, end) = unpack(&bytes, 100);
            assert_eq!(end, Ok(()));
            let seen: Vec<_> = files.seen.iter().map(|(name, bytes, _)| (name.as_str(), bytes.as_slice())).collect();
            assert_eq!(seen, [("a/1.json", &b"one"[..]), ("b/\u{fffd}2.json", b"two"), ("3", b"")]);
            assert!(files.seen.iter().all(|(_, _, problem)| problem.is_none()));
        }
    }

    #[test]
    fn a_zip_bomb_stops_at_the_limit() {
        let zeros = vec![b' '; 1 << 20];
        let (files, _) = unpack(&zip_of(&[("bomb", &zeros)]), 1000);
        assert_eq!(files.seen[0].1.len(), 1000);
        assert!(files.seen[0].2.as_ref().unwrap().contains("exceed its size limit"));
    }

    #[test]
    fn files_of_a_truncated_bundle_are_kept() {
        let tar = tar_of(&[("1", &[b'x'; 1000]), ("2", &[b'y'; 1000])]);
        let (files, end) = unpack(&tar[..2500], 10_000);
        assert_eq!((files.seen[0].1.len(), files.seen[0].2.as_deref()), (1000, None));
        assert_eq!((files.seen[1].1.len(), files.seen[1].2.as_deref()), (452, Some("truncated tar")));
        assert_eq!(end, Ok(()));
        let (files, end) = unpack(&zip_of(FILES)[..60], 100);
        assert!(files.seen.is_empty() && end.unwrap_err().starts_with("damaged zip"));
    }

    #[test]
    fn json_with_ustar_at_the_offset_of_tars_magic_is_not_a_tar() {
        let text = format!("{{{}ustar{}", " ".repeat(256), " ".repeat(600));
        assert_eq!(format(text.as_bytes()), None);
    }

    #[test]
    fn damage_at_any_byte_does_not_panic() {
        for whole in [tar_of(FILES), zip_of(FILES)] {
            for at in 0..whole.len().min(2000) {
                for flip in [0x01, 0x80, 0xff] {
                    let mut bytes = whole.clone();
                    bytes[at] ^= flip;
                    let _ = unpack(&bytes, 100);
                }
                let _ = unpack(&whole[..at], 100);
            }
        }
    }
}
