//! One thing that does not hold, with what to do next.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

/// What kind of thing does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A digest cannot be fetched, inflated or read, or uses an algorithm that is not known here.
    DigestUnreadable,
    /// A digest says it is another object.
    DigestMisplaced,
    /// The digest after it names it, but it is not there.
    DigestMissing,
    /// Neither metadata, nor a file beside it, nor the digest after it says a digest's signature.
    SignatureMissing,
    /// The signature is not of this digest.
    SignatureBad,
    /// The key that signed the digest is not among the public keys.
    KeyUnknown,
    /// The key that signed the digest was not valid at its time.
    KeyNotValid,
    /// A digest names a previous one that is not the one that is there.
    ChainBroken,
    /// A chain ended and another one began later: nothing between them is signed.
    ChainGap,
    /// There are logs of an account and region, and no digest.
    NoDigests,
    /// A log is not the one CloudTrail delivered.
    LogAltered,
    /// A log that a digest names is not there.
    LogMissing,
    /// A log is there but cannot be fetched.
    LogUnreadable,
    /// A log that no digest names.
    LogExtra,
    /// A log that is newer than the newest digest.
    LogNotCoveredYet,
}

impl ProblemKind {
    /// In words, as a line about one begins.
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

/// One thing that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind.
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

/// RFC 3339 in UTC, to the second, as digests write it.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
