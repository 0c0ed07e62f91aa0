//! `travel_speed_kmh`: the minimum speed needed to be at two locations.

use arrow::datatypes::DataType;

use super::function::{Argument, Function, of_numbers};
use crate::geo::distance_km;

/// Minimum duration of a move: times have whole seconds.
const ELAPSED_MIN_S: f64 = 1.0;

/// A location: latitude and longitude in degrees, error radius in km.
pub type Circle = (f64, f64, f64);

/// The shortest distance between two circles, km: great circle minus both error radii, at least 0.
pub fn travelled_km(from: Circle, to: Circle) -> f64 {
    (distance_km(from.0, from.1, to.0, to.1) - from.2 - to.2).max(0.0)
}

/// Speed over a distance, km/h; times may be in either order.
pub fn speed_kmh(km: f64, seconds: f64) -> f64 {
    km / (seconds.abs().max(ELAPSED_MIN_S) / 3600.0)
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "travel_speed_kmh",
        "The minimum speed in km/h needed to be at two locations this many seconds apart: max(0, great circle - both error radii) / hours, with at least one second. geo_change computes the same for consecutive calls; it treats an unknown error radius as 0, while here it gives null, so use coalesce.",
        &[
            Argument::Float("latitude_1"),
            Argument::Float("longitude_1"),
            Argument::Float("accuracy_km_1"),
            Argument::Float("latitude_2"),
            Argument::Float("longitude_2"),
            Argument::Float("accuracy_km_2"),
            Argument::Float("seconds"),
        ],
        DataType::Float64,
        &[
            ("round(travel_speed_kmh(52.52, 13.405, 0, 40.7128, -74.006, 0, 3600))", "6385.0"),
            ("round(travel_speed_kmh(52.52, 13.405, 100, 40.7128, -74.006, 50, 7200), 1)", "3117.5"),
            ("round(travel_speed_kmh(52.52, 13.405, 0, 40.7128, -74.006, 0, -3600))", "6385.0"),
            ("travel_speed_kmh(52.52, 13.405, 5000, 40.7128, -74.006, 5000, 60)", "0.0"),
            ("travel_speed_kmh(1, 1, 0, 1, 1, 0, 0)", "0.0"),
            ("travel_speed_kmh(1, 1, 0, 2, 2, 0, CAST('NaN' AS DOUBLE))", "NULL"),
            ("travel_speed_kmh(1, 1, NULL, 2, 2, 0, 60)", "NULL"),
        ],
        |args, rows| {
            of_numbers(args, rows, |numbers: [f64; 7]| {
                let [latitude_1, longitude_1, accuracy_1, latitude_2, longitude_2, accuracy_2, seconds] = numbers;
                let sound = numbers.iter().all(|number| number.is_finite()) && accuracy_1.min(accuracy_2) >= 0.0;
                let (from, to) = ((latitude_1, longitude_1, accuracy_1), (latitude_2, longitude_2, accuracy_2));
                sound.then(|| speed_kmh(travelled_km(from, to), seconds))
            })
        },
    )
}
