//! The report: what was asked, what was read, what normal was, what was found, who matters. One file per format.

pub mod backtest;
pub mod bundle;
mod compare;
mod compliance;
mod csv;
mod html;
mod json;
mod lake_status;
mod markdown;
mod matrix;
mod ocsf;
mod output;
mod sarif;
#[cfg(test)]
mod schema;
mod summary;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryFutureExt, TryStreamExt, stream};
use include_dir::{Dir, include_dir};
use serde::Serialize;
use serde_json::{Map, Value};

pub use compare::Previous;
pub use compliance::{Control, Framework};
pub use json::json;
pub use lake_status::LakeStatus;
pub use matrix::{Matrix, Technique};
pub use output::{Format, Output};
pub use summary::Summary;
pub use text::text;

use crate::detect::risk::{self, Entity};
use crate::detect::suppression::{Suppressed, Triage, Use};
use crate::detect::{Confidence, Detector, Finding, Hunt, Severity, Suppressions, Window, rows};
use crate::engine::{Session, Value as Bound};
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{DataFile, Snapshot};
use crate::sha256;

/// Queries that fill sections of the report: a file's name is the section's, in `statistics` or at the top.
static QUERIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/report");

/// Version of the report's form. A member is added without, one is changed or removed with a new number.
pub const FORMAT_VERSION: u32 = 1;

/// Everything a run has to say.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// What was run.
    pub run: Run,
    /// What was read, and what was not.
    pub coverage: Coverage,
    /// Events by day, actor, source address, service, API and region.
    pub statistics: BTreeMap<String, Vec<Row>>,
    /// What normal was, by identity.
    pub baselines: Vec<Row>,
    /// Days of identities furthest from their own past, whether or not a detector spoke.
    pub deviations: Vec<Row>,
    /// What was found, heaviest first.
    pub findings: Vec<Finding>,
    /// What the report before told and this one does not, although its detector ran.
    pub resolved: Vec<Finding>,
    /// What was found and is accepted for now: it counts for nothing above and below.
    pub suppressed: Vec<Suppressed>,
    /// Every entry of the file of suppressions, and what it did.
    pub suppressions: Vec<Use>,
    /// Whom it is about, riskiest first.
    pub entities: Vec<Entity>,
    /// Who judged, and what each found.
    pub detectors: Vec<Judge>,
    /// What could be seen at all, and what was, by ATT&CK technique.
    pub attack: Matrix,
    /// Which controls this serves, by framework.
    pub compliance: Vec<Framework>,
    /// Calls a day of the identities that findings are about: their past and the window.
    pub daily_calls: Vec<Row>,
    /// Calls that change who may do what, or what is seen.
    pub sensitive_api_calls: Vec<Row>,
    /// Failures by service and kind.
    pub error_rates: Vec<Row>,
    /// What to do, most urgent first.
    pub recommendations: Vec<Recommendation>,
}

/// A detector of this run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Judge {
    /// File stem.
    pub id: String,
    /// What it finds.
    pub title: String,
    /// Why that matters.
    pub why: String,
    /// Unless a finding says otherwise.
    pub severity: Severity,
    /// Unless a finding says otherwise.
    pub confidence: Confidence,
    /// ATT&CK techniques it looks for.
    pub attack: Vec<String>,
    /// SHA-256 of its file.
    pub sha256: String,
    /// False when it could not run.
    pub ran: bool,
    /// Findings, without the suppressed.
    pub findings: u64,
}

/// A row of a query.
pub type Row = Map<String, Value>;

/// What was run, and on what.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Run {
    /// Unique, sortable by time.
    pub id: String,
    /// Program and version.
    pub tool: String,
    /// When the run ended, UTC.
    #[serde(serialize_with = "time")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub finished_at: DateTime<Utc>,
    /// What was judged.
    pub window: Window,
    /// The lake.
    pub lake: String,
    /// Delta version of the lake.
    pub lake_version: u64,
    /// SHA-256 over names and sizes of the lake's data files; a name is never used twice.
    pub data_files_sha256: String,
    /// Hash of every detector that ran.
    pub detectors: BTreeMap<String, String>,
    /// Detectors that could not run, with the reason.
    pub detectors_failed: Vec<String>,
    /// Parameters that were set.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    /// What placed the addresses.
    pub geography: Vec<String>,
    /// Whose data that is.
    pub attribution: String,
    /// Run whose report this one is compared with; without one every finding is new.
    pub compared_with: Option<String>,
    /// How risk is computed.
    pub risk_formula: &'static str,
}

