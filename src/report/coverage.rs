//! What a run read, what it could not read, and where events are missing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::sections::Row;
use crate::wording::counted;

/// What was read. Most members are about this run; `lake` is about everything ever read into the lake.
#[derive(Debug, Default, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Coverage {
    /// Objects read by this run.
    pub objects_read: u64,
    /// Objects skipped because an earlier run read them.
    pub objects_skipped: u64,
    /// Objects read again because they changed.
    pub objects_changed: u64,
    /// Objects that could not be fetched, with the reason.
    pub objects_failed: Vec<String>,
    /// Number of objects that are not CloudTrail logs, by kind.
    pub objects_of_other_kinds: BTreeMap<String, u64>,
    /// Events read: kept events and duplicates.
    pub events_read: u64,
    /// Events added to the lake.
    pub events_kept: u64,
    /// Events that were already in the lake.
    pub duplicates: u64,
    /// Records, or damaged ends of objects, that could not be read.
    pub rejects: u64,
    /// Totals of the lake: objects, events, duplicates, rejects.
    pub lake: Row,
    /// Some of the rejects.
    pub reject_examples: Vec<Row>,
    /// Events in the window by account and region.
    pub by_account_and_region: Vec<Row>,
    /// Periods of at least a day without events in an account and region that has events before and after.
    pub gaps: Vec<Row>,
}

impl Coverage {
    /// Rejects in the whole lake.
    pub fn rejects_in_lake(&self) -> u64 {
        self.lake.get("rejects").and_then(|n| n.as_u64()).unwrap_or(0)
    }

    /// One short text for each kind of missing data, such as `3 records could not be read`.
    pub fn missing(&self) -> Vec<String> {
        let (rejects, failed, gaps) = (self.rejects_in_lake(), self.objects_failed.len(), self.gaps.len());
        let mut missing = Vec::new();
        if rejects > 0 {
            missing.push(format!("{} could not be read", counted(rejects, "record")));
        }
        if failed > 0 {
            missing.push(format!("{} could not be fetched", counted(failed as u64, "object")));
        }
        if gaps > 0 {
            missing.push(format!("{} of a day or more in the events", counted(gaps as u64, "gap")));
        }
        missing
    }
}
