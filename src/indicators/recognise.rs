//! What a text is: an indicator in one notation, something that CloudTrail does not record, or nothing known.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

use super::indicator::Kind;
use crate::wording::shortened;

/// A text that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognised {
    /// A value to search for, in one notation.
    Indicator(Kind, String),
    /// A value of this type, which CloudTrail does not record.
    NotRecorded(String),
}

use Recognised::{Indicator, NotRecorded};

/// A shorter text would be in nearly every user agent.
const USER_AGENT_MIN: usize = 4;
/// An error quotes at most so many characters.
const QUOTED_MAX: usize = 60;

/// Names of types that feeds use, without case, spaces, `-` and `_`.
const TYPES: &[(&str, Kind)] = &[
    ("ip", Kind::Address),
    ("ipv4", Kind::Address),
    ("ipv6", Kind::Address),
    ("ipv4addr", Kind::Address),
    ("ipv6addr", Kind::Address),
    ("ipaddress", Kind::Address),
    ("ipaddr", Kind::Address),
    ("ipsrc", Kind::Address),
    ("ipdst", Kind::Address),
    ("ipsrc|port", Kind::Address),
    ("ipdst|port", Kind::Address),
    ("domain|ip", Kind::Address),
    ("ip:port", Kind::Address),
    ("srcip", Kind::Address),
    ("dstip", Kind::Address),
    ("sourceip", Kind::Address),
    ("sourceipaddress", Kind::Address),
    ("address", Kind::Address),
    ("cidr", Kind::Network),
    ("ipv4cidr", Kind::Network),
    ("ipv6cidr", Kind::Network),
    ("network", Kind::Network),
    ("netblock", Kind::Network),
    ("subnet", Kind::Network),
    ("prefix", Kind::Network),
    ("as", Kind::AsNumber),
    ("asn", Kind::AsNumber),
    ("asnumber", Kind::AsNumber),
    ("autonomoussystem", Kind::AsNumber),
    ("accesskey", Kind::AccessKey),
    ("accesskeyid", Kind::AccessKey),
    ("awsaccesskey", Kind::AccessKey),
    ("awsaccesskeyid", Kind::AccessKey),
    ("arn", Kind::Arn),
    ("awsarn", Kind::Arn),
    ("useridentityarn", Kind::Arn),
    ("account", Kind::Account),
    ("accountid", Kind::Account),
    ("awsaccount", Kind::Account),
    ("awsaccountid", Kind::Account),
    ("useragent", Kind::UserAgent),
    ("httpuseragent", Kind::UserAgent),
];

/// Types that say nothing about the value: the value itself decides.
const ANY_TYPE: [&str; 7] = ["", "any", "indicator", "ioc", "text", "comment", "other"];

/// The kind that a feed's name of a type means.
pub fn kind_of_type(name: &str) -> Option<Kind> {
    let name = plain(name);
    TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && !"-_".contains(*c)).flat_map(char::to_lowercase).collect()
}

/// A value whose type the file states.
///
/// # Errors
/// Why it is not of that type.
pub fn recognise_as(type_name: &str, text: &str) -> Result<Recognised, String> {
    let name = plain(type_name);
    if ANY_TYPE.contains(&name.as_str()) {
        return recognise(text);
    }
    match kind_of_type(type_name) {
        Some(kind) => {
            let text = match name.as_str() {
                "ipsrc|port" | "ipdst|port" => text.split('|').next().unwrap_or(text),
                "domain|ip" => text.split('|').next_back().unwrap_or(text),
                _ => text,
            };
            value_of(kind, text)
        }
        // The value tells an address in a URL from other URLs.
        None if ["url", "uri", "link"].contains(&name.as_str()) => Ok(of_url(&refanged(text))),
        None => Ok(NotRecorded(type_name.trim().to_lowercase())),
    }
}

