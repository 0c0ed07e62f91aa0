//! One detector: its header, its SQL, and whether both hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Problem, attack};
use crate::engine::{Parameters, Place, Sql, Value};
use crate::error::{Error, Result};
use crate::sha256;

/// How bad it is when a finding is what it seems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Informational,
    /// Worth a look when there is time.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
    /// Worth waking somebody.
    Critical,
}

/// How likely a finding is what it seems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Often benign.
    Low,
    /// Benign now and then.
    Medium,
    /// Seldom benign.
    High,
}

/// Word as it is written in headers and reports.
impl Severity {
    /// The names, lowest first.
    pub const NAMES: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
}

impl std::str::FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Severity, String> {
        match text {
            "informational" => Ok(Severity::Informational),
            "low" => Ok(Severity::Low),
            "medium" => Ok(Severity::Medium),
            "high" => Ok(Severity::High),
            "critical" => Ok(Severity::Critical),
            other => Err(format!("unknown severity `{other}`: expected one of {}", Severity::NAMES.join(", "))),
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Severity::Informational => "informational",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        })
    }
}

/// A number or list a detector can be tuned by.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is when nobody says otherwise.
    pub default: toml::Value,
    /// Smallest allowed.
    pub min: Option<f64>,
    /// Largest allowed.
    pub max: Option<f64>,
    /// What it does, with its unit.
    pub help: String,
}

/// The TOML between `/*` and `*/`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    title: String,
    severity: Severity,
    confidence: Confidence,
    attack: Vec<Spanned<String>>,
    why: String,
    benign: Vec<String>,
    respond: Vec<String>,
    #[serde(default)]
    params: BTreeMap<String, Spanned<Parameter>>,
}

/// A detector that is well formed. Whether its SQL plans is known when it runs.
#[derive(Debug, Clone)]
pub struct Detector {
    /// File stem.
    pub id: String,
    /// What it finds, for a headline.
    pub title: String,
    /// Unless a row says otherwise.
    pub severity: Severity,
    /// Unless a row says otherwise.
    pub confidence: Confidence,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// Why it matters.
    pub why: String,
    /// What else it may be.
    pub benign: Vec<String>,
    /// What to do.
    pub respond: Vec<String>,
    /// What it can be tuned by.
    pub params: BTreeMap<String, Parameter>,
    /// Its file; none when it comes with the program.
    pub path: Option<PathBuf>,
    /// The whole file.
    pub text: String,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
}

impl Detector {
    /// Whether the SQL names this table or view, or contains this service as a string.
    pub fn reads(&self, source: &str) -> bool {
        let is_table = Sql::parse(&self.text).is_ok_and(|sql| sql.tables().iter().any(|(table, _)| table == source));
        is_table || (source.contains('.') && self.text.contains(&format!("'{source}'")))
    }

    /// Reads a detector's file.
    ///
    /// # Errors
    /// [`Error::Detector`] with the place in the header and what is wrong there.
    pub fn parse(id: &str, text: &str) -> Result<Detector> {
        let failed = |problem: Problem| Error::Detector { id: id.into(), reason: problem.to_string() };
        Detector::read(id, text).map_err(failed)
    }

