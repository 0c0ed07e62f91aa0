//! `ip_country`, `ip_latitude`, `ip_longitude`, `ip_asn`, `ip_organisation`, `ip_is_amazon`: the location of an address, and
//! who runs its network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};
use crate::geo::{Geo, Place};

/// Declaration of `ip_country`.
pub fn country(geo: &Arc<Geo>) -> Function {
    let geo = Arc::clone(geo);
    Function::new(
        "ip_country",
        "Two-letter country of an address; null for service names, AWS Internal, and private or unknown addresses.",
        &[Argument::Text("address")],
        DataType::Utf8,
        &[
            ("ip_country('8.8.8.8')", "US"),
            ("ip_country('cloudformation.amazonaws.com')", "NULL"),
            ("ip_country('10.0.0.1')", "NULL"),
        ],
        move |args, _| {
            let places = each(&geo, texts(&args[0]), |place| place.country.map(|text| text.to_owned()));
            Ok(Arc::new(places.collect::<StringArray>()) as ArrayRef)
        },
    )
}

/// Declaration of `ip_latitude`.
pub fn latitude(geo: &Arc<Geo>) -> Function {
    let geo = Arc::clone(geo);
    Function::new(
        "ip_latitude",
        "Latitude in degrees of the middle of the region of an address; null for service names, AWS Internal, and private or unknown addresses.",
        &[Argument::Text("address")],
        DataType::Float64,
        &[("ip_latitude('8.8.8.8') > 25", "true"), ("ip_latitude('10.0.0.1')", "NULL")],
        move |args, _| {
            let places = each(&geo, texts(&args[0]), |place| place.latitude_deg);
            Ok(Arc::new(places.collect::<Float64Array>()) as ArrayRef)
        },
    )
}

/// Declaration of `ip_longitude`.
pub fn longitude(geo: &Arc<Geo>) -> Function {
    let geo = Arc::clone(geo);
    Function::new(
        "ip_longitude",
        "Longitude in degrees of the middle of the region of an address; null where `ip_latitude` is null.",
        &[Argument::Text("address")],
        DataType::Float64,
        &[("ip_longitude('8.8.8.8') < -60", "true"), ("ip_longitude('10.0.0.1')", "NULL")],
        move |args, _| {
            let places = each(&geo, texts(&args[0]), |place| place.longitude_deg);
            Ok(Arc::new(places.collect::<Float64Array>()) as ArrayRef)
        },
    )
}

/// Declaration of `ip_asn`.
pub fn asn(geo: &Arc<Geo>) -> Function {
    let geo = Arc::clone(geo);
    Function::new(
        "ip_asn",
        "Number of the autonomous system that announces an address; null for service names, AWS Internal, and private or unknown addresses.",
        &[Argument::Text("address")],
        DataType::Int64,
        &[("ip_asn('8.8.8.8')", "15169"), ("ip_asn('AWS Internal')", "NULL")],
        move |args, _| {
            let places = each(&geo, texts(&args[0]), |place| place.asn.map(i64::from));
            Ok(Arc::new(places.collect::<Int64Array>()) as ArrayRef)
        },
    )
}

/// Declaration of `ip_organisation`.
pub fn organisation(geo: &Arc<Geo>) -> Function {
    let geo = Arc::clone(geo);
    Function::new(
        "ip_organisation",
        "Name of the organisation that runs the autonomous system of an address.",
        &[Argument::Text("address")],
        DataType::Utf8,
        &[("ip_organisation('8.8.8.8')", "Google LLC")],
        move |args, _| {
            let places = each(&geo, texts(&args[0]), |place| place.organisation.map(|text| text.to_owned()));
            Ok(Arc::new(places.collect::<StringArray>()) as ArrayRef)
        },
    )
}

/// Declaration of `ip_is_amazon`.
pub fn is_amazon(geo: &Arc<Geo>) -> Function {
    let geo = Arc::clone(geo);
    Function::new(
        "ip_is_amazon",
        "True when Amazon runs the network of the address, as for workloads and CloudShell. False for service names, AWS Internal, and private or unknown addresses; null for a null address.",
        &[Argument::Text("address")],
        DataType::Boolean,
        &[("ip_is_amazon('8.8.8.8')", "false"), ("ip_is_amazon('10.0.0.1')", "false"), ("ip_is_amazon(NULL)", "NULL")],
        move |args, _| {
            let of_amazon = |place: Place<'_>| place.organisation.map(|name| name.to_lowercase().contains("amazon"));
            let addresses = texts(&args[0]);
            let amazon = each(&geo, addresses, of_amazon).zip(addresses);
            let amazon = amazon.map(|(amazon, address)| address.map(|_| amazon.unwrap_or(false)));
            Ok(Arc::new(amazon.collect::<BooleanArray>()) as ArrayRef)
        },
    )
}

/// Looks up each address once: a column has few distinct addresses, and consecutive rows often have the same one.
fn each<'a, T: Clone + 'a>(
    geo: &'a Geo,
    addresses: &'a StringArray,
    get: impl Fn(Place<'_>) -> Option<T> + 'a,
) -> impl Iterator<Item = Option<T>> + 'a {
    let mut seen: HashMap<&str, Option<T>> = HashMap::new();
    let mut before: Option<(&str, Option<T>)> = None;
    addresses.iter().map(move |address| {
        let address = address?;
        if let Some((_, found)) = before.as_ref().filter(|(before, _)| *before == address) {
            return found.clone();
        }
        let found = seen.entry(address).or_insert_with(|| get(geo.lookup(address.parse::<IpAddr>().ok()?)));
        before = Some((address, found.clone()));
        found.clone()
    })
}
