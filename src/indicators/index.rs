//! Finds the indicators that match an address or a user agent of the log. Each distinct value is looked up once, so the
//! cost depends neither on the number of events nor, for networks, on the number of indicators.

use std::collections::HashMap;
use std::net::IpAddr;

use aho_corasick::AhoCorasick;
use ipnet::IpNet;

use super::indicator::{Indicator, Kind};
use crate::error::{Error, Result};

/// Addresses, networks and AS numbers.
pub struct AddressIndex {
    /// Addresses are networks of one address.
    networks: HashMap<IpNet, usize>,
    /// Prefix lengths that occur.
    lengths_v4: Vec<u8>,
    lengths_v6: Vec<u8>,
    as_numbers: HashMap<i64, usize>,
}

impl AddressIndex {
    /// The addresses, networks and AS numbers among `indicators`; `None` if there are none.
    pub fn of(indicators: &[Indicator]) -> Option<AddressIndex> {
        let (mut networks, mut as_numbers) = (HashMap::new(), HashMap::new());
        for (at, Indicator { kind, value, .. }) in indicators.iter().enumerate() {
            let network = match kind {
                Kind::Address => value.parse::<IpAddr>().ok().map(IpNet::from),
                Kind::Network => value.parse().ok(),
                _ => None,
            };
            networks.extend(network.map(|network: IpNet| (network, at)));
            if *kind == Kind::AsNumber {
                as_numbers.extend(value.trim_start_matches("AS").parse().ok().map(|number: i64| (number, at)));
            }
        }
        let lengths = |is_v4: bool| {
            let of_family = networks.keys().filter(|network| network.addr().is_ipv4() == is_v4);
            let mut lengths: Vec<u8> = of_family.map(IpNet::prefix_len).collect();
            lengths.sort_unstable();
            lengths.dedup();
            lengths
        };
        let (lengths_v4, lengths_v6) = (lengths(true), lengths(false));
        let is_empty = networks.is_empty() && as_numbers.is_empty();
        (!is_empty).then_some(AddressIndex { networks, lengths_v4, lengths_v6, as_numbers })
    }

    /// True when an AS number is searched for.
    pub fn has_as_numbers(&self) -> bool {
        !self.as_numbers.is_empty()
    }

    /// The indicators that an address of the log matches. A name of a service matches none.
    pub fn matching(&self, address: &str, as_number: Option<i64>) -> Vec<usize> {
        let Ok(address) = address.trim().parse::<IpAddr>() else { return Vec::new() };
        let address = address.to_canonical();
        let lengths = if address.is_ipv4() { &self.lengths_v4 } else { &self.lengths_v6 };
        let networks = lengths.iter().filter_map(|length| {
            let network = IpNet::new(address, *length).ok()?.trunc();
            self.networks.get(&network).copied()
        });
        networks.chain(as_number.and_then(|number| self.as_numbers.get(&number).copied())).collect()
    }
}

/// Texts that user agents contain, without regard to the case of ASCII letters.
pub struct UserAgentIndex {
    automaton: AhoCorasick,
    /// The indicator of each pattern.
    indicators: Vec<usize>,
}

impl UserAgentIndex {
    /// The user agents among `indicators`; `None` if there are none.
    ///
    /// # Errors
    /// [`Error::Usage`] when they are too large to search for together.
    pub fn of(indicators: &[Indicator]) -> Result<Option<UserAgentIndex>> {
        let of_kind = indicators.iter().enumerate().filter(|(_, indicator)| indicator.kind == Kind::UserAgent);
        let (indicators, texts): (Vec<_>, Vec<_>) = of_kind.map(|(at, indicator)| (at, &indicator.value)).unzip();
        if texts.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(texts);
        let automaton = automaton.map_err(|e| Error::Usage(format!("too many user agents: {e}")))?;
        Ok(Some(UserAgentIndex { automaton, indicators }))
    }

    /// The indicators that a user agent of the log contains.
    pub fn matching(&self, user_agent: &str) -> Vec<usize> {
        let found = self.automaton.find_overlapping_iter(user_agent);
        let mut found: Vec<_> =
            found.filter_map(|found| self.indicators.get(found.pattern().as_usize())).copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indicators(values: &[(Kind, &str)]) -> Vec<Indicator> {
        let indicator =
            |(kind, value): &(Kind, &str)| Indicator { kind: *kind, value: (*value).into(), mentions: vec![] };
        values.iter().map(indicator).collect()
    }

    #[test]
    fn an_address_matches_itself_its_networks_and_its_as_number() {
        let index = AddressIndex::of(&indicators(&[
            (Kind::Address, "198.51.100.7"),
            (Kind::Network, "198.51.100.0/24"),
            (Kind::Network, "198.51.100.0/29"),
            (Kind::Network, "2001:db8::/32"),
            (Kind::Address, "2001:db8::1"),
            (Kind::AsNumber, "AS64500"),
            (Kind::Arn, "arn:aws:iam::111122223333:user/ana"),
        ]));
        let index = index.expect("there are addresses");
        let matching = |address: &str, as_number| {
            let mut found = index.matching(address, as_number);
            found.sort_unstable();
            found
        };
        assert_eq!(matching("198.51.100.7", None), [0, 1, 2]);
        assert_eq!(matching("::ffff:198.51.100.7", Some(1)), [0, 1, 2]);
        assert_eq!(matching("198.51.100.8", None), [1]);
        assert_eq!(matching("198.51.100.255", Some(64500)), [1, 5]);
        assert_eq!(matching("198.51.101.0", None), [0; 0]);
        assert_eq!(matching("2001:DB8:0::1", None), [3, 4]);
        assert_eq!(matching("2001:db9::", None), [0; 0]);
        assert_eq!(matching("cloudformation.amazonaws.com", None), [0; 0]);
        assert!(AddressIndex::of(&indicators(&[(Kind::Account, "111122223333")])).is_none());
    }

    #[test]
    fn a_user_agent_matches_what_it_contains() {
        let texts = indicators(&[
            (Kind::UserAgent, "Kali"),
            (Kind::UserAgent, "aws-cli/2 md/kali#1"),
            (Kind::UserAgent, "curl"),
        ]);
        let index = UserAgentIndex::of(&texts).unwrap().expect("there are user agents");
        assert_eq!(index.matching("AWS-CLI/2 md/kali#1 kali"), [0, 1]);
        assert_eq!(index.matching("Boto3/1.26"), [0; 0]);
    }
}
