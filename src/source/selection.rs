//! Filter of the objects to read: accounts, regions, days of delivery, kinds, and the part of one of several processes.

use chrono::NaiveDate;

use super::{LogKey, ObjectKind, Shard};

/// Which kinds of objects are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ObjectKinds {
    /// Objects with events; other kinds are counted.
    #[default]
    Events,
    /// Objects with events, and digests; other kinds are skipped.
    EventsAndDigests,
}

/// Filter of objects; an empty one matches everything. A part that a key does not have matches.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// First day of delivery.
    pub from: Option<NaiveDate>,
    /// Day after the last.
    pub to: Option<NaiveDate>,
    /// 12-digit accounts; empty for all.
    pub accounts: Vec<String>,
    /// Regions; empty for all.
    pub regions: Vec<String>,
    /// Kinds of objects.
    pub kinds: ObjectKinds,
    /// The part of all this that is read; `None` for all.
    pub shard: Option<Shard>,
}

impl Selection {
    /// True for kinds of objects to read.
    pub fn matches_kind(&self, kind: &ObjectKind) -> bool {
        kind.has_events() || (self.kinds == ObjectKinds::EventsAndDigests && *kind == ObjectKind::Digest)
    }

    /// True when the key, or any key below it, can match by account, region and day.
    pub fn matches(&self, key: &LogKey) -> bool {
        let matches = |selected: &[String], name: &Option<String>| {
            selected.is_empty() || name.as_ref().is_none_or(|name| selected.contains(name))
        };
        let in_days = key
            .days()
            .is_none_or(|(first, end)| self.from.is_none_or(|from| end > from) && self.to.is_none_or(|to| first < to));
        matches(&self.accounts, &key.account_id) && matches(&self.regions, &key.region) && in_days
    }

    /// True when a folder or object is in the part that is read. `relative` is its path below the source, which is the same
    /// on every machine.
    ///
    /// A part has whole days, so that a day's events are in few files of the lake and its duplicates in one part. If fewer
    /// days are selected than there are parts, and where a key has no day, the hash of the path decides.
    pub fn is_in_shard(&self, day: Option<NaiveDate>, relative: &str) -> bool {
        let Some(shard) = self.shard else { return true };
        let days = self.from.zip(self.to).map(|(from, to)| (to - from).num_days());
        match day {
            Some(day) if days.is_none_or(|days| days >= i64::from(shard.count())) => shard.has_day(day),
            _ => shard.has_key(relative),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_years_and_months_are_pruned_before_days() {
        let selection =
            Selection { from: "2024-02-10".parse().ok(), to: "2024-02-12".parse().ok(), ..Default::default() };
        let matches =
            |day: &str| selection.matches(&LogKey::parse(&format!("AWSLogs/111122223333/CloudTrail/us-east-1/{day}")));
        assert!(matches("") && matches("2024") && matches("2024/02") && matches("2024/02/10") && matches("2024/02/11"));
        assert!(!matches("2023") && !matches("2024/01") && !matches("2024/02/09") && !matches("2024/02/12"));
    }

    #[test]
    fn accounts_and_regions_are_pruned_when_the_key_has_them() {
        let selection = Selection {
            accounts: vec!["111122223333".into()],
            regions: vec!["eu-west-1".into()],
            ..Default::default()
        };
        assert!(selection.matches(&LogKey::parse("AWSLogs")));
        assert!(selection.matches(&LogKey::parse("AWSLogs/111122223333/CloudTrail/eu-west-1")));
        assert!(!selection.matches(&LogKey::parse("AWSLogs/999999999999/CloudTrail")));
        assert!(!selection.matches(&LogKey::parse("AWSLogs/111122223333/CloudTrail/us-east-1")));
    }

    #[test]
    fn a_shard_has_whole_days_unless_there_are_fewer_days_than_shards() {
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        let parts = |from: Option<NaiveDate>, to: Option<NaiveDate>, of: Option<NaiveDate>| {
            let of_shard = |number| {
                let shard = Shard::new(number, 4).ok();
                let selection = Selection { from, to, shard, ..Selection::default() };
                (0..100).filter(|n| selection.is_in_shard(of, &format!("{n}/CloudTrail"))).count()
            };
            let mut parts = [1, 2, 3, 4].map(of_shard);
            parts.sort_unstable();
            parts
        };
        let whole = [0, 0, 0, 100];
        assert_eq!(parts(None, None, day("2024-01-02")), whole);
        assert_eq!(parts(day("2024-01-01"), day("2024-01-05"), day("2024-01-02")), whole);
        for spread in [parts(day("2024-01-01"), day("2024-01-04"), day("2024-01-02")), parts(None, None, None)] {
            assert!(spread[0] > 0 && spread.iter().sum::<usize>() == 100, "{spread:?}");
        }
    }
}
