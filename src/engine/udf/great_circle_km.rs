//! `great_circle_km`: distance of two places on the Earth.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, floats};
use crate::geo::distance_km;

/// Declaration; the formula is [`distance_km`]'s.
pub fn function() -> Function {
    Function::new(
        "great_circle_km",
        "Great-circle distance in kilometres of two places in degrees, by the haversine formula on a sphere of 6371.0088 km.",
        &[
            Argument::Float("latitude_1"),
            Argument::Float("longitude_1"),
            Argument::Float("latitude_2"),
            Argument::Float("longitude_2"),
        ],
        DataType::Float64,
        &[("round(great_circle_km(52.52, 13.405, 40.7128, -74.006))", "6385.0")],
        |args, rows| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|at| floats(&args[at]));
            let row = |row: usize| {
                let value = |column: &Float64Array| column.is_valid(row).then(|| column.value(row));
                Some(distance_km(value(a)?, value(b)?, value(c)?, value(d)?))
            };
            Ok(Arc::new((0..rows).map(row).collect::<Float64Array>()) as ArrayRef)
        },
    )
}
