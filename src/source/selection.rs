//! What was asked for: accounts, regions, days of delivery, and which kinds of objects.

use chrono::NaiveDate;

use super::{LogKey, ObjectKind};

/// Which kinds of objects are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Objects that hold events; the other kinds are counted.
    #[default]
    Events,
    /// Objects that hold events and the digests that sign them; the other kinds are passed over.
    EventsAndDigests,
}

/// Limits on what is listed; an empty one admits everything. What a key does not tell is admitted.
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
    pub wanted: Wanted,
}

impl Selection {
    /// True for kinds of objects that are to be read.
    pub fn wants(&self, kind: &ObjectKind) -> bool {
        kind.holds_events() || (self.wanted == Wanted::EventsAndDigests && *kind == ObjectKind::Digest)
    }

    /// True unless the key, or every key that begins like it, lies outside.
    pub fn admits(&self, key: &LogKey) -> bool {
        let named = |wanted: &[String], name: &Option<String>| {
            wanted.is_empty() || name.as_ref().is_none_or(|name| wanted.contains(name))
        };
        let in_days = key
            .days()
            .is_none_or(|(first, end)| self.from.is_none_or(|from| end > from) && self.to.is_none_or(|to| first < to));
        named(&self.accounts, &key.account_id) && named(&self.regions, &key.region) && in_days
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_years_and_months_are_pruned_before_days() {
        let selection =
            Selection { from: "2024-02-10".parse().ok(), to: "2024-02-12".parse().ok(), ..Default::default() };
        let admits =
            |day: &str| selection.admits(&LogKey::parse(&format!("AWSLogs/111122223333/CloudTrail/us-east-1/{day}")));
        assert!(admits("") && admits("2024") && admits("2024/02") && admits("2024/02/10") && admits("2024/02/11"));
        assert!(!admits("2023") && !admits("2024/01") && !admits("2024/02/09") && !admits("2024/02/12"));
    }

    #[test]
    fn accounts_and_regions_are_pruned_when_the_key_names_them() {
        let selection = Selection {
            accounts: vec!["111122223333".into()],
            regions: vec!["eu-west-1".into()],
            ..Default::default()
        };
        assert!(selection.admits(&LogKey::parse("AWSLogs")));
        assert!(selection.admits(&LogKey::parse("AWSLogs/111122223333/CloudTrail/eu-west-1")));
        assert!(!selection.admits(&LogKey::parse("AWSLogs/999999999999/CloudTrail")));
        assert!(!selection.admits(&LogKey::parse("AWSLogs/111122223333/CloudTrail/us-east-1")));
    }
}
