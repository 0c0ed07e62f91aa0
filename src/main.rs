//! The program: parse, resolve, run, exit code.

use std::path::Path;
use std::process::ExitCode;

use trailhunt::error::Result;
use trailhunt::resolve::Request;
use trailhunt::supervisor::supervise;
use trailhunt::terminal::{Layout, note};
use trailhunt::{commands, resolve, settings};

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let outcome = request().and_then(|(request, layout)| {
        let limits = request.limits();
        supervise(limits, async move || commands::run(request, layout).await)
    });
    outcome.map_or_else(
        |error| {
            note(error);
            ExitCode::from(2)
        },
        ExitCode::from,
    )
}

/// What the command line, the environment and trailhunt.toml ask for, and how it is shown.
fn request() -> Result<(Request, Layout)> {
    let (cli, settings) = settings::parse(std::env::args_os().collect())?;
    if settings.path.as_deref() == Some(Path::new(settings::FILE)) {
        note(format_args!("using settings from ./{}", settings::FILE));
    }
    let layout = Layout::of_stdout(cli.full_names);
    Ok((resolve::request(cli.command, settings)?, layout))
}
