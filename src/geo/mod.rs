//! Where an address is, as far as public data can say: country, region and autonomous system (AS) of an IP address.
//!
//! In: an [`IpAddr`]. Out: a [`Place`], borrowed from the tables, every field of which can be unknown. The answers
//! come from the table that is compiled in (`geo/geo.bin`, made by `geo/build.py`; its format: `embedded.rs`) and,
//! before it, from any `.mmdb` files the user gives. Nothing is ever looked up over the network.
//!
//! The data is a snapshot and a best effort, see `geo/ATTRIBUTION.md`: coordinates are the centroid of a region and
//! carry an error radius, and a place alone never proves anything.

mod address;
mod embedded;
mod error;
mod mmdb;
mod place;
#[cfg(test)]
mod tiny_mmdb;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

pub use address::is_public;
pub use error::{GeoError, TableError};
pub use place::{EARTH_RADIUS_KM, Place, distance_km};

use embedded::Table;
use mmdb::Database;

/// The databases that answer for an address: the user's files in the order given, then the embedded table.
#[derive(Debug)]
pub struct Geo {
    databases: Vec<Database>,
    table: Arc<Table>,
}

impl Geo {
    /// The embedded table alone. It is decoded once per process, at the first call (about 0.1 s and 45 MB).
    ///
    /// # Errors
    /// [`GeoError::Embedded`] when the table that was compiled in is damaged.
    pub fn embedded() -> Result<Arc<Geo>, GeoError> {
        static EMBEDDED: OnceLock<Result<Arc<Geo>, TableError>> = OnceLock::new();
        EMBEDDED
            .get_or_init(|| Ok(Arc::new(Geo { databases: Vec::new(), table: Arc::new(embedded::load()?) })))
            .clone()
            .map_err(GeoError::Embedded)
    }

    /// The embedded table behind the given MaxMind-format files: the first file that knows a field wins.
    ///
    /// Country, coordinates (with their error radius) and AS (number with organisation) are taken each as one, and
    /// coordinates only from a source that does not contradict the country already found. The files are read into
    /// memory.
    ///
    /// # Errors
    /// [`GeoError::Read`], [`GeoError::Format`] or [`GeoError::NoFields`] name the first file that cannot be used;
    /// [`GeoError::Embedded`] as in [`Geo::embedded`].
    pub fn with_databases(paths: &[PathBuf]) -> Result<Geo, GeoError> {
        let table = Arc::clone(&Geo::embedded()?.table);
        let databases = paths.iter().map(|path| Database::open(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Geo { databases, table })
    }

    /// What is known about an address. Never allocates.
    ///
    /// An IPv4-mapped IPv6 address counts as IPv4. Addresses that are not public ([`is_public`]) have no place,
    /// whatever a file says.
    pub fn lookup(&self, ip: IpAddr) -> Place<'_> {
        let ip = ip.to_canonical();
        if !is_public(ip) {
            return Place::default();
        }
        let mut place = Place::default();
        for database in &self.databases {
            place.complete_with(database.lookup(ip));
        }
        if !place.is_complete() {
            place.complete_with(self.table.lookup(ip));
        }
        place
    }

    /// What is in use, first to last: the name, type and build date of each file, then the embedded snapshots.
    pub fn sources(&self) -> Vec<String> {
        let files = self.databases.iter().map(Database::describe);
        let embedded = self.table.sources().iter().map(|source| format!("embedded: {source}"));
        files.chain(embedded).collect()
    }

    /// How many lookups met a record in one of the user's files that could not be decoded, and so went on without it.
    pub fn unreadable_records(&self) -> u64 {
        self.databases.iter().map(Database::unreadable_records).sum()
    }
}

