//! `trailhunt completions` and `trailhunt man`: generated from the command line's declarations.

use std::io::Write as _;
use std::path::Path;

use super::Outcome;
use crate::cli;
use crate::error::{Error, Result};
use crate::terminal::Out;

pub fn completions(shell: clap_complete::Shell, out: &mut Out) -> Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "trailhunt", &mut text);
    out.render(|out| out.write_all(&text))?;
    Ok(Outcome::Done)
}

pub fn man(folder: Option<&Path>, out: &mut Out) -> Result<Outcome> {
    if let Some(folder) = folder {
        let failed = |source| Error::File { path: folder.into(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        clap_mangen::generate_to(cli::command(), folder).map_err(failed)?;
        return Ok(Outcome::Done);
    }
    out.render(|out| clap_mangen::Man::new(cli::command()).render(out))?;
    Ok(Outcome::Done)
}
