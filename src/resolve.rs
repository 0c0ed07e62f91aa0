//! Turns parsed arguments and settings into the request that runs.
//!
//! Everything that can be wrong with what was typed is found here, before any work starts: times, paths, detectors,
//! parameters, suppressions, the report to compare with.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{Days, Utc};

use crate::ask::{self, Question, Questions};
use crate::cli::{self, Command};
use crate::decode::Limits;
use crate::detect::{self, Detector, Library, Sources, Suppressions, Window};
use crate::engine::{Access, Identity, WorkerSettings, Workers};
use crate::error::{Error, Result};
use crate::indicators::Indicators;
use crate::integrity::PublicKeys;
use crate::report::{Output, Previous};
use crate::request::period::midnight;
use crate::request::*;
use crate::sample::SampleSettings;
use crate::settings::Settings;
use crate::sigma::Sigma;
use crate::source::{self, Location, S3Settings, Selection, Shard};
use crate::supervisor;

/// A shorter token could be guessed: 128 bits in Base64 take 22 characters.
const TOKEN_CHARS_MIN: usize = 22;

/// A command that is ready to run.
#[derive(Debug)]
pub enum Request {
    /// `demo`: its folder, and the report if it is not in there.
    Demo(PathBuf, Option<PathBuf>),
    /// `sample`
    Sample(SampleSettings),
    /// `ingest`: into this lake, which is created if it does not exist.
    Ingest(IngestRequest, Location),
    /// `hunt`
    Hunt(HuntRequest, Announcement),
    /// `hunt --prepare`
    Prepare(PrepareRequest),
    /// `worker`
    Worker(WorkerRequest),
    /// `run`
    Run(IngestRequest, HuntRequest, Announcement),
    /// `backtest`
    Backtest(BacktestRequest),
    /// `baseline diff`
    BaselineDiff(BaselineDiffRequest),
    /// `runs`
    Runs(RunsRequest),
    /// `explain`
    Explain(ExplanationRequest),
    /// `verdict`
    Verdict(VerdictRequest),
    /// `evidence`
    Evidence(EvidenceRequest),
    /// `verify`
    Verify(VerifyRequest),
    /// `query`
    Query(QueryRequest),
    /// `queries`: all, or one by name.
    Queries(Option<String>),
    /// `timeline`
    Timeline(TimelineRequest),
    /// `entity`
    Entity(EntityRequest),
    /// `indicators`
    Indicators(IndicatorsRequest),
    /// `shell`
    Shell(LakeRequest),
    /// `mcp`
    Mcp(McpRequest),
    /// `detectors ...`
    Detectors(DetectorsRequest),
    /// `lake status`
    LakeStatus(LakeRequest, TextFormat),
    /// `lake rejects`
    LakeRejects(LakeRequest),
    /// `lake compact`: the lake and the memory limit in bytes.
    LakeCompact(Location, usize),
    /// `lake vacuum`: the lake and the hours to keep.
    LakeVacuum(Location, u32),
    /// `lake verify-digests`
    VerifyDigests(VerifyDigestsRequest),
    /// `config show`
    ConfigShow(Settings),
    /// `completions`: the shell and the names to complete.
    Completions(clap_complete::Shell, cli::Names),
    /// `man`: all pages to this folder.
    Manual(PathBuf),
    /// `man`: the page of a command, by its name in parts.
    ManualPage(Vec<String>),
}

/// `detectors ...`.
#[derive(Debug)]
pub enum DetectorsRequest {
    /// `detectors list`
    List(Library, DetectorFilter),
    /// `detectors show`: the library and an id.
    Show(Library, String),
    /// `detectors new`: id and folder.
    New(String, PathBuf),
    /// `detectors check`: files and folders, the shipped detectors when empty; `None` when only Sigma rules are checked.
    Check(Option<Vec<PathBuf>>, Sigma),
    /// `detectors import`: the rules and the folder of the detectors.
    Import(Sigma, PathBuf),
    /// `detectors export`: the library and an id.
    Export(Library, String),
    /// `detectors test`: the library and the ids to test.
    Test(Library, Vec<String>),
    /// `detectors explain`
    Explain(Box<ExplainRequest>),
}

