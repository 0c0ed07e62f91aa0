//! Finds the objects: first the folders that can have matching logs ([`walk`]), then the objects in each ([`list`]).
//!
//! The walk lists level by level with a delimiter, with concurrent requests, and never descends into an account,
//! region, year, month or day that was not selected. It ends at one folder per account, region and day, so objects are
//! listed day by day and the full list is never in memory. Buckets and local folders behave the same.
//!
//! A folder that cannot be listed costs only itself: it is returned as unread, with the reason.
//!
//! Each of several shards walks the same levels and returns its own folders of days, so it lists only their objects.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use futures::stream::{FuturesUnordered, StreamExt};
use object_store::ObjectMeta;
use object_store::path::Path;

use super::level::{Level, Unlisted};
use super::{Location, LogKey, LogObject, ObjectKind, ObjectKinds, Selection, folder, keys};
use crate::error::{Action, Error, Result};

/// Concurrent list requests. S3 allows 5,500 per second and prefix; a walk is bound by latency.
const CONCURRENT_REQUESTS_MAX: usize = 32;

/// A folder whose objects are listed together, or the objects that the walk found next to other folders.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Day of delivery, when the folder has a single day.
    pub day: Option<NaiveDate>,
    prefix: Path,
    /// Objects already listed by the walk.
    listed: Vec<ObjectMeta>,
    /// What to do with its objects of unknown kind.
    unknown_kind: UnknownKind,
}

/// What to do with an object of [`ObjectKind::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnknownKind {
    /// Read it, whatever its kind: the user named this object.
    Read,
    /// Read it when its name may be that of a log.
    ReadByName,
    /// Skip it: notes and indexes next to an `AWSLogs` folder.
    Skip,
}

/// The folders of a location, and what is known about it before its objects are listed.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// Folders without a day first, then the oldest day.
    pub leaves: Vec<Leaf>,
    /// URL and reason of each folder and file that could not be listed.
    pub unread: Vec<(String, String)>,
    /// Accounts and regions in the keys of folders, selected or not.
    pub names: KeyNames,
}

/// The objects of one leaf.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// Objects to read, sorted by key.
    pub logs: Vec<LogObject>,
    /// Number of objects of each other kind, which are never read.
    pub others: BTreeMap<String, u64>,
    /// URL and reason of each folder and file that could not be listed.
    pub unread: Vec<(String, String)>,
    /// Accounts and regions in the keys of logs, selected or not.
    pub names: KeyNames,
}

/// Accounts and regions that occur in keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyNames {
    /// 12-digit accounts.
    pub accounts: BTreeSet<String>,
    /// Regions.
    pub regions: BTreeSet<String>,
}

impl KeyNames {
    fn add(&mut self, key: &LogKey) {
        for (names, name) in [(&mut self.accounts, &key.account_id), (&mut self.regions, &key.region)] {
            if let Some(name) = name
                && !names.contains(name)
            {
                names.insert(name.clone());
            }
        }
    }

    /// Adds the names of another part of the archive.
    pub fn extend(&mut self, other: KeyNames) {
        self.accounts.extend(other.accounts);
        self.regions.extend(other.regions);
    }
}

/// URL and reason of each entry that would have been read.
fn unread(level: Vec<Unlisted>, location: &Location, selection: &Selection) -> Vec<(String, String)> {
    let is_wanted = |entry: &Unlisted| {
        let key = location.key(&entry.path);
        selection.matches(&key) && (entry.is_folder || key.may_have_events(&entry.path))
    };
    let named = |entry: Unlisted| {
        let url = location.url_of_key(&entry.path.replace(|c: char| c.is_control(), "\u{fffd}"));
        let reason = format!("cannot read {url}: {}", entry.reason);
        (url, reason)
    };
    level.into_iter().filter(is_wanted).map(named).collect()
}

