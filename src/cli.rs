//! The command line: clap structs only. `resolve` turns them into requests.

mod completion;
mod examples;

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

pub use completion::{Names, completed_command};

use crate::detect::{Severity, Verdict};
use crate::report::Output;
use crate::request::{
    ALERTS_PER_DAY, AnswerFormat, ExplanationFormat, HitFormat, PageFormat, TextFormat, TimelineFormat,
};

/// Hunt through archived AWS CloudTrail logs: read archives into an open Delta Lake table, run SQL detectors over each
/// day, write one report.
#[derive(Debug, Parser)]
#[command(name = "trailhunt", version, long_version = long_version(), max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 success; 1 findings at or above --fail-on, or hits of --indicators; 2 something could not be read or run, or expected events \
                  are missing."
)]
pub struct Cli {
    /// Settings file in TOML [default: trailhunt.toml in the current folder, if it exists]
    #[arg(long, value_name = "FILE", env = "TRAILHUNT_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// Show full ARNs, and do not cut tables to the width of the terminal
    #[arg(long, global = true)]
    pub full_names: bool,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a sample archive, ingest it, hunt it and print the top findings: the whole tool in a minute
    Demo(DemoArgs),
    /// Write an archive of a synthetic organisation with labelled attacks and benign look-alikes
    Sample(SampleArgs),
    /// Read CloudTrail archives into a lake; objects that were read before are skipped
    Ingest(IngestArgs),
    /// Run the detectors over a lake; each day is compared only with the days before it
    Hunt(HuntArgs),
    /// Show how many alerts each detector would have raised in the past, and about which identities
    Backtest(BacktestArgs),
    /// Ingest, then hunt: the nightly job
    Run(RunArgs),
    /// Run parts of the queries of other processes: see --workers of `trailhunt hunt`
    Worker(WorkerArgs),
    /// Show what is normal, and how it changed
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// List the last runs of a lake
    Runs(RunsArgs),
    /// Explain a finding: what happened, compared with what, why it matters, how often it happens here, what to do next
    Explain(ExplanationArgs),
    /// Record what a finding turned out to be, or list the verdicts
    Verdict(VerdictArgs),
    /// Write everything that a run's findings are based on to one file
    Evidence(EvidenceArgs),
    /// Verify that no file of a lake, recorded run, report or evidence bundle was modified
    Verify(VerifyArgs),
    /// Query a lake: SQL, a file with SQL, or a saved question
    Query(QueryArgs),
    /// List the saved questions, or show one
    Queries(QueriesArgs),
    /// Show what an identity, a credential or an address did, in order of time, with findings
    Timeline(TimelineArgs),
    /// Show everything about an identity, access key or IP address on one page
    Entity(EntityArgs),
    /// Search the history for addresses, networks, AS numbers, access keys, ARNs, account ids and user agents
    Indicators(IndicatorsArgs),
    /// Open an interactive SQL shell with history and completion
    Shell(ShellArgs),
    /// Serve the lake, findings and detectors to agents, over the Model Context Protocol
    Mcp(McpArgs),
    /// List, show, write, check, test and explain detectors
    Detectors(DetectorsArgs),
    /// Inspect and maintain lakes; verify archives
    #[command(subcommand)]
    Lake(LakeCommand),
    /// Show settings and where they come from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write completions for a shell
    Completions(CompletionsArgs),
    /// Write the manual page of trailhunt or of one of its commands, or all pages to a folder
    Man(ManArgs),
}

/// A lake and access to S3.
#[derive(Debug, Args)]
pub struct LakeArgs {
    /// The lake: a folder or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "TRAILHUNT_LAKE")]
    pub lake: String,
    /// Access to S3.
    #[command(flatten)]
    pub s3: S3Args,
}

/// Access to S3, in addition to the environment.
#[derive(Debug, Clone, Args)]
pub struct S3Args {
    /// Profile of ~/.aws/config or ~/.aws/credentials [env: AWS_PROFILE]
    #[arg(long, value_name = "NAME", global = true)]
    pub profile: Option<String>,
    /// S3-compatible server to use instead of AWS [env: AWS_ENDPOINT_URL]
    #[arg(long, value_name = "URL", global = true)]
    pub endpoint_url: Option<String>,
}

