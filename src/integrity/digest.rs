//! One digest file: its content, its signature, and where the objects it lists are in this copy of the bucket.

use chrono::{DateTime, TimeDelta, Utc};
use object_store::path::Path;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;

use super::metadata::{Metadata, SIDECAR_SUFFIX};
use super::problem::{Problem, ProblemKind, time};
use super::public_keys::{PublicKey, PublicKeys};
use crate::source::{LogKey, LogObject};

/// Suffix of a digest that CloudTrail generated later, for logs missing from the digest of their hour.
const BACKFILL_SUFFIX: &str = "_backfill.json.gz";
/// A digest is signed after the hour it covers, so a key that became valid later can have signed it.
const SIGNING_DELAY_MAX: TimeDelta = TimeDelta::days(1);

/// The members used here, with the names that AWS documents.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    digest_signature_algorithm: Option<String>,
    previous_digest_s3_bucket: Option<String>,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_hash_algorithm: Option<String>,
    previous_digest_signature: Option<String>,
    log_files: Option<Vec<LogFile>>,
}

impl Content {
    fn hash_algorithms(&self) -> impl Iterator<Item = &str> {
        let for_logs = self.log_files.iter().flatten().map(|log| log.hash_algorithm.as_deref());
        for_logs.chain([self.previous_digest_hash_algorithm.as_deref()]).flatten()
    }
}

/// A log as listed in a digest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogFile {
    pub s3_bucket: String,
    pub s3_object: String,
    /// Hex SHA-256 of the decompressed bytes.
    pub hash_value: String,
    pub hash_algorithm: Option<String>,
}

/// A signature and where it was found.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    pub hex: String,
    /// Read from `previousDigestSignature` of the next digest.
    pub from_successor: bool,
}

/// A parsed digest.
#[derive(Debug)]
pub(super) struct Digest {
    pub path: Path,
    pub url: String,
    pub key: LogKey,
    pub starts: DateTime<Utc>,
    pub ends: DateTime<Utc>,
    /// Hex SHA-256 of the decompressed bytes.
    pub sha256: String,
    pub metadata: Metadata,
    /// True once [`Digest::verify`] succeeded.
    pub is_verified: bool,
    content: Content,
    prefixes: PrefixMapping,
}

/// What a digest states about the previous digest.
pub(super) struct PreviousDigest<'a> {
    pub path: Path,
    /// `s3://` URL that CloudTrail delivered it to.
    pub url: String,
    pub sha256: Option<&'a str>,
    pub signature: Option<&'a str>,
}

impl Digest {
    /// Parses the decompressed bytes of `object`.
    pub fn parse(object: &LogObject, text: &[u8], sha256: String, metadata: Metadata) -> Result<Digest, Problem> {
        let unreadable = |reason: String| Problem::digest_unreadable(&object.url, reason);
        let content: Content =
            serde_json::from_slice(text).map_err(|e| unreadable(format!("not a digest file ({e})")))?;
        let instant = |text: &str| DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
        let times = instant(&content.digest_start_time).and_then(|from| Ok((from, instant(&content.digest_end_time)?)));
        let (starts, ends) = times.map_err(|e| unreadable(format!("invalid start or end time ({e})")))?;
        let algorithms = [content.digest_signature_algorithm.as_deref(), metadata.signature_algorithm.as_deref()];
        if let Some(other) = algorithms.into_iter().flatten().find(|name| *name != "SHA256withRSA") {
            return Err(unreadable(format!("unsupported signature algorithm {other}: expected SHA256withRSA")));
        }
        if let Some(other) = content.hash_algorithms().find(|name| *name != "SHA-256") {
            return Err(unreadable(format!("unsupported hash algorithm {other}: expected SHA-256")));
        }
        let prefixes = PrefixMapping::between(&content.digest_s3_object, object.path.as_ref()).ok_or_else(|| {
            let (bucket, key) = (&content.digest_s3_bucket, &content.digest_s3_object);
            let reason = format!("its content is the digest s3://{bucket}/{key}");
            Problem::new(
                ProblemKind::DigestMisplaced,
                &object.url,
                reason,
                "the digest was replaced by another one; fetch it again from the bucket CloudTrail delivers to",
            )
        })?;
        Ok(Digest {
            path: object.path.clone(),
            url: object.url.clone(),
            key: object.key.clone(),
            starts,
            ends,
            sha256,
            metadata,
            is_verified: false,
            content,
            prefixes,
        })
    }