impl Request {
    /// When the command is ended: for SQL that a user or a program types.
    pub fn limits(&self) -> supervisor::Limits {
        match self {
            Request::Query(query) => {
                supervisor::Limits { time: query.time_limit, memory_bytes: Some(query.lake.memory_bytes) }
            }
            Request::Mcp(McpRequest { call: Some(_), lake, time_limit, .. }) => {
                supervisor::Limits { time: Some(*time_limit), memory_bytes: Some(lake.memory_bytes) }
            }
            Request::Shell(lake) => supervisor::Limits { time: None, memory_bytes: Some(lake.memory_bytes) },
            _ => supervisor::Limits::default(),
        }
    }
}

/// The request of a command line. `settings` gives the parameters of trailhunt.toml; its other values are already the
/// defaults of the options.
///
/// # Errors
/// [`Error::Usage`] and [`Error::File`] with what is wrong.
pub fn request(command: Command, settings: Settings) -> Result<Request> {
    Ok(match command {
        Command::Demo(args) => Request::Demo(args.dir, args.report),
        Command::Sample(args) => Request::Sample(sample(args)),
        Command::Ingest(args) => {
            let (from, to) = whole_days(&args.period)?.days();
            let selection = selection(&args.source.accounts, &args.source.regions, from, to)?;
            let selection = Selection { shard: shard(args.shard.as_deref())?, ..selection };
            let lake = location(&args.lake)?;
            Request::Ingest(ingest(&args.source, selection, &lake, &args.lake.s3, &args.memory, &args.limits)?, lake)
        }
        Command::Hunt(args) if args.prepare => {
            Request::Prepare(PrepareRequest { lake: lake(args.sql)?, shard: shard(args.shard.as_deref())? })
        }
        Command::Hunt(args) => {
            let (hunt, announcement) = hunt(args.hunt, &args.period, args.sql, &settings)?;
            Request::Hunt(hunt, announcement)
        }
        Command::Run(args) => {
            // Objects are delivered minutes after their events: those of the last hour are in the next day's folder.
            let (from, to) = whole_days(&args.period)?.days();
            let to = to.and_then(|day| day.checked_add_days(Days::new(1)));
            let selection = selection(&args.source.accounts, &args.source.regions, from, to)?;
            let lake = location(&args.sql.lake)?;
            let ingest = ingest(&args.source, selection, &lake, &args.sql.lake.s3, &args.sql.memory, &args.limits)?;
            let (hunt, announcement) = hunt(args.hunt, &args.period, args.sql, &settings)?;
            Request::Run(ingest, hunt, announcement)
        }
        Command::Worker(args) => Request::Worker(worker(args)?),
        Command::Backtest(args) => {
            let detection = detection(&args.detect, &settings)?;
            Request::Backtest(BacktestRequest {
                lake: lake(args.sql)?,
                period: whole_days(&args.period)?,
                suppressions: suppressions(args.suppressions.as_deref(), &detection)?,
                detection,
                alerts_per_day: args.alerts_per_day,
                format: args.format,
            })
        }
        Command::Baseline(cli::BaselineCommand::Diff(args)) => Request::BaselineDiff(BaselineDiffRequest {
            window: between(args.before, args.after)?,
            format: args.format,
            lake: lake(args.sql)?,
        }),
        Command::Runs(args) => {
            Request::Runs(RunsRequest { lake: location(&args.lake)?, last: args.last, format: args.format })
        }
        Command::Explain(args) => Request::Explain(ExplanationRequest {
            lake: location(&args.lake)?,
            report: args.report.as_deref().map(Previous::read).transpose()?.map(Box::new),
            library: sources(&args.dirs).library()?,
            finding: args.finding,
            format: args.format,
        }),
        Command::Verdict(args) => Request::Verdict(VerdictRequest {
            lake: location(&args.lake)?,
            format: args.format,
            given: given_verdict(args)?,
        }),
        Command::Evidence(args) => Request::Evidence(EvidenceRequest {
            lake: lake(args.sql)?,
            run: args.run,
            library: library(&args.dirs.folders, &args.dirs.sigma)?,
            out: file_to_write(args.out)?,
        }),
        Command::Verify(args) => Request::Verify(VerifyRequest {
            lake: lake(args.sql)?,
            target: args.target,
            last_sha256: args.last_sha256,
            finding: args.again,
            sample_percent: args.sample,
            library: library(&args.dirs.folders, &args.dirs.sigma)?,
        }),
        Command::Query(args) => Request::Query(query(args)?),
        Command::Queries(args) => Request::Queries(args.name),
        Command::Timeline(args) => Request::Timeline(TimelineRequest {
            entity: args.entity,
            period: Period::parse(args.from.as_deref(), args.to.as_deref(), Utc::now())?,
            rows_max: args.rows,
            report: args.report.as_deref().map(Previous::read).transpose()?.map(Box::new),
            format: args.format,
            lake: lake(args.sql)?,
        }),
        Command::Entity(args) => Request::Entity(EntityRequest {
            shown: match &args {
                cli::EntityArgs { policy: true, .. } => EntityAnswer::Policy,
                cli::EntityArgs { compare: Some(path), .. } => EntityAnswer::Unused(ask::GrantedPolicy::read(path)?),
                cli::EntityArgs { report: Some(report), .. } => {
                    EntityAnswer::Page(FindingsFrom::Report(ask::findings(report)?))
                }
                cli::EntityArgs { hunt: true, .. } => {
                    EntityAnswer::Page(FindingsFrom::Hunt(detection(&args.detect, &settings)?))
                }
                _ => EntityAnswer::Page(FindingsFrom::LastRun),
            },
            format: args.format,
            period: period(&args.period)?,
            entity: args.entity,
            lake: lake(args.sql)?,
        }),
        Command::Indicators(args) => Request::Indicators(IndicatorsRequest {
            indicators: Indicators::read(&args.indicators)?,
            period: period(&args.period)?,
            format: args.format,
            lake: lake(args.sql)?,
        }),
        Command::Shell(args) => Request::Shell(lake(args.sql)?),
        Command::Mcp(args) => Request::Mcp(mcp(args, &settings)?),
        Command::Detectors(args) => Request::Detectors(detectors(args, &settings)?),
        Command::Lake(command) => lake_command(command)?,
        Command::Config(cli::ConfigCommand::Show) => Request::ConfigShow(settings),
        Command::Completions(args) => {
            let names = cli::Names {
                detectors: Library::load(&[])?.iter().map(|detector| detector.id.clone()).collect(),
                questions: Questions::load()?.iter().map(|question| question.name.clone()).collect(),
            };
            Request::Completions(args.shell, names)
        }
        Command::Man(args) => args.out.map_or(Request::ManualPage(args.command), Request::Manual),
    })
}

