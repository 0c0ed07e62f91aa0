//! Runs detectors over a session: binds parameters, checks the columns, reads the rows, looks up the evidence.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::{StreamExt, stream};
use serde_json::Value;

use super::contract::check_contract;
use super::finding::Event;
use super::join::join;
use super::of_sigma::{SigmaMatches, of_sigma_rules, one_alert_per_technique};
use super::rows::rows;
use super::{Detector, Finding, Origin, Window};
use crate::engine::{Parameters, Query, Session, bind_days};
use crate::error::{Error, Result};

/// The settings of a hunt.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Values by detector and parameter, as typed.
    pub parameters: BTreeMap<String, BTreeMap<String, String>>,
}

/// The result of a hunt.
#[derive(Debug, Default)]
pub struct Hunt {
    /// Findings, heaviest first.
    pub findings: Vec<Finding>,
    /// The errors of the detectors that failed; the other detectors ran.
    pub failed: Vec<Error>,
    /// Seconds by detector.
    pub seconds: Vec<(String, f64)>,
    /// What Sigma rules matched, if there are any.
    pub sigma: Option<SigmaMatches>,
}

impl Hunt {
    /// Whether a detector ran to its end.
    pub fn succeeded(&self, id: &str) -> bool {
        let failed = |error: &Error| !matches!(error, Error::Detector { id: other, .. } if other != id);
        !self.failed.iter().any(failed)
    }

    fn add(&mut self, detector: &Detector, found: Result<Vec<Finding>>, seconds: f64) {
        match found {
            Ok(findings) => self.findings.extend(findings),
            Err(Error::OutOfMemory { reason, .. }) => {
                self.failed.push(Error::Detector { id: detector.id.clone(), reason });
            }
            Err(e) => self.failed.push(e),
        }
        self.seconds.push((detector.id.clone(), seconds));
    }
}

/// Runs `detectors` over `window`, calling `before_each` with the number done and the next id. Severities do not depend on
/// past findings.
///
/// # Errors
/// When evidence cannot be read. A detector that fails is in [`Hunt::failed`].
pub async fn run(
    detectors: &[&Detector],
    session: &Session,
    window: Window,
    settings: &Settings,
    before_each: impl FnMut(usize, &str),
) -> Result<Hunt> {
    let mut hunt = run_each(detectors, session, window, settings, before_each).await;
    conclude(&mut hunt, session).await?;
    Ok(hunt)
}

/// The first half of [`run`]: the findings as the detectors return them.
pub async fn run_each(
    detectors: &[&Detector],
    session: &Session,
    window: Window,
    settings: &Settings,
    mut before_each: impl FnMut(usize, &str),
) -> Hunt {
    let mut hunt = Hunt::default();
    let (of_sigma, detectors): (Vec<&Detector>, Vec<&Detector>) =
        detectors.iter().partition(|detector| detector.sigma_rule.is_some());
    if !of_sigma.is_empty() {
        before_each(0, "Sigma rules");
        let started = std::time::Instant::now();
        match of_sigma_rules(&of_sigma, session, window).await {
            Ok((findings, matches)) => {
                hunt.findings.extend(findings);
                hunt.sigma = Some(matches);
            }
            Err(e) => hunt.failed.push(e),
        }
        hunt.seconds.push(("Sigma rules".into(), started.elapsed().as_secs_f64()));
    }
    let timed = async |detector: &&Detector| {
        let started = std::time::Instant::now();
        let found = findings(detector, session, window, settings).await;
        (found, started.elapsed().as_secs_f64())
    };
    let at_once = window.queries_at_once();
    let mut finished = stream::iter(detectors.iter().enumerate())
        .map(|(at, detector)| {
            before_each(at, &detector.id);
            async move { (detector, timed(detector).await) }
        })
        .buffered(at_once);
    let mut retried = Vec::new();
    while let Some((detector, (found, seconds))) = finished.next().await {
        match found {
            // It shared the memory with other detectors; alone it may succeed.
            Err(Error::OutOfMemory { .. }) if at_once > 1 => retried.push(detector),
            found => hunt.add(detector, found, seconds),
        }
    }
    drop(finished);
    for detector in retried {
        let (found, seconds) = timed(detector).await;
        hunt.add(detector, found, seconds);
    }
    hunt
}

