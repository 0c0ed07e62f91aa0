//! What a lake holds: events, objects, duplicates, rejects, accounts and regions, gaps.

use std::io::Write;

use chrono::{Days, NaiveTime};
use indicatif::{HumanBytes, HumanCount};
use serde_json::{Value, json};

use super::sections::{Judged, Row, section};
use crate::detect::Window;
use crate::engine::Session;
use crate::error::Result;
use crate::lake::Snapshot;
use crate::terminal::{Column, Layout, Table, printable};
use crate::wording::{counted, grouped};

/// The state of a lake.
#[derive(Debug)]
pub struct LakeStatus {
    lake: String,
    version: u64,
    files: usize,
    bytes: u64,
    totals: Row,
    by_account_and_region: Vec<Row>,
    gaps: Vec<Row>,
}

impl LakeStatus {
    /// Asks the lake.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn of(snapshot: &Snapshot, session: &Session) -> Result<LakeStatus> {
        let judged = judged(snapshot);
        Ok(LakeStatus {
            by_account_and_region: section("by_account_and_region", session, &judged).await?,
            gaps: section("gaps", session, &judged).await?,
            ..LakeStatus::totals(snapshot, session).await?
        })
    }

    /// Only the totals, without accounts, regions and gaps: these need the daily summaries.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn totals(snapshot: &Snapshot, session: &Session) -> Result<LakeStatus> {
        Ok(LakeStatus {
            lake: snapshot.location.to_string(),
            version: snapshot.version,
            files: snapshot.files.len(),
            bytes: snapshot.bytes(),
            totals: section("lake", session, &judged(snapshot)).await?.pop().unwrap_or_default(),
            by_account_and_region: Vec::new(),
            gaps: Vec::new(),
        })
    }

    /// Whether every record that was read could be kept.
    pub fn is_complete(&self) -> bool {
        self.number("rejects") == 0
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let table = json!({"version": self.version, "files": self.files, "bytes": self.bytes});
        json!({"lake": self.lake, "table": table, "totals": self.totals,
               "by_account_and_region": self.by_account_and_region, "gaps": self.gaps})
    }

    /// Writes lines to read.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn text(&self, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
        let count = |name: &str| HumanCount(self.number(name));
        writeln!(out, "lake      {}, version {}", self.lake, self.version)?;
        writeln!(out, "files     {}, {}", HumanCount(self.files as u64), HumanBytes(self.bytes))?;
        let (first, last) = (cell(&self.totals, "first_event"), cell(&self.totals, "last_event"));
        writeln!(out, "events    {}, {first} to {last}", count("events"))?;
        writeln!(out, "objects   {}", count("objects"))?;
        let (records, kept) = (count("records"), count("kept"));
        let duplicates = counted(self.number("duplicates"), "duplicate");
        let rejects = counted(self.number("rejects"), "reject");
        let conflicts = match self.number("id_conflicts") {
            0 => String::new(),
            conflicts => format!(" + {}", counted(conflicts, "id conflict")),
        };
        writeln!(out, "records   {records} = {kept} kept + {duplicates}{conflicts} + {rejects}")?;
        if self.number("retyped_members") > 0 {
            let members = counted(self.number("retyped_members"), "member");
            writeln!(out, "retyped   {members} of an undocumented type, kept in column `extra`")?;
        }
        if self.number("aggregated_events") > 0 {
            let summaries = counted(self.number("aggregated_events"), "aggregated event");
            let unreadable = counted(self.number("unreadable_summaries"), "summary");
            writeln!(out, "of these  {summaries}, which are no calls; {unreadable} of an undocumented form")?;
        }
        let columns = [Column::whole("account"), Column::text("region"), Column::number("events")];
        let mut table = Table::new(columns.into_iter().chain([Column::number("hours with events")]));
        for place in &self.by_account_and_region {
            let cell = |name: &str| cell(place, name);
            let events = place.get("events").and_then(Value::as_u64).map_or("-".into(), grouped);
            let hours = format!("{} of {}", cell("hours_with_events"), cell("hours_between"));
            table.push([cell("account_id"), cell("aws_region"), events, hours]);
        }
        writeln!(out)?;
        table.write(layout, 0, out)?;
        for gap in &self.gaps {
            let cell = |name: &str| cell(gap, name);
            let (account, region) = (cell("account_id"), cell("aws_region"));
            let hours = counted(gap.get("hours").and_then(Value::as_u64).unwrap_or(0), "hour");
            writeln!(out, "gap       {account} {region}: no events for {hours} from {}", cell("from"))?;
        }
        if self.gaps.is_empty() {
            writeln!(out, "\nno unusual gap in any account and region")?;
        }
        Ok(())
    }

    fn number(&self, name: &str) -> u64 {
        self.totals.get(name).and_then(Value::as_u64).unwrap_or(0)
    }
}

fn judged(snapshot: &Snapshot) -> Judged {
    Judged { window: everything(snapshot), expected_until: None, days: snapshot.days() }
}

/// From the lake's first day to the end of its last.
fn everything(snapshot: &Snapshot) -> Window {
    let (first, last) = snapshot.days().unwrap_or_default();
    let after_last = last.checked_add_days(Days::new(1)).unwrap_or(last);
    Window { from: first.and_time(NaiveTime::MIN).and_utc(), to: after_last.and_time(NaiveTime::MIN).and_utc() }
}

/// A member as text that is safe to print.
fn cell(row: &Row, name: &str) -> String {
    let text = match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".into(),
        Some(other) => other.to_string(),
    };
    printable(&text)
}
