//! `trailhunt.toml`: what need not be typed each time. What is typed goes before the environment, the environment before
//! the file, the file before what is built in.
//!
//! A setting becomes the default of the option it stands for, so that options are read, checked and explained in one place.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::FromArgMatches;
use toml::{Spanned, Value};

use crate::cli::{self, Cli, Command, DetectorsCommand};
use crate::detect::Severity;
use crate::engine::Place;
use crate::error::{Error, Result};

/// The file's name in the current folder; who finds it there says so, for a folder of evidence may hold one too.
pub const FILE: &str = "trailhunt.toml";

/// A setting's name, the option it stands for as `cli` calls it, and what it holds.
pub const KEYS: &[(&str, &str, Holds)] = &[
    ("lake", "lake", Holds::Place),
    ("sources", "sources", Holds::Places),
    ("detectors", "folders", Holds::Places),
    ("suppressions", "suppressions", Holds::Place),
    ("geoip_db", "geoip", Holds::Places),
    ("memory_limit", "memory_limit", Holds::Text),
    ("fail_on", "fail_on", Holds::Text),
    ("profile", "profile", Holds::Text),
    ("endpoint_url", "endpoint_url", Holds::Text),
];

/// What a setting holds. A place that is a path is seen from the file's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A text.
    Text,
    /// A path or URL.
    Place,
    /// A list of paths or URLs.
    Places,
}

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The file; none when there is none.
    pub path: Option<PathBuf>,
    /// Values and lines by name.
    pub values: BTreeMap<&'static str, (Vec<String>, u64)>,
    /// `detector.name=value` and its line, as `--set` has it.
    pub parameters: Vec<(String, u64)>,
}

impl Settings {
    /// The file that is named, else `trailhunt.toml` of the current folder, else nothing.
    ///
    /// # Errors
    /// [`Error::Usage`] with file and place of what is wrong; [`Error::File`] for a named file that cannot be read.
    pub fn read(named: Option<&Path>) -> Result<Settings> {
        let path = match named {
            Some(path) => path,
            None if Path::new(FILE).exists() => Path::new(FILE),
            None => return Ok(Settings::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let settings = Settings::parse(&text, folder);
        let settings = settings
            .map_err(|(at, reason)| Error::Usage(format!("{}: {}: {reason}", path.display(), Place::of(&text, at))))?;
        Ok(Settings { path: Some(path.into()), ..settings })
    }

    /// The settings of a text, or the byte of what is wrong and what it is.
    fn parse(text: &str, folder: &Path) -> std::result::Result<Settings, (usize, String)> {
        type File = BTreeMap<Spanned<String>, Spanned<Value>>;
        let file: File = toml::from_str(text)
            .map_err(|e| (e.span().map_or(0, |span| span.start), e.message().lines().collect::<Vec<_>>().join(", ")))?;
        let mut settings = Settings::default();
        for (key, value) in file {
            let line = Place::of(text, key.span().start).line;
            if key.get_ref() == "parameters" {
                let at = value.span().start;
                settings.parameters = parameters(value.get_ref()).map_err(|reason| (at, reason))?;
                settings.parameters.iter_mut().for_each(|(_, of)| *of = line);
                continue;
            }
            let Some((name, _, holds)) = KEYS.iter().find(|(name, ..)| name == key.get_ref()) else {
                return Err((key.span().start, unknown(key.get_ref())));
            };
            let wrong = |reason: String| (value.span().start, format!("{name} {reason}"));
            let values = texts(value.get_ref(), *holds).map_err(wrong)?;
            check(name, &values).map_err(wrong)?;
            let seen = |text: String| if *holds == Holds::Text { text } else { seen_from(folder, text) };
            settings.values.insert(name, (values.into_iter().map(seen).collect(), line));
        }
        Ok(settings)
    }

    /// Makes the settings defaults of the options they stand for, in every command.
    fn defaults(&self, command: clap::Command) -> clap::Command {
        let command = command.mut_args(|arg| {
            let known = KEYS.iter().find(|(_, option, _)| *option == arg.get_id().as_str());
            match known.and_then(|(name, ..)| self.values.get(name)) {
                Some((values, _)) => arg.required(false).default_values(values.iter().map(|value| kept(value))),
                None => arg,
            }
        });
        command.mut_subcommands(|command| self.defaults(command))
    }
}

/// A text for as long as the program runs: clap keeps defaults so. They are few and made once.
fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// What was typed, with what the environment and the file say where nothing was. Wrong options end the program as clap
/// does it.
///
/// # Errors
/// As [`Settings::read`].
pub fn cli(args: Vec<OsString>) -> Result<Cli> {
    let named = named(&args);
    let settings = Settings::read(named.as_deref())?;
    let matches = settings.defaults(cli::command()).get_matches_from(args);
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    cli.config = settings.path;
    let detect = match &mut cli.command {
        Command::Hunt(args) => Some(&mut args.hunt.detect.parameters),
        Command::Run(args) => Some(&mut args.hunt.detect.parameters),
        Command::Backtest(args) => Some(&mut args.detect.parameters),
        Command::Entity(args) => Some(&mut args.detect.parameters),
        Command::Detectors(args) => match &mut args.command {
            DetectorsCommand::Explain(args) => Some(&mut args.parameters),
            _ => None,
        },
        _ => None,
    };
    if let Some(parameters) = detect {
        // Before what was typed, which overrides them one by one.
        parameters.splice(0..0, settings.parameters.into_iter().map(|(text, _)| text));
    }
    Ok(cli)
}

/// The file that was named, before anything else is read.
fn named(args: &[OsString]) -> Option<PathBuf> {
    let typed = args.iter().enumerate().find_map(|(at, arg)| match arg.to_str()? {
        "--config" => args.get(at + 1).map(PathBuf::from),
        text => text.strip_prefix("--config=").map(PathBuf::from),
    });
    typed.or_else(|| std::env::var_os("TRAILHUNT_CONFIG").map(PathBuf::from))
}

/// `[parameters.DETECTOR]` tables as `--set` has them.
fn parameters(value: &Value) -> std::result::Result<Vec<(String, u64)>, String> {
    let next = "write [parameters.DETECTOR] and below it NAME = VALUE";
    let Value::Table(detectors) = value else { return Err(next.into()) };
    let mut parameters = Vec::new();
    for (id, values) in detectors {
        let Value::Table(values) = values else { return Err(format!("parameters.{id}: {next}")) };
        for (name, value) in values {
            let text = match value {
                Value::Array(_) => texts(value, Holds::Places).map_err(|e| format!("{id}.{name} {e}"))?.join(","),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            parameters.push((format!("{id}.{name}={text}"), 0));
        }
    }
    Ok(parameters)
}

fn texts(value: &Value, holds: Holds) -> std::result::Result<Vec<String>, String> {
    match (value, holds) {
        (Value::String(text), _) => Ok(vec![text.clone()]),
        (Value::Array(items), Holds::Places) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            texts.ok_or_else(|| "is a list of texts; put each in quotes".into())
        }
        (_, Holds::Places) => Err("is a list of texts, such as [\"one\", \"two\"]".into()),
        _ => Err("is a text; put it in quotes".into()),
    }
}

/// What the option would refuse, said with the file's place.
fn check(name: &str, values: &[String]) -> std::result::Result<(), String> {
    let value = values.first().map_or("", String::as_str);
    match name {
        "memory_limit" => cli::size(value).map(drop).map_err(|e| format!("= {value:?}: {e}")),
        "fail_on" => value.parse::<Severity>().map(drop).map_err(|e| format!("= {value:?}: {e}")),
        _ => Ok(()),
    }
}

fn seen_from(folder: &Path, text: String) -> String {
    let is_url = text.contains("://") || Path::new(&text).is_absolute();
    if is_url { text } else { folder.join(text).display().to_string() }
}

fn unknown(key: &str) -> String {
    let names = || KEYS.iter().map(|(name, ..)| *name).chain(["parameters"]);
    let nearest = names().map(|name| (distance(key, name), name)).min();
    match nearest {
        Some((apart, name)) if apart <= 1 + name.len() / 3 => format!("unknown setting {key}; is it {name}?"),
        _ => format!("unknown setting {key}; there are {}", names().collect::<Vec<_>>().join(", ")),
    }
}

/// Levenshtein's distance: letters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let (at, reason) = Settings::parse(text, Path::new("")).unwrap_err();
        format!("{}: {reason}", Place::of(text, at))
    }

