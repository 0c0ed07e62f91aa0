//! The chain of verdicts: what analysts concluded about findings, in `LAKE/_trailhunt/verdicts/`.
//!
//! The record of the next run holds the hash of the newest verdict, so that a removed verdict is detected.

use serde::{Deserialize, Serialize};

use super::chain::{ChainLink, Chained, Place};
use super::table::Lake;
use crate::error::Result;

/// The record of one verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerdictRecord {
    /// Position in the chain, from 1.
    pub sequence: u64,
    /// Hash of the previous record, or zeros.
    pub previous: String,
    /// The verdict and the finding it is about.
    pub verdict: serde_json::Value,
}

impl Chained for VerdictRecord {
    const FOLDER: &'static str = "_trailhunt/verdicts";

    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn previous(&self) -> &str {
        &self.previous
    }
}

impl Lake {
    /// Adds a verdict to the chain.
    ///
    /// # Errors
    /// When the lake cannot be written, or its chain cannot be read.
    pub async fn append_verdict(&self, verdict: &serde_json::Value) -> Result<ChainLink<VerdictRecord>> {
        let record = async |place: Place, _: Option<&ChainLink<VerdictRecord>>| {
            Ok(VerdictRecord { sequence: place.sequence, previous: place.previous, verdict: verdict.clone() })
        };
        self.append_record(record).await
    }

    /// All verdicts, in order, each checked against its own hash and the previous one.
    ///
    /// # Errors
    /// When the chain cannot be listed or read.
    pub async fn verdicts(&self) -> Result<Vec<ChainLink<VerdictRecord>>> {
        self.chain().await
    }
}
