//! The figures of a backtest: how many alerts each detector raises per day, about whom, and which detectors overlap.
//!
//! Findings in, figures per detector out. Days without findings count too.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use super::verdicts::JudgedDetector;
use crate::detect::{Finding, Hunt, Severity, Window};

/// Entities listed per detector.
const CONTRIBUTORS_MAX: usize = 10;

/// The figures of all detectors over a window.
#[derive(Debug, Serialize)]
pub struct Backtest {
    /// The window that was evaluated.
    pub window: Window,
    /// Days in the window.
    pub days: u64,
    /// Alerts per day and detector that thresholds are computed for.
    pub alerts_per_day_wanted: f64,
    /// Alerts of all detectors together.
    pub all: Alerts,
    /// Figures of every detector that ran, by id.
    pub detectors: Vec<Figures>,
    /// Detectors that failed, with the reason.
    pub detectors_failed: Vec<String>,
    /// Findings that a suppression hides; they are not alerts.
    pub suppressed: u64,
    /// Detectors with verdicts of analysts.
    pub verdicts: Vec<JudgedDetector>,
}

/// How many alerts there are, and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alerts {
    /// Number of findings.
    pub total: u64,
    /// Mean per day.
    pub mean_per_day: f64,
    /// Median per day.
    pub median_per_day: f64,
    /// Maximum per day.
    pub max_per_day: u64,
    /// The first day with that maximum.
    pub max_day: Option<String>,
    /// Days with at least one.
    pub days_with_any: u64,
    /// Number of findings by severity.
    pub by_severity: BTreeMap<Severity, u64>,
}

/// The figures of one detector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Detector's id.
    pub detector: String,
    /// Its alerts.
    pub alerts: Alerts,
    /// Minimum score that gives the wanted number of alerts per day; null if too many findings share the highest score.
    pub threshold: Option<Threshold>,
    /// Entities with the most alerts.
    pub contributors: Vec<Contributor>,
    /// Number of distinct pairs of entity and day with an alert. An address or key with a known actor counts as the actor.
    pub entity_days: u64,
    /// Share of those pairs that no other detector has, 0 to 1.
    pub alone: f64,
    /// Share of those pairs that another detector has too, 0 to 1, largest first.
    pub overlap: Vec<Overlap>,
    /// Run time in seconds.
    pub seconds: f64,
}

/// A minimum score, and the alerts it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// Findings with at least this score are kept; 0 keeps all.
    pub score: f64,
    /// Mean number of alerts per day that are kept.
    pub alerts_per_day: f64,
}

/// An entity, and its number of alerts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contributor {
    /// `actor`, `ip`, `access_key`, ...
    pub entity_type: String,
    /// Name, ARN, address or id.
    pub entity: String,
    /// Number of findings.
    pub alerts: u64,
}

/// Another detector with alerts about the same entities on the same days.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overlap {
    /// Its id.
    pub detector: String,
    /// Share of entity-days, 0 to 1.
    pub share: f64,
}

/// Computes the figures of a hunt over `window`.
pub fn backtest(hunt: &Hunt, window: Window, alerts_per_day: f64) -> Backtest {
    let days: Vec<NaiveDate> =
        window.from.date_naive().iter_days().take((window.to - window.from).num_days().max(0) as usize).collect();
    let mut by_detector: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &hunt.findings {
        by_detector.entry(&finding.detector).or_default().push(finding);
    }
    let entity_days: BTreeMap<&str, BTreeSet<EntityDay>> = by_detector
        .iter()
        .map(|(id, findings)| (*id, findings.iter().map(|finding| EntityDay::of(finding)).collect()))
        .collect();
    let figures = |id: &str, seconds: f64| {
        let findings = by_detector.get(id).map(Vec::as_slice).unwrap_or_default();
        let (alone, overlap) = overlap(id, &entity_days);
        Figures {
            detector: id.to_owned(),
            alerts: alerts(findings, &days),
            threshold: threshold(findings, days.len(), alerts_per_day),
            contributors: contributors(findings),
            entity_days: entity_days.get(id).map_or(0, BTreeSet::len) as u64,
            alone,
            overlap,
            seconds,
        }
    };
    let mut detectors: Vec<_> = hunt.seconds.iter().map(|(id, seconds)| figures(id, *seconds)).collect();
    detectors.sort_by(|a, b| a.detector.cmp(&b.detector));
    Backtest {
        window,
        days: days.len() as u64,
        alerts_per_day_wanted: alerts_per_day,
        all: alerts(&hunt.findings.iter().collect::<Vec<_>>(), &days),
        detectors,
        detectors_failed: hunt.failed.iter().map(ToString::to_string).collect(),
        suppressed: 0,
        verdicts: Vec::new(),
    }
}