/// A lake to run SQL over.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// MaxMind-format database for locating IP addresses, used before the built-in one; repeatable
    #[arg(long = "geoip-db", value_name = "FILE")]
    pub geoip: Vec<PathBuf>,
    /// Memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
    /// Workers.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Workers that share the work.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// Workers to share the work with: HOST:PORT of each `trailhunt worker`, or dns:HOST:PORT for all addresses of a host;
    /// repeatable, or a list: A,B
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    pub workers: Vec<String>,
    /// Bytes of files that a part of a query reads; a query that reads less is not divided
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "32MB", requires = "workers")]
    pub task_size: usize,
    /// Access.
    #[command(flatten)]
    pub access: AccessArgs,
}

/// What lets the processes of a cluster talk to each other.
#[derive(Debug, Clone, Args)]
pub struct AccessArgs {
    /// Certificate of the authority that signed those of the workers, in PEM: connections are encrypted
    #[arg(long, value_name = "FILE")]
    pub cluster_ca: Option<PathBuf>,
    /// Name in the workers' certificates [default: the host in their addresses]
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,
    /// File with the token that all processes of the cluster share
    #[arg(long, value_name = "FILE", env = "TRAILHUNT_CLUSTER_TOKEN_FILE")]
    pub cluster_token_file: Option<PathBuf>,
}

/// `mcp`.
#[derive(Debug, Args)]
pub struct McpArgs {
    /// Serve HTTP at this address of this machine, at the path /mcp [default: standard input and output, for a client that
    /// starts this command]
    #[arg(long, value_name = "IP:PORT", requires = "token_file")]
    pub listen: Option<std::net::SocketAddr>,
    /// File with the token that clients send over HTTP
    #[arg(long, value_name = "FILE", requires = "listen")]
    pub token_file: Option<PathBuf>,
    /// End a call after this time
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
    /// Answer one call of this tool, with arguments from standard input: how the server runs its calls
    #[arg(long, value_name = "TOOL", hide = true)]
    pub call: Option<String>,
    /// Folders of detectors.
    #[command(flatten)]
    pub dirs: DetectorDirArgs,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Address to listen at. One that other machines reach needs --cert, --key, --cluster-ca and --cluster-token-file
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:7411")]
    pub listen: std::net::SocketAddr,
    /// Certificate of this worker, in PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Access.
    #[command(flatten)]
    pub access: AccessArgs,
    /// MaxMind-format database for locating IP addresses; the same as in the commands that use this worker; repeatable
    #[arg(long = "geoip-db", value_name = "FILE")]
    pub geoip: Vec<PathBuf>,
    /// Memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
    /// Access to S3.
    #[command(flatten)]
    pub s3: S3Args,
}

/// Memory.
#[derive(Debug, Clone, Args)]
pub struct MemoryArgs {
    /// Memory limit: sets the batch size of an ingest; SQL that needs more spills to disk. Decoding one object can use
    /// about four times its uncompressed size in addition
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "1GB", env = "TRAILHUNT_MEMORY_LIMIT")]
    pub memory_limit: usize,
}

/// Limits on one object; an object that exceeds one is a reject.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// Maximum uncompressed size of an object; for a bundle, of all its members
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "1GB")]
    pub object_size_max: usize,
    /// Maximum compression ratio of an object of more than 16MB uncompressed
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub inflation_max: u32,
    /// Maximum size of a record
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "4MB")]
    pub record_size_max: usize,
}

/// Bytes: a number with an optional unit `KB`, `MB` or `GB`, in steps of 1,024.
///
/// # Errors
/// What is wrong, with an example.
pub fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        unit => return Err(format!("unknown unit `{unit}`: expected KB, MB or GB")),
    };
    let bytes = digits.trim().parse::<usize>().ok().and_then(|n| n.checked_mul(1 << shift)).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| "expected a size such as 512MB".into())
}

/// Archives, and which part of them.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Archives: folders, files, s3://bucket/prefix, or cloudtrail://REGION for the event history of the last 90 days
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<String>,
    /// Only this account; repeatable, or a list: A,B
    #[arg(long = "account", value_name = "ID", value_delimiter = ',')]
    pub accounts: Vec<String>,
    /// Only this region; repeatable, or a list: A,B
    #[arg(long = "region", value_name = "REGION", value_delimiter = ',')]
    pub regions: Vec<String>,
}

