//! When an organisation works: days of the week, hours of the day, and CloudTrail's ways to write a moment.
//!
//! In: a start date and a day's number. Out: moments as seconds since 1970 (UTC). Never looks at the wall clock.

use std::fmt::Write;

use chrono::{DateTime, Datelike, Days, NaiveDate, Timelike, Weekday};
use rand::Rng;

/// Seconds in a day.
pub(super) const DAY: i64 = 86_400;
/// Seconds in an hour.
pub(super) const HOUR: i64 = 3_600;

/// One day of the sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    /// Counted from the sample's first day, 0.
    pub(super) index: u32,
    /// Its date, UTC.
    pub(super) date: NaiveDate,
    /// Its first second.
    pub(super) midnight: i64,
}

impl Day {
    /// The day `index` days after `start`.
    pub(super) fn new(start: NaiveDate, index: u32) -> Self {
        let date = start.checked_add_days(Days::new(u64::from(index))).unwrap_or(start);
        Self { index, date, midnight: date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() }
    }

    /// Saturday or Sunday.
    pub(super) fn is_weekend(&self) -> bool {
        matches!(self.date.weekday(), Weekday::Sat | Weekday::Sun)
    }

    /// How much of a weekday's traffic the whole organisation makes on this day.
    pub(super) fn traffic(&self) -> f64 {
        match self.date.weekday() {
            Weekday::Sat => 0.58,
            Weekday::Sun => 0.55,
            Weekday::Mon => 0.98,
            Weekday::Fri => 0.97,
            _ => 1.02,
        }
    }
}

/// How the hours of a day (UTC) share its traffic.
pub(super) struct Curve([u32; 24]);

/// Customers of a European and American company: a long day, a quiet night.
pub(super) const CUSTOMERS: Curve =
    Curve([4, 3, 3, 3, 4, 5, 7, 9, 11, 12, 12, 12, 11, 12, 13, 13, 12, 11, 10, 9, 8, 7, 6, 5]);
/// Machines that do not care about people.
pub(super) const EVEN: Curve = Curve([1; 24]);
/// Nightly jobs.
pub(super) const NIGHT: Curve = Curve([10, 30, 30, 12, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 5]);

impl Curve {
    /// A second of the day, more often when the curve is high.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> i64 {
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
pub(super) fn push_timestamp(out: &mut String, at: i64) {
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

/// `2024-03-04T09:35:07Z`.
pub(super) fn timestamp(at: i64) -> String {
    let mut text = String::with_capacity(20);
    push_timestamp(&mut text, at);
    text
}

/// Appends `Mar 4, 2024, 9:35:07 AM`, as the Java SDK writes a date into response elements.
pub(super) fn push_long_date(out: &mut String, at: i64) {
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
    fn moments_are_written_as_cloudtrail_does() {
        assert_eq!(timestamp(1_709_544_907), "2024-03-04T09:35:07Z");
        let mut long = String::new();
        push_long_date(&mut long, 1_709_544_907);
        assert_eq!(long, "Mar 4, 2024, 9:35:07 AM");
    }

    #[test]
    fn night_jobs_run_at_night() {
        let mut rng = super::super::dice::stream(1, super::super::dice::Purpose::Total, &[]);
        let early = (0..1000).filter(|_| NIGHT.draw(&mut rng) < 4 * HOUR).count();
        assert!(early > 600, "{early}");
    }
}
