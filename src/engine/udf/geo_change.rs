//! `geo_change(source_ip_address, event_time)`: how the caller's location changed since the previous call.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, StructArray,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use datafusion::common::Result;

use super::function::{Argument, WindowFunction, texts, times};
use super::travel_speed_kmh::{speed_kmh, travelled_km};
use crate::geo::{Geo, Place};

/// The move from one call with a known location to the next one of the same entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Move<'a> {
    /// Previous address.
    pub previous_ip: &'a str,
    /// Time of the previous call, microseconds UTC.
    pub previous_time: i64,
    /// Previous and current country.
    pub countries: (Option<&'a str>, Option<&'a str>),
    /// Previous and current autonomous system.
    pub asns: (Option<u32>, Option<u32>),
    /// Great-circle distance minus the error radii of both locations, at least 0, km.
    pub distance_km: Option<f64>,
    /// That distance over the time between, km/h.
    pub speed_kmh: Option<f64>,
}

/// The move from `before` to `now`.
pub fn travelled<'a>(before: (&'a str, i64, Place<'a>), now: (i64, Place<'a>)) -> Move<'a> {
    let (previous_ip, previous_time, from) = before;
    let (time, to) = now;
    let circle = |place: Place| Some((place.latitude_deg?, place.longitude_deg?, place.error_radius_km.unwrap_or(0.0)));
    let distance_km = circle(from).zip(circle(to)).map(|(from, to)| travelled_km(from, to));
    let seconds = (time - previous_time) as f64 / 1e6;
    Move {
        previous_ip,
        previous_time,
        countries: (from.country, to.country),
        asns: (from.asn, to.asn),
        distance_km,
        speed_kmh: distance_km.map(|km| speed_kmh(km, seconds)),
    }
}

fn fields() -> Fields {
    let field = |name, data_type| Field::new(name, data_type, true);
    Fields::from(vec![
        field("previous_ip", DataType::Utf8),
        field("previous_time", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        field("previous_country", DataType::Utf8),
        field("country", DataType::Utf8),
        field("previous_asn", DataType::Int64),
        field("asn", DataType::Int64),
        field("country_changed", DataType::Boolean),
        field("asn_changed", DataType::Boolean),
        field("distance_km", DataType::Float64),
        field("speed_kmh", DataType::Float64),
    ])
}

/// Declaration.
pub fn function(geo: &Arc<Geo>) -> WindowFunction {
    let geo = Arc::clone(geo);
    WindowFunction::new(
        "geo_change",
        "OVER (PARTITION BY entity ORDER BY event_time): the move from the entity's previous call with a known location to this one: a struct of previous_ip, previous_time, previous_country, country, previous_asn, asn, country_changed, asn_changed, distance_km (great circle minus both error radii, at least 0), speed_kmh. Null for calls without a location (services, private addresses) and for the first call.",
        &[Argument::Text("source_ip_address"), Argument::Time("event_time")],
        DataType::Struct(fields()),
        move |args, rows| -> Result<ArrayRef> {
            let mut places: HashMap<&str, Option<Place>> = HashMap::new();
            let mut before: Option<(&str, i64, Place)> = None;
            let mut columns = Columns::with_capacity(rows);
            for (ip, time) in texts(&args[0]).iter().zip(times(&args[1])) {
                let place = ip.and_then(|ip| {
                    let place = places.entry(ip).or_insert_with(|| {
                        let place = geo.lookup(ip.parse::<IpAddr>().ok()?);
                        (place.country.is_some() || place.asn.is_some()).then_some(place)
                    });
                    *place
                });
                let (Some(ip), Some(time), Some(place)) = (ip, time, place) else {
                    columns.push(None);
                    continue;
                };
                columns.push(before.take().map(|before| travelled(before, (time, place))));
                before = Some((ip, time, place));
            }
            columns.finish()
        },
    )
}

struct Columns {
    previous_ip: StringBuilder,
    previous_time: TimestampMicrosecondBuilder,
    countries: (StringBuilder, StringBuilder),
    asns: (Int64Builder, Int64Builder),
    changed: (BooleanBuilder, BooleanBuilder),
    distance_km: Float64Builder,
    speed_kmh: Float64Builder,
}

impl Columns {
    /// Capacity for exactly the partition's rows: there are as many partitions as sessions, and each column would keep a
    /// builder's default capacity.
    fn with_capacity(rows: usize) -> Columns {
        let text = || StringBuilder::with_capacity(rows, rows * 8);
        let number = || Float64Builder::with_capacity(rows);
        Columns {
            previous_ip: text(),
            previous_time: TimestampMicrosecondBuilder::with_capacity(rows),
            countries: (text(), text()),
            asns: (Int64Builder::with_capacity(rows), Int64Builder::with_capacity(rows)),
            changed: (BooleanBuilder::with_capacity(rows), BooleanBuilder::with_capacity(rows)),
            distance_km: number(),
            speed_kmh: number(),
        }
    }

    fn push(&mut self, row: Option<Move>) {
        let row = row.as_ref();
        self.previous_ip.append_option(row.map(|row| row.previous_ip));
        self.previous_time.append_option(row.map(|row| row.previous_time));
        self.countries.0.append_option(row.and_then(|row| row.countries.0));
        self.countries.1.append_option(row.and_then(|row| row.countries.1));
        self.asns.0.append_option(row.and_then(|row| row.asns.0).map(i64::from));
        self.asns.1.append_option(row.and_then(|row| row.asns.1).map(i64::from));
        // If one of the two is unknown, it does not count as a change.
        fn changed<T: PartialEq>(pair: &(Option<T>, Option<T>)) -> bool {
            pair.0.is_some() && pair.1.is_some() && pair.0 != pair.1
        }
        self.changed.0.append_option(row.map(|row| changed(&row.countries)));
        self.changed.1.append_option(row.map(|row| changed(&row.asns)));
        self.distance_km.append_option(row.and_then(|row| row.distance_km));
        self.speed_kmh.append_option(row.and_then(|row| row.speed_kmh));
    }

    fn finish(mut self) -> Result<ArrayRef> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.previous_ip.finish()),
            Arc::new(self.previous_time.finish().with_timezone("UTC")),
            Arc::new(self.countries.0.finish()),
            Arc::new(self.countries.1.finish()),
            Arc::new(self.asns.0.finish()),
            Arc::new(self.asns.1.finish()),
            Arc::new(self.changed.0.finish()),
            Arc::new(self.changed.1.finish()),
            Arc::new(self.distance_km.finish()),
            Arc::new(self.speed_kmh.finish()),
        ];
        let nulls = columns[0].logical_nulls();
        Ok(Arc::new(StructArray::try_new(fields(), columns, nulls)?))
    }
}