    #[test]
    fn every_setting_stands_for_an_option() {
        fn options(command: &clap::Command) -> Vec<String> {
            let own = command.get_arguments().map(|arg| arg.get_id().to_string());
            own.chain(command.get_subcommands().flat_map(options)).collect()
        }
        let options = options(&cli::command());
        for (name, option, _) in KEYS {
            assert!(options.iter().any(|known| known == option), "{name}");
        }
    }

    #[test]
    fn paths_are_seen_from_the_file_and_urls_stay() {
        let text = "lake = \"lake\"\nsources = [\"s3://acme/AWSLogs\", \"old\"]\n[parameters.call_rate]\nmin_calls = 9\nof = [\"a\", \"b\"]\n";
        let settings = Settings::parse(text, Path::new("etc")).unwrap();
        assert_eq!(settings.values["lake"], (vec!["etc/lake".to_owned()], 1));
        assert_eq!(settings.values["sources"].0, ["s3://acme/AWSLogs", "etc/old"]);
        let parameters: Vec<_> = settings.parameters.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(parameters, ["call_rate.min_calls=9", "call_rate.of=a,b"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place_and_the_next_step() {
        assert_eq!(refused("lake = \"x\"\nlakes = \"y\""), "line 2, column 1: unknown setting lakes; is it lake?");
        assert_eq!(
            refused("memorylimit = \"1GB\""),
            "line 1, column 1: unknown setting memorylimit; is it memory_limit?"
        );
        assert!(refused("colour = 1").contains("unknown setting colour; there are lake, sources"));
        assert_eq!(refused("lake = 5"), "line 1, column 8: lake is a text; put it in quotes");
        assert!(refused("memory_limit = \"lots\"").contains("memory_limit = \"lots\": "));
        assert!(
            refused("fail_on = \"severe\"")
                .contains("fail_on = \"severe\": invalid severity `severe`: expected one of informational")
        );
        assert!(refused("[parameters]\ncall_rate = 5").contains("parameters.call_rate: write [parameters.DETECTOR]"));
        assert!(refused("lake = ").starts_with("line 1, column "));
    }
}
