//! Source addresses: address blocks of well-known providers, and random addresses in them.
//!
//! The blocks are public facts (who announces a prefix, and in which country it is used); the addresses are random and
//! do not stand for real hosts. Output: an `Address` with what a geo table should return for it.

use std::net::{Ipv4Addr, Ipv6Addr};

use rand::Rng;

use crate::sample::random::one_of;

/// Address blocks that a provider uses in one country.
pub(crate) struct Network {
    asn: u32,
    owner: &'static str,
    country: &'static str,
    blocks: &'static [Block],
}

/// An address block: first address and prefix length.
enum Block {
    V4([u8; 4], u32),
    V6([u16; 8], u32),
}

/// One address, its country and the network that announces it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    /// As written in `sourceIPAddress`.
    pub(crate) ip: String,
    /// ISO 3166-1 alpha-2.
    pub(crate) country: &'static str,
    /// The autonomous system that announces it.
    pub(crate) asn: u32,
    /// The holder of the autonomous system.
    pub(crate) owner: &'static str,
}

impl Network {
    const fn new(asn: u32, owner: &'static str, country: &'static str, blocks: &'static [Block]) -> Self {
        Self { asn, owner, country, blocks }
    }

    /// ISO 3166-1 alpha-2.
    pub(crate) fn country(&self) -> &'static str {
        self.country
    }

    /// A random address in one of the blocks.
    pub(crate) fn address(&self, rng: &mut impl Rng) -> Address {
        let ip = match one_of(rng, self.blocks) {
            Block::V4(first, prefix) => {
                let host: u32 = rng.random::<u32>() & (u32::MAX >> prefix) & !0xff;
                // The last byte avoids the network and broadcast addresses of a /24.
                let address = u32::from(Ipv4Addr::from(*first)) | host | rng.random_range(2..250);
                Ipv4Addr::from(address).to_string()
            }
            Block::V6(first, prefix) => {
                // Subnet and host are random, as with privacy extensions.
                let host: u128 = rng.random::<u128>() & (u128::MAX >> prefix);
                Ipv6Addr::from(u128::from(Ipv6Addr::from(*first)) | host).to_string()
            }
        };
        Address { ip, country: self.country, asn: self.asn, owner: self.owner }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u32) -> Block {
    Block::V4([a, b, c, d], prefix)
}

/// Home connections around Hamburg.
pub(crate) static HOMES_DE: [Network; 4] = [
    Network::new(6805, "Telefonica Germany", "DE", &[v4(95, 112, 0, 0, 15)]),
    Network::new(3320, "Deutsche Telekom AG", "DE", &[v4(84, 160, 0, 0, 14), v4(91, 32, 0, 0, 14)]),
    Network::new(3209, "Vodafone GmbH", "DE", &[v4(88, 64, 0, 0, 15), v4(84, 56, 0, 0, 15)]),
    Network::new(3320, "Deutsche Telekom AG", "DE", &[Block::V6([0x2003, 0xc0, 0, 0, 0, 0, 0, 0], 26)]),
];

/// Home connections around Dublin.
pub(crate) static HOMES_IE: [Network; 2] = [
    Network::new(5466, "Eircom Limited", "IE", &[v4(83, 70, 0, 0, 16), v4(86, 44, 0, 0, 15)]),
    Network::new(6830, "Liberty Global", "IE", &[v4(89, 100, 0, 0, 15)]),
];

/// Home connections around Boston.
pub(crate) static HOMES_US: [Network; 2] = [
    Network::new(701, "Verizon Business", "US", &[v4(72, 74, 0, 0, 16), v4(108, 20, 0, 0, 16), v4(71, 174, 0, 0, 16)]),
    Network::new(7922, "Comcast Cable", "US", &[v4(98, 216, 0, 0, 15), v4(66, 30, 0, 0, 16)]),
];

