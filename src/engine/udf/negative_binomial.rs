//! `negative_binomial_tail(count, mean, variance)` and `negative_binomial_surprise`: the probability of at least so many
//! events when events come in bursts.

use arrow::datatypes::DataType;

use super::function::{Argument, Function, of_numbers};
use super::log_gamma::{COUNT_MAX, ln_binomial};
use super::poisson;

/// `ln P(X >= count)` for a negative binomial variable of this mean and variance, or a Poisson one when the variance is
/// no larger than the mean; `None` for an invalid count, mean or variance.
///
/// Method of moments: size `r = mean² / (variance - mean)`, probability `p = mean / variance`; then the tail is
/// I₁₋ₚ(count, r), the regularised incomplete beta function.
pub fn ln_tail(count: f64, mean: f64, variance: f64) -> Option<f64> {
    if !(variance >= 0.0 && variance.is_finite()) {
        return None;
    }
    let excess = variance - mean;
    let size = mean * (mean / excess);
    let is_poisson = !(mean > 0.0 && mean <= COUNT_MAX && excess > 0.0 && size <= COUNT_MAX);
    // Poisson handles invalid counts and means, and a mean of 0.
    if is_poisson || !(count > 0.0 && count <= COUNT_MAX) {
        return poisson::ln_tail(count, mean);
    }
    let (count, p, q) = (count.ceil(), mean / variance, excess / variance);
    let ln_tail = if count > mean {
        ln_incomplete_beta(count, size, q, p)
    } else {
        (-ln_incomplete_beta(size, count, p, q).exp_m1()).ln()
    };
    (!ln_tail.is_nan()).then(|| ln_tail.min(0.0))
}

/// `ln I_x(a, b)` with `x + y = 1`: the continued fraction DLMF 8.17.22, by the modified Lentz method. It takes about
/// `√max(a, b)` steps for `x` up to about `a / (a + b)`.
fn ln_incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    const STEPS_MAX: u32 = 1_000_000;
    // Replaces a denominator of 0.
    let nonzero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let (mut c, mut fraction) = (1.0, d);
    for step in 1..STEPS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for numerator in [even, odd] {
            d = 1.0 / nonzero(1.0 + numerator * d);
            c = nonzero(1.0 + numerator / c);
            fraction *= c * d;
        }
        if (fraction - before).abs() <= f64::EPSILON * fraction.abs() || fraction.is_nan() {
            break;
        }
    }
    (b / (a + b)).ln() + ln_binomial(a, b, x, y) + fraction.ln()
}

/// Declaration of `negative_binomial_tail`.
pub fn tail() -> Function {
    Function::new(
        "negative_binomial_tail",
        "P(X >= count) where X is negative binomial with this mean and variance (method of moments: size r = mean² / (variance - mean), p = mean / variance): the regularised incomplete beta function I(1 - p; count, r), accurate for very small probabilities (DLMF 8.17.22; Loader 2000). Equals poisson_tail(count, mean) when the variance is no larger than the mean. Null for a negative variance and where poisson_tail is null.",
        &[Argument::Float("count"), Argument::Float("mean"), Argument::Float("variance")],
        DataType::Float64,
        &[
            ("round(negative_binomial_tail(3, 3, 6), 6)", "0.5"),
            ("round(negative_binomial_tail(3, 3, 3), 6)", "0.57681"),
            ("negative_binomial_tail(0, 0, 0)", "1.0"),
            ("negative_binomial_tail(1, 0, 0)", "0.0"),
            ("negative_binomial_tail(1, 1, -1)", "NULL"),
            ("negative_binomial_tail(1, 1, NULL)", "NULL"),
        ],
        |args, rows| of_numbers(args, rows, |[count, mean, variance]| Some(ln_tail(count, mean, variance)?.exp())),
    )
}

