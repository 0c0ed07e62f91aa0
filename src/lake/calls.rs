//! The chain of calls: what agents asked of the server, in `LAKE/_trailhunt/calls/`.
//!
//! The record of the next run holds the hash of the newest call, so that a removed call is detected.

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::chain::{ChainLink, Chained, Place};
use super::table::Lake;
use crate::error::Result;

/// The record of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Position in the chain, from 1.
    pub sequence: u64,
    /// Hash of the previous record, or zeros.
    pub previous: String,
    /// What was called, and how it ended.
    pub call: serde_json::Value,
}

impl Chained for CallRecord {
    const FOLDER: &'static str = "_trailhunt/calls";

    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn previous(&self) -> &str {
        &self.previous
    }
}

/// Adds calls to the chain of a lake. It remembers the last record, so that a call costs one write; another server may add
/// calls at the same time.
pub struct CallLog {
    lake: Lake,
    /// Sequence and hash of the last record that is known.
    last: Mutex<Option<(u64, String)>>,
}

impl CallLog {
    /// The log of a lake.
    pub fn new(lake: Lake) -> CallLog {
        CallLog { lake, last: Mutex::new(None) }
    }

    /// Adds a call.
    ///
    /// # Errors
    /// When the lake cannot be written, or its chain cannot be read.
    pub async fn append(&self, call: &serde_json::Value) -> Result<ChainLink<CallRecord>> {
        let mut last = self.last.lock().await;
        loop {
            let place = match last.take() {
                Some((sequence, sha256)) => Place { sequence: sequence + 1, previous: sha256 },
                None => self.lake.next_place::<CallRecord>().await?.0,
            };
            let Place { sequence, previous } = place;
            let record = CallRecord { sequence, previous, call: call.clone() };
            if let Some(added) = self.lake.put_record(record).await? {
                *last = Some((sequence, added.sha256.clone()));
                return Ok(added);
            }
        }
    }
}

impl Lake {
    /// All calls, in order, each checked against its own hash and the previous one.
    ///
    /// # Errors
    /// When the chain cannot be listed or read.
    pub async fn calls(&self) -> Result<Vec<ChainLink<CallRecord>>> {
        self.chain().await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lake::RunFiles;
    use crate::source::{Location, S3Settings};

    #[tokio::test(flavor = "multi_thread")]
    async fn calls_of_two_servers_form_one_chain_and_a_run_names_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::parse(&folder.path().display().to_string(), &S3Settings::default()).unwrap();
        let lake = Lake::open_or_create(&location).await.unwrap();
        let logs = [CallLog::new(lake.clone()), CallLog::new(lake.clone())];
        for n in 0..6 {
            logs[n % 2].append(&json!({"n": n})).await.unwrap();
            logs[0].append(&json!({"again": n})).await.unwrap();
        }
        let calls = lake.calls().await.unwrap();
        assert!(calls.len() == 12 && calls.iter().all(|link| link.problems.is_empty()), "{calls:?}");
        let run = lake.append_run("run", json!({}), RunFiles::default()).await.unwrap();
        assert_eq!(run.record.unwrap().last_call.as_ref(), calls.last().map(|link| &link.sha256));
        std::fs::remove_file(folder.path().join("_trailhunt/calls/00000003.json")).unwrap();
        let problems: usize = lake.calls().await.unwrap().iter().map(|link| link.problems.len()).sum();
        assert!(problems > 0);
    }
}
