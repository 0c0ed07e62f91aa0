//! Names and values of a detector's columns as people read them. Nothing here makes log text safe to show.

use serde_json::{Number, Value};

use crate::wording::grouped;

/// Words of column names that are written in capitals.
const ABBREVIATIONS: [&str; 7] = ["api", "arn", "asn", "id", "ip", "kms", "mfa"];
/// Digits of a fraction that matter, and decimal places at most.
const DIGITS: i32 = 4;
const PLACES_MAX: i32 = 9;
/// Larger numbers are shown as JSON has them.
const GROUPED_MAX: f64 = 1e15;

/// The name of a column in words: `most APIs denied in an hour` for `most_apis_denied_in_an_hour`.
pub fn name(column: &str) -> String {
    column.split('_').map(word).collect::<Vec<_>>().join(" ")
}

fn word(word: &str) -> String {
    let is_short = |text: &str| ABBREVIATIONS.contains(&text);
    match word.strip_suffix('s') {
        _ if word == "kmh" => "km/h".into(),
        _ if is_short(word) => word.to_uppercase(),
        Some(stem) if is_short(stem) => format!("{}s", stem.to_uppercase()),
        _ => word.to_owned(),
    }
}

/// A value in words: numbers with separators, times up to the second, `yes` and `no`, lists with commas.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => shown_number(number),
        Value::String(text) if is_time(text) => second(text),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(_) => value.to_string(),
    }
}

/// `2024-03-20 14:05:09` for an RFC 3339 time.
pub fn second(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// Whether a text begins as an RFC 3339 time.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes[at].is_ascii_digit();
    text.is_ascii()
        && (19..=35).contains(&text.len())
        && bytes[4] == b'-'
        && bytes[10] == b'T'
        && bytes[13] == b':'
        && [0, 3, 5, 8, 11, 14, 17].into_iter().all(is_digit)
        && bytes[19..].iter().all(|byte| byte.is_ascii_digit() || b".:+Z".contains(byte))
}

fn shown_number(number: &Number) -> String {
    if let Some(n) = number.as_u64() {
        return grouped(n);
    }
    let n = match number.as_f64() {
        Some(0.0) => return "0".into(),
        Some(n) if n.abs() < GROUPED_MAX => n,
        _ => return number.to_string(),
    };
    let magnitude = n.abs().log10().floor() as i32;
    let places = (DIGITS - 1 - magnitude).clamp(0, PLACES_MAX) as usize;
    let text = format!("{:.places$}", n.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((text.as_str(), ""));
    let whole = whole.parse::<u64>().map_or_else(|_| whole.to_owned(), grouped);
    let sign = if n < 0.0 { "-" } else { "" };
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_columns_become_words() {
        assert_eq!(name("most_apis_denied_in_an_hour"), "most APIs denied in an hour");
        assert_eq!(name("days_with_mfa"), "days with MFA");
        assert_eq!([name("ip"), name("speed_kmh"), name("kms_keys")], ["IP", "speed km/h", "KMS keys"]);
    }

    #[test]
    fn values_are_shown_as_people_write_them() {
        for (value, expected) in [
            (json!(1234567), "1,234,567"),
            (json!(-1234), "-1,234"),
            (json!(0.0), "0"),
            (json!(61.5), "61.5"),
            (json!(0.123456), "0.1235"),
            (json!(12345.678), "12,346"),
            (json!(true), "yes"),
            (json!("2024-03-01T09:00:00Z"), "2024-03-01 09:00:00"),
            (json!("2024-03-01T09"), "2024-03-01T09"),
            (json!("2024-03-01T09:00:00 or later"), "2024-03-01T09:00:00 or later"),
            (json!("ééééééééééééé"), "ééééééééééééé"),
            (json!(["a", 1000, null]), "a, 1,000, -"),
            (json!({"a": 1}), "{\"a\":1}"),
        ] {
            assert_eq!(shown(&value), expected);
        }
    }
}
