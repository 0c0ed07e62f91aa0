//! Compares the logs listed in digests with the logs found.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt};
use object_store::path::Path;

use super::digest::Digest;
use super::fetch::{self, CONCURRENT_FETCHES_MAX, LogHash};
use super::problem::{Problem, ProblemKind, time};
use super::verification::LogCounts;
use crate::source::{Location, LogKey, LogObject, Selection};

/// A log can be delivered this long after the time in its name, and is then listed in the next digest.
const DELIVERY_DELAY_MAX: TimeDelta = TimeDelta::minutes(15);
const RESTORE: &str = "restore it from an earlier version or a replica";

/// A log as listed in a digest.
struct ListedLog<'a> {
    sha256: &'a str,
    /// `s3://` URL that CloudTrail delivered it to.
    delivered_as: String,
    digest: &'a Digest,
}

/// Account and region.
type AccountRegion = (Option<String>, Option<String>);

/// The period that the digests of one account and region cover.
#[derive(Debug, Clone, Copy)]
struct Coverage {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// Compares the logs of `selection` listed in `digests` with the logs `found`.
pub(super) async fn verify(
    location: &Location,
    selection: &Selection,
    digests: &[Digest],
    found: &[LogObject],
    progress: &(dyn Fn(u64, u64) + Sync),
) -> (LogCounts, Vec<Problem>) {
    let listed = listed_logs(selection, digests);
    let mut counts = LogCounts::default();
    let mut problems = Vec::new();
    let hashes = listed.keys().cloned().map(|path| {
        let location = location.clone();
        async move {
            // Spawned as a task, so that decompressing and hashing use all cores.
            let task = tokio::spawn(async move { (fetch::hash_log(&location, &path).await, path) });
            task.await
        }
    });
    let mut hashes = stream::iter(hashes).buffer_unordered(CONCURRENT_FETCHES_MAX);
    let mut done = 0;
    while let Some(hashed) = hashes.next().await {
        done += 1;
        progress(done, listed.len() as u64);
        // A task that panicked returns no path, so its log is not counted; the problem still reports it.
        match hashed {
            Ok((hash, path)) => problems.extend(counts.add(location.url_of(&path), &listed[&path], hash)),
            Err(e) => problems.push(unreadable(location.to_string(), format!("internal: {e}"))),
        }
    }
    let coverage = coverage(digests);
    let unlisted = found.iter().filter(|object| !listed.contains_key(&object.path));
    let mut without_digests: BTreeMap<AccountRegion, Vec<&LogObject>> = BTreeMap::new();
    for object in unlisted {
        counts.extra += 1;
        match coverage.get(&account_region(&object.key)) {
            Some(covered) => {
                let problem = extra(object, *covered);
                if problem.kind == ProblemKind::LogNotCoveredYet {
                    counts.extra -= 1;
                    counts.not_covered_yet += 1;
                }
                problems.push(problem);
            }
            None => without_digests.entry(account_region(&object.key)).or_default().push(object),
        }
    }
    problems.extend(without_digests.values().map(|objects| no_digests(objects)));
    (counts, problems)
}

/// The logs of `selection` listed in digests, by expected path. A verified digest takes precedence.
fn listed_logs<'a>(selection: &Selection, digests: &'a [Digest]) -> BTreeMap<Path, ListedLog<'a>> {
    let mut listed = BTreeMap::new();
    let (verified, others): (Vec<_>, Vec<_>) = digests.iter().partition(|digest| digest.is_verified);
    for digest in verified.into_iter().chain(others) {
        for (path, log) in digest.logs().filter(|(_, log)| selection.matches(&LogKey::parse(&log.s3_object))) {
            let delivered_as = format!("s3://{}/{}", log.s3_bucket, log.s3_object);
            listed.entry(path).or_insert(ListedLog { sha256: &log.hash_value, delivered_as, digest });
        }
    }
    listed
}

