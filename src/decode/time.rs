//! Parses the times of CloudTrail and of its exports to microseconds since 1970-01-01 UTC.

use chrono::NaiveDate;

/// Microseconds in a day.
pub const DAY_US: i64 = 86_400_000_000;

const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
const HOUR_US: i64 = 60 * MINUTE_US;

/// Why a text is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeError {
    /// Not in a known format.
    UnknownFormat,
    /// In a known format, but there is no such day, time or offset.
    Nonexistent,
    /// Before 2006, when AWS launched, or after 2099. Such events cannot be placed in a history.
    OutOfRange,
}

/// Parses a time from 2006 to 2099; `None` for any other text.
pub fn micros(text: &str) -> Option<i64> {
    parse(text).ok()
}

/// Parses a date and time such as `2024-02-29T23:59:59Z`, or seconds or milliseconds since 1970.
///
/// Seconds can be missing or have a fraction. A space can replace the `T`, as in exports of databases. The zone is `Z`,
/// `UTC` or an offset; without one, the time is UTC.
///
/// # Errors
/// Why the text is not a time.
pub fn parse(text: &str) -> Result<i64, TimeError> {
    let time = match plain(text).or_else(|| epoch(text)) {
        Some(time) => time,
        None => date_and_time(text)?,
    };
    let year = |year| NaiveDate::from_ymd_opt(year, 1, 1).map_or(0, midnight);
    if time >= year(2006) && time < year(2100) { Ok(time) } else { Err(TimeError::OutOfRange) }
}

/// The usual form, whole seconds and `Z`, faster than the general parser.
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

fn midnight(date: NaiveDate) -> i64 {
    date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros()
}

/// Any date and time of the formats that [`parse`] lists.
fn date_and_time(text: &str) -> Result<i64, TimeError> {
    let format = TimeError::UnknownFormat;
    let mut rest = Rest(text);
    let (year, month, day) = rest.date().ok_or(format)?;
    let (hour, minute, second) = rest.time_of_day().ok_or(format)?;
    let fraction_us = rest.fraction_us().ok_or(format)?;
    let (offset_hours, offset_minutes) = rest.offset().ok_or(format)?;
    // ISO 8601 writes midnight at the end of a day as 24:00, and a leap second as :60.
    let is_end_of_day = (hour, minute, second, fraction_us) == (24, 0, 0, 0);
    let exists = (hour < 24 || is_end_of_day) && minute < 60 && second <= 60;
    let date = NaiveDate::from_ymd_opt(year as i32, month as u32, day as u32);
    match date.filter(|_| exists && offset_hours.abs() < 24 && offset_minutes.abs() < 60) {
        None => Err(TimeError::Nonexistent),
        Some(date) => Ok(midnight(date)
            + (hour - offset_hours) * HOUR_US
            + (minute - offset_minutes) * MINUTE_US
            + second * SECOND_US
            + fraction_us),
    }
}

/// The part of a time that is not parsed yet.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// `2024-02-29`.
    fn date(&mut self) -> Option<(i64, i64, i64)> {
        let year = self.digits(4)?;
        let month = self.skip(&["-"])?.digits(2)?;
        Some((year, month, self.skip(&["-"])?.digits(2)?))
    }

    /// `T23:59:59` or `T23:59`.
    fn time_of_day(&mut self) -> Option<(i64, i64, i64)> {
        let hour = self.skip(&["T", "t", " "])?.digits(2)?;
        let minute = self.skip(&[":"])?.digits(2)?;
        let second = if self.skip(&[":"]).is_some() { self.digits(2)? } else { 0 };
        Some((hour, minute, second))
    }

    /// Nothing, or `.250`; digits beyond microseconds are dropped.
    fn fraction_us(&mut self) -> Option<i64> {
        if self.skip(&["."]).is_none() {
            return Some(0);
        }
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let kept = self.0[..digits.min(6)].parse::<i64>().ok()?;
        self.0 = &self.0[digits..];
        Some(kept * 10_i64.pow(6 - digits.min(6) as u32))
    }

    /// The end of the time: nothing, `Z`, `UTC`, or an offset such as `+01:00`, `+0100` or `+01`.
    fn offset(&mut self) -> Option<(i64, i64)> {
        let _ = self.skip(&[" "]);
        if matches!(self.0, "" | "Z" | "z" | "UTC") {
            return Some((0, 0));
        }
        let sign = if self.0.starts_with('-') { -1 } else { 1 };
        let hours = self.skip(&["+", "-"])?.digits(2)?;
        let _ = self.skip(&[":"]);
        let minutes = if self.0.is_empty() { 0 } else { self.digits(2)? };
        self.0.is_empty().then_some((sign * hours, sign * minutes))
    }

    /// Skips one of these texts.
    fn skip(&mut self, texts: &[&str]) -> Option<&mut Self> {
        self.0 = texts.iter().find_map(|text| self.0.strip_prefix(text))?;
        Some(self)
    }

    /// A number with this many digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let digits = self.0.get(..count).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
        self.0 = &self.0[count..];
        digits.parse().ok()
    }
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
        const TIME: i64 = 1_709_164_801_000_000;
        for (text, expected) in [
            ("2024-02-29T00:00:01Z", TIME),
            ("2024-02-29T00:00:01.250Z", TIME + 250_000),
            ("2024-02-29T00:00:01.1234567Z", TIME + 123_456),
            ("2024-02-29T01:00:01+01:00", TIME),
            ("2024-02-28T17:00:01.000-0700", TIME),
            ("2024-02-29t00:00:01z", TIME),
            ("2024-02-29T00:00:01", TIME),
            ("2024-02-29T00:00:01.5", TIME + 500_000),
            ("2024-02-29T00:00:01+0000", TIME),
            ("2024-02-29 00:00:01", TIME),
            ("2024-02-29 00:00:01.250", TIME + 250_000),
            ("2024-02-29 00:00:01 UTC", TIME),
            ("2024-02-29 00:00:01.000 UTC", TIME),
            ("2024-02-29 00:00:01+00", TIME),
            ("2024-02-29T00:00Z", TIME - SECOND_US),
            ("2024-02-29T00:00", TIME - SECOND_US),
            ("2024-02-28T24:00:00Z", TIME - SECOND_US),
            ("2024-02-28T23:59:60Z", TIME - SECOND_US),
            ("1709164801", TIME),
            ("1709164801250", TIME + 250_000),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_error_says_what_is_wrong() {
        use TimeError::{Nonexistent, OutOfRange, UnknownFormat};
        for (text, expected) in [
            ("", UnknownFormat),
            ("yesterday", UnknownFormat),
            ("2024-02-29", UnknownFormat),
            ("2024-02-29T00:00:01.Z", UnknownFormat),
            ("2024-02-29T00:00:01 CET", UnknownFormat),
            ("2024-02-29T00:00:01Z, about", UnknownFormat),
            ("2024-02-29T00:0é:01Z", UnknownFormat),
            ("29/02/2024 00:00:01", UnknownFormat),
            ("17091648", UnknownFormat),
            ("2023-02-29T00:00:00Z", Nonexistent),
            ("2024-02-29T25:00:00Z", Nonexistent),
            ("2024-02-29T24:00:01Z", Nonexistent),
            ("2024-02-29T00:00:01+99:00", Nonexistent),
            ("1970-01-01T00:00:00Z", OutOfRange),
            ("9999-01-01T00:00:00Z", OutOfRange),
            ("1000000000", OutOfRange),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }
}
