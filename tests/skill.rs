//! `skill/`, the skill for agents: its commands run, and what it names exists: members of the report, tools, prompts,
//! questions, tables, pages.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;
use trailhunt::ask::Questions;
use trailhunt::cli;
use trailhunt::workbench::fixture;

use crate::common::{arg, page, query, read_json, succeeds};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The format of skills allows so many characters.
const NAME_CHARS_MAX: usize = 64;
const DESCRIPTION_CHARS_MAX: usize = 1024;
/// An agent reads all of SKILL.md; details are in the references.
const SKILL_LINES_MAX: usize = 150;

/// The text of a file of the repository.
fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).expect(path)
}

/// The pages of the skill in the order in which they are followed: SKILL.md, then the references by name.
fn pages() -> Vec<(String, String)> {
    let folder = std::fs::read_dir(Path::new(ROOT).join("skill/references")).unwrap();
    let mut names: Vec<String> =
        folder.map(|file| format!("references/{}", file.unwrap().file_name().to_str().unwrap())).collect();
    names.sort();
    names.insert(0, "SKILL.md".to_owned());
    names.into_iter().map(|name| (name.clone(), text(&format!("skill/{name}")))).collect()
}

/// The blocks of code of a page in this language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("{language}\n");
    page.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix(begin.as_str())).collect()
}

/// What stands in backticks.
fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// What a column of the tables of a page names in backticks. Columns count from 0.
fn named(page: &str, column: usize) -> Vec<&str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix('|'));
    rows.filter_map(|row| row.split('|').nth(column)).flat_map(in_backticks).collect()
}

/// The part of a page below a headline, up to the next headline of the same level.
fn section<'a>(page: &'a str, headline: &str) -> &'a str {
    let (_, below) = page.split_once(&format!("\n## {headline}\n")).expect(headline);
    below.split("\n## ").next().unwrap()
}

/// A sample and, as the commands are run, its lake and its report.
struct Case(TempDir);

impl Case {
    fn new() -> Case {
        let case = Case(TempDir::new().unwrap());
        let size = ["--days", "9", "--accounts", "2", "--people", "10", "--events-per-day", "150", "--attacks", "3"];
        succeeds(&[&["sample", "--out", arg(&case.0.path().join("archive"))], &size[..]].concat());
        case
    }

    /// What a placeholder of the commands stands for.
    fn value(&self, placeholder: &str) -> String {
        match placeholder {
            "SOURCE" => "archive".to_owned(),
            "LAKE" => "lake".to_owned(),
            "DAY" => "2024-03-11".to_owned(),
            "END_DAY" => "2024-03-13".to_owned(),
            // The user whose key an attack of this sample uses.
            "IDENTITY" => {
                let sql = "SELECT actor FROM calls WHERE user_identity_user_name = 'svc-ops' LIMIT 1";
                query(&self.0.path().join("lake"), sql)[0]["actor"].as_str().unwrap().to_owned()
            }
            "FINDING" => self.report()["findings"][0]["id"].as_str().unwrap().to_owned(),
            _ => unreachable!("`follow` looks for these words only"),
        }
    }

    fn report(&self) -> Value {
        read_json(&self.0.path().join("report.json"))
    }

    /// Runs all commands of a page, and returns how many there are.
    fn follow(&self, page: &str) -> usize {
        let placeholder = Regex::new(r"\b(SOURCE|LAKE|DAY|END_DAY|IDENTITY|FINDING)\b").unwrap();
        let run = |line: &str| {
            let command = placeholder.replace_all(line, |found: &regex::Captures| self.value(&found[0]));
            page::follow(&format!("```sh\n{command}\n```"), self.0.path()).commands
        };
        blocks(page, "sh").iter().flat_map(|block| block.lines()).map(run).sum()
    }
}

/// The schema itself instead of a reference to it or a choice between it and null.
fn resolved<'a>(schema: &'a Value, of: &'a Value) -> &'a Value {
    if let Some(name) = of["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/")) {
        return &schema["$defs"][name];
    }
    let choice = of["anyOf"].as_array().and_then(|choices| choices.iter().find(|choice| choice["type"] != "null"));
    choice.map_or(of, |choice| resolved(schema, choice))
}

/// Whether reports have a member such as `findings[].id`. Where the schema leaves names open, as in rows of queries,
/// the report of a run decides.
fn is_member(path: &str, schema: &Value, report: &Value) -> bool {
    let (mut of, mut values) = (schema, vec![report]);
    for step in path.split('.') {
        let name = step.trim_end_matches("[]");
        values = values.into_iter().filter_map(|value| value.get(name)).collect();
        let is_open = of["additionalProperties"] == true || of["additionalProperties"].is_object();
        of = match of["properties"].get(name) {
            Some(member) => resolved(schema, member),
            None if is_open && !values.is_empty() => resolved(schema, &of["additionalProperties"]),
            None => return false,
        };
        if name != step {
            let Some(items) = of.get("items") else { return false };
            of = resolved(schema, items);
            values = values.into_iter().filter_map(Value::as_array).flatten().collect();
        }
    }
    true
}