fn alerts(findings: &[&Finding], days: &[NaiveDate]) -> Alerts {
    let mut by_day: BTreeMap<String, u64> = days.iter().map(|day| (day.to_string(), 0)).collect();
    let mut by_severity: BTreeMap<Severity, u64> = BTreeMap::new();
    for finding in findings {
        *by_day.entry(day(finding).to_owned()).or_default() += 1;
        *by_severity.entry(finding.severity).or_default() += 1;
    }
    let max = by_day.values().copied().max().unwrap_or(0);
    let mut counts: Vec<u64> = by_day.values().copied().collect();
    counts.sort_unstable();
    Alerts {
        total: findings.len() as u64,
        mean_per_day: findings.len() as f64 / days.len().max(1) as f64,
        median_per_day: median(&counts),
        max_per_day: max,
        max_day: by_day.iter().find(|(_, n)| max > 0 && **n == max).map(|(day, _)| day.clone()),
        days_with_any: counts.iter().filter(|n| **n > 0).count() as u64,
        by_severity,
    }
}

/// Median of sorted counts.
fn median(sorted: &[u64]) -> f64 {
    match (sorted.get(sorted.len().saturating_sub(1) / 2), sorted.get(sorted.len() / 2)) {
        (Some(low), Some(high)) => (low + high) as f64 / 2.0,
        _ => 0.0,
    }
}

/// The lowest score that keeps at most `alerts_per_day` findings per day on average.
fn threshold(findings: &[&Finding], days: usize, alerts_per_day: f64) -> Option<Threshold> {
    let days = days.max(1) as f64;
    let per_day = |findings: usize| findings as f64 / days;
    if per_day(findings.len()) <= alerts_per_day {
        return Some(Threshold { score: 0.0, alerts_per_day: per_day(findings.len()) });
    }
    let mut scores: Vec<f64> = findings.iter().map(|finding| finding.score).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    // Findings with equal scores are kept or dropped together, so a threshold lies where the score changes.
    let cuts = (1..scores.len()).filter(|kept| scores[*kept] < scores[kept - 1]);
    let kept = cuts.take_while(|kept| per_day(*kept) <= alerts_per_day).last()?;
    Some(Threshold { score: scores[kept - 1], alerts_per_day: per_day(kept) })
}

fn contributors(findings: &[&Finding]) -> Vec<Contributor> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for finding in findings {
        *counts.entry((&finding.entity_type, &finding.entity)).or_default() += 1;
    }
    let mut contributors: Vec<_> = counts
        .into_iter()
        .map(|((entity_type, entity), alerts)| Contributor {
            entity_type: entity_type.to_owned(),
            entity: entity.to_owned(),
            alerts,
        })
        .collect();
    contributors.sort_by_key(|contributor| std::cmp::Reverse(contributor.alerts));
    contributors.truncate(CONTRIBUTORS_MAX);
    contributors
}

/// An entity on a day.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct EntityDay<'a> {
    entity_type: &'a str,
    entity: &'a str,
    day: &'a str,
}

impl EntityDay<'_> {
    fn of(finding: &Finding) -> EntityDay<'_> {
        let (entity_type, entity) = match &finding.actor {
            Some(actor) => ("actor", actor.as_str()),
            None => (finding.entity_type.as_str(), finding.entity.as_str()),
        };
        EntityDay { entity_type, entity, day: day(finding) }
    }
}

/// The share of a detector's entity-days that no other detector has, and the shares that others have too.
fn overlap(id: &str, entity_days: &BTreeMap<&str, BTreeSet<EntityDay<'_>>>) -> (f64, Vec<Overlap>) {
    let Some(own) = entity_days.get(id) else { return (0.0, Vec::new()) };
    let share = |n: usize| n as f64 / own.len() as f64;
    let others = || entity_days.iter().filter(|(other, _)| **other != id);
    let alone = own.iter().filter(|entity_day| !others().any(|(_, theirs)| theirs.contains(*entity_day))).count();
    let mut overlap: Vec<Overlap> = others()
        .map(|(other, theirs)| Overlap {
            detector: (*other).to_owned(),
            share: share(own.intersection(theirs).count()),
        })
        .filter(|overlap| overlap.share > 0.0)
        .collect();
    overlap.sort_by(|a, b| b.share.total_cmp(&a.share));
    (share(alone), overlap)
}

