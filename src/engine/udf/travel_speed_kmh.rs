//! `travel_speed_kmh`: how fast somebody must have been to be at two places.

use arrow::datatypes::DataType;

use super::function::{Argument, Function, of_numbers};
use crate::geo::distance_km;

/// A move faster than the clock can tell is taken as one of this long: times have whole seconds.
const ELAPSED_MIN_S: f64 = 1.0;

/// A place and how far from it the truth may be: latitude and longitude in degrees, error radius in km.
pub type Circle = (f64, f64, f64);

/// The shortest way between two circles, km: great circle less both error radii, at least 0.
pub fn travelled_km(from: Circle, to: Circle) -> f64 {
    (distance_km(from.0, from.1, to.0, to.1) - from.2 - to.2).max(0.0)
}

/// Speed over a distance, km/h; times may stand in either order.
pub fn speed_kmh(km: f64, seconds: f64) -> f64 {
    km / (seconds.abs().max(ELAPSED_MIN_S) / 3600.0)
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "travel_speed_kmh",
        "The smallest speed in km/h with which somebody can be seen at two places this many seconds apart: max(0, great circle - both error radii) / hours, the time taken as one second at least. What geo_change says of neighbouring calls, for any two places; an error radius that is not known counts there as 0, here it gives null: coalesce it.",
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
