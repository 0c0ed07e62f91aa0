//! `z_score(value, mean, stddev, floor)`: how many standard deviations above the mean.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, floats};

/// `(value - mean) / max(stddev, floor)`.
pub fn z_score(value: f64, mean: f64, stddev: f64, floor: f64) -> f64 {
    (value - mean) / stddev.max(floor)
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "z_score",
        "Standard score: (value - mean) / max(stddev, floor). The floor keeps a history without spread from dividing by zero; give it in the value's unit.",
        &[Argument::Float("value"), Argument::Float("mean"), Argument::Float("stddev"), Argument::Float("floor")],
        DataType::Float64,
        &[("z_score(20, 10, 4, 1)", "2.5"), ("z_score(20, 10, 0, 1)", "10.0"), ("z_score(NULL, 1, 1, 1)", "NULL")],
        |args, _| Ok(of_four(args, z_score)),
    )
}

/// Applies a formula of four numbers row by row; null where any is.
pub fn of_four(args: &[ArrayRef], formula: fn(f64, f64, f64, f64) -> f64) -> ArrayRef {
    let [a, b, c, d] = [0, 1, 2, 3].map(|at| floats(&args[at]).iter());
    let rows = a.zip(b).zip(c.zip(d)).map(|((a, b), (c, d))| Some(formula(a?, b?, c?, d?)));
    Arc::new(rows.collect::<Float64Array>())
}
