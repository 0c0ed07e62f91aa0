//! Which detectors are listed.

use crate::detect::{Detector, Library, Severity, attack};
use crate::error::{Error, Result};

/// Which detectors are listed.
#[derive(Debug, Default)]
pub struct DetectorFilter {
    /// This severity or above.
    pub severity: Option<Severity>,
    /// ATT&CK tactic, such as `credential-access`.
    pub tactic: Option<String>,
    /// Table or view that is read, or service that is looked for.
    pub reads: Option<String>,
}

impl DetectorFilter {
    /// The detectors of a library that pass, by id.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown tactic, with those there are.
    pub fn select<'a>(&self, library: &'a Library) -> Result<Vec<&'a Detector>> {
        if let Some(tactic) = &self.tactic
            && !attack::tactics().any(|known| as_typed(known) == *tactic)
        {
            let known: Vec<_> = attack::tactics().map(as_typed).collect();
            return Err(Error::Usage(format!("unknown tactic {tactic}: expected one of {}", known.join(", "))));
        }
        Ok(library.iter().filter(|detector| self.matches(detector)).collect())
    }

    fn matches(&self, detector: &Detector) -> bool {
        let serves = |tactic: &String| {
            detector.attack.iter().any(|id| attack::tactics_of(id).iter().any(|name| as_typed(name) == *tactic))
        };
        self.severity.is_none_or(|least| detector.severity >= least)
            && self.tactic.as_ref().is_none_or(serves)
            && self.reads.as_ref().is_none_or(|source| detector.reads(source))
    }
}

/// A tactic's name as it is typed: `Credential Access` is `credential-access`.
fn as_typed(tactic: &str) -> String {
    tactic.to_lowercase().replace(' ', "-")
}
