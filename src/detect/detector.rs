//! One detector: its header and its SQL, parsed and checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::front_matter::FrontMatter;
use super::{Chart, Confidence, Kind, Parameter, Problem, Severity, attack};
use crate::engine::{Fault, Parameters, Sql, names_service};
use crate::error::{Error, Result};
use crate::sha256;

/// The TOML between `/*` and `*/`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    title: String,
    severity: Severity,
    confidence: Confidence,
    #[serde(default)]
    kind: Kind,
    attack: Vec<Spanned<String>>,
    why: String,
    benign: Vec<String>,
    respond: Vec<String>,
    chart: Option<Chart>,
    #[serde(default)]
    params: BTreeMap<String, Spanned<Parameter>>,
}

/// A detector with a valid header and SQL that parses. Whether the SQL plans, [`check`](super::check()) or a run shows.
#[derive(Debug, Clone)]
pub struct Detector {
    /// File stem.
    pub id: String,
    /// What it finds, for a headline.
    pub title: String,
    /// Severity of findings whose row has none.
    pub severity: Severity,
    /// Confidence of findings whose row has none.
    pub confidence: Confidence,
    /// Kind of findings whose row does not say whether it is a fact.
    pub kind: Kind,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// Why it matters.
    pub why: String,
    /// Benign explanations.
    pub benign: Vec<String>,
    /// What to do.
    pub respond: Vec<String>,
    /// What the chart of its findings shows.
    pub chart: Option<Chart>,
    /// Its parameters.
    pub params: BTreeMap<String, Parameter>,
    /// Its file; `None` for a shipped detector.
    pub path: Option<PathBuf>,
    /// The Sigma rule that it was converted from. It runs together with all others of the set.
    pub sigma_rule: Option<String>,
    /// The whole file.
    pub text: String,
    /// The parsed SQL.
    pub sql: Sql,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
}

impl Detector {
    /// Parses a detector's file.
    ///
    /// # Errors
    /// [`Error::Detector`] with the first thing that is wrong, and its place.
    pub fn parse(id: &str, text: &str) -> Result<Detector> {
        let failed = |problem: Problem| Error::Detector { id: id.into(), reason: problem.to_string() };
        Detector::read(id, text).map_err(failed)
    }

    /// As [`Detector::parse`], with the place as a value.
    ///
    /// # Errors
    /// The first thing that is wrong with the header or the SQL.
    pub fn read(id: &str, text: &str) -> Result<Detector, Problem> {
        let front_matter = FrontMatter::find(text).map_err(|place| {
            Problem::at(
                place,
                "the file must begin with a TOML header between /* and */; `trailhunt detectors new` creates one",
            )
        })?;
        let header: Header = front_matter.parse()?;
        for technique in &header.attack {
            let known = attack::check(std::slice::from_ref(technique.get_ref()));
            known.map_err(|reason| Problem::at(front_matter.place(technique.span().start), reason))?;
        }
        let in_sql = |fault: Fault| Problem::of_fault(fault, front_matter.end());
        let sql = Sql::parse(text).map_err(in_sql)?;
        for (name, parameter) in &header.params {
            let wrong = match parameter.get_ref().check() {
                Err(reason) => Some(format!("parameter {name}: {reason}")),
                Ok(()) if !sql.uses(name) => {
                    Some(format!("parameter {name} is declared but ${name} is not used; use it or remove it"))
                }
                Ok(()) => None,
            };
            if let Some(reason) = wrong {
                return Err(Problem::at(front_matter.place(parameter.span().start), reason));
            }
        }
        Ok(Detector {
            id: id.into(),
            title: header.title,
            severity: header.severity,
            confidence: header.confidence,
            kind: header.kind,
            attack: header.attack.into_iter().map(Spanned::into_inner).collect(),
            why: header.why,
            benign: header.benign,
            respond: header.respond,
            chart: header.chart,
            params: header.params.into_iter().map(|(name, parameter)| (name, parameter.into_inner())).collect(),
            sha256: sha256::hex(text.as_bytes()),
            path: None,
            sigma_rule: None,
            text: text.into(),
            sql,
        })
    }

    /// True when the SQL reads this table or view, or names this service, such as `s3.amazonaws.com`: itself, in a view it
    /// reads, or in an API list.
    pub fn reads(&self, source: &str) -> bool {
        self.sql.reads(source) || (source.contains('.') && names_service(&self.text, &self.sql, source))
    }

    /// The whole file, with the names of its techniques as a comment; the result is still a valid detector.
    pub fn explained(&self) -> String {
        let names: Vec<_> = self.attack.iter().filter_map(|id| attack::technique(id)).collect();
        let names = names.join("; ");
        let line = self.text.lines().find(|line| line.trim_start().starts_with("attack") && !line.contains(&names));
        match line {
            Some(line) => self.text.replacen(line, &format!("{line} # {names}"), 1),
            None => self.text.clone(),
        }
    }

