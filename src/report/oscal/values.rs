//! What OSCAL's members are made of: properties, UUIDs, texts, tokens and times.
//!
//! A text is Markdown, a value is one line. Text from logs is neutralised in both.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::super::document::Report;
use crate::detect::Window;
use crate::sha256;
use crate::terminal::{inert, printable_line};

/// Namespace of the properties that OSCAL does not define. It is only a name, and nobody can own an `.invalid` domain
/// (RFC 2606). Some readers refuse a URN.
pub(super) const NAMESPACE: &str = "https://trailhunt.invalid/ns/oscal";

/// Properties in this program's namespace. OSCAL allows no empty value: such properties are left out.
pub(super) fn props<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Vec<Value> {
    let pairs = pairs.into_iter().map(|(name, text)| (name, value(&text))).filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| json!({"ns": NAMESPACE, "name": name, "value": value})).collect()
}

/// The UUID of a part, the same in every document that has this part.
pub(super) fn uuid(kind: &str, name: &str) -> String {
    // OSCAL accepts only versions 4 and 5. Version 5 is the one that is made from a name.
    sha256::uuid(&format!("trailhunt OSCAL {kind} {name}"), uuid::Version::Sha1).to_string()
}

/// A value: one line without spaces around it.
pub(super) fn value(text: &str) -> String {
    printable_line(text.trim())
}

/// A text that OSCAL's Markdown shows unchanged. Besides the usual markup, it has superscripts and parameters.
pub(super) fn markup(text: &str) -> String {
    inert(text.trim()).replace('^', "\\^").replace("{{", "{\\{")
}

/// A token: a letter or an underscore, then letters, digits, hyphens, dots and underscores.
pub(super) fn token(text: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let token: String = text.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect();
    if token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { token } else { format!("_{token}") }
}

/// The texts that are not empty, as paragraphs.
pub(super) fn paragraphs<const N: usize>(texts: [String; N]) -> Option<String> {
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

pub(super) fn origins() -> Value {
    json!([{"actors": [{"type": "tool", "actor-uuid": uuid("tool", "trailhunt")}]}])
}

pub(super) fn title(window: &Window) -> String {
    format!("CloudTrail hunt, {}", days(window))
}

/// `from 2024-03-01 up to 2024-03-08 (not included)`.
pub(super) fn days(window: &Window) -> String {
    format!("from {} up to {} (not included)", window.from.format("%Y-%m-%d"), window.to.format("%Y-%m-%d"))
}

pub(super) fn finished(report: &Report) -> String {
    report.run.finished_at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_begins_with_a_letter_or_an_underscore() {
        assert_eq!(token("8.1 a"), "_8.1_a");
        assert_eq!(token("root_use"), "root_use");
        assert_eq!(token(""), "_");
    }
}
