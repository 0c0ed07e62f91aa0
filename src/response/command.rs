//! Commands to paste into a POSIX shell. Every word that comes from a log is quoted, and refused if quoting is not enough.

use crate::terminal::printable_line;

/// Longer values are refused: no name or ARN has so many characters.
const VALUE_BYTES_MAX: usize = 2048;

/// Values that are not names: CloudTrail's own, and those of people who redact logs.
const REDACTED: [&str; 2] = ["HIDDEN_DUE_TO_SECURITY_REASONS", "***"];

/// A command that is being put together.
#[derive(Debug, Clone)]
pub struct Command(String);

impl Command {
    /// Begins with words of our own.
    pub fn new(words: &str) -> Command {
        Command(words.to_owned())
    }

    /// Adds words of our own.
    pub fn with(mut self, words: &str) -> Command {
        self.0.push(' ');
        self.0.push_str(words);
        self
    }

    /// Adds `--name=value`. `None` if the value cannot be part of a command.
    pub fn option(self, name: &str, value: &str) -> Option<Command> {
        let value = quoted(value)?;
        Some(self.with(&format!("--{name}={value}")))
    }

    /// Adds a value without an option. `None` if it cannot be part of a command.
    pub fn argument(self, value: &str) -> Option<Command> {
        let end_of_options = if value.starts_with('-') { "-- " } else { "" };
        Some(self.with(&format!("{end_of_options}{}", quoted(value)?)))
    }

    /// Adds `--name=value` with the time at which the command is run in place of `{now}`.
    pub fn option_with_time(self, name: &str, value: &str) -> Option<Command> {
        let parts: Option<Vec<_>> = value.split("{now}").map(quoted).collect();
        let value = parts?.join("\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"");
        Some(self.with(&format!("--{name}={value}")))
    }

    /// The command as text.
    pub fn text(self) -> String {
        self.0
    }
}

/// A value as one word of a POSIX shell. `None` for a value that a terminal could not show as it is, that the AWS CLI would
/// take for a file or address to read, or that is redacted.
pub fn quoted(value: &str) -> Option<String> {
    // https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html
    let is_file = ["file:", "fileb:"].iter().any(|scheme| value.to_ascii_lowercase().starts_with(scheme));
    let is_hostile = printable_line(value) != value || is_file;
    if value.is_empty() || value.len() > VALUE_BYTES_MAX || is_hostile || REDACTED.contains(&value) {
        return None;
    }
    shlex::try_quote(value).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_every_accepted_value_back_unchanged_and_runs_nothing() {
        let pieces = [
            "'", "\"", "$(id)", "`id`", "\\", ";", "&", "|", ">", "<", "*", "?", "~", "!", "#", "{a,b}", "[x]", "=",
            " ", "-", "--", "é", "😀", "%", "^", "a",
        ];
        let mut values: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
        for first in pieces {
            values.extend(pieces.iter().map(|second| format!("{first}x{second}")));
            values.push(format!("{first}{first}"));
        }
        let values: Vec<_> = values.into_iter().filter(|value| !value.trim().is_empty()).collect();
        let mut script = String::new();
        for value in &values {
            let command =
                Command::new("printf '%s\\0'").option("name", value).and_then(|command| command.argument(value));
            script.push_str(&command.unwrap_or_else(|| panic!("{value:?} is harmless")).text());
            script.push('\n');
        }
        let out = std::process::Command::new("sh").arg("-c").arg(&script).output().unwrap();
        assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
        let read = String::from_utf8(out.stdout).unwrap();
        let expected: String = values
            .iter()
            .map(|value| {
                let separator = if value.starts_with('-') { "--\0" } else { "" };
                format!("--name={value}\0{separator}{value}\0")
            })
            .collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn a_value_that_could_mislead_or_read_a_file_is_refused() {
        let long = "a".repeat(VALUE_BYTES_MAX + 1);
        for value in [
            "",
            "a\nb",
            "a\0b",
            "\u{1b}[2J",
            "a\u{202e}b",
            "a\u{200b}b",
            "\t",
            "\r",
            "file:///etc/passwd",
            "FileB://x",
            "***",
            &long,
        ] {
            assert_eq!(quoted(value), None, "{value:?}");
        }
    }

    #[test]
    fn the_time_is_that_at_which_the_command_runs() {
        let command = Command::new("printf %s").option_with_time("p", "{\"t\":\"{now}\"}").unwrap().text();
        let out = std::process::Command::new("sh").arg("-c").arg(&command).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let time = text.strip_prefix("--p={\"t\":\"").and_then(|rest| rest.strip_suffix("\"}")).unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{text}");
    }
}