fn lake_command(command: cli::LakeCommand) -> Result<Request> {
    Ok(match command {
        cli::LakeCommand::Status(args) => Request::LakeStatus(lake(args.sql)?, args.format),
        cli::LakeCommand::Rejects(args) => Request::LakeRejects(lake(args.sql)?),
        cli::LakeCommand::Compact(args) => Request::LakeCompact(location(&args.lake)?, args.memory.memory_limit),
        cli::LakeCommand::Vacuum(args) => Request::LakeVacuum(location(&args.lake)?, args.retain_hours),
        cli::LakeCommand::VerifyDigests(args) => {
            let (from, to) = whole_days(&args.period)?.days();
            let mut keys = PublicKeys::default();
            for path in &args.public_keys {
                keys.add(&read(path)?, &path.display().to_string())?;
            }
            Request::VerifyDigests(VerifyDigestsRequest {
                source: Location::parse(&args.source, &s3(&args.s3))?,
                selection: selection(&args.accounts, &args.regions, from, to)?,
                keys,
                format: args.format,
            })
        }
    })
}

fn detectors(args: cli::DetectorsArgs, settings: &Settings) -> Result<DetectorsRequest> {
    let folders = args.folders;
    Ok(match args.command {
        cli::DetectorsCommand::List(list) => DetectorsRequest::List(
            library(&folders, &list.sigma)?,
            DetectorFilter { severity: list.severity, tactic: list.tactic, reads: list.reads },
        ),
        cli::DetectorsCommand::Show { id, sigma } => DetectorsRequest::Show(library(&folders, &sigma)?, id),
        cli::DetectorsCommand::New { id } => {
            DetectorsRequest::New(id, folders.into_iter().next().unwrap_or_else(|| ".".into()))
        }
        cli::DetectorsCommand::Check { paths, sigma: rules } => {
            let paths = if paths.is_empty() { folders } else { paths };
            let only_sigma = paths.is_empty() && !rules.sigma.is_empty();
            DetectorsRequest::Check((!only_sigma).then_some(paths), sigma(&rules)?)
        }
        cli::DetectorsCommand::Import { rules, sigma_pipelines } => DetectorsRequest::Import(
            Sigma::load(&rules, &sigma_pipelines)?,
            folders.into_iter().next().unwrap_or_else(|| ".".into()),
        ),
        cli::DetectorsCommand::Export { id, sigma: _ } => DetectorsRequest::Export(Library::load(&folders)?, id),
        cli::DetectorsCommand::Test { ids } => {
            let library = Library::load(&folders)?;
            // Without ids: the folders' detectors, or the shipped ones when no folder is named.
            let is_tested = |detector: &&Detector| folders.is_empty() || detector.path.is_some();
            let tested: Vec<_> = library.iter().filter(is_tested).map(|detector| detector.id.clone()).collect();
            let ids = if ids.is_empty() { tested } else { ids };
            DetectorsRequest::Test(library, ids)
        }
        cli::DetectorsCommand::Explain(explain) => {
            let library = library(&folders, &explain.sigma)?;
            library.get(&explain.id)?;
            let parameters = parameters(&explain.parameters, &library, settings)?;
            DetectorsRequest::Explain(Box::new(ExplainRequest {
                detection: Detection { library, ids: vec![explain.id.clone()], settings: parameters },
                id: explain.id,
                period: whole_days(&explain.period)?,
                plan: explain.plan,
                lake: lake(explain.sql)?,
            }))
        }
    })
}

