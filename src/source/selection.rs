//! Filter of the objects to read: accounts, regions, days of delivery and kinds.

use chrono::NaiveDate;

use super::{LogKey, ObjectKind};

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
}
