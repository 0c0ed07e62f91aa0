//! `trailhunt completions` and `trailhunt man`: generated from the command line's declarations.

use std::io::Write as _;
use std::path::Path;

use super::Outcome;
use crate::cli;
use crate::error::{Error, Result};
use crate::terminal::Out;

pub fn completions(shell: clap_complete::Shell, names: &cli::Names, out: &mut Out) -> Result<Outcome> {
    let mut text = Vec::new();
    let mut command = cli::completed_command(names);
    clap_complete::generate(shell, &mut command, "trailhunt", &mut text);
    out.render(|out| out.write_all(&text))?;
    if shell == clap_complete::Shell::Fish {
        fish_arguments(&command, "", out)?;
    }
    Ok(Outcome::Done)
}

/// clap_complete's script for fish completes the values of options; these lines complete those of arguments.
fn fish_arguments(command: &clap::Command, seen: &str, out: &mut Out) -> Result<()> {
    for command in command.get_subcommands() {
        let name = command.get_name();
        let seen = match seen {
            "" => format!("__fish_trailhunt_using_subcommand {name}"),
            seen => format!("{seen}; and __fish_seen_subcommand_from {name}"),
        };
        for argument in command.get_positionals() {
            let values = argument.get_possible_values();
            let values: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
            if !values.is_empty() {
                writeln!(out, "complete -c trailhunt -n \"{seen}\" -f -a \"{}\"", values.join(" "))?;
            }
        }
        fish_arguments(command, &seen, out)?;
    }
    Ok(())
}

/// One page per command.
pub fn manual(folder: &Path) -> Result<Outcome> {
    let failed = |source| Error::File { path: folder.into(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(cli::command(), folder).map_err(failed)?;
    Ok(Outcome::Done)
}

/// The page of trailhunt, or of the command of this name.
pub fn manual_page(name: &[String], out: &mut Out) -> Result<Outcome> {
    let mut all = cli::command();
    all.build();
    let mut command = &all;
    for part in name {
        command = command.find_subcommand(part).ok_or_else(|| {
            let known: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
            let known = if known.is_empty() { "it has no commands".into() } else { known.join(", ") };
            Error::Usage(format!("no command {part} of {}: {known}", command.get_bin_name().unwrap_or("trailhunt")))
        })?;
    }
    out.render(|out| clap_mangen::Man::new(command.clone()).render(out))?;
    Ok(Outcome::Done)
}
