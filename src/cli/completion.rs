//! The command line as shells complete it: names where names are expected, files only where files are.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueHint};

/// The names that are completed.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Ids of detectors.
    pub detectors: Vec<String>,
    /// Saved questions.
    pub questions: Vec<String>,
}

/// Every command with its options, for the generators of completions only: other names than these are valid too.
pub fn completed_command(names: &Names) -> Command {
    completed(super::command(), names)
}

fn completed(command: Command, names: &Names) -> Command {
    let of = command.get_name().to_owned();
    let command = command.mut_args(|arg| hinted(arg, &of, names));
    command.mut_subcommands(|command| completed(command, names))
}

fn hinted(arg: Arg, command: &str, names: &Names) -> Arg {
    let known = match (command, arg.get_id().as_str()) {
        (_, "detectors") | ("show" | "test" | "explain", "id" | "ids") => &names.detectors,
        ("query", "sql") | ("queries", "name") => &names.questions,
        (_, "lake") => return arg.value_hint(ValueHint::DirPath),
        (_, "sources" | "source" | "reports") => return arg.value_hint(ValueHint::AnyPath),
        _ => {
            let takes_path = arg.get_value_hint() != ValueHint::Unknown;
            let takes_values = arg.get_action().takes_values() && arg.get_possible_values().is_empty();
            return if takes_values && !takes_path { arg.value_hint(ValueHint::Other) } else { arg };
        }
    };
    arg.value_parser(PossibleValuesParser::new(known.iter().map(|name| &*name.clone().leak()).collect::<Vec<_>>()))
}