/// The value of a kind in its one notation.
fn value_of(kind: Kind, text: &str) -> Result<Recognised, String> {
    let value = refanged(text);
    let wrong = |what: &str| Err(format!("{} is not {what}", quoted(text)));
    let of_kind = |found: Option<String>, what: &str| match found {
        Some(value) => Ok(Indicator(kind, value)),
        None => wrong(what),
    };
    match kind {
        Kind::Address | Kind::Network => match address_or_network(&value) {
            Some(found) => found,
            None => wrong("an address or a network"),
        },
        Kind::AsNumber => of_kind(as_number(&value, true), "an AS number"),
        Kind::AccessKey => of_kind(access_key(&value), "the id of an access key"),
        Kind::Arn => of_kind(arn(&value), "an ARN without wildcards"),
        Kind::Account => of_kind(account(&value), "an account id of 12 digits"),
        // Not refanged: a user agent may contain any text.
        Kind::UserAgent => user_agent(text),
    }
}

/// A value whose type nothing states.
///
/// # Errors
/// Why it is nothing known.
pub fn recognise(text: &str) -> Result<Recognised, String> {
    let value = refanged(text);
    if let Some(found) = address_or_network(&value) {
        return found;
    }
    let kinds = [
        (Kind::AsNumber, as_number(&value, false)),
        (Kind::AccessKey, access_key(&value)),
        (Kind::Arn, arn(&value)),
        (Kind::Account, account(&value)),
    ];
    if let Some((kind, value)) = kinds.into_iter().find_map(|(kind, value)| Some((kind, value?))) {
        return Ok(Indicator(kind, value));
    }
    if value.contains("://") {
        return Ok(of_url(&value));
    }
    if let Some(other) = other_type(&value) {
        return Ok(NotRecorded(other.to_owned()));
    }
    if is_client(&value) {
        return user_agent(text);
    }
    let is_address_like =
        value.contains(['.', ':']) && value.chars().all(|c| c.is_ascii_hexdigit() || ".:/".contains(c));
    Err(match is_address_like {
        true => format!("{} is not an address or a network", quoted(text)),
        false => {
            format!(
                "{} is no indicator: wildcards and ranges are not supported; for a user agent, write user-agent: TEXT",
                quoted(text)
            )
        }
    })
}

/// A text without the marks that keep readers from clicking: `hxxp`, `[.]`, `(dot)` and others.
fn refanged(text: &str) -> String {
    let mut value = text.trim().to_owned();
    if value.contains(['[', '(', '{']) {
        for (from, to) in [
            ("[.]", "."),
            ("(.)", "."),
            ("{.}", "."),
            ("[dot]", "."),
            ("(dot)", "."),
            ("{dot}", "."),
            ("[://]", "://"),
            ("[::]", "::"),
            ("[:]", ":"),
            ("[/]", "/"),
            ("[@]", "@"),
            ("[at]", "@"),
        ] {
            value = value.replace(from, to);
        }
    }
    match value.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("hxxp") => format!("http{}", &value[4..]),
        _ => value,
    }
}

/// An address, also with a port, or a network. An IPv4 address in IPv6 notation is the IPv4 address.
fn address_or_network(value: &str) -> Option<Result<Recognised, String>> {
    let address = value.parse::<IpAddr>().or_else(|_| value.parse::<SocketAddr>().map(|socket| socket.ip()));
    if let Ok(address) = address {
        return Some(Ok(Indicator(Kind::Address, address.to_canonical().to_string())));
    }
    let network = canonical(value.parse::<IpNet>().ok()?);
    if network.prefix_len() == 0 {
        return Some(Err(format!("{} has every address", quoted(value))));
    }
    Some(Ok(match network.prefix_len() == network.max_prefix_len() {
        true => Indicator(Kind::Address, network.addr().to_string()),
        false => Indicator(Kind::Network, network.to_string()),
    }))
}

/// A network without host bits; one of IPv4 addresses in IPv6 notation becomes one of IPv4 addresses.
fn canonical(network: IpNet) -> IpNet {
    let network = network.trunc();
    match network {
        IpNet::V6(v6) => match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
            (Some(v4), Some(prefix_len)) => Ipv4Net::new(v4, prefix_len).map_or(network, IpNet::V4),
            _ => network,
        },
        IpNet::V4(_) => network,
    }
}

