//! Saved questions: SQL with a TOML header that says what they answer and what they want to be told.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::detect::{Problem, Window, plain_value, value_like};
use crate::engine::{Parameters, Place, Sql, Value};
use crate::error::{Error, Result};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");

/// What a question wants to be told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionParameter {
    /// What it is when nobody says; without it somebody has to.
    pub default: Option<toml::Value>,
    /// What it is.
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
    /// What else there is to know.
    pub about: Option<String>,
    /// What it wants to be told.
    pub params: BTreeMap<String, QuestionParameter>,
    /// The whole file.
    pub text: String,
}

impl Question {
    /// SQL with or without a header; without one its `$parameters` are all texts that have to be given.
    ///
    /// # Errors
    /// [`Error::Query`] with what is wrong with the header, and where.
    pub fn parse(name: &str, text: &str) -> Result<Question> {
        let of = |header: Header| Question {
            name: name.into(),
            title: header.title,
            about: header.about,
            params: header.params,
            text: text.into(),
        };
        let begin = text.len() - text.trim_start().len();
        let header = text[begin..].strip_prefix("/*").and_then(|rest| rest.split_once("*/"));
        // A comment that says nothing in TOML is a comment.
        let Some((header, _)) = header.filter(|(header, _)| header.contains("title")) else {
            return Ok(of(Header { title: String::new(), about: None, params: BTreeMap::new() }));
        };
        let header = toml::from_str(header).map_err(|e| {
            let at = begin + "/*".len() + e.span().map_or(0, |span| span.start);
            Error::query(name, Problem::at(Place::of(text, at), e.message()))
        })?;
        Ok(of(header))
    }

    /// Values of what it asks for: what is `given` as `name=value`, defaults, and `$from` and `$to` of the window.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name it has not, a value of another kind, or one that is missing.
    pub fn parameters(&self, given: &[(String, String)], window: Option<Window>) -> Result<Parameters> {
        let sql = Sql::parse(&self.text).map_err(|fault| Error::query(&*self.name, fault))?;
        let mut wanted: Vec<&str> = sql.parameters().iter().map(|(name, _)| name.as_str()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut values = window.map(|window| window.parameters()).unwrap_or_default();
        for (name, text) in given {
            if !wanted.contains(&name.as_str()) {
                let known: Vec<_> = wanted.iter().copied().filter(|name| !["from", "to"].contains(name)).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Error::Usage(format!("{}: no parameter {name}; it has {known}", self.name)));
            }
            let default = self.params.get(name).and_then(|parameter| parameter.default.as_ref());
            let value = match default {
                Some(default) => value_like(text, default),
                None => Some(Value::Text(text.clone())),
            };
            let wrong = || Error::Usage(format!("{}: {name}={text} is not like its default", self.name));
            values.insert(name.clone(), value.ok_or_else(wrong)?);
        }
        for name in &wanted {
            if values.contains_key(*name) {
                continue;
            }
            let parameter = self.params.get(*name);
            match parameter.and_then(|parameter| plain_value(parameter.default.as_ref()?)) {
                Some(value) => values.insert((*name).to_owned(), value),
                None => {
                    let help = parameter.map(|parameter| format!(": {}", parameter.help)).unwrap_or_default();
                    return Err(Error::Usage(format!("{} wants --param {name}=...{help}", self.name)));
                }
            };
        }
        // The engine refuses a bound name the text does not use.
        values.retain(|name, _| wanted.contains(&name.as_str()));
        Ok(values)
    }
}

/// The questions that come with the program, by name.
#[derive(Debug)]
pub struct Questions(BTreeMap<String, Question>);

impl Questions {
    /// All of them.
    ///
    /// # Errors
    /// When one is not well formed, which its tests exclude.
    pub fn load() -> Result<Questions> {
        let mut questions = BTreeMap::new();
        for file in SHIPPED.files() {
            let stem = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let question = Question::parse(&stem, file.contents_utf8().unwrap_or_default())?;
            questions.insert(stem, question);
        }
        Ok(Questions(questions))
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Question> {
        self.0.values()
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::Usage`] with the names that are like it.
    pub fn get(&self, name: &str) -> Result<&Question> {
        self.0.get(name).ok_or_else(|| {
            let part = name.split('_').next().unwrap_or(name);
            let near: Vec<_> = self.0.keys().filter(|known| known.contains(part)).map(String::as_str).collect();
            let hint = match near.is_empty() {
                true => "see `trailhunt queries`".into(),
                false => format!("is it {}?", near.join(" or ")),
            };
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
    fn defaults_are_bound_and_what_has_none_is_asked_for() {
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
        assert_eq!(refused(&[]), "who wants --param key=...: access key");
        assert_eq!(refused(&[("kye", "x")]), "who: no parameter kye; it has key, rows");
        assert_eq!(refused(&[("key", "x"), ("rows", "many")]), "who: rows=many is not like its default");
    }

    #[test]
    fn sql_without_a_header_is_a_question_too() {
        let question = Question::parse("query", "/* why not */ -- here\nSELECT $a").unwrap();
        assert_eq!(question.parameters(&[], None).unwrap_err().to_string(), "query wants --param a=...");
        let wrong = Question::parse("query", "/*\ntitle = 5\n*/ SELECT 1").unwrap_err().to_string();
        assert!(wrong.starts_with("query: line 2, column 9: "), "{wrong}");
    }
}
