//! Detectors: listed, shown, and proposed ones checked, tested and run over history. Nothing is written.

use std::collections::BTreeMap;

use chrono::Utc;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::detect::{self, Confidence, Detector, Kind, Settings, Severity};
use crate::error::{Error, Result};
use crate::mcp::page::{Page, page};
use crate::mcp::tool::{Answered, Context, Scalar, texts};
use crate::mcp::untrusted::{Marker, Untrusted, word};
use crate::report::backtest::{self, Backtest};
use crate::report::explanation::NamedTechnique;
use crate::request::{DetectorFilter, Period};
use crate::{hunt, workbench};

/// Alerts per day that a threshold is computed for: the default of `trailhunt backtest`.
const ALERTS_PER_DAY: f64 = 1.0;
/// Name of a detector that is proposed.
const PROPOSED: &str = "proposed";
/// Findings that are shown of a test or a backtest.
const FINDINGS_MAX: usize = 10;
/// Bytes of a proposed detector, and of its fixture.
const SQL_BYTES_MAX: usize = 64 << 10;
const FIXTURE_BYTES_MAX: usize = 1 << 20;

/// Which detectors.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListDetectors {
    /// This severity or above.
    pub severity: Option<Severity>,
    /// Tactic of ATT&CK, such as `credential-access`.
    pub tactic: Option<String>,
    /// Only those that read this table or look for this service, such as `iam.amazonaws.com`.
    pub reads: Option<String>,
    /// Detectors to skip.
    pub offset: Option<usize>,
    /// Detectors to return, at most 100; 20 unless given.
    pub limit: Option<usize>,
}

/// Detectors.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DetectorList {
    /// The detectors, by id.
    pub detectors: Vec<DetectorBrief>,
    /// Which of them these are.
    pub page: Page,
    /// Files in the folders of detectors that are not valid, and why.
    pub not_valid: Vec<String>,
}

/// A detector in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DetectorBrief {
    /// Its id.
    pub id: String,
    /// What it finds.
    pub title: String,
    /// Severity of its findings, unless a finding has its own.
    pub severity: Severity,
    /// Whether severity depends on how common its findings are here.
    pub kind: Kind,
    /// Ids of ATT&CK techniques.
    pub attack: Vec<String>,
}

impl DetectorBrief {
    fn of(detector: &Detector) -> DetectorBrief {
        DetectorBrief {
            id: detector.id.clone(),
            title: detector.title.clone(),
            severity: detector.severity,
            kind: detector.kind,
            attack: detector.attack.clone(),
        }
    }
}

pub async fn list_detectors(context: &Context, arguments: ListDetectors) -> Result<Answered<DetectorList>> {
    let filter = DetectorFilter { severity: arguments.severity, tactic: arguments.tactic, reads: arguments.reads };
    let library = context.library()?;
    let listed: Vec<&Detector> = filter.select(&library)?;
    let not_valid = library.unreadable.iter().map(|file| file.reason.clone()).collect();
    let (detectors, page) = page(&listed, arguments.offset, arguments.limit, |detector| DetectorBrief::of(detector));
    let rows = detectors.len();
    Ok(Answered::new(DetectorList { detectors, page, not_valid }, rows))
}

/// A detector.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetDetector {
    /// Its id.
    pub detector: String,
}

/// A detector with its SQL.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FullDetector {
    /// Its id.
    pub id: String,
    /// What it finds.
    pub title: String,
    /// Severity of its findings, unless a finding has its own.
    pub severity: Severity,
    /// Confidence of its findings, unless a finding has its own.
    pub confidence: Confidence,
    /// Whether severity depends on how common its findings are here.
    pub kind: Kind,
    /// ATT&CK techniques.
    pub attack: Vec<NamedTechnique>,
    /// Why it matters.
    pub why: String,
    /// Benign explanations.
    pub benign: Vec<String>,
    /// What to do.
    pub respond: Vec<String>,
    /// Its parameters.
    pub parameters: Vec<DetectorParameter>,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Its file: header and SQL.
    pub sql: String,
}

/// A parameter of a detector.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DetectorParameter {
    /// Name.
    pub name: String,
    /// Value unless another is set.
    pub default: String,
    /// What it does.
    pub help: String,
    /// Smallest allowed number.
    pub min: Option<f64>,
    /// Largest allowed number.
    pub max: Option<f64>,
}

