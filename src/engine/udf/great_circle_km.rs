//! `great_circle_km`: distance between two points on the Earth.

use arrow::datatypes::DataType;

use super::function::{Argument, Function, of_numbers};
use crate::geo::distance_km;

/// Declaration; the formula is [`distance_km`]'s.
pub fn function() -> Function {
    Function::new(
        "great_circle_km",
        "Great-circle distance in kilometres between two points in degrees, by the haversine formula on a sphere of radius 6371.0088 km.",
        &[
            Argument::Float("latitude_1"),
            Argument::Float("longitude_1"),
            Argument::Float("latitude_2"),
            Argument::Float("longitude_2"),
        ],
        DataType::Float64,
        &[("round(great_circle_km(52.52, 13.405, 40.7128, -74.006))", "6385.0")],
        |args, rows| {
            of_numbers(args, rows, |[latitude_1, longitude_1, latitude_2, longitude_2]| {
                Some(distance_km(latitude_1, longitude_1, latitude_2, longitude_2))
            })
        },
    )
}
