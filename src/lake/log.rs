//! The files of the table's log, checked against the hashes that recorded runs hold.
//!
//! A record of a run holds the hash of every file of the log since the previous record: commits and checkpoints.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::checksum::MODIFIED;
use super::table::Lake;
use crate::error::{Action, Error, Result};
use crate::sha256;

const FOLDER: &str = "_delta_log";
/// Digits of a version in a file's name.
const DIGITS: usize = 20;
/// Files read at once.
const READS_MAX: usize = 16;

/// The files of the log since the previous record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFiles {
    /// Version of the last commit.
    pub version: u64,
    /// SHA-256 by file name.
    pub sha256: BTreeMap<String, String>,
}

/// What a check of the log found.
#[derive(Debug, Default)]
pub struct CheckedLog {
    /// Commits and checkpoints.
    pub files: u64,
    /// Those that no recorded run covers: nothing shows whether they were modified.
    pub not_covered: u64,
    /// The problems, one line each.
    pub problems: Vec<String>,
}

impl Lake {
    /// The files of the log that are newer than those of an earlier record.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) async fn log_files(&self, earlier: Option<&LogFiles>) -> Result<LogFiles> {
        let names = self.log_names(earlier.map(|earlier| earlier.version)).await?;
        let version = names.iter().filter_map(|name| commit(name)).max();
        let version = version.or(earlier.map(|earlier| earlier.version)).unwrap_or_default();
        let hashed = self.read_log(names).map_ok(|(name, bytes)| (name, sha256::hex(&bytes)));
        Ok(LogFiles { version, sha256: hashed.try_collect().await? })
    }

    /// Checks the log against what records of runs hold.
    ///
    /// # Errors
    /// When the log cannot be listed or a file cannot be read.
    pub async fn check_log<'a>(&self, recorded: impl IntoIterator<Item = &'a LogFiles>) -> Result<CheckedLog> {
        let names = self.log_names(None).await?;
        let recorded: BTreeMap<&String, &String> = recorded.into_iter().flat_map(|log| &log.sha256).collect();
        let commits: BTreeSet<u64> = names.iter().filter_map(|name| commit(name)).collect();
        let gaps = (0..commits.last().copied().unwrap_or_default()).filter(|version| !commits.contains(version));
        let mut missing: BTreeSet<String> = gaps.map(commit_name).collect();
        missing.extend(recorded.keys().filter(|name| !names.contains(**name)).map(|name| name.to_string()));

        let mut checked = CheckedLog { files: names.len() as u64, ..CheckedLog::default() };
        checked.problems.extend(missing.into_iter().map(|name| format!("{FOLDER}/{name}: missing")));
        let mut files = self.read_log(names);
        while let Some((name, bytes)) = files.try_next().await? {
            match recorded.get(&name) {
                None => checked.not_covered += 1,
                Some(sha256) if **sha256 == sha256::hex(&bytes) => {}
                Some(_) => checked.problems.push(format!("{FOLDER}/{name}: {MODIFIED}")),
            }
        }
        Ok(checked)
    }

    /// Names and content of files of the log.
    fn read_log(&self, names: BTreeSet<String>) -> impl futures::Stream<Item = Result<(String, Bytes)>> + Unpin {
        let read = move |name: String| async move {
            let bytes = self.location.bytes(&self.location.child(&format!("{FOLDER}/{name}"))).await?;
            Ok((name, bytes))
        };
        Box::pin(stream::iter(names).map(read).buffered(READS_MAX))
    }

    /// Names of the commits and checkpoints, of all or of those after a version.
    async fn log_names(&self, after: Option<u64>) -> Result<BTreeSet<String>> {
        let (folder, store) = (self.location.child(FOLDER), self.location.store());
        let listed = match after {
            Some(version) => store.list_with_offset(Some(&folder), &folder.clone().join(commit_name(version))),
            None => store.list(Some(&folder)),
        };
        let listed: Vec<_> =
            listed.try_collect().await.map_err(|e| Error::storage(Action::List, self.location.url_of(&folder), e))?;
        let names = listed.iter().filter_map(|object| object.location.filename());
        let is_newer = |name: &&str| version(name).is_some_and(|version| after.is_none_or(|after| version > after));
        Ok(names.filter(is_newer).map(str::to_owned).collect())
    }
}

/// The version in the name of a file of the log.
fn version(name: &str) -> Option<u64> {
    let (version, _) = name.split_once('.')?;
    version.parse().ok().filter(|_| version.len() == DIGITS)
}

/// The version of a commit.
fn commit(name: &str) -> Option<u64> {
    version(name).filter(|version| name == commit_name(*version))
}

fn commit_name(version: u64) -> String {
    format!("{version:0width$}.json", width = DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{Link, RunFiles};
    use crate::source::{Location, S3Settings};

    #[tokio::test(flavor = "multi_thread")]
    async fn each_record_covers_the_files_since_the_previous_one() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::parse(&folder.path().display().to_string(), &S3Settings::default()).unwrap();
        let lake = Lake::open_or_create(&location).await.unwrap();
        let log = folder.path().join(FOLDER);
        let write = |name: &str, text: &str| std::fs::write(log.join(name), text).unwrap();
        let (first, second, third) = (commit_name(0), commit_name(1), commit_name(2));
        let checkpoint = format!("{:020}.checkpoint.parquet", 1);
        let covered = |link: Link| link.record.unwrap().log.unwrap();
        let names = |log: &LogFiles| log.sha256.keys().cloned().collect::<Vec<_>>();

        let log = covered(lake.append_run("a", serde_json::json!(1), RunFiles::default()).await.unwrap());
        assert_eq!((log.version, names(&log)), (0, vec![first.clone()]));
        write(&second, "a commit");
        write(&checkpoint, "a checkpoint");
        write("_last_checkpoint", "{}");
        let log = covered(lake.append_run("b", serde_json::json!(2), RunFiles::default()).await.unwrap());
        assert_eq!((log.version, names(&log)), (1, vec![checkpoint.clone(), second.clone()]));
        let log = covered(lake.append_run("c", serde_json::json!(3), RunFiles::default()).await.unwrap());
        assert_eq!((log.version, names(&log).len()), (1, 0));

        let links = lake.runs().await.unwrap();
        let check = async || lake.check_log(links.iter().filter_map(Link::log)).await.unwrap();
        let checked = check().await;
        assert_eq!((checked.files, checked.not_covered, checked.problems), (3, 0, vec![]));
        write(&third, "another commit");
        assert_eq!(check().await.not_covered, 1);
        write(&checkpoint, "A checkpoint");
        write(&second, "A commit");
        let modified = [&checkpoint, &second].map(|name| format!("{FOLDER}/{name}: {MODIFIED}"));
        assert_eq!(check().await.problems, modified);
        std::fs::remove_file(folder.path().join(FOLDER).join(&first)).unwrap();
        std::fs::remove_file(folder.path().join(FOLDER).join(&checkpoint)).unwrap();
        let missing = [&first, &checkpoint].map(|name| format!("{FOLDER}/{name}: missing"));
        assert_eq!(check().await.problems[..2], missing);
        write(&commit_name(4), "a commit that no run covers");
        assert!(check().await.problems.contains(&format!("{FOLDER}/{}: missing", commit_name(3))));
    }
}
