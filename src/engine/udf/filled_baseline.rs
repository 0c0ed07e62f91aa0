//! `filled_baseline(value, bin_index, lookback_bins)`: what was normal before each bin; bins without a row count as 0.

use std::collections::VecDeque;

use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};

use super::function::{Argument, WindowFunction, constant, floats, integers};
use super::summary::{fields, summaries};

const NUMBERS: [&str; 4] = ["mean", "variance", "median", "mad"];

/// Statistics of the bins before a bin; bins without a row count as 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Past {
    /// Number of bins.
    pub n: i64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample variance, divisor n - 1; 0 for a single bin.
    pub variance: f64,
    /// Median.
    pub median: f64,
    /// Median absolute deviation, not scaled.
    pub mad: f64,
}

/// Median of some numbers and of `copies` of another one, which are not stored. There is at least one number.
fn median_with(mut values: Vec<f64>, copied: f64, copies: i64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let (from, n) = (values.partition_point(|value| *value < copied) as i64, values.len() as i64 + copies);
    let number = |rank: i64| match rank {
        below if below < from => values[below as usize],
        between if between < from + copies => copied,
        above => values[(above - copies) as usize],
    };
    (number((n - 1) / 2) + number(n / 2)) / 2.0
}

/// Statistics of `n` bins: values for those that have a row, zeros for the rest.
fn past(values: &[f64], n: i64) -> Past {
    let zeros = n - values.len() as i64;
    // An empty sum is -0.
    let mean = (0.0 + values.iter().sum::<f64>()) / n as f64;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() + zeros as f64 * mean * mean;
    let median = median_with(values.to_vec(), 0.0, zeros);
    let deviations = values.iter().map(|value| (value - median).abs()).collect();
    let mad = median_with(deviations, median.abs(), zeros);
    Past { n, mean, variance: squares / (n as f64 - 1.0).max(1.0), median, mad }
}

/// Statistics of up to `lookback` bins before each row's bin, from the first row's bin on; rows are in order of bins.
/// `None` where there are none. Stores at most `lookback` values.
///
/// Rows of the same bin are added up and get the same statistics; a row without a finite value counts as 0.
///
/// # Errors
/// When the rows are not in order of bins.
pub fn pasts(rows: impl Iterator<Item = (Option<f64>, Option<i64>)>, lookback: i64) -> Result<Vec<Option<Past>>> {
    let mut first = None;
    let mut filled: VecDeque<(i64, f64)> = VecDeque::new();
    let mut judged: Option<(i64, Option<Past>)> = None;
    let mut answers = Vec::new();
    for (value, bin) in rows {
        let Some(bin) = bin else {
            answers.push(None);
            continue;
        };
        if judged.is_some_and(|(last, _)| bin < last) {
            return exec_err!("filled_baseline needs ordered rows: OVER (... ORDER BY bin_index)");
        }
        let begin = bin.saturating_sub(lookback).max(*first.get_or_insert(bin));
        let answer = match judged {
            Some((last, answer)) if last == bin => answer,
            _ => {
                while filled.front().is_some_and(|(bin, _)| *bin < begin) {
                    filled.pop_front();
                }
                let values: Vec<f64> = filled.iter().map(|(_, value)| *value).collect();
                let n = bin.saturating_sub(begin);
                (n > 0).then(|| past(&values, n))
            }
        };
        judged = Some((bin, answer));
        answers.push(answer);
        let Some(value) = value.filter(|value| value.is_finite()) else { continue };
        match filled.back_mut() {
            Some((last, sum)) if *last == bin => *sum += value,
            _ => filled.push_back((bin, value)),
        }
    }
    Ok(answers)
}

