//! The logs: those that digests name against those that are there.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt};
use object_store::path::Path;

use super::digest::Digest;
use super::fetch::{self, Hashed};
use super::problem::{Problem, ProblemKind, time};
use super::{FETCHES_MAX, LogCounts, Span};
use crate::source::{Location, LogKey, LogObject, Selection};

/// How long after the time in its name a log may be delivered and still belong to the next digest.
const DELIVERED_LATER_MAX: TimeDelta = TimeDelta::minutes(15);
const RESTORE: &str = "restore it from an earlier version or a replica";

/// What digests say of a log.
struct Named<'a> {
    sha256: &'a str,
    /// `s3://` URL of delivery.
    delivered_as: String,
    digest: &'a Digest,
}

/// Account and region.
type Place = (Option<String>, Option<String>);

/// Compares the logs of `selection` with what digests say of them.
pub(super) async fn verify(
    location: &Location,
    selection: &Selection,
    digests: &[Digest],
    there: &[LogObject],
    progress: &(dyn Fn(u64, u64) + Sync),
) -> (LogCounts, Vec<Problem>) {
    let named = named(selection, digests);
    let mut counts = LogCounts::default();
    let mut problems = Vec::new();
    let hashes = named.keys().cloned().map(|path| {
        let location = location.clone();
        async move {
            // A task of its own: inflating and hashing runs on all cores.
            let task = tokio::spawn(async move { (fetch::hash(&location, &path).await, path) });
            task.await
        }
    });
    let mut hashes = stream::iter(hashes).buffer_unordered(FETCHES_MAX);
    let mut done = 0;
    while let Some(hashed) = hashes.next().await {
        done += 1;
        progress(done, named.len() as u64);
        // A task that panicked has no path; its log is missing from the counts, so it is told as a problem.
        match hashed {
            Ok((hashed, path)) => problems.extend(counts.judge(location.url_of(&path), &named[&path], hashed)),
            Err(e) => problems.push(unreadable(location.to_string(), format!("internal: {e}"))),
        }
    }
    let spans = spans(digests);
    let unnamed = there.iter().filter(|object| !named.contains_key(&object.path));
    let mut without_digests: BTreeMap<Place, Vec<&LogObject>> = BTreeMap::new();
    for object in unnamed {
        counts.extra += 1;
        match spans.get(&place(&object.key)) {
            Some(span) => {
                let problem = extra(object, *span);
                if problem.kind == ProblemKind::LogNotCoveredYet {
                    counts.extra -= 1;
                    counts.not_covered_yet += 1;
                }
                problems.push(problem);
            }
            None => without_digests.entry(place(&object.key)).or_default().push(object),
        }
    }
    problems.extend(without_digests.values().map(|objects| no_digests(objects)));
    (counts, problems)
}

/// The logs of `selection` that digests name, by where they should lie. A verified digest's word goes first.
fn named<'a>(selection: &Selection, digests: &'a [Digest]) -> BTreeMap<Path, Named<'a>> {
    let mut named = BTreeMap::new();
    let (verified, others): (Vec<_>, Vec<_>) = digests.iter().partition(|digest| digest.is_verified);
    for digest in verified.into_iter().chain(others) {
        for (path, log) in digest.logs().filter(|(_, log)| selection.admits(&LogKey::parse(&log.s3_object))) {
            let delivered_as = format!("s3://{}/{}", log.s3_bucket, log.s3_object);
            named.entry(path).or_insert(Named { sha256: &log.hash_value, delivered_as, digest });
        }
    }
    named
}

