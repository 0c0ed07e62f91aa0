//! What runs: the command line, the environment and trailhunt.toml, merged, checked and with defaults filled in.
//!
//! `resolve` makes the requests and has read what a command needs before work starts: detectors, suppressions, keys, the
//! report to compare with. Nothing here or below knows where a value came from.

mod detector_filter;
pub mod job_array;
mod mcp;
pub mod period;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub use detector_filter::DetectorFilter;
pub use mcp::{McpRequest, Transport};
pub use period::Period;

use crate::ask::{GrantedPolicy, Question};
use crate::decode::Limits;
use crate::detect::{Detector, Library, Settings, Severity, Suppressions, Verdict, Window};
use crate::engine::{MEMORY_BYTES, WorkerSettings, Workers};
use crate::error::Result;
use crate::geo::Geo;
use crate::indicators::Indicators;
use crate::integrity::PublicKeys;
use crate::report::{Output, Previous};
use crate::sigma::Sigma;
use crate::source::{Location, Selection, Shard};

/// A lake, and how SQL runs over it.
#[derive(Debug, Clone)]
pub struct LakeRequest {
    /// The lake.
    pub location: Location,
    /// MaxMind-format databases, searched before the embedded table.
    pub geoip_databases: Vec<PathBuf>,
    /// Memory limit, in bytes.
    pub memory_bytes: usize,
    /// Workers that share the work; `None` to do all of it here.
    pub workers: Option<Workers>,
}

impl LakeRequest {
    /// A lake with the embedded geographic table and the default memory limit.
    pub fn new(location: Location) -> LakeRequest {
        LakeRequest { location, geoip_databases: Vec::new(), memory_bytes: MEMORY_BYTES, workers: None }
    }

    /// What maps addresses to places.
    ///
    /// # Errors
    /// When a database cannot be read.
    pub fn geo(&self) -> Result<Arc<Geo>> {
        geo(&self.geoip_databases)
    }
}

/// The embedded geographic table, after these databases if there are any.
fn geo(databases: &[PathBuf]) -> Result<Arc<Geo>> {
    match databases {
        [] => Ok(Geo::embedded()?),
        databases => Ok(Arc::new(Geo::with_databases(databases)?)),
    }
}

/// What an ingest may use.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Memory limit, in bytes; a single object may need more.
    pub memory_bytes: usize,
    /// Limits on what one object may cost.
    pub limits: Limits,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { memory_bytes: MEMORY_BYTES, limits: Limits::default() }
    }
}

/// Archives to read.
#[derive(Debug, Clone)]
pub struct IngestRequest {
    /// Where the archives are.
    pub sources: Vec<Location>,
    /// Which part of them.
    pub selection: Selection,
    /// Memory and limits.
    pub bounds: Bounds,
}

impl IngestRequest {
    /// Everything in these archives, with the default limits.
    pub fn all(sources: Vec<Location>) -> IngestRequest {
        IngestRequest { sources, selection: Selection::default(), bounds: Bounds::default() }
    }
}

/// Which detectors run, with which parameters.
#[derive(Debug, Default)]
pub struct Detection {
    /// Shipped detectors and those of the user's folders.
    pub library: Library,
    /// Ids of those to run; all when empty. They exist in the library.
    pub ids: Vec<String>,
    /// Values of `[params]`, checked against the library.
    pub settings: Settings,
}

impl Detection {
    /// All shipped detectors with their default parameters.
    ///
    /// # Errors
    /// As [`Library::load`].
    pub fn shipped() -> Result<Detection> {
        Ok(Detection { library: Library::load(&[])?, ..Detection::default() })
    }

    /// The detectors to run.
    ///
    /// # Errors
    /// When the library has no detector of one of the ids.
    pub fn detectors(&self) -> Result<Vec<&Detector>> {
        self.library.select(&self.ids)
    }
}

/// What the findings of a hunt are compared with.
#[derive(Debug)]
pub enum CompareWith {
    /// The last recorded run that used most of the same detectors.
    LastRun,
    /// Nothing: every finding is new.
    Nothing,
    /// The report of an earlier run.
    Report(Box<Previous>),
}

/// Alerts per day of a hunt, unless set.
pub const ALERTS_PER_DAY: f64 = 3.0;