fn time<S: serde::Serializer>(time: &DateTime<Utc>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

/// What was read. The first members are of this run; `lake` is everything ever read into it.
#[derive(Debug, Default, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Coverage {
    /// Objects read by this run.
    pub objects_read: u64,
    /// Objects an earlier run had read.
    pub objects_skipped: u64,
    /// Objects read again because they changed.
    pub objects_changed: u64,
    /// Objects that could not be fetched.
    pub objects_failed: Vec<String>,
    /// Objects of other kinds, by kind.
    pub objects_of_other_kinds: BTreeMap<String, u64>,
    /// Records that were events: kept + duplicates.
    pub events_read: u64,
    /// Events added to the lake.
    pub events_kept: u64,
    /// Events that were in the lake already.
    pub duplicates: u64,
    /// Records, or damaged ends of objects, that could not be read.
    pub rejects: u64,
    /// All objects, events, duplicates and rejects of the lake.
    pub lake: Row,
    /// Some of the rejects.
    pub reject_examples: Vec<Row>,
    /// Events by account and region within the window.
    pub by_account_and_region: Vec<Row>,
    /// Stretches of a day and more in which an account and region that spoke before and after said nothing.
    pub gaps: Vec<Row>,
}

/// Something to do.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Recommendation {
    /// The step.
    pub action: String,
    /// Worst severity of the findings that ask for it.
    pub severity: Severity,
    /// Those findings.
    pub findings: Vec<String>,
}

/// What the report is made from.
pub struct Material<'a> {
    /// The lake's state.
    pub snapshot: &'a Snapshot,
    /// SQL over it.
    pub session: &'a Session,
    /// What was judged.
    pub window: Window,
    /// Who judged.
    pub detectors: &'a [&'a Detector],
    /// Parameters that were set.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    /// What placed the addresses.
    pub geo: &'a Geo,
    /// What was found.
    pub hunt: Hunt,
    /// What is accepted.
    pub suppressions: &'a Suppressions,
    /// The report before.
    pub previous: Option<Previous>,
    /// What this run read; empty for a hunt without an ingest.
    pub coverage: Coverage,
}

/// The rows of one section, by the name of its query.
///
/// # Errors
/// When the query fails, or there is no section of that name.
pub async fn section(name: &str, session: &Session, window: Window) -> Result<Vec<Row>> {
    section_of(name, session, window, &[]).await
}

/// A section that may be about some identities only.
async fn section_of(name: &str, session: &Session, window: Window, actors: &[String]) -> Result<Vec<Row>> {
    let sql = QUERIES.get_file(format!("{name}.sql")).and_then(|file| file.contents_utf8());
    let sql = sql.ok_or_else(|| Error::Internal(format!("no section {name}")))?;
    let mut parameters = window.parameters();
    parameters.insert("actors".into(), Bound::Texts(actors.to_vec()));
    let batches = session.query(name, sql, &parameters).await?.collect().await?;
    rows(&batches).map_err(|e| Error::query(name, e))
}

