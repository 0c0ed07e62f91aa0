//! Verifies with CloudTrail's digests that no log was modified, removed or added.
//!
//! In: a location with logs and their digests, and the public keys of the regions. Out: a [`Verification`] with a list
//! of [`Problem`]s. A digest lists the logs of about one hour with the SHA-256 of their decompressed bytes, is signed
//! by AWS, and refers to the previous digest. A log counts as verified only when its digest's signature was verified.
//! Log records are never parsed here.

mod chain;
mod digest;
mod fetch;
mod logs;
mod metadata;
mod problem;
mod public_keys;
mod text;
mod verification;

use std::collections::{BTreeMap, HashSet};

use chrono::Days;
use futures::stream::{self, StreamExt};
use object_store::path::Path;

pub use problem::{Problem, ProblemKind};
pub use public_keys::PublicKeys;
pub use text::text;
pub use verification::{DigestCounts, LogCounts, Verification};

use crate::error::{Error, Result};
use crate::source::{self, Location, LogObject, ObjectKind, ObjectKinds, Selection};
use digest::Digest;
use fetch::CONCURRENT_FETCHES_MAX;
use metadata::SIDECAR_SUFFIX;

/// Folders listed concurrently.
const CONCURRENT_LISTINGS_MAX: usize = 16;

/// Verifies every log at `location` delivered on the days of `selection`, with the digests of these days and the next
/// day, because a digest is written after the hour it covers.
///
/// `progress` is called with the number of logs done and the total.
///
/// # Errors
/// [`Error::Storage`] when the location cannot be listed; [`Error::Usage`] when it has neither logs nor digests.
pub async fn verify(
    location: &Location,
    selection: &Selection,
    keys: &PublicKeys,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Verification> {
    let with_digests = Selection {
        to: selection.to.and_then(|day| day.checked_add_days(Days::new(1))),
        kinds: ObjectKinds::EventsAndDigests,
        ..selection.clone()
    };
    let (listed, unread) = list(location, &with_digests).await?;
    let (digest_objects, log_objects): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|object| object.key.kind == ObjectKind::Digest);
    let log_objects: Vec<_> = log_objects.into_iter().filter(|object| selection.matches(&object.key)).collect();
    if digest_objects.is_empty() && log_objects.is_empty() && unread.is_empty() {
        return Err(Error::Usage(format!(
            "no logs or digests of these days at {location}; check --from, --to, --account and --region"
        )));
    }

    let FetchedDigests { mut digests, mut problems, unreadable } = fetch_digests(location, digest_objects).await;
    let signatures = chain::signatures(&digests);
    let mut counts = DigestCounts { found: (digests.len() + unreadable.len()) as u64, ..DigestCounts::default() };
    for (digest, signature) in digests.iter_mut().zip(signatures) {
        match digest.verify(signature.as_ref(), keys) {
            Ok(()) => counts.add_verified(digest, signature.is_some_and(|signature| signature.from_successor)),
            Err(problem) => problems.push(problem),
        }
    }
    let was_listed =
        |path: &Path| path.prefix_matches(location.prefix()) && with_digests.matches(&location.key(path.as_ref()));
    problems.extend(chain::problems(location, &digests, &unreadable, was_listed));
    problems.sort_by(|a, b| a.object.cmp(&b.object));

    let (logs, mut log_problems) = logs::verify(location, selection, &digests, &log_objects, progress).await;
    log_problems.sort_by(|a, b| a.object.cmp(&b.object));
    problems.extend(log_problems);
    problems.extend(unread.into_iter().map(|(url, reason)| logs::unreadable(url, reason)));
    Ok(Verification { source: location.to_string(), digests: counts, logs, problems })
}

/// The logs and digests of a location, and URL and reason of what could not be listed.
async fn list(location: &Location, selection: &Selection) -> Result<(Vec<LogObject>, Vec<(String, String)>)> {
    let walk = source::walk(location, selection).await?;
    let mut listings =
        stream::iter(walk.leaves).map(|leaf| source::list(location, selection, leaf)).buffered(CONCURRENT_LISTINGS_MAX);
    let (mut objects, mut unread) = (Vec::new(), walk.unread);
    while let Some(listed) = listings.next().await {
        objects.extend(listed.logs);
        unread.extend(listed.unread);
    }
    Ok((objects, unread))
}

/// The digests that could be read, and the problems of those that could not.
struct FetchedDigests {
    digests: Vec<Digest>,
    problems: Vec<Problem>,
    unreadable: HashSet<Path>,
}

async fn fetch_digests(location: &Location, objects: Vec<LogObject>) -> FetchedDigests {
    let (sidecars, objects): (Vec<_>, Vec<_>) =
        objects.into_iter().partition(|object| object.path.as_ref().ends_with(SIDECAR_SUFFIX));
    let sidecars: BTreeMap<Path, Path> = sidecars
        .into_iter()
        .filter_map(|object| {
            let digest = object.path.as_ref().strip_suffix(SIDECAR_SUFFIX)?;
            Some((Path::parse(digest).ok()?, object.path))
        })
        .collect();
    let fetches = objects.into_iter().map(|object| {
        let (location, sidecar) = (location.clone(), sidecars.get(&object.path).cloned());
        async move {
            let path = object.path.clone();
            // Spawned as a task, so that decompressing and hashing use all cores.
            let task = tokio::spawn(async move { fetch::fetch_digest(&location, &object, sidecar.as_ref()).await });
            (path, task.await)
        }
    });
    let mut fetches = stream::iter(fetches).buffered(CONCURRENT_FETCHES_MAX);
    let mut fetched = FetchedDigests { digests: Vec::new(), problems: Vec::new(), unreadable: HashSet::new() };
    while let Some((path, digest)) = fetches.next().await {
        match digest {
            Ok(Ok(digest)) => fetched.digests.push(digest),
            Ok(Err(problem)) => {
                fetched.unreadable.insert(path);
                fetched.problems.push(problem);
            }
            Err(e) => {
                fetched.problems.push(Problem::digest_unreadable(location.url_of(&path), format!("internal: {e}")));
                fetched.unreadable.insert(path);
            }
        }
    }
    fetched
}
