//! Reads Sigma rules from files and folders.

use std::path::{Path, PathBuf};

use rsigma_parser::{CorrelationRule, FilterRule, SigmaRule, parse_sigma_yaml};

use super::Rejected;
use crate::error::{Error, Result};

/// Bytes of a file of rules. YAML takes many times its size in memory.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Folders inside folders that are searched.
const DEPTH_MAX: usize = 32;

/// One document of a file.
#[derive(Clone)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// Line on which the document begins.
    pub line: usize,
    /// The document.
    pub text: String,
}

impl Source {
    /// The line on which `word` first occurs, in the detection if it does, or the first line of the document.
    fn line_of(&self, word: &str) -> usize {
        // `status` may be a field of the detection and of the rule.
        let begins = |line: &str| line.starts_with("detection:") || line.starts_with("correlation:");
        let detection = self.text.lines().position(begins).unwrap_or(0);
        let lines = || self.text.lines().enumerate().filter(|(_, line)| line.contains(word));
        let at = lines().find(|(at, _)| *at > detection).or_else(|| lines().next());
        self.line + at.map_or(0, |(at, _)| at)
    }

    /// A rejection of this document. The line is that of the field, modifier or reference that the reason names first.
    pub fn rejected(&self, title: &str, reason: &str) -> Rejected {
        let words =
            reason.split(|c: char| c.is_whitespace() || matches!(c, '`' | '\'' | '"' | ':' | ',' | ';' | '(' | ')'));
        let named = words.filter(|word| word.len() > 3).find(|word| {
            let is_key = |line: &str| line.trim_start().trim_start_matches("- ").starts_with(*word);
            self.text
                .lines()
                .any(|line| is_key(line) || line.contains(&format!("|{word}")) || line.trim() == format!("- {word}"))
        });
        let line = self.line_of(named.unwrap_or("title:"));
        Rejected { path: self.path.clone(), line, title: title.to_owned(), reason: one_line(reason) }
    }
}

/// What a document is.
pub enum Document {
    Rule(Box<SigmaRule>),
    Correlation(Box<CorrelationRule>),
    Filter(Box<FilterRule>),
}

/// A document and where it is.
pub type Read = (Source, Document);

/// The documents of files and folders, and what is none. Folders are searched for .yml and .yaml files.
///
/// # Errors
/// When a path does not exist or cannot be listed.
pub fn documents(paths: &[PathBuf]) -> Result<(Vec<Read>, Vec<Rejected>)> {
    let (mut documents, mut rejected) = (Vec::new(), Vec::new());
    for path in paths {
        for file in files(path, DEPTH_MAX)? {
            match read(&file) {
                Ok(text) => parse(&file, &text, &mut documents, &mut rejected),
                Err(reason) => rejected.push(Rejected { path: file, line: 1, title: String::new(), reason }),
            }
        }
    }
    Ok((documents, rejected))
}

/// The files of rules at a path, in order of their names.
fn files(path: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::File { path: path.to_path_buf(), source };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = std::fs::read_dir(path).map_err(failed)?.collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        // A link may lead back to the folder that it is in.
        if path.is_dir() && !path.is_symlink() && depth > 0 {
            found.extend(files(&path, depth - 1)?);
        } else if is_yaml && !path.is_dir() {
            found.push(path);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> std::result::Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if !metadata.is_file() {
        return Err("not a regular file".into());
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(format!(
            "the file has {} KiB; a file of rules has at most {}",
            metadata.len() >> 10,
            FILE_BYTES_MAX >> 10
        ));
    }
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".into())
}

/// Splits a file at its `---` lines, so that each document has a place. Documents that refer to each other (`action: global`)
/// stay together.
fn parse(path: &Path, text: &str, documents: &mut Vec<Read>, rejected: &mut Vec<Rejected>) {
    let depends = text.lines().any(|line| line.starts_with("action:"));
    for (line, text) in if depends { vec![(1, text.to_owned())] } else { split(text) } {
        let source = || Source { path: path.to_path_buf(), line, text: text.clone() };
        let parsed = match parse_sigma_yaml(&text) {
            Ok(parsed) => parsed,
            Err(e) => {
                rejected.push(source().rejected("", &e.to_string()));
                continue;
            }
        };
        let count = parsed.len();
        let title = text.lines().find_map(|line| line.strip_prefix("title:")).unwrap_or_default();
        let title = title.trim().trim_matches(['\'', '"']);
        for reason in &parsed.errors {
            let mut problem = source().rejected(title, reason);
            if let Some(place) = yaml_line(reason) {
                problem.line = line + place - 1;
            }
            rejected.push(problem);
        }
        if count == 0 && parsed.errors.is_empty() && !text.trim().is_empty() {
            rejected.push(source().rejected("", "not a Sigma rule"));
        }
        // A rule with an unknown level or status is not the rule that its author meant.
        if !parsed.errors.is_empty() {
            continue;
        }
        documents.extend(parsed.rules.into_iter().map(|rule| (source(), Document::Rule(Box::new(rule)))));
        documents.extend(parsed.correlations.into_iter().map(|rule| (source(), Document::Correlation(Box::new(rule)))));
        documents.extend(parsed.filters.into_iter().map(|rule| (source(), Document::Filter(Box::new(rule)))));
    }
}

/// The documents of a YAML file that are not empty, with the lines on which they begin.
fn split(text: &str) -> Vec<(usize, String)> {
    let mut documents = vec![(1, String::new())];
    for (at, line) in text.lines().enumerate() {
        if line.trim_end() == "---" {
            documents.push((at + 2, String::new()));
        } else if let Some((_, document)) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let is_comment = |line: &str| line.trim().is_empty() || line.starts_with('#');
    documents.retain(|(_, document)| !document.lines().all(is_comment));
    documents
}

/// The line that an error of the YAML parser names.
fn yaml_line(reason: &str) -> Option<usize> {
    reason.split("at line ").nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str =
        "title: T\nlogsource:\n  product: aws\ndetection:\n  a:\n    eventName|contians: x\n  condition: a\n";

    fn parsed(text: &str) -> (usize, Vec<(usize, String)>) {
        let (mut documents, mut rejected) = (Vec::new(), Vec::new());
        parse(Path::new("x.yml"), text, &mut documents, &mut rejected);
        (documents.len(), rejected.into_iter().map(|one| (one.line, one.reason)).collect())
    }

    #[test]
    fn each_document_is_parsed_alone_and_a_problem_has_its_line() {
        let good = RULE.replace("contians", "contains");
        let (count, rejected) = parsed(&format!("# a comment\n---\n{good}---\n{RULE}---\n- a list\n"));
        assert_eq!((count, rejected.len()), (1, 2), "{rejected:?}");
        assert_eq!(rejected[0].0, 2 + 7 + 1 + 6, "{rejected:?}");
        assert!(rejected[0].1.contains("contians"), "{rejected:?}");
        assert!(rejected[1].1.contains("mapping"), "{rejected:?}");
        let (count, rejected) = parsed("title: [a\nb: }\n");
        assert_eq!(count, 0);
        assert_eq!(rejected[0].0, 2, "{rejected:?}");
    }

    #[test]
    fn documents_that_refer_to_each_other_stay_together() {
        let global = "action: global\ntitle: T\nlogsource:\n  product: aws\n---\ndetection:\n  a:\n    eventName: x\n  condition: a\n";
        assert_eq!(parsed(global), (1, vec![]));
    }
}
