//! One short file per command: open what the request names, call the stage, print, and say how it ended.

mod backtest;
mod baseline;
mod completions;
mod config;
mod demo;
mod detectors;
mod entity;
mod evidence;
mod explain;
mod hunt;
mod indicators;
mod ingest;
mod lake;
mod mcp;
mod query;
mod run;
mod runs;
mod sample;
mod shell;
mod timeline;
mod verdict;
mod verify;
mod worker;

use std::process::ExitCode;

use crate::error::Result;
use crate::resolve::Request;
use crate::terminal::{Layout, Out};

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Exit code 0.
    Done,
    /// Exit code 1: findings at or above `--fail-on`.
    Found,
    /// Exit code 2: something could not be read, run or verified; the rest was done.
    Incomplete,
}

impl Outcome {
    /// [`Outcome::Done`] or [`Outcome::Incomplete`].
    fn complete(complete: bool) -> Outcome {
        if complete { Outcome::Done } else { Outcome::Incomplete }
    }
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

/// Runs a command.
///
/// # Errors
/// When the command could not be carried out as a whole.
pub async fn run(request: Request, layout: Layout) -> Result<Outcome> {
    let out = &mut Out::stdout(layout);
    match request {
        Request::Demo(dir, report) => demo::demo(&dir, report, out).await,
        Request::Sample(settings) => sample::sample(&settings, out),
        Request::Ingest(request, lake) => ingest::ingest(&request, &lake, out).await,
        Request::Hunt(request, announcement) => hunt::hunt(&request, &announcement, out).await,
        Request::Prepare(request) => hunt::prepare(&request, out).await,
        Request::Worker(request) => worker::worker(request, out).await,
        Request::Run(ingest, hunt, announcement) => run::run(&ingest, &hunt, &announcement, out).await,
        Request::Backtest(request) => backtest::backtest(&request, out).await,
        Request::BaselineDiff(request) => baseline::diff(&request, out).await,
        Request::Runs(request) => runs::runs(&request, out).await,
        Request::Explain(request) => explain::explain(request, out).await,
        Request::Verdict(request) => verdict::verdict(&request, out).await,
        Request::Evidence(request) => evidence::evidence(&request, out).await,
        Request::Verify(request) => verify::verify(&request, out).await,
        Request::Query(request) => query::query(request, out).await,
        Request::Queries(name) => query::queries(name.as_deref(), out),
        Request::Entity(request) => entity::entity(request, out).await,
        Request::Indicators(request) => indicators::indicators(&request, out).await,
        Request::Timeline(request) => timeline::timeline(request, out).await,
        Request::Shell(request) => shell::shell(&request, out).await,
        Request::Mcp(request) => mcp::mcp(request, out).await,
        Request::Detectors(request) => detectors::detectors(request, out).await,
        Request::LakeStatus(request, format) => lake::status(&request, format, out).await,
        Request::LakeRejects(request) => lake::rejects(&request, out).await,
        Request::LakeCompact(location, memory_bytes) => lake::compact(&location, memory_bytes, out).await,
        Request::LakeVacuum(location, retain_hours) => lake::vacuum(&location, retain_hours, out).await,
        Request::VerifyDigests(request) => lake::verify_digests(&request, out).await,
        Request::ConfigShow(settings) => config::show(&settings, out),
        Request::Completions(shell, names) => completions::completions(shell, &names, out),
        Request::Manual(folder) => completions::manual(&folder),
        Request::ManualPage(command) => completions::manual_page(&command, out),
    }
}
