//! The places where people work: offices, home networks, mobile networks, and the proxies in front of them.

use rand::Rng;

use crate::sample::environment::{Continent, Egress, Environment};
use crate::sample::networks::{self, Address, Network, SASE_EXITS, VPN_EXITS};
use crate::sample::organisation::regions::{RegionNames, region_names};
use crate::sample::random::{Purpose, one_of, rng_for};

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
    /// Everybody here leaves through it, at the office and at home.
    pub(crate) proxy: Option<Proxy>,
    /// How many of ten people work here.
    pub(crate) share: u32,
}

/// A VPN or a security service that people leave through.
#[derive(Clone)]
pub(crate) struct Proxy {
    /// The first day.
    pub(crate) from: u32,
    /// The addresses of each exit; the nearest exit first.
    pub(crate) exits: Vec<Vec<Address>>,
}

impl Proxy {
    /// The address of a person on a day, if the proxy is in use: usually one of the nearest exit.
    pub(crate) fn address(&self, seed: u64, person: u64, day: u32) -> Option<Address> {
        if day < self.from {
            return None;
        }
        let rng = &mut rng_for(seed, Purpose::Exit, &[person, u64::from(day)]);
        let exit = if rng.random_bool(0.85) { self.exits.first()? } else { one_of(rng, &self.exits) };
        Some(one_of(rng, exit).clone())
    }
}

impl Site {
    /// The office's line on a day.
    pub(crate) fn office_on(&self, day: u32) -> Option<&Address> {
        match &self.new_exit {
            Some((from, address, _)) if day >= *from => Some(address),
            _ => self.office.as_ref(),
        }
    }
}

/// The regions in use by an organisation of this continent.
pub(crate) fn regions_of(continent: Continent) -> RegionNames {
    match continent {
        Continent::Europe => region_names("eu-central-1", ["eu-west-1", "us-west-2"]),
        Continent::NorthAmerica => region_names("us-west-2", ["us-east-2", "ca-central-1"]),
        Continent::SouthAmerica => region_names("sa-east-1", ["us-east-2", "us-west-2"]),
        Continent::AsiaPacific => region_names("ap-northeast-1", ["ap-southeast-1", "ap-southeast-2"]),
    }
}

/// Creates the sites of an environment; those with an office come first.
pub(crate) fn create_sites(rng: &mut impl Rng, environment: &Environment) -> Vec<Site> {
    let mut office = |network: &Network| Some(network.address(rng));
    let sites = match environment.continent {
        Continent::Europe => vec![
            site(1, &networks::HOMES_DE, Some(&networks::MOBILE_DE), office(&networks::OFFICE_DE), 4),
            site(0, &networks::HOMES_IE, Some(&networks::MOBILE_IE), office(&networks::OFFICE_IE), 2),
            site(-5, &networks::HOMES_US, None, office(&networks::OFFICE_US), 2),
            site(5, &networks::HOMES_IN, None, office(&networks::OFFICE_IN), 1),
            site(0, &networks::HOMES_PT, None, None, 0),
            site(1, &networks::HOMES_PL, None, None, 0),
            site(1, &networks::HOMES_ES, None, None, 0),
            site(1, &networks::HOMES_NL, None, None, 1),
        ],
        Continent::NorthAmerica => vec![
            site(-8, &networks::HOMES_SAN_FRANCISCO, None, office(&networks::OFFICE_SAN_FRANCISCO), 4),
            site(-6, &networks::HOMES_CHICAGO, None, office(&networks::OFFICE_CHICAGO), 3),
            site(-5, &networks::HOMES_TORONTO, None, office(&networks::OFFICE_TORONTO), 2),
            site(-5, &networks::HOMES_US, None, None, 1),
        ],
        Continent::SouthAmerica => vec![
            site(-3, &networks::HOMES_SAO_PAULO, None, office(&networks::OFFICE_SAO_PAULO), 5),
            site(-3, &networks::HOMES_BUENOS_AIRES, None, office(&networks::OFFICE_BUENOS_AIRES), 2),
            site(-3, &networks::HOMES_SANTIAGO, None, office(&networks::OFFICE_SANTIAGO), 2),
            site(-5, &networks::HOMES_MEDELLIN, None, None, 1),
        ],
        Continent::AsiaPacific => vec![
            site(9, &networks::HOMES_TOKYO, None, office(&networks::OFFICE_TOKYO), 4),
            site(
                8,
                &networks::HOMES_SINGAPORE,
                Some(&networks::MOBILE_SINGAPORE),
                office(&networks::OFFICE_SINGAPORE),
                3,
            ),
            site(10, &networks::HOMES_SYDNEY, None, office(&networks::OFFICE_SYDNEY), 2),
            site(5, &networks::HOMES_IN, None, None, 1),
        ],
    };
    // The first office has the people of sites that do not exist.
    let is_open = |(index, site): &(usize, Site)| match site.office {
        Some(_) => *index < environment.offices,
        None => !matches!(environment.egress, Egress::Office | Egress::Shared),
    };
    let (open, closed): (Vec<_>, Vec<_>) = sites.into_iter().enumerate().partition(is_open);
    let mut sites: Vec<_> = open.into_iter().map(|(_, site)| site).collect();
    sites[0].share += closed.iter().map(|(_, site)| site.share).sum::<u32>();
    if environment.egress != Egress::HomeAndOffice {
        for site in &mut sites {
            site.mobile = None;
        }
    }
    if let Some(proxy) = create_proxy(rng, environment.egress, &sites[0]) {
        for site in &mut sites {
            site.proxy = Some(proxy.clone());
        }
    }
    sites
}

fn site(
    utc_offset: i64,
    homes: &'static [Network],
    mobile: Option<&'static Network>,
    office: Option<Address>,
    share: u32,
) -> Site {
    Site { utc_offset, homes, mobile, office, new_exit: None, proxy: None, share }
}

/// The proxy of an organisation with its main office at this site.
pub(crate) fn create_proxy(rng: &mut impl Rng, egress: Egress, site: &Site) -> Option<Proxy> {
    let country = site.homes[0].country();
    let (networks, exits, addresses): (&'static [Network], _, _) = match egress {
        Egress::Vpn => (&VPN_EXITS, 1, 3),
        Egress::Sase => (&SASE_EXITS, 4, 24),
        Egress::Office | Egress::HomeAndOffice | Egress::Shared => return None,
    };
    let near = networks.iter().filter(|network| network.country() == country);
    let others: Vec<_> = networks.iter().filter(|network| network.country() != country).collect();
    let mut chosen: Vec<_> = near.take(1).collect();
    while chosen.len() < exits {
        chosen.push(*one_of(rng, &others));
    }
    let exits = chosen.iter().map(|network| (0..addresses).map(|_| network.address(rng)).collect()).collect();
    Some(Proxy { from: 0, exits })
}

/// An office line in another country than the main office: where the exit of an office may move to.
pub(crate) fn office_abroad(continent: Continent) -> &'static Network {
    match continent {
        Continent::Europe => &networks::OFFICE_ABROAD,
        Continent::NorthAmerica => &networks::OFFICE_TORONTO,
        Continent::SouthAmerica => &networks::OFFICE_CHICAGO,
        Continent::AsiaPacific => &networks::OFFICE_SINGAPORE,
    }
}
