//! A parameter of a detector or a saved question: declared in TOML, typed as text, bound as a value.

use serde::Deserialize;

use crate::engine::Value;

/// A parameter that a detector can be tuned with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Value unless another is set.
    pub default: toml::Value,
    /// Smallest allowed number.
    pub min: Option<f64>,
    /// Largest allowed number.
    pub max: Option<f64>,
    /// What it does, with its unit.
    pub help: String,
}

impl Parameter {
    /// Checks the declaration.
    ///
    /// # Errors
    /// What is wrong, and the next step.
    pub fn check(&self) -> std::result::Result<(), String> {
        let number = match value_of(&self.default) {
            None => {
                let next = "write a number, a string, true or false, or a list of strings";
                return Err(format!("invalid default {}; {next}", self.default));
            }
            Some(Value::Integer(n)) => n as f64,
            Some(Value::Float(x)) => x,
            Some(_) if self.min.is_some() || self.max.is_some() => {
                return Err(format!("min and max need a number as default, not {}", self.default));
            }
            Some(_) => return Ok(()),
        };
        self.check_range(number).map_err(|range| format!("default {number} is not {range}"))
    }

    /// The value of `text`, or the default.
    ///
    /// # Errors
    /// What is wrong: another type than the default's, or a number out of range.
    pub fn value(&self, text: Option<&String>) -> std::result::Result<Value, String> {
        let value = match text {
            Some(text) => value_like(text, &self.default),
            None => value_of(&self.default),
        };
        let value = value.ok_or_else(|| format!("expected a value like the default {}", self.default))?;
        let number = match value {
            Value::Integer(n) => n as f64,
            Value::Float(x) => x,
            _ => return Ok(value),
        };
        self.check_range(number).map_err(|range| format!("{number} is not {range}"))?;
        Ok(value)
    }

    fn check_range(&self, number: f64) -> std::result::Result<(), String> {
        let (min, max) = (self.min.unwrap_or(f64::MIN), self.max.unwrap_or(f64::MAX));
        match (min..=max).contains(&number) {
            true => Ok(()),
            false => Err(match (self.min, self.max) {
                (Some(min), None) => format!("at least {min}"),
                (None, Some(max)) => format!("at most {max}"),
                _ => format!("between {min} and {max}"),
            }),
        }
    }
}

/// A TOML value as a value to bind; `None` for a table, a date, or a list of anything but strings.
pub fn value_of(value: &toml::Value) -> Option<Value> {
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

/// Typed text as a value of the default's type; the items of a list are separated by commas.
pub fn value_like(text: &str, default: &toml::Value) -> Option<Value> {
    Some(match default {
        toml::Value::Integer(_) => Value::Integer(text.parse().ok()?),
        toml::Value::Float(_) => Value::Float(text.parse().ok()?),
        toml::Value::String(_) => Value::Text(text.into()),
        toml::Value::Boolean(_) => Value::Bool(text.parse().ok()?),
        toml::Value::Array(_) => Value::Texts(text.split(',').map(|item| item.trim().to_owned()).collect()),
        _ => return None,
    })
}
