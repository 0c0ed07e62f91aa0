//! A kind of incident: its texts and the function that plants it.

use crate::sample::incidents::scenario::Scenario;
use crate::sample::incidents::truth::KindText;

/// A kind of incident, listed in `attacks::KINDS` or `lookalikes::KINDS`.
pub(crate) struct Kind {
    /// Unique and stable, in snake_case.
    pub(crate) name: &'static str,
    /// What happens, in one line.
    pub(crate) technique: &'static str,
    /// ATT&CK techniques; none for look-alikes.
    pub(crate) mitre: &'static [&'static str],
    /// How it appears in the logs and what makes it hard to detect (or easy to confuse with an attack).
    pub(crate) description: &'static str,
    /// Plants one incident of this kind; returns none when the organisation has no suitable target.
    pub(crate) plant: fn(&mut Scenario<'_>) -> Option<()>,
}

impl Kind {
    /// The kind's texts, without the function.
    pub(crate) fn text(&self) -> KindText {
        let Self { name, technique, mitre, description, .. } = *self;
        KindText { name, technique, mitre, description }
    }
}
