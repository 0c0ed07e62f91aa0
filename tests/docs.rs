//! The documentation matches the program: `docs/reference.md` is generated from detectors, questions, columns and
//! functions, and the program accepts every command in the documentation.
//!
//! ```sh
//! UPDATE=1 cargo test --test tests docs::   # regenerates docs/reference.md
//! ```

use std::fmt::Write;

use clap::error::ErrorKind::MissingRequiredArgument;
use trailhunt::ask::{self, Questions};
use trailhunt::cli;
use trailhunt::detect::{self, Detector, Library, attack};
use trailhunt::engine::udf::{aggregate_functions, scalar_functions, window_functions};
use trailhunt::engine::{Parameters, table_functions};
use trailhunt::geo::Geo;
use trailhunt::workbench::fixture;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn detectors(out: &mut String) {
    out.push_str(
        "\n## Detectors\n\n| detector | severity | kind | finds | ATT&CK | parameters |\n|---|---|---|---|---|---|\n",
    );
    for detector in Library::load(&[]).expect("they are well formed").iter() {
        let techniques = detector.attack.iter().map(|id| format!("{id} {}", attack::technique(id).unwrap_or_default()));
        let params = detector.params.iter().map(|(name, of)| format!("`{name}` = {}: {}", of.default, of.help));
        let (techniques, params) = (techniques.collect::<Vec<_>>(), params.collect::<Vec<_>>());
        let row = [
            format!("`{}`", detector.id),
            detector.severity.to_string(),
            detector.kind.to_string(),
            cell(&format!("{}. {}", detector.title, detector.why)),
            techniques.join("; "),
            cell(&params.join("; ")),
        ];
        writeln!(out, "| {} |", row.join(" | ")).expect("a text takes it");
    }
}

fn questions(out: &mut String) {
    out.push_str("\n## Saved questions\n\n| question | answers | parameters |\n|---|---|---|\n");
    for question in Questions::load().expect("they are well formed").iter() {
        let about = question.about.as_ref().map(|about| format!(". {about}")).unwrap_or_default();
        let params = question.params.iter().map(|(name, parameter)| match &parameter.default {
            Some(default) => format!("`{name}` = {default}: {}", parameter.help),
            None => format!("`{name}`: {}", parameter.help),
        });
        let (title, wants) = (cell(&format!("{}{about}", question.title)), params.collect::<Vec<_>>().join("; "));
        writeln!(out, "| `{}` | {title} | {} |", question.name, cell(&wants)).expect("a text takes it");
    }
}

async fn columns(out: &mut String) {
    let (session, _) = fixture::session(&[]).await.expect("an empty lake");
    let mut of_events = Vec::new();
    let mut tables = session.tables();
    tables.sort_by_key(|table| (table != "events", table.clone()));
    for table in tables {
        let query =
            session.query(&table, &format!("SELECT * FROM {table}"), &Parameters::new()).await.expect("a table");
        let mut columns = ask::describe(&table, &query.schema());
        let whole = of_events.iter().filter(|name| columns.iter().any(|column| column.name == **name)).count();
        let extends = !of_events.is_empty() && whole == of_events.len();
        if extends {
            columns.retain(|column| !of_events.contains(&column.name));
        }
        writeln!(out, "\n### `{table}`\n").expect("a text takes it");
        if extends {
            out.push_str("The columns of `events`, and:\n\n");
        }
        out.push_str("| column | type | |\n|---|---|---|\n");
        for column in &columns {
            let row = format!("| `{}` | {} | {} |", column.name, cell(&column.data_type), cell(column.doc));
            writeln!(out, "{row}").expect("a text takes it");
        }
        if table == "events" {
            of_events = columns.into_iter().map(|column| column.name).collect();
        }
    }
}

