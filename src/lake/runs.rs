//! The chain of runs: the inputs and the report of every hunt, stored so that a later change is detected.
//!
//! ```text
//! LAKE/_trailhunt/runs/00000001.json          {"sha256": hash of the record's bytes, "record": {...}}
//! LAKE/_trailhunt/runs/<run>.report.json.gz   its report
//! ```
//!
//! A record holds the hash of the previous record, of its report and of the files that are new in the table's log. A
//! record never replaces another, so two runs that end at the same time become two records. Changing or removing a record
//! breaks the chain. Removing the last records does not; a report without a record, or a hash that was noted elsewhere,
//! reveals that.

use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::log::LogFiles;
use super::table::Lake;
use crate::error::{Action, Error, Result};
use crate::sha256;

const FOLDER: &str = "_trailhunt/runs";
/// How the name of a stored report ends.
const REPORT: &str = ".report.json.gz";

/// The previous hash of the first record.
const NO_PREVIOUS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// At most this many records are read to find a previous run.
const SEARCHED_MAX: usize = 50;

/// A record as it is stored: the one line `{"sha256":...,"record":...}`.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    sha256: String,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// The record of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the chain, from 1.
    pub sequence: u64,
    /// Hash of the previous record, or zeros.
    pub previous: String,
    /// Path of the report in the lake.
    pub report: String,
    /// SHA-256 of the stored report.
    pub report_sha256: String,
    /// The table's log; records of older versions of this program have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogFiles>,
    /// The run's own data.
    pub run: serde_json::Value,
}

/// A record as read from the lake, with the problems found.
#[derive(Debug)]
pub struct Link {
    /// Path in the lake.
    pub path: String,
    /// The stored bytes.
    pub bytes: Vec<u8>,
    /// Its hash; the next record must name it as `previous`.
    pub sha256: String,
    /// The record; `None` when it cannot be read.
    pub record: Option<Record>,
    /// The problems, one line each.
    pub problems: Vec<String>,
}

impl Link {
    /// The files of the log that it covers. A modified record covers none.
    pub fn log(&self) -> Option<&LogFiles> {
        self.record.as_ref().filter(|_| self.problems.is_empty())?.log.as_ref()
    }
}

impl Lake {
    /// Adds a run to the chain. `report` holds the bytes of its report, stored under the run's `id`.
    ///
    /// # Errors
    /// When the lake cannot be written, or its chain cannot be read.
    pub async fn append_run(&self, id: &str, run: serde_json::Value, report: Vec<u8>) -> Result<Link> {
        let report_path = format!("{FOLDER}/{id}{REPORT}");
        let report_sha256 = sha256::hex(&report);
        self.put_new(&report_path, report).await?;
        loop {
            let last = self.last_record().await?;
            let log = Some(self.log_files(last.as_ref().and_then(|(_, last)| last.log())).await?);
            let record = Record {
                sequence: last.as_ref().map_or(1, |(sequence, _)| sequence + 1),
                previous: last.map_or_else(|| NO_PREVIOUS.to_owned(), |(_, last)| last.sha256),
                log,
                report: report_path.clone(),
                report_sha256: report_sha256.clone(),
                run: run.clone(),
            };
            let (bytes, sha256) = stored(&record)?;
            let path = path(record.sequence);
            if self.put_new(&path, bytes.clone()).await? {
                return Ok(Link { path, bytes, sha256, record: Some(record), problems: Vec::new() });
            }
        }
    }

    /// All records, in order, each checked against its own hash and the previous record.
    ///
    /// # Errors
    /// When the chain cannot be listed or read.
    pub async fn runs(&self) -> Result<Vec<Link>> {
        let mut links = Vec::new();
        let mut previous = NO_PREVIOUS.to_owned();
        for (at, sequence) in self.sequences().await?.into_iter().enumerate() {
            let path = path(sequence);
            let bytes = self.location.bytes(&self.location.child(&path)).await?.to_vec();
            let mut link = read(path, bytes);
            let expected = at as u64 + 1;
            if let Some(record) = &link.record {
                if record.sequence != sequence || sequence != expected {
                    link.problems.push(format!("expected record {expected}, found record {}", record.sequence));
                }
                if record.previous != previous {
                    link.problems.push("the previous record was modified or removed".into());
                }
            }
            previous.clone_from(&link.sha256);
            links.push(link);
        }
        Ok(links)
    }

