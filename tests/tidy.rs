//! Checks conventions that the compiler does not: which module imports which, where crates are used, how files begin.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What each folder of `src` may import from the crate, in the order of the flow.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error", &["geo"]),
    ("schema", &[]),
    ("geo", &[]),
    ("sha256", &[]),
    ("wording", &[]),
    ("terminal", &["error", "wording"]),
    ("source", &["error"]),
    ("integrity", &["error", "source", "terminal"]),
    ("decode", &["error", "schema", "sha256", "source"]),
    ("lake", &["error", "schema", "sha256", "source", "decode"]),
    ("engine", &["error", "schema", "geo", "source", "lake"]),
    ("sigma", &["error", "schema", "sha256", "wording", "engine"]),
    ("detect", &["error", "wording", "sha256", "engine", "sigma"]),
    ("indicators", &["error", "wording", "sha256", "engine", "detect"]),
    ("timeline", &["error", "terminal", "wording", "engine", "detect"]),
    ("response", &["error", "terminal", "wording", "engine", "detect"]),
    (
        "report",
        &[
            "error",
            "geo",
            "schema",
            "sha256",
            "terminal",
            "wording",
            "lake",
            "engine",
            "detect",
            "indicators",
            "timeline",
            "response",
        ],
    ),
    ("ask", &["error", "schema", "terminal", "wording", "lake", "engine", "detect"]),
    ("sample", &[]),
    (
        "request",
        &["error", "geo", "source", "integrity", "decode", "engine", "sigma", "detect", "indicators", "report", "ask"],
    ),
    ("ingest", &["error", "terminal", "wording", "source", "decode", "lake", "request"]),
    ("open", &["error", "geo", "terminal", "source", "lake", "engine", "sigma", "detect", "request"]),
    (
        "runs",
        &[
            "error", "geo", "sha256", "terminal", "wording", "lake", "engine", "detect", "report", "ask", "request",
            "open",
        ],
    ),
    (
        "hunt",
        &[
            "error",
            "geo",
            "terminal",
            "lake",
            "engine",
            "sigma",
            "detect",
            "indicators",
            "report",
            "request",
            "ingest",
            "open",
            "runs",
        ],
    ),
    (
        "workbench",
        &[
            "error", "sha256", "geo", "terminal", "wording", "source", "lake", "engine", "sigma", "detect", "ask",
            "request", "ingest", "hunt",
        ],
    ),
    (
        "mcp",
        &[
            "error",
            "sha256",
            "terminal",
            "wording",
            "lake",
            "engine",
            "detect",
            "report",
            "timeline",
            "ask",
            "request",
            "open",
            "runs",
            "hunt",
            "workbench",
        ],
    ),
    ("cli", &["geo", "detect", "report", "request"]),
    ("settings", &["error", "wording", "engine", "detect", "cli"]),
    ("supervisor", &["error"]),
    ("resolve", EVERYTHING),
    ("commands", EVERYTHING),
];

/// All folders but the two that may import them.
const EVERYTHING: &[&str] = &[
    "error",
    "schema",
    "geo",
    "sha256",
    "terminal",
    "wording",
    "open",
    "source",
    "integrity",
    "decode",
    "lake",
    "engine",
    "sigma",
    "detect",
    "indicators",
    "timeline",
    "response",
    "report",
    "ask",
    "sample",
    "request",
    "ingest",
    "runs",
    "hunt",
    "workbench",
    "mcp",
    "cli",
    "settings",
    "supervisor",
    "resolve",
];

/// Crates that only some folders or files of `src` use.
const CRATE_BELONGS_TO: &[(&str, &[&str])] = &[
    ("datafusion", &["engine"]),
    ("datafusion_distributed", &["engine"]),
    ("tonic", &["engine"]),
    ("delta_kernel", &["lake"]),
    ("clap", &["cli", "settings", "resolve", "main", "commands/completions"]),
    ("flate2", &["decode", "geo", "integrity", "report", "sample"]),
    ("rawzip", &["decode", "lake"]),
    ("ring", &["integrity"]),
    ("tar", &["decode", "report"]),
    ("aho_corasick", &["indicators"]),
    ("maxminddb", &["geo"]),
    ("rand", &["sample"]),
    ("rmcp", &["mcp"]),
    ("axum", &["mcp"]),
    ("anstream", &["terminal"]),
    ("anstyle", &["terminal"]),
    ("rustyline", &["ask"]),
    ("tikv_jemallocator", &["main"]),
];

