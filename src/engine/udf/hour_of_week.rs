//! `hour_of_week(time)`: the hour of the week of a time, for weekly rhythms.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, times};

const HOUR_US: i64 = 3_600_000_000;

/// 0 for the hour that begins on Monday 00:00 UTC, 167 for the last one of Sunday; `time_us` since 1970.
pub fn hour_of_week(time_us: i64) -> i64 {
    // 1970 began on a Thursday.
    (time_us.div_euclid(HOUR_US) + 3 * 24).rem_euclid(7 * 24)
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "hour_of_week",
        "Hour of the week in UTC: 0 begins on Monday 00:00, 167 is the last hour of Sunday. The day is hour_of_week / 24 with Monday 0, the hour of the day hour_of_week % 24.",
        &[Argument::Time("time")],
        DataType::Int64,
        &[
            ("hour_of_week(to_timestamp('2024-01-01T00:59:59Z'))", "0"),
            ("hour_of_week(to_timestamp('2024-01-07T23:00:00Z'))", "167"),
            ("hour_of_week(to_timestamp('2024-02-29T13:30:00Z'))", "85"),
            ("hour_of_week(to_timestamp('1969-12-31T23:59:59Z'))", "71"),
            ("hour_of_week(NULL)", "NULL"),
        ],
        |args, _| {
            let hours = times(&args[0]).iter().map(|time| time.map(hour_of_week));
            Ok(Arc::new(hours.collect::<Int64Array>()) as ArrayRef)
        },
    )
}
