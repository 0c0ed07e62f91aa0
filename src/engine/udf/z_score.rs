//! `z_score(value, mean, stddev, floor)`: how many standard deviations above the mean.

use arrow::datatypes::DataType;

use super::function::{Argument, Function, of_numbers};

/// `(value - mean) / max(stddev, floor)`.
pub fn z_score(value: f64, mean: f64, stddev: f64, floor: f64) -> f64 {
    (value - mean) / stddev.max(floor)
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "z_score",
        "Standard score: (value - mean) / max(stddev, floor). The floor avoids a division by zero when all earlier values are equal; give it in the value's unit.",
        &[Argument::Float("value"), Argument::Float("mean"), Argument::Float("stddev"), Argument::Float("floor")],
        DataType::Float64,
        &[("z_score(20, 10, 4, 1)", "2.5"), ("z_score(20, 10, 0, 1)", "10.0"), ("z_score(NULL, 1, 1, 1)", "NULL")],
        |args, rows| of_numbers(args, rows, |[value, mean, stddev, floor]| Some(z_score(value, mean, stddev, floor))),
    )
}