/// Macros that panic when the reader closes the pipe; output goes through `terminal`.
const PRINTING: &[&str] = &["println!", "print!", "eprintln!", "eprint!", "dbg!"];

const SQL_LINE_CHARS_MAX: usize = 120;

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
    found.sort();
    found
}

/// A path as compilers print it, relative to the crate.
fn below_root(path: &Path) -> PathBuf {
    path.strip_prefix(ROOT).unwrap_or(path).to_owned()
}

/// A source file without comments and without its inline tests.
struct Source {
    path: PathBuf,
    /// The module's path below the crate, such as `["lake", "append"]`; empty for `lib.rs` and `main.rs`.
    module: Vec<String>,
    code: String,
}

/// All files of `src` but those that hold only tests.
fn sources() -> Vec<Source> {
    let src = Path::new(ROOT).join("src");
    let paths = files_below(&src, &["rs"]).into_iter().filter(|path| path.file_stem().is_none_or(|s| s != "tests"));
    let source = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a source file is text");
        let below_src = path.strip_prefix(&src).expect("a file of src").with_extension("");
        let names = below_src.iter().map(|name| name.to_string_lossy().into_owned());
        let module = names.filter(|name| !["lib", "main", "mod"].contains(&name.as_str())).collect();
        Source { path: below_root(&path), module, code: code(&text) }
    };
    paths.map(source).collect()
}

/// Removes comments, and the inline test module at the end of a file. Lines keep their numbers.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = lines.collect::<Vec<_>>().join("\n");
    let tests = code.match_indices("#[cfg(test)]").map(|(at, _)| at).find(|at| {
        let item = &code[at + 1..];
        item.find('{') < item.find(';')
    });
    tests.map_or(code.clone(), |at| code[..at].to_owned())
}

impl Source {
    /// The usual name: `main`, `lake` or `commands/config`.
    fn belongs_to(&self, place: &str) -> bool {
        let name = self.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let module = if self.module.is_empty() { name } else { self.module.join("/") };
        module == place || module.starts_with(&format!("{place}/"))
    }

    /// Line of an offset in the code, beginning with 1.
    fn at(&self, offset: usize) -> String {
        format!("{}:{}", self.path.display(), self.code[..offset].matches('\n').count() + 1)
    }

    /// All paths that begin with `crate::` or `super::`, groups taken apart, as paths below the crate.
    fn imports(&self) -> Vec<(usize, Vec<String>)> {
        let mut found = Vec::new();
        for root in ["crate::", "super::"] {
            for (at, _) in self.code.match_indices(root) {
                // `super::super::x` is met at its beginning.
                if is_inside_a_path(&self.code[..at]) {
                    continue;
                }
                let mut rest = &self.code[at..];
                let mut from = self.module.clone();
                if root == "crate::" {
                    rest = &rest[root.len()..];
                    from.clear();
                }
                while let Some(outer) = rest.strip_prefix("super::") {
                    rest = outer;
                    from.pop();
                }
                for path in paths_of(rest) {
                    found.push((at, from.iter().cloned().chain(path).collect()));
                }
            }
        }
        found
    }
}

fn is_inside_a_path(before: &str) -> bool {
    before.ends_with("::") || before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// The paths that a text begins with: one for `a::b`, one per member for `a::{b, c::D}`.
fn paths_of(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        return members(group).into_iter().flat_map(paths_of).collect();
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let name = text[..end].to_owned();
    let below = match text[end..].strip_prefix("::") {
        Some(rest) => paths_of(rest),
        None => vec![Vec::new()],
    };
    below.into_iter().map(|path| std::iter::once(name.clone()).chain(path).collect()).collect()
}

/// The members of a group, from after its opening to its closing bracket.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut members) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                members.push(&group[begin..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(&group[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    members.retain(|member| !member.trim().is_empty());
    members
}

