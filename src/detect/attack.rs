//! ATT&CK's techniques and tactics: their ids and names, and which tactics a technique belongs to.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The edition of the list.
pub const EDITION: &str = "ATT&CK Enterprise 18.1";

/// One technique per line: id, tab, name. Revoked and deprecated techniques are not included.
static TECHNIQUES: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("attack.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).collect()
});

/// Name of the technique with this id; the name of a sub-technique begins with the name of its technique.
pub fn technique(id: &str) -> Option<&'static str> {
    TECHNIQUES.get(id).copied()
}

/// Tactics in the order of the matrix: id, name, and ids of techniques. A sub-technique has the tactics of its technique.
static TACTICS: LazyLock<Vec<(&str, &str, Vec<&str>)>> = LazyLock::new(|| {
    let lines = include_str!("tactics.tsv").lines().filter(|line| !line.starts_with('#'));
    let tactic = |line: &'static str| {
        let mut columns = line.split('\t');
        Some((columns.next()?, columns.next()?, columns.next()?.split(' ').collect()))
    };
    lines.filter_map(tactic).collect()
});

/// Names of all tactics, in the order of the matrix.
pub fn tactics() -> impl Iterator<Item = &'static str> {
    TACTICS.iter().map(|(_, name, _)| *name)
}

/// Id of the tactic with this name.
pub fn tactic_id(name: &str) -> Option<&'static str> {
    TACTICS.iter().find(|(_, known, _)| *known == name).map(|(id, _, _)| *id)
}

/// Names of a technique's tactics; empty for a technique that does not apply to a cloud.
pub fn tactics_of(id: &str) -> Vec<&'static str> {
    let technique = id.split('.').next().unwrap_or(id);
    TACTICS.iter().filter(|(_, _, ids)| ids.contains(&technique)).map(|(_, name, _)| *name).collect()
}

/// Checks that techniques exist.
///
/// # Errors
/// The first unknown id, and what to write instead.
pub fn check(ids: &[String]) -> Result<(), String> {
    let Some(unknown) = ids.iter().find(|id| technique(id).is_none()) else { return Ok(()) };
    let parent = unknown.split_once('.').and_then(|(parent, _)| Some((parent, technique(parent)?)));
    let next = match parent {
        Some((parent, name)) => format!("did you mean {parent}, {name}?"),
        None => "expected an id such as \"T1078\" or \"T1078.004\"".into(),
    };
    Err(format!("attack = {unknown:?} is not a technique of {EDITION}; {next}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ids_have_a_name_and_unknown_ids_a_next_step() {
        assert_eq!(technique("T1078.004"), Some("Valid Accounts: Cloud Accounts"));
        assert_eq!(technique("T1666"), Some("Modify Cloud Resource Hierarchy"));
        let refused = |id: &str| check(&["T1078".to_owned(), id.to_owned()]).unwrap_err();
        assert!(refused("T1078.999").ends_with("; did you mean T1078, Valid Accounts?"), "{}", refused("T1078.999"));
        assert!(refused("T0001").ends_with("; expected an id such as \"T1078\" or \"T1078.004\""));
    }

    #[test]
    fn tactics_name_existing_techniques() {
        assert!(TACTICS.iter().flat_map(|(_, _, ids)| ids).all(|id| technique(id).is_some()));
        assert_eq!(tactics_of("T1562.008"), ["Defense Evasion"]);
    }

    #[test]
    fn the_list_is_complete_and_names_its_edition() {
        let text = include_str!("attack.tsv");
        assert!(text.contains(EDITION));
        assert!(text.lines().all(|line| line.starts_with('#') || line.split('\t').count() == 2));
        assert_eq!(TECHNIQUES.len(), text.lines().filter(|line| line.starts_with('T')).count());
    }
}