fn sample(args: cli::SampleArgs) -> SampleSettings {
    let organisation = match args.environment {
        Some(seed) => SampleSettings::draw(seed, args.people_max, args.events_per_day_max),
        None => SampleSettings {
            accounts: args.accounts,
            events_per_day: args.events_per_day,
            people: args.people,
            seed: args.seed,
            ..SampleSettings::default()
        },
    };
    SampleSettings {
        out: args.out,
        days: args.days,
        attacks: args.attacks,
        start: args.start,
        events_per_object: args.events_per_object,
        ..organisation
    }
}

fn ingest(
    source: &cli::SourceArgs,
    selection: Selection,
    lake: &Location,
    s3_args: &cli::S3Args,
    memory: &cli::MemoryArgs,
    limits: &cli::LimitArgs,
) -> Result<IngestRequest> {
    let s3 = s3(s3_args);
    let limits = Limits {
        object_bytes_max: limits.object_size_max,
        ratio_max: limits.inflation_max as usize,
        record_bytes_max: limits.record_size_max,
        ..Limits::default()
    };
    Ok(IngestRequest {
        sources: source
            .sources
            .iter()
            .map(|text| Ok(Location::source(text, &s3)?.without(lake)))
            .collect::<Result<Vec<_>>>()?,
        selection,
        bounds: Bounds { memory_bytes: memory.memory_limit, limits },
    })
}

fn selection(
    accounts: &[String],
    regions: &[String],
    from: Option<chrono::NaiveDate>,
    to: Option<chrono::NaiveDate>,
) -> Result<Selection> {
    if let Some(account) = accounts.iter().find(|account| !source::is_account(account)) {
        let next = "expected 12 digits; repeat --account for several";
        return Err(Error::Usage(format!("invalid account `{account}`: {next}")));
    }
    if let Some(region) = regions.iter().find(|region| !source::is_region(region)) {
        let next = "expected a name such as eu-west-1; repeat --region for several";
        return Err(Error::Usage(format!("invalid region `{region}`: {next}")));
    }
    Ok(Selection { from, to, accounts: accounts.to_vec(), regions: regions.to_vec(), ..Selection::default() })
}

