//! `saturating_score(x, scale)`: a number without an upper limit as a score from 0 to 1.

use arrow::datatypes::DataType;

use super::function::{Argument, Function, of_numbers};

/// `1 - exp(-x / scale)`, 0 for a negative `x`; `None` unless `scale` is positive.
pub fn saturating_score(x: f64, scale: f64) -> Option<f64> {
    (scale > 0.0).then(|| (1.0 - (-x / scale).exp()).max(0.0))
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "saturating_score",
        "x as a score from 0 to 1: 1 - exp(-x / scale). The scale is the x that scores 0.63; twice the scale scores 0.86, three times 0.95. 0 for a negative x.",
        &[Argument::Float("x"), Argument::Float("scale")],
        DataType::Float64,
        &[
            ("round(saturating_score(10, 10), 2)", "0.63"),
            ("round(saturating_score(30, 10), 2)", "0.95"),
            ("saturating_score(0, 10)", "0.0"),
            ("saturating_score(-3, 10)", "0.0"),
            ("saturating_score(3, 0)", "NULL"),
        ],
        |args, rows| of_numbers(args, rows, |[x, scale]| saturating_score(x, scale)),
    )
}
