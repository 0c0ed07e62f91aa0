//! A user's own database in the MaxMind DB format (`.mmdb`).
//!
//! In: a file. Out: places borrowed from it. One mapping from keys to fields works for all publishers; the file's
//! `database_type` is only displayed:
//!
//! | publisher | country | coordinates, error radius | AS |
//! |---|---|---|---|
//! | MaxMind, DB-IP | `country.iso_code` | `location.{latitude,longitude,accuracy_radius}` | `autonomous_system_{number,organization}`, at the top or in `traits` |
//! | IPinfo | `country_code`, else `country` if it is a code | `loc` = "lat,lon", or `lat` and `lng` | `asn` = "AS15169", `as_name` |
//! | ip-location-db | `country_code` | `latitude`, `longitude` | `autonomous_system_{number,organization}` |
//!
//! Numbers may be strings. A value of another type counts as absent.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use maxminddb::{Reader, WithinOptions};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::GeoError;
use super::place::Place;

/// Error radius in km for coordinates that have none in the file. An assumption: city databases state that most of
/// their coordinates are correct to within this distance.
const ERROR_RADIUS_KM_ASSUMED: f64 = 50.0;

/// Records examined for usable fields before a file is refused.
const RECORDS_SAMPLED: usize = 10_000;

/// One open file.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    reader: Reader<Vec<u8>>,
    unreadable_records: AtomicU64,
}

impl Database {
    /// Reads a file into memory and checks that its records have usable fields.
    pub(super) fn open(path: &Path) -> Result<Database, GeoError> {
        let bytes = fs::read(path).map_err(|source| GeoError::Read { path: path.to_owned(), source })?;
        let format = |source| GeoError::Format { path: path.to_owned(), source };
        let reader = Reader::from_source(bytes).map_err(format)?;

        let mut has_fields = false;
        for network in reader.networks(WithinOptions::default()).map_err(format)?.take(RECORDS_SAMPLED) {
            let record = network.map_err(format)?.decode::<Record<'_>>().map_err(format)?;
            if record.is_some_and(|record| record.place() != Place::default()) {
                has_fields = true;
                break;
            }
        }
        if !has_fields {
            let database_type = reader.metadata().database_type.clone();
            return Err(GeoError::NoFields { path: path.to_owned(), database_type });
        }
        Ok(Database { path: path.to_owned(), reader, unreadable_records: AtomicU64::new(0) })
    }

    /// What the file knows about an address. A record that cannot be decoded is counted and treated as absent.
    pub(super) fn lookup(&self, ip: IpAddr) -> Place<'_> {
        if ip.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Place::default();
        }
        match self.reader.lookup(ip).and_then(|found| found.decode::<Record<'_>>()) {
            Ok(record) => record.unwrap_or_default().place(),
            Err(_) => {
                self.unreadable_records.fetch_add(1, Ordering::Relaxed);
                Place::default()
            }
        }
    }

    /// Number of lookups that found a record that could not be decoded.
    pub(super) fn unreadable_records(&self) -> u64 {
        self.unreadable_records.load(Ordering::Relaxed)
    }

    /// The file's name, type and build date: `mine.mmdb (DBIP-City-Lite, built 2026-06-05)`.
    pub(super) fn describe(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str()).display();
        let metadata = self.reader.metadata();
        format!("{name} ({}, built {})", metadata.database_type, utc_date(metadata.build_epoch))
    }
}

/// The UTC date of a Unix time in seconds, `YYYY-MM-DD`.
///
/// Algorithm: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`. Its years start in March,
/// so the leap day is the last day.
fn utc_date(unix_seconds: u64) -> String {
    let days = unix_seconds / 86_400 + 719_468; // since 0000-03-01
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A record of any publisher. Other keys are skipped.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Record<'a> {
    country: ScalarOrMap<'a>,
    location: ScalarOrMap<'a>,
    traits: ScalarOrMap<'a>,
    country_code: Scalar<'a>,
    latitude: Scalar<'a>,
    longitude: Scalar<'a>,
    lat: Scalar<'a>,
    lng: Scalar<'a>,
    loc: Scalar<'a>,
    autonomous_system_number: Scalar<'a>,
    autonomous_system_organization: Scalar<'a>,
    asn: Scalar<'a>,
    as_name: Scalar<'a>,
}

/// The keys used one level down.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Nested<'a> {
    iso_code: Scalar<'a>,
    latitude: Scalar<'a>,
    longitude: Scalar<'a>,
    accuracy_radius: Scalar<'a>,
    autonomous_system_number: Scalar<'a>,
    autonomous_system_organization: Scalar<'a>,
}

