//! ATT&CK's techniques: which ids there are, and what they are called.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The edition the list is of.
pub const EDITION: &str = "ATT&CK Enterprise 18.1";

/// One technique a line: id, tab, name. Revoked and deprecated ones are not in it.
static TECHNIQUES: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("attack.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).collect()
});

/// Name of the technique with this id; that of a sub-technique begins with its technique's.
pub fn technique(id: &str) -> Option<&'static str> {
    TECHNIQUES.get(id).copied()
}

/// Checks that there are such techniques.
///
/// # Errors
/// What is wrong with the first that does not exist, and what to write instead.
pub fn check(ids: &[String]) -> Result<(), String> {
    let Some(unknown) = ids.iter().find(|id| technique(id).is_none()) else { return Ok(()) };
    let parent = unknown.split_once('.').and_then(|(parent, _)| Some((parent, technique(parent)?)));
    let next = match parent {
        Some((parent, name)) => format!("there is {parent}, {name}"),
        None => "write one such as \"T1078\" or \"T1078.004\"".into(),
    };
    Err(format!("attack = {unknown:?} is no technique of {EDITION}; {next}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_names_and_unknown_ids_a_next_step() {
        assert_eq!(technique("T1078.004"), Some("Valid Accounts: Cloud Accounts"));
        assert_eq!(technique("T1666"), Some("Modify Cloud Resource Hierarchy"));
        let refused = |id: &str| check(&["T1078".to_owned(), id.to_owned()]).unwrap_err();
        assert!(refused("T1078.999").ends_with("; there is T1078, Valid Accounts"), "{}", refused("T1078.999"));
        assert!(refused("T0001").ends_with("; write one such as \"T1078\" or \"T1078.004\""));
    }

    #[test]
    fn the_list_is_of_the_edition_it_names_and_whole() {
        let text = include_str!("attack.tsv");
        assert!(text.contains(EDITION));
        assert!(text.lines().all(|line| line.starts_with('#') || line.split('\t').count() == 2));
        assert_eq!(TECHNIQUES.len(), text.lines().filter(|line| line.starts_with('T')).count());
    }
}
