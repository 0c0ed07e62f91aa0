//! `trailhunt config show`: every setting, its value, and where the value comes from.

use super::Outcome;
use crate::error::{Result, redacted};
use crate::settings::{FILE, Settings};
use crate::terminal::{Out, printable};

pub fn show(settings: &Settings, out: &mut Out) -> Result<Outcome> {
    match &settings.path {
        None => writeln!(out, "file           none; use --config, TRAILHUNT_CONFIG, or {FILE} in the current folder")?,
        Some(path) => writeln!(out, "file           {}", path.display())?,
    }
    for setting in settings.effective() {
        match setting.value {
            Some((value, from)) => writeln!(out, "{:13}  {}  ({from})", setting.name, printable(&redacted(&value)))?,
            None => writeln!(out, "{:13}  -", setting.name)?,
        }
    }
    let file = settings.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    for (parameter, line) in &settings.parameters {
        writeln!(out, "{:13}  {}  ({file}:{line})", "parameters", printable(parameter))?;
    }
    Ok(Outcome::Done)
}