/// A period of time.
#[derive(Debug, Clone, Args)]
pub struct PeriodArgs {
    /// Start: a day, a time, "yesterday", or an age such as 7d [default: the start of the data]
    #[arg(long, value_name = "T")]
    pub from: Option<String>,
    /// End, exclusive [default: the end of the data]
    #[arg(long, value_name = "T")]
    pub to: Option<String>,
}

/// `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the archive, the lake and the report; it stays, and a later demo uses it again
    #[arg(long, value_name = "DIR", default_value = "trailhunt-demo")]
    pub dir: PathBuf,
    /// Where to write the report as JSON; the HTML page is written next to it [default: report.json in that folder]
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// `sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Number of days
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Number of accounts in the organisation
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub accounts: u32,
    /// Events per working day, all accounts together
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(10..))]
    pub events_per_day: u32,
    /// Number of employees [default: derived from the number of events]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=10_000))]
    pub people: Option<u32>,
    /// Number of attacks to plant; cycles through all kinds of attack
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(..=10_000))]
    pub attacks: u32,
    /// Random seed: the same seed gives the same archive
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Draw the organisation at random from this seed: its size, sign-in, networks, habits and changes; they are printed
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seed", "accounts", "people", "events_per_day"])]
    pub environment: Option<u64>,
    /// Largest number of employees that --environment may draw
    #[arg(long, value_name = "N", default_value_t = 2000, requires = "environment", value_parser = clap::value_parser!(u32).range(10..=2000))]
    pub people_max: u32,
    /// Largest number of events per working day that --environment may draw
    #[arg(long, value_name = "N", default_value_t = 25000, requires = "environment", value_parser = clap::value_parser!(u32).range(10..))]
    pub events_per_day_max: u32,
    /// First day
    #[arg(long, value_name = "DAY", default_value = "2024-03-04")]
    pub start: chrono::NaiveDate,
    /// Approximate number of events per object
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub events_per_object: u32,
}

