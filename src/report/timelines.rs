//! The timelines of a report: one per riskiest identity, key or address.

use std::collections::BTreeSet;

use crate::detect::risk::Entity;
use crate::detect::{Finding, Window};
use crate::engine::Session;
use crate::error::Result;
use crate::timeline::{self, Subject, Timeline};

/// Entities that make calls.
const TIMELINE_TYPES: [&str; 3] = ["actor", "access_key", "ip"];
/// Timelines, their days and their rows: what somebody reads of a report.
const TIMELINES_MAX: usize = 10;
const TIMELINE_DAYS_MAX: usize = 7;
const TIMELINE_ROWS_MAX: usize = 200;

/// The timelines of the riskiest identities, keys and addresses, on the days of their heaviest findings.
///
/// # Errors
/// When a query fails.
pub async fn timelines(session: &Session, entities: &[Entity], findings: &[Finding]) -> Result<Vec<Timeline>> {
    let subject = |entity: &Entity| {
        let mut days = BTreeSet::new();
        let heaviest = entity.reasons.iter().filter_map(|reason| findings.iter().find(|f| f.id == reason.finding));
        for finding in heaviest {
            if days.len() >= TIMELINE_DAYS_MAX {
                break;
            }
            days.extend(finding.days().into_iter().flat_map(|(first, last)| [first, last]));
        }
        let window = Window::of_days(*days.first()?, *days.last()?)?;
        Some(Subject { name: entity.entity.clone(), entities: vec![entity.entity.clone()], window, days })
    };
    let with_calls = entities.iter().filter(|entity| TIMELINE_TYPES.contains(&entity.entity_type.as_str()));
    let subjects: Vec<Subject> = with_calls.take(TIMELINES_MAX).filter_map(subject).collect();
    timeline::timelines(session, &subjects, findings, TIMELINE_ROWS_MAX).await
}