pub async fn get_detector(context: &Context, arguments: GetDetector) -> Result<Answered<FullDetector>> {
    let library = context.library()?;
    let detector = library.get(&arguments.detector)?;
    let parameter = |(name, of): (&String, &detect::Parameter)| DetectorParameter {
        name: name.clone(),
        default: of.default.to_string(),
        help: of.help.clone(),
        min: of.min,
        max: of.max,
    };
    let full = FullDetector {
        id: detector.id.clone(),
        title: detector.title.clone(),
        severity: detector.severity,
        confidence: detector.confidence,
        kind: detector.kind,
        attack: NamedTechnique::of(&detector.attack),
        why: detector.why.clone(),
        benign: detector.benign.clone(),
        respond: detector.respond.clone(),
        parameters: detector.params.iter().map(parameter).collect(),
        sha256: detector.sha256.clone(),
        sql: detector.text.clone(),
    };
    Ok(Answered::new(full, 1))
}

/// A proposed detector and its fixture.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckDetector {
    /// The detector: a TOML header in `/* */`, then one SELECT.
    pub sql: String,
    /// One CloudTrail record in JSON per line; eventIDs begin with `hit-` or `miss-`.
    pub fixture: String,
}

/// The result of a check and a test.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct CheckedDetector {
    /// True if nothing is wrong and the fixture gives what it should.
    pub passed: bool,
    /// What is wrong: file, line, column, reason and next step. Nothing was tested if there are any.
    pub problems: Vec<Untrusted>,
    /// Events of the fixture that should be found.
    pub hits: u64,
    /// Those that were not; at most 20.
    pub missed: Vec<Untrusted>,
    /// Number of those.
    pub missed_total: u64,
    /// Events of the fixture that should not be found.
    pub misses: u64,
    /// Those that were found; at most 20.
    pub wrong: Vec<Untrusted>,
    /// Number of those.
    pub wrong_total: u64,
    /// What it found.
    pub findings: Vec<TestedFinding>,
}

/// A finding of a detector that is tested.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TestedFinding {
    /// Severity, before it is compared with how common such findings are here.
    pub severity: Severity,
    /// How unusual it is, 0 to 1.
    pub score: f64,
    /// What it is about.
    pub entity: Untrusted,
    /// First event, UTC.
    pub first_time: String,
    /// One sentence.
    pub summary: Untrusted,
}

impl TestedFinding {
    fn of(finding: &detect::Finding, marker: &Marker) -> TestedFinding {
        TestedFinding {
            severity: finding.severity,
            score: finding.score,
            entity: marker.text(&finding.entity),
            first_time: finding.first_time.clone(),
            summary: marker.text(&finding.summary),
        }
    }
}

pub async fn check_detector(_: &Context, arguments: CheckDetector) -> Result<Answered<CheckedDetector>> {
    let CheckDetector { sql, fixture } = arguments;
    for (name, text, most) in [("sql", &sql, SQL_BYTES_MAX), ("fixture", &fixture, FIXTURE_BYTES_MAX)] {
        if text.len() > most {
            return Err(Error::Usage(format!("{name} has {} bytes; at most {most} are read", text.len())));
        }
    }
    let marker = Marker::new();
    let problems = workbench::check_proposed(PROPOSED, &sql, &fixture).await?;
    if !problems.is_empty() {
        let checked = CheckedDetector { problems: marker.texts(&problems), ..CheckedDetector::default() };
        return Ok(Answered::new(checked, problems.len()));
    }
    let detector = Detector::parse(PROPOSED, &sql)?;
    let tested = workbench::test_on(&detector, &fixture).await?;
    let findings = tested.hunt.findings.iter().take(FINDINGS_MAX).map(|finding| TestedFinding::of(finding, &marker));
    let checked = CheckedDetector {
        passed: tested.result.passed(),
        problems: Vec::new(),
        hits: tested.result.hits as u64,
        missed: marker.texts(&tested.result.missed),
        missed_total: tested.result.missed.len() as u64,
        misses: tested.result.misses as u64,
        wrong: marker.texts(&tested.result.wrong),
        wrong_total: tested.result.wrong.len() as u64,
        findings: findings.collect(),
    };
    let rows = checked.findings.len();
    Ok(Answered::new(checked, rows))
}