/// For each module, the modules it imports from and one place where it does. A name that a module re-exports from one
/// of its children counts as an import of the child.
fn import_graph(sources: &[Source]) -> BTreeMap<Vec<String>, BTreeMap<Vec<String>, String>> {
    let modules: BTreeSet<&[String]> = sources.iter().map(|source| source.module.as_slice()).collect();
    let mut exported: BTreeMap<(&[String], String), Vec<String>> = BTreeMap::new();
    for source in sources {
        for (at, _) in source.code.match_indices("pub use ").chain(source.code.match_indices("pub(crate) use ")) {
            let from = source.code[at..].find("use ").map_or(at, |to| at + to + "use ".len());
            for path in paths_of(&source.code[from..]) {
                let child: Vec<String> = source.module.iter().chain(path.first()).cloned().collect();
                if let (Some(name), true) = (path.last(), modules.contains(child.as_slice())) {
                    exported.insert((source.module.as_slice(), name.clone()), child);
                }
            }
        }
    }
    let mut graph: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for source in sources {
        for (at, path) in source.imports() {
            let known = (0..=path.len()).rev().find(|len| modules.contains(&path[..*len])).unwrap_or(0);
            let mut target = path[..known].to_vec();
            while let Some(child) = path.get(target.len()).and_then(|name| exported.get(&(&target[..], name.clone()))) {
                target = child.clone();
            }
            if target != source.module && !target.is_empty() {
                graph.entry(source.module.clone()).or_default().entry(target).or_insert_with(|| source.at(at));
            }
        }
    }
    graph
}

/// Groups of children of `parent` that import each other in a circle, with the places of these imports.
fn cycles(graph: &BTreeMap<Vec<String>, BTreeMap<Vec<String>, String>>, parent: &[String]) -> Vec<String> {
    let child = |module: &[String]| match module.strip_prefix(parent) {
        Some([child, ..]) => Some(child.clone()),
        _ => None,
    };
    let mut edges: BTreeMap<String, BTreeMap<String, &String>> = BTreeMap::new();
    for (from, targets) in graph {
        for (to, place) in targets {
            if let (Some(from), Some(to)) = (child(from), child(to))
                && from != to
            {
                edges.entry(from).or_default().entry(to).or_insert(place);
            }
        }
    }
    let reaches = |start: &String, end: &String| {
        let (mut reached, mut waiting) = (BTreeSet::new(), vec![start]);
        while let Some(next) = waiting.pop() {
            waiting.extend(edges.get(next).into_iter().flat_map(BTreeMap::keys).filter(|to| reached.insert(*to)));
        }
        reached.contains(end)
    };
    let mut wrong = Vec::new();
    for (from, targets) in &edges {
        for (to, place) in targets {
            if reaches(to, from) {
                wrong.push(format!("{place}: {from} imports {to}, which imports {from} (directly or through others)"));
            }
        }
    }
    wrong
}