fn hunt(
    options: cli::HuntOptions,
    asked: &cli::PeriodArgs,
    sql: cli::SqlArgs,
    settings: &Settings,
) -> Result<(HuntRequest, Announcement)> {
    let compare_with = match options.baseline.as_deref() {
        Some(path) if path == Path::new("none") => CompareWith::Nothing,
        Some(path) => CompareWith::Report(Box::new(Previous::read(path)?)),
        None => CompareWith::LastRun,
    };
    let reports = options.reports.into_iter().map(|output| {
        let path = file_to_write(output.path)?;
        Ok(Output { path, ..output })
    });
    let detection = detection(&options.detect, settings)?;
    let suppressions = suppressions(options.suppressions.as_deref(), &detection)?;
    let hunt = HuntRequest {
        lake: lake(sql)?,
        period: whole_days(asked)?,
        detection,
        suppressions,
        compare_with,
        indicators: match options.indicators.as_slice() {
            [] => None,
            files => Some(Indicators::read(files)?),
        },
        alerts_per_day: options.alerts_per_day,
        reports: reports.collect::<Result<Vec<_>>>()?,
    };
    let time_limit = Duration::from_secs(options.notify_timeout);
    let announcement = Announcement {
        quiet: options.quiet,
        notify: options.notify_command.map(|command| Notify { command, time_limit }),
        fail_on: options.fail_on,
        allow_empty: options.allow_empty,
    };
    Ok((hunt, announcement))
}

fn given_verdict(args: cli::VerdictArgs) -> Result<Option<GivenVerdict>> {
    let (Some(finding), Some(verdict)) = (args.finding, args.verdict) else { return Ok(None) };
    let users = ["USER", "LOGNAME", "USERNAME"].iter().filter_map(|name| std::env::var(name).ok());
    let by = args.by.into_iter().chain(users).find(|name| !name.trim().is_empty());
    Ok(Some(GivenVerdict {
        finding,
        verdict,
        note: args.note.filter(|note| !note.trim().is_empty()),
        by: by.ok_or_else(|| Error::Usage("no user name in the environment; name yourself with --by".into()))?,
        report: args.report.as_deref().map(Previous::read).transpose()?.map(Box::new),
    }))
}

fn query(args: cli::QueryArgs) -> Result<QueryRequest> {
    let time_limit = (args.timeout > 0).then(|| Duration::from_secs(args.timeout));
    let sigma = sigma(&args.sigma)?;
    if let Some(table) = args.describe {
        return Ok(QueryRequest {
            lake: lake(args.sql_args)?,
            action: QueryAction::Describe(table),
            sigma,
            time_limit,
        });
    }
    let question = question(&args)?;
    let pair = |text: &String| {
        let pair = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        pair.ok_or_else(|| Error::Usage(format!("--param {text}: expected NAME=VALUE")))
    };
    let values = args.params.iter().map(pair).collect::<Result<Vec<_>>>()?;
    let findings = args.report.as_deref().map(ask::findings).transpose()?;
    let finding = args.finding.map(|id| (id.to_lowercase(), findings));
    let asked = Asked { question, values, finding, period: period(&args.period)? };
    let action = match (args.explain, args.out) {
        (true, _) => QueryAction::Explain(asked),
        (false, Some(path)) => {
            let format = format_of_file(&path, args.format)?;
            QueryAction::Write(asked, format, file_to_write(path)?)
        }
        (false, None) => QueryAction::Print(asked, args.format.unwrap_or(AnswerFormat::Table)),
    };
    Ok(QueryRequest { lake: lake(args.sql_args)?, action, sigma, time_limit })
}

/// The extension of a file selects the format, unless `--format` does. Both together must agree.
fn format_of_file(path: &Path, typed: Option<AnswerFormat>) -> Result<AnswerFormat> {
    match (AnswerFormat::of_file(path), typed) {
        (Some(of_file), Some(typed)) if of_file != typed => {
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            Err(Error::Usage(format!(
                "{}: .{extension} is another format than --format; omit --format",
                path.display()
            )))
        }
        (of_file, typed) => Ok(typed.or(of_file).unwrap_or(AnswerFormat::Table)),
    }
}