    /// As [`Detector::parse`], with the place of what is wrong apart.
    ///
    /// # Errors
    /// The first thing that is wrong with the header.
    pub fn read(id: &str, text: &str) -> Result<Detector, Problem> {
        let place = |byte: usize| Place::of(text, byte);
        let begin = text.len() - text.trim_start().len();
        let header = text[begin..].strip_prefix("/*").and_then(|rest| rest.split_once("*/"));
        let (header, _) = header.ok_or_else(|| {
            Problem::at(
                place(begin),
                "the file must begin with a TOML header between /* and */; `trailhunt detectors new` makes one",
            )
        })?;
        let begin = begin + "/*".len();
        let parsed: Header = toml::from_str(header).map_err(|e| {
            let place = place(begin + e.span().map_or(0, |span| span.start));
            let next = if e.message().starts_with("missing field") { "; every header says it" } else { "" };
            Problem::at(place, format!("{}{next}", e.message().lines().collect::<Vec<_>>().join(", ")))
        })?;
        for technique in &parsed.attack {
            let known = attack::check(std::slice::from_ref(technique.get_ref()));
            known.map_err(|reason| Problem::at(place(begin + technique.span().start), reason))?;
        }
        for (name, parameter) in &parsed.params {
            let wrong = match parameter.get_ref().is_well_formed() {
                Err(reason) => Some(format!("parameter {name}: {reason}")),
                Ok(()) if !uses(text, name) => {
                    Some(format!("parameter {name} is declared and never used as ${name}; use it or leave it out"))
                }
                Ok(()) => None,
            };
            if let Some(reason) = wrong {
                return Err(Problem::at(place(begin + parameter.span().start), reason));
            }
        }
        Ok(Detector {
            id: id.into(),
            title: parsed.title,
            severity: parsed.severity,
            confidence: parsed.confidence,
            attack: parsed.attack.into_iter().map(Spanned::into_inner).collect(),
            why: parsed.why,
            benign: parsed.benign,
            respond: parsed.respond,
            params: parsed.params.into_iter().map(|(name, parameter)| (name, parameter.into_inner())).collect(),
            sha256: sha256::hex(text.as_bytes()),
            path: None,
            text: text.into(),
        })
    }

    /// The whole file, with its techniques' names as a comment: still a detector.
    pub fn explained(&self) -> String {
        let names: Vec<_> = self.attack.iter().filter_map(|id| attack::technique(id)).collect();
        let names = names.join("; ");
        let line = self.text.lines().find(|line| line.trim_start().starts_with("attack") && !line.contains(&names));
        match line {
            Some(line) => self.text.replacen(line, &format!("{line} # {names}"), 1),
            None => self.text.clone(),
        }
    }

    /// Values of its parameters: defaults, and what `given` overrides.
    ///
    /// # Errors
    /// [`Error::Detector`] for an unknown name, a value of another type than the default, or one out of range.
    pub fn parameters(&self, given: &BTreeMap<String, String>) -> Result<Parameters> {
        let failed = |reason: String| Error::Detector { id: self.id.clone(), reason };
        for name in given.keys() {
            if !self.params.contains_key(name) {
                let known: Vec<_> = self.params.keys().map(String::as_str).collect();
                return Err(failed(format!("no parameter {name}; it has {}", or_none(&known.join(", ")))));
            }
        }
        let mut values = Parameters::new();
        for (name, parameter) in &self.params {
            let value = match given.get(name) {
                Some(text) => typed(text, &parameter.default),
                None => plain(&parameter.default),
            };
            let value =
                value.ok_or_else(|| failed(format!("parameter {name}: not like its default {}", parameter.default)))?;
            let number = match value {
                Value::Integer(n) => Some(n as f64),
                Value::Float(x) => Some(x),
                _ => None,
            };
            if let Some(number) = number {
                let (min, max) = (parameter.min.unwrap_or(f64::MIN), parameter.max.unwrap_or(f64::MAX));
                if number < min || number > max {
                    return Err(failed(format!("parameter {name} = {number} is not between {min} and {max}")));
                }
            }
            values.insert(name.clone(), value);
        }
        Ok(values)
    }
}

impl Parameter {
    /// What is wrong with its declaration, and the next step.
    fn is_well_formed(&self) -> std::result::Result<(), String> {
        let number = match plain(&self.default) {
            None => {
                let next = "write a number, a text, true or false, or a list of texts";
                return Err(format!("its default {} can be no value; {next}", self.default));
            }
            Some(Value::Integer(n)) => n as f64,
            Some(Value::Float(x)) => x,
            Some(_) if self.min.is_some() || self.max.is_some() => {
                return Err(format!("min and max are of numbers, and its default {} is none", self.default));
            }
            Some(_) => return Ok(()),
        };
        let (min, max) = (self.min.unwrap_or(f64::MIN), self.max.unwrap_or(f64::MAX));
        match number < min || number > max {
            true => Err(format!("its default {number} is not between {min} and {max}")),
            false => Ok(()),
        }
    }
}

