//! Verdicts in a backtest: refuses what would silence a finding judged malicious, and looks for what would have removed
//! those judged benign, by running their detectors again on their days.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use crate::detect::suppression::Entry;
use crate::detect::{self, Candidates, Detector, Judgement, Settings, Suppressions, Verdict, Verdicts, Window};
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::report::backtest::{Conflict, JudgedDetector, ParameterProposal};
use crate::request::Detection;
use crate::terminal::Progress;

/// Windows with verdicts on which a detector runs again; more only if more have a malicious finding.
const WINDOWS_MAX: usize = 20;
/// Runs of one detector over one window, in search of a parameter.
const RUNS_MAX: usize = 200;
/// A suppression is proposed for this long.
const SUPPRESSED_DAYS: u64 = 90;

/// Refuses suppressions and parameters that hide a finding judged malicious.
///
/// # Errors
/// [`Error::Usage`] names the finding.
pub async fn refuse_silencing(
    detection: &Detection,
    suppressions: &Suppressions,
    verdicts: &Verdicts,
    session: &Session,
    today: NaiveDate,
) -> Result<()> {
    let refused = |what: String, judgement: &Judgement| {
        let Judgement { finding, by, .. } = judgement;
        let (id, day) = (&finding.id, judgement.day());
        Error::Usage(format!("{what} finding {id}, judged malicious by {by} on {day}: {}", finding.summary))
    };
    for judgement in verdicts.malicious() {
        if let Some((line, _)) = suppressions.matching(&judgement.finding, today) {
            return Err(refused(format!("the suppression on line {line} would hide"), judgement));
        }
    }
    for detector in detection.detectors()? {
        let Some(given) = detection.settings.parameters.get(&detector.id).filter(|given| !given.is_empty()) else {
            continue;
        };
        for judgement in verdicts.malicious().filter(|judgement| judgement.finding.detector == detector.id) {
            let Some(window) = window_of(judgement) else { continue };
            let id = &judgement.finding.id;
            let reports = async |settings: &Settings| {
                detect::findings(detector, session, window, settings).await.map(|of| of.iter().any(|one| one.id == *id))
            };
            // Events may be missing from this lake, or the detector may have changed: then the parameter hides nothing.
            if !reports(&detection.settings).await? && reports(&Settings::default()).await? {
                let given: Vec<_> = given.iter().map(|(name, value)| format!("{name}={value}")).collect();
                return Err(refused(format!("{} with {} would hide", detector.id, given.join(", ")), judgement));
            }
        }
    }
    Ok(())
}

/// Precision and proposals for every selected detector that has verdicts.
///
/// # Errors
/// When a detector runs out of memory, or the lake cannot be read.
pub async fn judge_detectors(
    detection: &Detection,
    suppressions: &Suppressions,
    verdicts: &Verdicts,
    session: &Session,
    today: NaiveDate,
    progress: Progress,
) -> Result<Vec<JudgedDetector>> {
    let detectors = detection.detectors()?;
    let of = |detector: &Detector| {
        let of_detector = verdicts.iter().filter(|judgement| judgement.finding.detector == detector.id);
        of_detector.collect::<Vec<_>>()
    };
    let judged: Vec<_> = detectors.iter().map(|detector| (*detector, of(detector))).collect();
    let judged: Vec<_> = judged.into_iter().filter(|(_, judgements)| !judgements.is_empty()).collect();
    let bar = progress.steps("verdicts", judged.len() as u64);
    let mut all = Vec::new();
    for (done, (detector, judgements)) in judged.iter().enumerate() {
        bar.set(done as u64, judged.len() as u64);
        bar.describe(&detector.id);
        let mut search = Search { detector, session, settings: &detection.settings, runs: 0 };
        all.push(search.judge(judgements, suppressions, today).await?);
    }
    Ok(all)
}

/// The days that a judged finding covers.
fn window_of(judgement: &Judgement) -> Option<Window> {
    let (first, last) = judgement.finding.days()?;
    Window::of_days(first, last)
}

/// A window with verdicts, and the findings that the detector reports in it now, by id.
#[derive(Debug, Default)]
struct JudgedWindow {
    benign: BTreeSet<String>,
    malicious: BTreeSet<String>,
    others: BTreeSet<String>,
}

