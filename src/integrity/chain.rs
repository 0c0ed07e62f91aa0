//! The digest chain: every digest refers to the previous one by key, hash and signature.

use std::collections::{HashMap, HashSet};

use object_store::path::Path;

use super::digest::{Digest, PreviousDigest, Signature};
use super::problem::{Problem, ProblemKind, time};
use crate::source::Location;

/// The signature of each digest, in the same order: from its metadata, or from the next digest in the chain.
pub(super) fn signatures(digests: &[Digest]) -> Vec<Option<Signature>> {
    let mut from_next_digest = HashMap::new();
    for digest in digests {
        if let Some(PreviousDigest { path, signature: Some(signature), .. }) = digest.previous() {
            from_next_digest.insert(path, signature.to_owned());
        }
    }
    let signature = |digest: &Digest| match &digest.metadata.signature {
        Some(hex) => Some(Signature { hex: hex.clone(), from_successor: false }),
        None => from_next_digest.get(&digest.path).map(|hex| Signature { hex: hex.clone(), from_successor: true }),
    };
    digests.iter().map(signature).collect()
}

/// Broken links of the chain. `was_listed` is false for paths outside the listing: a digest there is not missing.
pub(super) fn problems(
    location: &Location,
    digests: &[Digest],
    unreadable: &HashSet<Path>,
    was_listed: impl Fn(&Path) -> bool,
) -> Vec<Problem> {
    let by_path: HashMap<&Path, &Digest> = digests.iter().map(|digest| (&digest.path, digest)).collect();
    let mut by_chain: HashMap<&str, Vec<&Digest>> = HashMap::new();
    for digest in digests.iter().filter(|digest| !digest.is_backfill()) {
        by_chain.entry(digest.chain()).or_default().push(digest);
    }
    by_chain.values_mut().for_each(|chain| chain.sort_by_key(|digest| digest.ends));
    let latest_before = |digest: &Digest| {
        let chain = by_chain.get(digest.chain()).map(Vec::as_slice).unwrap_or_default();
        chain[..chain.partition_point(|other| other.ends < digest.ends)].last().copied()
    };

    let mut problems = Vec::new();
    for digest in digests {
        match digest.previous() {
            None if digest.is_backfill() => {}
            None => problems.extend(latest_before(digest).and_then(|earlier| gap(earlier, digest))),
            Some(previous) => match by_path.get(&previous.path) {
                Some(found) => problems.extend(broken_link(found, &previous, digest)),
                None if unreadable.contains(&previous.path) || !was_listed(&previous.path) => {}
                None => problems.push(missing(location, &previous, digest, latest_before(digest))),
            },
        }
    }
    problems
}

/// A new chain after an earlier one: validation or logging was off in between.
fn gap(earlier: &Digest, digest: &Digest) -> Option<Problem> {
    (earlier.ends < digest.starts).then(|| {
        let reason = format!("starts a new chain; no digest covers {} to {}", time(earlier.ends), time(digest.starts));
        let next_step = "look for StopLogging, UpdateTrail or DeleteTrail at that time";
        Problem::new(ProblemKind::ChainGap, &digest.url, reason, next_step)
    })
}

fn broken_link(found: &Digest, previous: &PreviousDigest<'_>, digest: &Digest) -> Option<Problem> {
    let hash_matches = previous.sha256.is_some_and(|sha256| sha256.eq_ignore_ascii_case(&found.sha256));
    let own_signature = found.metadata.signature.as_deref().filter(|_| found.is_verified);
    let signature_matches = match (own_signature, previous.signature) {
        (Some(own), Some(expected)) => own.trim().eq_ignore_ascii_case(expected.trim()),
        (_, expected) => expected.is_some(),
    };
    let mismatch = match (hash_matches, signature_matches) {
        (true, true) => return None,
        (false, _) => "hash",
        (true, false) => "signature",
    };
    let reason = format!("{mismatch} mismatch: its {mismatch} of the previous digest does not match {}", found.url);
    let next_step =
        "fetch both again from the bucket CloudTrail delivers to; if they still do not match, one of them was modified";
    Some(Problem::new(ProblemKind::ChainBroken, &digest.url, reason, next_step))
}

fn missing(location: &Location, previous: &PreviousDigest<'_>, digest: &Digest, earlier: Option<&Digest>) -> Problem {
    let starts = time(digest.starts);
    let (uncovered, next_step) = match earlier {
        Some(earlier) => (
            format!("{} to {starts}", time(earlier.ends)),
            "restore it from an earlier version or a replica, and find out who deleted it",
        ),
        None => (
            format!("the time before {starts}"),
            "restore it, or start later with --from when older digests have expired",
        ),
    };
    let reason = format!(
        "not found, but {} refers to it (delivered as {}); no digest covers {uncovered}",
        digest.url, previous.url
    );
    Problem::new(ProblemKind::DigestMissing, location.url_of(&previous.path), reason, next_step)
}