/// Puts the report together; its sections are query results.
///
/// # Errors
/// When a section's query fails.
pub async fn report(material: Material<'_>) -> Result<Report> {
    let Material { snapshot, session, window, detectors, settings, geo, hunt, suppressions, previous, coverage } =
        material;
    let mut triage = suppressions.triage(hunt.findings, Utc::now().date_naive());
    let ran = |id: &str| {
        let failed = |error: &Error| !matches!(error, Error::Detector { id: other, .. } if other != id);
        detectors.iter().any(|detector| detector.id == id) && !hunt.failed.iter().any(failed)
    };
    let compared_with = previous.as_ref().map(|previous| previous.run().to_owned());
    let resolved = previous.map(|previous| previous.compare(&mut triage, ran)).unwrap_or_default();
    let Triage { findings, suppressed, entries } = triage;
    let actors = actors(&findings);
    let mut sections: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    let mut statistics = BTreeMap::new();
    let names = QUERIES.files().filter_map(|file| file.path().file_stem()?.to_str());
    let mut told = stream::iter(names)
        .map(|name| section_of(name, session, window, &actors).map_ok(move |rows| (name, rows)))
        .buffered(window.queries_at_once());
    while let Some((name, rows)) = told.try_next().await? {
        match name.strip_prefix("events_by_") {
            Some(_) => statistics.insert(name.to_owned(), rows),
            None => sections.insert(name, rows),
        };
    }
    drop(told);
    let mut take = |name: &str| sections.remove(name).unwrap_or_default();
    let coverage = Coverage {
        lake: take("lake").pop().unwrap_or_default(),
        reject_examples: take("reject_examples"),
        by_account_and_region: take("by_account_and_region"),
        gaps: take("gaps"),
        ..coverage
    };
    let judges: Vec<_> = detectors.iter().map(|detector| judge(detector, ran(&detector.id), &findings)).collect();
    Ok(Report {
        format_version: FORMAT_VERSION,
        run: Run {
            id: uuid::Uuid::now_v7().to_string(),
            tool: concat!("trailhunt ", env!("CARGO_PKG_VERSION")).into(),
            finished_at: Utc::now(),
            window,
            lake: snapshot.location.to_string(),
            lake_version: snapshot.version,
            data_files_sha256: data_files_sha256(snapshot),
            detectors: detectors.iter().map(|d| (d.id.clone(), d.sha256.clone())).collect(),
            detectors_failed: hunt.failed.iter().map(ToString::to_string).collect(),
            settings,
            geography: geo.sources(),
            attribution: crate::geo::attribution().into(),
            compared_with,
            risk_formula: "100 x (1 - product over detectors and techniques of (1 - severity x confidence x (1 + score) / 2)): noisy-OR",
        },
        statistics,
        baselines: take("baselines"),
        deviations: take("deviations"),
        entities: risk::entities(&findings),
        compliance: compliance::compliance(&judges, &findings, &coverage),
        detectors: judges,
        coverage,
        attack: matrix::matrix(detectors, &findings),
        daily_calls: take("daily_calls"),
        recommendations: recommendations(&findings),
        findings,
        resolved,
        suppressed,
        suppressions: entries,
        sensitive_api_calls: take("sensitive_api_calls"),
        error_rates: take("error_rates"),
    })
}

fn data_files_sha256(snapshot: &Snapshot) -> String {
    let line = |file: &DataFile| format!("{} {}\n", file.path.filename().unwrap_or_default(), file.size_bytes);
    sha256::hex(snapshot.files.iter().map(line).collect::<String>().as_bytes())
}

/// Identities that findings are about, each once.
fn actors(findings: &[Finding]) -> Vec<String> {
    let actors: BTreeSet<&str> = findings.iter().map(|f| f.actor.as_deref().unwrap_or(&f.entity)).collect();
    actors.into_iter().map(str::to_owned).collect()
}

fn judge(detector: &Detector, ran: bool, findings: &[Finding]) -> Judge {
    Judge {
        id: detector.id.clone(),
        title: detector.title.clone(),
        why: detector.why.clone(),
        severity: detector.severity,
        confidence: detector.confidence,
        attack: detector.attack.clone(),
        sha256: detector.sha256.clone(),
        ran,
        findings: findings.iter().filter(|finding| finding.detector == detector.id).count() as u64,
    }
}

/// The detectors' own next steps, each once, in order of what asks for it. Informational findings ask for nothing.
fn recommendations(findings: &[Finding]) -> Vec<Recommendation> {
    let mut recommendations: Vec<Recommendation> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity > Severity::Informational) {
        for action in &finding.respond {
            match recommendations.iter_mut().find(|known| known.action == *action) {
                Some(known) => {
                    known.severity = known.severity.max(finding.severity);
                    known.findings.push(finding.id.clone());
                }
                None => recommendations.push(Recommendation {
                    action: action.clone(),
                    severity: finding.severity,
                    findings: vec![finding.id.clone()],
                }),
            }
        }
    }
    recommendations.sort_by_key(|r| std::cmp::Reverse(r.severity));
    recommendations
}