impl<'a> Record<'a> {
    fn place(&self) -> Place<'a> {
        let country = [self.country.nested.iso_code, self.country_code, self.country.scalar];
        let coordinates = self
            .coordinates_deg()
            .filter(|(latitude, longitude)| (-90.0..=90.0).contains(latitude) && (-180.0..=180.0).contains(longitude));
        let radius = self.location.nested.accuracy_radius.number().filter(|radius| *radius > 0.0);
        let traits = &self.traits.nested;
        let asn = [self.autonomous_system_number, traits.autonomous_system_number, self.asn];
        let organisation = [self.autonomous_system_organization, traits.autonomous_system_organization, self.as_name];
        let asn = asn.iter().find_map(Scalar::as_number);
        Place {
            country: country.iter().find_map(Scalar::country_code),
            latitude_deg: coordinates.map(|(latitude, _)| latitude),
            longitude_deg: coordinates.map(|(_, longitude)| longitude),
            error_radius_km: coordinates.map(|_| radius.unwrap_or(ERROR_RADIUS_KM_ASSUMED)),
            asn,
            organisation: asn.and_then(|_| organisation.iter().find_map(Scalar::text)),
        }
    }

    fn coordinates_deg(&self) -> Option<(f64, f64)> {
        let nested = &self.location.nested;
        let pair = |latitude: &Scalar<'a>, longitude: &Scalar<'a>| latitude.number().zip(longitude.number());
        let from_text = || {
            let (latitude, longitude) = self.loc.text()?.split_once(',')?;
            Scalar::Text(latitude).number().zip(Scalar::Text(longitude).number())
        };
        pair(&nested.latitude, &nested.longitude)
            .or_else(|| pair(&self.latitude, &self.longitude))
            .or_else(|| pair(&self.lat, &self.lng))
            .or_else(from_text)
    }
}

/// A string or number; any other value is [`Scalar::Other`].
#[derive(Debug, Default, Clone, Copy)]
enum Scalar<'a> {
    Text(&'a str),
    Number(f64),
    #[default]
    Other,
}

impl<'a> Scalar<'a> {
    fn text(&self) -> Option<&'a str> {
        match self {
            Scalar::Text(text) => Some(*text).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Scalar::Text(text) => text.trim().parse().ok(),
            Scalar::Number(number) => Some(*number),
            Scalar::Other => None,
        }
        .filter(|number| number.is_finite())
    }

    /// `15169`, "15169" or "AS15169"; 0 means none.
    fn as_number(&self) -> Option<u32> {
        let number = match self {
            Scalar::Text(text) => text.strip_prefix("AS").unwrap_or(text).parse().ok()?,
            // The cast saturates; a fraction is not an AS number.
            Scalar::Number(number) if number.fract() == 0.0 => *number as u32,
            _ => 0,
        };
        Some(number).filter(|number| *number != 0)
    }

    /// Two upper-case letters; a country name is not a code.
    fn country_code(&self) -> Option<&'a str> {
        self.text().filter(|text| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarOrMapVisitor).map(|value| value.scalar)
    }
}

/// A value that is a scalar for one publisher and a map for another.
#[derive(Debug, Default)]
struct ScalarOrMap<'a> {
    scalar: Scalar<'a>,
    nested: Nested<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for ScalarOrMap<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarOrMapVisitor)
    }
}

struct ScalarOrMapVisitor;

