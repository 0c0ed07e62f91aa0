//! Members of a `.zip` or `.tar` archive: its bytes in, names and bytes of the files it packs out, within a bound.
//!
//! Told by content. Folders and links hold nothing and are passed by. Members are handed on as stored, gzipped ones too;
//! a bundle inside a bundle is for the reader to refuse.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};

/// How members are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// `.zip`, stored or deflated.
    Zip,
    /// `.tar`; a compressed one once it is inflated.
    Tar,
}

/// One file of a bundle.
#[derive(Debug)]
pub struct Member<'a> {
    /// Path within the bundle.
    pub name: String,
    /// Its bytes, up to the damage when there is any.
    pub bytes: Cow<'a, [u8]>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// What the reader of a bundle decides, member by member.
pub trait Visitor {
    /// False for a member that is not to be unpacked.
    fn wants(&mut self, name: &str) -> bool;

    /// Inflated bytes that a member may have.
    fn bytes_max(&self) -> usize;

    /// Takes a member. An error ends the bundle, with the reason.
    fn member(&mut self, member: Member) -> Result<(), String>;
}

/// A key in a bucket has at most 1,024 bytes; every row carries its object's name.
const NAME_BYTES_MAX: usize = 1024;

/// What the bytes are packed as, if they are.
pub fn packing(bytes: &[u8]) -> Option<Packing> {
    // A record's own text can stand where tar has its mark; no bundle of logs begins with a file named like JSON.
    let is_json = matches!(bytes.first(), Some(b'{' | b'['));
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        Some(Packing::Zip)
    } else if !is_json && bytes.get(257..262) == Some(b"ustar") {
        Some(Packing::Tar)
    } else {
        None
    }
}

/// Shows every file of a bundle to `visitor`, in order.
///
/// # Errors
/// Why the rest of the bundle was not read.
pub fn members(packing: Packing, bytes: &[u8], visitor: &mut impl Visitor) -> Result<(), String> {
    match packing {
        Packing::Zip => zip(bytes, visitor),
        Packing::Tar => tar(bytes, visitor),
    }
}

fn zip(bytes: &[u8], visitor: &mut impl Visitor) -> Result<(), String> {
    let archive = ZipArchive::from_slice(bytes).map_err(|e| format!("damaged zip: {e}"))?;
    let mut entries = archive.entries();
    let mut met = 0;
    while let Some(entry) = entries.next_entry().map_err(|e| format!("damaged zip: {e}"))? {
        met += 1;
        if entry.is_dir() {
            continue;
        }
        let name = name(entry.file_path().as_ref())?;
        if visitor.wants(&name) {
            let mut inflated = Vec::new();
            let problem = unzip(&archive, &entry, visitor.bytes_max(), &mut inflated).err();
            visitor.member(Member { name, bytes: inflated.into(), problem })?;
        }
    }
    let promised = archive.entries_hint();
    if met < promised { Err(format!("damaged zip: {met} of {promised} members are there")) } else { Ok(()) }
}

/// Appends one member's inflated bytes to `out`; what came before the damage stays there.
fn unzip(
    archive: &ZipSliceArchive<&[u8]>,
    entry: &ZipFileHeaderRecord,
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    if entry.flags().is_encrypted() {
        return Err("an encrypted member of a zip".into());
    }
    let packed = archive.get_entry(entry.wayfinder()).map_err(|e| format!("damaged zip: {e}"))?;
    let bytes: Box<dyn Read> = match entry.compression_method() {
        CompressionMethod::STORE => Box::new(packed.data()),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed.data())),
        _ => return Err("a member of a zip that is neither stored nor deflated".into()),
    };
    let read = packed.verifying_reader(bytes).take(bytes_max as u64 + 1).read_to_end(out);
    if out.len() > bytes_max {
        out.truncate(bytes_max);
        return Err("larger than the rest of the bundle's bound; the rest of it was not read".into());
    }
    read.map(|_| ()).map_err(|e| format!("damaged member of a zip: {e}"))
}