#[test]
fn folders_import_only_what_they_may() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(folder) = source.module.first() else { continue };
        let allowed = MAY_IMPORT.iter().find(|(name, _)| name == folder).map_or(&[][..], |(_, allowed)| allowed);
        for (at, path) in source.imports() {
            let is_folder = |name: &&String| MAY_IMPORT.iter().any(|(folder, _)| folder == name);
            let imported = path.first().filter(is_folder);
            if let Some(name) = imported.filter(|name| *name != folder && !allowed.contains(&name.as_str())) {
                wrong.push(format!("{}: {folder} may not import crate::{name}", source.at(at)));
            }
        }
    }
    wrong.dedup(); // members of one group are one import
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn folders_do_not_import_each_other_in_a_circle() {
    let wrong = cycles(&import_graph(&sources()), &[]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `sample` describes one organisation whose parts refer to each other.
#[test]
fn modules_of_a_folder_do_not_import_each_other_in_a_circle() {
    let sources = sources();
    let graph = import_graph(&sources);
    let parents: BTreeSet<&[String]> =
        sources.iter().filter_map(|source| source.module.split_last()).map(|(_, parent)| parent).collect();
    let outside_sample = parents.into_iter().filter(|parent| parent.first().is_some_and(|folder| folder != "sample"));
    let wrong: Vec<String> = outside_sample.flat_map(|parent| cycles(&graph, parent)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_has_a_place_in_the_flow_and_every_place_a_folder() {
    let mut folders = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(ROOT).join("src")).expect("src exists") {
        let name = entry.expect("an entry").file_name().to_string_lossy().trim_end_matches(".rs").to_owned();
        folders.extend(Some(name).filter(|name| !["lib", "main"].contains(&name.as_str())));
    }
    let places: BTreeSet<String> = MAY_IMPORT.iter().map(|(folder, _)| (*folder).to_owned()).collect();
    let without_place: Vec<_> = folders.difference(&places).collect();
    assert!(
        without_place.is_empty(),
        "write in tests/tidy.rs and ARCHITECTURE.md what these folders of src may import: {without_place:?}"
    );
    let without_folder: Vec<_> = places.difference(&folders).collect();
    assert!(without_folder.is_empty(), "MAY_IMPORT names folders that src does not have: {without_folder:?}");
}

#[test]
fn crates_are_used_where_they_belong() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, places) in CRATE_BELONGS_TO {
            if places.iter().any(|place| source.belongs_to(place)) {
                continue;
            }
            for (at, _) in source.code.match_indices(&format!("{name}::")) {
                // As a word: `ring::` and not `String::`.
                if !is_inside_a_path(&source.code[..at]) {
                    wrong.push(format!("{}: {name} belongs to {}", source.at(at), places.join(", ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_main_and_terminal_print() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.belongs_to("main") && !source.belongs_to("terminal")) {
        for name in PRINTING {
            for (at, _) in source.code.match_indices(name) {
                if !is_inside_a_path(&source.code[..at]) {
                    wrong.push(format!("{}: {name} panics when the pipe is closed; use terminal::Out", source.at(at)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_source_file_states_its_purpose() {
    for path in files_below(&Path::new(ROOT).join("src"), &["rs"]) {
        let text = std::fs::read_to_string(&path).expect("a source file is text");
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        assert!(is_test || text.starts_with("//! "), "{} does not begin with //!", path.display());
    }
}

#[test]
fn lines_of_sql_are_short() {
    let mut wrong = Vec::new();
    for folder in ["sql", "queries"] {
        for path in files_below(&Path::new(ROOT).join(folder), &["sql"]) {
            let text = std::fs::read_to_string(&path).expect("SQL is text");
            for (at, line) in text.lines().enumerate() {
                let chars = line.chars().count();
                if chars > SQL_LINE_CHARS_MAX {
                    wrong.push(format!("{}:{}: {chars} characters", below_root(&path).display(), at + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "lines longer than {SQL_LINE_CHARS_MAX} characters\n{}", wrong.join("\n"));
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    let endings = ["rs", "sql", "md", "toml", "py", "jsonl", "run"];
    let folders = ["src", "sql", "queries", "docs", "tests", "benches", "geo", "packaging", ".ci"];
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

#[test]
fn paths_are_taken_apart_as_the_compiler_does() {
    let of = |text| paths_of(text).into_iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(of("lake::Lake;"), ["lake::Lake"]);
    assert_eq!(of("{a::B, c::{self, D},\n e};"), ["a::B", "c::self", "c::D", "e"]);
    let source = |module: &[&str], code: &str| Source {
        path: PathBuf::new(),
        module: module.iter().map(|name| (*name).to_owned()).collect(),
        code: code.to_owned(),
    };
    let sources = [
        source(&["a"], "pub mod x; mod y; pub use x::X;"),
        source(&["a", "x"], "use super::y::Y;"),
        source(&["a", "y"], "use super::X;"),
        source(&["b"], "use crate::a::y;"),
    ];
    let graph = import_graph(&sources);
    assert_eq!(cycles(&graph, &["a".to_owned()]).len(), 2, "y imports x through the re-export of its parent");
    assert!(cycles(&graph, &[]).is_empty());
}
