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
    /// Objects and folders that could not be read, with the reason.
    pub objects_failed: Vec<String>,
    /// Number of objects that are not CloudTrail logs, by kind.
    pub objects_of_other_kinds: BTreeMap<String, u64>,
    /// Events read: kept events, duplicates and id conflicts.
    pub events_read: u64,
    /// Events added to the lake, without id conflicts.
    pub events_kept: u64,
    /// Of these, addenda to events that the lake has.
    pub addenda: u64,
    /// Events that were already in the lake.
    pub duplicates: u64,
    /// Events added to the lake although another event has their id.
    pub id_conflicts: u64,
    /// Records, or damaged ends of objects, that could not be read.
    pub rejects: u64,
    /// Totals of the lake: objects, events, of these aggregated events, duplicates, id conflicts, rejects.
    pub lake: Row,
    /// Some of the rejects.
    pub reject_examples: Vec<Row>,
    /// Events in the window by account and region.
    pub by_account_and_region: Vec<Row>,
    /// Hours without events in an account and region that usually has events at that time of day.
    pub gaps: Vec<Row>,
    /// Whether expected events are missing: "nothing found" then proves nothing.
    pub stale: bool,
    /// Why, one sentence each.
    pub stale_reasons: Vec<String>,
    /// Days of history, and what the detectors need.
    pub history: History,
}

/// How much history the detectors had. A detector states what it needs with a parameter `warm_up_days` or
/// `warm_up_hours`.
#[derive(Debug, Default, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct History {
    /// Days from the first event of the lake to the end of the window.
    pub days: u64,
    /// Detectors that ran.
    pub detectors: u64,
    /// Detectors that need more days before a day than there are: they could not evaluate a single day in full.
    pub detectors_without_history: u64,
    /// The most days that one of them needs.
    pub days_needed: u64,
}

impl History {
    /// The history that ends with the window, for detectors that need so many days each.
    pub fn of(days: u64, needed: &[u64]) -> History {
        let short = || needed.iter().filter(|needed| **needed >= days);
        History {
            days,
            detectors: needed.len() as u64,
            detectors_without_history: short().count() as u64,
            days_needed: short().max().copied().unwrap_or(0),
        }
    }

    /// `1 day of history; 27 of 42 detectors need up to 14 days before a day they can evaluate`.
    pub fn too_short(&self) -> Option<String> {
        let (days, short, all) = (counted(self.days, "day"), self.detectors_without_history, self.detectors);
        let needed = counted(self.days_needed, "day");
        (short > 0).then(|| {
            let all = counted(all, "detector");
            let (need, they) = if short == 1 { ("needs", "it") } else { ("need", "they") };
            format!("{days} of history; {short} of {all} {need} up to {needed} before a day {they} can evaluate")
        })
    }
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
        let unreadable = self.lake.get("unreadable_summaries").and_then(|n| n.as_u64()).unwrap_or(0);
        if unreadable > 0 {
            missing.push(format!("{} without a readable summary", counted(unreadable, "aggregated event")));
        }
        if failed > 0 {
            missing.push(format!("{} could not be read", counted(failed as u64, "input")));
        }
        missing.extend(self.history.too_short());
        if gaps > 0 {
            missing.push(format!("{} in the events", counted(gaps as u64, "unusual gap")));
        }
        missing
    }
}