/// Folders below `location` that can have objects of `selection`.
///
/// # Errors
/// [`Error::Storage`] or [`Error::File`] when the location itself cannot be listed; [`Error::Usage`] when it has no
/// objects at all.
pub async fn walk(location: &Location, selection: &Selection) -> Result<Walk> {
    if let Some(object) = location.object().await? {
        if !selection.is_in_shard(None, object.location.filename().unwrap_or_default()) {
            return Ok(Walk::default());
        }
        let (prefix, listed) = (location.prefix().clone(), vec![object]);
        let leaves = vec![Leaf { day: None, prefix, listed, unknown_kind: UnknownKind::Read }];
        return Ok(Walk { leaves, ..Walk::default() });
    }
    let mut walk = Walk::default();
    let mut requests = FuturesUnordered::new();
    let mut pending = vec![location.prefix().clone()];
    let mut is_empty = true;
    let is_missing_root = |source: &std::io::Error, prefix: &Path| {
        source.kind() == std::io::ErrorKind::NotFound && prefix == location.prefix()
    };
    loop {
        while requests.len() < CONCURRENT_REQUESTS_MAX
            && let Some(prefix) = pending.pop()
        {
            requests.push(list_level(location, prefix));
        }
        let Some((prefix, level)) = requests.next().await else { break };
        let mut level = match level {
            Ok(level) => level,
            Err(Error::File { source, .. }) if is_missing_root(&source, &prefix) => Level::default(),
            Err(e) if prefix == *location.prefix() => return Err(e),
            Err(e) => {
                walk.unread.push((location.url_of(&prefix), e.to_string()));
                is_empty = false;
                continue;
            }
        };
        is_empty &= level.objects.is_empty() && level.folders.is_empty() && level.unlisted.is_empty();
        let has_aws_logs = level.folders.iter().any(|p| p.filename() == Some("AWSLogs"));
        walk.unread.extend(unread(level.unlisted, location, selection));
        level.objects.retain(|object| {
            let key = location.key(object.location.as_ref());
            selection.is_in_shard(key.day(), &location.relative(&object.location))
        });
        if !level.objects.is_empty() {
            let unknown_kind = if has_aws_logs { UnknownKind::Skip } else { UnknownKind::ReadByName };
            walk.leaves.push(Leaf { day: None, prefix, listed: level.objects, unknown_kind });
        }
        for folder in level.folders {
            let key = location.key(folder.as_ref());
            walk.names.add(&key);
            if location.excludes(&folder) || !selection.matches(&key) {
                continue;
            }
            let is_other_kind = key.kind != ObjectKind::Unknown && !selection.matches_kind(&key.kind);
            if is_other_kind && selection.kinds == ObjectKinds::EventsAndDigests {
                continue;
            }
            if is_other_kind || key.day().is_some() {
                let (day, listed, unknown_kind) = (key.day(), Vec::new(), UnknownKind::ReadByName);
                if selection.is_in_shard(day, &location.relative(&folder)) {
                    walk.leaves.push(Leaf { day, prefix: folder, listed, unknown_kind });
                }
            } else {
                pending.push(folder);
            }
        }
    }
    if is_empty {
        return Err(Error::Usage(format!(
            "nothing to read at {location}; check the path, and for S3 also the bucket and --profile"
        )));
    }
    walk.leaves.sort_by(|a, b| (a.day, &a.prefix).cmp(&(b.day, &b.prefix)));
    walk.unread.sort();
    Ok(walk)
}

async fn list_level(location: &Location, prefix: Path) -> (Path, Result<Level>) {
    let level = async {
        if location.is_file_system() {
            let (path, key) = (folder::path_of(&prefix), prefix.clone());
            let level = tokio::task::spawn_blocking(move || {
                folder::level(&path, &key).map_err(|source| Error::File { path, source })
            });
            return level.await.map_err(|e| Error::Internal(format!("listing: {e}")))?;
        }
        let listed = location.store().list_with_delimiter(Some(&prefix)).await;
        let listed = listed.map_err(|e| Error::storage(Action::List, location.url_of(&prefix), e))?;
        let mut level = Level::default();
        for folder in listed.common_prefixes {
            match keys::restored(&folder) {
                // A server that repeats the folder it lists would be listed forever.
                Some(folder) if folder == prefix => {}
                Some(folder) => level.folders.push(folder),
                None => level.unlisted.push(keys::unlisted(&folder, "/")),
            }
        }
        add_objects(&mut level, listed.objects);
        Ok(level)
    };
    let level = level.await;
    (prefix, level)
}

fn add_objects(level: &mut Level, objects: Vec<ObjectMeta>) {
    for object in objects {
        match keys::restored(&object.location) {
            // The console creates an empty object whose key ends with a slash for a folder.
            Some(path) if path.as_ref().ends_with('/') && object.size == 0 => {}
            Some(location) => level.objects.push(ObjectMeta { location, ..object }),
            None => level.unlisted.push(keys::unlisted(&object.location, "")),
        }
    }
}

