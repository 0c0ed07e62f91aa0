//! One problem found by a verification, with the next step.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

/// Kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A digest cannot be fetched, decompressed or parsed, or uses an unsupported algorithm.
    DigestUnreadable,
    /// The content of a digest object is a digest with another key.
    DigestMisplaced,
    /// The next digest refers to it, but it was not found.
    DigestMissing,
    /// A digest's signature is neither in its metadata, nor in a sidecar file, nor in the next digest.
    SignatureMissing,
    /// The signature does not match the digest.
    SignatureBad,
    /// The key that signed the digest is not among the public keys.
    KeyUnknown,
    /// The key that signed the digest was not valid at that time.
    KeyNotValid,
    /// A digest's hash or signature of the previous digest does not match.
    ChainBroken,
    /// A chain ended and another one started later: no digest covers the time between them.
    ChainGap,
    /// An account and region with logs but no digests.
    NoDigests,
    /// A log is not the one CloudTrail delivered.
    LogAltered,
    /// A log listed in a digest was not found.
    LogMissing,
    /// A log was found but cannot be fetched.
    LogUnreadable,
    /// A log that is not listed in any digest.
    LogExtra,
    /// A log that is newer than the newest digest.
    LogNotCoveredYet,
}

impl ProblemKind {
    /// The label shown at the start of a problem's line.
    pub fn label(self) -> &'static str {
        match self {
            ProblemKind::DigestUnreadable => "unreadable digest",
            ProblemKind::DigestMisplaced => "misplaced digest",
            ProblemKind::DigestMissing => "missing digest",
            ProblemKind::SignatureMissing => "no signature",
            ProblemKind::SignatureBad => "bad signature",
            ProblemKind::KeyUnknown => "unknown key",
            ProblemKind::KeyNotValid => "key not valid",
            ProblemKind::ChainBroken => "broken chain",
            ProblemKind::ChainGap => "gap in the chain",
            ProblemKind::NoDigests => "no digests",
            ProblemKind::LogAltered => "altered log",
            ProblemKind::LogMissing => "missing log",
            ProblemKind::LogUnreadable => "unreadable log",
            ProblemKind::LogExtra => "extra log",
            ProblemKind::LogNotCoveredYet => "not covered yet",
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its kind.
    pub kind: ProblemKind,
    /// URL of the object, or of the folder.
    pub object: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to do next.
    pub next_step: String,
}

impl Problem {
    pub(super) fn new(
        kind: ProblemKind,
        object: impl Into<String>,
        reason: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Problem {
        Problem { kind, object: object.into(), reason: reason.into(), next_step: next_step.into() }
    }

    pub(super) fn digest_unreadable(object: impl Into<String>, reason: impl Into<String>) -> Problem {
        let next_step = "fetch it again from the bucket CloudTrail delivers to";
        Problem::new(ProblemKind::DigestUnreadable, object, reason, next_step)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:17}  {}: {}; {}", self.kind.label(), self.object, self.reason, self.next_step)
    }
}

/// RFC 3339 in UTC, to the second, the format of digests.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
