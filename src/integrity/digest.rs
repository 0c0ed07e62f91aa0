//! One digest file: what it says, whether its signature holds, and where in this copy the objects lie that it names.

use chrono::{DateTime, TimeDelta, Utc};
use object_store::path::Path;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;

use super::problem::{Problem, ProblemKind, time};
use super::public_keys::{PublicKey, PublicKeys};
use crate::source::{LogKey, LogObject};

/// What tells a digest that was written later for logs which the hour's own digest had left out.
const BACKFILL_ENDING: &str = "_backfill.json.gz";
/// A digest is signed some time after the end of the hour it speaks of, perhaps by the next key already.
const SIGNED_LATER_MAX: TimeDelta = TimeDelta::days(1);

/// The members that are used here, of which AWS documents the names.
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
        let of_logs = self.log_files.iter().flatten().map(|log| log.hash_algorithm.as_deref());
        of_logs.chain([self.previous_digest_hash_algorithm.as_deref()]).flatten()
    }
}

/// A log as a digest names it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogFile {
    pub s3_bucket: String,
    pub s3_object: String,
    /// Hex SHA-256 of the inflated bytes.
    pub hash_value: String,
    pub hash_algorithm: Option<String>,
}

/// What stands beside a digest and not in it.
#[derive(Debug, Default, Clone)]
pub(super) struct Metadata {
    /// Hex.
    pub signature: Option<String>,
    pub algorithm: Option<String>,
    /// When a backfill digest was made, long after the hour it speaks of.
    pub backfilled: Option<DateTime<Utc>>,
}

/// A signature in hex, and where it was found.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    pub hex: String,
    /// Taken from `previousDigestSignature` of the digest after it.
    pub of_successor: bool,
}

/// A digest that could be read.
#[derive(Debug)]
pub(super) struct Digest {
    pub path: Path,
    pub url: String,
    pub key: LogKey,
    pub starts: DateTime<Utc>,
    pub ends: DateTime<Utc>,
    /// Hex SHA-256 of the inflated bytes.
    pub sha256: String,
    pub metadata: Metadata,
    /// True once [`Digest::verify`] held.
    pub is_verified: bool,
    content: Content,
    moved: Moved,
}

/// The digest before one.
pub(super) struct Previous<'a> {
    pub path: Path,
    /// `s3://` URL of delivery.
    pub url: String,
    pub sha256: Option<&'a str>,
    pub signature: Option<&'a str>,
}

