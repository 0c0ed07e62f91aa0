//! What was typed: clap structs only. What it means is decided in `commands`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::report::Output;
use crate::source::S3Settings;

/// Hunt through archived AWS CloudTrail: gzipped archives to an open Delta lake, SQL detectors that walk forward
/// through history, one report.
#[derive(Debug, Parser)]
#[command(name = "trailhunt", version, long_version = long_version(), max_term_width = 110)]
#[command(after_help = "Exit codes: 0 done; 1 findings at or above --fail-on; 2 something could not be read or run.")]
pub struct Cli {
    /// Settings, as TOML [default: trailhunt.toml, if the current folder has one]
    #[arg(long, value_name = "FILE", env = "TRAILHUNT_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a sample archive, ingest it, hunt it, print the top findings: the whole tool in a minute
    Demo(DemoArgs),
    /// Write an archive of a made-up organisation, with labelled attacks and benign look-alikes
    Sample(SampleArgs),
    /// Read CloudTrail archives into a lake; what was read before is skipped
    Ingest(IngestArgs),
    /// Run the detectors over a lake, every hour or day judged by what came before it
    Hunt(HuntArgs),
    /// Say what each detector would have raised over history: how often, about whom, beside which others
    Backtest(BacktestArgs),
    /// Ingest, then hunt: the nightly job
    Run(RunArgs),
    /// What is normal, and how that changes
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// The last runs over a lake, a line each
    Runs(RunsArgs),
    /// Put everything a run's findings stand on into one file to hand over
    Evidence(EvidenceArgs),
    /// Verify that no record of a run, no report and no evidence was altered
    Verify(VerifyArgs),
    /// Ask the lake anything: SQL, a file of it, or a saved question
    Query(QueryArgs),
    /// List the saved questions, or show one
    Queries(QueriesArgs),
    /// Tell the story of an identity, an access key or an address on one page
    Entity(EntityArgs),
    /// Ask one question after another, with history and completion
    Shell(ShellArgs),
    /// List the detectors, show, write, check, test and explain them
    Detectors(DetectorsArgs),
    /// Look after lakes and the archives they are made from
    #[command(subcommand)]
    Lake(LakeCommand),
    /// Settings of trailhunt.toml
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write completions for a shell
    Completions(CompletionsArgs),
    /// Write the manual page
    Man(ManArgs),
}

/// Where the lake is and how S3 is reached.
#[derive(Debug, Args)]
pub struct LakeArgs {
    /// The lake: a folder or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "TRAILHUNT_LAKE")]
    pub lake: String,
    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,
}

/// How S3 is reached, beyond what the environment says.
#[derive(Debug, Clone, Args)]
pub struct S3Args {
    /// AWS CLI profile whose credentials to use (asks `aws configure export-credentials`)
    #[arg(long, value_name = "NAME", global = true)]
    pub profile: Option<String>,
    /// S3-compatible server instead of AWS [env: AWS_ENDPOINT_URL]
    #[arg(long, value_name = "URL", global = true)]
    pub endpoint_url: Option<String>,
}

impl S3Args {
    /// As the source folder wants them.
    pub fn settings(&self) -> S3Settings {
        S3Settings { profile: self.profile.clone(), endpoint_url: self.endpoint_url.clone() }
    }
}

/// What it may take.
#[derive(Debug, Clone, Args)]
pub struct MemoryArgs {
    /// Memory to stay within: batches of an ingest are sized by it, and SQL that sorts or groups spills to disk. A single
    /// object needs some four times its inflated size on top
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "1GB", env = "TRAILHUNT_MEMORY_LIMIT")]
    pub memory_limit: usize,
}

/// Bounds on what one object may cost; beyond them it is a reject.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// Largest object that is read, inflated; the members of a bundle together
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "1GB")]
    pub object_size_max: usize,
    /// Largest inflated size of an object of more than 16MB, as a multiple of its stored size
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub inflation_max: u32,
    /// Largest record that is read
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "4MB")]
    pub record_size_max: usize,
}