type Windows = BTreeMap<Window, JudgedWindow>;

/// What a value of a parameter does.
enum Effect {
    /// A finding judged benign is still reported.
    KeepsBenign,
    /// All of them are gone, and one judged malicious too.
    HidesMalicious,
    /// Only the malicious ones are left, and others without a verdict, except so many.
    Works { others_removed: u64 },
}

/// Runs of one detector with other parameters.
struct Search<'a> {
    detector: &'a Detector,
    session: &'a Session,
    settings: &'a Settings,
    runs: usize,
}

impl Search<'_> {
    async fn judge(
        &mut self,
        judgements: &[&Judgement],
        suppressions: &Suppressions,
        today: NaiveDate,
    ) -> Result<JudgedDetector> {
        let (malicious, benign): (Vec<&Judgement>, Vec<&Judgement>) =
            judgements.iter().partition(|judgement| judgement.verdict == Verdict::Malicious);
        let is_open = |judgement: &&&Judgement| suppressions.matching(&judgement.finding, today).is_none();
        let open: Vec<&Judgement> = benign.iter().filter(is_open).copied().collect();
        let windows = self.windows(judgements, &malicious, &open).await?;
        let missed = malicious.iter().filter(|judgement| {
            let window = window_of(judgement).and_then(|window| windows.get(&window));
            window.is_some_and(|window| !window.malicious.contains(&judgement.finding.id))
        });
        let malicious_missed = missed.map(|judgement| judgement.finding.id.clone()).collect();
        let reported: BTreeSet<&String> = windows.values().flat_map(|window| &window.benign).collect();
        let parameter = if reported.is_empty() { None } else { self.parameter(&windows).await? };
        let (mut proposed, mut conflicts): (Vec<Entry>, Vec<Conflict>) = (Vec::new(), Vec::new());
        for judgement in open.iter().filter(|judgement| reported.contains(&judgement.finding.id)) {
            let entry = suppression(judgement, today);
            match malicious.iter().find(|other| entry.matches(&other.finding)) {
                Some(other) => conflicts
                    .push(Conflict { benign: judgement.finding.id.clone(), malicious: other.finding.id.clone() }),
                None if proposed.iter().any(|known| known.matches(&judgement.finding)) => {}
                None => proposed.push(entry),
            }
        }
        Ok(JudgedDetector {
            detector: self.detector.id.clone(),
            malicious: malicious.len() as u64,
            benign: benign.len() as u64,
            precision: malicious.len() as f64 / judgements.len().max(1) as f64,
            malicious_missed,
            benign_reported: reported.into_iter().cloned().collect(),
            parameter,
            suppressions: proposed,
            conflicts,
        })
    }

    /// The windows of malicious and open benign findings, with what is reported in them now.
    async fn windows(
        &mut self,
        judgements: &[&Judgement],
        malicious: &[&Judgement],
        open: &[&Judgement],
    ) -> Result<Windows> {
        // All malicious ones, because a proposal must keep them all.
        let mut windows: Windows =
            malicious.iter().filter_map(|judgement| Some((window_of(judgement)?, JudgedWindow::default()))).collect();
        for window in open.iter().rev().filter_map(|judgement| window_of(judgement)) {
            if windows.len() < WINDOWS_MAX {
                windows.entry(window).or_default();
            }
        }
        let is_among = |some: &[&Judgement], id: &String| some.iter().any(|judgement| judgement.finding.id == *id);
        for (window, found) in &mut windows {
            for id in self.reported(*window, None).await?.unwrap_or_default() {
                if is_among(malicious, &id) {
                    found.malicious.insert(id);
                } else if is_among(open, &id) {
                    found.benign.insert(id);
                } else if !is_among(judgements, &id) {
                    found.others.insert(id);
                }
            }
        }
        Ok(windows)
    }

    /// The ids of the findings in a window, with the parameters as they are or with one changed. `None` when the detector
    /// fails: the hunt of the backtest reports it, and a value with which it fails is not proposed.
    async fn reported(&mut self, window: Window, change: Option<(&str, &str)>) -> Result<Option<BTreeSet<String>>> {
        let mut settings = self.settings.clone();
        if let Some((name, value)) = change {
            let of_detector = settings.parameters.entry(self.detector.id.clone()).or_default();
            of_detector.insert(name.to_owned(), value.to_owned());
        }
        self.runs += 1;
        match detect::findings(self.detector, self.session, window, &settings).await {
            Ok(findings) => Ok(Some(findings.into_iter().map(|finding| finding.id).collect())),
            Err(Error::Detector { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The parameter that removes all benign findings, no malicious one, and the fewest others; of several, the smallest
    /// change. What lengthens the warm-up is left out: it removes everything that is early.
    async fn parameter(&mut self, windows: &Windows) -> Result<Option<ParameterProposal>> {
        let detector = self.detector;
        let given = self.settings.parameters.get(&detector.id).cloned().unwrap_or_default();
        let mut best: Option<(u64, usize, ParameterProposal)> = None;
        for (name, parameter) in detector.params.iter().filter(|(name, _)| !name.starts_with("warm_up")) {
            let Some(Candidates { now, above, below }) = parameter.candidates(given.get(name)) else { continue };
            for values in [above, below] {
                // A larger change removes more. If the largest keeps a benign finding, so do the others.
                let Some(largest) = values.last() else { continue };
                if let Effect::KeepsBenign = self.effect(name, largest, windows).await? {
                    continue;
                }
                for (step, value) in values.iter().enumerate() {
                    match self.effect(name, value, windows).await? {
                        Effect::KeepsBenign => continue,
                        Effect::HidesMalicious => {}
                        Effect::Works { others_removed } => {
                            if best.as_ref().is_none_or(|(removed, at, _)| (others_removed, step) < (*removed, *at)) {
                                let proposal = proposal(name, value, &now, windows, others_removed);
                                best = Some((others_removed, step, proposal));
                            }
                        }
                    }
                    break;
                }
            }
        }
        Ok(best.map(|(_, _, proposal)| proposal))
    }

    async fn effect(&mut self, name: &str, value: &str, windows: &Windows) -> Result<Effect> {
        let (mut others_removed, mut hides) = (0, false);
        // Windows with benign findings decide most often.
        let (first, rest): (Vec<_>, Vec<_>) = windows.iter().partition(|(_, window)| !window.benign.is_empty());
        for (when, window) in first.into_iter().chain(rest) {
            if self.runs >= RUNS_MAX {
                return Ok(Effect::KeepsBenign);
            }
            let found = match self.reported(*when, Some((name, value))).await? {
                Some(found) if window.benign.is_disjoint(&found) => found,
                _ => return Ok(Effect::KeepsBenign),
            };
            hides |= !window.malicious.is_subset(&found);
            others_removed += window.others.difference(&found).count() as u64;
        }
        Ok(if hides { Effect::HidesMalicious } else { Effect::Works { others_removed } })
    }
}

fn proposal(name: &str, value: &str, now: &str, windows: &Windows, others_removed: u64) -> ParameterProposal {
    let count = |ids: fn(&JudgedWindow) -> usize| windows.values().map(ids).sum::<usize>() as u64;
    ParameterProposal {
        name: name.to_owned(),
        value: value.to_owned(),
        now: now.to_owned(),
        malicious_kept: count(|window| window.malicious.len()),
        others: count(|window| window.others.len()),
        others_removed,
    }
}

/// The narrowest suppression of a finding: this detector, this entity, in its account and region.
fn suppression(judgement: &Judgement, today: NaiveDate) -> Entry {
    let Judgement { verdict, by, note, finding, .. } = judgement;
    let decided = format!("judged {verdict} by {by} on {}", judgement.day());
    Entry {
        detector: Some(finding.detector.clone()),
        entity: Some(finding.entity.clone()),
        account_id: finding.account_id.clone(),
        region: finding.region.clone(),
        technique: None,
        reason: note.as_ref().map_or(decided.clone(), |note| format!("{note}; {decided}")),
        expires: today.checked_add_days(Days::new(SUPPRESSED_DAYS)).unwrap_or(today),
        owner: Some(by.clone()),
    }
}