    /// Checks the signature and sets `is_verified`.
    pub fn verify(&mut self, signature: Option<&Signature>, keys: &PublicKeys) -> Result<(), Problem> {
        let Some(signature) = signature else {
            let (bucket, key) = (&self.content.digest_s3_bucket, &self.content.digest_s3_object);
            return Err(Problem::new(
                ProblemKind::SignatureMissing,
                &self.url,
                "its S3 metadata is lost, as in every copy on disk, and no later digest contains its signature",
                format!(
                    "aws s3api head-object --bucket {bucket} --key {key} > {}{}",
                    self.path.filename().unwrap_or_default(),
                    SIDECAR_SUFFIX
                ),
            ));
        };
        let fingerprint = &self.content.digest_public_key_fingerprint;
        let region = self.key.region.as_deref().unwrap_or("REGION");
        let list_keys = format!(
            "aws cloudtrail list-public-keys --region {region} --start-time {} --end-time {} > FILE and add --public-keys FILE",
            time(self.starts),
            time(self.ends + SIGNING_DELAY_MAX),
        );
        let Some(key) = keys.get(fingerprint) else {
            let reason = format!("signed by key {fingerprint}, which is in none of the --public-keys files");
            return Err(Problem::new(ProblemKind::KeyUnknown, &self.url, reason, list_keys));
        };
        let bytes = unhex(&signature.hex);
        let public_key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.der);
        let is_valid = bytes.is_some_and(|bytes| public_key.verify(self.signed_text().as_bytes(), &bytes).is_ok());
        if !is_valid {
            let source = if signature.from_successor { "the next digest" } else { "its metadata" };
            return Err(Problem::new(
                ProblemKind::SignatureBad,
                &self.url,
                format!("the signature in {source} does not match this digest"),
                "fetch it again from the bucket CloudTrail delivers to; if it still does not match, it or its signature \
                 was modified",
            ));
        }
        if !self.can_be_signed_by(key) {
            let shown = |moment: Option<DateTime<Utc>>| moment.map_or("any time".into(), time);
            let (from, to) = (shown(key.valid_from), shown(key.valid_to));
            let reason = format!("signed by key {fingerprint}, which is only valid from {from} to {to}");
            return Err(Problem::new(ProblemKind::KeyNotValid, &self.url, reason, list_keys));
        }
        self.is_verified = true;
        Ok(())
    }

    /// The text that AWS signs, four lines: end time, bucket and key, hash, and the previous digest's signature or
    /// "null".
    fn signed_text(&self) -> String {
        let Content { digest_end_time, digest_s3_bucket, digest_s3_object, previous_digest_signature, .. } =
            &self.content;
        let previous = previous_digest_signature.as_deref().unwrap_or("null");
        format!("{digest_end_time}\n{digest_s3_bucket}/{digest_s3_object}\n{}\n{previous}", self.sha256)
    }

    fn can_be_signed_by(&self, key: &PublicKey) -> bool {
        // Without its metadata, all that is known of a backfill digest is that it was signed after its end.
        let earliest = self.metadata.backfilled_at.unwrap_or(self.ends);
        let latest = match self.metadata.backfilled_at {
            None if self.is_backfill() => DateTime::<Utc>::MAX_UTC,
            _ => earliest + SIGNING_DELAY_MAX,
        };
        key.valid_from.is_none_or(|from| from <= latest) && key.valid_to.is_none_or(|to| to >= earliest)
    }

    /// True for a digest that was generated later, outside the hourly chain.
    pub fn is_backfill(&self) -> bool {
        self.content.digest_s3_object.ends_with(BACKFILL_SUFFIX)
    }

    /// True when its URL is not the one CloudTrail delivered it to.
    pub fn is_copy(&self) -> bool {
        self.url != format!("s3://{}/{}", self.content.digest_s3_bucket, self.content.digest_s3_object)
    }

    /// The part of the file name that all digests of a chain share: account, region, trail and home region.
    pub fn chain(&self) -> &str {
        let key = &self.content.digest_s3_object;
        key.rsplit('/')
            .next()
            .and_then(|name| name.trim_end_matches(BACKFILL_SUFFIX).rsplit_once('_'))
            .map_or("", |c| c.0)
    }

    /// The previous digest; `None` at the start of a chain.
    pub fn previous(&self) -> Option<PreviousDigest<'_>> {
        let key = self.content.previous_digest_s3_object.as_deref()?;
        let bucket = self.content.previous_digest_s3_bucket.as_deref().unwrap_or(&self.content.digest_s3_bucket);
        Some(PreviousDigest {
            path: self.prefixes.path(key),
            url: format!("s3://{bucket}/{key}"),
            sha256: self.content.previous_digest_hash_value.as_deref(),
            signature: self.content.previous_digest_signature.as_deref(),
        })
    }

    /// The logs it lists, with their expected paths in this copy.
    pub fn logs(&self) -> impl Iterator<Item = (Path, &LogFile)> {
        self.content.log_files.iter().flatten().map(|log| (self.prefixes.path(&log.s3_object), log))
    }
}