/// Home connections around Bengaluru.
pub(crate) static HOMES_IN: [Network; 2] = [
    Network::new(24309, "Atria Convergence Technologies", "IN", &[v4(106, 51, 0, 0, 17)]),
    Network::new(24560, "Bharti Airtel Limited", "IN", &[v4(122, 166, 0, 0, 17), v4(122, 172, 0, 0, 16)]),
];

/// Home connections in Portugal, where the organisation has no office.
pub(crate) static HOMES_PT: [Network; 1] =
    [Network::new(3243, "MEO", "PT", &[v4(85, 240, 0, 0, 14), v4(82, 154, 0, 0, 15)])];

/// Home connections around Warsaw.
pub(crate) static HOMES_PL: [Network; 1] =
    [Network::new(5617, "Orange Polska", "PL", &[v4(83, 0, 0, 0, 14), v4(31, 60, 0, 0, 15)])];

/// Home connections around Madrid.
pub(crate) static HOMES_ES: [Network; 1] =
    [Network::new(3352, "Telefonica de Espana", "ES", &[v4(80, 24, 0, 0, 14), v4(88, 0, 0, 0, 14)])];

/// Home connections around Amsterdam.
pub(crate) static HOMES_NL: [Network; 2] = [
    Network::new(1136, "KPN B.V.", "NL", &[v4(77, 160, 0, 0, 14), v4(86, 80, 0, 0, 14)]),
    Network::new(33915, "Vodafone Libertel", "NL", &[v4(80, 56, 0, 0, 15)]),
];

/// The Hamburg office and its VPN.
pub(crate) static OFFICE_DE: Network = Network::new(8220, "COLT Technology Services", "DE", &[v4(213, 61, 0, 0, 16)]);

/// The Dublin office.
pub(crate) static OFFICE_IE: Network = Network::new(34245, "Magnet Networks", "IE", &[v4(87, 198, 128, 0, 17)]);

/// The Boston office.
pub(crate) static OFFICE_US: Network = Network::new(701, "Verizon Business", "US", &[v4(173, 48, 0, 0, 16)]);

/// The Bengaluru office.
pub(crate) static OFFICE_IN: Network = Network::new(24560, "Bharti Airtel Limited", "IN", &[v4(122, 166, 128, 0, 18)]);

/// The same business provider in another country: the new exit of a VPN that moves.
pub(crate) static OFFICE_ABROAD: Network =
    Network::new(8220, "COLT Technology Services", "FR", &[v4(62, 23, 0, 0, 17)]);

/// German phones used as a hotspot. Only small countries have mobile networks here: elsewhere the exit may be far away.
pub(crate) static MOBILE_DE: Network = Network::new(3209, "Vodafone GmbH", "DE", &[v4(109, 40, 0, 0, 15)]);

/// Irish phones used as a hotspot.
pub(crate) static MOBILE_IE: Network = Network::new(13280, "Three Ireland", "IE", &[v4(92, 251, 128, 0, 17)]);

/// Home connections around San Francisco.
pub(crate) static HOMES_SAN_FRANCISCO: [Network; 2] = [
    Network::new(7922, "Comcast Cable", "US", &[v4(73, 162, 0, 0, 16), v4(24, 5, 0, 0, 16)]),
    Network::new(7018, "AT&T Enterprises, LLC", "US", &[v4(70, 137, 128, 0, 18), v4(76, 218, 64, 0, 18)]),
];

/// Home connections around Chicago.
pub(crate) static HOMES_CHICAGO: [Network; 2] = [
    Network::new(7922, "Comcast Cable", "US", &[v4(50, 164, 0, 0, 15), v4(96, 144, 0, 0, 14)]),
    Network::new(7018, "AT&T Enterprises, LLC", "US", &[v4(75, 38, 128, 0, 18), v4(75, 9, 64, 0, 18)]),
];

