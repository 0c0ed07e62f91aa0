//! Are the logs what CloudTrail delivered, all of them, and nothing else?
//!
//! In: a place that holds logs and their digests, and the public keys of the regions. Out: a [`Verification`] with one
//! [`Problem`] for each thing that does not hold. A digest names the logs of about an hour with the SHA-256 of their
//! inflated bytes, is signed by AWS, and names the digest before it. Nothing here believes a digest whose own signature
//! was not verified, and nothing here looks into a log beyond its hash.

mod chain;
mod digest;
mod fetch;
mod logs;
mod problem;
mod public_keys;
mod text;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Days, Utc};
use futures::stream::{self, StreamExt};
use object_store::path::Path;
use serde::Serialize;

pub use problem::{Problem, ProblemKind};
pub use public_keys::PublicKeys;
pub use text::text;

use crate::error::{Error, Result};
use crate::source::{self, Location, LogObject, ObjectKind, Selection, Wanted};
use digest::Digest;

/// Objects fetched at once.
const FETCHES_MAX: usize = 32;
/// Folders listed ahead.
const LISTINGS_MAX: usize = 16;

/// What was verified and what was not.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// URL of the place.
    pub source: String,
    /// The digests.
    pub digests: DigestCounts,
    /// The logs of the days asked for. Every one is in exactly one of the counts.
    pub logs: LogCounts,
    /// Everything that does not hold: digests first, then logs, by URL.
    pub problems: Vec<Problem>,
}

impl Verification {
    /// True when every digest and every log was verified.
    pub fn holds(&self) -> bool {
        self.problems.is_empty() && self.logs.unproven == 0
    }
}

/// Digests by what came of them.
#[derive(Debug, Default, Serialize)]
pub struct DigestCounts {
    /// Digest objects found.
    pub found: u64,
    /// With a signature that holds.
    pub verified: u64,
    /// Verified ones that lie elsewhere than CloudTrail delivered them: a copy.
    pub copied: u64,
    /// Verified ones whose signature was taken from the digest after them, because the copy kept none of its own.
    pub signed_by_successor: u64,
    /// Begin of the earliest verified digest, RFC 3339.
    pub from: Option<String>,
    /// End of the latest verified digest, RFC 3339.
    pub to: Option<String>,
}

/// Logs by what came of them.
#[derive(Debug, Default, Serialize)]
pub struct LogCounts {
    /// The hash is the one a verified digest names.
    pub verified: u64,
    /// The hash is the one a digest names, but that digest could not be verified.
    pub unproven: u64,
    /// The hash is another one.
    pub altered: u64,
    /// Named by a digest and not there.
    pub missing: u64,
    /// There, but could not be fetched.
    pub unreadable: u64,
    /// There, but no digest names them.
    pub extra: u64,
    /// There, and newer than the newest digest of their account and region.
    pub not_covered_yet: u64,
}

