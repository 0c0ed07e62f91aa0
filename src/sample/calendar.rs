//! Time: days of the sample, hourly traffic curves, and the timestamp formats of CloudTrail.
//!
//! Input: a start date and the number of a day. Output: moments as seconds since 1970 (UTC). Never reads the clock.

use std::fmt::Write;

use chrono::{DateTime, Datelike, Days, NaiveDate, Timelike, Weekday};
use rand::Rng;

/// Seconds per day.
pub(crate) const DAY: i64 = 86_400;

/// Seconds per hour.
pub(crate) const HOUR: i64 = 3_600;

/// One day of the sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Day {
    /// Days since the start of the sample; the first day is 0.
    pub(crate) index: u32,
    /// The date (UTC).
    pub(crate) date: NaiveDate,
    /// Midnight at the start of the day.
    pub(crate) midnight: i64,
}

impl Day {
    /// The day `index` days after `start`.
    pub(crate) fn new(start: NaiveDate, index: u32) -> Self {
        let date = start.checked_add_days(Days::new(u64::from(index))).unwrap_or(start);
        Self { index, date, midnight: date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() }
    }

    /// Whether it is a Saturday or Sunday.
    pub(crate) fn is_weekend(&self) -> bool {
        matches!(self.date.weekday(), Weekday::Sat | Weekday::Sun)
    }

    /// This day's traffic relative to an average weekday.
    pub(crate) fn traffic(&self) -> f64 {
        match self.date.weekday() {
            Weekday::Sat => 0.58,
            Weekday::Sun => 0.55,
            Weekday::Mon => 0.98,
            Weekday::Fri => 0.97,
            _ => 1.02,
        }
    }
}

/// How traffic is distributed over the hours of a day (UTC).
pub(crate) struct Curve([u32; 24]);

/// Customers in Europe and America: a long day, a quiet night.
pub(crate) const CUSTOMERS: Curve =
    Curve([4, 3, 3, 3, 4, 5, 7, 9, 11, 12, 12, 12, 11, 12, 13, 13, 12, 11, 10, 9, 8, 7, 6, 5]);

/// Traffic that does not depend on the time of day.
pub(crate) const UNIFORM: Curve = Curve([1; 24]);

/// Nightly jobs.
pub(crate) const NIGHTLY: Curve = Curve([10, 30, 30, 12, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 5]);

impl Curve {
    /// A random second of the day, distributed like the curve.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> i64 {
        let total: u32 = self.0.iter().sum();
        let mut rest = rng.random_range(0..total);
        for (hour, share) in (0..).zip(self.0) {
            if rest < share {
                return hour * HOUR + rng.random_range(0..HOUR);
            }
            rest -= share;
        }
        0
    }
}

/// Appends `2024-03-04T09:35:07Z`.
pub(crate) fn push_timestamp(out: &mut String, at: i64) {
    let moment = DateTime::from_timestamp(at, 0).unwrap_or_default();
    let (date, time) = (moment.date_naive(), moment.time());
    // Writing into a String cannot fail.
    let _ = write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        date.month(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
}

/// The moment as `2024-03-04T09:35:07Z`.
pub(crate) fn timestamp(at: i64) -> String {
    let mut text = String::with_capacity(20);
    push_timestamp(&mut text, at);
    text
}

/// Appends `Mar 4, 2024, 9:35:07 AM`, as the Java SDK writes a date into response elements.
pub(crate) fn push_long_date(out: &mut String, at: i64) {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let moment = DateTime::from_timestamp(at, 0).unwrap_or_default();
    let (date, (afternoon, hour)) = (moment.date_naive(), moment.time().hour12());
    let _ = write!(
        out,
        "{} {}, {}, {}:{:02}:{:02} {}",
        MONTHS[date.month0() as usize],
        date.day(),
        date.year(),
        hour,
        moment.minute(),
        moment.second(),
        if afternoon { "PM" } else { "AM" }
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_match_cloudtrail() {
        assert_eq!(timestamp(1_709_544_907), "2024-03-04T09:35:07Z");
        let mut long = String::new();
        push_long_date(&mut long, 1_709_544_907);
        assert_eq!(long, "Mar 4, 2024, 9:35:07 AM");
    }

    #[test]
    fn night_jobs_run_at_night() {
        let mut rng = crate::sample::random::rng_for(1, crate::sample::random::Purpose::DayTotal, &[]);
        let early = (0..1000).filter(|_| NIGHTLY.draw(&mut rng) < 4 * HOUR).count();
        assert!(early > 600, "{early}");
    }
}
