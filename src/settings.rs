//! `trailhunt.toml`: values that need not be typed each time. The command line overrides the environment, the environment
//! overrides the file, and the file overrides the built-in defaults.
//!
//! A setting becomes the default of its option, so clap parses, checks and documents both.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::FromArgMatches;
use toml::{Spanned, Value};

use crate::cli::{self, Cli};
use crate::detect::Severity;
use crate::engine::Place;
use crate::error::{Error, Result};
use crate::wording::nearest;

/// The file in the current folder. The program says when it uses this file, because a folder of evidence may contain one too.
pub const FILE: &str = "trailhunt.toml";

/// Name of a setting, the clap id of its option, and the kind of its value.
pub const KEYS: &[(&str, &str, ValueKind)] = &[
    ("lake", "lake", ValueKind::Location),
    ("sources", "sources", ValueKind::Locations),
    ("detector_dirs", "folders", ValueKind::Locations),
    ("sigma", "sigma", ValueKind::Locations),
    ("sigma_pipelines", "sigma_pipelines", ValueKind::Locations),
    ("suppressions", "suppressions", ValueKind::Location),
    ("indicators", "indicators", ValueKind::Locations),
    ("geoip_db", "geoip", ValueKind::Locations),
    ("memory_limit", "memory_limit", ValueKind::Text),
    ("query_timeout", "timeout", ValueKind::Number),
    ("alerts_per_day", "hunt_alerts", ValueKind::Amount),
    ("fail_on", "fail_on", ValueKind::Text),
    ("profile", "profile", ValueKind::Text),
    ("endpoint_url", "endpoint_url", ValueKind::Text),
];

/// The kind of a setting's value. A relative path is relative to the folder of the settings file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A string.
    Text,
    /// A whole number, 0 or more.
    Number,
    /// A number above 0, possibly a fraction.
    Amount,
    /// A path or URL.
    Location,
    /// A list of paths or URLs.
    Locations,
}

/// The settings of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The file; `None` when there is none.
    pub path: Option<PathBuf>,
    /// Values and line numbers by name.
    pub values: BTreeMap<&'static str, (Vec<String>, u64)>,
    /// `detector.name=value`, as `--set` takes it, and the line number.
    pub parameters: Vec<(String, u64)>,
}

impl Settings {
    /// Reads the named file, or `trailhunt.toml` in the current folder if it exists.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line and column of what is wrong; [`Error::File`] for a file that cannot be read.
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

    /// Parses TOML; an error has the byte offset and the reason.
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
            let seen = |text: String| {
                if matches!(holds, ValueKind::Text | ValueKind::Number | ValueKind::Amount) {
                    text
                } else {
                    relative_to(folder, text)
                }
            };
            settings.values.insert(name, (values.into_iter().map(seen).collect(), line));
        }
        Ok(settings)
    }

    /// Makes the settings the defaults of their options, in every command.
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

/// clap needs defaults that live as long as the program; there are few, created once.
fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// Parses the command line, with the environment and the file for what was not typed. Wrong options end the program, as
/// usual with clap.
///
/// # Errors
/// As [`Settings::read`].
pub fn parse(args: Vec<OsString>) -> Result<(Cli, Settings)> {
    let settings = Settings::read(named(&args).as_deref())?;
    let matches = settings.defaults(cli::command()).get_matches_from(args);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    Ok((cli, settings))
}

/// A setting as it takes effect.
#[derive(Debug)]
pub struct Effective {
    /// Name in trailhunt.toml.
    pub name: &'static str,
    /// The value and where it comes from.
    pub value: Option<(String, String)>,
}

impl Settings {
    /// Every setting as it takes effect when no option is typed.
    pub fn effective(&self) -> Vec<Effective> {
        let options = options(&cli::command());
        let option_of = |id: &str| options.iter().find(|option| option.get_id() == id);
        let setting = |(name, id, _): &(&'static str, &str, ValueKind)| Effective {
            name,
            value: self.value(name, option_of(id), (*id == "endpoint_url").then_some("AWS_ENDPOINT_URL")),
        };
        KEYS.iter().map(setting).collect()
    }

    fn value(&self, name: &str, option: Option<&clap::Arg>, variable: Option<&str>) -> Option<(String, String)> {
        let variable = option.and_then(|option| option.get_env()).and_then(|name| name.to_str()).or(variable);
        let from_environment =
            variable.and_then(|name| Some((std::env::var(name).ok()?, format!("environment, {name}"))));
        let file = self.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let from_file = || self.values.get(name).map(|(values, line)| (values.join(" "), format!("{file}:{line}")));
        let built_in = || {
            let values = option.map(|option| option.get_default_values()).unwrap_or_default();
            let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
            (!values.is_empty()).then(|| (values.join(" "), "built in".to_owned()))
        };
        from_environment.or_else(from_file).or_else(built_in)
    }
}

/// Options of a command and of its subcommands.
fn options(command: &clap::Command) -> Vec<clap::Arg> {
    let below = command.get_subcommands().flat_map(options);
    command.get_arguments().cloned().chain(below).collect()
}