/// Declaration.
pub fn function() -> WindowFunction {
    WindowFunction::new(
        "filled_baseline",
        "OVER (PARTITION BY entity ORDER BY bin_index): what was normal before this row's bin, from up to `lookback_bins` earlier bins, starting at the partition's first bin; a bin without a row counts as 0. bin_index is a whole number that grows by one per bin, such as CAST(floor(to_unixtime(event_time) / 3600) AS BIGINT) for hours. Returns a struct of n (bins, including empty ones), mean, variance (sample), median, mad (unscaled). Null in the first bin. Rows of the same bin are added up. Memory: lookback_bins values. Score with negative_binomial_surprise(value, b['mean'], b['variance']), z_score or robust_z_score.",
        &[Argument::Float("value"), Argument::Integer("bin_index"), Argument::Integer("lookback_bins")],
        DataType::Struct(fields(NUMBERS)),
        |args, _| {
            let lookback = constant("lookback_bins", &args[2])?.max(0);
            let pasts = pasts(floats(&args[0]).iter().zip(integers(&args[1])), lookback)?.into_iter();
            summaries(
                NUMBERS,
                pasts.map(|past| past.map(|past| (past.n, [past.mean, past.variance, past.median, past.mad]))),
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(rows: &[(f64, i64)]) -> Vec<(Option<f64>, Option<i64>)> {
        rows.iter().map(|(value, bin)| (Some(*value), Some(*bin))).collect()
    }

    const ROWS: [(f64, i64); 9] =
        [(4.0, 100), (2.0, 101), (7.0, 102), (1.0, 104), (9.0, 105), (3.0, 106), (2.5, 106), (6.0, 109), (-5.0, 130)];

    #[test]
    fn the_past_agrees_with_an_independent_computation() {
        let found = pasts(some(&ROWS).into_iter(), 6).unwrap();
        // numpy 2.4.6 over the filled series x of the 6 bins before, from bin 100 on: len(x), x.mean(), x.var(ddof=1)
        // (0 for one), numpy.median(x), numpy.median(abs(x - numpy.median(x))).
        for (past, expected) in found[1..].iter().zip(EXPECTED) {
            let past = past.unwrap();
            assert_eq!((past.n, past.median, past.mad), (expected.0, expected.3, expected.4));
            assert!((past.mean - expected.1).abs() < 1e-12 && (past.variance - expected.2).abs() < 1e-12, "{past:?}");
        }
        assert_eq!(found[0], None);
    }

    const EXPECTED: [(i64, f64, f64, f64, f64); 8] = [
        (1, 4.0, 0.0, 4.0, 0.0),
        (2, 3.0, 2.0, 3.0, 1.0),
        (4, 3.25, 8.916_666_666_666_666, 3.0, 2.0),
        (5, 2.8, 7.699_999_999_999_999, 2.0, 2.0),
        (6, 3.833_333_333_333_333_5, 12.566_666_666_666_666, 3.0, 2.5),
        (6, 3.833_333_333_333_333_5, 12.566_666_666_666_666, 3.0, 2.5),
        (6, 2.583_333_333_333_333_5, 14.441_666_666_666_666, 0.5, 0.5),
        (6, 0.0, 0.0, 0.0, 0.0),
    ];

    #[test]
    fn a_long_gap_takes_no_memory() {
        let found = pasts(some(&[(5.0, i64::MIN), (5.0, 0), (1.0, i64::MAX)]).into_iter(), i64::MAX).unwrap();
        let last = found[2].unwrap();
        assert_eq!((last.n, last.median, last.mad), (i64::MAX, 0.0, 0.0));
        assert!(last.mean > 0.0 && last.variance > 0.0);
    }

    #[test]
    fn later_rows_never_change_a_result() {
        let all = pasts(some(&ROWS).into_iter(), 4).unwrap();
        for end in 0..ROWS.len() {
            assert_eq!(pasts(some(&ROWS[..end]).into_iter(), 4).unwrap(), all[..end]);
        }
    }

    #[test]
    fn null_values_count_as_zero_and_null_bins_are_ignored() {
        let rows =
            [(None, Some(1)), (Some(f64::NAN), Some(2)), (Some(6.0), Some(3)), (Some(1.0), Some(4)), (Some(1.0), None)];
        let found = pasts(rows.into_iter(), 10).unwrap();
        assert_eq!(found[3].map(|past| (past.n, past.mean)), Some((3, 2.0)));
        assert_eq!(found[4], None);
        assert_eq!(pasts(some(&ROWS).into_iter(), 0).unwrap(), [None; 9]);
    }

    #[test]
    fn rows_out_of_order_are_refused() {
        assert!(pasts(some(&[(1.0, 2), (1.0, 1)]).into_iter(), 7).is_err());
    }
}