fn as_number(value: &str, is_typed: bool) -> Option<String> {
    let upper = value.to_ascii_uppercase();
    let digits = upper.strip_prefix("ASN").or_else(|| upper.strip_prefix("AS"));
    let digits = if is_typed { digits.unwrap_or(&upper) } else { digits? };
    let is_number = !digits.trim().is_empty() && digits.trim().bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| digits.trim().parse::<u32>().ok()).flatten()?;
    Some(format!("AS{number}"))
}

/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
fn access_key(value: &str) -> Option<String> {
    let is_key = (value.starts_with("AKIA") || value.starts_with("ASIA"))
        && (16..=128).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    is_key.then(|| value.to_owned())
}

fn arn(value: &str) -> Option<String> {
    let is_arn = value.starts_with("arn:aws") && value.splitn(6, ':').count() == 6 && !value.ends_with(':');
    let is_one = !value.contains(['*', '?']) && !value.contains(char::is_whitespace);
    (is_arn && is_one).then(|| value.to_owned())
}

fn account(value: &str) -> Option<String> {
    (value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit())).then(|| value.to_owned())
}

fn user_agent(text: &str) -> Result<Recognised, String> {
    let text = text.trim();
    match text.chars().count() >= USER_AGENT_MIN {
        true => Ok(Indicator(Kind::UserAgent, text.to_owned())),
        false => Err(format!("{} is too short for a user agent: at least {USER_AGENT_MIN} characters", quoted(text))),
    }
}

/// The address of a URL's host, if it is one.
fn of_url(value: &str) -> Recognised {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match address_or_network(bare) {
        Some(Ok(found @ Indicator(Kind::Address, _))) => found,
        _ => NotRecorded("url".into()),
    }
}

/// The type of what threat feeds hold and CloudTrail does not record.
fn other_type(value: &str) -> Option<&'static str> {
    let is_hash = [32, 40, 64, 96, 128].contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        return Some("hash");
    }
    let (local, host) = value.split_once('@').map_or((None, value), |(local, host)| (Some(local), host));
    let host = host.trim_end_matches('.').strip_prefix("*.").unwrap_or(host.trim_end_matches('.'));
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || "-_".contains(c)) && !label.starts_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_domain = host.contains('.') && host.split('.').all(is_label) && last.chars().any(char::is_alphabetic);
    match (is_domain, local) {
        (true, None) => Some("domain"),
        (true, Some(local)) if !local.is_empty() && !local.contains(char::is_whitespace) => Some("email"),
        _ => None,
    }
}

/// `aws-cli/2.15.0`: a client and its version.
fn is_client(value: &str) -> bool {
    let Some((name, version)) = value.split_once('/') else { return false };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_+".contains(c));
    is_name && version.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit())
}