impl Digest {
    /// Reads the inflated bytes of `object`.
    pub fn read(object: &LogObject, text: &[u8], sha256: String, metadata: Metadata) -> Result<Digest, Problem> {
        let unreadable = |reason: String| Problem::digest_unreadable(&object.url, reason);
        let content: Content =
            serde_json::from_slice(text).map_err(|e| unreadable(format!("is no digest file ({e})")))?;
        let instant = |text: &str| DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
        let times = instant(&content.digest_start_time).and_then(|from| Ok((from, instant(&content.digest_end_time)?)));
        let (starts, ends) = times.map_err(|e| unreadable(format!("has times that cannot be read ({e})")))?;
        let algorithms = [content.digest_signature_algorithm.as_deref(), metadata.algorithm.as_deref()];
        if let Some(other) = algorithms.into_iter().flatten().find(|name| *name != "SHA256withRSA") {
            return Err(unreadable(format!("is signed with {other}, and only SHA256withRSA is known")));
        }
        if let Some(other) = content.hash_algorithms().find(|name| *name != "SHA-256") {
            return Err(unreadable(format!("names hashes by {other}, and only SHA-256 is known")));
        }
        let moved = Moved::between(&content.digest_s3_object, object.path.as_ref()).ok_or_else(|| {
            let (bucket, key) = (&content.digest_s3_bucket, &content.digest_s3_object);
            let reason = format!("says that it is s3://{bucket}/{key}");
            Problem::new(
                ProblemKind::DigestMisplaced,
                &object.url,
                reason,
                "somebody put another digest in its place; fetch it again from the bucket CloudTrail delivers to",
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
            moved,
        })
    }

    /// Checks the signature and remembers that it held.
    pub fn verify(&mut self, signature: Option<&Signature>, keys: &PublicKeys) -> Result<(), Problem> {
        let Some(signature) = signature else {
            let (bucket, key) = (&self.content.digest_s3_bucket, &self.content.digest_s3_object);
            return Err(Problem::new(
                ProblemKind::SignatureMissing,
                &self.url,
                "a copy does not keep the object's metadata, and no later digest names it",
                format!(
                    "aws s3api head-object --bucket {bucket} --key {key} > {}{}",
                    self.path.filename().unwrap_or_default(),
                    super::fetch::SIDECAR_ENDING
                ),
            ));
        };
        let fingerprint = &self.content.digest_public_key_fingerprint;
        let region = self.key.region.as_deref().unwrap_or("REGION");
        let ask_for_keys = format!(
            "aws cloudtrail list-public-keys --region {region} --start-time {} --end-time {} > FILE and add --public-keys FILE",
            time(self.starts),
            time(self.ends + SIGNED_LATER_MAX),
        );
        let Some(key) = keys.get(fingerprint) else {
            let reason = format!("signed by key {fingerprint}, which no --public-keys file has");
            return Err(Problem::new(ProblemKind::KeyUnknown, &self.url, reason, ask_for_keys));
        };
        let bytes = unhex(&signature.hex);
        let public_key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.der);
        let holds = bytes.is_some_and(|bytes| public_key.verify(self.signed_text().as_bytes(), &bytes).is_ok());
        if !holds {
            let whose = if signature.of_successor { "the next digest names" } else { "its metadata holds" };
            return Err(Problem::new(
                ProblemKind::SignatureBad,
                &self.url,
                format!("the signature that {whose} is not of this digest"),
                "fetch it again from the bucket CloudTrail delivers to; if it stays so, it or its signature was altered",
            ));
        }
        if !self.could_be_signed_by(key) {
            let shown = |moment: Option<DateTime<Utc>>| moment.map_or("any time".into(), time);
            let (from, to) = (shown(key.valid_from), shown(key.valid_to));
            let reason = format!("signed by key {fingerprint}, which is valid from {from} to {to}");
            return Err(Problem::new(ProblemKind::KeyNotValid, &self.url, reason, ask_for_keys));
        }
        self.is_verified = true;
        Ok(())
    }

    /// What AWS signs: end, place, hash and the signature before it, in four lines; "null" where a chain begins.
    fn signed_text(&self) -> String {
        let Content { digest_end_time, digest_s3_bucket, digest_s3_object, previous_digest_signature, .. } =
            &self.content;
        let previous = previous_digest_signature.as_deref().unwrap_or("null");
        format!("{digest_end_time}\n{digest_s3_bucket}/{digest_s3_object}\n{}\n{previous}", self.sha256)
    }

    fn could_be_signed_by(&self, key: &PublicKey) -> bool {
        // A backfill digest whose metadata is lost was made at an unknown time after its end.
        let earliest = self.metadata.backfilled.unwrap_or(self.ends);
        let latest = match self.metadata.backfilled {
            None if self.is_backfill() => DateTime::<Utc>::MAX_UTC,
            _ => earliest + SIGNED_LATER_MAX,
        };
        key.valid_from.is_none_or(|from| from <= latest) && key.valid_to.is_none_or(|to| to >= earliest)
    }

    /// True for a digest that was written later, beside the chain of hours.
    pub fn is_backfill(&self) -> bool {
        self.content.digest_s3_object.ends_with(BACKFILL_ENDING)
    }

    /// True when it lies elsewhere than it was delivered.
    pub fn is_copy(&self) -> bool {
        self.url != format!("s3://{}/{}", self.content.digest_s3_bucket, self.content.digest_s3_object)
    }