impl<'de> Visitor<'de> for ScalarOrMapVisitor {
    type Value = ScalarOrMap<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(text).into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number).into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64).into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let nested = Nested::deserialize(MapAccessDeserializer::new(map))?;
        Ok(ScalarOrMap { scalar: Scalar::Other, nested })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(ScalarOrMap::default())
    }

    fn visit_u128<E>(self, _: u128) -> Result<Self::Value, E> {
        Ok(ScalarOrMap::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(ScalarOrMap::default())
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Self::Value, E> {
        Ok(ScalarOrMap::default())
    }
}

impl<'a> From<Scalar<'a>> for ScalarOrMap<'a> {
    fn from(scalar: Scalar<'a>) -> Self {
        ScalarOrMap { scalar, nested: Nested::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tiny_mmdb::{TinyMmdb, Value};
    use super::*;

    fn open(file: &TinyMmdb) -> Result<Database, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("tiny.mmdb");
        fs::write(&path, file.bytes())?;
        Ok(Database::open(&path)?)
    }

    /// The place of an address in a file with this one record, as text.
    fn place_of(record: Value) -> Result<String, Box<dyn std::error::Error>> {
        let database = open(&TinyMmdb::new("Test", 4).with("1.2.0.0/16", record))?;
        let place = database.lookup("1.2.3.4".parse()?);
        Ok(format!(
            "{} {:?} {:?} {:?} {}",
            place.country.unwrap_or("-"),
            place.coordinates_deg(),
            place.error_radius_km,
            place.asn,
            place.organisation.unwrap_or("-")
        ))
    }

    type TestResult = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn maxmind_and_dbip_records_are_place_of() -> TestResult {
        let names = Value::map([("en", "Sweden".into())]);
        let city = Value::map([
            (
                "country",
                Value::map([("geoname_id", Value::Unsigned(2661886)), ("iso_code", "SE".into()), ("names", names)]),
            ),
            (
                "location",
                Value::map([
                    ("accuracy_radius", Value::Unsigned(76)),
                    ("latitude", Value::Double(58.4167)),
                    ("longitude", Value::Double(15.6167)),
                    ("time_zone", "Europe/Stockholm".into()),
                ]),
            ),
            ("subdivisions", Value::List(vec![Value::map([("iso_code", "E".into())])])),
        ]);
        assert_eq!(place_of(city)?, "SE Some((58.4167, 15.6167)) Some(76.0) None -");

        let asn = Value::map([
            ("autonomous_system_number", Value::Unsigned(64500)),
            ("autonomous_system_organization", "An organisation with a name of over 29 bytes".into()),
        ]);
        assert_eq!(place_of(asn.clone())?, "- None None Some(64500) An organisation with a name of over 29 bytes");
        let enterprise = Value::map([("traits", asn)]);
        assert_eq!(place_of(enterprise)?, "- None None Some(64500) An organisation with a name of over 29 bytes");
        Ok(())
    }

    #[test]
    fn ipinfo_records_are_place_of() -> TestResult {
        let lite = Value::map([
            ("as_domain", "example.net".into()),
            ("as_name", "Example".into()),
            ("asn", "AS64500".into()),
            ("country", "Sweden".into()),
            ("country_code", "SE".into()),
        ]);
        assert_eq!(place_of(lite)?, "SE None None Some(64500) Example");
        let location = Value::map([("country", "SE".into()), ("lat", "58.5".into()), ("lng", "15.5".into())]);
        assert_eq!(place_of(location)?, "SE Some((58.5, 15.5)) Some(50.0) None -");
        let loc = Value::map([("country", "SE".into()), ("loc", "58.5,-15.5".into())]);
        assert_eq!(place_of(loc)?, "SE Some((58.5, -15.5)) Some(50.0) None -");
        Ok(())
    }

    #[test]
    fn ip_location_db_records_are_place_of() -> TestResult {
        let city = Value::map([
            ("city", "".into()),
            ("country_code", "SE".into()),
            ("latitude", Value::Double(58.5)),
            ("longitude", Value::Double(15.5)),
            ("state1", "".into()),
        ]);
        assert_eq!(place_of(city)?, "SE Some((58.5, 15.5)) Some(50.0) None -");
        Ok(())
    }

    #[test]
    fn values_of_another_type_or_out_of_range_count_as_absent() -> TestResult {
        let odd = Value::map([
            ("as_name", "without a number".into()),
            ("asn", Value::List(vec!["AS1".into()])),
            ("country", Value::List(Vec::new())),
            ("country_code", "SE".into()),
            ("latitude", Value::Double(91.0)),
            ("location", "Stockholm".into()),
            ("longitude", Value::Double(15.5)),
        ]);
        assert_eq!(place_of(odd)?, "SE None None None -");
        Ok(())
    }

    #[test]
    fn ipv4_and_ipv6_are_found_in_one_file_and_ipv6_is_absent_in_an_ipv4_file() -> TestResult {
        let country = |code| Value::map([("country_code", Value::Text(code))]);
        let both =
            open(&TinyMmdb::new("Test", 6).with("1.2.0.0/16", country("SE")).with("2a00:1::/32", country("FI")))?;
        assert_eq!(both.lookup("1.2.3.4".parse()?).country, Some("SE"));
        assert_eq!(both.lookup("2a00:1::5".parse()?).country, Some("FI"));
        assert_eq!(both.lookup("2a00:2::5".parse()?), Place::default());

        let v4 = open(&TinyMmdb::new("Test", 4).with("1.2.0.0/16", country("SE")))?;
        assert_eq!(v4.lookup("2a00:1::5".parse()?), Place::default());
        assert_eq!(v4.unreadable_records(), 0);
        Ok(())
    }

    #[test]
    fn a_record_that_cannot_be_decoded_is_counted_and_treated_as_absent() -> TestResult {
        let good = Value::map([("country_code", "SE".into())]);
        let twice = Value::map([("asn", "AS1".into()), ("asn", "AS2".into())]);
        let database = open(&TinyMmdb::new("Test", 4).with("1.0.0.0/16", good).with("1.2.0.0/16", twice))?;
        assert_eq!(database.lookup("1.2.3.4".parse()?), Place::default());
        assert_eq!(database.lookup("1.0.3.4".parse()?).country, Some("SE"));
        assert_eq!(database.unreadable_records(), 1);
        Ok(())
    }

    #[test]
    fn build_dates_are_correct_around_leap_days() {
        // Expected: `date -u -d @SECONDS +%F`.
        for (unix_seconds, date) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_780_666_922, "2026-06-05"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(utc_date(unix_seconds), date);
        }
    }
}
