//! Keeps the habits that no compiler keeps: arrows go one way, DataFusion stays in its folder, nothing names a machine.

use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What each folder of `src` may import from the crate, beside itself. The order is the flow's.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error", &["geo"]),
    ("schema", &[]),
    ("geo", &[]),
    ("sha256", &[]),
    ("terminal", &[]),
    ("wording", &[]),
    ("source", &["error"]),
    ("integrity", &["error", "source"]),
    ("decode", &["error", "schema", "sha256", "source"]),
    ("lake", &["error", "schema", "sha256", "source", "decode"]),
    ("engine", &["error", "schema", "geo", "source", "lake"]),
    ("detect", &["error", "sha256", "engine"]),
    ("report", &["error", "geo", "sha256", "terminal", "wording", "lake", "engine", "detect"]),
    ("ask", &["error", "schema", "terminal", "wording", "lake", "engine", "detect"]),
    ("sample", &[]),
    ("cli", &["geo", "source", "detect", "report"]),
    ("settings", &["error", "detect", "cli", "engine"]),
    (
        "commands",
        &[
            "error",
            "schema",
            "geo",
            "sha256",
            "terminal",
            "wording",
            "source",
            "integrity",
            "decode",
            "lake",
            "engine",
            "detect",
            "report",
            "ask",
            "sample",
            "cli",
            "settings",
        ],
    ),
];

/// Crates that are named in some folders only.
const CRATE_BELONGS_TO: &[(&str, &[&str])] = &[
    ("datafusion", &["engine"]),
    ("delta_kernel", &["lake"]),
    ("clap", &["cli", "settings", "commands", "main", "detect"]),
    ("flate2", &["decode", "geo", "integrity", "report", "sample"]),
    ("rawzip", &["decode"]),
    ("ring", &["integrity"]),
    ("tar", &["decode", "report"]),
    ("maxminddb", &["geo"]),
    ("rand", &["sample"]),
    ("rustyline", &["commands"]),
    ("tikv_jemallocator", &["main"]),
];

fn files_below(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            found.extend(files_below(&path, endings));
        } else if endings.iter().any(|ending| path.extension().is_some_and(|e| e == *ending)) {
            found.push(path);
        }
    }
    found
}

/// The folder of `src` a file is in, or its own stem when it stands at the top.
fn folder_of(path: &Path) -> String {
    let relative = path.strip_prefix(Path::new(ROOT).join("src")).expect("a file of src");
    let first = relative.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Code without comments, as lines with their numbers.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).expect("a source file is text");
    let line = |(at, line): (usize, &str)| (at + 1, line.split("//").next().unwrap_or_default().to_owned());
    text.lines().enumerate().map(line).collect()
}

/// Names that stand behind `crate::` on a line.
fn crate_imports(line: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        names.push(&rest[..end]);
    }
    names
}

#[test]
fn arrows_go_one_way() {
    let mut wrong = Vec::new();
    for path in files_below(&Path::new(ROOT).join("src"), &["rs"]) {
        let folder = folder_of(&path);
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == folder) else { continue };
        for (at, line) in code(&path) {
            for name in crate_imports(&line).into_iter().filter(|name| *name != folder && !allowed.contains(name)) {
                wrong.push(format!("{}:{at}: {folder} may not import crate::{name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_has_its_place_in_the_flow() {
    for entry in std::fs::read_dir(Path::new(ROOT).join("src")).expect("src is there") {
        let name = entry.expect("an entry").file_name().to_string_lossy().trim_end_matches(".rs").to_owned();
        let known = MAY_IMPORT.iter().any(|(folder, _)| *folder == name) || ["lib", "main"].contains(&name.as_str());
        assert!(
            known,
            "src/{name} has no place in the flow: say in tests/tidy.rs and ARCHITECTURE.md what it may import"
        );
    }
}

/// True when `name::` stands on the line as a word of its own: `ring::` and not `String::`.
fn names_crate(line: &str, name: &str) -> bool {
    let before = |at: usize| line[..at].chars().next_back();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(&format!("{name}::")).any(|(at, _)| !before(at).is_some_and(word))
}

#[test]
fn crates_are_named_where_they_belong() {
    let mut wrong = Vec::new();
    for path in files_below(&Path::new(ROOT).join("src"), &["rs"]) {
        let folder = folder_of(&path);
        for (at, line) in code(&path) {
            for (name, folders) in CRATE_BELONGS_TO.iter().filter(|(_, folders)| !folders.contains(&folder.as_str())) {
                if names_crate(&line, name) {
                    wrong.push(format!("{}:{at}: {name} belongs to {}", path.display(), folders.join(", ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for path in files_below(&Path::new(ROOT).join("src"), &["rs"]) {
        let text = std::fs::read_to_string(&path).expect("a source file is text");
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        assert!(is_test || text.starts_with("//! "), "{} does not begin with //!", path.display());
    }
}

#[test]
fn nothing_names_a_machine() {
    let endings = ["rs", "sql", "md", "toml", "py", "jsonl", "run"];
    let folders = ["src", "sql", "queries", "docs", "tests", "benches", "geo", ".ci"];
    let mut files: Vec<PathBuf> =
        folders.iter().flat_map(|f| files_below(&Path::new(ROOT).join(f), &endings)).collect();
    files.extend(
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "Cargo.toml"].map(|name| Path::new(ROOT).join(name)),
    );
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for word in [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/home", "/")] {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}
