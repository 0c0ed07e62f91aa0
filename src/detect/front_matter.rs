//! The TOML header of a detector or a saved question: the comment at the start of its SQL.

use serde::de::DeserializeOwned;

use super::Problem;
use crate::engine::Place;

/// The header of a file.
#[derive(Debug, Clone, Copy)]
pub struct FrontMatter<'a> {
    file: &'a str,
    toml: &'a str,
    /// Byte of the file at which the TOML begins.
    begin: usize,
}

impl<'a> FrontMatter<'a> {
    /// Finds the `/* ... */` at the start of a file.
    ///
    /// # Errors
    /// The place where it should be.
    pub fn find(file: &'a str) -> Result<FrontMatter<'a>, Place> {
        let begin = file.len() - file.trim_start().len();
        let header = file[begin..].strip_prefix("/*").and_then(|rest| rest.split_once("*/"));
        match header {
            Some((toml, _)) => Ok(FrontMatter { file, toml, begin: begin + "/*".len() }),
            None => Err(Place::of(file, begin)),
        }
    }

    /// The text between `/*` and `*/`.
    pub fn toml(&self) -> &'a str {
        self.toml
    }

    /// The place in the file of a byte of the header.
    pub fn place(&self, byte: usize) -> Place {
        Place::of(self.file, self.begin + byte)
    }

    /// The place behind the header, where the SQL begins.
    pub fn end(&self) -> Place {
        self.place(self.toml.len() + "*/".len())
    }

    /// Parses the header.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        toml::from_str(self.toml).map_err(|e| {
            let place = self.place(e.span().map_or(0, |span| span.start));
            let next = if e.message().starts_with("missing field") { "; every header needs it" } else { "" };
            Problem::at(place, format!("{}{next}", e.message().lines().collect::<Vec<_>>().join(", ")))
        })
    }
}
