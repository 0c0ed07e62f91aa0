//! Assembles the report of a hunt.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, Utc};
use url::Url;

use super::compare::Previous;
use super::compliance::compliance;
use super::coverage::{Coverage, History};
use super::detector_summary::DetectorSummary;
use super::document::{FORMAT_VERSION, Report, Run};
use super::matrix::matrix;
use super::names::Naming;
use super::recommendation::recommendations;
use super::records::Records;
use super::sections::{Judged, Sections, Subjects, events_in_window};
use super::stale::stale_reasons;
use super::timelines::timelines;
use crate::detect::risk::Entity;
use crate::detect::suppression::Triage;
use crate::detect::{Detector, Finding, Hunt, Series, Severity, Suppressions, Verdicts, Window, risk};
use crate::engine::Session;
use crate::error::Result;
use crate::geo::Geo;
use crate::indicators::Search;
use crate::lake::{DataFile, Snapshot};
use crate::response::add_next_steps;
use crate::sha256;

const RISK_FORMULA: &str = "100 x (1 - product of (1 - severity x confidence x (1 + score) / 2)), \
                            one factor per detector and technique (noisy-OR)";

/// Identities with a page of their own: the riskiest.
const RISKIEST_MAX: usize = 10;
/// Series in the report: an hour each, over weeks, so many are a megabyte.
const CHARTED_MAX: usize = 100;

/// Addresses of findings of at least medium severity that the map marks, those of the heaviest findings first: each is
/// compared with every address.
const SUSPECTS_MAX: usize = 500;

/// What the report is made from.
pub struct ReportInputs<'a> {
    /// The lake's state.
    pub snapshot: &'a Snapshot,
    /// SQL over that state.
    pub session: &'a Session,
    /// The window that was evaluated, and up to when it should have events.
    pub judged: Judged,
    /// Detectors that were selected.
    pub detectors: &'a [&'a Detector],
    /// Detector parameters that were set, by detector.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    /// The budget of alerts.
    pub alerts_per_day: f64,
    /// GeoIP databases.
    pub geo: &'a Geo,
    /// Findings and failed detectors.
    pub hunt: Hunt,
    /// The search for indicators, if there was one.
    pub indicators: Option<Search>,
    /// Findings to accept.
    pub suppressions: &'a Suppressions,
    /// What analysts concluded about findings.
    pub verdicts: &'a Verdicts,
    /// Report of the previous run.
    pub previous: Option<Previous>,
    /// SHA-256 of the newest record in the lake's chain of runs.
    pub previous_record_sha256: Option<String>,
    /// What this run read; `None` for a hunt without an ingest.
    pub coverage: Option<Coverage>,
}

/// Applies the suppressions, compares with the previous run, and queries the sections.
///
/// # Errors
/// When a section's query fails.
pub async fn report(inputs: ReportInputs<'_>) -> Result<Report> {
    let ReportInputs {
        snapshot,
        session,
        judged,
        detectors,
        settings,
        alerts_per_day,
        geo,
        mut hunt,
        indicators,
        suppressions,
        verdicts,
        previous,
        previous_record_sha256,
        coverage,
    } = inputs;
    let window = judged.window;
    verdicts.mark(&mut hunt.findings);
    let mut triage = suppressions.triage(std::mem::take(&mut hunt.findings), Utc::now().date_naive());
    let ran = |id: &str| detectors.iter().any(|detector| detector.id == id) && hunt.succeeded(id);
    let compared_with = previous.as_ref().map(|previous| previous.run().to_owned());
    let by_risk = risk::entities(&triage.findings);
    let sections = Sections::query(session, &judged, &subjects(&triage.findings, &by_risk, detectors)).await?;
    let records = Records::of(&triage.findings, session).await?;
    let was_judged = |finding: &Finding| ran(&finding.detector) && sections.has_events_on_days_of(finding, window);
    let mut resolved = previous.map(|previous| previous.compare(&mut triage, was_judged)).unwrap_or_default();
    verdicts.mark(&mut resolved);
    let Triage { mut findings, mut suppressed, entries } = triage;
    let mut naming = Naming::default();
    naming.see_findings(findings.iter().chain(&resolved));
    suppressed.iter().for_each(|finding| naming.see([&*finding.entity, &finding.summary]));
    sections.rows().for_each(|row| naming.see_row(row));
    let names = naming.names();
    for finding in findings.iter_mut().chain(&mut resolved) {
        finding.headline = names.sentence(&finding.summary);
    }
    suppressed.iter_mut().for_each(|finding| finding.headline = names.sentence(&finding.summary));
    let lake = snapshot.location.to_string();
    add_next_steps(session, &mut findings, &as_typed(&lake)).await?;
    let entities = risk::entities(&findings);
    let timelines = timelines(session, &entities, &findings).await?;
    let ingested = coverage.is_some();
    let mut coverage = Coverage {
        history: history(snapshot, window, detectors, &settings),
        lake: sections.lake,
        reject_examples: sections.reject_examples,
        by_account_and_region: sections.by_account_and_region,
        gaps: sections.gaps,
        ..coverage.unwrap_or_default()
    };
    coverage.objects_failed.extend(verdicts.unread.iter().cloned());
    let events = events_in_window(&sections.statistics);
    coverage.stale_reasons = stale_reasons(&coverage, &judged, events, ingested);
    coverage.stale = !coverage.stale_reasons.is_empty();
    let summaries: Vec<_> =
        detectors.iter().map(|detector| DetectorSummary::of(detector, ran(&detector.id), &findings)).collect();
    Ok(Report {
        format_version: FORMAT_VERSION,
        run: Run {
            id: uuid::Uuid::now_v7().to_string(),
            tool: concat!("trailhunt ", env!("CARGO_PKG_VERSION")).into(),
            finished_at: Utc::now(),
            window,
            lake,
            lake_version: snapshot.version,
            data_files_sha256: data_files_sha256(snapshot),
            detectors: detectors.iter().map(|d| (d.id.clone(), d.sha256.clone())).collect(),
            detectors_failed: hunt.failed.iter().map(ToString::to_string).collect(),
            sigma: hunt.sigma.take(),
            settings,
            alerts_per_day,
            geography: geo.sources(),
            attribution: crate::geo::attribution().into(),
            compared_with,
            previous_record_sha256,
            risk_formula: RISK_FORMULA,
        },
        statistics: sections.statistics,
        baselines: sections.baselines,
        deviations: sections.deviations,
        names: naming.short(&names),
        entities,
        timelines,
        compliance: compliance(&summaries, &findings, &coverage),
        detectors: summaries,
        coverage,
        attack: matrix(detectors, &findings),
        daily_calls: sections.daily_calls,
        recommendations: recommendations(&findings),
        findings,
        resolved,
        indicators,
        suppressed,
        suppressions: entries,
        series: sections.series,
        identity_addresses: sections.identity_addresses,
        identity_keys: sections.identity_keys,
        records,
        sensitive_api_calls: sections.sensitive_api_calls,
        error_rates: sections.error_rates,
    })
}