/// The second half of [`run`]: leaves one alert of Sigma rules per technique, joins weak signals, looks up the evidence, and
/// sorts the findings.
///
/// # Errors
/// When evidence cannot be read.
pub async fn conclude(hunt: &mut Hunt, session: &Session) -> Result<()> {
    one_alert_per_technique(&mut hunt.findings);
    join(&mut hunt.findings);
    look_up(session, &mut hunt.findings).await?;
    hunt.findings.sort_by(|a, b| {
        let order = b.weight().total_cmp(&a.weight());
        order.then_with(|| a.first_time.cmp(&b.first_time)).then_with(|| a.id.cmp(&b.id))
    });
    Ok(())
}

/// One detector's findings, with the ids of their events only.
///
/// # Errors
/// As [`plan`]; [`Error::Detector`] when a row is invalid.
pub async fn findings(
    detector: &Detector,
    session: &Session,
    window: Window,
    settings: &Settings,
) -> Result<Vec<Finding>> {
    let failed = |reason: String| Error::Detector { id: detector.id.clone(), reason };
    let query = plan(detector, session, window, settings).await?;
    check_contract(&query.schema()).map_err(|(_, reason)| failed(reason))?;
    let batches = query.collect().await.map_err(|e| in_detector(detector, e))?;
    let rows = rows(&batches).map_err(|e| failed(e.to_string()))?;
    rows.into_iter().map(|row| Finding::from_row(detector, row).map_err(failed)).collect()
}

/// A detector's query with window and parameters bound, ready to run.
///
/// # Errors
/// [`Error::Detector`] when a parameter is invalid or the SQL does not plan; [`Error::OutOfMemory`].
pub async fn plan(detector: &Detector, session: &Session, window: Window, settings: &Settings) -> Result<Query> {
    let mut parameters = detector.parameters(settings.parameters.get(&detector.id).unwrap_or(&BTreeMap::new()))?;
    parameters.extend(window.parameters());
    session.query_parsed(&detector.id, &detector.sql, &parameters).await.map_err(|e| in_detector(detector, e))
}

/// A query's error as the detector's; running out of memory stays apart, because the detector can be run again.
fn in_detector(detector: &Detector, error: Error) -> Error {
    match error {
        Error::Query { reason, .. } => Error::Detector { id: detector.id.clone(), reason },
        other => other,
    }
}

/// Fills in the events of the evidence, and who is behind them. Reads only the days that the findings cover.
async fn look_up(session: &Session, findings: &mut [Finding]) -> Result<()> {
    let mut days = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for finding in findings.iter() {
        days.extend(finding.each_day());
        ids.extend(finding.evidence.events.iter().map(|event| event.event_id.clone()));
    }
    if ids.is_empty() || days.is_empty() {
        return Ok(());
    }
    let mut parameters = Parameters::new();
    let days = bind_days(&mut parameters, days);
    let wanted = session.temp_table("event_id", ids)?;
    let sql = format!(
        "SELECT e.event_id, event_time, event_source, event_name, aws_region, error_code, error_message, source_ip_address, \
         source_object, source_record, e.user_identity_arn AS caller_arn, e.session_issuer_arn AS issuer_arn, \
         e.access_key_id, o.origin, o.path, o.links, o.unknown_because \
         FROM {wanted} AS w JOIN events AS e ON e.event_id = w.event_id \
         LEFT JOIN credential_origins AS o ON o.session_arn = e.user_identity_arn \
         AND o.credential = CASE WHEN e.access_key_id LIKE 'ASIA%' THEN e.access_key_id ELSE e.user_identity_arn END \
         AND o.issued_time = coalesce(e.session_creation_time, \
         CASE WHEN e.event_source = 'signin.amazonaws.com' THEN e.event_time END, to_timestamp_micros(0, 'UTC')) \
         WHERE e.event_date IN ({days})"
    );
    let mut known: HashMap<String, Event> = HashMap::new();
    let mut origins: BTreeMap<String, Origin> = BTreeMap::new();
    let batches = session.query("evidence", &sql, &parameters).await?.collect().await?;
    for mut row in rows(&batches).map_err(|e| Error::query("evidence", e))? {
        let origin = Origin::take(&mut row);
        let event: Event = serde_json::from_value(Value::Object(row)).map_err(|e| Error::query("evidence", e))?;
        if let Some(origin) = origin {
            origins.insert(event.event_id.clone(), origin);
        }
        known.insert(event.event_id.clone(), event);
    }
    for finding in findings.iter_mut() {
        let of_events = finding.evidence.events.iter().filter_map(|event| origins.get(&event.event_id));
        finding.origin = Origin::of_most(of_events, finding.identity());
    }
    for event in findings.iter_mut().flat_map(|f| f.evidence.events.iter_mut()) {
        if let Some(found) = known.get(&event.event_id) {
            *event = found.clone();
        }
    }
    Ok(())
}
