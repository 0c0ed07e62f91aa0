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

    /// Numbers to try instead of `text`, or of the default: a few times more and a few times less, within the range.
    /// `None` for a parameter that is not a number.
    pub fn candidates(&self, text: Option<&String>) -> Option<Candidates> {
        let value = self.value(text).ok()?;
        let (now, is_whole) = match value {
            Value::Integer(n) => (n as f64, true),
            Value::Float(x) => (x, false),
            _ => return None,
        };
        // From 0, steps are counted in ones.
        let size = if now == 0.0 { 1.0 } else { now.abs() };
        let (min, max) = (self.min.unwrap_or(if now < 0.0 { f64::MIN } else { 0.0 }), self.max.unwrap_or(f64::MAX));
        let shown = |number: f64| format!("{}", (number * 1000.0).round() / 1000.0);
        let above = |factor: &f64| {
            let number = now + size * (factor - 1.0);
            let number = if is_whole { number.ceil().max(now + 1.0) } else { number };
            number.min(max)
        };
        let below = |factor: &f64| {
            let number = now - size * (1.0 - 1.0 / factor);
            let number = if is_whole { number.floor().min(now - 1.0) } else { number };
            number.max(min)
        };
        let distinct = |numbers: Vec<f64>| {
            let mut values: Vec<String> = numbers.into_iter().filter(|n| *n != now).map(shown).collect();
            values.dedup();
            values
        };
        Some(Candidates {
            now: shown(now),
            above: distinct(STEPS.iter().map(above).collect()),
            below: distinct(STEPS.iter().map(below).collect()),
        })
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

/// Factors of [`Parameter::candidates`].
const STEPS: [f64; 6] = [1.25, 1.5, 2.0, 3.0, 5.0, 10.0];

/// Values of a parameter to try, as they are typed, nearest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// The value now.
    pub now: String,
    /// Larger ones.
    pub above: Vec<String>,
    /// Smaller ones.
    pub below: Vec<String>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_within_the_range_and_of_the_same_type() {
        let of = |declared: &str, text: Option<&str>| {
            let parameter: Parameter = toml::from_str(&format!("{declared}\nhelp = ''")).unwrap();
            let found = parameter.candidates(text.map(str::to_owned).as_ref())?;
            Some((found.now, found.above.join(" "), found.below.join(" ")))
        };
        let texts = |now: &str, above: &str, below: &str| Some((now.to_owned(), above.to_owned(), below.to_owned()));
        assert_eq!(of("default = 10\nmin = 2\nmax = 25", None), texts("10", "13 15 20 25", "8 6 5 3 2"));
        assert_eq!(of("default = 10", Some("1")), texts("1", "2 3 5 10", "0"));
        assert_eq!(of("default = 0\nmin = 0", None), texts("0", "1 2 4 9", ""));
        assert_eq!(of("default = 0.5\nmax = 1.0", None), texts("0.5", "0.625 0.75 1", "0.4 0.333 0.25 0.167 0.1 0.05"));
        assert_eq!(of("default = 'a'", None), None);
    }
}