/// `ingest`.
#[derive(Debug, Args)]
pub struct IngestArgs {
    /// Archives.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Days of delivery.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Read only the I-th of N parts, such as 2/8: N processes read an archive together. "auto" takes the part from an array
    /// job of AWS Batch or Slurm, auto/N from an indexed job of Kubernetes
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
    /// Limits.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Folders of detectors.
#[derive(Debug, Default, Args)]
pub struct DetectorDirArgs {
    /// Folder of your own detectors, used together with the shipped ones; repeatable
    #[arg(long = "detector-dir", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Sigma rules.
    #[command(flatten)]
    pub sigma: SigmaArgs,
}

/// Sigma rules.
#[derive(Debug, Default, Clone, Args)]
pub struct SigmaArgs {
    /// Sigma rules to run as well: files, or folders of .yml files; repeatable, or a list: A,B
    #[arg(long = "sigma", value_name = "PATH", value_delimiter = ',')]
    pub sigma: Vec<PathBuf>,
    /// Processing pipeline for the Sigma rules, in pySigma's format: it renames fields, fills in placeholders, changes log
    /// sources; repeatable
    #[arg(long = "sigma-pipeline", value_name = "FILE", value_delimiter = ',')]
    pub sigma_pipelines: Vec<PathBuf>,
}

/// Detectors and their parameters.
#[derive(Debug, Default, Args)]
pub struct DetectArgs {
    /// Only this detector; repeatable, or a list: A,B
    #[arg(long = "detector", value_name = "ID", value_delimiter = ',')]
    pub detectors: Vec<String>,
    /// Parameter of a detector, such as impossible_travel.speed_kmh=1200; repeatable
    #[arg(long = "set", value_name = "ID.NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Folders of detectors.
    #[command(flatten)]
    pub dirs: DetectorDirArgs,
}

/// What a hunt compares, writes and announces.
#[derive(Debug, Args)]
pub struct HuntOptions {
    /// Detectors.
    #[command(flatten)]
    pub detect: DetectArgs,
    /// TOML file of accepted findings; see the README
    #[arg(long, value_name = "FILE", env = "TRAILHUNT_SUPPRESSIONS")]
    pub suppressions: Option<PathBuf>,
    /// Search the whole history for the indicators in this file, and add a section to the report; repeatable. See
    /// `trailhunt indicators --help`
    #[arg(long, value_name = "FILE")]
    pub indicators: Vec<PathBuf>,
    /// Write the report; the file extension selects the format: .json .html .md .csv .sarif .ocsf.ndjson .oscal.json;
    /// repeatable
    #[arg(long = "report", value_name = "FILE")]
    pub reports: Vec<Output>,
    /// JSON report to compare with, or "none"; decides what is new, continuing and resolved [default: the last recorded
    /// run that used most of the same detectors]
    #[arg(long, value_name = "REPORT")]
    pub baseline: Option<PathBuf>,
    /// Findings of medium severity and above that you can look at per day. Unusual behaviour that is more common here than
    /// that is low.
    #[arg(id = "hunt_alerts", long = "alerts-per-day", value_name = "N", default_value_t = ALERTS_PER_DAY, value_parser = alerts)]
    pub alerts_per_day: f64,
    /// Print only the summary, as one line of JSON
    #[arg(long)]
    pub quiet: bool,
    /// Shell command to run at the end; it receives the one-line JSON summary on standard input
    #[arg(long, value_name = "COMMAND")]
    pub notify_command: Option<String>,
    /// Stop --notify-command after this time
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub notify_timeout: u64,
    /// Exit with code 1 if there is a finding of this severity or above, or an indicator with events in the window
    #[arg(long, value_name = "SEVERITY", value_parser = severity())]
    pub fail_on: Option<Severity>,
    /// Do not exit with code 2 when expected events are missing
    #[arg(long)]
    pub allow_empty: bool,
}

/// `hunt`.
#[derive(Debug, Args)]
pub struct HuntArgs {
    /// The period to evaluate.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Only compute the daily summaries that are missing: no detector runs, and no run is recorded
    #[arg(
        long,
        conflicts_with_all = [
            "from", "to", "detectors", "parameters", "baseline", "reports", "quiet", "notify_command", "indicators",
            "fail_on", "allow_empty", "hunt_alerts",
        ]
    )]
    pub prepare: bool,
    /// With --prepare: only the days of the I-th of N parts, such as 2/8, so that N processes share the work; "auto" as in
    /// `trailhunt ingest`
    #[arg(long, value_name = "I/N", requires = "prepare")]
    pub shard: Option<String>,
    /// Options of a hunt.
    #[command(flatten)]
    pub hunt: HuntOptions,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// `backtest`.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// The period to evaluate.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Detectors.
    #[command(flatten)]
    pub detect: DetectArgs,
    /// TOML file of accepted findings, which do not count as alerts
    #[arg(long, value_name = "FILE", env = "TRAILHUNT_SUPPRESSIONS")]
    pub suppressions: Option<PathBuf>,
    /// Target number of alerts per day and detector; the output includes the score threshold that would reach it
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = alerts)]
    pub alerts_per_day: f64,
    /// Output format
    #[arg(long, default_value = "table", value_parser = text_format())]
    pub format: TextFormat,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// A number of alerts, possibly a fraction.
pub fn alerts(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "expected a number above 0, such as 0.5".into())
}

/// A share such as `5` or `5%`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    number.ok_or_else(|| "expected a percentage such as 5%".into())
}

/// One of `names`, parsed.
fn one_of<T>(names: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = String> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

fn text_format() -> impl TypedValueParser<Value = TextFormat> {
    one_of(TextFormat::NAMES)
}

fn answer_format() -> impl TypedValueParser<Value = AnswerFormat> {
    one_of(AnswerFormat::NAMES)
}

fn hit_format() -> impl TypedValueParser<Value = HitFormat> {
    one_of(HitFormat::NAMES)
}

fn timeline_format() -> impl TypedValueParser<Value = TimelineFormat> {
    one_of(TimelineFormat::NAMES)
}

fn severity() -> impl TypedValueParser<Value = Severity> {
    one_of(Severity::NAMES)
}

/// `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Archives.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Days to read and evaluate. Objects delivered on the day after are read too, for the events of the last hour.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Options of a hunt.
    #[command(flatten)]
    pub hunt: HuntOptions,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
    /// Limits.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// `baseline ...`.
#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// Show what identities started to do between two days: new places, services, APIs, clients, and changed volume
    Diff(BaselineDiffArgs),
}

