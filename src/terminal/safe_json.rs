//! JSON that is safe to show on a terminal. JSON escapes only C0 controls; some terminals interpret C1 controls too, and
//! bidirectional characters reorder what is around them.

use std::io::{Result, Write};

use super::printable::is_unsafe;

/// Writes JSON with every character escaped that [`printable`](super::printable) replaces. The values stay the same.
#[derive(Debug)]
pub struct SafeJson<W> {
    out: W,
    /// The first bytes of a character whose other bytes are not written yet.
    held: Vec<u8>,
}

impl<W: Write> SafeJson<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> SafeJson<W> {
        SafeJson { out, held: Vec::new() }
    }
}

/// The length of a character that may have to be escaped, by its first byte.
fn suspect(first: u8) -> Option<usize> {
    match first {
        0x7f => Some(1),
        0xc2 | 0xd8 => Some(2),
        0xe2 | 0xef => Some(3),
        _ => None,
    }
}

impl<W: Write> Write for SafeJson<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let held = std::mem::take(&mut self.held);
        let joined = [&held, bytes].concat();
        let mut rest = &joined[..];
        loop {
            let at = rest.iter().position(|byte| suspect(*byte).is_some()).unwrap_or(rest.len());
            self.out.write_all(&rest[..at])?;
            rest = &rest[at..];
            let Some(length) = rest.first().and_then(|first| suspect(*first)) else { break };
            let Some(c) = rest.get(..length) else {
                self.held = rest.to_vec();
                break;
            };
            match std::str::from_utf8(c).ok().and_then(|c| c.chars().next()).filter(|c| is_unsafe(*c)) {
                Some(c) => write!(self.out, "\\u{:04x}", u32::from(c))?,
                None => self.out.write_all(c)?,
            }
            rest = &rest[length..];
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped_in_the_same_way_however_it_is_split() {
        let text = "{\"a\":\"é\u{7f}\u{9b}31m\u{a0}مر\u{61c}\u{202e}–\u{feff}\u{ffee}😀\"}";
        for cut in 0..text.len() {
            let mut out = Vec::new();
            let mut escaped = SafeJson::new(&mut out);
            escaped.write_all(&text.as_bytes()[..cut]).unwrap();
            escaped.write_all(&text.as_bytes()[cut..]).unwrap();
            let out = String::from_utf8(out).unwrap();
            let expected = "{\"a\":\"é\\u007f\\u009b31m\u{a0}مر\\u061c\\u202e–\\ufeff\u{ffee}😀\"}";
            assert_eq!(out, expected);
            let (a, b): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(&out).unwrap(), serde_json::from_str(text).unwrap());
            assert_eq!(a, b);
        }
    }
}