/// The objects of a leaf, filtered by `selection`. What cannot be listed is in [`Listed::unread`].
pub async fn list(location: &Location, selection: &Selection, leaf: Leaf) -> Listed {
    let mut listed = Listed::default();
    let (found, unlisted) = if leaf.listed.is_empty() {
        list_all(location, leaf.prefix, &mut listed.unread).await
    } else {
        (leaf.listed, Vec::new())
    };
    listed.unread.extend(unread(unlisted, location, selection));
    for object in found {
        let key = location.key(object.location.as_ref());
        if key.kind == ObjectKind::Unknown || selection.matches_kind(&key.kind) {
            listed.names.add(&key);
        }
        if !selection.matches(&key) || location.excludes(&object.location) {
            continue;
        }
        let is_read = match leaf.unknown_kind {
            UnknownKind::Read => true,
            _ if key.kind != ObjectKind::Unknown => selection.matches_kind(&key.kind),
            UnknownKind::ReadByName => key.may_have_events(object.location.as_ref()),
            UnknownKind::Skip => false,
        };
        if is_read {
            listed.logs.push(log_object(location, object, key));
        } else {
            *listed.others.entry(key.kind.name().to_owned()).or_default() += 1;
        }
    }
    listed.logs.sort_by(|a, b| a.path.cmp(&b.path));
    listed
}

/// Everything below a folder; `unread` gets the folders that cannot be listed.
async fn list_all(
    location: &Location,
    prefix: Path,
    unread: &mut Vec<(String, String)>,
) -> (Vec<ObjectMeta>, Vec<Unlisted>) {
    let mut all = Level::default();
    if location.is_file_system() {
        let mut pending = vec![prefix];
        while let Some(prefix) = pending.pop() {
            match list_level(location, prefix).await {
                (_, Ok(level)) => {
                    pending.extend(level.folders);
                    all.objects.extend(level.objects);
                    all.unlisted.extend(level.unlisted);
                }
                (prefix, Err(e)) => unread.push((location.url_of(&prefix), e.to_string())),
            }
        }
        return (all.objects, all.unlisted);
    }
    let mut listing = location.store().list(Some(&prefix));
    while let Some(object) = listing.next().await {
        match object {
            Ok(object) => add_objects(&mut all, vec![object]),
            Err(e) => {
                let url = location.url_of(&prefix);
                unread.push((url.clone(), Error::storage(Action::List, url, e).to_string()));
                break;
            }
        }
    }
    (all.objects, all.unlisted)
}

fn log_object(location: &Location, object: ObjectMeta, key: LogKey) -> LogObject {
    // The ETag of a local file contains its inode, which an exact copy does not keep; size and time identify it as
    // well.
    let version = match object.e_tag {
        Some(e_tag) if !location.is_local() => e_tag,
        _ => format!("{}-{}", object.size, object.last_modified.timestamp_millis()),
    };
    LogObject {
        url: location.url_of(&object.location),
        path: object.location,
        size_bytes: object.size,
        last_modified: object.last_modified,
        version,
        key,
    }
}

#[cfg(test)]
mod tests {
    use super::super::S3Settings;
    use super::*;