/// SQL, a file, or a saved question by its name.
fn question(args: &cli::QueryArgs) -> Result<Question> {
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    match (&args.sql, &args.file) {
        (Some(name), _) if is_name(name) => Questions::load()?.get(name).cloned(),
        (Some(sql), _) => Question::parse("query", sql),
        (None, Some(path)) if path.as_os_str() == "-" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|source| Error::File { path: path.clone(), source })?;
            Question::parse("standard input", &text)
        }
        (None, Some(path)) => Question::parse(&path.display().to_string(), &read(path)?),
        (None, None) if args.finding.is_some() => Questions::load()?.get("around").cloned(),
        (None, None) => Question::parse("query", ""),
    }
}

/// The entries of a file, which may only name detectors that exist.
fn suppressions(path: Option<&Path>, detection: &Detection) -> Result<Suppressions> {
    let suppressions = path.map(Suppressions::read).transpose()?.unwrap_or_default();
    for id in suppressions.detectors() {
        detection.library.get(id).map_err(|e| Error::Usage(format!("suppressions: {e}")))?;
    }
    Ok(suppressions)
}

/// Detectors of which every file is valid, and Sigma rules.
fn library(folders: &[PathBuf], rules: &cli::SigmaArgs) -> Result<Library> {
    let mut library = Library::load(folders)?;
    library.add_sigma(sigma(rules)?)?;
    Ok(library)
}

fn sources(dirs: &cli::DetectorDirArgs) -> Sources {
    let cli::SigmaArgs { sigma, sigma_pipelines } = dirs.sigma.clone();
    Sources { folders: dirs.folders.clone(), sigma, sigma_pipelines }
}

fn sigma(args: &cli::SigmaArgs) -> Result<Sigma> {
    Sigma::load(&args.sigma, &args.sigma_pipelines)
}

fn detection(args: &cli::DetectArgs, settings: &Settings) -> Result<Detection> {
    let library = sources(&args.dirs).library()?;
    library.select(&args.detectors)?;
    let settings = parameters(&args.parameters, &library, settings)?;
    Ok(Detection { ids: args.detectors.clone(), settings, library })
}

/// Parameters of trailhunt.toml and of `--set DETECTOR.NAME=VALUE`, which overrides them, checked against the detectors.
fn parameters(typed: &[String], library: &Library, settings: &Settings) -> Result<detect::Settings> {
    let set = typed_parameters(typed, settings)?;
    for (id, values) in &set.parameters {
        // A hunt reports these files, so they do not stop it.
        if !library.unreadable.iter().any(|file| file.id == *id) {
            library.get(id)?.parameters(values)?;
        }
    }
    Ok(set)
}

/// As [`parameters`], not checked.
fn typed_parameters(typed: &[String], settings: &Settings) -> Result<detect::Settings> {
    let mut parameters: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for text in settings.parameters.iter().map(|(text, _)| text).chain(typed) {
        let parts = text.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
        let Some(((id, name), value)) = parts else {
            return Err(Error::Usage(format!("--set {text}: expected DETECTOR.NAME=VALUE")));
        };
        parameters.entry(id.into()).or_default().insert(name.into(), value.into());
    }
    Ok(detect::Settings { parameters })
}

fn lake(args: cli::SqlArgs) -> Result<LakeRequest> {
    for path in &args.geoip {
        std::fs::metadata(path).map_err(|source| Error::File { path: path.clone(), source })?;
    }
    Ok(LakeRequest {
        location: location(&args.lake)?,
        geoip_databases: args.geoip,
        memory_bytes: args.memory.memory_limit,
        workers: workers(args.cluster)?,
    })
}

fn workers(args: cli::ClusterArgs) -> Result<Option<Workers>> {
    if args.workers.is_empty() {
        return Ok(None);
    }
    let access = access(args.access)?;
    Ok(Some(Workers { addresses: args.workers, access, task_bytes: args.task_size }))
}

fn access(args: cli::AccessArgs) -> Result<Access> {
    let token = args.cluster_token_file.as_deref().map(token);
    let authority = args.cluster_ca.map(|path| pem(path, "CERTIFICATE")).transpose()?;
    Ok(Access { authority, name: args.cluster_name, token: token.transpose()? })
}

