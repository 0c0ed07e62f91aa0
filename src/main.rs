//! The program: parse, resolve, run, exit code.

use std::path::Path;
use std::process::ExitCode;

use trailhunt::error::{Error, Result};
use trailhunt::resolve::Request;
use trailhunt::terminal::note;
use trailhunt::{commands, resolve, settings};

/// Threads for local files and other blocking work. With tokio's default of 512, a folder of tiny files starts hundreds,
/// each with an allocator cache of its own.
const BLOCKING_THREADS_MAX: usize = 24;

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let outcome = request().and_then(|request| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.enable_all().max_blocking_threads(BLOCKING_THREADS_MAX).build();
        let runtime = runtime.map_err(|e| Error::Usage(format!("cannot start threads: {e}")))?;
        runtime.block_on(run(request))
    });
    outcome.unwrap_or_else(|error| {
        note(error);
        ExitCode::from(2)
    })
}

/// What the command line, the environment and trailhunt.toml ask for.
fn request() -> Result<Request> {
    let (cli, settings) = settings::parse(std::env::args_os().collect())?;
    if settings.path.as_deref() == Some(Path::new(settings::FILE)) {
        note(format_args!("using settings from ./{}", settings::FILE));
    }
    resolve::request(cli.command, settings)
}

async fn run(request: Request) -> Result<ExitCode> {
    tokio::select! {
        outcome = commands::run(request) => outcome.map(ExitCode::from),
        // Without a handler, Ctrl-C would also end the process, but without a message.
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
    }
}
