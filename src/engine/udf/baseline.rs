//! `baseline(value, lookback)`: what was normal before each row.

use arrow::datatypes::DataType;

use super::function::{Argument, WindowFunction, constant, floats};
use super::mad::{mad, median};
use super::summary::{fields, summaries};

const NUMBERS: [&str; 4] = ["mean", "stddev", "median", "mad"];

/// Statistics of the rows before a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Past {
    /// Number of rows.
    pub n: i64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation, divisor n - 1; 0 for a single row.
    pub stddev: f64,
    /// Median.
    pub median: f64,
    /// Median absolute deviation, not scaled.
    pub mad: f64,
}

/// Statistics of the `lookback` values before each value. `None` for the first value.
pub fn pasts(values: &[Option<f64>], lookback: usize) -> Vec<Option<Past>> {
    let past = |at: usize| {
        let mut before: Vec<f64> = values[at.saturating_sub(lookback)..at].iter().flatten().copied().collect();
        let n = before.len() as f64;
        let mean = before.iter().sum::<f64>() / n;
        let squares = before.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let mad = mad(&before)?;
        let median = median(&mut before)?;
        Some(Past { n: n as i64, mean, stddev: (squares / (n - 1.0).max(1.0)).sqrt(), median, mad })
    };
    (0..values.len()).map(past).collect()
}

/// Declaration.
pub fn function() -> WindowFunction {
    WindowFunction::new(
        "baseline",
        "OVER (PARTITION BY entity ORDER BY bin): what was normal before this row: a struct of n, mean, stddev (sample), median and mad (unscaled) of up to `lookback` earlier rows. Null for the first row. Bins without events have no row and are not counted; use filled_baseline to count them as 0. Score with z_score or robust_z_score.",
        &[Argument::Float("value"), Argument::Integer("lookback")],
        DataType::Struct(fields(NUMBERS)),
        |args, _| {
            let lookback = usize::try_from(constant("lookback", &args[1])?).unwrap_or(0);
            let values: Vec<_> = floats(&args[0]).iter().collect();
            let pasts = pasts(&values, lookback).into_iter();
            summaries(
                NUMBERS,
                pasts.map(|past| past.map(|past| (past.n, [past.mean, past.stddev, past.median, past.mad]))),
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_compared_with_earlier_rows_only() {
        let values = [2.0, 4.0, 6.0, 100.0, 8.0].map(Some);
        let pasts = pasts(&values, 3);
        assert_eq!(pasts[0], None);
        assert_eq!(pasts[3], Some(Past { n: 3, mean: 4.0, stddev: 2.0, median: 4.0, mad: 2.0 }));
        let last = pasts[4].unwrap();
        assert_eq!((last.n, last.median, last.mad), (3, 6.0, 2.0));
    }
}
