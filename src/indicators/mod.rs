//! Indicators: addresses, networks, AS numbers, access keys, ARNs, account ids and user agents that somebody published or
//! saw elsewhere, looked up in the whole history of a lake.
//!
//! [`Indicators::read`] reads files: plain lists, CSV, STIX 2.1 bundles and MISP JSON, one source file per format. Whatever
//! a file holds is searched, counted as something that CloudTrail does not record, or named as invalid. [`search`] finds
//! the events and says who did what.

mod feed;
mod index;
mod indicator;
mod list;
mod misp;
mod pattern;
mod read;
mod recognise;
mod search;
mod stix;
mod table;

pub use feed::Problem;
pub use indicator::{Indicator, Kind, Mention};
pub use read::{FileSummary, Indicators};
pub use search::{Count, FirstEvent, Hit, Search, search};
