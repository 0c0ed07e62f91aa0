//! Values for the `$names` of a query. They are bound, never pasted into the text.

use std::collections::BTreeMap;
use std::fmt::Display;

use datafusion::common::ScalarValue;

/// A value for a `$name` in SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Whole number.
    Integer(i64),
    /// Number.
    Float(f64),
    /// Text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// List of texts, for `array_has($list, column)`.
    Texts(Vec<String>),
    /// Microseconds since 1970-01-01 UTC.
    Time(i64),
}

/// Values by name, without the `$`.
pub type Parameters = BTreeMap<String, Value>;

/// Binds texts as `name0`, `name1`, ..., and returns them as a list for SQL: `$name0, $name1`. The list of none is `NULL`,
/// which nothing equals.
pub fn bind_texts(parameters: &mut Parameters, name: &str, texts: impl IntoIterator<Item: Display>) -> String {
    bind(parameters, name, texts, |name| format!("${name}"))
}

/// As [`bind_texts`], for days such as `2024-03-01`: `CAST($day0 AS DATE), CAST($day1 AS DATE)`.
pub fn bind_days(parameters: &mut Parameters, days: impl IntoIterator<Item: Display>) -> String {
    bind(parameters, "day", days, |name| format!("CAST(${name} AS DATE)"))
}

fn bind(
    parameters: &mut Parameters,
    name: &str,
    values: impl IntoIterator<Item: Display>,
    in_sql: fn(&str) -> String,
) -> String {
    let mut list = Vec::new();
    for (at, value) in values.into_iter().enumerate() {
        let name = format!("{name}{at}");
        list.push(in_sql(&name));
        parameters.insert(name, Value::Text(value.to_string()));
    }
    if list.is_empty() { "NULL".into() } else { list.join(", ") }
}

impl From<&Value> for ScalarValue {
    fn from(value: &Value) -> ScalarValue {
        match value {
            Value::Integer(n) => ScalarValue::Int64(Some(*n)),
            Value::Float(x) => ScalarValue::Float64(Some(*x)),
            Value::Text(text) => ScalarValue::Utf8(Some(text.clone())),
            Value::Bool(flag) => ScalarValue::Boolean(Some(*flag)),
            Value::Texts(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| ScalarValue::Utf8(Some(text.clone()))).collect();
                ScalarValue::List(ScalarValue::new_list(&texts, &arrow::datatypes::DataType::Utf8, true))
            }
            Value::Time(us) => ScalarValue::TimestampMicrosecond(Some(*us), Some("UTC".into())),
        }
    }
}