/// A hunt over a lake.
#[derive(Debug)]
pub struct HuntRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// The period to evaluate.
    pub period: Period,
    /// The detectors.
    pub detection: Detection,
    /// Findings that were accepted.
    pub suppressions: Suppressions,
    /// What decides between new, continuing and resolved.
    pub compare_with: CompareWith,
    /// Indicators to search the history for; `None` if no file is given.
    pub indicators: Option<Indicators>,
    /// Alerts of unusual behaviour that the analysts can look at, per day.
    pub alerts_per_day: f64,
    /// Files to write the report to.
    pub reports: Vec<Output>,
}

/// Daily summaries to compute before a hunt.
#[derive(Debug)]
pub struct PrepareRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// The part of the days whose summaries are computed; `None` for all days, and what depends on several days.
    pub shard: Option<Shard>,
}

/// A worker.
#[derive(Debug)]
pub struct WorkerRequest {
    /// What it offers.
    pub settings: WorkerSettings,
    /// MaxMind-format databases, searched before the embedded table.
    pub geoip_databases: Vec<PathBuf>,
}

impl WorkerRequest {
    /// What maps addresses to places.
    ///
    /// # Errors
    /// When a database cannot be read.
    pub fn geo(&self) -> Result<Arc<Geo>> {
        geo(&self.geoip_databases)
    }
}

/// How a hunt reports its end.
#[derive(Debug, Default)]
pub struct Announcement {
    /// Print only the summary, as one line of JSON.
    pub quiet: bool,
    /// Command that receives the summary.
    pub notify: Option<Notify>,
    /// Findings of this severity or above set exit code 1.
    pub fail_on: Option<Severity>,
    /// Missing events do not set exit code 2.
    pub allow_empty: bool,
}

/// The operator's command that receives the summary of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The command, as `sh -c` takes it.
    pub command: String,
    /// The command is killed after this time.
    pub time_limit: Duration,
}

/// The output formats of most commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// Aligned columns for reading.
    Table,
    /// One JSON document.
    Json,
}

impl TextFormat {
    /// The names, as `--format` takes them.
    pub const NAMES: [&str; 2] = ["table", "json"];
}

impl FromStr for TextFormat {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<TextFormat, String> {
        match text {
            "table" => Ok(TextFormat::Table),
            "json" => Ok(TextFormat::Json),
            other => Err(format!("unknown format `{other}`")),
        }
    }
}

/// Output formats of `query`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerFormat {
    /// Aligned columns for reading.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One array of objects.
    Json,
    /// One object per line.
    Ndjson,
    /// A Parquet file.
    Parquet,
}

impl AnswerFormat {
    /// The names, as `--format` takes them.
    pub const NAMES: [&str; 5] = ["table", "csv", "json", "ndjson", "parquet"];

    /// The format that a file's extension selects.
    pub fn of_file(path: &Path) -> Option<AnswerFormat> {
        match path.extension()?.to_str()? {
            "csv" => Some(AnswerFormat::Csv),
            "json" => Some(AnswerFormat::Json),
            "ndjson" | "jsonl" => Some(AnswerFormat::Ndjson),
            "parquet" => Some(AnswerFormat::Parquet),
            _ => None,
        }
    }
}

impl FromStr for AnswerFormat {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<AnswerFormat, String> {
        match text {
            "table" => Ok(AnswerFormat::Table),
            "csv" => Ok(AnswerFormat::Csv),
            "json" => Ok(AnswerFormat::Json),
            "ndjson" => Ok(AnswerFormat::Ndjson),
            "parquet" => Ok(AnswerFormat::Parquet),
            other => Err(format!("unknown format `{other}`")),
        }
    }
}

/// A backtest over history.
#[derive(Debug)]
pub struct BacktestRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// The period to evaluate.
    pub period: Period,
    /// The detectors.
    pub detection: Detection,
    /// Findings that were accepted.
    pub suppressions: Suppressions,
    /// Target number of alerts per day and detector.
    pub alerts_per_day: f64,
    /// Output format.
    pub format: TextFormat,
}

