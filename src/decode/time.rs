//! CloudTrail's times as microseconds since 1970-01-01 UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Microseconds in a day.
pub const DAY_US: i64 = 86_400_000_000;

/// Reads `2024-02-29T23:59:59Z`, with or without a fraction, or with an offset; as databases export it, with a space and
/// no zone; as seconds or milliseconds since 1970. `None` when it is no time, or one before 2006 or after 2099: AWS
/// opened in 2006, and a clock that far off sorts no history.
pub fn micros(text: &str) -> Option<i64> {
    let rfc3339 = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros());
    let time = plain(text).or_else(rfc3339).or_else(|| database(text)).or_else(|| epoch(text))?;
    let year = |year| NaiveDate::from_ymd_opt(year, 1, 1)?.and_hms_opt(0, 0, 0).map(|t| t.and_utc().timestamp_micros());
    (time >= year(2006)? && time < year(2100)?).then_some(time)
}

/// The usual form, whole seconds and `Z`, without the cost of a general parser.
fn plain(text: &str) -> Option<i64> {
    let b: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    if separators.iter().any(|(at, byte)| b[*at] != *byte) {
        return None;
    }
    let number = |from: usize, to: usize| {
        b[from..to].iter().try_fold(0u32, |n, digit| digit.is_ascii_digit().then(|| n * 10 + u32::from(digit - b'0')))
    };
    let date = NaiveDate::from_ymd_opt(number(0, 4)? as i32, number(5, 7)?, number(8, 10)?)?;
    let time = date.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
    Some(time.and_utc().timestamp_micros())
}

/// `2024-02-29 23:59:59`, with or without a fraction, in UTC.
fn database(text: &str) -> Option<i64> {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(time.and_utc().timestamp_micros())
}

/// Ten digits are seconds, thirteen are milliseconds; both hold until 2286.
fn epoch(text: &str) -> Option<i64> {
    let micros_per_unit = match text.len() {
        10 => 1_000_000,
        13 => 1_000,
        _ => return None,
    };
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    if is_number { text.parse::<i64>().ok()?.checked_mul(micros_per_unit) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_and_unusual_forms_are_read() {
        assert_eq!(micros("2024-02-29T00:00:01Z"), Some(1_709_164_801_000_000));
        assert_eq!(micros("2024-02-29T00:00:01.250Z"), Some(1_709_164_801_250_000));
        assert_eq!(micros("2024-02-29T01:00:01+01:00"), Some(1_709_164_801_000_000));
        assert_eq!(micros("2024-02-29 00:00:01"), Some(1_709_164_801_000_000));
        assert_eq!(micros("2024-02-29 00:00:01.250"), Some(1_709_164_801_250_000));
        assert_eq!(micros("1709164801"), Some(1_709_164_801_000_000));
        assert_eq!(micros("1709164801250"), Some(1_709_164_801_250_000));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "2023-02-29T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "9999-01-01T00:00:00Z",
            "2024-02-29",
            "1000000000",
            "17091648",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
