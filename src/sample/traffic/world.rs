//! What all traffic is generated from.

use crate::sample::cloudtrail::calls::Catalogue;
use crate::sample::organisation::Organisation;
use crate::sample::settings::SampleSettings;
use crate::sample::traffic::named_calls::NamedCalls;

/// Everything that days are generated from.
pub(crate) struct World<'a> {
    /// Settings of the sample.
    pub(crate) settings: &'a SampleSettings,
    /// All calls.
    pub(crate) catalogue: &'a Catalogue,
    /// The organisation.
    pub(crate) organisation: &'a Organisation,
    /// Calls by name.
    pub(crate) calls: &'a NamedCalls,
}