    /// The stored bytes of a record's report.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn run_report(&self, record: &Record) -> Result<Vec<u8>> {
        Ok(self.location.bytes(&self.location.child(&record.report)).await?.to_vec())
    }

    /// The newest record that matches, among the last `SEARCHED_MAX`. Modified records are skipped.
    ///
    /// # Errors
    /// When the chain cannot be listed or read.
    pub async fn last_run(&self, matches: impl Fn(&Record) -> bool) -> Result<Option<Record>> {
        for sequence in self.sequences().await?.into_iter().rev().take(SEARCHED_MAX) {
            let bytes = self.location.bytes(&self.location.child(&path(sequence))).await?.to_vec();
            let link = read(path(sequence), bytes);
            if let Some(record) = link.record.filter(|record| link.problems.is_empty() && matches(record)) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// The paths of the stored reports. A run stores its report immediately before its record.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn stored_reports(&self) -> Result<Vec<String>> {
        let names = self.names().await?.into_iter();
        let mut reports: Vec<_> =
            names.filter(|name| name.ends_with(REPORT)).map(|name| format!("{FOLDER}/{name}")).collect();
        reports.sort_unstable();
        Ok(reports)
    }

    /// Number of the last record, and the record.
    async fn last_record(&self) -> Result<Option<(u64, Link)>> {
        let Some(sequence) = self.sequences().await?.last().copied() else { return Ok(None) };
        let bytes = self.location.bytes(&self.location.child(&path(sequence))).await?.to_vec();
        Ok(Some((sequence, read(path(sequence), bytes))))
    }

    async fn sequences(&self) -> Result<Vec<u64>> {
        let sequence = |name: &str| name.strip_suffix(".json").filter(|digits| digits.len() == 8)?.parse().ok();
        let mut sequences: Vec<u64> = self.names().await?.iter().filter_map(|name| sequence(name)).collect();
        sequences.sort_unstable();
        Ok(sequences)
    }

    /// Names of the files in the folder of the runs.
    async fn names(&self) -> Result<Vec<String>> {
        let folder = self.location.child(FOLDER);
        let listed = match self.location.store().list(Some(&folder)).try_collect::<Vec<_>>().await {
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            listed => listed.map_err(|e| Error::storage(Action::List, self.location.url_of(&folder), e))?,
        };
        Ok(listed.iter().filter_map(|object| Some(object.location.filename()?.to_owned())).collect())
    }
}

/// Parses one record. Every byte is checked: the line must be exactly what this program writes.
pub fn read(path: String, bytes: Vec<u8>) -> Link {
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let parsed = serde_json::from_str::<Stored>(text).ok().map(|stored| {
        let sha256 = sha256::hex(stored.record.get().as_bytes());
        let is_intact = sha256 == stored.sha256 && text == line(&sha256, stored.record.get());
        (sha256, is_intact, serde_json::from_str::<Record>(stored.record.get()).ok())
    });
    match parsed {
        Some((sha256, true, Some(record))) => Link { path, bytes, sha256, record: Some(record), problems: Vec::new() },
        Some((sha256, _, record)) => {
            Link { path, bytes, sha256, record, problems: vec!["hash mismatch: the record was modified".into()] }
        }
        None => {
            let sha256 = sha256::hex(&bytes);
            let problems = vec!["hash mismatch: the record was modified and is no longer valid JSON".into()];
            Link { path, bytes, sha256, record: None, problems }
        }
    }
}

fn stored(record: &Record) -> Result<(Vec<u8>, String)> {
    let record = serde_json::to_string(record).map_err(|e| Error::Internal(format!("record of a run: {e}")))?;
    let sha256 = sha256::hex(record.as_bytes());
    Ok((line(&sha256, &record).into_bytes(), sha256))
}

fn line(sha256: &str, record: &str) -> String {
    format!("{{\"sha256\":\"{sha256}\",\"record\":{record}}}\n")
}

fn path(sequence: u64) -> String {
    format!("{FOLDER}/{sequence:08}.json")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::lake::test_store::Failing;
    use crate::source::{Location, S3Settings};

    async fn lake(folder: &std::path::Path) -> Lake {
        Lake::open_or_create(&Location::parse(&folder.display().to_string(), &S3Settings::default()).unwrap())
            .await
            .unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_modified_byte_of_a_record_and_a_removed_record_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(folder.path()).await;
        for n in 1..=3 {
            let link =
                lake.append_run(&format!("run{n}"), serde_json::json!({"n": n, "é": 1.5e-7}), vec![n]).await.unwrap();
            assert_eq!(link.record.unwrap().sequence, u64::from(n));
        }
        let runs = lake.runs().await.unwrap();
        assert!(runs.len() == 3 && runs.iter().all(|link| link.problems.is_empty()));
        let last = &runs[2];
        for at in 0..last.bytes.len() {
            let mut changed = last.bytes.clone();
            changed[at] ^= 1;
            assert!(!read(last.path.clone(), changed).problems.is_empty(), "byte {at}");
        }
        std::fs::remove_file(folder.path().join("_trailhunt/runs/00000002.json")).unwrap();
        let runs = lake.runs().await.unwrap();
        assert_eq!(runs[1].problems.len(), 2, "{:?}", runs[1].problems);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn runs_that_end_at_the_same_time_all_get_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(folder.path()).await;
        let append = |n: u8| lake.append_run(["a", "b", "c", "d"][usize::from(n)], serde_json::json!(n), vec![n]);
        let (a, b, c, d) = tokio::join!(append(0), append(1), append(2), append(3));
        [a, b, c, d].into_iter().for_each(|link| assert!(link.is_ok()));
        let runs = lake.runs().await.unwrap();
        assert!(runs.len() == 4 && runs.iter().all(|link| link.problems.is_empty()), "{runs:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failed_write_is_read_only_only_without_permission() {
        let store = Failing::new();
        let location =
            Location::in_store("memory://test/lake", Arc::clone(&store) as Arc<dyn object_store::ObjectStore>).unwrap();
        let lake = Lake::open_or_create(&location).await.unwrap();
        for (failure, is_read_only) in [
            (Failing::denied as fn() -> object_store::Error, true),
            (Failing::throttled, false),
            (Failing::disk_full, false),
        ] {
            store.fail_writes(failure);
            let error = lake.append_run("a", serde_json::json!(1), vec![1]).await.unwrap_err();
            assert_eq!(error.is_read_only(), is_read_only, "{error}");
        }
        store.succeed();
        assert_eq!(lake.append_run("a", serde_json::json!(1), vec![1]).await.unwrap().record.unwrap().sequence, 1);
    }
}
