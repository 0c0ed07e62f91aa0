//! Which SQL file of the program reads which: views, rollups and histories read each other by name.
//!
//! A dependency is a name after FROM or JOIN; nothing has to be declared. Names that are no file's, such as `events` or a
//! subquery's, are passed over.

use std::collections::BTreeMap;

use super::sql_files::{Rollup, rollups, rollups_and_histories, views};
use crate::error::{Error, Result};

/// SQL files by name.
type Files = BTreeMap<&'static str, &'static str>;

/// What `sql` reads, directly or through what it reads, each after what it reads itself: name and SQL.
///
/// # Errors
/// When files read each other in a circle.
pub fn dependencies(sql: &str) -> Result<Vec<(&'static str, &'static str)>> {
    let rollups = rollups_and_histories().into_iter().map(|rollup| (rollup.name, rollup.sql));
    in_order(sql, &views().into_iter().chain(rollups).collect())
}

/// Every rollup, each after those it reads.
///
/// # Errors
/// When rollups read each other in a circle.
pub fn rollups_in_order() -> Result<Vec<Rollup>> {
    let all = rollups();
    let everything: String = all.iter().map(|rollup| format!("SELECT * FROM {}\n", rollup.name)).collect();
    let ordered = dependencies(&everything)?.into_iter();
    Ok(ordered.filter_map(|(name, _)| all.iter().find(|rollup| rollup.name == name).copied()).collect())
}

fn in_order(sql: &str, files: &Files) -> Result<Vec<(&'static str, &'static str)>> {
    let mut ordered = Vec::new();
    for name in read_by(sql, files) {
        visit(name, files, &mut Vec::new(), &mut ordered)?;
    }
    Ok(ordered)
}

/// Adds what `name` reads and then `name` itself; `readers` leads to it.
fn visit(
    name: &'static str,
    files: &Files,
    readers: &mut Vec<&'static str>,
    ordered: &mut Vec<(&'static str, &'static str)>,
) -> Result<()> {
    let Some(sql) = files.get(name) else { return Ok(()) };
    if ordered.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    if let Some(first) = readers.iter().position(|reader| *reader == name) {
        let circle = [&readers[first..], &[name]].concat().join(" reads ");
        return Err(Error::query(name, format!("{circle}: SQL files may not read each other in a circle")));
    }
    readers.push(name);
    for next in read_by(sql, files) {
        visit(next, files, readers, ordered)?;
    }
    readers.pop();
    ordered.push((name, sql));
    Ok(())
}

/// The files that `sql` reads itself, in the order of their names.
fn read_by(sql: &str, files: &Files) -> Vec<&'static str> {
    let code = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let words: Vec<_> = code.flat_map(str::split_whitespace).collect();
    let named = |name: &str| {
        let is_read = |pair: &[&str]| {
            let after = ["from", "join"].iter().any(|keyword| pair[0].eq_ignore_ascii_case(keyword));
            after && pair[1].trim_start_matches('(').trim_end_matches([')', ',', ';']) == name
        };
        words.windows(2).any(is_read)
    };
    files.keys().copied().filter(|name| named(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &str); 4] = [
        ("a", "SELECT * FROM b JOIN (SELECT * FROM c) ON TRUE -- FROM d"),
        ("b", "SELECT * FROM events\nWHERE x IN (SELECT y FROM c)"),
        ("c", "SELECT * FROM events"),
        ("d", "SELECT * FROM a"),
    ];

    #[test]
    fn each_file_comes_after_what_it_reads_and_once() {
        let files: Files = FILES.into();
        let names = |sql: &str| in_order(sql, &files).unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("SELECT * FROM d"), ["c", "b", "a", "d"]);
        assert_eq!(names("SELECT * FROM events"), [""; 0]);
        assert_eq!(names("WITH x AS (SELECT 1) SELECT 'from d' FROM x"), [""; 0]);
        assert_eq!(names("SELECT * FROM x JOIN (b AS y LEFT JOIN z ON TRUE) ON TRUE"), ["c", "b"]);
    }

    #[test]
    fn a_circle_is_named() {
        let mut files: Files = FILES.into();
        files.insert("c", "SELECT * FROM d");
        let error = in_order("SELECT * FROM b", &files).unwrap_err().to_string();
        assert!(error.contains("b reads c reads d reads a reads b: SQL files may not"), "{error}");
    }

    #[test]
    fn the_programs_own_files_read_each_other_in_no_circle() {
        for (name, sql) in views() {
            assert!(dependencies(sql).unwrap().iter().all(|(read, _)| *read != name), "{name}");
        }
        let of = |name: &str| rollups_and_histories().into_iter().find(|rollup| rollup.name == name).unwrap().sql;
        let names: Vec<_> = dependencies(of("daily_target")).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["unique_events", "identified_calls", "targeted_calls"]);
    }
}