/// Home connections around Toronto.
pub(crate) static HOMES_TORONTO: [Network; 2] = [
    Network::new(812, "Rogers Communications", "CA", &[v4(99, 224, 0, 0, 14), v4(99, 240, 0, 0, 14)]),
    Network::new(577, "Bell Canada", "CA", &[v4(184, 147, 0, 0, 17), v4(142, 159, 0, 0, 17)]),
];

/// Home connections around São Paulo.
pub(crate) static HOMES_SAO_PAULO: [Network; 2] = [
    Network::new(28573, "Claro NXT Telecomunicacoes", "BR", &[v4(177, 32, 0, 0, 15), v4(201, 80, 0, 0, 14)]),
    Network::new(27699, "Telefonica Brasil S.A", "BR", &[v4(201, 60, 0, 0, 15), v4(177, 102, 0, 0, 17)]),
];

/// Home connections around Buenos Aires.
pub(crate) static HOMES_BUENOS_AIRES: [Network; 2] = [
    Network::new(7303, "Telecom Argentina S.A.", "AR", &[v4(181, 108, 0, 0, 15), v4(181, 8, 0, 0, 16)]),
    Network::new(22927, "Telefonica de Argentina", "AR", &[v4(201, 176, 0, 0, 15), v4(186, 132, 0, 0, 15)]),
];

/// Home connections around Santiago.
pub(crate) static HOMES_SANTIAGO: [Network; 2] = [
    Network::new(22047, "VTR Banda Ancha S.A.", "CL", &[v4(190, 160, 0, 0, 14)]),
    Network::new(7418, "Telefonica Chile S.A.", "CL", &[v4(190, 20, 0, 0, 15), v4(186, 104, 0, 0, 14)]),
];

/// Home connections around Medellín.
pub(crate) static HOMES_MEDELLIN: [Network; 1] =
    [Network::new(13489, "EPM Telecomunicaciones", "CO", &[v4(181, 128, 0, 0, 13)])];

/// Home connections around Tokyo.
pub(crate) static HOMES_TOKYO: [Network; 3] = [
    Network::new(17676, "SoftBank Corp.", "JP", &[v4(219, 32, 0, 0, 13), v4(221, 64, 0, 0, 13)]),
    Network::new(4713, "NTT Communications", "JP", &[v4(153, 144, 0, 0, 14), v4(118, 12, 0, 0, 14)]),
    Network::new(2518, "BIGLOBE Inc.", "JP", &[v4(119, 240, 0, 0, 15), v4(133, 200, 0, 0, 15)]),
];

/// Home connections in Singapore.
pub(crate) static HOMES_SINGAPORE: [Network; 2] = [
    Network::new(9506, "Singapore Telecommunications", "SG", &[v4(121, 6, 0, 0, 15), v4(119, 74, 128, 0, 17)]),
    Network::new(55430, "Starhub Internet", "SG", &[v4(116, 86, 0, 0, 15), v4(218, 212, 0, 0, 16)]),
];

/// Home connections around Sydney.
pub(crate) static HOMES_SYDNEY: [Network; 2] = [
    Network::new(1221, "Telstra Limited", "AU", &[v4(121, 216, 0, 0, 14)]),
    Network::new(4804, "SingTel Optus Pty Ltd", "AU", &[v4(122, 106, 0, 0, 15), v4(114, 76, 0, 0, 15)]),
];

/// Phones in Singapore used as a hotspot.
pub(crate) static MOBILE_SINGAPORE: Network = Network::new(4773, "M1 Limited", "SG", &[v4(27, 104, 0, 0, 16)]);

/// The San Francisco office.
pub(crate) static OFFICE_SAN_FRANCISCO: Network =
    Network::new(174, "Cogent Communications", "US", &[v4(38, 177, 0, 0, 18), v4(154, 44, 64, 0, 18)]);

/// The Chicago office.
pub(crate) static OFFICE_CHICAGO: Network = Network::new(174, "Cogent Communications", "US", &[v4(38, 13, 192, 0, 19)]);

