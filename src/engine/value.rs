//! Values for the `$names` of a query. They are bound, never pasted into the text.

use std::collections::BTreeMap;

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
