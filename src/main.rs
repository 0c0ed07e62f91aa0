//! The program: parse, run, exit code.

use std::path::Path;
use std::process::ExitCode;

use trailhunt::cli::Cli;
use trailhunt::error::Error;
use trailhunt::{commands, settings};

/// Threads for local files and for what blocks. tokio's default of 512 lets a folder of tiny files start hundreds, each
/// with an allocator's cache of its own.
const BLOCKING_THREADS_MAX: usize = 24;

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match settings::cli(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(error) => {
            eprintln!("trailhunt: {error}");
            return ExitCode::from(2);
        }
    };
    if cli.config.as_deref() == Some(Path::new(settings::FILE)) {
        eprintln!("trailhunt: settings of ./{}", settings::FILE);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(BLOCKING_THREADS_MAX).build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => {
            eprintln!("trailhunt: cannot start threads: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> ExitCode {
    let interrupted = async {
        // Without a handler Ctrl-C would end the process all the same, only without a word.
        let _ = tokio::signal::ctrl_c().await;
        Err(Error::Interrupted)
    };
    let outcome = tokio::select! {
        outcome = commands::run(cli) => outcome,
        interrupted = interrupted => interrupted,
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            eprintln!("trailhunt: {error}");
            ExitCode::from(2)
        }
    }
}