/// Maps keys as CloudTrail delivered them to paths in a copy, by replacing the prefix.
#[derive(Debug)]
struct PrefixMapping {
    delivered: String,
    copied: String,
}

impl PrefixMapping {
    /// Derived from one object: what remains after removing the common end of `key` and `path`, folder by folder.
    /// `None` when the file names differ.
    fn between(key: &str, path: &str) -> Option<PrefixMapping> {
        let common = key.rsplit('/').zip(path.rsplit('/')).take_while(|(a, b)| a == b).count();
        let prefix = |text: &str| {
            let folders: Vec<_> = text.split('/').collect();
            folders[..folders.len() - common].iter().map(|folder| format!("{folder}/")).collect::<String>()
        };
        (common > 0).then(|| PrefixMapping { delivered: prefix(key), copied: prefix(path) })
    }

    /// Path in the copy of an object delivered as `key`. A copy without folders has all objects in one folder.
    fn path(&self, key: &str) -> Path {
        let suffix = key.strip_prefix(&self.delivered).or_else(|| key.rsplit('/').next()).unwrap_or(key);
        let path = format!("{}{suffix}", self.copied);
        Path::parse(&path).unwrap_or_else(|_| Path::from(path))
    }
}

/// Decodes hex, upper or lower case.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let digits = text.is_ascii() && text.len().is_multiple_of(2);
    digits.then(|| (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_in_a_copy_with_another_prefix() {
        let key = "trail/AWSLogs/1/CloudTrail-Digest/us-east-1/2024/01/01/d.json.gz";
        let log = "trail/AWSLogs/1/CloudTrail/us-east-1/2024/01/01/l.json.gz";
        let found = |path: &str| PrefixMapping::between(key, path).map(|prefixes| prefixes.path(log).to_string());
        assert_eq!(found(key).as_deref(), Some(log), "not copied");
        assert_eq!(
            found("tmp/a copy/AWSLogs/1/CloudTrail-Digest/us-east-1/2024/01/01/d.json.gz").as_deref(),
            Some("tmp/a copy/AWSLogs/1/CloudTrail/us-east-1/2024/01/01/l.json.gz")
        );
        assert_eq!(
            found("of account 1/CloudTrail-Digest/us-east-1/2024/01/01/d.json.gz").as_deref(),
            Some("of account 1/CloudTrail/us-east-1/2024/01/01/l.json.gz"),
            "the top folders can be missing"
        );
        assert_eq!(found("downloads/d.json.gz").as_deref(), Some("downloads/l.json.gz"), "all in one folder");
        assert_eq!(found("downloads/e.json.gz"), None, "another digest");
    }

    #[test]
    fn hex_is_decoded_in_either_case_and_anything_else_is_refused() {
        assert_eq!(unhex("00fFa1"), Some(vec![0, 255, 161]));
        assert_eq!((unhex("0"), unhex("zz"), unhex("ä")), (None, None, None));
    }
}
