//! The chain of runs: the inputs and the report of every hunt, stored so that a later change is detected.
//!
//! ```text
//! LAKE/_trailhunt/runs/00000001.json            the record of a run; see `chain`
//! LAKE/_trailhunt/runs/<run>.report.json.gz     its report
//! LAKE/_trailhunt/runs/<run>.findings.json.gz   its findings without evidence, for lists
//! ```
//!
//! A record holds the hash of the previous record, of these two files, of the newest verdict and call, and of the files that
//! are new in the table's log. A removed last record is detected by the report that it left, or by a hash that was noted
//! elsewhere.

use serde::{Deserialize, Serialize};

use super::calls::CallRecord;
use super::chain::{ChainLink, Chained, Place};
use super::log::LogFiles;
use super::table::Lake;
use super::verdicts::VerdictRecord;
use crate::error::Result;
use crate::sha256;

/// How the name of a stored report ends.
const REPORT: &str = ".report.json.gz";
/// How the name of a stored list of findings ends.
const LISTING: &str = ".findings.json.gz";

/// At most this many records are read to find a previous run.
const SEARCHED_MAX: usize = 50;

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
    /// The list of its findings; records of older versions of this program have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<StoredFile>,
    /// The table's log; records of older versions of this program have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogFiles>,
    /// Hash of the newest verdict, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verdict: Option<String>,
    /// Hash of the newest call of an agent, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_call: Option<String>,
    /// The run's own data.
    pub run: serde_json::Value,
}

/// A file of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its path in the lake.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// The bytes of the files of a run.
#[derive(Debug, Default)]
pub struct RunFiles {
    /// Its report.
    pub report: Vec<u8>,
    /// The list of its findings.
    pub listing: Vec<u8>,
}

impl Record {
    /// Its report.
    pub fn report_file(&self) -> StoredFile {
        StoredFile { path: self.report.clone(), sha256: self.report_sha256.clone() }
    }
}

impl Chained for Record {
    const FOLDER: &'static str = "_trailhunt/runs";

    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn previous(&self) -> &str {
        &self.previous
    }
}

/// The record of a run as read from the lake.
pub type Link = ChainLink<Record>;

impl Link {
    /// The files of the log that it covers. A modified record covers none.
    pub fn log(&self) -> Option<&LogFiles> {
        self.record.as_ref().filter(|_| self.problems.is_empty())?.log.as_ref()
    }
}

impl Lake {
    /// Adds a run to the chain. Its files are stored under the run's `id`.
    ///
    /// # Errors
    /// When the lake cannot be written, or its chain cannot be read.
    pub async fn append_run(&self, id: &str, run: serde_json::Value, files: RunFiles) -> Result<Link> {
        // The report is the last, immediately before the record: one without a record shows that its record was removed.
        let listing = self.store(format!("{}/{id}{LISTING}", Record::FOLDER), files.listing).await?;
        let report = self.store(format!("{}/{id}{REPORT}", Record::FOLDER), files.report).await?;
        let record = async |place: Place, last: Option<&Link>| {
            Ok(Record {
                sequence: place.sequence,
                previous: place.previous,
                log: Some(self.log_files(last.and_then(Link::log)).await?),
                last_verdict: self.last_of::<VerdictRecord>().await?,
                last_call: self.last_of::<CallRecord>().await?,
                report: report.path.clone(),
                report_sha256: report.sha256.clone(),
                listing: Some(listing.clone()),
                run: run.clone(),
            })
        };
        self.append_record(record).await
    }

    async fn store(&self, path: String, bytes: Vec<u8>) -> Result<StoredFile> {
        let sha256 = sha256::hex(&bytes);
        self.put_new(&path, bytes).await?;
        Ok(StoredFile { path, sha256 })
    }

    /// All records, in order, each checked against its own hash and the previous record.
    ///
    /// # Errors
    /// When the chain cannot be listed or read.
    pub async fn runs(&self) -> Result<Vec<Link>> {
        self.chain().await
    }

    /// Hash of the newest record, if there is one.
    ///
    /// # Errors
    /// When the chain cannot be listed or read.
    pub async fn last_run_sha256(&self) -> Result<Option<String>> {
        self.last_of::<Record>().await
    }

    /// The bytes of a file of a run.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn run_file(&self, file: &StoredFile) -> Result<Vec<u8>> {
        Ok(self.location.bytes(&self.location.child(&file.path)).await?.to_vec())
    }

    /// The newest record that matches, among the last `SEARCHED_MAX`. Modified records are skipped.
    ///
    /// # Errors
    /// When the chain cannot be listed or read.
    pub async fn last_run(&self, matches: impl Fn(&Record) -> bool) -> Result<Option<Record>> {
        for sequence in self.sequences::<Record>().await?.into_iter().rev().take(SEARCHED_MAX) {
            let link: Link = self.link(sequence).await?;
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
        let names = self.names(Record::FOLDER).await?.into_iter().filter(|name| name.ends_with(REPORT));
        let mut reports: Vec<_> = names.map(|name| format!("{}/{name}", Record::FOLDER)).collect();
        reports.sort_unstable();
        Ok(reports)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::chain::read;
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
        for n in 1..=3u64 {
            let link = lake
                .append_run(&format!("run{n}"), serde_json::json!({"n": n, "é": 1.5e-7}), RunFiles::default())
                .await
                .unwrap();
            assert_eq!(link.record.unwrap().sequence, n);
        }
        let runs = lake.runs().await.unwrap();
        assert!(runs.len() == 3 && runs.iter().all(|link| link.problems.is_empty()));
        let last = &runs[2];
        for at in 0..last.bytes.len() {
            let mut changed = last.bytes.clone();
            changed[at] ^= 1;
            let link: Link = read(last.path.clone(), changed);
            assert!(!link.problems.is_empty(), "byte {at}");
        }
        std::fs::remove_file(folder.path().join("_trailhunt/runs/00000002.json")).unwrap();
        let runs = lake.runs().await.unwrap();
        assert_eq!(runs[1].problems.len(), 2, "{:?}", runs[1].problems);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_record_of_a_run_holds_the_hash_of_the_newest_verdict() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(folder.path()).await;
        let last_verdict = async |id| {
            lake.append_run(id, serde_json::json!(1), RunFiles::default()).await.unwrap().record.unwrap().last_verdict
        };
        assert_eq!(last_verdict("a").await, None);
        lake.append_verdict(&serde_json::json!("first")).await.unwrap();
        let newest = lake.append_verdict(&serde_json::json!("second")).await.unwrap();
        assert_eq!(newest.record.unwrap().sequence, 2);
        assert_eq!(last_verdict("b").await, Some(newest.sha256));
        assert!(lake.verdicts().await.unwrap().iter().all(|link| link.problems.is_empty()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn runs_that_end_at_the_same_time_all_get_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(folder.path()).await;
        let append =
            |n: u8| lake.append_run(["a", "b", "c", "d"][usize::from(n)], serde_json::json!(n), RunFiles::default());
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
            let error = lake.append_run("a", serde_json::json!(1), RunFiles::default()).await.unwrap_err();
            assert_eq!(error.is_read_only(), is_read_only, "{error}");
        }
        store.succeed();
        assert_eq!(
            lake.append_run("a", serde_json::json!(1), RunFiles::default()).await.unwrap().record.unwrap().sequence,
            1
        );
    }
}
