//! Fetches digests and logs, decompresses them and computes their hash. A decompressed log is never held in memory
//! whole.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use super::metadata::Metadata;
use super::problem::Problem;
use crate::error::{Action, Error};
use crate::source::{Location, LogObject};

/// Objects fetched concurrently.
pub(super) const CONCURRENT_FETCHES_MAX: usize = 32;
/// Decompressed bytes of one object, the same limit as for decoding: CloudTrail's largest files have about 50 MB.
const DECOMPRESSED_BYTES_MAX: u64 = 1 << 30;

/// Result of fetching and hashing a log.
pub(super) enum LogHash {
    /// Hex SHA-256 of the decompressed bytes.
    Sha256(String),
    /// It cannot be decompressed, so it is not what CloudTrail delivered.
    Damaged(String),
    /// It does not exist.
    Missing,
    /// It could not be fetched.
    Unreadable(String),
}

/// Fetches a log and computes its hash.
pub(super) async fn hash_log(location: &Location, path: &Path) -> LogHash {
    let fetched = async { location.store().get(path).await?.bytes().await };
    match fetched.await {
        Ok(bytes) => {
            let mut hash = Sha256::new();
            match gunzip(&bytes, |chunk| hash.update(chunk)) {
                Ok(()) => LogHash::Sha256(hex(&hash.finalize())),
                Err(reason) => LogHash::Damaged(reason),
            }
        }
        Err(object_store::Error::NotFound { .. }) => LogHash::Missing,
        Err(e) => LogHash::Unreadable(Error::storage(Action::Read, location.url_of(path), e).to_string()),
    }
}

/// Fetches a digest and its metadata. The sidecar is read when the store has no signature.
pub(super) async fn fetch_digest(
    location: &Location,
    object: &LogObject,
    sidecar: Option<&Path>,
) -> Result<Digest, Problem> {
    let failed = |e| Problem::digest_unreadable(&object.url, Error::storage(Action::Read, &object.url, e).to_string());
    let response = location.store().get(&object.path).await.map_err(failed)?;
    let mut metadata = Metadata::from_attributes(&response.attributes);
    let bytes = response.bytes().await.map_err(failed)?;
    if metadata.signature.is_none()
        && let Some(sidecar) = sidecar
    {
        let url = location.url_of(sidecar);
        let fetched = async { location.store().get(sidecar).await?.bytes().await };
        let bytes = fetched
            .await
            .map_err(|e| Problem::digest_unreadable(&object.url, Error::storage(Action::Read, &url, e).to_string()))?;
        let json = serde_json::from_slice(&bytes).map_err(|e| {
            Problem::digest_unreadable(&object.url, format!("its metadata file {url} is not JSON ({e})"))
        })?;
        metadata = Metadata::from_sidecar(&json);
    }
    let mut text = Vec::new();
    gunzip(&bytes, |chunk| text.extend_from_slice(chunk))
        .map_err(|reason| Problem::digest_unreadable(&object.url, reason))?;
    let sha256 = hex(&Sha256::digest(&text));
    Digest::parse(object, &text, sha256, metadata)
}

/// Passes the decompressed bytes to `consume`, chunk by chunk. Bytes that are not gzip are passed unchanged, because
/// some tools decompress objects when they copy them.
fn gunzip(bytes: &[u8], mut consume: impl FnMut(&[u8])) -> Result<(), String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        consume(bytes);
        return Ok(());
    }
    let mut decoder = MultiGzDecoder::new(bytes).take(DECOMPRESSED_BYTES_MAX + 1);
    let mut chunk = [0; 1 << 16];
    let mut length_bytes = 0;
    loop {
        match decoder.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                consume(&chunk[..n]);
                length_bytes += n as u64;
            }
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Err("truncated gzip".into()),
            Err(e) => return Err(format!("damaged gzip: {e}")),
        }
        if length_bytes > DECOMPRESSED_BYTES_MAX {
            return Err(format!("larger than {DECOMPRESSED_BYTES_MAX} bytes after decompression"));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
