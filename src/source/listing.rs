//! Finds the objects: first the folders that can hold wanted logs ([`walk`]), then what is in each ([`list`]).
//!
//! The walk asks level by level with a delimiter, many questions at once, and never descends into an account, region,
//! year, month or day that was not asked for. It ends at one folder per account, region and day, so a listing is read
//! day by day and never held whole. Folders behave as buckets do.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use futures::stream::{FuturesUnordered, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use super::{Location, LogKey, LogObject, ObjectKind, Selection, Wanted};
use crate::error::{Action, Error, Result};

/// List requests under way at once. S3 allows 5,500 a second per prefix; a walk is bound by latency.
const REQUESTS_MAX: usize = 32;

/// A folder whose objects are listed in one go, or objects the walk met on its way.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Day of delivery, when the folder is of one day.
    pub day: Option<NaiveDate>,
    prefix: Path,
    met: Vec<ObjectMeta>,
    /// What its objects are when their keys do not tell.
    loose: Loose,
}

/// What to do with an object whose key does not tell what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loose {
    /// Read it: it was named by the operator.
    Read,
    /// Read it when its name looks like a log's.
    ByName,
    /// Pass it by: notes and indexes beside an `AWSLogs` folder.
    Pass,
}

/// What one leaf holds.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// Objects to read, by key.
    pub logs: Vec<LogObject>,
    /// Objects of other kinds, counted by kind and never read.
    pub others: BTreeMap<String, u64>,
}

/// Folders below `location` that can hold what `selection` admits, oldest day first, folders without a day before them.
///
/// # Errors
/// [`Error::Storage`] when a level cannot be listed; [`Error::Usage`] when there is nothing at all at `location`.
pub async fn walk(location: &Location, selection: &Selection) -> Result<Vec<Leaf>> {
    if let Some(object) = location.object().await {
        return Ok(vec![Leaf { day: None, prefix: location.prefix().clone(), met: vec![object], loose: Loose::Read }]);
    }
    let mut leaves = Vec::new();
    let mut levels = FuturesUnordered::new();
    let mut waiting = vec![location.prefix().clone()];
    let mut anything = false;
    loop {
        while levels.len() < REQUESTS_MAX
            && let Some(prefix) = waiting.pop()
        {
            levels.push(level(location, prefix));
        }
        let Some(found) = levels.next().await else { break };
        let (prefix, listed) = found?;
        anything |= !listed.objects.is_empty() || !listed.common_prefixes.is_empty();
        let beside_logs = listed.common_prefixes.iter().any(|p| p.filename() == Some("AWSLogs"));
        if !listed.objects.is_empty() {
            let loose = if beside_logs { Loose::Pass } else { Loose::ByName };
            leaves.push(Leaf { day: None, prefix, met: listed.objects, loose });
        }
        for folder in listed.common_prefixes {
            let key = LogKey::parse(folder.as_ref());
            if !selection.admits(&key) {
                continue;
            }
            let other_kind = key.kind != ObjectKind::Unknown && !selection.wants(&key.kind);
            if other_kind && selection.wanted == Wanted::EventsAndDigests {
                continue;
            }
            if other_kind || key.day().is_some() {
                leaves.push(Leaf { day: key.day(), prefix: folder, met: Vec::new(), loose: Loose::ByName });
            } else {
                waiting.push(folder);
            }
        }
    }
    if !anything {
        return Err(Error::Usage(format!("nothing to read at {location}; check the bucket, the path and --profile")));
    }
    leaves.sort_by(|a, b| (a.day, &a.prefix).cmp(&(b.day, &b.prefix)));
    Ok(leaves)
}

async fn level(location: &Location, prefix: Path) -> Result<(Path, object_store::ListResult)> {
    let listed = location.store().list_with_delimiter(Some(&prefix)).await;
    let listed = listed.map_err(|e| Error::storage(Action::List, location.url_of(&prefix), e))?;
    Ok((prefix, listed))
}

/// What a leaf holds, filtered by `selection`.
///
/// # Errors
/// [`Error::Storage`] when the folder cannot be listed.
pub async fn list(location: &Location, selection: &Selection, leaf: Leaf) -> Result<Listed> {
    let found = if leaf.met.is_empty() {
        let store: &Arc<dyn ObjectStore> = location.store();
        let listing = store.list(Some(&leaf.prefix)).try_collect::<Vec<_>>().await;
        listing.map_err(|e| Error::storage(Action::List, location.url_of(&leaf.prefix), e))?
    } else {
        leaf.met
    };
    let mut listed = Listed::default();
    for object in found {
        let key = LogKey::parse(object.location.as_ref());
        if !selection.admits(&key) {
            continue;
        }
        let readable = match leaf.loose {
            _ if key.kind != ObjectKind::Unknown => selection.wants(&key.kind),
            Loose::Read => true,
            Loose::ByName => key.may_hold_events(object.location.as_ref()),
            Loose::Pass => false,
        };
        if readable {
            listed.logs.push(log_object(location, object, key));
        } else {
            *listed.others.entry(key.kind.name().to_owned()).or_default() += 1;
        }
    }
    listed.logs.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(listed)
}

fn log_object(location: &Location, object: ObjectMeta, key: LogKey) -> LogObject {
    // A folder's ETag holds the inode, which a faithful copy does not keep; size and time say as much there.
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
    async fn logs_come_day_by_day_and_other_kinds_are_counted() {
        let (_dir, location) = archive(MIXED);
        let (logs, others) = names(&location, &Selection::default()).await;
        assert_eq!(logs, ["a.json.gz", "c.json.gz", "b.json.gz"]);
        let others: Vec<_> = others.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
        assert_eq!(others, [("CloudTrail-Digest", 1), ("Config", 1), ("elasticloadbalancing", 1), ("other files", 1)]);
    }

    #[tokio::test]
    async fn accounts_regions_and_days_are_pushed_into_the_walk() {
        let (_dir, location) = archive(MIXED);
        let one_day =
            Selection { to: "2024-01-02".parse().ok(), accounts: vec!["111122223333".into()], ..Default::default() };
        assert_eq!(names(&location, &one_day).await.0, ["a.json.gz"]);
        let leaves = walk(&location, &one_day).await.unwrap();
        assert!(leaves.iter().all(|leaf| !leaf.prefix.as_ref().contains("444455556666")));
    }

    #[tokio::test]
    async fn a_bucket_of_security_lake_is_read_by_its_partitions() {
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
    async fn a_folder_of_loose_files_is_read_by_ending() {
        let (_dir, location) = archive(&["x/one.json", "x/two.ndjson.gz", "x/note.txt"]);
        let (logs, others) = names(&location, &Selection::default()).await;
        assert_eq!(logs, ["one.json", "two.ndjson.gz"]);
        assert_eq!(others["other files"], 1);
    }

    #[tokio::test]
    async fn an_object_that_is_named_is_read_whatever_its_ending() {
        let (dir, _) = archive(&["x/one.json", "x/export of june"]);
        for name in ["one.json", "export of june"] {
            let place = dir.path().join("x").join(name);
            let location = Location::parse(place.to_str().unwrap(), &S3Settings::default()).unwrap();
            assert_eq!(names(&location, &Selection::default()).await.0, [name]);
        }
    }

    #[tokio::test]
    async fn an_empty_place_is_an_error_with_the_next_step() {
        let (dir, _) = archive(&[]);
        let location = Location::parse(dir.path().join("missing").to_str().unwrap(), &S3Settings::default()).unwrap();
        assert!(walk(&location, &Selection::default()).await.unwrap_err().to_string().contains("nothing to read at"));
    }
}
