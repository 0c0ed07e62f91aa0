//! The chain of runs: what every hunt was made from and what it said, so that nobody alters it unseen.
//!
//! ```text
//! LAKE/_trailhunt/runs/00000001.json          {"sha256": hash of the record's bytes, "record": {...}}
//! LAKE/_trailhunt/runs/<run>.report.json.gz   what it said
//! ```
//!
//! A record holds the hash of the record before it and of its report. Records are put where none is, so two runs that end
//! together stand one after the other. What stands in the chain cannot be changed or taken out without a break; that the
//! last records were taken off, only somebody who wrote the last hash down elsewhere can tell.

use futures::TryStreamExt;
use object_store::{PutMode, PutPayload};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Lake;
use crate::error::{Error, Result};
use crate::sha256;

/// What stands before the first record.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Records that are read to find one that fits.
const LOOKED_AT_MAX: usize = 50;

/// A record as it is stored: the one line `{"sha256":...,"record":...}`.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    sha256: String,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// A record's place in the chain, beside what the run says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// From 1.
    pub sequence: u64,
    /// Hash of the record before, or zeros.
    pub previous: String,
    /// Path of the report in the lake.
    pub report: String,
    /// SHA-256 of the report as it is stored.
    pub report_sha256: String,
    /// What the run says of itself.
    pub run: serde_json::Value,
}

/// A record that was read, and what is wrong with it.
#[derive(Debug)]
pub struct Link {
    /// Path in the lake.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its hash, as the record after it has to name it.
    pub sha256: String,
    /// What it says; nothing when it cannot be read.
    pub record: Option<Record>,
    /// What is wrong with it, one line each.
    pub problems: Vec<String>,
}

impl Lake {
    /// Adds a run to the chain. `report` is what will be stored of its report under the run's `id`.
    ///
    /// # Errors
    /// When the lake cannot be written, or its chain cannot be read.
    pub async fn append_run(&self, id: &str, run: serde_json::Value, report: Vec<u8>) -> Result<Link> {
        let report_path = format!("_trailhunt/runs/{id}.report.json.gz");
        let report_sha256 = sha256::hex(&report);
        self.put_new(&report_path, report).await?;
        loop {
            let last = self.end().await?;
            let record = Record {
                sequence: last.as_ref().map_or(1, |(sequence, _)| sequence + 1),
                previous: last.map_or_else(|| NOTHING.to_owned(), |(_, sha256)| sha256),
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

    /// All records, in order, each checked against its own hash and the one before.
    ///
    /// # Errors
    /// When the chain cannot be listed or read.
    pub async fn runs(&self) -> Result<Vec<Link>> {
        let mut links = Vec::new();
        let mut before = NOTHING.to_owned();
        for (at, sequence) in self.sequences().await?.into_iter().enumerate() {
            let path = path(sequence);
            let bytes = self.location.bytes(&self.location.child(&path)).await?.to_vec();
            let mut link = read(path, bytes);
            let expected = at as u64 + 1;
            if let Some(record) = &link.record {
                if record.sequence != sequence || sequence != expected {
                    link.problems.push(format!("it is record {}, {expected} was expected", record.sequence));
                }
                if record.previous != before {
                    link.problems
                        .push("it does not follow the record before it: that one was changed or taken out".into());
                }
            }
            before.clone_from(&link.sha256);
            links.push(link);
        }
        Ok(links)
    }

    /// The report of a record, as it is stored.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn run_report(&self, record: &Record) -> Result<Vec<u8>> {
        Ok(self.location.bytes(&self.location.child(&record.report)).await?.to_vec())
    }

    /// The newest of the last records that fits; records that were changed fit nothing.
    ///
    /// # Errors
    /// When the chain cannot be listed or read.
    pub async fn last_run(&self, fits: impl Fn(&Record) -> bool) -> Result<Option<Record>> {
        for sequence in self.sequences().await?.into_iter().rev().take(LOOKED_AT_MAX) {
            let bytes = self.location.bytes(&self.location.child(&path(sequence))).await?.to_vec();
            let link = read(path(sequence), bytes);
            if let Some(record) = link.record.filter(|record| link.problems.is_empty() && fits(record)) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Number and hash of the last record.
    async fn end(&self) -> Result<Option<(u64, String)>> {
        let Some(sequence) = self.sequences().await?.last().copied() else { return Ok(None) };
        let bytes = self.location.bytes(&self.location.child(&path(sequence))).await?.to_vec();
        Ok(Some((sequence, read(path(sequence), bytes).sha256)))
    }

    async fn sequences(&self) -> Result<Vec<u64>> {
        let folder = self.location.child("_trailhunt/runs");
        let listed = match self.location.store().list(Some(&folder)).try_collect::<Vec<_>>().await {
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            listed => listed.map_err(|e| Error::storage("list", self.location.url_of(&folder), e))?,
        };
        let sequence = |name: &str| name.strip_suffix(".json").filter(|digits| digits.len() == 8)?.parse().ok();
        let mut sequences: Vec<u64> =
            listed.iter().filter_map(|object| sequence(object.location.filename()?)).collect();
        sequences.sort_unstable();
        Ok(sequences)
    }

    /// Puts a file where none is; false when there is one.
    pub(super) async fn put_new(&self, path: &str, bytes: Vec<u8>) -> Result<bool> {
        let path = self.location.child(path);
        match self.location.store().put_opts(&path, PutPayload::from(bytes), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(e) => Err(Error::storage("write", self.location.url_of(&path), e)),
        }
    }
}

/// Reads one record; every byte of it counts.
pub fn read(path: String, bytes: Vec<u8>) -> Link {
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let parsed = serde_json::from_str::<Stored>(text).ok().map(|stored| {
        let sha256 = sha256::hex(stored.record.get().as_bytes());
        let whole = sha256 == stored.sha256 && text == line(&sha256, stored.record.get());
        (sha256, whole, serde_json::from_str::<Record>(stored.record.get()).ok())
    });
    match parsed {
        Some((sha256, true, Some(record))) => Link { path, bytes, sha256, record: Some(record), problems: Vec::new() },
        Some((sha256, _, record)) => {
            Link { path, bytes, sha256, record, problems: vec!["it was changed: its hash is another".into()] }
        }
        None => {
            let sha256 = sha256::hex(&bytes);
            Link {
                path,
                bytes,
                sha256,
                record: None,
                problems: vec!["it was changed: it is no record any more".into()],
            }
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
    format!("_trailhunt/runs/{sequence:08}.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Location, S3Settings};

    async fn lake(folder: &std::path::Path) -> Lake {
        Lake::open_or_create(&Location::parse(&folder.display().to_string(), &S3Settings::default()).unwrap())
            .await
            .unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_changed_byte_of_a_record_is_named_and_so_is_a_record_taken_out() {
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
    async fn runs_that_end_together_stand_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(folder.path()).await;
        let append = |n: u8| lake.append_run(["a", "b", "c", "d"][usize::from(n)], serde_json::json!(n), vec![n]);
        let (a, b, c, d) = tokio::join!(append(0), append(1), append(2), append(3));
        [a, b, c, d].into_iter().for_each(|link| assert!(link.is_ok()));
        let runs = lake.runs().await.unwrap();
        assert!(runs.len() == 4 && runs.iter().all(|link| link.problems.is_empty()), "{runs:?}");
    }
}