/// Day of a finding's first event, such as `2024-03-20`.
fn day(finding: &Finding) -> &str {
    finding.first_time.get(..10).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Confidence, Evidence, Kind, Status};

    fn finding(detector: &str, entity: &str, day: u32, score: f64) -> Finding {
        Finding {
            id: String::new(),
            story: String::new(),
            detector: detector.into(),
            title: String::new(),
            severity: if score > 0.5 { Severity::High } else { Severity::Low },
            kind: Kind::Behaviour,
            expected: None,
            severity_before: None,
            joined_severity: None,
            joined_by: vec![],
            confidence: Confidence::High,
            score,
            status: Status::New,
            entity_type: "actor".into(),
            entity: entity.into(),
            actor: None,
            origin: None,
            account_id: None,
            region: None,
            first_time: format!("2024-01-{day:02}T10:00:00Z"),
            last_time: String::new(),
            summary: String::new(),
            headline: String::new(),
            attack: vec![],
            evidence: Evidence::default(),
            baseline: Default::default(),
            details: Default::default(),
            benign: vec![],
            respond: vec![],
            next_steps: vec![],
            verdict: None,
        }
    }

    /// The first four days of a year.
    fn figures(findings: Vec<Finding>, alerts_per_day: f64) -> Vec<Figures> {
        let window =
            Window { from: "2024-01-01T00:00:00Z".parse().unwrap(), to: "2024-01-05T00:00:00Z".parse().unwrap() };
        let seconds = vec![("quiet".into(), 0.5), ("b".into(), 2.0), ("a".into(), 1.0)];
        backtest(&Hunt { findings, seconds, ..Hunt::default() }, window, alerts_per_day).detectors
    }

    #[test]
    fn days_without_alerts_count_and_a_detector_without_alerts_has_figures_too() {
        let findings = vec![
            finding("a", "ana", 2, 0.9),
            finding("a", "ana", 2, 0.2),
            finding("a", "ben", 2, 0.1),
            finding("a", "ana", 4, 0.9),
        ];
        let figures = figures(findings, 1.0);
        let Alerts { mean_per_day, median_per_day, max_per_day, max_day, days_with_any, by_severity, total } =
            &figures[0].alerts;
        assert_eq!((*total, *mean_per_day, *median_per_day, *max_per_day, *days_with_any), (4, 1.0, 0.5, 3, 2));
        assert_eq!(max_day.as_deref(), Some("2024-01-02"));
        assert_eq!(*by_severity, BTreeMap::from([(Severity::Low, 2), (Severity::High, 2)]));
        let who: Vec<_> = figures[0].contributors.iter().map(|who| (who.entity.as_str(), who.alerts)).collect();
        assert_eq!(who, [("ana", 3), ("ben", 1)]);
        let quiet = &figures[2];
        assert_eq!((quiet.detector.as_str(), quiet.alerts.total, &quiet.alerts.max_day), ("quiet", 0, &None));
        assert_eq!(quiet.threshold, Some(Threshold { score: 0.0, alerts_per_day: 0.0 }));
    }

    #[test]
    fn the_threshold_keeps_at_most_the_wanted_alerts_and_never_splits_equal_scores() {
        let scored = |scores: &[f64], wanted: f64| {
            let findings = scores.iter().map(|score| finding("a", "ana", 1, *score)).collect();
            figures(findings, wanted)[0].threshold.map(|threshold| (threshold.score, threshold.alerts_per_day))
        };
        assert_eq!(scored(&[0.1, 0.2, 0.3, 0.4], 1.0), Some((0.0, 1.0)), "all of them are below the limit");
        assert_eq!(scored(&[0.1, 0.2, 0.3, 0.4], 0.5), Some((0.3, 0.5)));
        assert_eq!(scored(&[0.1, 0.3, 0.3, 0.4], 0.5), Some((0.4, 0.25)), "the two with equal scores are too many");
        assert_eq!(scored(&[0.4, 0.4, 0.4, 0.1], 0.5), None);
    }

    #[test]
    fn overlap_is_a_share_of_the_detectors_own_entity_days() {
        let mut of_ip = finding("b", "203.0.113.1", 1, 0.5);
        (of_ip.entity_type, of_ip.actor) = ("ip".into(), Some("ana".into()));
        let findings = vec![
            finding("a", "ana", 1, 0.5),
            finding("a", "ana", 1, 0.5),
            finding("a", "ana", 2, 0.5),
            finding("a", "ben", 1, 0.5),
            finding("a", "eva", 1, 0.5),
            of_ip,
        ];
        let figures = figures(findings, 1.0);
        let (a, b) = (&figures[0], &figures[1]);
        assert_eq!((a.entity_days, a.alone), (4, 0.75));
        assert_eq!(a.overlap, [Overlap { detector: "b".into(), share: 0.25 }]);
        assert_eq!((b.entity_days, b.alone), (1, 0.0));
        assert_eq!(b.overlap, [Overlap { detector: "a".into(), share: 1.0 }]);
    }
}
