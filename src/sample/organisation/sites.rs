//! The places where people work: offices, home networks, mobile networks.

use rand::Rng;

use crate::sample::networks::{self, Address, Network};

/// A place where people work.
pub(crate) struct Site {
    /// Offset of local time from UTC in hours, in winter; the sample has no daylight saving time.
    pub(crate) utc_offset: i64,
    /// Networks of home connections near the site.
    pub(crate) homes: &'static [Network],
    /// The mobile network, at sites where people use their phones as a hotspot.
    pub(crate) mobile: Option<&'static Network>,
    /// The office's public address; none at sites without an office.
    pub(crate) office: Option<Address>,
    /// From this day on the office uses another public address; with the number of the incident.
    pub(crate) new_exit: Option<(u32, Address, u16)>,
    /// How many of ten people work here.
    pub(crate) share: u32,
}

/// Creates the sites; the first four have an office.
pub(crate) fn create_sites(rng: &mut impl Rng) -> Vec<Site> {
    let site =
        |utc_offset, homes, mobile, office, share| Site { utc_offset, homes, mobile, office, new_exit: None, share };
    let mut office = |network: &Network| Some(network.address(rng));
    vec![
        site(1, &networks::HOMES_DE, Some(&networks::MOBILE_DE), office(&networks::OFFICE_DE), 4),
        site(0, &networks::HOMES_IE, Some(&networks::MOBILE_IE), office(&networks::OFFICE_IE), 2),
        site(-5, &networks::HOMES_US, None, office(&networks::OFFICE_US), 2),
        site(5, &networks::HOMES_IN, None, office(&networks::OFFICE_IN), 1),
        site(0, &networks::HOMES_PT, None, None, 0),
        site(1, &networks::HOMES_PL, None, None, 0),
        site(1, &networks::HOMES_ES, None, None, 0),
        site(1, &networks::HOMES_NL, None, None, 1),
    ]
}
