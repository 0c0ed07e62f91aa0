//! `trailhunt completions` and `trailhunt man`: what the command line can say of itself.

use std::io::Write;

use super::Outcome;
use super::query::written;
use crate::cli::{CompletionsArgs, ManArgs, command};
use crate::error::{Error, Result};

/// Carries out `completions`.
pub fn completions(args: &CompletionsArgs) -> Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "trailhunt", &mut text);
    written(std::io::stdout().lock().write_all(&text))?;
    Ok(Outcome::Done)
}

/// Carries out `man`.
pub fn man(args: &ManArgs) -> Result<Outcome> {
    if let Some(folder) = &args.out {
        let failed = |source| Error::File { path: folder.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        clap_mangen::generate_to(command(), folder).map_err(failed)?;
        return Ok(Outcome::Done);
    }
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(command()).render(&mut text);
    rendered.map_err(|e| Error::Internal(e.to_string()))?;
    written(std::io::stdout().lock().write_all(&text))?;
    Ok(Outcome::Done)
}