    /// Whole days of history it needs before the first day it evaluates: parameter `warm_up_days` or `warm_up_hours`, as set or by
    /// default; 0 without one.
    pub fn warm_up_days(&self, given: Option<&BTreeMap<String, String>>) -> u64 {
        let number = |name: &str| {
            let parameter = self.params.get(name)?;
            let set = given.and_then(|given| given.get(name)).and_then(|text| text.parse::<f64>().ok());
            set.or_else(|| parameter.default.as_integer().map(|n| n as f64)).or_else(|| parameter.default.as_float())
        };
        let days = number("warm_up_days").or_else(|| number("warm_up_hours").map(|hours| hours / 24.0));
        days.unwrap_or(0.0).ceil().max(0.0) as u64
    }

    /// Values of its parameters: those in `given`, defaults for the others.
    ///
    /// # Errors
    /// [`Error::Detector`] for an unknown name, a value of another type than the default, or a number out of range.
    pub fn parameters(&self, given: &BTreeMap<String, String>) -> Result<Parameters> {
        let failed = |reason: String| Error::Detector { id: self.id.clone(), reason };
        if let Some(unknown) = given.keys().find(|name| !self.params.contains_key(*name)) {
            let known: Vec<_> = self.params.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(failed(format!("no parameter {unknown}; its parameters: {known}")));
        }
        let mut values = Parameters::new();
        for (name, parameter) in &self.params {
            let value =
                parameter.value(given.get(name)).map_err(|reason| failed(format!("parameter {name}: {reason}")))?;
            values.insert(name.clone(), value);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Value;

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

    fn reason(text: &str) -> String {
        Detector::parse("x", text).unwrap_err().to_string()
    }

    #[test]
    fn a_header_is_read_and_its_defaults_are_bound() {
        let detector = Detector::parse("x", GOOD).unwrap();
        assert_eq!((detector.severity, detector.confidence), (Severity::Medium, Confidence::Low));
        assert_eq!(detector.parameters(&BTreeMap::new()).unwrap()["days"], Value::Integer(7));
        assert_eq!(detector.kind, Kind::Behaviour, "a header of an earlier version has no kind");
        let fact = GOOD.replace("attack ", "kind = \"fact\"\nattack ");
        assert_eq!(Detector::parse("x", &fact).unwrap().kind, Kind::Fact);
        let given = BTreeMap::from([("days".to_owned(), "12".to_owned())]);
        assert_eq!(detector.parameters(&given).unwrap()["days"], Value::Integer(12));
    }

    #[test]
    fn an_explained_detector_is_a_detector_and_is_explained_once() {
        let explained = Detector::parse("x", GOOD).unwrap().explained();
        assert!(explained.contains("attack     = [\"T1078.004\"] # Valid Accounts: Cloud Accounts\n"), "{explained}");
        assert_eq!(Detector::parse("x", &explained).unwrap().explained(), explained);
    }

    #[test]
    fn problems_are_reported_with_their_line() {
        assert!(
            reason("SELECT 1")
                .starts_with("detector x: line 1, column 1: the file must begin with a TOML header between /* and */")
        );
        assert!(
            reason(&GOOD.replace("\"medium\"", "\"bad\""))
                .starts_with("detector x: line 3, column 14: unknown variant `bad`")
        );
        assert!(reason(&GOOD.replace("why ", "because ")).contains("unknown field `because`"));
        assert!(reason(&GOOD.replace("T1078.004", "valid accounts")).contains("not a technique of ATT&CK"));
        assert!(reason(&GOOD.replace("default = 7", "default = 99")).contains("is not between 1 and 30"));
        assert!(reason(&GOOD.replace("default = 7", "default = \"7\"")).contains("min and max need a number"));
        assert!(reason(&GOOD.replace("SELECT", "SELEC")).starts_with("detector x: line 12, column 1: "));
    }

    #[test]
    fn a_parameter_in_a_comment_a_text_or_a_longer_name_does_not_count() {
        let expected = "line 10, column 8: parameter days is declared but $days is not used";
        for sql in ["1", "1 -- $days\n", "1 /* $days */", "'$days'", "$days_before", "$day"] {
            let text = GOOD.replace("$days, ", &format!("{sql}, "));
            assert!(reason(&text).contains(expected), "{sql}: {}", reason(&text));
        }
    }

    #[test]
    fn overriding_an_unknown_parameter_names_the_known_ones() {
        let error = |name: &str, value: &str| {
            let given = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            Detector::parse("x", GOOD).unwrap().parameters(&given).unwrap_err().to_string()
        };
        assert_eq!(error("weeks", "1"), "detector x: no parameter weeks; its parameters: days");
        assert_eq!(error("days", "31"), "detector x: parameter days: 31 is not between 1 and 30");
        assert_eq!(error("days", "many"), "detector x: parameter days: expected a value like the default 7");
    }
}