/// Bytes, as a number with an optional `KB`, `MB` or `GB`, each 1,024 of the one before.
pub fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        unit => return Err(format!("{unit} is no unit of size; use KB, MB or GB")),
    };
    let bytes = digits.trim().parse::<usize>().ok().and_then(|n| n.checked_mul(1 << shift)).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| "not a size, such as 512MB".into())
}

/// Which archives, and which part of them.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Archives: folders, files, s3://bucket/prefix; or cloudtrail://REGION, the event history of its last 90 days
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<String>,
    /// Only these accounts
    #[arg(long = "account", value_name = "ID")]
    pub accounts: Vec<String>,
    /// Only these regions
    #[arg(long = "region", value_name = "REGION")]
    pub regions: Vec<String>,
}

/// Which part of history.
#[derive(Debug, Clone, Args)]
pub struct PeriodArgs {
    /// Begin: a day, a time, "yesterday", or an age such as 7d [default: the oldest]
    #[arg(long, value_name = "T")]
    pub from: Option<String>,
    /// End, not included [default: the newest]
    #[arg(long, value_name = "T")]
    pub to: Option<String>,
}

/// `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the archive and the lake [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Where to write the report; the same as a page goes beside it, as .html
    #[arg(long, value_name = "FILE", default_value = "report.json")]
    pub report: PathBuf,
}

/// `sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Days of history
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Accounts of the organisation
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub accounts: u32,
    /// Events of a working day, all accounts together
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(10..))]
    pub events_per_day: u32,
    /// People who work there [default: as many as fit the traffic]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=10_000))]
    pub people: Option<u32>,
    /// Attacks to plant: each kind in turn, over and over
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(..=10_000))]
    pub attacks: u32,
    /// Same seed, same archive
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// First day
    #[arg(long, value_name = "DAY", default_value = "2024-03-04")]
    pub start: chrono::NaiveDate,
    /// Events in one object, about
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub events_per_object: u32,
}

/// `ingest`.
#[derive(Debug, Args)]
pub struct IngestArgs {
    /// Which archives.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Days of delivery.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Into which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
    /// Bounds on objects.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// How addresses are placed.
#[derive(Debug, Clone, Default, Args)]
pub struct GeoArgs {
    /// MaxMind-format database to place addresses with, before the one that comes with the program
    #[arg(long = "geoip-db", value_name = "FILE")]
    pub geoip: Vec<PathBuf>,
}

/// What to detect with.
#[derive(Debug, Default, Args)]
pub struct DetectArgs {
    /// Only these detectors
    #[arg(long = "detector", value_name = "ID")]
    pub detectors: Vec<String>,
    /// A parameter of a detector, such as impossible_travel.speed_kmh=1200
    #[arg(long = "set", value_name = "ID.NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Folder of detectors of your own, beside the ones that come with the program
    #[arg(long = "detectors", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Where addresses are.
    #[command(flatten)]
    pub geo: GeoArgs,
}

/// What to hunt with and where the report goes.
#[derive(Debug, Args)]
pub struct HuntSettings {
    /// With which detectors.
    #[command(flatten)]
    pub detect: DetectArgs,
    /// Findings that are accepted until a day, as TOML; see the README
    #[arg(long, value_name = "FILE", env = "TRAILHUNT_SUPPRESSIONS")]
    pub suppressions: Option<PathBuf>,
    /// Write the report; the name's end chooses the form: .json .html .md .csv .sarif .ocsf.ndjson. Once for each
    #[arg(long = "report", value_name = "FILE")]
    pub reports: Vec<Output>,
    /// Report of the run before, as JSON, or "none": what is new, what goes on, what is resolved [default: the lake's
    /// last run with most of these detectors]
    #[arg(long, value_name = "REPORT")]
    pub baseline: Option<PathBuf>,
    /// Print nothing but one line of JSON: the run in numbers
    #[arg(long)]
    pub quiet: bool,
    /// Command for the shell that gets the same JSON on its standard input
    #[arg(long, value_name = "COMMAND")]
    pub notify_command: Option<String>,
    /// Exit with 1 when there is a finding at or above this severity
    #[arg(long, value_name = "SEVERITY", value_parser = severities())]
    pub fail_on: Option<crate::detect::Severity>,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// `hunt`.
#[derive(Debug, Args)]
pub struct HuntArgs {
    /// Which part of history to judge.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// With what.
    #[command(flatten)]
    pub hunt: HuntSettings,
    /// In which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
}

/// `backtest`.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// Which part of history to judge.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// With what.
    #[command(flatten)]
    pub detect: DetectArgs,
    /// Alerts a day and detector that are wanted: the score that would leave so many is told
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = alerts)]
    pub alerts_per_day: f64,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = BacktestFormat::Table)]
    pub format: BacktestFormat,
    /// In which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// Form in which a backtest answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BacktestFormat {
    /// Lines and columns for a person
    Table,
    /// One object
    Json,
}