/// `baseline diff`.
#[derive(Debug, Args)]
pub struct BaselineDiffArgs {
    /// Earlier day: compare what was normal at the end of it
    #[arg(value_name = "DAY")]
    pub before: chrono::NaiveDate,
    /// Later day: with what was normal at the end of this one
    #[arg(value_name = "DAY")]
    pub after: chrono::NaiveDate,
    /// Output format
    #[arg(long, default_value = "table", value_parser = text_format())]
    pub format: TextFormat,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Number of runs to list
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub last: usize,
    /// Output format
    #[arg(long, default_value = "table", value_parser = text_format())]
    pub format: TextFormat,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplanationArgs {
    /// Id of the finding: 16 hex digits, or at least the first 6
    #[arg(value_name = "FINDING", value_parser = finding_id)]
    pub finding: String,
    /// JSON report that has the finding [default: the newest recorded run that has it]
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Output format
    #[arg(long, default_value = "text", value_parser = one_of::<ExplanationFormat>(ExplanationFormat::NAMES))]
    pub format: ExplanationFormat,
    /// Folders of detectors that the run used: a detector states why its findings matter.
    #[command(flatten)]
    pub dirs: DetectorDirArgs,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
}

/// `verdict`.
#[derive(Debug, Args)]
pub struct VerdictArgs {
    /// Id of the finding: 16 hex digits, or at least the first 6; without one, the verdicts are listed
    #[arg(value_name = "FINDING", requires = "verdict", value_parser = finding_id)]
    pub finding: Option<String>,
    /// What the finding turned out to be; "expected" means that it happened and was allowed
    #[arg(value_name = "VERDICT", value_parser = one_of::<Verdict>(Verdict::NAMES))]
    pub verdict: Option<Verdict>,
    /// Why
    #[arg(long, value_name = "TEXT", requires = "finding")]
    pub note: Option<String>,
    /// Who decided [default: the user of the machine]
    #[arg(long, value_name = "NAME", requires = "finding")]
    pub by: Option<String>,
    /// JSON report that has the finding [default: the report of the last recorded run]
    #[arg(long, value_name = "FILE", requires = "finding")]
    pub report: Option<PathBuf>,
    /// List the verdicts
    #[arg(long, conflicts_with = "finding")]
    pub list: bool,
    /// Output format of the list
    #[arg(long, default_value = "table", value_parser = text_format())]
    pub format: TextFormat,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
}

/// An id of a finding, or its beginning.
fn finding_id(text: &str) -> Result<String, String> {
    let is_id = (6..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { Ok(text.to_lowercase()) } else { Err("expected 16 hex digits, or at least the first 6".into()) }
}

/// `evidence`.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// Id of the run, as listed by `trailhunt runs`, or "last"
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Where to write the bundle
    #[arg(long, value_name = "FILE.tar.gz")]
    pub out: PathBuf,
    /// Folders of detectors that the run used.
    #[command(flatten)]
    pub dirs: DetectorDirArgs,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A report in any format, or a bundle written by `trailhunt evidence`
    #[arg(value_name = "REPORT|BUNDLE")]
    pub target: Option<PathBuf>,
    /// Hash of a record that you stored elsewhere; a problem is reported if the chain no longer has this record
    #[arg(long, value_name = "SHA256")]
    pub last_sha256: Option<String>,
    /// Reproduce a finding of a recorded run, by its id or how it begins: run its detector again over the version of the
    /// lake that the run saw
    #[arg(long, value_name = "FINDING")]
    pub again: Option<String>,
    /// Read only a random part of the lake's files; 0 reads none, only the log and the recorded runs
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "100%")]
    pub sample: f64,
    /// Folders of detectors that the run used.
    #[command(flatten)]
    pub dirs: DetectorDirArgs,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// `query`.