fn tar(bytes: &[u8], visitor: &mut impl Visitor) -> Result<(), String> {
    let damaged = |e: std::io::Error| format!("damaged tar: {e}");
    let mut archive = tar::Archive::new(bytes);
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            continue;
        }
        let name = name(&entry.path_bytes())?;
        if !visitor.wants(&name) {
            continue;
        }
        let rest = usize::try_from(entry.raw_file_position()).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        let is_cut = size > rest.len();
        let problem = match kind.is_gnu_sparse() {
            true => Some("a sparse member of a tar".into()),
            false => is_cut.then(|| "truncated tar".into()),
        };
        let bytes = if kind.is_gnu_sparse() { &[][..] } else { &rest[..size.min(rest.len())] };
        visitor.member(Member { name, bytes: bytes.into(), problem })?;
        if is_cut {
            return Ok(());
        }
    }
    Ok(())
}

/// A member's name as text that is fit to print.
fn name(bytes: &[u8]) -> Result<String, String> {
    if bytes.len() > NAME_BYTES_MAX {
        return Err(format!("a member's name has {} bytes; the rest of the bundle was not read", bytes.len()));
    }
    Ok(String::from_utf8_lossy(bytes).replace(|c: char| c.is_control(), "\u{fffd}"))
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;

    /// A tar of these files.
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

    /// A deflated zip of these files.
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

    struct All {
        seen: Vec<(String, Vec<u8>, Option<String>)>,
        bytes_max: usize,
    }

    impl Visitor for All {
        fn wants(&mut self, name: &str) -> bool {
            name != "unwanted"
        }

        fn bytes_max(&self) -> usize {
            self.bytes_max
        }

        fn member(&mut self, member: Member) -> Result<(), String> {
            self.seen.push((member.name, member.bytes.into_owned(), member.problem));
            Ok(())
        }
    }

    fn unpack(bytes: &[u8], bytes_max: usize) -> (All, Result<(), String>) {
        let mut all = All { seen: Vec::new(), bytes_max };
        let end = packing(bytes).map_or(Ok(()), |packing| members(packing, bytes, &mut all));
        (all, end)
    }

    const FILES: &[(&str, &[u8])] = &[("a/1.json", b"one"), ("unwanted", b"no"), ("b/\u{7}2.json", b"two"), ("3", b"")];

    #[test]
    fn wanted_files_are_unpacked_in_order() {
        for bytes in [tar_of(FILES), zip_of(FILES)] {
            let (all, end) = unpack(&bytes, 100);
            assert_eq!(end, Ok(()));
            let seen: Vec<_> = all.seen.iter().map(|(name, bytes, _)| (name.as_str(), bytes.as_slice())).collect();
            assert_eq!(seen, [("a/1.json", &b"one"[..]), ("b/\u{fffd}2.json", b"two"), ("3", b"")]);
            assert!(all.seen.iter().all(|(_, _, problem)| problem.is_none()));
        }
    }

    #[test]
    fn a_bomb_in_a_zip_stops_at_the_bound() {
        let zeros = vec![b' '; 1 << 20];
        let (all, _) = unpack(&zip_of(&[("bomb", &zeros)]), 1000);
        assert_eq!(all.seen[0].1.len(), 1000);
        assert!(all.seen[0].2.as_ref().unwrap().starts_with("larger than"));
    }

    #[test]
    fn what_stands_before_a_cut_is_kept() {
        let tar = tar_of(&[("1", &[b'x'; 1000]), ("2", &[b'y'; 1000])]);
        let (all, end) = unpack(&tar[..2500], 10_000);
        assert_eq!((all.seen[0].1.len(), all.seen[0].2.as_deref()), (1000, None));
        assert_eq!((all.seen[1].1.len(), all.seen[1].2.as_deref()), (452, Some("truncated tar")));
        assert_eq!(end, Ok(()));
        let (all, end) = unpack(&zip_of(FILES)[..60], 100);
        assert!(all.seen.is_empty() && end.unwrap_err().starts_with("damaged zip"));
    }

    #[test]
    fn a_record_that_says_ustar_is_no_tar() {
        let text = format!("{{{}ustar{}", " ".repeat(256), " ".repeat(600));
        assert_eq!(packing(text.as_bytes()), None);
    }

    #[test]
    fn damage_anywhere_is_survived() {
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