/// The Toronto office.
pub(crate) static OFFICE_TORONTO: Network = Network::new(6461, "Zayo Bandwidth", "CA", &[v4(142, 194, 128, 0, 17)]);

/// The São Paulo office.
pub(crate) static OFFICE_SAO_PAULO: Network = Network::new(4230, "Claro S.A.", "BR", &[v4(200, 200, 0, 0, 16)]);

/// The Buenos Aires office.
pub(crate) static OFFICE_BUENOS_AIRES: Network = Network::new(16814, "NSS S.A.", "AR", &[v4(190, 210, 128, 0, 18)]);

/// The Santiago office.
pub(crate) static OFFICE_SANTIAGO: Network = Network::new(27651, "Entel Chile S.A.", "CL", &[v4(200, 111, 128, 0, 18)]);

/// The Tokyo office.
pub(crate) static OFFICE_TOKYO: Network = Network::new(2519, "ARTERIA Networks", "JP", &[v4(163, 139, 0, 0, 16)]);

/// The Singapore office.
pub(crate) static OFFICE_SINGAPORE: Network = Network::new(3758, "SingNet Pte Ltd", "SG", &[v4(203, 125, 0, 0, 17)]);

/// The Sydney office.
pub(crate) static OFFICE_SYDNEY: Network = Network::new(9443, "Vocus Pty Ltd", "AU", &[v4(218, 215, 0, 0, 16)]);

/// Exits of VPN providers, which companies, travellers and attackers rent alike.
pub(crate) static VPN_EXITS: [Network; 14] = [
    Network::new(9009, "M247 Europe SRL", "DE", &[v4(188, 119, 128, 0, 20)]),
    Network::new(9009, "M247 Europe SRL", "GB", &[v4(109, 176, 216, 0, 21)]),
    Network::new(9009, "M247 Europe SRL", "US", &[v4(38, 132, 96, 0, 19)]),
    Network::new(9009, "M247 Europe SRL", "CA", &[v4(104, 239, 32, 0, 21)]),
    Network::new(9009, "M247 Europe SRL", "BR", &[v4(38, 180, 78, 0, 23)]),
    Network::new(9009, "M247 Europe SRL", "JP", &[v4(193, 135, 220, 0, 22)]),
    Network::new(9009, "M247 Europe SRL", "AU", &[v4(217, 138, 204, 0, 23)]),
    Network::new(212_238, "Datacamp Limited", "DE", &[v4(93, 88, 144, 0, 21)]),
    Network::new(212_238, "Datacamp Limited", "US", &[v4(149, 102, 224, 0, 22)]),
    Network::new(212_238, "Datacamp Limited", "CA", &[v4(154, 13, 208, 0, 22)]),
    Network::new(212_238, "Datacamp Limited", "BR", &[v4(212, 180, 20, 0, 23)]),
    Network::new(212_238, "Datacamp Limited", "JP", &[v4(109, 174, 176, 0, 22)]),
    Network::new(212_238, "Datacamp Limited", "SG", &[v4(138, 199, 60, 0, 23)]),
    Network::new(39351, "31173 Services AB", "SE", &[v4(193, 138, 216, 0, 22)]),
];

/// Exits of a SASE provider (a security service that all traffic of a company passes), by country.
pub(crate) static SASE_EXITS: [Network; 10] = [
    Network::new(62044, "Zscaler Switzerland GmbH", "DE", &[v4(147, 161, 136, 0, 22), v4(165, 225, 72, 0, 22)]),
    Network::new(62044, "Zscaler Switzerland GmbH", "NL", &[v4(165, 225, 28, 0, 22)]),
    Network::new(62044, "Zscaler Switzerland GmbH", "GB", &[v4(147, 161, 140, 0, 22)]),
    Network::new(22616, "Zscaler, Inc.", "US", &[v4(170, 85, 160, 0, 19), v4(104, 129, 192, 0, 20)]),
    Network::new(22616, "Zscaler, Inc.", "CA", &[v4(165, 225, 208, 0, 22)]),
    Network::new(22616, "Zscaler, Inc.", "BR", &[v4(170, 85, 16, 0, 21)]),
    Network::new(53813, "Zscaler, Inc.", "JP", &[v4(147, 161, 192, 0, 21)]),
    Network::new(53813, "Zscaler, Inc.", "SG", &[v4(167, 103, 56, 0, 21)]),
    Network::new(53813, "Zscaler, Inc.", "AU", &[v4(101, 2, 224, 0, 20)]),
    Network::new(53813, "Zscaler, Inc.", "IN", &[v4(167, 103, 200, 0, 21)]),
];