/// A number of alerts, also a part of one.
fn alerts(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "not a number above 0, such as 0.5".into())
}

/// `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which archives.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which days to read and judge; objects delivered on the day after are read too, for the last hour's events.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// With what.
    #[command(flatten)]
    pub hunt: HuntSettings,
    /// Into which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Bounds on objects.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// `baseline ...`.
#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// What identities took up between two days: new places, services, APIs, clients, and how much they do
    Diff(BaselineDiffArgs),
}

/// `baseline diff`.
#[derive(Debug, Args)]
pub struct BaselineDiffArgs {
    /// What is normal at the end of this day
    #[arg(value_name = "DAY")]
    pub before: chrono::NaiveDate,
    /// against the end of this later one
    #[arg(value_name = "DAY")]
    pub after: chrono::NaiveDate,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = LakeFormat::Text)]
    pub format: LakeFormat,
    /// Of which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Of which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub last: usize,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = LakeFormat::Text)]
    pub format: LakeFormat,
}

/// `evidence`.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// Id of the run, as `trailhunt runs` lists it, or "last"
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Where to write the bundle
    #[arg(long, value_name = "FILE.tar.gz")]
    pub out: PathBuf,
    /// Folder of detectors of your own that the run had
    #[arg(long = "detectors", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// In which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A report in any form, or a bundle of `trailhunt evidence`
    #[arg(value_name = "REPORT|BUNDLE")]
    pub target: Option<PathBuf>,
    /// Hash of a record, written down elsewhere: that the end of the chain is still there
    #[arg(long, value_name = "SHA256")]
    pub last_sha256: Option<String>,
    /// A finding of a recorded run: its detector is asked again, at the version of the lake the run saw
    #[arg(long, value_name = "FINDING")]
    pub again: Option<String>,
    /// Folder of detectors of your own that the run had
    #[arg(long = "detectors", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Where addresses are.
    #[command(flatten)]
    pub geo: GeoArgs,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
    /// Against which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
}

/// `query`.
#[derive(Debug, Args)]
#[command(after_help = QUERY_HELP)]
pub struct QueryArgs {
    /// SQL over the lake's tables, or the name of a saved question; see `trailhunt queries`
    #[arg(value_name = "SQL|NAME", allow_hyphen_values = true, required_unless_present_any = ["describe", "file", "finding"])]
    pub sql: Option<String>,
    /// File of SQL, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "sql")]
    pub file: Option<PathBuf>,
    /// What $NAME stands for
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// What $from and $to stand for.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Finding, by its id, that says $entity, $begin and $end; without SQL it asks `around`
    #[arg(long, value_name = "ID", requires = "report")]
    pub finding: Option<String>,
    /// Report that has the finding
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// List the columns of a table or view with their meaning instead
    #[arg(long, value_name = "TABLE", conflicts_with = "sql")]
    pub describe: Option<String>,
    /// Say what is read and how, instead of the answer
    #[arg(long, conflicts_with = "describe")]
    pub explain: bool,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write the answer to a file
    #[arg(long, value_name = "FILE", required_if_eq("format", "parquet"))]
    pub out: Option<PathBuf>,
    /// Where addresses are.
    #[command(flatten)]
    pub geo: GeoArgs,
    /// Of which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// What `query --help` says below the options.
const QUERY_HELP: &str = "\
It only reads: what writes, reads files, or would be ignored is refused with its place. In CSV a text that a spreadsheet \
would take for a formula begins with '; a table shows control characters as \u{fffd}; JSON and Parquet keep values exact.