fn functions(out: &mut String) {
    let geo = Geo::embedded().expect("the table");
    out.push_str("\n## Functions\n\nIn addition to the functions of DataFusion and its JSON functions (`json_get_str(column, 'member', ...)` and others).\n");
    out.push_str("\n| function | |\n|---|---|\n");
    let mut rows = Vec::new();
    for function in scalar_functions(&geo) {
        let names: Vec<_> = function.arguments.iter().map(|argument| argument.name()).collect();
        let example =
            function.examples.first().map(|(sql, value)| format!(" `{sql}` is `{value}`.")).unwrap_or_default();
        rows.push(format!(
            "| `{}({})` | {}.{} |",
            function.name,
            names.join(", "),
            cell(function.doc.trim_end_matches('.')),
            cell(&example)
        ));
    }
    for function in window_functions(&geo) {
        let names: Vec<_> = function.arguments.iter().map(|argument| argument.name()).collect();
        rows.push(format!(
            "| `{}({}) OVER (...)` | {}. |",
            function.name,
            names.join(", "),
            cell(function.doc.trim_end_matches('.'))
        ));
    }
    let call = |name: &str, parameters: &[&str]| format!("`FROM {name}({})`", parameters.join(", "));
    rows.extend(table_functions().iter().map(|f| format!("| {} | {} |", call(f.name, &f.parameters), cell(&f.doc))));
    rows.extend(aggregate_functions().iter().map(|f| format!("| `{}` (aggregate) | {}. |", f.call, cell(f.doc))));
    rows.sort_unstable();
    out.push_str(&(rows.join("\n") + "\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_is_current() {
    let mut text = "# Reference\n\nGenerated from the detectors, questions, columns and functions: \
                    `UPDATE=1 cargo test --test tests docs::`.\n"
        .to_owned();
    detectors(&mut text);
    questions(&mut text);
    text.push_str("\n## Tables and views\n");
    columns(&mut text).await;
    functions(&mut text);
    let path = format!("{ROOT}/docs/reference.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).expect("it can be written");
        return;
    }
    let known = std::fs::read_to_string(&path).expect("docs/reference.md is there");
    assert!(known == text, "docs/reference.md is outdated; regenerate it with UPDATE=1 cargo test --test tests docs::");
}

/// Words of a command line, without comment; quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if word.is_empty() => break,
            (None, c) if c.is_whitespace() => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            (_, c) => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[test]
fn every_command_in_the_documentation_is_understood() {
    let mut files: Vec<_> = ["README.md", "CONTRIBUTING.md"].map(|name| format!("{ROOT}/{name}")).into();
    let pages = std::fs::read_dir(format!("{ROOT}/docs")).expect("the folder is there");
    let pages = pages.map(|page| page.expect("an entry").path());
    files.extend(
        pages.filter(|page| page.extension().is_some_and(|e| e == "md")).map(|page| page.display().to_string()),
    );
    let (mut understood, mut wrong) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("it is text");
        for line in text.lines().map(str::trim_start).filter(|line| line.starts_with("trailhunt ")) {
            // A synopsis is not a command.
            if line.contains("...") || line.contains(" | ") || line.contains('[') {
                continue;
            }
            understood += 1;
            // What is missing may stand in the file of settings.
            let may_lack = |e: &clap::Error| line.contains("--config") && e.kind() == MissingRequiredArgument;
            if let Err(e) = cli::command().try_get_matches_from(words(line))
                && !may_lack(&e)
            {
                wrong.push(format!("{file}: {line}\n{e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(understood > 20, "only {understood} commands were read");
}

/// The commands without subcommands, by their full names.
fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
    let subcommands: Vec<_> = command.get_subcommands().filter(|command| command.get_name() != "help").collect();
    if subcommands.is_empty() {
        found.push((path.to_owned(), command.get_after_help().map(ToString::to_string).unwrap_or_default()));
    }
    for subcommand in subcommands {
        leaves(subcommand, &format!("{path}{} ", subcommand.get_name()), found);
    }
}

#[test]
fn every_command_has_examples_of_itself_that_are_understood() {
    let mut found = Vec::new();
    leaves(&cli::command(), "", &mut found);
    assert!(found.len() > 25, "{}", found.len());
    let mut wrong = Vec::new();
    for (command, help) in &found {
        let examples: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  trailhunt ")).collect();
        if examples.is_empty() {
            wrong.push(format!("{command}has no example"));
        }
        for example in examples {
            if !format!("{example} ").starts_with(command.as_str()) {
                wrong.push(format!("{command}has an example of another command: {example}"));
            }
            if example.len() + "  trailhunt ".len() > 100 {
                wrong.push(format!("{example} is too long for one line of the help"));
            }
            // What follows is for the shell.
            let typed = example.split(['|', '>']).next().unwrap_or_default();
            if let Err(e) = cli::command().try_get_matches_from([vec!["trailhunt".to_owned()], words(typed)].concat()) {
                wrong.push(format!("{example}\n{e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first block of SQL in `docs/patterns.md` is the frame of a detector; the others are put into it.
#[tokio::test(flavor = "multi_thread")]
async fn every_pattern_in_the_documentation_is_a_valid_detector() {
    let text = std::fs::read_to_string(format!("{ROOT}/docs/patterns.md")).expect("the page exists");
    let blocks: Vec<&str> = text.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let (frame, examples) = blocks.split_first().expect("the page has SQL");
    let (session, _) = fixture::session(&[]).await.expect("an empty lake");
    for example in examples {
        let detector = Detector::read("example", &frame.replace("EXAMPLE", example)).expect("the header is valid");
        let problems = detect::check(&detector, &session).await;
        assert!(problems.is_empty(), "{problems:?}\n{example}");
    }
    assert_eq!(examples.len(), 5);
}
