//! The program: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use trailhunt::cli::Cli;
use trailhunt::commands;
use trailhunt::error::Error;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
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