#[derive(Debug, Args)]
#[command(after_help = QUERY_HELP)]
pub struct QueryArgs {
    /// SQL, or the name of a saved question; see `trailhunt queries`
    #[arg(value_name = "SQL|NAME", allow_hyphen_values = true, required_unless_present_any = ["describe", "file", "finding"])]
    pub sql: Option<String>,
    /// Read the SQL from a file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "sql")]
    pub file: Option<PathBuf>,
    /// Value of the parameter $NAME; repeatable
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// What $from and $to stand for.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Id of a finding, or how it begins; sets $entity, $begin and $end; without SQL, runs the saved question `around`
    #[arg(long, value_name = "ID")]
    pub finding: Option<String>,
    /// JSON report that contains the finding [default: the report of the last recorded run]
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// List the columns of a table or view instead, with their meaning
    #[arg(long, value_name = "TABLE", conflicts_with = "sql")]
    pub describe: Option<String>,
    /// Sigma rules, for the tables sigma_matches, sigma_correlated and sigma_rules.
    #[command(flatten)]
    pub sigma: SigmaArgs,
    /// Print what the query reads and its plan instead of the result
    #[arg(long, conflicts_with = "describe")]
    pub explain: bool,
    /// Output format [default: the extension of --out, or table]
    #[arg(long, value_parser = answer_format())]
    pub format: Option<AnswerFormat>,
    /// Write the result to a file; its extension selects the format: .csv .json .ndjson .parquet
    #[arg(long, value_name = "FILE", required_if_eq("format", "parquet"))]
    pub out: Option<PathBuf>,
    /// Stop the query after this many seconds; 0 for no limit
    #[arg(long, value_name = "SECONDS", default_value_t = 600, env = "TRAILHUNT_QUERY_TIMEOUT")]
    pub timeout: u64,
    /// The lake.
    #[command(flatten)]
    pub sql_args: SqlArgs,
}

/// Shown below the options of `query --help`.
const QUERY_HELP: &str = "\
Queries are read-only. SQL that writes, reads files, or contains something the engine would ignore is refused. A query \
ends after --timeout, or when the program takes half as much memory again as --memory-limit (on Linux). In CSV, text that \
a spreadsheet would run as a formula starts with '; tables show control characters as \u{fffd}; JSON and Parquet keep \
the exact values. On a terminal, tables are cut to its width, and say so.";

/// `queries`.
#[derive(Debug, Args)]
pub struct QueriesArgs {
    /// Show this question with its SQL
    pub name: Option<String>,
}

/// `timeline`.
#[derive(Debug, Args)]
#[command(after_help = TIMELINE_HELP)]
pub struct TimelineArgs {
    /// Identity (ARN, short name, e-mail address), role, access key, IP address, or the beginning of a finding's id
    /// [default: the riskiest identity of the last run]
    #[arg(value_name = "ENTITY|FINDING")]
    pub entity: Option<String>,
    /// Start [default: the day of the finding, or a week before the end]
    #[arg(long, value_name = "T")]
    pub from: Option<String>,
    /// End, exclusive [default: the end of the finding's day, or of the data]
    #[arg(long, value_name = "T")]
    pub to: Option<String>,
    /// Rows to show; 0 for all. Reads are left out first
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub rows: usize,
    /// Take findings from this JSON report [default: the recorded runs of the period]
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Output format
    #[arg(long, default_value = "table", value_parser = timeline_format())]
    pub format: TimelineFormat,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// Shown below the options of `timeline --help`.
const TIMELINE_HELP: &str = "\
It covers the sessions, roles and keys behind which the identity is, and the users that it created. Calls that are alike \
are one row; failed calls have rows of their own. [first: ...] marks what the identity had never done or used before.

