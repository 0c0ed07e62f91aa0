//! `decayed_mean(value, time, half_life_days)`: what was normal before each row; recent rows count more than old ones.

use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};

use super::function::{Argument, WindowFunction, floats, positive_constant, times};
use super::summary::{fields, summaries};

const NUMBERS: [&str; 3] = ["weight", "mean", "variance"];
const DAY_US: f64 = 86_400e6;

/// Statistics of the rows before a time, each with the weight `2^(-age / half_life)`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Decayed {
    /// Rows with a value.
    pub n: i64,
    /// Sum of the weights: the number of current rows that they are worth.
    pub weight: f64,
    /// Weighted mean.
    pub mean: f64,
    /// Weighted sum of squared distances from the mean.
    squares: f64,
    /// Sum of the products of the weights of every two rows.
    pairs: f64,
}

impl Decayed {
    /// The same rows when this fraction of their weight is left.
    fn aged(self, left: f64) -> Decayed {
        Decayed { weight: self.weight * left, squares: self.squares * left, pairs: self.pairs * left * left, ..self }
    }

    /// Adds a row of weight 1: West, "Updating Mean and Variance Estimates" (1979). It subtracts nothing from large
    /// numbers, so long histories lose no precision.
    fn with(self, value: f64) -> Decayed {
        let weight = self.weight + 1.0;
        let apart = value - self.mean;
        Decayed {
            n: self.n + 1,
            weight,
            mean: self.mean + apart / weight,
            squares: self.squares + apart * apart * self.weight / weight,
            pairs: self.pairs + self.weight,
        }
    }

    /// Unbiased for reliability weights: `Σ w (x - mean)² / (Σ w - Σ w² / Σ w)`; 0 for a single row.
    pub fn variance(self) -> f64 {
        if self.pairs > 0.0 { self.squares * self.weight / (2.0 * self.pairs) } else { 0.0 }
    }
}

/// Statistics of the rows strictly before each row's time; rows are in order of time. `None` where there are none.
///
/// A row without a finite value gets statistics but is not counted in those of later rows. A row without a time gets none.
///
/// # Errors
/// When the rows are not in order of time.
pub fn decayed(
    rows: impl Iterator<Item = (Option<f64>, Option<i64>)>,
    half_life_days: f64,
) -> Result<Vec<Option<Decayed>>> {
    // State as of `now`, and the rows of the same time that are compared with it.
    let (mut past, mut now) = (Decayed::default(), None);
    let mut same_time: Vec<f64> = Vec::new();
    let mut answers = Vec::new();
    for (value, time) in rows {
        let Some(time) = time else {
            answers.push(None);
            continue;
        };
        if now.is_some_and(|now| time < now) {
            return exec_err!("decayed_mean needs ordered rows: OVER (... ORDER BY time)");
        }
        let age_days = now.map_or(0.0, |now| (time as f64 - now as f64) / DAY_US);
        if age_days > 0.0 {
            past = same_time.drain(..).fold(past, Decayed::with).aged((-age_days / half_life_days).exp2());
        }
        now = Some(time);
        answers.push((past.n > 0).then_some(past));
        same_time.extend(value.filter(|value| value.is_finite()));
    }
    Ok(answers)
}

/// Declaration.
pub fn function() -> WindowFunction {
    WindowFunction::new(
        "decayed_mean",
        "OVER (PARTITION BY entity ORDER BY time): what was normal before this row, from all rows of earlier times, each with the weight 2^(-age / half_life): a struct of n (rows), weight (sum of the weights), mean, variance (unbiased: sum of w (x - mean)² / (sum of w - sum of w² / sum of w); 0 for one row). Null for the first row. Bins without events have no row and are not counted: add rows with 0 for them. Score with z_score and the square root of the variance, or with negative_binomial_surprise.",
        &[Argument::Float("value"), Argument::Time("time"), Argument::Float("half_life_days")],
        DataType::Struct(fields(NUMBERS)),
        |args, _| {
            let half_life_days = positive_constant("half_life_days", &args[2])?;
            let rows = decayed(floats(&args[0]).iter().zip(times(&args[1])), half_life_days)?;
            summaries(
                NUMBERS,
                rows.into_iter().map(|past| past.map(|past| (past.n, [past.weight, past.mean, past.variance()]))),
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(rows: &[(f64, f64)]) -> Vec<(Option<f64>, Option<i64>)> {
        rows.iter().map(|(value, day)| (Some(*value), Some((day * DAY_US) as i64))).collect()
    }

    #[test]
    fn the_past_agrees_with_an_independent_computation() {
        let rows = days(&[(3.0, 0.0), (5.0, 1.0), (4.0, 2.0), (40.0, 2.0), (0.0, 5.5), (6.0, 30.0), (1e6, 31.0)]);
        let found = decayed(rows.into_iter(), 7.0).unwrap();
        // numpy 2.4.6, for each row with x, age of the rows at earlier times: w = 2 ** (-age / 7); w.sum();
        // m = numpy.average(x, weights=w); (w * (x - m) ** 2).sum() / (w.sum() - (w ** 2).sum() / w.sum())
        for (past, (n, weight, mean, variance)) in found[1..].iter().zip(EXPECTED) {
            let past = past.unwrap();
            assert_eq!(past.n, n);
            for (found, expected) in [(past.weight, weight), (past.mean, mean), (past.variance(), variance)] {
                assert!((found - expected).abs() <= 1e-12 * expected, "{n} rows: {found}, not {expected}");
            }
        }
        assert_eq!(found[0], None);
    }

    const EXPECTED: [(i64, f64, f64, f64); 6] = [
        (1, 0.905_723_664_263_906_7, 3.0, 0.0),
        (2, 1.726_059_020_271_544_7, 4.049_470_097_634_805, 2.0),
        (2, 1.726_059_020_271_544_7, 4.049_470_097_634_805, 2.0),
        (4, 2.634_721_600_335_312_4, 13.684_599_227_208_825, 340.054_889_333_547_35),
        (5, 0.321_267_036_415_29, 9.919_634_332_525_725, 280.044_358_831_902_23),
        (6, 1.196_702_821_693_169, 6.953_061_925_512_508, 136.816_867_508_032_94),
    ];

    #[test]
    fn later_rows_never_change_a_result() {
        let rows: Vec<_> = (0..40).map(|n| (f64::from(n * n % 7), f64::from(n / 2))).collect();
        let rows = days(&rows);
        let all = decayed(rows.iter().copied(), 3.0).unwrap();
        for end in 0..rows.len() {
            assert_eq!(decayed(rows[..end].iter().copied(), 3.0).unwrap(), all[..end]);
        }
    }

    #[test]
    fn rows_without_weight_or_value_change_nothing() {
        let rows = days(&[(f64::NAN, 0.0), (1e9, 1.0), (f64::INFINITY, 2.0), (3.0, 1e8), (5.0, 1e8 + 1.0)]);
        let found = decayed(rows.into_iter().chain([(Some(1.0), None)]), 1.0).unwrap();
        assert_eq!(found[1], None);
        assert_eq!(found[3].map(|past| (past.n, past.weight, past.mean, past.variance())), Some((1, 0.0, 1e9, 0.0)));
        assert_eq!(found[4].map(|past| (past.n, past.weight, past.mean, past.variance())), Some((2, 0.5, 3.0, 0.0)));
        assert_eq!(found[5], None);
    }

    #[test]
    fn rows_out_of_order_are_refused() {
        assert!(decayed(days(&[(1.0, 2.0), (1.0, 1.0)]).into_iter(), 7.0).is_err());
    }
}