/// What became normal between two days.
#[derive(Debug)]
pub struct BaselineDiffRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// From the end of the earlier day to the end of the later one.
    pub window: Window,
    /// Output format.
    pub format: TextFormat,
}

/// A list of the last runs.
#[derive(Debug)]
pub struct RunsRequest {
    /// The lake.
    pub lake: Location,
    /// How many.
    pub last: usize,
    /// Output format.
    pub format: TextFormat,
}

/// An explanation of a finding.
#[derive(Debug)]
pub struct ExplanationRequest {
    /// The lake.
    pub lake: Location,
    /// Id of the finding, or how it begins.
    pub finding: String,
    /// The report that has the finding; `None` for the newest recorded run that has it.
    pub report: Option<Box<Previous>>,
    /// The detectors the run may have used.
    pub library: Library,
    /// Output format.
    pub format: ExplanationFormat,
}

/// Output formats of `explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplanationFormat {
    /// Text for reading.
    Text,
    /// Markdown for a ticket.
    Markdown,
    /// One JSON document.
    Json,
}

impl ExplanationFormat {
    /// The names, as `--format` takes them.
    pub const NAMES: [&str; 3] = ["text", "md", "json"];
}

impl FromStr for ExplanationFormat {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<ExplanationFormat, String> {
        match text {
            "text" => Ok(ExplanationFormat::Text),
            "md" => Ok(ExplanationFormat::Markdown),
            "json" => Ok(ExplanationFormat::Json),
            other => Err(format!("unknown format `{other}`")),
        }
    }
}

/// The verdicts of a lake: list them, or add one.
#[derive(Debug)]
pub struct VerdictRequest {
    /// The lake.
    pub lake: Location,
    /// The verdict to store; `None` lists those that the lake has.
    pub given: Option<GivenVerdict>,
    /// Output format of the list.
    pub format: TextFormat,
}

/// A verdict on a finding.
#[derive(Debug)]
pub struct GivenVerdict {
    /// Id of the finding, or how it begins.
    pub finding: String,
    /// What it turned out to be.
    pub verdict: Verdict,
    /// Why.
    pub note: Option<String>,
    /// Who decided.
    pub by: String,
    /// The report that has the finding; `None` for the report of the last recorded run.
    pub report: Option<Box<Previous>>,
}

/// An evidence bundle of a run.
#[derive(Debug)]
pub struct EvidenceRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// Id of the run, or `last`.
    pub run: String,
    /// The detectors the run may have used.
    pub library: Library,
    /// The bundle to write.
    pub out: PathBuf,
}

/// A check that nothing recorded was altered.
#[derive(Debug)]
pub struct VerifyRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// A report or bundle to check against the recorded runs.
    pub target: Option<PathBuf>,
    /// Hash of a record that must exist.
    pub last_sha256: Option<String>,
    /// A recorded finding to reproduce.
    pub finding: Option<String>,
    /// The part of the lake's files to check.
    pub sample_percent: f64,
    /// The detectors the run may have used.
    pub library: Library,
}

/// SQL over a lake, or a description of a table.
#[derive(Debug)]
pub struct QueryRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// What to do.
    pub action: QueryAction,
    /// Sigma rules to evaluate.
    pub sigma: Sigma,
    /// When to end it; no limit if none.
    pub time_limit: Option<Duration>,
}

/// What `query` does.
#[derive(Debug)]
pub enum QueryAction {
    /// List the columns of this table or view.
    Describe(String),
    /// Print what the query reads and its plan.
    Explain(Asked),
    /// Print the answer.
    Print(Asked, AnswerFormat),
    /// Write the answer to a file.
    Write(Asked, AnswerFormat, PathBuf),
}

/// A question with its values.
#[derive(Debug)]
pub struct Asked {
    /// The question.
    pub question: Question,
    /// Names and values of parameters.
    pub values: Vec<(String, String)>,
    /// A finding that gives values too: its id or how it begins, and the findings of a report, or none for those of the
    /// last recorded run.
    pub finding: Option<(String, Option<Vec<serde_json::Value>>)>,
    /// What `$from` and `$to` stand for.
    pub period: Period,
}