/// True when SQL has `$name` and not only a longer name that begins like it.
pub(super) fn uses(sql: &str, name: &str) -> bool {
    let wanted = format!("${name}");
    sql.match_indices(&wanted)
        .any(|(at, _)| !sql[at + wanted.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// A value of TOML as one that can be bound; none for a table, a date or a list of other than texts.
pub fn plain(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::Integer(n) => Value::Integer(*n),
        toml::Value::Float(x) => Value::Float(*x),
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Boolean(flag) => Value::Bool(*flag),
        toml::Value::Array(items) => {
            Value::Texts(items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// What was typed, as a value of the default's type; a list is separated by commas.
pub fn typed(text: &str, default: &toml::Value) -> Option<Value> {
    Some(match default {
        toml::Value::Integer(_) => Value::Integer(text.parse().ok()?),
        toml::Value::Float(_) => Value::Float(text.parse().ok()?),
        toml::Value::String(_) => Value::Text(text.into()),
        toml::Value::Boolean(_) => Value::Bool(text.parse().ok()?),
        toml::Value::Array(_) => Value::Texts(text.split(',').map(|item| item.trim().to_owned()).collect()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"/*
title      = "Something"
severity   = "medium"
confidence = "low"
attack     = ["T1078.004"]
why        = "because"
benign     = ["travel"]
respond    = ["ask"]
[params]
days = { default = 7, min = 1, max = 30, help = "history in days" }
*/
SELECT $days, $from, $to"#;

    #[test]
    fn a_header_is_read_and_its_defaults_are_bound() {
        let detector = Detector::parse("x", GOOD).unwrap();
        assert_eq!((detector.severity, detector.confidence), (Severity::Medium, Confidence::Low));
        assert_eq!(detector.parameters(&BTreeMap::new()).unwrap()["days"], Value::Integer(7));
        let given = BTreeMap::from([("days".to_owned(), "12".to_owned())]);
        assert_eq!(detector.parameters(&given).unwrap()["days"], Value::Integer(12));
    }

    #[test]
    fn an_explained_detector_is_one_and_is_explained_once() {
        let explained = Detector::parse("x", GOOD).unwrap().explained();
        assert!(explained.contains("attack     = [\"T1078.004\"] # Valid Accounts: Cloud Accounts\n"), "{explained}");
        assert_eq!(Detector::parse("x", &explained).unwrap().explained(), explained);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let reason = |text: &str| Detector::parse("x", text).unwrap_err().to_string();
        assert!(
            reason("SELECT 1")
                .starts_with("detector x: line 1, column 1: the file must begin with a TOML header between /* and */")
        );
        assert!(
            reason(&GOOD.replace("\"medium\"", "\"bad\""))
                .starts_with("detector x: line 3, column 14: unknown variant `bad`")
        );
        assert!(reason(&GOOD.replace("why ", "because ")).contains("unknown field `because`"));
        assert!(reason(&GOOD.replace("T1078.004", "valid accounts")).contains("is no technique of ATT&CK"));
        assert!(reason(&GOOD.replace("$days, ", "")).contains("parameter days is declared and never used"));
        assert!(reason(&GOOD.replace("default = 7", "default = 99")).contains("is not between 1 and 30"));
        assert!(reason(&GOOD.replace("default = 7", "default = \"7\"")).contains("min and max are of numbers"));
    }

    #[test]
    fn a_bound_name_is_told_from_a_longer_one() {
        assert!(uses("WHERE t >= $from AND x", "from"));
        assert!(!uses("WHERE t >= $from_day", "from"));
    }

    #[test]
    fn overriding_an_unknown_parameter_names_the_known_ones() {
        let detector = Detector::parse("x", GOOD).unwrap();
        let given = BTreeMap::from([("weeks".to_owned(), "1".to_owned())]);
        assert_eq!(detector.parameters(&given).unwrap_err().to_string(), "detector x: no parameter weeks; it has days");
    }

    #[test]
    fn severities_are_ordered() {
        assert!(Severity::Critical > Severity::High && Severity::Low > Severity::Informational);
    }
}
