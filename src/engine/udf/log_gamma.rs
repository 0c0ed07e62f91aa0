//! Terms of logarithms of counting probabilities, accurate where the gamma functions of large counts would cancel each
//! other: Loader, "Fast and Accurate Computation of Binomial Probabilities" (2000).

use std::f64::consts::TAU;

/// Larger counts and sizes are refused: their sums would take too long.
pub const COUNT_MAX: f64 = 1e12;

/// The error of Stirling's formula: `ln Γ(x + 1) - (x + 1/2) ln x + x - ln √2π`, for `x > 0`.
pub fn stirling_error(mut x: f64) -> f64 {
    let mut error = 0.0;
    // The series (DLMF 5.11.1) is exact to rounding from here on; below, Γ(x + 1) = (x + 1)⁻¹ Γ(x + 2) leads up to it.
    while x < 10.0 {
        error += (x + 0.5) * (1.0 / x).ln_1p() - 1.0;
        x += 1.0;
    }
    const COEFFICIENTS: [f64; 7] =
        [1.0 / 156.0, -691.0 / 360_360.0, 1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    error + COEFFICIENTS.iter().fold(0.0, |sum, coefficient| sum / (x * x) + coefficient) / x
}

/// Half the deviance of a count from its mean: `x ln(x / mean) + mean - x`, for both above 0.
pub fn deviance(x: f64, mean: f64) -> f64 {
    let apart = x - mean;
    if apart.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() - apart;
    }
    // With v = (x - mean) / (x + mean) the logarithm is 2 artanh v; its first term is taken together with the rest.
    let v = apart / (x + mean);
    let (mut sum, mut power, mut odd) = (apart * v, 2.0 * x * v, 1.0);
    loop {
        power *= v * v;
        odd += 2.0;
        let next = sum + power / odd;
        // NaN ends the sum too.
        if next == sum || !next.is_finite() {
            return next;
        }
        sum = next;
    }
}

/// `ln(e^-mean mean^x / Γ(x + 1))`: the Poisson probability of `x`.
pub fn ln_poisson(x: f64, mean: f64) -> f64 {
    if x == 0.0 { -mean } else { -stirling_error(x) - deviance(x, mean) - 0.5 * (TAU * x).ln() }
}

/// `ln(Γ(a + b + 1) / (Γ(a + 1) Γ(b + 1)) x^a y^b)` with `x + y = 1`: the binomial probability of `a` in `a + b`.
pub fn ln_binomial(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    let errors = stirling_error(n) - stirling_error(a) - stirling_error(b);
    errors - deviance(a, n * x) - deviance(b, n * y) + 0.5 * (n / (TAU * a * b)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stirlings_error_and_the_deviance_keep_their_digits() {
        // mpmath, 50 digits: loggamma(x + 1) - (x + 1/2) ln x + x - ln(2 pi) / 2.
        for (x, expected) in STIRLING {
            assert!((stirling_error(x) - expected).abs() < 5e-15 * expected.max(1.0), "{x}");
        }
        // mpmath, 50 digits: x ln(x / mean) + mean - x.
        for (x, mean, expected) in DEVIANCE {
            assert!((deviance(x, mean) / expected - 1.0).abs() < 1e-14, "{x} {mean}");
        }
    }

    const STIRLING: [(f64, f64); 6] = [
        (1e-6, 5.988_830_984_073_179_9),
        (0.5, 0.153_426_409_720_027_35),
        (1.0, 0.081_061_466_795_327_26),
        (9.5, 0.008_768_700_134_139_386),
        (10.0, 0.008_330_563_433_362_87),
        (1e6, 8.333_333_333_333_056e-8),
    ];

    const DEVIANCE: [(f64, f64, f64); 5] = [
        (10.0, 1.0, 14.025_850_929_940_457),
        (1.0, 10.0, 6.697_414_907_005_954),
        (1e6, 1.001e6, 0.499_666_916_466_833_2),
        (1e12, 1_000_000_000_001.0, 4.999_999_999_996_667e-13),
        (5.5, 5.0, 0.024_205_988_923_786_73),
    ];
}