/// What happened, in order of time.
#[derive(Debug)]
pub struct TimelineRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// Identity, access key, address or finding; `None` for the riskiest identity of the last run.
    pub entity: Option<String>,
    /// The period; an open start is the day of the finding, or a week before the end.
    pub period: Period,
    /// Rows to show; 0 for all.
    pub rows_max: usize,
    /// The report with the findings; `None` for those of the recorded runs.
    pub report: Option<Box<Previous>>,
    /// Output format.
    pub format: TimelineFormat,
}

/// Output formats of `timeline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelineFormat {
    /// Text for reading.
    Table,
    /// One line per row.
    Csv,
    /// One JSON document.
    Json,
    /// For a ticket or a chat.
    Markdown,
}

impl TimelineFormat {
    /// The names, as `--format` takes them.
    pub const NAMES: [&str; 4] = ["table", "csv", "json", "md"];
}

impl FromStr for TimelineFormat {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<TimelineFormat, String> {
        match text {
            "table" => Ok(TimelineFormat::Table),
            "csv" => Ok(TimelineFormat::Csv),
            "json" => Ok(TimelineFormat::Json),
            "md" => Ok(TimelineFormat::Markdown),
            other => Err(format!("unknown format `{other}`")),
        }
    }
}

/// A page about an identity, access key or address.
#[derive(Debug)]
pub struct EntityRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// ARN, access key id or address.
    pub entity: String,
    /// The period to show.
    pub period: Period,
    /// What to show about it.
    pub shown: EntityAnswer,
    /// Output format of the page.
    pub format: PageFormat,
}

/// Output formats of `entity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFormat {
    /// Text for reading.
    Table,
    /// One JSON document.
    Json,
    /// Markdown for a ticket.
    Markdown,
}

impl PageFormat {
    /// The names, as `--format` takes them.
    pub const NAMES: [&str; 3] = ["table", "json", "md"];
}

impl FromStr for PageFormat {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<PageFormat, String> {
        match text {
            "table" => Ok(PageFormat::Table),
            "json" => Ok(PageFormat::Json),
            "md" => Ok(PageFormat::Markdown),
            other => Err(format!("unknown format `{other}`")),
        }
    }
}

/// What `entity` shows.
#[derive(Debug)]
pub enum EntityAnswer {
    /// The page, with findings about it.
    Page(FindingsFrom),
    /// The IAM policy that covers what it did.
    Policy,
    /// What this policy grants that it never used.
    Unused(GrantedPolicy),
}

/// Where `entity` takes findings from.
#[derive(Debug)]
pub enum FindingsFrom {
    /// The report of the last recorded run.
    LastRun,
    /// The findings of a JSON report.
    Report(Vec<serde_json::Value>),
    /// A hunt over the period.
    Hunt(Detection),
}

/// A search for indicators.
#[derive(Debug)]
pub struct IndicatorsRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// What to search for.
    pub indicators: Indicators,
    /// The period to search.
    pub period: Period,
    /// Output format.
    pub format: HitFormat,
}

/// Output formats of `indicators`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HitFormat {
    /// Text for reading.
    Table,
    /// One JSON document.
    Json,
    /// One row per indicator with events.
    Csv,
}

impl HitFormat {
    /// The names, as `--format` takes them.
    pub const NAMES: [&str; 3] = ["table", "json", "csv"];
}

impl FromStr for HitFormat {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<HitFormat, String> {
        match text {
            "table" => Ok(HitFormat::Table),
            "json" => Ok(HitFormat::Json),
            "csv" => Ok(HitFormat::Csv),
            other => Err(format!("unknown format `{other}`")),
        }
    }
}

/// What a detector reads and costs.
#[derive(Debug)]
pub struct ExplainRequest {
    /// The lake.
    pub lake: LakeRequest,
    /// The detector's id.
    pub id: String,
    /// The library and the parameters.
    pub detection: Detection,
    /// The period to evaluate.
    pub period: Period,
    /// Also print the engine's plan.
    pub plan: bool,
}

/// A check of an archive against CloudTrail's digest files.
#[derive(Debug)]
pub struct VerifyDigestsRequest {
    /// Archive of logs and digests.
    pub source: Location,
    /// Which part of it.
    pub selection: Selection,
    /// Public keys by fingerprint.
    pub keys: PublicKeys,
    /// Output format.
    pub format: TextFormat,
}
