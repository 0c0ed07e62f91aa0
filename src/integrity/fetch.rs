//! Fetches digests and logs, inflates them and takes their hash. Logs are never held inflated.
//!
//! The signature of a digest is S3 metadata of the object. A copy on a disk has no metadata: there it is looked for in a
//! file beside the digest, `DIGEST.json.gz.metadata.json`, which is what `aws s3api head-object` prints, or only the
//! object within its `Metadata`.

use std::io::Read;

use chrono::DateTime;
use flate2::bufread::MultiGzDecoder;
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStoreExt};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::digest::{Digest, Metadata};
use super::problem::Problem;
use crate::error::{Action, Error};
use crate::source::{Location, LogObject};

/// What a file with a digest's metadata is called, behind the digest's own name.
pub(super) const SIDECAR_ENDING: &str = ".metadata.json";
/// Inflated bytes of one object, as for decoding: CloudTrail delivers some 50 MB at most.
const INFLATED_BYTES_MAX: u64 = 1 << 30;

/// What came of fetching a log.
pub(super) enum Hashed {
    /// Hex SHA-256 of the inflated bytes.
    Sha256(String),
    /// It cannot be inflated, so it is not what was delivered.
    Damaged(String),
    /// It is not there.
    Missing,
    /// It could not be fetched.
    Unreadable(String),
}

/// Fetches a log and takes its hash.
pub(super) async fn hash(location: &Location, path: &Path) -> Hashed {
    let fetched = async { location.store().get(path).await?.bytes().await };
    match fetched.await {
        Ok(bytes) => {
            let mut hash = Sha256::new();
            match inflate(&bytes, |part| hash.update(part)) {
                Ok(()) => Hashed::Sha256(hex(&hash.finalize())),
                Err(reason) => Hashed::Damaged(reason),
            }
        }
        Err(object_store::Error::NotFound { .. }) => Hashed::Missing,
        Err(e) => Hashed::Unreadable(Error::storage(Action::Read, location.url_of(path), e).to_string()),
    }
}

/// Fetches a digest with its metadata, from the sidecar where the store has none.
pub(super) async fn digest(location: &Location, object: &LogObject, sidecar: Option<&Path>) -> Result<Digest, Problem> {
    let failed = |e| Problem::digest_unreadable(&object.url, Error::storage(Action::Read, &object.url, e).to_string());
    let got = location.store().get(&object.path).await.map_err(failed)?;
    let mut metadata = of_attributes(&got.attributes);
    let bytes = got.bytes().await.map_err(failed)?;
    if metadata.signature.is_none()
        && let Some(sidecar) = sidecar
    {
        let url = location.url_of(sidecar);
        let fetched = async { location.store().get(sidecar).await?.bytes().await };
        let bytes = fetched
            .await
            .map_err(|e| Problem::digest_unreadable(&object.url, Error::storage(Action::Read, &url, e).to_string()))?;
        let json = serde_json::from_slice(&bytes)
            .map_err(|e| Problem::digest_unreadable(&object.url, format!("{url} beside it is no JSON ({e})")))?;
        metadata = of_head_object(&json);
    }
    let mut text = Vec::new();
    inflate(&bytes, |part| text.extend_from_slice(part))
        .map_err(|reason| Problem::digest_unreadable(&object.url, reason))?;
    let sha256 = hex(&Sha256::digest(&text));
    Digest::read(object, &text, sha256, metadata)
}

fn of_attributes(attributes: &Attributes) -> Metadata {
    metadata(|name| attributes.get(&Attribute::Metadata(name.to_owned().into())).map(|value| value.to_string()))
}

fn of_head_object(json: &Value) -> Metadata {
    let members = json.get("Metadata").unwrap_or(json);
    metadata(|name| members.get(name)?.as_str().map(str::to_owned))
}

fn metadata(get: impl Fn(&str) -> Option<String>) -> Metadata {
    let backfilled = get("backfill-generation-timestamp");
    Metadata {
        signature: get("signature"),
        algorithm: get("signature-algorithm"),
        backfilled: backfilled.and_then(|text| Some(DateTime::parse_from_rfc3339(&text).ok()?.to_utc())),
    }
}

/// Hands the inflated bytes to `take`, part by part. Plain bytes are taken as they are: some tools inflate on the way.
fn inflate(bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        take(bytes);
        return Ok(());
    }
    let mut decoder = MultiGzDecoder::new(bytes).take(INFLATED_BYTES_MAX + 1);
    let mut part = [0; 1 << 16];
    let mut length_bytes = 0;
    loop {
        match decoder.read(&mut part) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                take(&part[..n]);
                length_bytes += n as u64;
            }
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Err("truncated gzip".into()),
            Err(e) => return Err(format!("damaged gzip: {e}")),
        }
        if length_bytes > INFLATED_BYTES_MAX {
            return Err(format!("larger than {INFLATED_BYTES_MAX} bytes when inflated"));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
