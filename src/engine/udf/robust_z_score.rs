//! `robust_z_score(value, median, mad, floor)`: a z-score that an outlier in the history hardly changes.

use arrow::datatypes::DataType;

use super::function::{Argument, Function, of_numbers};

/// The ratio of the median absolute deviation to the standard deviation of a normal distribution: the 0.75 quantile of
/// the standard normal (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993).
pub const MAD_OF_NORMAL: f64 = 0.674_489_750_196_081_7;

/// `(value - median) / max(mad / 0.6745, floor)`.
pub fn robust_z_score(value: f64, median: f64, mad: f64, floor: f64) -> f64 {
    (value - median) / (mad / MAD_OF_NORMAL).max(floor)
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "robust_z_score",
        "Modified z-score: (value - median) / max(mad / 0.6745, floor), after Iglewicz and Hoaglin (1993), with a floor on the spread in the value's unit. Comparable to a z-score for normal data; an outlier in the history hardly changes it. To compare with an identity's own history, use median and mad of baseline(...). To compare with its peers at the same time, use median(x) OVER w and mad(x) OVER w, WINDOW w AS (PARTITION BY peer_group, bin), with one row per identity and bin.",
        &[Argument::Float("value"), Argument::Float("median"), Argument::Float("mad"), Argument::Float("floor")],
        DataType::Float64,
        &[
            ("round(robust_z_score(50, 10, 2, 1), 3)", "13.49"),
            ("robust_z_score(50, 10, 0, 4)", "10.0"),
            ("robust_z_score(NULL, 10, 0, 4)", "NULL"),
        ],
        |args, rows| {
            of_numbers(args, rows, |[value, median, mad, floor]| Some(robust_z_score(value, median, mad, floor)))
        },
    )
}
