//! The evidence bundle: the files of a run in one `.tar.gz`, with a manifest of their hashes. A change of any byte is
//! detected.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};

use crate::sha256;

/// Name of the report in the bundle.
pub const REPORT: &str = "report.json";
/// Name of the extract of the chain of runs: one record per line, up to the record of this run.
pub const RECORDS: &str = "runs.jsonl";
/// Name of the manifest.
const MANIFEST: &str = "manifest.json";
/// Gzip headers a bundle may have: deflate without name, time and system, at the two compression levels ever used.
const GZIP_HEADERS: [[u8; 10]; 2] = [[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]];

/// Size of the [`seal`]: header, hash, end of the comment, an empty block, its checksum and size.
const SEAL_BYTES: usize = 10 + 64 + 1 + 2 + 8;

/// Files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The manifest of a bundle.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Id of the run.
    pub run: String,
    /// Files that belong in the bundle but were not available.
    pub missing: Vec<String>,
    /// SHA-256 of each other file, by name.
    pub sha256: BTreeMap<String, String>,
}

/// The bytes of a bundle. Equal files give equal bytes.
///
/// # Errors
/// When a tar archive cannot hold one of the names.
pub fn pack(run: &str, missing: Vec<String>, mut files: Files) -> std::io::Result<Vec<u8>> {
    let sha256 = files.iter().map(|(name, bytes)| (name.clone(), sha256::hex(bytes))).collect();
    let manifest = Manifest { run: run.to_owned(), missing, sha256 };
    files.insert(MANIFEST.into(), serde_json::to_vec_pretty(&manifest)?);
    Ok(sealed(gzip(&tar(&files)?)?))
}

/// The files of a bundle, its manifest, and its problems, one line each.
pub fn unpack(bundle: &[u8]) -> (Files, Option<Manifest>, Vec<String>) {
    let mut problems = Vec::new();
    let (compressed, seal) = bundle.split_at(bundle.len().saturating_sub(SEAL_BYTES));
    if seal != self::seal(compressed) {
        problems.push("hash mismatch: the bundle was modified".into());
    }
    let files = match gunzip(compressed).and_then(|tarred| Ok((members(&tarred)?, tarred))) {
        Ok((files, tarred)) => {
            // Packing again also shows changes outside the members: owners, times, padding.
            if tar(&files).ok().as_ref() != Some(&tarred) {
                problems.push("a tar header or the padding between files was modified".into());
            }
            files
        }
        Err(e) => {
            problems.push(format!("cannot unpack it: {e}"));
            return (Files::new(), None, problems);
        }
    };
    let manifest = files.get(MANIFEST).and_then(|bytes| serde_json::from_slice::<Manifest>(bytes).ok());
    let Some(manifest) = manifest else {
        problems.push(format!("{MANIFEST} is missing or was modified"));
        return (files, None, problems);
    };
    for (name, sha256) in &manifest.sha256 {
        match files.get(name) {
            None => problems.push(format!("{name} is missing")),
            Some(bytes) if sha256::hex(bytes) != *sha256 => {
                problems.push(format!("{name}: hash mismatch: the file or its hash in {MANIFEST} was modified"))
            }
            Some(_) => {}
        }
    }
    let added = files.keys().filter(|name| *name != MANIFEST && !manifest.sha256.contains_key(*name));
    problems.extend(added.map(|name| format!("{name} was added")));
    (files, Some(manifest), problems)
}

/// Appends the [`seal`]. Unpacking alone would miss changes of bits that gzip ignores.
fn sealed(compressed: Vec<u8>) -> Vec<u8> {
    let seal = seal(&compressed);
    [compressed, seal].concat()
}

/// An empty gzip member with the hash as its comment, so that other programs can still unpack the bundle.
fn seal(compressed: &[u8]) -> Vec<u8> {
    let head = [0x1f, 0x8b, 8, 16, 0, 0, 0, 0, 0, 255];
    let empty = [0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    [&head[..], sha256::hex(compressed).as_bytes(), &empty[..]].concat()
}

/// Compresses without a timestamp, at the default level: the best one takes three times as long for a report of 100 MB.
///
/// # Errors
/// None: it writes to memory.
pub fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().operating_system(255).write(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Decompresses the output of [`gzip`].
///
/// # Errors
/// When the bytes are not exactly one such output, or were modified.
pub fn gunzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    if !GZIP_HEADERS.iter().any(|header| bytes.starts_with(header)) {
        return Err(std::io::Error::other("the gzip header is not one of trailhunt"));
    }
    let mut decoder = GzDecoder::new(bytes);
    let mut inflated = Vec::new();
    decoder.read_to_end(&mut inflated)?;
    if decoder.into_inner().is_empty() { Ok(inflated) } else { Err(std::io::Error::other("extra bytes after the end")) }
}

fn tar(files: &Files) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o444);
        header.set_mtime(0);
        builder.append_data(&mut header, name, bytes.as_slice())?;
    }
    builder.into_inner()
}

fn members(tarred: &[u8]) -> std::io::Result<Files> {
    let mut files = Files::new();
    for entry in tar::Archive::new(tarred).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(name, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_modified_byte_of_a_bundle_is_detected() {
        let files =
            Files::from([("report.json".into(), b"{}\n".to_vec()), ("detectors/a.sql".into(), vec![b'x'; 700])]);
        let bundle = pack("run", vec![], files.clone()).unwrap();
        assert_eq!(bundle, pack("run", vec![], files).unwrap());
        // Other programs can read it, including the seal.
        let mut whole = Vec::new();
        flate2::read::MultiGzDecoder::new(bundle.as_slice()).read_to_end(&mut whole).unwrap();
        assert_eq!(members(&whole).unwrap().len(), 3);
        let (unpacked, manifest, problems) = unpack(&bundle);
        assert_eq!((unpacked.len(), manifest.unwrap().run.as_str(), problems), (3, "run", vec![]));
        for at in 0..bundle.len() {
            let mut changed = bundle.clone();
            changed[at] ^= 0x10;
            assert!(!unpack(&changed).2.is_empty(), "byte {at}");
        }
        let longer = [bundle.clone(), vec![0]].concat();
        assert!(!unpack(&longer).2.is_empty());
    }

    #[test]
    fn a_modified_file_is_named_even_if_the_bundle_was_packed_again() {
        let bundle = pack("run", vec![], Files::from([("report.json".into(), b"1".to_vec())])).unwrap();
        let (mut files, ..) = unpack(&bundle);
        files.insert("report.json".into(), b"2".to_vec());
        files.insert("more".into(), vec![]);
        let again = sealed(gzip(&tar(&files).unwrap()).unwrap());
        assert_eq!(
            unpack(&again).2,
            ["report.json: hash mismatch: the file or its hash in manifest.json was modified", "more was added"]
        );
    }
}