/// The file named by `--config` or the environment: it is read before clap parses the rest.
fn named(args: &[OsString]) -> Option<PathBuf> {
    let typed = args.iter().enumerate().find_map(|(at, arg)| match arg.to_str()? {
        "--config" => args.get(at + 1).map(PathBuf::from),
        text => text.strip_prefix("--config=").map(PathBuf::from),
    });
    typed.or_else(|| std::env::var_os("TRAILHUNT_CONFIG").map(PathBuf::from))
}

/// `[parameters.DETECTOR]` tables, as `--set` takes them.
fn parameters(value: &Value) -> std::result::Result<Vec<(String, u64)>, String> {
    let next = "write [parameters.DETECTOR] and below it NAME = VALUE";
    let Value::Table(detectors) = value else { return Err(next.into()) };
    let mut parameters = Vec::new();
    for (id, values) in detectors {
        let Value::Table(values) = values else { return Err(format!("parameters.{id}: {next}")) };
        for (name, value) in values {
            let text = match value {
                Value::Array(_) => {
                    texts(value, ValueKind::Locations).map_err(|e| format!("{id}.{name} {e}"))?.join(",")
                }
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            parameters.push((format!("{id}.{name}={text}"), 0));
        }
    }
    Ok(parameters)
}

fn texts(value: &Value, holds: ValueKind) -> std::result::Result<Vec<String>, String> {
    match (value, holds) {
        (Value::Integer(number), ValueKind::Number) if *number >= 0 => Ok(vec![number.to_string()]),
        (Value::Integer(number), ValueKind::Amount) => Ok(vec![number.to_string()]),
        (Value::Float(number), ValueKind::Amount) => Ok(vec![number.to_string()]),
        (_, ValueKind::Amount) => Err("must be a number".into()),
        (_, ValueKind::Number) => Err("must be a whole number, 0 or more".into()),
        (Value::String(text), _) => Ok(vec![text.clone()]),
        (Value::Array(items), ValueKind::Locations) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            texts.ok_or_else(|| "must be a list of strings in quotes".into())
        }
        (_, ValueKind::Locations) => Err("must be a list of strings, such as [\"one\", \"two\"]".into()),
        _ => Err("must be a string in quotes".into()),
    }
}

/// Checks values as their options do, so that the error names the line of the file.
fn check(name: &str, values: &[String]) -> std::result::Result<(), String> {
    let value = values.first().map_or("", String::as_str);
    match name {
        "memory_limit" => cli::size(value).map(drop).map_err(|e| format!("= {value:?}: {e}")),
        "alerts_per_day" => cli::alerts(value).map(drop).map_err(|e| format!("= {value}: {e}")),
        "fail_on" => value.parse::<Severity>().map(drop).map_err(|e| format!("= {value:?}: {e}")),
        _ => Ok(()),
    }
}

fn relative_to(folder: &Path, text: String) -> String {
    let is_url = text.contains("://") || Path::new(&text).is_absolute();
    if is_url { text } else { folder.join(text).display().to_string() }
}

fn unknown(key: &str) -> String {
    let names = || KEYS.iter().map(|(name, ..)| *name).chain(["parameters"]);
    match nearest(key, names()) {
        Some(name) => format!("unknown setting {key}; did you mean {name}?"),
        _ => format!("unknown setting {key}: expected one of {}", names().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let (at, reason) = Settings::parse(text, Path::new("")).unwrap_err();
        format!("{}: {reason}", Place::of(text, at))
    }

    #[test]
    fn every_setting_has_an_option() {
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
    fn paths_are_relative_to_the_file_and_urls_stay() {
        let text = "lake = \"lake\"\nsources = [\"s3://acme/AWSLogs\", \"old\"]\n[parameters.call_rate]\nmin_calls = 9\nof = [\"a\", \"b\"]\n";
        let settings = Settings::parse(text, Path::new("etc")).unwrap();
        assert_eq!(settings.values["lake"], (vec!["etc/lake".to_owned()], 1));
        assert_eq!(settings.values["sources"].0, ["s3://acme/AWSLogs", "etc/old"]);
        let parameters: Vec<_> = settings.parameters.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(parameters, ["call_rate.min_calls=9", "call_rate.of=a,b"]);
    }

    #[test]
    fn an_error_names_its_position_and_the_next_step() {
        assert_eq!(
            refused("lake = \"x\"\nlakes = \"y\""),
            "line 2, column 1: unknown setting lakes; did you mean lake?"
        );
        assert_eq!(
            refused("memorylimit = \"1GB\""),
            "line 1, column 1: unknown setting memorylimit; did you mean memory_limit?"
        );
        assert!(refused("colour = 1").contains("unknown setting colour: expected one of lake, sources"));
        assert_eq!(refused("lake = 5"), "line 1, column 8: lake must be a string in quotes");
        assert!(refused("memory_limit = \"lots\"").contains("memory_limit = \"lots\": "));
        assert!(
            refused("fail_on = \"severe\"")
                .contains("fail_on = \"severe\": unknown severity `severe`: expected one of informational")
        );
        assert!(refused("alerts_per_day = 0").contains("alerts_per_day = 0: expected a number above 0"));
        assert!(refused("alerts_per_day = \"3\"").contains("alerts_per_day must be a number"));
        assert!(refused("[parameters]\ncall_rate = 5").contains("parameters.call_rate: write [parameters.DETECTOR]"));
        assert!(refused("lake = ").starts_with("line 1, column "));
    }
}