impl LogCounts {
    /// Counts a listed log, and reports it when its hash does not match.
    fn add(&mut self, url: String, listed: &ListedLog<'_>, hash: LogHash) -> Option<Problem> {
        let digest = &listed.digest.url;
        let caveat = if listed.digest.is_verified { "" } else { ", a digest that could not be verified" };
        match hash {
            LogHash::Sha256(sha256) if sha256.eq_ignore_ascii_case(listed.sha256) => {
                let count = if listed.digest.is_verified { &mut self.verified } else { &mut self.unproven };
                *count += 1;
                None
            }
            LogHash::Sha256(_) => {
                self.altered += 1;
                let reason = format!("its SHA-256 does not match {digest}{caveat}");
                Some(Problem::new(
                    ProblemKind::LogAltered,
                    url,
                    reason,
                    format!("{RESTORE}, and find out who wrote it"),
                ))
            }
            LogHash::Damaged(damage) => {
                self.altered += 1;
                let reason = format!("{damage}, so it does not match {digest}{caveat}");
                Some(Problem::new(ProblemKind::LogAltered, url, reason, RESTORE))
            }
            LogHash::Missing => {
                self.missing += 1;
                let delivered =
                    if listed.delivered_as == url { "" } else { &format!("delivered as {} and ", listed.delivered_as) };
                let reason = format!("not found, but {delivered}listed in {digest}{caveat}");
                Some(Problem::new(
                    ProblemKind::LogMissing,
                    url,
                    reason,
                    format!("{RESTORE}, and find out who deleted it"),
                ))
            }
            LogHash::Unreadable(reason) => {
                self.unreadable += 1;
                Some(unreadable(url, reason))
            }
        }
    }
}

pub(super) fn unreadable(url: String, reason: String) -> Problem {
    Problem::new(ProblemKind::LogUnreadable, url, reason, "verify again when it can be read")
}

/// A log that no digest lists, although its account and region have digests.
fn extra(object: &LogObject, covered: Coverage) -> Problem {
    let log_time = time_in_name(object);
    if log_time.is_some_and(|moment| moment > covered.to - DELIVERY_DELAY_MAX) {
        let reason = format!("the newest digest of its account and region ends at {}", time(covered.to));
        let next_step = "verify again in an hour or two, or set an earlier --to";
        return Problem::new(ProblemKind::LogNotCoveredYet, &object.url, reason, next_step);
    }
    let reason = match log_time {
        Some(moment) if moment < covered.from => {
            format!("older than the first digest of its account and region, which starts at {}", time(covered.from))
        }
        _ => "not listed in any digest".into(),
    };
    let next_step = "do not trust its events unless a missing digest or a trail without validation explains it";
    Problem::new(ProblemKind::LogExtra, &object.url, reason, next_step)
}

/// One problem per account and region, which can have a hundred thousand logs.
fn no_digests(objects: &[&LogObject]) -> Problem {
    let key = &objects[0].key;
    let group = match (&key.account_id, &key.region) {
        (Some(account), Some(region)) => format!("account {account}, region {region}"),
        _ => "no account and region in the key".into(),
    };
    let reason = match objects.len() {
        1 => format!("no digest covers this log ({group})"),
        count => format!("the first of {count} logs without a digest ({group})"),
    };
    let next_step = "check that the trail validates its logs: aws cloudtrail describe-trails, LogFileValidationEnabled";
    Problem::new(ProblemKind::NoDigests, &objects[0].url, reason, next_step)
}

fn coverage(digests: &[Digest]) -> HashMap<AccountRegion, Coverage> {
    let mut coverage: HashMap<AccountRegion, Coverage> = HashMap::new();
    for digest in digests {
        let key = account_region(&digest.key);
        let covered = coverage.entry(key).or_insert(Coverage { from: digest.starts, to: digest.ends });
        covered.from = covered.from.min(digest.starts);
        covered.to = covered.to.max(digest.ends);
    }
    coverage
}

fn account_region(key: &LogKey) -> AccountRegion {
    (key.account_id.clone(), key.region.clone())
}

/// The time in a log's name: `111122223333_CloudTrail_us-east-1_20240101T0005Z_....json.gz`.
fn time_in_name(object: &LogObject) -> Option<DateTime<Utc>> {
    let mut parts = object.path.filename()?.split('_');
    let time = parts.find_map(|part| NaiveDateTime::parse_from_str(part, "%Y%m%dT%H%MZ").ok())?;
    Some(time.and_utc())
}