  trailhunt timeline 3f2a91c0 --lake LAKE
  trailhunt timeline maria@example.com --from 2024-05-01 --to 2024-05-08 --lake LAKE
  trailhunt timeline AKIAIOSFODNN7EXAMPLE --format md --lake LAKE";

/// `entity`.
#[derive(Debug, Args)]
pub struct EntityArgs {
    /// Identity (ARN, short name, e-mail address), role, session, access key id, or IP address
    #[arg(value_name = "ENTITY")]
    pub entity: String,
    /// The period to show.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Show the findings about it from this JSON report [default: the report of the last recorded run]
    #[arg(long, value_name = "FILE", conflicts_with = "hunt")]
    pub report: Option<PathBuf>,
    /// Run the detectors over the period and show the findings about it
    #[arg(long)]
    pub hunt: bool,
    /// Print the IAM policy that covers exactly what the identity successfully used in the period
    #[arg(long, conflicts_with_all = ["hunt", "report", "compare"])]
    pub policy: bool,
    /// List what this IAM policy grants that the identity never used in the period
    #[arg(long, value_name = "POLICY.json", conflicts_with_all = ["hunt", "report"])]
    pub compare: Option<PathBuf>,
    /// Output format of the page
    #[arg(long, default_value = "table", value_parser = one_of::<PageFormat>(PageFormat::NAMES))]
    pub format: PageFormat,
    /// Detectors for --hunt.
    #[command(flatten)]
    pub detect: DetectArgs,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// `indicators`.
#[derive(Debug, Args)]
#[command(after_help = INDICATORS_HELP)]
pub struct IndicatorsArgs {
    /// Files of indicators: plain lists, CSV, STIX 2.1 bundles, MISP JSON
    #[arg(value_name = "FILE", required = true)]
    pub indicators: Vec<PathBuf>,
    /// The period to search.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Output format
    #[arg(long, default_value = "table", value_parser = hit_format())]
    pub format: HitFormat,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// Shown below the options of `indicators --help`.
const INDICATORS_HELP: &str = "\
The content of a file decides its format. A plain list has one indicator per line and comments after #; write \
\"user-agent: TEXT\" for a user agent. Values may be defanged, such as 192.0.2[.]1. A user agent matches if it contains \
the text, whatever its case; everything else must be equal, or be an address of the network or AS number.

Exit codes: 0 everything was searched, with or without hits; 2 a line is not understood, or the search failed.";

/// `shell`.
#[derive(Debug, Args)]
pub struct ShellArgs {
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// `config ...`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every setting, its value, and where the value comes from
    Show,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command, such as `query` or `detectors new` [default: the page of trailhunt itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub command: Vec<String>,
    /// Write the pages of all commands to this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Every command with its options, as data.
pub fn command() -> clap::Command {
    examples::with_examples(<Cli as clap::CommandFactory>::command())
}

/// `detectors`.
#[derive(Debug, Args)]
pub struct DetectorsArgs {
    /// The command.
    #[command(subcommand)]
    pub command: DetectorsCommand,
    /// Folder of your own detectors, used together with the shipped ones; repeatable
    #[arg(long = "detector-dir", value_name = "DIR", global = true)]
    pub folders: Vec<PathBuf>,
}

/// `detectors ...`.
#[derive(Debug, Subcommand)]
pub enum DetectorsCommand {
    /// List the detectors: severity, id, title, ATT&CK techniques
    List(ListArgs),
    /// Show a detector with its SQL
    Show {
        /// Id, as printed by `detectors list`
        id: String,
        /// Sigma rules.
        #[command(flatten)]
        sigma: SigmaArgs,
    },
    /// Create a stub detector and a failing fixture in the folder given by --detector-dir
    New {
        /// Id: lower-case letters, digits and _
        id: String,
    },
    /// Check detectors, and on their fixtures that findings do not depend on later days: file, line, column, problem,
    /// next step
    Check {
        /// Files or folders of detectors [default: the folders of --detector-dir, or the shipped detectors]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Sigma rules; alone, only they are checked.
        #[command(flatten)]
        sigma: SigmaArgs,
    },
    /// Convert Sigma rules to detectors of your own, with a stub of a fixture each, in the folder given by --detector-dir
    Import {
        /// Sigma rules: files, or folders of .yml files
        #[arg(value_name = "PATH", required = true)]
        rules: Vec<PathBuf>,
        /// Processing pipeline for the rules, in pySigma's format; repeatable
        #[arg(long = "sigma-pipeline", value_name = "FILE", value_delimiter = ',')]
        sigma_pipelines: Vec<PathBuf>,
    },
    /// Print a detector as a Sigma rule, if it is about single events; the rule has no history
    Export {
        /// Id, as printed by `detectors list`
        id: String,
        /// As a Sigma rule, the only format so far
        #[arg(long, required = true)]
        sigma: bool,
    },
    /// Run detectors on their fixtures: they must report every `hit-...` event and no `miss-...` event
    Test {
        /// Ids [default: the detectors of --detector-dir, or the shipped ones]
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Show what a detector reads and what that costs on a lake
    Explain(Box<ExplainArgs>),
}

/// `detectors list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only detectors of this severity or above
    #[arg(long, value_name = "SEVERITY", value_parser = severity())]
    pub severity: Option<Severity>,
    /// Only detectors for an ATT&CK tactic, such as credential-access
    #[arg(long, value_name = "TACTIC")]
    pub tactic: Option<String>,
    /// Only detectors that read this table or view, such as daily_address, or look for this service, such as
    /// s3.amazonaws.com
    #[arg(long, value_name = "SOURCE")]
    pub reads: Option<String>,
    /// Sigma rules.
    #[command(flatten)]
    pub sigma: SigmaArgs,
}

/// `detectors explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Id, as printed by `detectors list`
    pub id: String,
    /// Also print the query plan
    #[arg(long)]
    pub plan: bool,
    /// The period to evaluate.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Parameter, such as impossible_travel.speed_kmh=1200; repeatable
    #[arg(long = "set", value_name = "ID.NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Sigma rules.
    #[command(flatten)]
    pub sigma: SigmaArgs,
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// `lake ...`.
#[derive(Debug, Subcommand)]
pub enum LakeCommand {
    /// Show what a lake holds: events, objects, duplicates, rejects, accounts and regions, gaps
    Status(StatusArgs),
    /// List what could not be read: object, offset, reason
    Rejects(RejectsArgs),
    /// Merge each day's small files into a few sorted ones; the events stay the same
    Compact(CompactArgs),
    /// Delete files that the lake no longer needs
    Vacuum(VacuumArgs),
    /// Verify an archive against CloudTrail's digest files: every log present, unmodified, and none added
    #[command(after_help = VERIFY_DIGESTS_HELP)]
    VerifyDigests(VerifyDigestsArgs),
}

/// `lake compact`.
#[derive(Debug, Args)]
pub struct CompactArgs {
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// `lake status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
    /// Output format
    #[arg(long, default_value = "table", value_parser = text_format())]
    pub format: TextFormat,
}

/// `lake rejects`.
#[derive(Debug, Args)]
pub struct RejectsArgs {
    /// The lake.
    #[command(flatten)]
    pub sql: SqlArgs,
}

/// `lake vacuum`.
#[derive(Debug, Args)]
pub struct VacuumArgs {
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Keep files younger than this many hours, for readers of older versions and running ingests
    #[arg(long, value_name = "HOURS", default_value_t = 168)]
    pub retain_hours: u32,
}

/// Shown below the options of `lake verify-digests --help`.
const VERIFY_DIGESTS_HELP: &str = "\
Digests are read for the selected days and the day after, because CloudTrail writes the digest of an hour after that hour. \
SOURCE contains CloudTrail-Digest next to CloudTrail. It may be a copy, even one without folders.

Download the public keys of one region for the days to verify:
  aws cloudtrail list-public-keys --region us-east-1 --start-time 2024-01-01 --end-time 2024-02-01 > keys.json

The signature of a digest is metadata of its S3 object, which a copy on disk loses. For a copy, it is taken from the next \
digest. For the last digest, save it to a file next to it:
  aws s3api head-object --bucket BUCKET --key KEY > DIGEST.json.gz.metadata.json

Exit codes: 0 everything is verified; 2 something is not verified or could not be read.";

/// `lake verify-digests`.
#[derive(Debug, Args)]
pub struct VerifyDigestsArgs {
    /// Archive of logs and digests: a folder or s3://bucket/prefix
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// Public keys, as printed by `aws cloudtrail list-public-keys`; repeatable, one file per region
    #[arg(long = "public-keys", value_name = "FILE", required = true)]
    pub public_keys: Vec<PathBuf>,
    /// Only this account; repeatable, or a list: A,B
    #[arg(long = "account", value_name = "ID", value_delimiter = ',')]
    pub accounts: Vec<String>,
    /// Only this region; repeatable, or a list: A,B
    #[arg(long = "region", value_name = "REGION", value_delimiter = ',')]
    pub regions: Vec<String>,
    /// Days of delivery.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Output format
    #[arg(long, default_value = "table", value_parser = text_format())]
    pub format: TextFormat,
    /// Access to S3.
    #[command(flatten)]
    pub s3: S3Args,
}

/// Version, and the source of the geographic data: its licence requires attribution.
fn long_version() -> &'static str {
    static TEXT: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| format!("{}\n{}", env!("CARGO_PKG_VERSION"), crate::geo::attribution()));
    &TEXT
}
