//! Sigma rules evaluated event by event with rsigma-eval, to compare with the program.
//!
//! In: a file or folder of rules, and CloudTrail records. Out: pairs of rule and event id. A rule is named by its id,
//! else its name, else the stem of its file. For a correlation, the event is the one that completes it.

#![allow(dead_code, reason = "the example uses a part")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use rsigma_eval::event::JsonEvent;
use rsigma_eval::{CorrelationConfig, CorrelationEngine, Engine, EvaluationResult};
use rsigma_parser::{SigmaCollection, parse_sigma_yaml};
use serde_json::Value;

/// What rsigma-eval says about rules and events.
#[derive(Default)]
pub struct Outcome {
    /// Rule and event id of each match.
    pub matches: BTreeSet<(String, String)>,
    /// Rule, or file, and why it cannot run.
    pub rejected: Vec<(String, String)>,
}

/// Evaluates all rules below `rules` on `records`.
///
/// # Errors
///
/// A file that cannot be read.
pub fn evaluate(rules: &Path, records: &[Value]) -> Result<Outcome, Box<dyn Error>> {
    let mut outcome = Outcome::default();
    let collection = load(rules, &mut outcome)?;
    let mut engine = Engine::new();
    for rule in &collection.rules {
        if let Err(error) = engine.add_rule(rule) {
            outcome.rejected.push((rule.id.clone().unwrap_or_default(), error.to_string()));
        }
    }
    for filter in &collection.filters {
        if let Err(error) = engine.apply_filter(filter) {
            outcome.rejected.push((filter.title.clone(), error.to_string()));
        }
    }
    for record in records {
        keep(&mut outcome, &engine.evaluate(&JsonEvent::borrow(record)), record);
    }
    correlate(&collection, records, &mut outcome);
    Ok(outcome)
}

/// The rule files: the path itself, or all `.yml` and `.yaml` files below it, in order.
///
/// # Errors
///
/// A folder that cannot be listed.
pub fn rule_files(path: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rule_files(&path)?);
        } else if path.extension().is_some_and(|end| end == "yml" || end == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The rules of one file, by id, else name, else the stem of the file.
///
/// # Errors
///
/// A file that cannot be read.
pub fn rules_of(path: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let collection = load(path, &mut Outcome::default())?;
    let rules = collection.rules.into_iter().filter_map(|rule| rule.id);
    Ok(rules.chain(collection.correlations.into_iter().filter_map(|rule| rule.id)).collect())
}

/// The rules that a correlation without `generate: true` refers to. By the specification they report nothing.
///
/// # Errors
///
/// A file that cannot be read.
pub fn only_in_correlations(rules: &Path) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let collection = load(rules, &mut Outcome::default())?;
    let silent = collection.correlations.iter().filter(|correlation| !correlation.generate);
    let named: BTreeSet<&str> = silent.flat_map(|correlation| &correlation.rules).map(String::as_str).collect();
    let rules = collection.rules.iter();
    let parts = rules.filter(|rule| {
        let names = [rule.id.as_deref(), rule.name.as_deref(), Some(rule.title.as_str())];
        names.into_iter().flatten().any(|name| named.contains(name))
    });
    Ok(parts.filter_map(|rule| rule.id.clone()).collect())
}

/// Parses all rules. Each gets the id under which it reports, because results carry nothing else that is unique.
fn load(rules: &Path, outcome: &mut Outcome) -> Result<SigmaCollection, Box<dyn Error>> {
    let mut all = SigmaCollection::new();
    let mut beside_correlations = BTreeSet::new();
    for path in rule_files(rules)? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let yaml = fs::read_to_string(&path)?;
        // The engine would take a placeholder for a field of the event. A tool without its values must reject the rule.
        if yaml.contains("|expand") {
            outcome.rejected.push((stem, "has a placeholder".to_owned()));
            continue;
        }
        let parsed = match parse_sigma_yaml(&yaml) {
            Ok(parsed) => parsed,
            Err(error) => {
                outcome.rejected.push((stem, error.to_string()));
                continue;
            }
        };
        outcome.rejected.extend(parsed.errors.into_iter().map(|error| (stem.clone(), error)));
        let has_correlation = !parsed.correlations.is_empty();
        for mut rule in parsed.rules {
            rule.id = rule.id.or_else(|| rule.name.clone()).or_else(|| Some(stem.clone()));
            if has_correlation {
                beside_correlations.extend(rule.id.clone());
            }
            // Read twice, it would count each event twice.
            if all.rules.iter().all(|known| known.id != rule.id) {
                all.rules.push(rule);
            }
        }
        for mut rule in parsed.correlations {
            rule.id = rule.id.or_else(|| rule.name.clone()).or_else(|| Some(stem.clone()));
            all.correlations.push(rule);
        }
        all.filters.extend(parsed.filters);
    }
    // Some packs refer to rules of the same file by their title. Another file may repeat such a rule.
    for rule in all.rules.iter_mut().filter(|rule| rule.id.as_ref().is_some_and(|id| beside_correlations.contains(id)))
    {
        rule.name = rule.name.take().or_else(|| Some(rule.title.clone()));
    }
    Ok(all)
}

/// Runs the correlations over the events in order of time, then of event id.
fn correlate(collection: &SigmaCollection, records: &[Value], outcome: &mut Outcome) {
    if collection.correlations.is_empty() {
        return;
    }
    let mut engine = CorrelationEngine::new(CorrelationConfig::default());
    if let Err(error) = engine.add_collection(collection) {
        outcome.rejected.push(("correlations".to_owned(), error.to_string()));
        return;
    }
    let mut ordered: Vec<&Value> = records.iter().collect();
    ordered.sort_by_key(|record| (text(record, "eventTime"), text(record, "eventID")));
    for record in ordered {
        let mut results = engine.process_event(&JsonEvent::borrow(record));
        results.retain(EvaluationResult::is_correlation);
        keep(outcome, &results, record);
    }
}

fn keep(outcome: &mut Outcome, results: &[EvaluationResult], record: &Value) {
    let event = text(record, "eventID");
    let rules = results.iter().filter_map(|result| result.header.rule_id.clone());
    outcome.matches.extend(rules.map(|rule| (rule, event.to_owned())));
}

fn text<'a>(record: &'a Value, member: &str) -> &'a str {
    record.get(member).and_then(Value::as_str).unwrap_or_default()
}
