//! `poisson_tail(count, rate)` and `poisson_surprise`: the probability of at least so many independent events.

use arrow::datatypes::DataType;

use super::function::{Argument, Function, of_numbers};
use super::log_gamma::{COUNT_MAX, ln_poisson};

/// `ln P(X >= count)` for a Poisson variable of the given mean; `None` for an invalid count or mean.
///
/// The regularised incomplete gamma function γ(k, λ) / Γ(k) by its series of positive terms (DLMF 8.7.1), or its
/// complement by the finite sum (DLMF 8.4.10), whichever is smaller. Takes about `9 √count` steps near the mean.
pub fn ln_tail(count: f64, rate: f64) -> Option<f64> {
    if !(count <= COUNT_MAX && (0.0..=COUNT_MAX).contains(&rate)) {
        return None;
    }
    let count = count.ceil();
    if count <= 0.0 {
        return Some(0.0);
    }
    if rate == 0.0 {
        return Some(f64::NEG_INFINITY);
    }
    let above = count > rate;
    let first = if above { count } else { count - 1.0 };
    // Probabilities relative to the first one, which is the largest.
    let (mut n, mut term, mut sum) = (first, 1.0, 1.0);
    while term > sum * f64::EPSILON {
        if above {
            n += 1.0;
            term *= rate / n;
        } else {
            term *= n / rate;
            n -= 1.0;
        }
        sum += term;
    }
    let ln_sum = ln_poisson(first, rate) + sum.ln();
    Some(if above { ln_sum.min(0.0) } else { (-ln_sum.exp()).ln_1p() })
}

/// Declaration of `poisson_tail`.
pub fn tail() -> Function {
    Function::new(
        "poisson_tail",
        "P(X >= count) where X is Poisson with mean `rate`: the regularised incomplete gamma function P(count, rate), accurate for very small probabilities (DLMF 8.7.1; Loader 2000). 1 for a count of 0 or less; a fractional count is rounded up. Null for a negative rate, for values that are not finite, and above 1e12. Real counts come in bursts: negative_binomial_tail takes their variance into account.",
        &[Argument::Float("count"), Argument::Float("rate")],
        DataType::Float64,
        &[
            ("round(poisson_tail(3, 3), 6)", "0.57681"),
            ("poisson_tail(0, 0)", "1.0"),
            ("poisson_tail(1, 0)", "0.0"),
            ("poisson_tail(1, -1)", "NULL"),
            ("poisson_tail(NULL, 1)", "NULL"),
        ],
        |args, rows| of_numbers(args, rows, |[count, rate]| Some(ln_tail(count, rate)?.exp())),
    )
}

/// Declaration of `poisson_surprise`.
pub fn surprise() -> Function {
    Function::new(
        "poisson_surprise",
        "-ln poisson_tail(count, rate), in nats: 2.3 is one in ten, 13.8 one in a million; accurate even where the probability underflows. Infinite for a count above 0 at rate 0.",
        &[Argument::Float("count"), Argument::Float("rate")],
        DataType::Float64,
        &[
            ("round(poisson_surprise(10, 1), 3)", "16.01"),
            ("round(poisson_surprise(1000, 3), 3)", "4816.513"),
            ("poisson_surprise(0, 3)", "0.0"),
            ("poisson_surprise(1, 0)", "inf"),
            ("poisson_surprise(1, NULL)", "NULL"),
        ],
        // Subtracted from 0 instead of negated, so that no surprise is 0 and not -0.
        |args, rows| of_numbers(args, rows, |[count, rate]| Some(0.0 - ln_tail(count, rate)?)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Count, rate, -ln P(X >= count) by mpmath 1.4.1 with 50 digits: -log(gammainc(count, 0, rate, regularized=True)).
    /// Where it does not underflow, scipy.stats.poisson.sf(count - 1, rate) 1.17.1 says the same.
    const SURPRISE: [(f64, f64, f64); 13] = [
        (1.0, 0.001, 6.908_255_237_315_471),
        (3.0, 3.0, 0.550_242_496_777_221),
        (1.0, 50.0, 1.928_749_847_963_917_8e-22),
        (10.0, 1.0, 16.009_909_825_202_022),
        (20.0, 2.5, 26.383_859_878_698_18),
        (50.0, 100.0, 1.178_450_079_041_665_2e-8),
        (100.0, 100.0, 0.666_897_150_585_289_4),
        (150.0, 100.0, 13.182_001_675_714_71),
        (1000.0, 3.0, 4_816.512_888_326_068),
        (5000.0, 1000.0, 4_052.144_032_889_392_2),
        (1e6, 1_000_500.0, 0.368_819_135_933_206_66),
        (1e6, 999_000.0, 1.841_021_899_379_399_6),
        (12.0, 0.3, 34.711_580_388_622),
    ];

    #[test]
    fn tails_agree_with_an_independent_computation() {
        for (count, rate, surprise) in SURPRISE {
            let found = -ln_tail(count, rate).unwrap();
            assert!((found / surprise - 1.0).abs() < 1e-12, "{count} at {rate}: {found}, not {surprise}");
        }
    }

    #[test]
    fn an_invalid_count_or_rate_has_no_tail() {
        for rate in [-1.0, f64::NAN, f64::INFINITY, 1e13] {
            assert_eq!(ln_tail(1.0, rate), None);
        }
        assert_eq!(ln_tail(f64::NAN, 1.0), None);
        assert_eq!(ln_tail(f64::INFINITY, 1.0), None);
        assert_eq!(ln_tail(f64::NEG_INFINITY, 1.0), Some(0.0));
        assert_eq!(ln_tail(2.5, 1.0), ln_tail(3.0, 1.0));
        assert!(ln_tail(1.0, f64::MIN_POSITIVE).unwrap() < -700.0);
    }
}
