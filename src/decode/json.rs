//! Reads the members of a JSON object as text slices, and converts scalars to the types of the columns.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Calls `found` with the name and raw JSON text of every member, in order.
///
/// # Errors
/// serde_json's message when the text is not a valid object. Values are not converted, so lone surrogates, numbers
/// beyond 64 bits and any depth of nesting are accepted.
pub fn members<'a>(text: &'a str, found: impl FnMut(Cow<'a, str>, &'a str)) -> Result<(), String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.deserialize_map(Members(found)).and_then(|()| reader.end()).map_err(|e| e.to_string())
}

struct Members<F>(F);

impl<'de, F: FnMut(Cow<'de, str>, &'de str)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(name)) = map.next_key::<Key<'de>>()? {
            let value: &'de RawValue = map.next_value()?;
            (self.0)(name, value.get());
        }
        Ok(())
    }
}

/// A member's name, borrowed when it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'de>, D::Error> {
        struct KeyText;
        impl<'de> Visitor<'de> for KeyText {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(name)))
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyText)
    }
}

/// The value of a JSON string, a number or boolean as its text; `None` for null, an object or an array.
pub fn text(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => {
            let content = &raw[1..raw.len() - 1];
            if memchr::memchr(b'\\', content.as_bytes()).is_none() {
                return Some(Cow::Borrowed(content));
            }
            serde_json::from_str(&without_lone_surrogates(raw)).ok().map(Cow::Owned)
        }
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// True for an empty list, or for the content of a string that is one.
pub fn is_empty_list(text: &str) -> bool {
    text.trim().strip_prefix('[').is_some_and(|rest| rest.trim_start() == "]")
}

/// A boolean, or a string with one.
pub fn boolean(raw: &str) -> Option<bool> {
    match raw {
        "true" | "\"true\"" | "\"True\"" => Some(true),
        "false" | "\"false\"" | "\"False\"" => Some(false),
        _ => None,
    }
}

/// Rewrites `\uD800`-`\uDFFF` escapes that do not form a pair to `\ufffd`.
///
/// SQL's JSON functions stop at a lone surrogate and return null for every key after it, so a caller could hide fields.
pub fn without_lone_surrogates(raw: &str) -> Cow<'_, str> {
    // Most texts have no escape at all, and searching for a single byte is fastest.
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() || (!raw.contains("\\ud") && !raw.contains("\\uD")) {
        return Cow::Borrowed(raw);
    }
    let bytes = raw.as_bytes();
    let unit = |at: usize| {
        let escape = bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
    };
    let mut out = String::with_capacity(raw.len());
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        at += found;
        match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&raw[copied..at]);
                out.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            _ => at += 2,
        }
        at = at.min(bytes.len());
    }
    out.push_str(&raw[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_returned_unchanged() {
        let mut seen = Vec::new();
        members(r#"{"a": {"x":"\ud800"}, "b\n":1e999, "a":null}"#, |name, raw| seen.push((name.into_owned(), raw)))
            .unwrap();
        let expected = [("a", r#"{"x":"\ud800"}"#), ("b\n", "1e999"), ("a", "null")];
        assert!(seen.iter().map(|(n, r)| (n.as_str(), *r)).eq(expected));
        assert!(members(r#"{"a": nul}"#, |_, _| {}).is_err());
        assert!(members(r#"{"a":1} x"#, |_, _| {}).is_err());
    }

    #[test]
    fn scalars_are_converted_leniently() {
        assert_eq!(text(r#""a\tb""#).as_deref(), Some("a\tb"));
        assert_eq!(text("111122223333").as_deref(), Some("111122223333"));
        assert_eq!(text("null"), None);
        assert_eq!(text("{}"), None);
        assert_eq!((boolean("true"), boolean("\"false\""), boolean("1")), (Some(true), Some(false), None));
    }

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_kept() {
        assert_eq!(without_lone_surrogates(r#""a\ud83d\ude00b""#), r#""a\ud83d\ude00b""#);
        assert_eq!(without_lone_surrogates(r#""\uD800x\\ud800 \udc00""#), r#""\ufffdx\\ud800 \ufffd""#);
        assert_eq!(text(r#""x\ud800y""#).as_deref(), Some("x\u{fffd}y"));
    }
}