/// Exits of the Tor network.
pub(crate) static TOR_EXITS: [Network; 5] = [
    Network::new(60729, "Stiftung Erneuerbare Freiheit", "DE", &[v4(185, 220, 101, 0, 24)]),
    Network::new(205_100, "F3 Netze e.V.", "DE", &[v4(185, 220, 100, 0, 24)]),
    Network::new(208_323, "Foundation for Applied Privacy", "AT", &[v4(109, 70, 100, 0, 24)]),
    Network::new(4224, "The Calyx Institute", "US", &[v4(162, 247, 72, 0, 24)]),
    Network::new(396_507, "Emerald Onion", "US", &[v4(23, 129, 64, 0, 24)]),
];

/// Networks of hotels, conferences and visitors.
pub(crate) static GUEST_NETWORKS: [Network; 4] = [
    Network::new(22773, "Cox Communications", "US", &[v4(24, 234, 0, 0, 16), v4(24, 120, 0, 0, 16)]),
    Network::new(2856, "British Telecommunications", "GB", &[v4(86, 128, 0, 0, 14), v4(109, 144, 0, 0, 14)]),
    Network::new(3303, "Swisscom", "CH", &[v4(178, 192, 0, 0, 14)]),
    Network::new(4713, "NTT Communications", "JP", &[v4(153, 128, 0, 0, 14)]),
];

/// Homes and phones in countries without people of the organisation.
pub(crate) static FOREIGN_HOMES: [Network; 8] = [
    Network::new(7552, "Viettel Group", "VN", &[v4(171, 224, 0, 0, 14)]),
    Network::new(9121, "Turk Telekom", "TR", &[v4(88, 224, 0, 0, 14)]),
    Network::new(8708, "Digi Romania", "RO", &[v4(86, 120, 0, 0, 14)]),
    Network::new(28573, "Claro", "BR", &[v4(187, 2, 0, 0, 15), v4(189, 100, 0, 0, 15)]),
    Network::new(7713, "Telekomunikasi Indonesia", "ID", &[v4(36, 68, 0, 0, 14)]),
    Network::new(17552, "True Internet", "TH", &[v4(110, 168, 0, 0, 15)]),
    Network::new(29465, "MTN Nigeria", "NG", &[v4(102, 88, 0, 0, 14)]),
    Network::new(12389, "Rostelecom", "RU", &[v4(178, 64, 0, 0, 15)]),
];

/// Hosting and VPN providers.
pub(crate) static HOSTING: [Network; 7] = [
    Network::new(24940, "Hetzner Online GmbH", "FI", &[v4(95, 216, 0, 0, 15)]),
    Network::new(14061, "DigitalOcean, LLC", "SG", &[v4(128, 199, 64, 0, 18), v4(128, 199, 128, 0, 17)]),
    Network::new(16276, "OVH SAS", "FR", &[v4(91, 121, 0, 0, 16)]),
    Network::new(63949, "Akamai Connected Cloud", "US", &[v4(45, 33, 0, 0, 17)]),
    Network::new(60781, "LeaseWeb Netherlands B.V.", "NL", &[v4(85, 17, 0, 0, 16), v4(94, 75, 192, 0, 18)]),
    Network::new(49981, "WorldStream B.V.", "NL", &[v4(185, 182, 192, 0, 22), v4(89, 39, 104, 0, 22)]),
    Network::new(24940, "Hetzner Online GmbH", "DE", &[v4(78, 46, 0, 0, 15)]),
];

