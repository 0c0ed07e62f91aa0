//! The chain: every digest names the one before it, by place, hash and signature.

use std::collections::{HashMap, HashSet};

use object_store::path::Path;

use super::digest::{Digest, Previous, Signature};
use super::problem::{Problem, ProblemKind, time};
use crate::source::Location;

/// The signature of each digest, in their order: that of its metadata, else that which the digest after it names.
pub(super) fn signatures(digests: &[Digest]) -> Vec<Option<Signature>> {
    let mut by_successor = HashMap::new();
    for digest in digests {
        if let Some(Previous { path, signature: Some(signature), .. }) = digest.previous() {
            by_successor.insert(path, signature.to_owned());
        }
    }
    let of = |digest: &Digest| match &digest.metadata.signature {
        Some(hex) => Some(Signature { hex: hex.clone(), of_successor: false }),
        None => by_successor.get(&digest.path).map(|hex| Signature { hex: hex.clone(), of_successor: true }),
    };
    digests.iter().map(of).collect()
}

/// Links that do not hold. What lies outside `within_reach` was not listed, so its absence says nothing.
pub(super) fn problems(
    location: &Location,
    digests: &[Digest],
    unreadable: &HashSet<Path>,
    within_reach: impl Fn(&Path) -> bool,
) -> Vec<Problem> {
    let by_path: HashMap<&Path, &Digest> = digests.iter().map(|digest| (&digest.path, digest)).collect();
    let mut by_chain: HashMap<&str, Vec<&Digest>> = HashMap::new();
    for digest in digests.iter().filter(|digest| !digest.is_backfill()) {
        by_chain.entry(digest.chain()).or_default().push(digest);
    }
    by_chain.values_mut().for_each(|chain| chain.sort_by_key(|digest| digest.ends));
    let before = |digest: &Digest| {
        let chain = by_chain.get(digest.chain()).map(Vec::as_slice).unwrap_or_default();
        chain[..chain.partition_point(|other| other.ends < digest.ends)].last().copied()
    };

    let mut problems = Vec::new();
    for digest in digests {
        match digest.previous() {
            None if digest.is_backfill() => {}
            None => problems.extend(before(digest).and_then(|earlier| gap(earlier, digest))),
            Some(previous) => match by_path.get(&previous.path) {
                Some(found) => problems.extend(link(found, &previous, digest)),
                None if unreadable.contains(&previous.path) || !within_reach(&previous.path) => {}
                None => problems.push(missing(location, &previous, digest, before(digest))),
            },
        }
    }
    problems
}

/// A chain's start though an earlier chain is there: validation or logging was off for a while.
fn gap(earlier: &Digest, digest: &Digest) -> Option<Problem> {
    (earlier.ends < digest.starts).then(|| {
        let reason =
            format!("begins a new chain; nothing is signed from {} to {}", time(earlier.ends), time(digest.starts));
        let next_step = "look for StopLogging, UpdateTrail or DeleteTrail at that time";
        Problem::new(ProblemKind::ChainGap, &digest.url, reason, next_step)
    })
}

fn link(found: &Digest, previous: &Previous<'_>, digest: &Digest) -> Option<Problem> {
    let other_hash = previous.sha256.is_none_or(|sha256| !sha256.eq_ignore_ascii_case(&found.sha256));
    let signature = found.metadata.signature.as_deref().filter(|_| found.is_verified);
    let other_signature = match (signature, previous.signature) {
        (Some(own), Some(named)) => !own.trim().eq_ignore_ascii_case(named.trim()),
        (_, named) => named.is_none(),
    };
    let what = match (other_hash, other_signature) {
        (false, false) => return None,
        (true, _) => "hash",
        (false, true) => "signature",
    };
    let reason = format!("names another {what} for the previous digest than {} has", found.url);
    let next_step = "fetch both again from the bucket CloudTrail delivers to; if it stays so, one of them was altered";
    Some(Problem::new(ProblemKind::ChainBroken, &digest.url, reason, next_step))
}

fn missing(location: &Location, previous: &Previous<'_>, digest: &Digest, earlier: Option<&Digest>) -> Problem {
    let begin = earlier.map_or("the beginning".into(), |earlier| time(earlier.ends));
    let next_step = match earlier {
        Some(_) => "restore it from an earlier version or a replica, and look for who deleted it",
        None => "restore it, or begin later with --from when digests that old have expired",
    };
    let reason = format!(
        "is not there, though {} names it (delivered as {}); no digest speaks of the time from {begin} to {}",
        digest.url,
        previous.url,
        time(digest.starts)
    );
    Problem::new(ProblemKind::DigestMissing, location.url_of(&previous.path), reason, next_step)
}