#[test]
fn every_command_runs_and_every_member_of_the_report_exists() {
    let case = Case::new();
    for (name, page) in pages() {
        let commands = case.follow(&page);
        // The members of a report need no command.
        assert!(commands > 0 || name == "references/report.md", "{name}: no command was run");
    }
    let (schema, report) = (read_json(&Path::new(ROOT).join("docs/report.schema.json")), case.report());
    let page = text("skill/references/report.md");
    let members: BTreeSet<&str> = named(&page, 0).into_iter().collect();
    assert!(members.len() > 50, "{members:?}");
    let unknown: Vec<_> = members.iter().filter(|path| !is_member(path, &schema, &report)).collect();
    assert!(unknown.is_empty(), "references/report.md names members that reports do not have: {unknown:?}");
    let is_named = |member: &String| {
        members.iter().any(|path| {
            let rest = path.strip_prefix(member.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    };
    let of_findings = resolved(&schema, &schema["properties"]["findings"]["items"])["properties"].as_object().unwrap();
    let of_findings = of_findings.keys().map(|member| format!("findings[].{member}"));
    let all = schema["properties"].as_object().unwrap().keys().cloned().chain(of_findings);
    let missing: Vec<_> = all.filter(|member| !is_named(member)).collect();
    assert!(missing.is_empty(), "references/report.md lacks {missing:?}");
}

#[test]
fn the_front_matter_has_what_the_format_of_skills_demands() {
    let skill = text("skill/SKILL.md");
    let (front, body) = skill.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).unwrap();
    let front: Value = yaml_serde::from_str(front).unwrap();
    let name = front["name"].as_str().unwrap();
    assert_eq!(name, "trailhunt");
    assert!(name.len() <= NAME_CHARS_MAX && name.split('-').all(|word| !word.is_empty()));
    assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    let description = front["description"].as_str().unwrap();
    assert!((1..=DESCRIPTION_CHARS_MAX).contains(&description.chars().count()), "{}", description.len());
    assert!(description.contains("Use when "), "it does not say when to use it");
    assert!(skill.lines().count() <= SKILL_LINES_MAX, "{} lines", skill.lines().count());
    // The folder of a skill has its name.
    assert!(body.contains(&format!("under the name `{name}`")));
}

#[test]
fn every_link_leads_to_a_page_and_every_page_is_linked() {
    let pages = pages();
    let mut linked = BTreeSet::from(["SKILL.md".to_owned()]);
    for (name, page) in &pages {
        let folder = Path::new(name).parent().unwrap();
        let links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        linked.extend(links.map(|link| folder.join(link).to_str().unwrap().to_owned()));
    }
    assert_eq!(linked, pages.into_iter().map(|(name, _)| name).collect());
}

/// The tools that the server declares.
fn tools() -> BTreeSet<String> {
    let (declarations, constants) = (text("src/mcp/tools/mod.rs"), text("src/mcp/tools/questions.rs"));
    let names = declarations.split("Tool::new(").skip(1).filter_map(|rest| rest.trim_start().split(',').next());
    let tool = |name: &str| match name.strip_prefix('"') {
        Some(quoted) => quoted.trim_end_matches('"').to_owned(),
        None => {
            let (_, value) = constants.split_once(&format!("const {name}: &str = \"")).expect(name);
            value.split('"').next().unwrap().to_owned()
        }
    };
    names.map(tool).collect()
}

#[test]
fn the_page_about_the_server_names_its_tools_prompts_and_resources() {
    let (page, guide) = (text("skill/references/mcp.md"), text("src/mcp/guide.rs"));
    let (of_tools, of_prompts) = page.split_once("\n## Prompts\n").unwrap();
    let in_page: BTreeSet<String> = named(of_tools, 0).into_iter().map(str::to_owned).collect();
    assert_eq!(in_page, tools(), "the tools in references/mcp.md, and those of the server");
    let prompts = named(of_prompts, 0);
    assert_eq!(prompts.len(), guide.matches("\n        name: \"").count(), "{prompts:?}");
    let resources = in_backticks(&page).filter(|word| word.starts_with("trailhunt://"));
    for name in prompts.into_iter().chain(resources) {
        assert!(guide.contains(&format!("\"{name}\"")), "the server has no {name}");
    }
}

#[test]
fn the_configuration_of_a_client_starts_the_server() {
    let page = text("skill/references/mcp.md");
    let configurations = blocks(&page, "json");
    assert_eq!(configurations.len(), 1);
    let configuration: Value = serde_json::from_str(configurations[0]).unwrap();
    let server = &configuration["mcpServers"]["trailhunt"];
    let typed = std::iter::once(&server["command"]).chain(server["args"].as_array().unwrap());
    let typed: Vec<&str> = typed.map(|word| word.as_str().unwrap()).collect();
    assert_eq!(typed[..2], ["trailhunt", "mcp"]);
    cli::command().try_get_matches_from(typed).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_sql_names_questions_and_tables_that_exist() {
    let (page, questions) = (text("skill/references/sql.md"), Questions::load().unwrap());
    let (session, _) = fixture::session(&[]).await.unwrap();
    let in_page = named(page.split("\n## ").next().unwrap(), 1);
    let in_page: Vec<&str> = in_page.into_iter().filter(|name| !name.starts_with("--")).collect();
    assert!(in_page.len() > 10, "{in_page:?}");
    for name in in_page {
        assert!(questions.get(name).is_ok(), "no question {name}");
    }
    let tables = named(section(&page, "Tables: events or summaries?"), 0);
    assert!(tables.len() > 10, "{tables:?}");
    for name in tables {
        assert!(session.has_table(name), "no table {name}");
    }
}