    fn archive(keys: &[&str]) -> (tempfile::TempDir, Location) {
        let dir = tempfile::tempdir().unwrap();
        for key in keys {
            let path = dir.path().join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"{}").unwrap();
        }
        let location = Location::parse(dir.path().to_str().unwrap(), &S3Settings::default()).unwrap();
        (dir, location)
    }

    async fn names(location: &Location, selection: &Selection) -> (Vec<String>, BTreeMap<String, u64>) {
        let (mut logs, mut others) = (Vec::new(), BTreeMap::new());
        for leaf in walk(location, selection).await.unwrap().leaves {
            let listed = list(location, selection, leaf).await;
            logs.extend(listed.logs.iter().map(|o| o.path.filename().unwrap().to_owned()));
            listed.others.into_iter().for_each(|(kind, n)| *others.entry(kind).or_default() += n);
        }
        (logs, others)
    }

    const MIXED: &[&str] = &[
        "truth.jsonl",
        "AWSLogs/111122223333/CloudTrail/us-east-1/2024/01/02/b.json.gz",
        "AWSLogs/111122223333/CloudTrail/us-east-1/2024/01/01/a.json.gz",
        "AWSLogs/444455556666/CloudTrail/eu-west-1/2024/01/01/c.json.gz",
        "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2024/01/01/d.json.gz",
        "AWSLogs/111122223333/Config/us-east-1/2024/1/1/ConfigHistory/e.json.gz",
        "AWSLogs/111122223333/elasticloadbalancing/us-east-1/2024/01/01/f.log.gz",
    ];

    #[tokio::test]
    async fn logs_are_listed_day_by_day_and_other_kinds_are_counted() {
        let (_dir, location) = archive(MIXED);
        let (logs, others) = names(&location, &Selection::default()).await;
        assert_eq!(logs, ["a.json.gz", "c.json.gz", "b.json.gz"]);
        let others: Vec<_> = others.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
        assert_eq!(others, [("CloudTrail-Digest", 1), ("Config", 1), ("elasticloadbalancing", 1), ("other files", 1)]);
    }

    #[tokio::test]
    async fn the_walk_skips_other_accounts_regions_and_days() {
        let (_dir, location) = archive(MIXED);
        let one_day =
            Selection { to: "2024-01-02".parse().ok(), accounts: vec!["111122223333".into()], ..Default::default() };
        assert_eq!(names(&location, &one_day).await.0, ["a.json.gz"]);
        let leaves = walk(&location, &one_day).await.unwrap().leaves;
        assert!(leaves.iter().all(|leaf| !leaf.prefix.as_ref().contains("444455556666")));
    }

    #[tokio::test]
    async fn a_security_lake_bucket_is_filtered_by_its_partitions() {
        let (_dir, location) = archive(&[
            "aws/CLOUD_TRAIL_MGMT/2.0/region=eu-west-1/accountId=111122223333/eventDay=20240101/a.gz.parquet",
            "aws/CLOUD_TRAIL_MGMT/2.0/region=eu-west-1/accountId=111122223333/eventDay=20240102/b.gz.parquet",
            "aws/CLOUD_TRAIL_MGMT/2.0/region=eu-west-1/accountId=444455556666/eventDay=20240101/c.gz.parquet",
            "aws/CLOUD_TRAIL_MGMT/2.0/region=us-east-1/accountId=111122223333/eventDay=20240101/d.gz.parquet",
            "aws/CLOUD_TRAIL_MGMT/2.0/metadata/0.metadata.json",
            "aws/S3_DATA/2.0/region=eu-west-1/accountId=111122223333/eventDay=20240101/e.parquet",
            "aws/VPC_FLOW/2.0/region=eu-west-1/accountId=111122223333/eventDay=20240101/f.gz.parquet",
        ]);
        let (logs, others) = names(&location, &Selection::default()).await;
        assert_eq!(logs, ["a.gz.parquet", "c.gz.parquet", "d.gz.parquet", "e.parquet", "b.gz.parquet"]);
        let others: Vec<_> = others.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
        assert_eq!(others, [("Iceberg metadata", 1), ("VPC_FLOW", 1)]);
        let some = Selection {
            from: "2024-01-01".parse().ok(),
            to: "2024-01-02".parse().ok(),
            accounts: vec!["111122223333".into()],
            regions: vec!["eu-west-1".into()],
            ..Default::default()
        };
        assert_eq!(names(&location, &some).await.0, ["a.gz.parquet", "e.parquet"]);
    }

    #[tokio::test]
    async fn files_of_unknown_kind_are_read_by_extension() {
        let (_dir, location) = archive(&["x/one.json", "x/two.ndjson.gz", "x/note.txt"]);
        let (logs, others) = names(&location, &Selection::default()).await;
        assert_eq!(logs, ["one.json", "two.ndjson.gz"]);
        assert_eq!(others["other files"], 1);
    }

    #[tokio::test]
    async fn a_single_object_is_read_whatever_its_extension() {
        let (dir, _) = archive(&["x/one.json", "x/export of june"]);
        for name in ["one.json", "export of june"] {
            let path = dir.path().join("x").join(name);
            let location = Location::parse(path.to_str().unwrap(), &S3Settings::default()).unwrap();
            assert_eq!(names(&location, &Selection::default()).await.0, [name]);
        }
    }

    #[tokio::test]
    async fn an_empty_location_is_an_error_with_the_next_step() {
        let (dir, _) = archive(&[]);
        let location = Location::parse(dir.path().join("missing").to_str().unwrap(), &S3Settings::default()).unwrap();
        assert!(walk(&location, &Selection::default()).await.unwrap_err().to_string().contains("nothing to read at"));
    }
}