  trailhunt query key_timeline --param key=AKIAIOSFODNN7EXAMPLE --lake LAKE
  trailhunt query --finding 3f2a91c07d5e6b18 --report report.json --lake LAKE
  trailhunt query 'SELECT actor, count(*) FROM calls GROUP BY actor' --format csv --lake LAKE";

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines and columns for a person
    Table,
    /// Comma-separated, with a header
    Csv,
    /// One array of objects
    Json,
    /// One object a line
    Ndjson,
    /// A Parquet file
    Parquet,
}

/// `queries`.
#[derive(Debug, Args)]
pub struct QueriesArgs {
    /// Show this one, with its SQL
    pub name: Option<String>,
}

/// `entity`.
#[derive(Debug, Args)]
pub struct EntityArgs {
    /// ARN of an identity or session, access key id, or address
    #[arg(value_name = "ARN|KEY|IP")]
    pub entity: String,
    /// Which part of history.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Report whose findings about it to tell
    #[arg(long, value_name = "FILE", conflicts_with = "hunt")]
    pub report: Option<PathBuf>,
    /// Hunt that part of history, to tell the findings about it
    #[arg(long)]
    pub hunt: bool,
    /// With what to hunt.
    #[command(flatten)]
    pub detect: DetectArgs,
    /// In which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// `shell`.
#[derive(Debug, Args)]
pub struct ShellArgs {
    /// Where addresses are.
    #[command(flatten)]
    pub geo: GeoArgs,
    /// Of which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// `config ...`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every setting, its value, and where that comes from
    Show,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page a command to this folder, instead of the first page to standard output
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Every command with its options, as data.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// `detectors`.
#[derive(Debug, Args)]
pub struct DetectorsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: DetectorsCommand,
    /// Folder of detectors of your own, beside the ones that come with the program
    #[arg(long = "detectors", value_name = "DIR", global = true)]
    pub folders: Vec<PathBuf>,
}

/// `detectors ...`.
#[derive(Debug, Subcommand)]
pub enum DetectorsCommand {
    /// One line each: severity, id, title, ATT&CK
    List(ListArgs),
    /// Everything about one, with its SQL
    Show {
        /// File stem, as `detectors list` prints it
        id: String,
    },
    /// Write a detector to begin with, and a fixture it fails on, to the folder --detectors names
    New {
        /// File stem: lower-case letters, digits and _
        id: String,
    },
    /// Say what is wrong with detectors before anything runs: file, line, column, next step
    Check {
        /// Detectors' files or folders [default: those of --detectors, else those that come with the program]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Run detectors on their fixtures: hits have to be found, misses must not
    Test {
        /// Which ones [default: those of --detectors, else those that come with the program]
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Say what one reads and what that costs on a lake
    Explain(ExplainArgs),
}

/// The names of severities, with completion and a list of possible values in the help.
fn severities() -> impl clap::builder::TypedValueParser<Value = crate::detect::Severity> {
    use clap::builder::TypedValueParser;
    let names =
        clap::builder::PossibleValuesParser::new(crate::detect::Severity::ALL.map(crate::detect::Severity::name));
    names.try_map(|name| name.parse::<crate::detect::Severity>())
}

/// `detectors list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those of this severity or above
    #[arg(long, value_name = "SEVERITY", value_parser = severities())]
    pub severity: Option<crate::detect::Severity>,
    /// Only those that serve an ATT&CK tactic, such as credential-access
    #[arg(long, value_name = "TACTIC")]
    pub tactic: Option<String>,
    /// Only those that read a table or view, such as daily_address, or look for a service, such as s3.amazonaws.com
    #[arg(long, value_name = "SOURCE")]
    pub reads: Option<String>,
}

/// `detectors explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// File stem, as `detectors list` prints it
    pub id: String,
    /// Print the engine's plan too
    #[arg(long)]
    pub plan: bool,
    /// Which part of history to judge.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// A parameter, such as impossible_travel.speed_kmh=1200
    #[arg(long = "set", value_name = "ID.NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Where addresses are.
    #[command(flatten)]
    pub geo: GeoArgs,
    /// On which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// `lake ...`.
#[derive(Debug, Subcommand)]
pub enum LakeCommand {
    /// What a lake holds: events, objects, duplicates, rejects, accounts and regions, gaps
    Status(StatusArgs),
    /// What could not be read, one line each: object, offset, reason
    Rejects(LakeArgs),
    /// Join each day's small files into few sorted ones; the events stay the same
    Compact(CompactArgs),
    /// Delete files that the lake no longer names
    Vacuum(VacuumArgs),
    /// Verify that an archive's logs are the ones CloudTrail delivered: all of them, unaltered, and no others
    #[command(after_help = VERIFY_DIGESTS_HELP)]
    VerifyDigests(VerifyDigestsArgs),
}

/// `lake compact`.
#[derive(Debug, Args)]
pub struct CompactArgs {
    /// Of which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Within what memory.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// `lake status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Of which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = LakeFormat::Text)]
    pub format: LakeFormat,
}

/// `lake vacuum`.
#[derive(Debug, Args)]
pub struct VacuumArgs {
    /// Of which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Keep files younger than this many hours: readers of older versions and ingests under way may need them
    #[arg(long, value_name = "HOURS", default_value_t = 168)]
    pub retain_hours: u32,
}

/// What `lake verify-digests --help` says below the options.
const VERIFY_DIGESTS_HELP: &str = "\
Digests are read on the days asked for and on the day after, because the digest of an hour is written after it. \
SOURCE holds CloudTrail-Digest beside CloudTrail; it may be a copy, also one without folders.

The keys of one region, for the days to verify:
  aws cloudtrail list-public-keys --region us-east-1 --start-time 2024-01-01 --end-time 2024-02-01 > keys.json

A digest's signature is metadata of its S3 object, which a copy on a disk loses. There it is taken from the digest after \
it, and for the last one from a file beside it:
  aws s3api head-object --bucket BUCKET --key KEY > DIGEST.json.gz.metadata.json

Exit codes: 0 everything is verified; 2 something is not, or could not be read.";

/// `lake verify-digests`.
#[derive(Debug, Args)]
pub struct VerifyDigestsArgs {
    /// Archive of logs and digests: a folder or s3://bucket/prefix
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// Public keys, as `aws cloudtrail list-public-keys` prints them; once for each region
    #[arg(long = "public-keys", value_name = "FILE", required = true)]
    pub public_keys: Vec<PathBuf>,
    /// Only these accounts
    #[arg(long = "account", value_name = "ID")]
    pub accounts: Vec<String>,
    /// Only these regions
    #[arg(long = "region", value_name = "REGION")]
    pub regions: Vec<String>,
    /// Days of delivery.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = LakeFormat::Text)]
    pub format: LakeFormat,
    /// How S3 is reached.
    #[command(flatten)]
    pub s3: S3Args,
}

/// Form in which a `lake` command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LakeFormat {
    /// Lines for a person
    Text,
    /// One object
    Json,
}

/// Version, and whose data places addresses: their licence asks to be named.
fn long_version() -> &'static str {
    static TEXT: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| format!("{}\n{}", env!("CARGO_PKG_VERSION"), crate::geo::attribution()));
    &TEXT
}
