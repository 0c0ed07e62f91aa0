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

/// Tactics, and the techniques of each that can be seen in a cloud's control plane; a sub-technique has its technique's.
#[rustfmt::skip]
pub const TACTICS: &[(&str, &[&str])] = &[
    ("initial-access", &["T1078", "T1189", "T1190", "T1199", "T1566"]),
    ("execution", &["T1053", "T1059", "T1072", "T1204", "T1648", "T1651"]),
    ("persistence", &["T1053", "T1078", "T1098", "T1136", "T1505", "T1525", "T1543", "T1546", "T1556"]),
    ("privilege-escalation", &["T1053", "T1078", "T1098", "T1484", "T1543", "T1546", "T1548"]),
    ("defense-evasion", &["T1070", "T1078", "T1211", "T1484", "T1535", "T1548", "T1550", "T1556", "T1562", "T1578", "T1666"]),
    ("credential-access", &["T1003", "T1040", "T1110", "T1212", "T1528", "T1552", "T1555", "T1556", "T1606", "T1621"]),
    ("discovery", &["T1040", "T1046", "T1049", "T1069", "T1082", "T1087", "T1201", "T1518", "T1526", "T1538", "T1580", "T1613", "T1614", "T1619", "T1654"]),
    ("lateral-movement", &["T1021", "T1072", "T1080", "T1550"]),
    ("collection", &["T1005", "T1074", "T1114", "T1119", "T1213", "T1530", "T1560"]),
    ("command-and-control", &["T1071", "T1090", "T1102", "T1105", "T1219"]),
    ("exfiltration", &["T1020", "T1041", "T1048", "T1537", "T1567"]),
    ("impact", &["T1485", "T1486", "T1489", "T1490", "T1491", "T1496", "T1498", "T1499", "T1529", "T1531", "T1565", "T1657"]),
];

/// Tactics a technique or sub-technique serves.
pub fn tactics(id: &str) -> Vec<&'static str> {
    let parent = id.split('.').next().unwrap_or(id);
    TACTICS.iter().filter(|(_, techniques)| techniques.contains(&parent)).map(|(tactic, _)| *tactic).collect()
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
    fn every_technique_of_a_tactic_exists_and_every_shipped_detector_serves_one() {
        assert!(TACTICS.iter().flat_map(|(_, techniques)| *techniques).all(|id| technique(id).is_some()));
        let library = crate::detect::Library::load(&[]).unwrap();
        let ids = library.iter().flat_map(|detector| &detector.attack);
        let without: Vec<_> = ids.filter(|id| tactics(id).is_empty()).collect();
        assert!(without.is_empty(), "{without:?}");
        assert_eq!(tactics("T1098.001"), ["persistence", "privilege-escalation"]);
    }

    #[test]
    fn the_list_is_of_the_edition_it_names_and_whole() {
        let text = include_str!("attack.tsv");
        assert!(text.contains(EDITION));
        assert!(text.lines().all(|line| line.starts_with('#') || line.split('\t').count() == 2));
        assert_eq!(TECHNIQUES.len(), text.lines().filter(|line| line.starts_with('T')).count());
    }
}
