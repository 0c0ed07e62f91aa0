//! One file per command: what was typed, carried out. Printing happens here and nowhere below.

mod backtest;
mod baseline;
mod completions;
mod config;
mod demo;
mod detectors;
mod entity;
mod evidence;
pub mod fixture;
mod hunt;
pub mod ingest;
mod lake;
mod notify;
mod period;
mod progress;
mod query;
mod record;
mod run;
mod runs;
mod sample;
mod shell;
mod status;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::{Cli, Command, GeoArgs, LakeArgs, MemoryArgs};
use crate::engine;
use crate::error::Result;
use crate::geo::Geo;
use crate::lake::Lake;
use crate::source::Location;

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Exit code 0.
    Done,
    /// Exit code 1: findings at or above `--fail-on`.
    Found,
    /// Exit code 2: something could not be read or verified; the rest was done.
    Incomplete,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::Found => 1,
            Outcome::Incomplete => 2,
        })
    }
}

/// Carries out what was typed.
///
/// # Errors
/// When the command could not be carried out as a whole.
pub async fn run(cli: Cli) -> Result<Outcome> {
    match cli.command {
        Command::Demo(args) => demo::demo(args).await,
        Command::Sample(args) => sample::sample(args),
        Command::Ingest(args) => ingest::ingest(args).await,
        Command::Hunt(args) => hunt::hunt(args).await,
        Command::Backtest(args) => backtest::backtest(args).await,
        Command::Run(args) => run::run(args).await,
        Command::Query(args) => query::query(args).await,
        Command::Queries(args) => query::queries(&args),
        Command::Entity(args) => entity::entity(args).await,
        Command::Shell(args) => shell::shell(args).await,
        Command::Detectors(args) => detectors::detectors(args).await,
        Command::Baseline(command) => baseline::baseline(command).await,
        Command::Runs(args) => runs::runs(args).await,
        Command::Evidence(args) => evidence::evidence(args).await,
        Command::Verify(args) => verify::verify(args).await,
        Command::Lake(command) => lake::lake(command).await,
        Command::Config(command) => config::config(&command, cli.config.as_deref()),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
    }
}

/// The user's databases in front of the embedded table.
fn geo(args: &GeoArgs) -> Result<Arc<Geo>> {
    if args.geoip.is_empty() { Ok(Geo::embedded()?) } else { Ok(Arc::new(Geo::with_databases(&args.geoip)?)) }
}

impl LakeArgs {
    /// The lake that was named.
    ///
    /// # Errors
    /// When there is none.
    async fn open(&self) -> Result<Lake> {
        Lake::open(&Location::parse(&self.lake, &self.s3.settings())?).await
    }
}

impl Default for MemoryArgs {
    fn default() -> MemoryArgs {
        MemoryArgs { memory_limit: engine::MEMORY_BYTES }
    }
}
