//! Saved questions: SQL with a TOML header that names what it answers and its parameters.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::detect::{FrontMatter, Problem, Window, value_like, value_of};
use crate::engine::{Parameters, Sql, Value};
use crate::error::{Error, Result};
use crate::wording::did_you_mean;

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");

/// A parameter of a question.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionParameter {
    /// Value unless another is given; without a default, a value is required.
    pub default: Option<toml::Value>,
    /// Its meaning.
    pub help: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    title: String,
    about: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, QuestionParameter>,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    /// File stem.
    pub name: String,
    /// What it answers.
    pub title: String,
    /// A longer description.
    pub about: Option<String>,
    /// Its parameters.
    pub params: BTreeMap<String, QuestionParameter>,
    /// The whole file.
    pub text: String,
    /// The parsed SQL.
    pub sql: Sql,
}

impl Question {
    /// Parses SQL with or without a header. Without a header, all its `$parameters` are required texts.
    ///
    /// # Errors
    /// [`Error::Query`] with what is wrong with the header or the SQL, and where.
    pub fn parse(name: &str, text: &str) -> Result<Question> {
        // A comment without a title is not a header.
        let front_matter = FrontMatter::find(text).ok().filter(|front_matter| front_matter.toml().contains("title"));
        let header = match front_matter {
            Some(front_matter) => front_matter.parse().map_err(|problem: Problem| Error::query(name, problem))?,
            None => Header { title: String::new(), about: None, params: BTreeMap::new() },
        };
        Ok(Question {
            name: name.into(),
            title: header.title,
            about: header.about,
            params: header.params,
            text: text.into(),
            sql: Sql::parse(text).map_err(|fault| fault.into_error(name))?,
        })
    }

    /// Values of its parameters: those `given` as `name=value`, defaults, and `$from` and `$to` of the window.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown name, a value of another type than the default, or a missing value.
    pub fn parameters(&self, given: &[(String, String)], window: Option<Window>) -> Result<Parameters> {
        let mut used: Vec<&str> = self.sql.parameters().iter().map(|(name, _)| name.as_str()).collect();
        used.sort_unstable();
        used.dedup();
        let mut values = window.map(|window| window.parameters()).unwrap_or_default();
        for (name, text) in given {
            if !self.sql.uses(name) {
                let known: Vec<_> = used.iter().copied().filter(|name| !["from", "to"].contains(name)).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Error::Usage(format!("{}: no parameter {name}; its parameters: {known}", self.name)));
            }
            let default = self.params.get(name).and_then(|parameter| parameter.default.as_ref());
            let value = match default {
                Some(default) => value_like(text, default).ok_or_else(|| {
                    Error::Usage(format!("{}: {name}={text}: expected a value like the default {default}", self.name))
                })?,
                None => Value::Text(text.clone()),
            };
            values.insert(name.clone(), value);
        }
        for name in used {
            if values.contains_key(name) {
                continue;
            }
            let parameter = self.params.get(name);
            match parameter.and_then(|parameter| value_of(parameter.default.as_ref()?)) {
                Some(value) => values.insert(name.to_owned(), value),
                None => {
                    let help = parameter.map(|parameter| format!(": {}", parameter.help)).unwrap_or_default();
                    return Err(Error::Usage(format!("{} requires --param {name}=...{help}", self.name)));
                }
            };
        }
        Ok(values)
    }
}

/// The shipped questions, by name.
#[derive(Debug)]
pub struct Questions(BTreeMap<String, Question>);

impl Questions {
    /// Loads them.
    ///
    /// # Errors
    /// When one is invalid, which tests exclude.
    pub fn load() -> Result<Questions> {
        let mut questions = BTreeMap::new();
        for file in SHIPPED.files() {
            let stem = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let question = Question::parse(&stem, file.contents_utf8().unwrap_or_default())?;
            questions.insert(stem, question);
        }
        Ok(Questions(questions))
    }

    /// All questions, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Question> {
        self.0.values()
    }

    /// The question with this name.
    ///
    /// # Errors
    /// [`Error::Usage`] with similar names.
    pub fn get(&self, name: &str) -> Result<&Question> {
        self.0.get(name).ok_or_else(|| {
            let part = name.split('_').next().unwrap_or(name);
            let names = || self.0.keys().map(String::as_str);
            let similar: Vec<_> = names().filter(|known| known.contains(part)).collect();
            let hint = did_you_mean(name, &similar, names()).unwrap_or_else(|| "see `trailhunt queries`".into());
            Error::Usage(format!("no question {name}; {hint}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "/*\ntitle = \"Who\"\n[params]\nkey = { help = \"access key\" }\nrows = { default = 5, help = \"rows\" }\n*/\n\
                        SELECT actor FROM calls WHERE access_key_id = $key LIMIT $rows";

    #[test]
    fn defaults_are_bound_and_missing_values_are_reported() {
        let question = Question::parse("who", TEXT).unwrap();
        let given = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            question.parameters(&pairs, None)
        };
        let values = given(&[("key", "AKIA1")]).unwrap();
        assert_eq!(values["key"], Value::Text("AKIA1".into()));
        assert_eq!(values["rows"], Value::Integer(5));
        assert_eq!(given(&[("key", "7"), ("rows", "9")]).unwrap()["rows"], Value::Integer(9));
        let refused = |pairs: &[(&str, &str)]| given(pairs).unwrap_err().to_string();
        assert_eq!(refused(&[]), "who requires --param key=...: access key");
        assert_eq!(refused(&[("kye", "x")]), "who: no parameter kye; its parameters: key, rows");
        assert_eq!(refused(&[("key", "x"), ("rows", "many")]), "who: rows=many: expected a value like the default 5");
    }

    #[test]
    fn sql_without_a_header_is_a_question_too() {
        let question = Question::parse("query", "/* why not */ -- here\nSELECT $a").unwrap();
        assert_eq!(question.parameters(&[], None).unwrap_err().to_string(), "query requires --param a=...");
        let wrong = Question::parse("query", "/*\ntitle = 5\n*/ SELECT 1").unwrap_err().to_string();
        assert!(wrong.starts_with("query: line 2, column 9: "), "{wrong}");
    }
}
