//! The days, weeks and months that one file of summaries covers.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use sha2::{Digest, Sha256};

use super::snapshot::{DataFile, Snapshot};

/// The days of a snapshot in a calendar month, in one week of that month, or a single day.
pub struct Span {
    /// `2024-05`, `2024-W19` or `2024-05-09`.
    name: String,
    /// Its days that have events.
    days: Vec<NaiveDate>,
    /// No more events are expected, so its days may be joined.
    is_over: bool,
    /// The weeks of a month, the days of a week.
    pub parts: Vec<Span>,
}

/// A week or month is joined this long after its end. CloudTrail delivers most events within minutes, and some on the next
/// day; an event that is later than this costs the summaries of its week or month again.
const JOINED_AFTER: Days = Days::new(2);
/// Larger files are not joined: a request less is little beside their bytes, and a file is joined in memory.
const JOINED_BYTES_MAX: u64 = 64 << 20;

/// The months of a snapshot.
pub fn months(snapshot: &Snapshot) -> Vec<Span> {
    let days = snapshot.each_day();
    let last = days.last().copied().unwrap_or_default();
    let is_over = |next: Option<NaiveDate>| {
        next.and_then(|next| next.checked_add_days(JOINED_AFTER)).is_some_and(|over| over <= last)
    };
    let day = |day: &NaiveDate| Span { name: day.to_string(), days: vec![*day], is_over: true, parts: Vec::new() };
    let week = |days: &[NaiveDate]| Span {
        name: days[0].format("%G-W%V").to_string(),
        days: days.to_vec(),
        is_over: is_over(days[0].week(Weekday::Mon).checked_last_day().and_then(|sunday| sunday.succ_opt())),
        parts: days.iter().map(day).collect(),
    };
    let month = |days: &[NaiveDate]| Span {
        name: days[0].format("%Y-%m").to_string(),
        days: days.to_vec(),
        is_over: is_over(days[0].with_day(1).and_then(|first| first.checked_add_months(Months::new(1)))),
        parts: days.chunk_by(|a, b| a.iso_week() == b.iso_week()).map(week).collect(),
    };
    days.chunk_by(|a, b| (a.year(), a.month()) == (b.year(), b.month())).map(month).collect()
}

impl Span {
    /// The key in its file name: for a day the one in `keys`, for a longer span its name and a hash of its days' keys.
    pub fn key(&self, keys: &BTreeMap<NaiveDate, String>) -> String {
        let mut of_days = self.days.iter().filter_map(|day| keys.get(day));
        if self.parts.is_empty() {
            return of_days.next().cloned().unwrap_or_default();
        }
        let mut hash = Sha256::new();
        of_days.for_each(|key| hash.update(key));
        format!("{}-{}", self.name, short(hash))
    }

    /// Covers the span with as few existing spans as possible. With `stop`, the first missing day ends the search.
    pub fn fewest<T>(&self, existing: &impl Fn(&Span) -> Option<T>, stop: bool, found: &mut Vec<T>) -> ControlFlow<()> {
        match existing(self).filter(|_| self.is_over) {
            Some(one) => found.push(one),
            None if self.parts.is_empty() && stop => return ControlFlow::Break(()),
            None => self.parts.iter().try_for_each(|part| part.fewest(existing, stop, found))?,
        }
        ControlFlow::Continue(())
    }

    /// Adds the longest finished spans that have more than one file and not too many bytes, with their files.
    pub fn joinable<'a>(&'a self, files: &[DataFile], joinable: &mut Vec<(&'a Span, Vec<DataFile>)>) {
        let mut within: Vec<_> = files.iter().filter(|file| self.days.contains(&file.day)).cloned().collect();
        within.sort_by_key(|file| file.day);
        let has_file = |day: &NaiveDate| within.iter().any(|file| file.covers(day));
        let is_small = within.iter().map(|file| file.size_bytes).sum::<u64>() <= JOINED_BYTES_MAX;
        if !self.is_over || !is_small || !self.days.iter().all(has_file) {
            self.parts.iter().for_each(|part| part.joinable(files, joinable));
        } else if within.len() > 1 {
            joinable.push((self, within));
        }
    }

    /// Its first and last day with events.
    pub fn ends(&self) -> Option<(NaiveDate, NaiveDate)> {
        Some((*self.days.first()?, *self.days.last()?))
    }
}

/// The first digits of a hash, enough for a file's name.
pub fn short(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
