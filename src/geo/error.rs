//! Errors when the geo tables are opened. Lookups never fail.

use std::path::PathBuf;

use thiserror::Error;

/// A geo table that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GeoError {
    /// The embedded table cannot be decoded.
    #[error("the embedded geo table is damaged: {0}; rebuild from a clean checkout of geo/geo.bin")]
    Embedded(#[source] TableError),

    /// A user's database file cannot be read from disk.
    #[error("cannot read geo database {}: {source}; check the path", path.display())]
    Read {
        /// The path as given.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },

    /// A user's database file is not in the MaxMind DB format.
    #[error("cannot use geo database {}: {source}; use an uncompressed .mmdb file", path.display())]
    Format {
        /// The path as given.
        path: PathBuf,
        /// The reader's error.
        source: maxminddb::MaxMindDbError,
    },

    /// A user's database file has none of the fields of a [`Place`](super::Place).
    #[error(
        "geo database {} ({database_type}) has no country, coordinates or AS number; use a country, city or ASN database",
        path.display()
    )]
    NoFields {
        /// The path as given.
        path: PathBuf,
        /// The `database_type` in the file.
        database_type: String,
    },
}

/// Why the embedded table cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The first bytes are not those of a geo table.
    #[error("not a geo table")]
    Magic,

    /// The format version is not the one this build reads.
    #[error("format version {found}, expected {expected}")]
    Version {
        /// The table's version.
        found: u16,
        /// The version that this build reads.
        expected: u16,
    },

    /// A section is truncated or contradicts another.
    #[error("section {section}: {problem}")]
    Section {
        /// The section's tag as in `geo/build.py`, or `header`.
        section: &'static str,
        /// The problem.
        problem: &'static str,
    },
}