/// Declaration of `negative_binomial_surprise`.
pub fn surprise() -> Function {
    Function::new(
        "negative_binomial_surprise",
        "-ln negative_binomial_tail(count, mean, variance), in nats: 2.3 is one in ten, 13.8 one in a million; accurate even where the probability underflows. Takes mean and variance of filled_baseline. A history without events has mean 0, for which any count above 0 gives infinity: add a floor to both.",
        &[Argument::Float("count"), Argument::Float("mean"), Argument::Float("variance")],
        DataType::Float64,
        &[
            ("round(negative_binomial_surprise(100, 5, 20), 3)", "26.495"),
            ("round(negative_binomial_surprise(1000, 3, 12), 3)", "287.682"),
            ("negative_binomial_surprise(0, 3, 12)", "0.0"),
            ("negative_binomial_surprise(1, 0, 0)", "inf"),
            ("negative_binomial_surprise(NULL, 3, 12)", "NULL"),
        ],
        |args, rows| of_numbers(args, rows, |[count, mean, variance]| Some(0.0 - ln_tail(count, mean, variance)?)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Count, mean, variance, -ln P(X >= count) by mpmath 1.4.1: one less the probabilities of all smaller counts, each
    /// from the one before it, with 400 digits. scipy.stats.nbinom.sf(count - 1, r, p) 1.17.1 says the same.
    const SURPRISE: [(f64, f64, f64, f64); 12] = [
        (1.0, 0.5, 1.0, 1.227_947_177_299_515_7),
        (3.0, 3.0, 6.0, std::f64::consts::LN_2),
        (10.0, 1.0, 2.0, 6.931_471_805_599_453),
        (40.0, 2.0, 10.0, 10.584_965_747_444_699),
        (100.0, 5.0, 20.0, 26.495_016_117_859_067),
        (1000.0, 3.0, 12.0, 287.682_072_451_780_9),
        (5.0, 10.0, 1e6, 6.966_937_191_523_878),
        (20.0, 10.0, 1000.0, 2.094_955_529_826_773_8),
        (300.0, 10.0, 100.0, 31.172_311_902_055_328),
        (50.0, 10.0, 10.0001, 43.130_594_629_820_49),
        (2000.0, 1000.0, 1e7, 2.115_234_316_529_022),
        (5.0, 8.0, 9.0, 0.120_593_898_992_280_42),
    ];

    #[test]
    fn tails_agree_with_an_independent_computation() {
        for (count, mean, variance, surprise) in SURPRISE {
            let found = -ln_tail(count, mean, variance).unwrap();
            assert!((found / surprise - 1.0).abs() < 1e-12, "{count} of {mean}, {variance}: {found}, not {surprise}");
        }
    }

    #[test]
    fn the_tail_approaches_poissons_as_the_variance_approaches_the_mean() {
        for (count, mean) in [(3.0, 3.0), (50.0, 10.0), (2.0, 8.0)] {
            let poisson = poisson::ln_tail(count, mean).unwrap();
            assert_eq!(ln_tail(count, mean, mean * 0.5), Some(poisson));
            for closer in [1e-9, 1e-15] {
                let near = ln_tail(count, mean, mean * (1.0 + closer)).unwrap();
                assert!((near / poisson - 1.0).abs() < 1e-6, "{count} of {mean}: {near}, not {poisson}");
            }
        }
    }

    #[test]
    fn extreme_and_invalid_numbers_give_null_or_a_valid_tail() {
        let odd = [-1.0, 0.0, 1e-320, 1e-9, 0.5, 1.0, 1e6, 1e13, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let triples = (0..odd.len().pow(3)).map(|at| [at, at / odd.len(), at / odd.len().pow(2)]);
        for [count, mean, variance] in triples.map(|at| at.map(|at| odd[at % odd.len()])) {
            let tail = ln_tail(count, mean, variance);
            assert!(tail.is_none_or(|tail| tail <= 0.0), "{count} of {mean}, {variance}: {tail:?}");
            if !(mean >= 0.0 && variance >= 0.0) || count.is_nan() {
                assert_eq!(tail, None, "{count} of {mean}, {variance}");
            }
        }
    }
}
