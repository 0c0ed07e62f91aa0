//! The short names of everybody in a report.

use std::collections::{BTreeMap, BTreeSet};

use super::sections::Row;
use crate::detect::Finding;
use crate::wording::Names;

/// All texts of a report that name somebody.
#[derive(Debug, Default)]
pub struct Naming {
    texts: BTreeSet<String>,
}

impl Naming {
    /// Adds names or sentences.
    pub fn see<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        for text in texts {
            if text.contains("arn:") && !self.texts.contains(text) {
                self.texts.insert(text.to_owned());
            }
        }
    }

    /// Adds what findings name.
    pub fn see_findings<'a>(&mut self, findings: impl Iterator<Item = &'a Finding>) {
        for finding in findings {
            self.see([&*finding.summary, &finding.entity]);
            self.see(finding.actor.as_deref());
            self.see(
                finding.origin.iter().flat_map(|origin| origin.path.iter().chain([&origin.identity])).map(|s| &**s),
            );
        }
    }

    /// Adds what a section's row names.
    pub fn see_row(&mut self, row: &Row) {
        self.see(row.values().filter_map(|value| value.as_str()));
    }

    /// How to shorten all of them.
    pub fn names(&self) -> Names {
        Names::of(self.texts.iter().map(|text| &**text))
    }

    /// The short name of each ARN. ARNs that would have the same short name have none.
    pub fn short(self, names: &Names) -> BTreeMap<String, String> {
        let arns = self.texts.into_iter().filter(|name| name.starts_with("arn:"));
        let shortened: BTreeMap<String, String> = arns.map(|name| (name.clone(), names.short(&name))).collect();
        let mut uses: BTreeMap<&str, u64> = BTreeMap::new();
        shortened.values().for_each(|short| *uses.entry(short).or_default() += 1);
        let is_shown = |(name, short): &(&String, &String)| name != short && uses.get(short.as_str()) == Some(&1);
        shortened.iter().filter(is_shown).map(|(name, short)| (name.clone(), short.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_identities_never_have_the_same_short_name() {
        let session = |hash: &str| format!("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_{hash}/maria");
        let (old, new) = (session("0123456789abcdef"), session("fedcba9876543210"));
        let user = "arn:aws:iam::111122223333:user/ana".to_owned();
        let mut naming = Naming::default();
        naming.see([&*old, &new, &user, "198.51.100.7"]);
        let names = naming.names();
        assert_eq!(naming.short(&names), BTreeMap::from([(user, "user/ana in 1111…3333".to_owned())]));
    }
}