fn quoted(text: &str) -> String {
    format!("`{}`", shortened(text.trim(), QUOTED_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Kind, String) {
        match recognise(text) {
            Ok(Indicator(kind, value)) => (kind, value),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn other(text: &str) -> String {
        match recognise(text) {
            Ok(NotRecorded(of)) => of,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn addresses_have_one_notation() {
        for (text, value) in [
            ("198.51.100.7", "198.51.100.7"),
            ("198.51.100[.]7", "198.51.100.7"),
            ("198(.)51[dot]100{.}7", "198.51.100.7"),
            ("198.51.100.7:443", "198.51.100.7"),
            ("198.51.100.7/32", "198.51.100.7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("2001:DB8:0:0::0001", "2001:db8::1"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
            ("2001:db8[::]1", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("2001:db8::1/128", "2001:db8::1"),
            ("hxxp://198.51.100[.]7:8080/a?b", "198.51.100.7"),
            ("hxxps[://]user@198[.]51[.]100[.]7/", "198.51.100.7"),
            ("https://[2001:db8::1]/x", "2001:db8::1"),
        ] {
            assert_eq!(found(text), (Kind::Address, value.to_owned()), "{text}");
        }
    }

    #[test]
    fn networks_lose_their_host_bits() {
        for (text, value) in [
            ("198.51.100.0/24", "198.51.100.0/24"),
            ("198.51.100.77/24", "198.51.100.0/24"),
            ("198.51.100[.]0/31", "198.51.100.0/31"),
            ("2001:DB8:ffff::1/32", "2001:db8::/32"),
            ("::ffff:198.51.100.0/120", "198.51.100.0/24"),
        ] {
            assert_eq!(found(text), (Kind::Network, value.to_owned()), "{text}");
        }
    }

    #[test]
    fn other_kinds_are_recognised_by_their_form() {
        for (text, kind, value) in [
            ("AS64500", Kind::AsNumber, "AS64500"),
            ("asn 64500", Kind::AsNumber, "AS64500"),
            ("AKIAIOSFODNN7EXAMPLE", Kind::AccessKey, "AKIAIOSFODNN7EXAMPLE"),
            ("111122223333", Kind::Account, "111122223333"),
            ("arn:aws:iam::111122223333:user/ana", Kind::Arn, "arn:aws:iam::111122223333:user/ana"),
            ("aws-cli/2.15.0 md/Kali", Kind::UserAgent, "aws-cli/2.15.0 md/Kali"),
        ] {
            assert_eq!(found(text), (kind, value.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_cloudtrail_does_not_record_is_named_by_type() {
        for (text, of) in [
            ("evil[.]example", "domain"),
            ("*.evil.example", "domain"),
            ("hxxps://evil.example/198.51.100.7", "url"),
            ("d41d8cd98f00b204e9800998ecf8427e", "hash"),
            ("eva@evil.example", "email"),
        ] {
            assert_eq!(other(text), of, "{text}");
        }
    }

    #[test]
    fn what_is_nothing_known_has_a_reason() {
        for (text, reason) in [
            ("198.51.100.256", "`198.51.100.256` is not an address or a network"),
            ("198.51.100.0/33", "`198.51.100.0/33` is not an address or a network"),
            ("2001:db8::/129", "`2001:db8::/129` is not an address or a network"),
            ("010.1.1.1", "`010.1.1.1` is not an address or a network"),
            ("0.0.0.0/0", "`0.0.0.0/0` has every address"),
            (
                "AS99999999999",
                "`AS99999999999` is no indicator: wildcards and ranges are not supported; for a user agent, write user-agent: TEXT",
            ),
            (
                "arn:aws:iam::*:user/ana",
                "`arn:aws:iam::*:user/ana` is no indicator: wildcards and ranges are not supported; for a user agent, write user-agent: TEXT",
            ),
        ] {
            assert_eq!(recognise(text).unwrap_err(), reason);
        }
    }

    #[test]
    fn a_stated_type_decides() {
        let indicator = |kind, value: &str| Ok(Indicator(kind, value.to_owned()));
        assert_eq!(recognise_as("AS", "64500"), indicator(Kind::AsNumber, "AS64500"));
        assert_eq!(recognise_as("ip-dst|port", "198.51.100.7|443"), indicator(Kind::Address, "198.51.100.7"));
        assert_eq!(recognise_as("domain|ip", "evil.example|198.51.100.7"), indicator(Kind::Address, "198.51.100.7"));
        assert_eq!(recognise_as("User Agent", "Evil (1)"), indicator(Kind::UserAgent, "Evil (1)"));
        assert_eq!(recognise_as("text", "AKIAIOSFODNN7EXAMPLE"), indicator(Kind::AccessKey, "AKIAIOSFODNN7EXAMPLE"));
        assert_eq!(recognise_as("IPv4", "198.51.100.0/24"), indicator(Kind::Network, "198.51.100.0/24"));
        assert_eq!(recognise_as("sha256", "198.51.100.7"), Ok(NotRecorded("sha256".into())));
        assert_eq!(recognise_as("account-id", "12").unwrap_err(), "`12` is not an account id of 12 digits");
        assert_eq!(
            recognise_as("user-agent", "a").unwrap_err(),
            "`a` is too short for a user agent: at least 4 characters"
        );
    }
}