/// A location as a command takes it: a folder by its path.
fn as_typed(location: &str) -> String {
    let path = Url::parse(location).ok().and_then(|url| url.to_file_path().ok());
    path.map_or_else(|| location.to_owned(), |path| path.display().to_string())
}

/// Days up to the end of the window, and what the detectors need.
fn history(
    snapshot: &Snapshot,
    window: Window,
    detectors: &[&Detector],
    settings: &BTreeMap<String, BTreeMap<String, String>>,
) -> History {
    let days = snapshot.days().map_or(0, |(first, last)| {
        let end = window.to.date_naive().min(last + Days::new(1));
        (end - first).num_days().max(0) as u64
    });
    let needed: Vec<u64> = detectors.iter().map(|detector| detector.warm_up_days(settings.get(&detector.id))).collect();
    History::of(days, &needed)
}

fn data_files_sha256(snapshot: &Snapshot) -> String {
    let line = |file: &DataFile| format!("{} {}\n", file.path.filename().unwrap_or_default(), file.size_bytes);
    sha256::hex(snapshot.files.iter().map(line).collect::<String>().as_bytes())
}

/// What the sections are about.
fn subjects(findings: &[Finding], entities: &[Entity], detectors: &[&Detector]) -> Subjects {
    let identities = entities.iter().filter(|entity| entity.entity_type == "actor");
    let mut riskiest: Vec<String> = identities.take(RISKIEST_MAX).map(|entity| entity.entity.clone()).collect();
    // Somebody behind roles is seen as these roles.
    for finding in findings {
        let (Some(origin), Some(identity)) = (&finding.origin, finding.identity()) else { continue };
        let is_behind = riskiest[..riskiest.len().min(RISKIEST_MAX)].contains(&origin.identity);
        if is_behind && riskiest.len() < 3 * RISKIEST_MAX && !riskiest.iter().any(|name| name == identity) {
            riskiest.push(identity.to_owned());
        }
    }
    let about = findings.iter().map(|finding| finding.actor.as_ref().unwrap_or(&finding.entity));
    let actors: BTreeSet<&String> = about.chain(&riskiest).collect();
    let actors = actors.into_iter().cloned().collect();
    let series: BTreeMap<&str, Series> = detectors
        .iter()
        .filter_map(|detector| Some((detector.id.as_str(), detector.chart.as_ref()?.series?)))
        .collect();
    let mut charted = Vec::new();
    for finding in findings {
        let Some(series) = series.get(finding.detector.as_str()) else { continue };
        let name = format!("{} {}", series.name(), finding.entity);
        if charted.len() < CHARTED_MAX && !charted.contains(&name) {
            charted.push(name);
        }
    }
    let mut suspects = BTreeSet::new();
    let serious = findings.iter().filter(|finding| finding.severity >= Severity::Medium);
    let events = serious.flat_map(|finding| &finding.evidence.events);
    for address in events.filter_map(|event| event.source_ip_address.as_ref()) {
        if suspects.len() < SUSPECTS_MAX {
            suspects.insert(address.clone());
        }
    }
    Subjects { actors, riskiest, charted, suspects: suspects.into_iter().collect() }
}
