//! Finds the objects: first the folders that can have matching logs ([`walk`]), then the objects in each ([`list`]).
//!
//! The walk lists level by level with a delimiter, with concurrent requests, and never descends into an account,
//! region, year, month or day that was not selected. It ends at one folder per account, region and day, so objects are
//! listed day by day and the full list is never in memory. Buckets and local folders behave the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use futures::stream::{FuturesUnordered, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use super::{Location, LogKey, LogObject, ObjectKind, ObjectKinds, Selection};
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
    /// Read it: the user named this object.
    Read,
    /// Read it when its name may be that of a log.
    ReadByName,
    /// Skip it: notes and indexes next to an `AWSLogs` folder.
    Skip,
}

/// The objects of one leaf.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// Objects to read, sorted by key.
    pub logs: Vec<LogObject>,
    /// Number of objects of each other kind, which are never read.
    pub others: BTreeMap<String, u64>,
}

/// Folders below `location` that can have objects of `selection`: folders without a day first, then the oldest day.
///
/// # Errors
/// [`Error::Storage`] when a level cannot be listed; [`Error::Usage`] when `location` has no objects at all.
pub async fn walk(location: &Location, selection: &Selection) -> Result<Vec<Leaf>> {
    if let Some(object) = location.object().await {
        let (prefix, listed) = (location.prefix().clone(), vec![object]);
        return Ok(vec![Leaf { day: None, prefix, listed, unknown_kind: UnknownKind::Read }]);
    }
    let mut leaves = Vec::new();
    let mut requests = FuturesUnordered::new();
    let mut pending = vec![location.prefix().clone()];
    let mut is_empty = true;
    loop {
        while requests.len() < CONCURRENT_REQUESTS_MAX
            && let Some(prefix) = pending.pop()
        {
            requests.push(list_level(location, prefix));
        }
        let Some(level) = requests.next().await else { break };
        let (prefix, level) = level?;
        is_empty &= level.objects.is_empty() && level.common_prefixes.is_empty();
        let has_aws_logs = level.common_prefixes.iter().any(|p| p.filename() == Some("AWSLogs"));
        if !level.objects.is_empty() {
            let unknown_kind = if has_aws_logs { UnknownKind::Skip } else { UnknownKind::ReadByName };
            leaves.push(Leaf { day: None, prefix, listed: level.objects, unknown_kind });
        }
        for folder in level.common_prefixes {
            let key = LogKey::parse(folder.as_ref());
            if !selection.matches(&key) {
                continue;
            }
            let is_other_kind = key.kind != ObjectKind::Unknown && !selection.matches_kind(&key.kind);
            if is_other_kind && selection.kinds == ObjectKinds::EventsAndDigests {
                continue;
            }
            if is_other_kind || key.day().is_some() {
                let (listed, unknown_kind) = (Vec::new(), UnknownKind::ReadByName);
                leaves.push(Leaf { day: key.day(), prefix: folder, listed, unknown_kind });
            } else {
                pending.push(folder);
            }
        }
    }
    if is_empty {
        return Err(Error::Usage(format!("nothing to read at {location}; check the bucket, the path and --profile")));
    }
    leaves.sort_by(|a, b| (a.day, &a.prefix).cmp(&(b.day, &b.prefix)));
    Ok(leaves)
}

async fn list_level(location: &Location, prefix: Path) -> Result<(Path, object_store::ListResult)> {
    let level = location.store().list_with_delimiter(Some(&prefix)).await;
    let level = level.map_err(|e| Error::storage(Action::List, location.url_of(&prefix), e))?;
    Ok((prefix, level))
}

/// The objects of a leaf, filtered by `selection`.
///
/// # Errors
/// [`Error::Storage`] when the folder cannot be listed.
pub async fn list(location: &Location, selection: &Selection, leaf: Leaf) -> Result<Listed> {
    let found = if leaf.listed.is_empty() {
        let store: &Arc<dyn ObjectStore> = location.store();
        let listing = store.list(Some(&leaf.prefix)).try_collect::<Vec<_>>().await;
        listing.map_err(|e| Error::storage(Action::List, location.url_of(&leaf.prefix), e))?
    } else {
        leaf.listed
    };
    let mut listed = Listed::default();
    for object in found {
        let key = LogKey::parse(object.location.as_ref());
        if !selection.matches(&key) {
            continue;
        }
        let is_read = match leaf.unknown_kind {
            _ if key.kind != ObjectKind::Unknown => selection.matches_kind(&key.kind),
            UnknownKind::Read => true,
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
    Ok(listed)
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
        for leaf in walk(location, selection).await.unwrap() {
            let listed = list(location, selection, leaf).await.unwrap();
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
        let leaves = walk(&location, &one_day).await.unwrap();
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