/// The token in a file.
fn token(path: &Path) -> Result<String> {
    let token = read(path)?.trim().to_owned();
    match token.len() {
        TOKEN_CHARS_MIN.. if token.chars().all(|c| c.is_ascii_graphic()) => Ok(token),
        _ => Err(Error::Usage(format!(
            "{}: expected a token of at least {TOKEN_CHARS_MIN} letters, digits and signs on one line",
            path.display()
        ))),
    }
}

fn mcp(args: cli::McpArgs, settings: &Settings) -> Result<McpRequest> {
    let transport = match (args.listen, args.token_file) {
        // The server has read the token; a pipe cannot be read again.
        _ if args.call.is_some() => Transport::Stdio,
        (Some(listen), Some(path)) if listen.ip().is_loopback() => Transport::Http { listen, token: token(&path)? },
        (Some(listen), _) => {
            let next = "give an address of this machine, such as 127.0.0.1:7412";
            return Err(Error::Usage(format!("--listen {listen} would be reachable from other machines; {next}")));
        }
        _ => Transport::Stdio,
    };
    let (detectors, set) = (sources(&args.dirs), typed_parameters(&[], settings)?);
    if args.call.is_none() {
        parameters(&[], &detectors.library()?, settings)?;
    }
    Ok(McpRequest {
        lake: lake(args.sql)?,
        detectors,
        settings: set,
        transport,
        time_limit: Duration::from_secs(args.timeout),
        call: args.call,
    })
}

fn worker(args: cli::WorkerArgs) -> Result<WorkerRequest> {
    let identity = match (args.cert, args.key) {
        (Some(certificate), Some(key)) => {
            Some(Identity { certificate: pem(certificate, "CERTIFICATE")?, key: pem(key, "PRIVATE KEY")? })
        }
        _ => None,
    };
    let settings = WorkerSettings {
        listen: args.listen,
        identity,
        access: access(args.access)?,
        s3: s3(&args.s3),
        memory_bytes: args.memory.memory_limit,
    };
    Ok(WorkerRequest { settings, geoip_databases: args.geoip })
}

/// A file in PEM with a section of this kind.
fn pem(path: PathBuf, kind: &str) -> Result<Vec<u8>> {
    let text = read(&path)?;
    match text.contains("-----BEGIN ") && text.contains(&format!("{kind}-----")) {
        true => Ok(text.into_bytes()),
        false => Err(Error::Usage(format!("{}: no {} in PEM", path.display(), kind.to_lowercase()))),
    }
}

fn location(args: &cli::LakeArgs) -> Result<Location> {
    Location::parse(&args.lake, &s3(&args.s3))
}

fn s3(args: &cli::S3Args) -> S3Settings {
    S3Settings { profile: args.profile.clone(), endpoint_url: args.endpoint_url.clone() }
}

fn shard(text: Option<&str>) -> Result<Option<Shard>> {
    text.map(|text| job_array::shard(text, |name| std::env::var(name).ok())).transpose()
}

fn period(args: &cli::PeriodArgs) -> Result<Period> {
    Period::parse(args.from.as_deref(), args.to.as_deref(), Utc::now())
}

fn whole_days(args: &cli::PeriodArgs) -> Result<Period> {
    period(args)?.whole_days(args.from.as_deref(), args.to.as_deref())
}

/// From the end of the earlier day to the end of the later one.
fn between(before: chrono::NaiveDate, after: chrono::NaiveDate) -> Result<Window> {
    let end_of = |day| midnight(day).checked_add_days(Days::new(1));
    let (Some(from), Some(to)) = (end_of(before), end_of(after)) else {
        return Err(Error::Usage(format!("invalid day `{after}`: dates this late are not supported")));
    };
    if from >= to {
        return Err(Error::Usage(format!("{before} is not before {after}: the earlier day comes first")));
    }
    Ok(Window { from, to })
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })
}

/// A file that will be written: its folder has to exist.
fn file_to_write(path: PathBuf) -> Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match folder.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(path),
        Ok(_) => Err(Error::Usage(format!("{}: {} is not a folder", path.display(), folder.display()))),
        Err(_) => Err(Error::Usage(format!("{}: the folder {} does not exist", path.display(), folder.display()))),
    }
}