/// A detector and the days to run it over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestDetector {
    /// Id of a detector; or give `sql`.
    pub detector: Option<String>,
    /// A proposed detector: a TOML header in `/* */`, then one SELECT.
    pub sql: Option<String>,
    /// Other values for its parameters, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Scalar>,
    /// First day; the first of the lake unless given.
    pub from: Option<String>,
    /// End, not included; the end of the lake unless given.
    pub to: Option<String>,
    /// Alerts a day that you can look at, for which a minimum score is proposed; 1 unless given.
    pub alerts_per_day: Option<f64>,
}

/// How many alerts a detector would have raised.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Backtested {
    /// First day.
    pub from: String,
    /// End, not included.
    pub to: String,
    /// Number of days.
    pub days: u64,
    /// Findings.
    pub findings: u64,
    /// Findings by severity, before they are compared with how common such findings are here.
    pub by_severity: BTreeMap<Severity, u64>,
    /// Mean number of findings per day.
    pub mean_per_day: f64,
    /// Largest number on a day.
    pub max_per_day: u64,
    /// Days with any.
    pub days_with_any: u64,
    /// Minimum score that leaves the wanted number of alerts per day; null if no score does.
    pub score_for_alerts: Option<f64>,
    /// About whom, most findings first.
    pub contributors: Vec<Contributor>,
    /// The most important findings.
    pub examples: Vec<TestedFinding>,
}

/// An entity and its findings.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Contributor {
    /// `actor`, `ip`, `access_key`, ...
    pub entity_type: String,
    /// Its name.
    pub entity: Untrusted,
    /// Number of findings.
    pub findings: u64,
}

pub async fn backtest_detector(context: &Context, arguments: BacktestDetector) -> Result<Answered<Backtested>> {
    let library = context.library()?;
    let detector = match (&arguments.detector, &arguments.sql) {
        (Some(id), None) => library.get(id)?.clone(),
        (None, Some(sql)) if sql.len() <= SQL_BYTES_MAX => Detector::parse(PROPOSED, sql)?,
        (None, Some(_)) => return Err(Error::Usage(format!("sql has more than {SQL_BYTES_MAX} bytes"))),
        _ => return Err(Error::Usage("give either detector or sql".into())),
    };
    let mut parameters = context.request.settings.parameters.get(&detector.id).cloned().unwrap_or_default();
    parameters.extend(texts::<BTreeMap<String, String>>(&arguments.parameters));
    detector.parameters(&parameters)?;
    let now = Utc::now();
    let period = Period::parse(arguments.from.as_deref(), arguments.to.as_deref(), now)?;
    let period = period.whole_days(arguments.from.as_deref(), arguments.to.as_deref())?;
    if detector.sigma_rule.is_some() {
        return Err(Error::Usage(format!(
            "{} is a Sigma rule; `trailhunt backtest` runs it over history",
            detector.id
        )));
    }
    let (snapshot, session) = context.session().await?;
    let window = hunt::window(&snapshot, &period)?;
    if arguments.sql.is_some()
        && let Some(problem) = detect::check(&detector, &session).await.first()
    {
        return Err(Error::Detector { id: detector.id.clone(), reason: problem.to_string() });
    }
    let settings = Settings { parameters: BTreeMap::from([(detector.id.clone(), parameters)]) };
    let mut hunt = detect::run(&[&detector], &session, window, &settings, |_, _| {}).await?;
    if let Some(error) = hunt.failed.pop() {
        return Err(error);
    }
    let figures: Backtest = backtest::backtest(&hunt, window, arguments.alerts_per_day.unwrap_or(ALERTS_PER_DAY));
    let marker = Marker::new();
    let of = figures.detectors.first();
    let contributor = |of: &backtest::Contributor| Contributor {
        entity_type: word(&of.entity_type),
        entity: marker.text(&of.entity),
        findings: of.alerts,
    };
    let answer = Backtested {
        from: window.from.to_rfc3339(),
        to: window.to.to_rfc3339(),
        days: figures.days,
        findings: figures.all.total,
        by_severity: figures.all.by_severity,
        mean_per_day: figures.all.mean_per_day,
        max_per_day: figures.all.max_per_day,
        days_with_any: figures.all.days_with_any,
        score_for_alerts: of.and_then(|of| of.threshold).map(|threshold| threshold.score),
        contributors: of.iter().flat_map(|of| &of.contributors).map(contributor).collect(),
        examples: hunt.findings.iter().take(FINDINGS_MAX).map(|finding| TestedFinding::of(finding, &marker)).collect(),
    };
    let rows = answer.examples.len();
    Ok(Answered::new(answer, rows))
}