/// One line that credits the embedded data, as its licences ask wherever results are shown.
pub fn attribution() -> &'static str {
    "IP Geolocation by DB-IP (https://db-ip.com); AS data by RouteViews, NRO and DB-IP; CC BY 4.0, condensed; \
     a snapshot, best effort"
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;
    use std::path::Path;

    use super::tiny_mmdb::{TinyMmdb, Value};
    use super::*;

    type TestResult = Result<(), Box<dyn Error>>;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("tests give valid addresses")
    }

    fn written(folder: &Path, name: &str, file: TinyMmdb) -> Result<PathBuf, std::io::Error> {
        let path = folder.join(name);
        fs::write(&path, file.bytes())?;
        Ok(path)
    }

    #[test]
    fn well_known_addresses_are_in_the_embedded_table() -> TestResult {
        let geo = Geo::embedded()?;
        for (address, country, asn) in [
            ("8.8.8.8", Some("US"), 15169),
            ("9.9.9.9", None, 19281), // anycast: the country depends on whom one asks
            ("185.220.101.1", Some("DE"), 60729),
            ("193.0.6.139", Some("NL"), 3333),
            ("2001:4860:4860::8888", None, 15169),
            ("2a00:1450:4001:80b::200e", None, 15169),
            ("2001:67c:2e8:22::c100:68b", Some("NL"), 3333),
        ] {
            let place = geo.lookup(ip(address));
            assert_eq!(place.asn, Some(asn), "{address}");
            assert!(place.organisation.is_some_and(|name| !name.is_empty()), "{address}");
            assert!(place.country.is_some_and(|code| code.len() == 2), "{address}");
            assert!(country.is_none() || place.country == country, "{address} is in {:?}", place.country);
            assert!(place.latitude_deg.is_some_and(|degrees| degrees.abs() <= 90.0), "{address}");
            assert!(place.longitude_deg.is_some_and(|degrees| degrees.abs() <= 180.0), "{address}");
            assert!(place.error_radius_km.is_some_and(|km| km >= 25.0), "{address}");
        }
        assert!(geo.lookup(ip("8.8.8.8")).organisation.is_some_and(|name| name.contains("Google")));
        Ok(())
    }

    #[test]
    fn a_region_centroid_is_near_the_city_within_its_error_radius_and_some() -> TestResult {
        let amsterdam = (52.37, 4.90);
        let geo = Geo::embedded()?;
        let place = geo.lookup(ip("193.0.6.139"));
        let (latitude, longitude) = place.coordinates_deg().ok_or("no coordinates")?;
        let away_km = distance_km(latitude, longitude, amsterdam.0, amsterdam.1);
        assert!(away_km <= place.error_radius_km.ok_or("no radius")? + 50.0, "{away_km} km away");
        Ok(())
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() -> TestResult {
        let geo = Geo::embedded()?;
        assert_eq!(geo.lookup(ip("::ffff:8.8.8.8")), geo.lookup(ip("8.8.8.8")));
        assert_eq!(geo.lookup(ip("::ffff:10.0.0.1")), Place::default());
        Ok(())
    }

    #[test]
    fn an_address_that_is_not_public_has_no_place_even_if_a_file_gives_one() -> TestResult {
        let folder = tempfile::tempdir()?;
        let everywhere =
            TinyMmdb::new("Test-Country", 6).with("0.0.0.0/1", Value::map([("country_code", "SE".into())]));
        let geo = Geo::with_databases(&[written(folder.path(), "all.mmdb", everywhere)?])?;
        assert_eq!(geo.lookup(ip("8.8.8.8")).country, Some("SE"));
        for address in ["10.1.2.3", "127.0.0.1", "100.64.0.1", "169.254.169.254", "::1", "fe80::1", "2001:db8::1"] {
            assert_eq!(geo.lookup(ip(address)), Place::default(), "{address}");
        }
        Ok(())
    }

    #[test]
    fn the_first_file_that_knows_a_field_wins_and_the_embedded_table_is_last() -> TestResult {
        let folder = tempfile::tempdir()?;
        let asn_only = TinyMmdb::new("Test-ASN", 4)
            .with("8.8.8.0/24", Value::map([("asn", "AS64500".into()), ("as_name", "Example".into())]));
        let both = TinyMmdb::new("Test-Both", 4).with(
            "8.8.8.0/24",
            Value::map([
                ("country_code", "NZ".into()),
                ("autonomous_system_number", Value::Unsigned(64501)),
                ("autonomous_system_organization", "Second".into()),
            ]),
        );
        let paths = [written(folder.path(), "asn.mmdb", asn_only)?, written(folder.path(), "both.mmdb", both)?];
        let geo = Geo::with_databases(&paths)?;

        let place = geo.lookup(ip("8.8.8.8"));
        assert_eq!((place.asn, place.organisation, place.country), (Some(64500), Some("Example"), Some("NZ")));
        assert_eq!(place.coordinates_deg(), None, "the embedded coordinates lie in another country");

        let elsewhere = geo.lookup(ip("193.0.6.139"));
        assert_eq!(elsewhere, Geo::embedded()?.lookup(ip("193.0.6.139")));
        assert_eq!(geo.unreadable_records(), 0);
        Ok(())
    }

    #[test]
    fn sources_name_the_files_with_their_dates_and_the_embedded_snapshots() -> TestResult {
        let folder = tempfile::tempdir()?;
        let file = TinyMmdb::new("Test-Country", 4).with("1.0.0.0/8", Value::map([("country_code", "AU".into())]));
        let geo = Geo::with_databases(&[written(folder.path(), "mine.mmdb", file)?])?;
        let sources = geo.sources();
        assert_eq!(sources[0], "mine.mmdb (Test-Country, built 2024-02-29)");
        assert!(sources[1].starts_with("embedded: DB-IP"), "{}", sources[1]);
        assert!(sources[2].contains("RouteViews"), "{}", sources[2]);
        assert!(attribution().contains("https://db-ip.com"));
        Ok(())
    }

    #[test]
    fn an_unusable_file_is_named_with_a_next_step() -> TestResult {
        let folder = tempfile::tempdir()?;
        let text = folder.path().join("notes.mmdb");
        fs::write(&text, "not a database")?;
        let proxies = TinyMmdb::new("Test-Proxy", 4).with("1.0.0.0/8", Value::map([("is_proxy", "yes".into())]));
        let proxies = written(folder.path(), "proxies.mmdb", proxies)?;

        let absent = Geo::with_databases(&[folder.path().join("absent.mmdb")]);
        assert!(matches!(&absent, Err(GeoError::Read { path, .. }) if path.ends_with("absent.mmdb")));
        let broken = Geo::with_databases(&[text]);
        assert!(matches!(&broken, Err(GeoError::Format { path, .. }) if path.ends_with("notes.mmdb")));
        let useless = Geo::with_databases(&[proxies]).err().ok_or("a file without fields was taken")?.to_string();
        assert!(useless.contains("proxies.mmdb") && useless.contains("Test-Proxy"), "{useless}");
        Ok(())
    }
}
