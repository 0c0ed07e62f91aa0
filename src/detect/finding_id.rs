//! Ids of findings as people type them: whole, or the beginning.

use serde_json::Value;

use super::Finding;
use crate::error::{Error, Result};
use crate::wording::{counted, nearest, short_name};

/// A finding that may be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownFinding<'a> {
    id: &'a str,
    detector: &'a str,
    entity: &'a str,
}

impl<'a> KnownFinding<'a> {
    /// A finding of a hunt.
    pub fn of(finding: &'a Finding) -> KnownFinding<'a> {
        KnownFinding { id: &finding.id, detector: &finding.detector, entity: &finding.entity }
    }

    /// Whether `typed` may mean it.
    pub fn begins_with(&self, typed: &str) -> bool {
        self.id.starts_with(typed)
    }

    /// A finding of a JSON report.
    pub fn of_json(finding: &'a Value) -> KnownFinding<'a> {
        let member = |name: &str| finding[name].as_str().unwrap_or_default();
        KnownFinding { id: member("id"), detector: member("detector"), entity: member("entity") }
    }
}

/// The index of the finding whose id begins with `typed`. The first one of an id counts.
///
/// # Errors
/// [`Error::Usage`] when several begin with it, or none does; then with the closest one.
pub fn find_finding(typed: &str, known: &[KnownFinding]) -> Result<usize> {
    let mut matching: Vec<usize> = Vec::new();
    for (at, candidate) in known.iter().enumerate().filter(|(_, candidate)| candidate.id.starts_with(typed)) {
        if matching.iter().all(|other| known[*other].id != candidate.id) {
            matching.push(at);
        }
    }
    if let [found] = matching[..] {
        return Ok(found);
    }
    if !matching.is_empty() {
        let ids: Vec<&str> = matching.iter().map(|at| known[*at].id).collect();
        return Err(Error::Usage(format!("{typed} is the beginning of {}: type more digits", ids.join(" and "))));
    }
    let beginning = |id: &'_ str| id.get(..typed.len()).unwrap_or(id).to_owned();
    let beginnings: Vec<String> = known.iter().map(|candidate| beginning(candidate.id)).collect();
    let near = nearest(typed, beginnings.iter().map(String::as_str));
    let near = near.and_then(|near| known.iter().find(|candidate| beginning(candidate.id) == near));
    let hint = match near {
        Some(KnownFinding { id, detector, entity }) => {
            format!("did you mean {id} ({detector}, {})?", short_name(entity))
        }
        None => format!("it is none of {}; --report names another report", counted(known.len() as u64, "finding")),
    };
    Err(Error::Usage(format!("no finding {typed}; {hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_names_a_finding() {
        let known = |id| KnownFinding { id, detector: "call_rate", entity: "maria" };
        let all = ["3f2a91c07d5e6b18", "3f2a91ffffffffff", "3f2a91c07d5e6b18"].map(known);
        assert_eq!(find_finding("3f2a91c", &all).unwrap(), 0);
        assert_eq!(find_finding("3f2a91ffffffffff", &all).unwrap(), 1);
        let error = |typed| find_finding(typed, &all).unwrap_err().to_string();
        assert_eq!(
            error("3f2a91"),
            "3f2a91 is the beginning of 3f2a91c07d5e6b18 and 3f2a91ffffffffff: type more digits"
        );
        assert_eq!(error("3f2a92c"), "no finding 3f2a92c; did you mean 3f2a91c07d5e6b18 (call_rate, maria)?");
        assert_eq!(
            error("0123456789"),
            "no finding 0123456789; it is none of 3 findings; --report names another report"
        );
    }
}
