//! An indicator, and where it is mentioned.

use serde::Serialize;

/// What an indicator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// IPv4 or IPv6 address.
    Address,
    /// Range of addresses, in CIDR notation.
    Network,
    /// Number of an autonomous system.
    AsNumber,
    /// Id of an access key.
    AccessKey,
    /// ARN of a caller.
    Arn,
    /// Id of an AWS account.
    Account,
    /// User agent, or a part of one.
    UserAgent,
}

impl Kind {
    /// The noun in texts.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Address => "address",
            Kind::Network => "network",
            Kind::AsNumber => "AS number",
            Kind::AccessKey => "access key",
            Kind::Arn => "ARN",
            Kind::Account => "account id",
            Kind::UserAgent => "user agent",
        }
    }
}

/// One value to search for, and everything that mentions it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// What it is.
    pub kind: Kind,
    /// The value in one notation: addresses compressed, networks without host bits, `AS64500`.
    pub value: String,
    /// Where it comes from, in the order of the files.
    pub mentions: Vec<Mention>,
}

/// A place in a file that names an indicator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Mention {
    /// The file.
    pub file: String,
    /// Line, or id of the object in the file.
    pub at: String,
    /// What the file says about it, shortened.
    pub description: Option<String>,
    /// Who published it.
    pub source: Option<String>,
    /// How sure the source is, from 0 to 100.
    pub confidence: Option<u8>,
    /// Valid from this time, RFC 3339. Earlier events match too.
    pub valid_from: Option<String>,
    /// Valid until this time, RFC 3339. Later events match too; a hit that has only later ones is marked.
    pub valid_until: Option<String>,
    /// Why it may mean less than other indicators.
    pub caveat: Option<String>,
}