/// The cloud of hosted build runners.
pub(crate) static RUNNERS: Network = Network::new(
    8075,
    "Microsoft Corporation",
    "US",
    &[v4(172, 176, 0, 0, 14), v4(52, 224, 0, 0, 14), v4(4, 227, 0, 0, 16)],
);

/// The cloud of the monitoring vendor.
pub(crate) static VENDOR: Network = Network::new(396_982, "Google LLC", "US", &[v4(35, 224, 0, 0, 14)]);

/// Public addresses of AWS in a region.
pub(crate) fn aws_region(region: &str) -> &'static Network {
    const fn aws(country: &'static str, blocks: &'static [Block]) -> Network {
        Network::new(16509, "Amazon.com, Inc.", country, blocks)
    }
    static FRANKFURT: Network = aws("DE", &[v4(3, 64, 0, 0, 14), v4(18, 192, 0, 0, 15), v4(35, 156, 0, 0, 14)]);
    static DUBLIN: Network = aws("IE", &[v4(34, 240, 0, 0, 14), v4(52, 16, 0, 0, 15), v4(63, 32, 0, 0, 14)]);
    static OREGON: Network = aws("US", &[v4(52, 24, 0, 0, 14), v4(34, 208, 0, 0, 14)]);
    static LONDON: Network = aws("GB", &[v4(3, 48, 0, 0, 14), v4(18, 120, 0, 0, 14)]);
    static OHIO: Network = aws("US", &[v4(3, 144, 0, 0, 14), v4(18, 216, 0, 0, 15)]);
    static MONTREAL: Network = aws("CA", &[v4(3, 96, 0, 0, 15), v4(15, 222, 0, 0, 15)]);
    static SAO_PAULO: Network = aws("BR", &[v4(18, 228, 0, 0, 15), v4(54, 232, 0, 0, 15)]);
    static TOKYO: Network = aws("JP", &[v4(13, 112, 0, 0, 14), v4(18, 176, 0, 0, 14)]);
    static SINGAPORE: Network = aws("SG", &[v4(13, 212, 0, 0, 14), v4(18, 140, 0, 0, 14)]);
    static SYDNEY: Network = aws("AU", &[v4(13, 236, 0, 0, 14), v4(3, 104, 0, 0, 14)]);
    static MUMBAI: Network = aws("IN", &[v4(13, 232, 0, 0, 14), v4(3, 108, 0, 0, 14)]);
    static VIRGINIA: Network = Network::new(
        14618,
        "Amazon.com, Inc.",
        "US",
        &[v4(3, 208, 0, 0, 14), v4(34, 192, 0, 0, 14), v4(44, 192, 0, 0, 14)],
    );
    match region {
        "eu-central-1" => &FRANKFURT,
        "eu-west-1" => &DUBLIN,
        "eu-west-2" => &LONDON,
        "us-west-2" => &OREGON,
        "us-east-2" => &OHIO,
        "ca-central-1" => &MONTREAL,
        "sa-east-1" => &SAO_PAULO,
        "ap-northeast-1" => &TOKYO,
        "ap-southeast-1" => &SINGAPORE,
        "ap-southeast-2" => &SYDNEY,
        "ap-south-1" => &MUMBAI,
        _ => &VIRGINIA,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::random::{Purpose, rng_for};

    #[test]
    fn addresses_stay_in_their_block() {
        let mut rng = rng_for(1, Purpose::DayTotal, &[]);
        for _ in 0..200 {
            let address = OFFICE_DE.address(&mut rng);
            assert!(address.ip.starts_with("213.61."), "{}", address.ip);
        }
        assert!(HOMES_DE[3].address(&mut rng).ip.starts_with("2003:"));
    }
}
