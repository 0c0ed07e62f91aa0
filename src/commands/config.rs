//! `trailhunt config`: every setting, and where it comes from.

use std::path::Path;

use super::Outcome;
use super::query::printable;
use crate::cli::{ConfigCommand, command};
use crate::error::Result;
use crate::settings::{FILE, KEYS, Settings};

/// Carries out `config`. What is typed goes before all of it.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub fn config(args: &ConfigCommand, named: Option<&Path>) -> Result<Outcome> {
    let ConfigCommand::Show = args;
    let settings = Settings::read(named)?;
    let file = settings.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    match file.is_empty() {
        true => println!("file          none; --config, TRAILHUNT_CONFIG or {FILE} in the current folder names one"),
        false => println!("file          {file}"),
    }
    let options = options(&command());
    for (name, id, _) in KEYS {
        let option = options.iter().find(|option| option.get_id() == id);
        let variable = option.and_then(|option| option.get_env()).and_then(|name| name.to_str());
        let variable = variable.or((*id == "endpoint_url").then_some("AWS_ENDPOINT_URL"));
        let of_environment =
            variable.and_then(|name| Some((std::env::var(name).ok()?, format!("environment, {name}"))));
        let of_file = || settings.values.get(name).map(|(values, line)| (values.join(" "), format!("{file}:{line}")));
        let built_in = || {
            let values = option.map(|option| option.get_default_values()).unwrap_or_default();
            let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
            (!values.is_empty()).then(|| (values.join(" "), "built in".to_owned()))
        };
        match of_environment.or_else(of_file).or_else(built_in) {
            Some((value, from)) => println!("{name:12}  {}  ({from})", printable(&value)),
            None => println!("{name:12}  -"),
        }
    }
    for (parameter, line) in &settings.parameters {
        println!("{:12}  {}  ({file}:{line})", "parameters", printable(parameter));
    }
    Ok(Outcome::Done)
}

/// Options of a command and of those below it.
fn options(command: &clap::Command) -> Vec<clap::Arg> {
    let below = command.get_subcommands().flat_map(options);
    command.get_arguments().cloned().chain(below).collect()
}