/// Verifies what lies at `location`: every log delivered on the days of `selection`, and the digests of these days and of
/// the day after, because the digest of an hour is written after it.
///
/// `progress` hears how many logs are done, and of how many.
///
/// # Errors
/// [`Error::Storage`] when the place cannot be listed; [`Error::Usage`] when it holds neither logs nor digests.
pub async fn verify(
    location: &Location,
    selection: &Selection,
    keys: &PublicKeys,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Verification> {
    let of_digests = Selection {
        to: selection.to.and_then(|day| day.checked_add_days(Days::new(1))),
        wanted: Wanted::EventsAndDigests,
        ..selection.clone()
    };
    let listed = list(location, &of_digests).await?;
    let (digest_objects, log_objects): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|object| object.key.kind == ObjectKind::Digest);
    let log_objects: Vec<_> = log_objects.into_iter().filter(|object| selection.admits(&object.key)).collect();
    if digest_objects.is_empty() && log_objects.is_empty() {
        return Err(Error::Usage(format!(
            "neither logs nor digests of these days at {location}; check --from and --to"
        )));
    }

    let Read { mut digests, mut problems, unreadable } = read(location, digest_objects).await;
    let signatures = chain::signatures(&digests);
    let mut counts = DigestCounts { found: (digests.len() + unreadable.len()) as u64, ..DigestCounts::default() };
    for (digest, signature) in digests.iter_mut().zip(signatures) {
        match digest.verify(signature.as_ref(), keys) {
            Ok(()) => counts.count(digest, signature.is_some_and(|signature| signature.of_successor)),
            Err(problem) => problems.push(problem),
        }
    }
    let within_reach = |path: &Path| {
        path.prefix_matches(location.prefix()) && of_digests.admits(&source::LogKey::parse(path.as_ref()))
    };
    problems.extend(chain::problems(location, &digests, &unreadable, within_reach));
    problems.sort_by(|a, b| a.object.cmp(&b.object));

    let (logs, mut log_problems) = logs::verify(location, selection, &digests, &log_objects, progress).await;
    log_problems.sort_by(|a, b| a.object.cmp(&b.object));
    problems.extend(log_problems);
    Ok(Verification { source: location.to_string(), digests: counts, logs, problems })
}

impl DigestCounts {
    fn count(&mut self, digest: &Digest, signed_by_successor: bool) {
        self.verified += 1;
        self.copied += u64::from(digest.is_copy());
        self.signed_by_successor += u64::from(signed_by_successor);
        let (from, to) = (problem::time(digest.starts), problem::time(digest.ends));
        if self.from.as_ref().is_none_or(|known| from < *known) {
            self.from = Some(from);
        }
        if self.to.as_ref().is_none_or(|known| to > *known) {
            self.to = Some(to);
        }
    }
}

async fn list(location: &Location, selection: &Selection) -> Result<Vec<LogObject>> {
    let leaves = source::walk(location, selection).await?;
    let mut listings = stream::iter(leaves).map(|leaf| source::list(location, selection, leaf)).buffered(LISTINGS_MAX);
    let mut objects = Vec::new();
    while let Some(listed) = listings.next().await {
        objects.extend(listed?.logs);
    }
    Ok(objects)
}

/// The digests that could be read, and those that could not.
struct Read {
    digests: Vec<Digest>,
    problems: Vec<Problem>,
    unreadable: HashSet<Path>,
}

async fn read(location: &Location, objects: Vec<LogObject>) -> Read {
    let (sidecars, objects): (Vec<_>, Vec<_>) =
        objects.into_iter().partition(|object| object.path.as_ref().ends_with(fetch::SIDECAR_ENDING));
    let sidecars: BTreeMap<Path, Path> = sidecars
        .into_iter()
        .filter_map(|object| {
            let digest = object.path.as_ref().strip_suffix(fetch::SIDECAR_ENDING)?;
            Some((Path::parse(digest).ok()?, object.path))
        })
        .collect();
    let reads = objects.into_iter().map(|object| {
        let (location, sidecar) = (location.clone(), sidecars.get(&object.path).cloned());
        async move {
            let path = object.path.clone();
            // A task of its own: inflating and hashing runs on all cores.
            let task = tokio::spawn(async move { fetch::digest(&location, &object, sidecar.as_ref()).await });
            (path, task.await)
        }
    });
    let mut reads = stream::iter(reads).buffered(FETCHES_MAX);
    let mut read = Read { digests: Vec::new(), problems: Vec::new(), unreadable: HashSet::new() };
    while let Some((path, digest)) = reads.next().await {
        match digest {
            Ok(Ok(digest)) => read.digests.push(digest),
            Ok(Err(problem)) => {
                read.unreadable.insert(path);
                read.problems.push(problem);
            }
            Err(e) => {
                read.problems.push(Problem::digest_unreadable(location.url_of(&path), format!("internal: {e}")));
                read.unreadable.insert(path);
            }
        }
    }
    read
}

/// Span of time that the digests of one account and region speak of.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}
