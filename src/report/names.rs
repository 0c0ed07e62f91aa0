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

    /// The short name of each ARN.
    pub fn short(self, names: &Names) -> BTreeMap<String, String> {
        let shortened = self.texts.into_iter().filter_map(|name| {
            let short = names.short(&name);
            (name.starts_with("arn:") && short != name).then_some((name, short))
        });
        shortened.collect()
    }
}
