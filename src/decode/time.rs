//! Parses CloudTrail's times to microseconds since 1970-01-01 UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Microseconds in a day.
pub const DAY_US: i64 = 86_400_000_000;

/// Parses a time from 2006 to 2099. Times outside are `None`, because AWS launched in 2006 and such events cannot be
/// placed in a history.
pub fn micros(text: &str) -> Option<i64> {
    let time = micros_unchecked(text)?;
    let year = |year| NaiveDate::from_ymd_opt(year, 1, 1)?.and_hms_opt(0, 0, 0).map(|t| t.and_utc().timestamp_micros());
    (time >= year(2006)? && time < year(2100)?).then_some(time)
}

/// Parses a time of any year: `2024-02-29T23:59:59Z`, with or without a fraction, or with an offset; the export format
/// of databases, with a space and no zone; seconds or milliseconds since 1970.
pub fn micros_unchecked(text: &str) -> Option<i64> {
    let rfc3339 = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros());
    plain(text).or_else(rfc3339).or_else(|| database(text)).or_else(|| epoch(text))
}

/// The usual form, whole seconds and `Z`, faster than with a general parser.
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

/// Ten digits are seconds, thirteen are milliseconds; valid until 2286.
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
    fn every_supported_format_is_parsed() {
        assert_eq!(micros("2024-02-29T00:00:01Z"), Some(1_709_164_801_000_000));
        assert_eq!(micros("2024-02-29T00:00:01.250Z"), Some(1_709_164_801_250_000));
        assert_eq!(micros("2024-02-29T01:00:01+01:00"), Some(1_709_164_801_000_000));
        assert_eq!(micros("2024-02-29 00:00:01"), Some(1_709_164_801_000_000));
        assert_eq!(micros("2024-02-29 00:00:01.250"), Some(1_709_164_801_250_000));
        assert_eq!(micros("1709164801"), Some(1_709_164_801_000_000));
        assert_eq!(micros("1709164801250"), Some(1_709_164_801_250_000));
    }

    #[test]
    fn invalid_times_and_times_out_of_range_are_none() {
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