impl LogCounts {
    fn judge(&mut self, url: String, named: &Named<'_>, hashed: Hashed) -> Option<Problem> {
        let digest = &named.digest.url;
        let believed = if named.digest.is_verified { "" } else { ", which itself could not be verified" };
        match hashed {
            Hashed::Sha256(sha256) if sha256.eq_ignore_ascii_case(named.sha256) => {
                let count = if named.digest.is_verified { &mut self.verified } else { &mut self.unproven };
                *count += 1;
                None
            }
            Hashed::Sha256(_) => {
                self.altered += 1;
                let reason = format!("its SHA-256 is not the one that {digest} names{believed}");
                Some(Problem::new(
                    ProblemKind::LogAltered,
                    url,
                    reason,
                    format!("{RESTORE}, and look for who wrote it"),
                ))
            }
            Hashed::Damaged(damage) => {
                self.altered += 1;
                let reason = format!("{damage}, so it is not what {digest} names{believed}");
                Some(Problem::new(ProblemKind::LogAltered, url, reason, RESTORE))
            }
            Hashed::Missing => {
                self.missing += 1;
                let whence =
                    if named.delivered_as == url { "" } else { &format!(" (delivered as {})", named.delivered_as) };
                let reason = format!("is not there, though {digest} names it{whence}{believed}");
                Some(Problem::new(
                    ProblemKind::LogMissing,
                    url,
                    reason,
                    format!("{RESTORE}, and look for who deleted it"),
                ))
            }
            Hashed::Unreadable(reason) => {
                self.unreadable += 1;
                Some(unreadable(url, reason))
            }
        }
    }
}

fn unreadable(url: String, reason: String) -> Problem {
    Problem::new(ProblemKind::LogUnreadable, url, reason, "verify again when it can be read")
}

/// A log that no digest names though there are digests of its account and region.
fn extra(object: &LogObject, span: Span) -> Problem {
    let delivered = delivered(object);
    if delivered.is_some_and(|moment| moment > span.to - DELIVERED_LATER_MAX) {
        let reason = format!("the newest digest of its account and region ends at {}", time(span.to));
        let next_step = "verify again in an hour or two, or end the days with --to";
        return Problem::new(ProblemKind::LogNotCoveredYet, &object.url, reason, next_step);
    }
    let reason = match delivered {
        Some(moment) if moment < span.from => {
            format!("is older than the first digest of its account and region, which begins at {}", time(span.from))
        }
        _ => "no digest names it".into(),
    };
    let next_step = "do not trust its events unless a missing digest or a trail without validation explains it";
    Problem::new(ProblemKind::LogExtra, &object.url, reason, next_step)
}

/// One line for a whole region: there may be a hundred thousand logs.
fn no_digests(objects: &[&LogObject]) -> Problem {
    let key = &objects[0].key;
    let whose = match (&key.account_id, &key.region) {
        (Some(account), Some(region)) => format!("account {account}, region {region}"),
        _ => "objects whose key says neither account nor region".into(),
    };
    let reason = format!("the first of {} logs without any digest ({whose})", objects.len());
    let next_step =
        "look whether the trail validates its logs: aws cloudtrail describe-trails, LogFileValidationEnabled";
    Problem::new(ProblemKind::NoDigests, &objects[0].url, reason, next_step)
}

/// From the first to the last moment that digests speak of, for each account and region.
fn spans(digests: &[Digest]) -> HashMap<Place, Span> {
    let mut spans: HashMap<Place, Span> = HashMap::new();
    for digest in digests {
        let span = spans.entry(place(&digest.key)).or_insert(Span { from: digest.starts, to: digest.ends });
        span.from = span.from.min(digest.starts);
        span.to = span.to.max(digest.ends);
    }
    spans
}

fn place(key: &LogKey) -> Place {
    (key.account_id.clone(), key.region.clone())
}

/// The time in a log's name: `111122223333_CloudTrail_us-east-1_20240101T0005Z_....json.gz`.
fn delivered(object: &LogObject) -> Option<DateTime<Utc>> {
    let mut parts = object.path.filename()?.split('_');
    let time = parts.find_map(|part| NaiveDateTime::parse_from_str(part, "%Y%m%dT%H%MZ").ok())?;
    Some(time.and_utc())
}
