//! The result of a verification: counts of digests and logs, and the problems.

use serde::Serialize;

use super::digest::Digest;
use super::problem::{self, Problem};

/// What was verified and what was not.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// URL of the source.
    pub source: String,
    /// The digests.
    pub digests: DigestCounts,
    /// The logs of the selected days. Each log is in exactly one of the counts.
    pub logs: LogCounts,
    /// All problems: digests first, then logs, sorted by URL.
    pub problems: Vec<Problem>,
}

impl Verification {
    /// True when every digest and every log was verified.
    pub fn holds(&self) -> bool {
        self.problems.is_empty() && self.logs.unproven == 0
    }
}

/// Digests by result.
#[derive(Debug, Default, Serialize)]
pub struct DigestCounts {
    /// Digest objects found.
    pub found: u64,
    /// Digests with a valid signature.
    pub verified: u64,
    /// Verified digests that are copies: their URL is not the one CloudTrail delivered them to.
    pub copied: u64,
    /// Verified digests whose signature was read from the next digest, because their own metadata is lost.
    pub signed_by_successor: u64,
    /// Start of the earliest verified digest, RFC 3339.
    pub from: Option<String>,
    /// End of the latest verified digest, RFC 3339.
    pub to: Option<String>,
}

impl DigestCounts {
    pub(super) fn add_verified(&mut self, digest: &Digest, signed_by_successor: bool) {
        self.verified += 1;
        self.copied += u64::from(digest.is_copy());
        self.signed_by_successor += u64::from(signed_by_successor);
        let (from, to) = (problem::time(digest.starts), problem::time(digest.ends));
        if self.from.as_ref().is_none_or(|earliest| from < *earliest) {
            self.from = Some(from);
        }
        if self.to.as_ref().is_none_or(|latest| to > *latest) {
            self.to = Some(to);
        }
    }
}

/// Logs by result.
#[derive(Debug, Default, Serialize)]
pub struct LogCounts {
    /// The hash matches a verified digest.
    pub verified: u64,
    /// The hash matches a digest that could not be verified.
    pub unproven: u64,
    /// The hash does not match, or the log cannot be decompressed.
    pub altered: u64,
    /// Listed in a digest but not found.
    pub missing: u64,
    /// Found but could not be fetched.
    pub unreadable: u64,
    /// Found but not listed in any digest.
    pub extra: u64,
    /// Found, and newer than the newest digest of their account and region.
    pub not_covered_yet: u64,
}
