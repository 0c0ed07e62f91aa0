//! The S3 metadata of a digest object: its signature, and when a backfill digest was generated.
//!
//! A copy on disk has no S3 metadata. There it is read from a sidecar file next to the digest,
//! `DIGEST.json.gz.metadata.json`: the output of `aws s3api head-object`, or just the object in its `Metadata` member.

use chrono::{DateTime, Utc};
use object_store::{Attribute, Attributes};
use serde_json::Value;

/// Suffix of a sidecar file, appended to the digest's file name.
pub(super) const SIDECAR_SUFFIX: &str = ".metadata.json";

/// Metadata stored with a digest object rather than in it.
#[derive(Debug, Default, Clone)]
pub(super) struct Metadata {
    /// Hex.
    pub signature: Option<String>,
    pub signature_algorithm: Option<String>,
    /// When a backfill digest was generated, long after the hour it covers.
    pub backfilled_at: Option<DateTime<Utc>>,
}

impl Metadata {
    /// From the attributes of an S3 object.
    pub fn from_attributes(attributes: &Attributes) -> Metadata {
        Metadata::read(|name| {
            attributes.get(&Attribute::Metadata(name.to_owned().into())).map(|value| value.to_string())
        })
    }

    /// From a sidecar file.
    pub fn from_sidecar(json: &Value) -> Metadata {
        let members = json.get("Metadata").unwrap_or(json);
        Metadata::read(|name| members.get(name)?.as_str().map(str::to_owned))
    }

    fn read(get: impl Fn(&str) -> Option<String>) -> Metadata {
        let backfilled_at = get("backfill-generation-timestamp");
        Metadata {
            signature: get("signature"),
            signature_algorithm: get("signature-algorithm"),
            backfilled_at: backfilled_at.and_then(|text| Some(DateTime::parse_from_rfc3339(&text).ok()?.to_utc())),
        }
    }
}
