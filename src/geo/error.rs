//! What can go wrong while the geo tables are opened. Lookups themselves never fail.

use std::path::PathBuf;

use thiserror::Error;

/// A geo table that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GeoError {
    /// The table that was compiled in does not decode.
    #[error("the embedded geo table is damaged: {0}; rebuild from a clean checkout of geo/geo.bin")]
    Embedded(#[source] TableError),

    /// A user's database file cannot be read from disk.
    #[error("cannot read geo database {}: {source}; check the path", path.display())]
    Read {
        /// The file as it was given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A user's database file is not in the MaxMind DB format.
    #[error("cannot use geo database {}: {source}; give an uncompressed .mmdb file", path.display())]
    Format {
        /// The file as it was given.
        path: PathBuf,
        /// What the reader said.
        source: maxminddb::MaxMindDbError,
    },

    /// A user's database file holds nothing that a [`Place`](super::Place) has a field for.
    #[error(
        "geo database {} ({database_type}) has no country, coordinates or AS number; give a country, city or ASN database",
        path.display()
    )]
    NoFields {
        /// The file as it was given.
        path: PathBuf,
        /// The type that the file gives itself.
        database_type: String,
    },
}

/// Why the embedded table does not decode.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The first bytes are not those of a geo table.
    #[error("it does not begin as a geo table")]
    Magic,

    /// The table has another format version than this build reads.
    #[error("it has format version {found}, expected {expected}")]
    Version {
        /// The table's version.
        found: u16,
        /// The version that this build reads.
        expected: u16,
    },

    /// A part of the table is cut short or contradicts another.
    #[error("section {section}: {problem}")]
    Section {
        /// The section's tag as in `geo/build.py`, or `header`.
        section: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}