    /// What the keys of one chain have in common: account, region, trail and home region.
    pub fn chain(&self) -> &str {
        let key = &self.content.digest_s3_object;
        key.rsplit('/')
            .next()
            .and_then(|name| name.trim_end_matches(BACKFILL_ENDING).rsplit_once('_'))
            .map_or("", |c| c.0)
    }

    /// The digest before this one; `None` where a chain begins.
    pub fn previous(&self) -> Option<Previous<'_>> {
        let key = self.content.previous_digest_s3_object.as_deref()?;
        let bucket = self.content.previous_digest_s3_bucket.as_deref().unwrap_or(&self.content.digest_s3_bucket);
        Some(Previous {
            path: self.moved.path(key),
            url: format!("s3://{bucket}/{key}"),
            sha256: self.content.previous_digest_hash_value.as_deref(),
            signature: self.content.previous_digest_signature.as_deref(),
        })
    }

    /// The logs it names, with where they should lie here.
    pub fn logs(&self) -> impl Iterator<Item = (Path, &LogFile)> {
        self.content.log_files.iter().flatten().map(|log| (self.moved.path(&log.s3_object), log))
    }
}

/// From keys as delivered to paths in a copy: one prefix in place of another.
#[derive(Debug)]
struct Moved {
    from: String,
    to: String,
}

impl Moved {
    /// The folders in which `key` and `path` end alike stay, what stands before them is exchanged. `None` when not even
    /// the file is called the same.
    fn between(key: &str, path: &str) -> Option<Moved> {
        let alike = key.rsplit('/').zip(path.rsplit('/')).take_while(|(a, b)| a == b).count();
        let before = |text: &str| {
            let folders: Vec<_> = text.split('/').collect();
            folders[..folders.len() - alike].iter().map(|folder| format!("{folder}/")).collect::<String>()
        };
        (alike > 0).then(|| Moved { from: before(key), to: before(path) })
    }

    /// Where an object delivered as `key` lies. In a copy without folders all lie beside each other.
    fn path(&self, key: &str) -> Path {
        let below = key.strip_prefix(&self.from).or_else(|| key.rsplit('/').next()).unwrap_or(key);
        let path = format!("{}{below}", self.to);
        Path::parse(&path).unwrap_or_else(|_| Path::from(path))
    }
}

/// Bytes of hex text, either case.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let digits = text.is_ascii() && text.len().is_multiple_of(2);
    digits.then(|| (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_in_a_copy_at_another_place() {
        let key = "trail/AWSLogs/1/CloudTrail-Digest/us-east-1/2024/01/01/d.json.gz";
        let log = "trail/AWSLogs/1/CloudTrail/us-east-1/2024/01/01/l.json.gz";
        let found = |path: &str| Moved::between(key, path).map(|moved| moved.path(log).to_string());
        assert_eq!(found(key).as_deref(), Some(log), "where it was delivered");
        assert_eq!(
            found("tmp/a copy/AWSLogs/1/CloudTrail-Digest/us-east-1/2024/01/01/d.json.gz").as_deref(),
            Some("tmp/a copy/AWSLogs/1/CloudTrail/us-east-1/2024/01/01/l.json.gz")
        );
        assert_eq!(
            found("of account 1/CloudTrail-Digest/us-east-1/2024/01/01/d.json.gz").as_deref(),
            Some("of account 1/CloudTrail/us-east-1/2024/01/01/l.json.gz"),
            "folders may be left out at the top"
        );
        assert_eq!(found("downloads/d.json.gz").as_deref(), Some("downloads/l.json.gz"), "all in one folder");
        assert_eq!(found("downloads/e.json.gz"), None, "another digest");
    }

    #[test]
    fn hex_is_read_in_either_case_and_nothing_else() {
        assert_eq!(unhex("00fFa1"), Some(vec![0, 255, 161]));
        assert_eq!((unhex("0"), unhex("zz"), unhex("ä")), (None, None, None));
    }
}
