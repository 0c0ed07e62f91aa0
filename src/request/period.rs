//! Points in time as people write them: `2024-03-01`, `2024-03-01T09:00Z`, `yesterday`, `7d`.

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveTime, Utc};

use crate::error::{Error, Result};

/// A period of time; a bound that is not given is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// Start, included.
    pub from: Option<DateTime<Utc>>,
    /// End, excluded.
    pub to: Option<DateTime<Utc>>,
    /// The start was given relative to now (`yesterday`, `7d`): an open end then means now.
    pub is_relative: bool,
}

impl Period {
    /// Reads the values of `--from` and `--to`.
    ///
    /// # Errors
    /// As [`instant`].
    pub fn parse(from: Option<&str>, to: Option<&str>, now: DateTime<Utc>) -> Result<Period> {
        let read = |text: Option<&str>| text.map(|text| instant(text, now)).transpose();
        let is_relative = from.is_some_and(|text| !is_absolute(text));
        Ok(Period { from: read(from)?, to: read(to)?, is_relative })
    }

    /// Refuses a time of day where whole days are read or evaluated: it would be rounded silently.
    ///
    /// # Errors
    /// [`Error::Usage`] with the time.
    pub fn whole_days(self, from: Option<&str>, to: Option<&str>) -> Result<Period> {
        let given = [(from, self.from), (to, self.to)];
        let has_time = |(text, time): &(Option<&str>, Option<DateTime<Utc>>)| {
            text.is_some_and(is_absolute) && time.is_some_and(|time| time.time() != NaiveTime::MIN)
        };
        match given.iter().find(|given| has_time(given)) {
            Some((Some(text), _)) => Err(Error::Usage(format!(
                "invalid time `{text}`: this command works on whole days (UTC), so give a day such as 2024-03-01"
            ))),
            _ => Ok(self),
        }
    }

    /// The time until which events are expected: the end that was given, or now for a relative start. `None` if both are open: an
    /// archive ends with its last event.
    pub fn expected_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // CloudTrail delivers within about 15 minutes; the current hour is not complete.
        let delivered = now - Duration::hours(1);
        match (self.to, self.is_relative) {
            (Some(to), _) => Some(to.min(delivered)),
            (None, true) => Some(delivered),
            (None, false) => None,
        }
    }

    /// The days it covers, as a filter on delivery days: the first day, and the day after the last.
    pub fn days(&self) -> (Option<NaiveDate>, Option<NaiveDate>) {
        (self.from.map(|time| time.date_naive()), self.to.map(day_after))
    }
}

/// Whether a point in time is a date or a date with a time, and not relative to now.
fn is_absolute(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('-')
}

/// 00:00 UTC of a day.
pub fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// A day (at 00:00 UTC), an RFC 3339 time, `today`, `yesterday`, `now`, or an age such as `7d` or `36h`, counted back from now.
///
/// # Errors
/// [`Error::Usage`] with the accepted formats.
pub fn instant(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    let named = match text {
        "now" => Some(now),
        "today" => Some(midnight(now.date_naive())),
        "yesterday" => now.date_naive().checked_sub_days(Days::new(1)).map(midnight),
        _ => None,
    };
    named
        .or_else(|| text.parse::<NaiveDate>().ok().map(midnight))
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()))
        .or_else(|| age(text).and_then(|age| now.checked_sub_signed(age)))
        .ok_or_else(|| {
            Error::Usage(format!(
                "invalid time `{text}`: expected 2024-03-01, 2024-03-01T09:00:00Z, yesterday, or an age such as 7d"
            ))
        })
}

fn age(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: i64 = number.trim_start_matches('-').parse().ok()?;
    match unit {
        "d" => Duration::try_days(number),
        "h" => Duration::try_hours(number),
        _ => None,
    }
}

/// The day after the last day that has a moment before `time`.
pub fn day_after(time: DateTime<Utc>) -> NaiveDate {
    let day = time.date_naive();
    if time.time() == NaiveTime::MIN { day } else { day.succ_opt().unwrap_or(day) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_times_and_ages_are_read() {
        let now: DateTime<Utc> = "2024-03-01T12:30:00Z".parse().unwrap();
        let read = |text: &str| instant(text, now).unwrap().to_rfc3339();
        assert_eq!(read("2024-02-29"), "2024-02-29T00:00:00+00:00");
        assert_eq!(read("2024-02-29T06:00:00+02:00"), "2024-02-29T04:00:00+00:00");
        assert_eq!(read("yesterday"), "2024-02-29T00:00:00+00:00");
        assert_eq!(read("36h"), "2024-02-29T00:30:00+00:00");
        assert_eq!(read("-1d"), "2024-02-29T12:30:00+00:00");
        assert!(instant("soon", now).unwrap_err().to_string().contains("invalid time `soon`: expected"));
    }

    #[test]
    fn a_time_of_day_is_refused_where_whole_days_are_needed() {
        let now: DateTime<Utc> = "2024-03-01T12:30:00Z".parse().unwrap();
        let whole = |text: &str| Period::parse(Some(text), None, now).unwrap().whole_days(Some(text), None);
        for text in
            ["2024-02-29T12:00:00Z", "2024-02-29 12:00:00Z", "2024-02-29t12:00:00z", "2024-02-29T00:00:00+02:00"]
        {
            let error = whole(text).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("whole days"), "{error}");
        }
        for text in ["2024-02-29", "2024-02-29T00:00:00Z", "yesterday", "7d", "-1d", "36h"] {
            assert!(whole(text).is_ok(), "{text}");
        }
    }
}
