//! The result of a lookup, how results of several sources are merged, and the distance between two places.

/// Mean radius of the Earth in km, (2a + b) / 3 of the GRS 80 ellipsoid, as adopted by the IUGG
/// (Moritz, "Geodetic Reference System 1980", Journal of Geodesy 74, 2000).
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// What is known about an address. Text is borrowed from the [`Geo`](super::Geo) that was queried.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Place<'a> {
    /// Country, two upper-case letters (ISO 3166-1 alpha-2, and `XK` for Kosovo).
    pub country: Option<&'a str>,
    /// Latitude of the region's centroid in degrees, north positive, -90 to 90. Known together with the longitude.
    pub latitude_deg: Option<f64>,
    /// Longitude of the region's centroid in degrees, east positive, -180 to 180.
    pub longitude_deg: Option<f64>,
    /// How far in km the address can be from the coordinates if the region is correct; known whenever the coordinates
    /// are. In the embedded table: the 90th percentile of the region's networks, at least 25 km.
    pub error_radius_km: Option<f64>,
    /// Number of the autonomous system that announces the address.
    pub asn: Option<u32>,
    /// Organisation that runs the autonomous system.
    pub organisation: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Latitude and longitude in degrees, if both are known.
    pub fn coordinates_deg(&self) -> Option<(f64, f64)> {
        self.latitude_deg.zip(self.longitude_deg)
    }

    /// True when every field is known, so no further source is needed.
    pub(super) fn is_complete(&self) -> bool {
        self.country.is_some() && self.latitude_deg.is_some() && self.asn.is_some() && self.organisation.is_some()
    }

    /// Fills unknown fields from a source with lower precedence.
    ///
    /// Coordinates are not taken from a source that states another country, and an organisation not from a source that
    /// states another AS.
    pub(super) fn complete_with(&mut self, other: Place<'a>) {
        let same_country = self.country.is_none() || other.country.is_none() || self.country == other.country;
        if self.coordinates_deg().is_none() && same_country {
            self.latitude_deg = other.latitude_deg;
            self.longitude_deg = other.longitude_deg;
            self.error_radius_km = other.error_radius_km;
        }
        self.country = self.country.or(other.country);
        if self.asn.is_none() || self.asn == other.asn {
            self.asn = other.asn;
            self.organisation = self.organisation.or(other.organisation);
        }
    }
}

/// Great-circle distance in km between two points given in degrees, by the haversine formula on a sphere of
/// [`EARTH_RADIUS_KM`]:
///
/// `2 R asin(sqrt(sin²(Δφ/2) + cos φ₁ cos φ₂ sin²(Δλ/2)))`
///
/// (R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68, 1984). The sphere is within about 0.5 % of the
/// ellipsoid.
pub fn distance_km(latitude1_deg: f64, longitude1_deg: f64, latitude2_deg: f64, longitude2_deg: f64) -> f64 {
    let (latitude1, latitude2) = (latitude1_deg.to_radians(), latitude2_deg.to_radians());
    let half_latitude = (latitude2 - latitude1) / 2.0;
    let half_longitude = (longitude2_deg - longitude1_deg).to_radians() / 2.0;
    let haversine = half_latitude.sin().powi(2) + latitude1.cos() * latitude2.cos() * half_longitude.sin().powi(2);
    // Rounding can raise the haversine of antipodes above 1, where asin is undefined.
    2.0 * EARTH_RADIUS_KM * haversine.min(1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_agree_with_the_angle_between_vectors_to_a_metre() {
        // Expected: R * atan2(|a x b|, a . b) of the unit vectors, computed separately with 50 digits.
        for (one, other, expected_km) in [
            ((51.5074, -0.1278), (40.7128, -74.0060), 5570.2299),
            ((-33.8688, 151.2093), (37.7749, -122.4194), 11947.6770),
            ((52.3700, 4.9000), (52.3710, 4.9010), 0.1303),
            ((64.1466, -21.9426), (-54.8019, -68.3030), 13809.1134),
            ((10.0, 179.5), (10.0, -179.5), 109.5057),
            ((0.0, 0.0), (90.0, 0.0), 10007.5572),
            ((12.0, 34.0), (-12.0, -146.0), 20015.1144),
            ((48.0, 11.0), (48.0, 11.0), 0.0),
        ] {
            let there = distance_km(one.0, one.1, other.0, other.1);
            let back = distance_km(other.0, other.1, one.0, one.1);
            assert!((there - expected_km).abs() < 0.001, "{one:?} to {other:?}: {there} km, expected {expected_km}");
            assert!((there - back).abs() < 1e-9, "{one:?} to {other:?} is not symmetric");
        }
    }

    #[test]
    fn coordinates_come_with_their_own_radius_and_not_from_another_country() {
        let berlin = Place {
            country: Some("DE"),
            latitude_deg: Some(52.5),
            longitude_deg: Some(13.4),
            error_radius_km: Some(30.0),
            ..Place::default()
        };
        let mut unknown = Place::default();
        unknown.complete_with(berlin);
        assert_eq!(unknown, berlin);

        let mut german = Place { country: Some("DE"), ..Place::default() };
        german.complete_with(berlin);
        assert_eq!(german, berlin);

        let mut dutch = Place { country: Some("NL"), ..Place::default() };
        dutch.complete_with(berlin);
        assert_eq!(dutch, Place { country: Some("NL"), ..Place::default() });
    }

    #[test]
    fn an_organisation_is_only_taken_for_the_same_as() {
        let named = Place { asn: Some(64500), organisation: Some("Example"), ..Place::default() };
        let mut same = Place { asn: Some(64500), ..Place::default() };
        same.complete_with(named);
        assert_eq!(same, named);

        let mut other = Place { asn: Some(64501), ..Place::default() };
        other.complete_with(named);
        assert_eq!(other.organisation, None);
    }
}
