//! A detector as a Sigma rule, for those whose finding is about single events.

use std::fmt::Write;

use serde_json::json;

use crate::detect::{Detector, Library};
use crate::error::{Error, Result};
use crate::sha256;

/// The Sigma rule of a detector: its header, and the detection in the file `ID.sigma.yml` beside its SQL.
///
/// # Errors
/// [`Error::Usage`] for a detector that has no such file, with those that do.
pub fn as_sigma_rule(library: &Library, id: &str) -> Result<String> {
    let detector = library.get(id)?;
    let Some(detection) = detector.sigma_detection()? else {
        let mut known = Vec::new();
        for detector in library.iter() {
            if detector.sigma_detection()?.is_some() {
                known.push(detector.id.as_str());
            }
        }
        let known = known.join(", ");
        let reason = "its findings need a history, which Sigma rules do not have";
        return Err(Error::Usage(format!("{id} cannot be exported: {reason}; those that can: {known}")));
    };
    Ok(rule(detector, detection.trim_end()))
}

fn rule(detector: &Detector, detection: &str) -> String {
    // JSON strings are YAML.
    let text = |text: &str| json!(text).to_string();
    let mut rule = String::new();
    let mut line = |text: &str| {
        let _ = writeln!(rule, "{text}");
    };
    line(&format!("title: {}", text(&detector.title)));
    line(&format!("id: {}", id_of(&detector.id)));
    line("status: test");
    line(&format!("description: {}", text(&detector.why)));
    line("tags:");
    detector.attack.iter().for_each(|id| line(&format!("  - attack.{}", id.to_lowercase())));
    line("logsource:\n  product: aws\n  service: cloudtrail");
    line(detection);
    line("falsepositives:");
    detector.benign.iter().for_each(|reason| line(&format!("  - {}", text(reason))));
    line(&format!("level: {}", detector.severity));
    rule
}

/// A UUID that is the same for the same detector (version 8 of RFC 9562, from SHA-256).
fn id_of(detector: &str) -> uuid::Uuid {
    sha256::uuid(&format!("trailhunt detector {detector}"), uuid::Version::Custom)
}
