//! ATT&CK's techniques: which ids there are, what they are called, and which tactics they serve.

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

/// Tactics in the matrix's order: id, name, and ids of techniques. A sub-technique serves its technique's tactics.
static TACTICS: LazyLock<Vec<(&str, &str, Vec<&str>)>> = LazyLock::new(|| {
    let lines = include_str!("tactics.tsv").lines().filter(|line| !line.starts_with('#'));
    let tactic = |line: &'static str| {
        let mut columns = line.split('\t');
        Some((columns.next()?, columns.next()?, columns.next()?.split(' ').collect()))
    };
    lines.filter_map(tactic).collect()
});

/// Names of all tactics, in the matrix's order.
pub fn tactics() -> impl Iterator<Item = &'static str> {
    TACTICS.iter().map(|(_, name, _)| *name)
}

/// Id of the tactic of this name.
pub fn tactic_id(name: &str) -> Option<&'static str> {
    TACTICS.iter().find(|(_, known, _)| *known == name).map(|(id, _, _)| *id)
}

/// Names of the tactics a technique serves; none for one that has no meaning in a cloud.
pub fn tactics_of(id: &str) -> Vec<&'static str> {
    let technique = id.split('.').next().unwrap_or(id);
    TACTICS.iter().filter(|(_, _, ids)| ids.contains(&technique)).map(|(_, name, _)| *name).collect()
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
    fn tactics_name_techniques_there_are_and_every_shipped_detector_serves_one() {
        assert!(TACTICS.iter().flat_map(|(_, _, ids)| ids).all(|id| technique(id).is_some()));
        assert_eq!(tactics_of("T1562.008"), ["Defense Evasion"]);
        for detector in super::super::Library::load(&[]).unwrap().iter() {
            let astray = detector.attack.iter().find(|id| tactics_of(id).is_empty());
            assert_eq!(astray, None, "{}: tactics.tsv does not place it", detector.id);
        }
    }

    #[test]
    fn the_list_is_of_the_edition_it_names_and_whole() {
        let text = include_str!("attack.tsv");
        assert!(text.contains(EDITION));
        assert!(text.lines().all(|line| line.starts_with('#') || line.split('\t').count() == 2));
        assert_eq!(TECHNIQUES.len(), text.lines().filter(|line| line.starts_with('T')).count());
    }
}
