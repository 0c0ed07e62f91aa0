//! A fast scanner for valid JSON, without a tree, recursion or allocation.
//!
//! Each function returns `None` for text that is not valid JSON by RFC 8259, and for forms that records rarely have: a
//! member name with an escape, very deep nesting. The caller then parses with serde_json, which decides. So the scanner
//! must never accept text that serde_json rejects.

/// Iterates over the members of an object.
pub struct Object<'a> {
    text: &'a str,
    at: usize,
    /// True once the first member was read.
    has_members: bool,
    has_escapes: bool,
}

/// Maximum nesting.
const DEPTH_MAX: u32 = u64::BITS;

impl<'a> Object<'a> {
    /// The object at the start of `text`.
    pub fn start(text: &'a str) -> Option<Object<'a>> {
        text.starts_with('{').then_some(Object { text, at: 1, has_members: false, has_escapes: false })
    }

    /// The name of the next member; its value must be read next. `Some(None)` at the end of the object.
    #[expect(clippy::option_option, reason = "invalid text, the end of the object and a name are three cases")]
    pub fn name(&mut self) -> Option<Option<&'a str>> {
        self.space();
        match (self.peek()?, self.has_members) {
            (b'}', _) => {
                self.at += 1;
                return Some(None);
            }
            (b',', true) => {
                self.at += 1;
                self.space();
            }
            (_, true) => return None,
            (_, false) => self.has_members = true,
        }
        self.key().map(Some)
    }

    /// Skips the next member's name if the text continues with `expected`: comma, name in quotes, colon. False when it
    /// does not, because the name or its form is different.
    pub fn name_is(&mut self, expected: &str) -> bool {
        let is_next = self.has_members && self.rest().starts_with(expected);
        if is_next {
            self.at += expected.len();
            self.space();
        }
        is_next
    }

    /// The rest of the text; after a name, it starts with the member's value.
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Reads a value of known length.
    pub fn take(&mut self, length: usize) -> Option<&'a str> {
        let value = self.text.get(self.at..self.at + length)?;
        self.at += length;
        Some(value)
    }

    /// Reads the value of the current member.
    pub fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut depth = 0;
        // One bit per open container, the innermost last: set for an object.
        let mut objects = 0u64;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                open @ (b'{' | b'[') => {
                    let is_object = open == b'{';
                    self.at += 1;
                    self.space();
                    if self.peek()? == if is_object { b'}' } else { b']' } {
                        self.at += 1;
                    } else {
                        if depth == DEPTH_MAX {
                            return None;
                        }
                        depth += 1;
                        objects = objects << 1 | u64::from(is_object);
                        if is_object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                _ => self.number()?,
            }
            // After a value: closing brackets, or a comma and the next value.
            loop {
                if depth == 0 {
                    return self.text.get(start..self.at);
                }
                self.space();
                let is_object = objects & 1 == 1;
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        self.space();
                        if is_object {
                            self.key()?;
                        }
                        break;
                    }
                    close @ (b'}' | b']') if is_object == (close == b'}') => {
                        self.at += 1;
                        depth -= 1;
                        objects >>= 1;
                    }
                    _ => return None,
                }
            }
        }
    }

    /// True when a string read so far has an escape.
    pub fn has_escapes(&self) -> bool {
        self.has_escapes
    }

    /// Length of the object, once its end was reached.
    pub fn length(&self) -> usize {
        self.at
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Reads a member's name without escapes, the colon, and the space before the value.
    fn key(&mut self) -> Option<&'a str> {
        let before = std::mem::take(&mut self.has_escapes);
        let name = self.string()?;
        self.space();
        if self.has_escapes || self.peek()? != b':' {
            return None;
        }
        self.has_escapes = before;
        self.at += 1;
        self.space();
        Some(name)
    }

    /// Reads a string and returns its content.
    fn string(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let mut at = start;
        loop {
            while let Some(eight) = bytes[at..].first_chunk() {
                let special = special(u64::from_le_bytes(*eight));
                if special != 0 {
                    at += special.trailing_zeros() as usize / 8;
                    break;
                }
                at += 8;
            }
            match *bytes.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return self.text.get(start..at);
                }
                b'\\' => {
                    self.has_escapes = true;
                    at += match bytes.get(at + 1)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                        b'u' if bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                        _ => return None,
                    };
                }
                ..b' ' => return None,
                _ => at += 1,
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest().starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        match self.peek()? {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.digits()?,
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let digits = self.text.as_bytes()[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += digits;
        (digits > 0).then_some(())
    }
}

/// Sets the high bit of the first byte that is a quote, backslash or control character; later bytes may be marked
/// wrongly. Zero when there is none.
///
/// From "Determine if a word has a byte less than n" in Bit Twiddling Hacks (S. E. Anderson).
fn special(eight: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    let less = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word;
    let equal = |byte: u8| less(eight ^ (ONES * u64::from(byte)), 1);
    (equal(b'"') | equal(b'\\') | less(eight, 0x20)) & (ONES << 7)
}

/// Names and raw values of the members of the object at the start of `text`, and the object's length.
pub fn members(text: &str) -> Option<(Vec<(&str, &str)>, usize)> {
    let mut object = Object::start(text)?;
    let mut members = Vec::new();
    while let Some(name) = object.name()? {
        members.push((name, object.value()?));
    }
    Some((members, object.length()))
}

#[cfg(test)]
mod tests {
    use super::members as scanned;
    use crate::decode::json;

    /// The members according to serde_json.
    fn parsed(text: &str) -> Option<Vec<(String, String)>> {
        let mut members = Vec::new();
        json::members(text, |name, raw| members.push((name.into_owned(), raw.to_owned()))).ok()?;
        Some(members)
    }

    #[test]
    fn members_are_returned_unchanged_and_the_rest_is_ignored() {
        let object = r#"{"a": {"}":"}"} , "b":[{},[ ]], "c":"\\", "d":-0.5e+3,"é":null ,"f" : true}"#;
        for rest in ["", "}", ",{\"a\":2}]}", " garbage"] {
            let text = format!("{object}{rest}");
            let (members, length) = scanned(&text).unwrap();
            assert_eq!(length, object.len());
            let expected = [
                ("a", r#"{"}":"}"}"#),
                ("b", "[{},[ ]]"),
                ("c", r#""\\""#),
                ("d", "-0.5e+3"),
                ("é", "null"),
                ("f", "true"),
            ];
            assert_eq!(members, expected);
        }
    }

    #[test]
    fn a_string_ends_at_its_closing_quote_at_any_position() {
        for length in 0..40 {
            for special in ["", "\\\"", "é", "\\u00e9", "\\\\"] {
                let text = format!(r#"{{"k":"{}{special}{}"}}"#, "x".repeat(length), "y".repeat(length % 9));
                assert_eq!(scanned(&text).map(|(_, end)| end), Some(text.len()), "{text}");
            }
        }
    }

    #[test]
    fn text_that_serde_json_rejects_is_never_accepted() {
        let valid =
            r#"{"a":{"b":[1,-2.5e3,true,{"c":"x\n\u00e9 é"}],"d":{}},"e":null,"f":"a long text, more than eight"}"#;
        let bytes = b"{}[]\",:\\x0-.eEtn \n\x01\x1f\xc3";
        let (mut accepted, mut rejected) = (0, 0);
        for at in 0..valid.len() {
            for byte in bytes {
                let (mut changed, mut longer) = (valid.as_bytes().to_vec(), valid.as_bytes().to_vec());
                changed[at] = *byte;
                longer.insert(at, *byte);
                let cut = valid.as_bytes()[..at].to_vec();
                for text in [changed, longer, cut].into_iter().filter_map(|text| String::from_utf8(text).ok()) {
                    let Some((members, length)) = scanned(&text) else {
                        rejected += 1;
                        continue;
                    };
                    accepted += 1;
                    let expected = parsed(&text[..length]).unwrap_or_else(|| panic!("{text} is not valid"));
                    assert!(
                        members
                            .iter()
                            .map(|(name, raw)| (*name, *raw))
                            .eq(expected.iter().map(|(name, raw)| (name.as_str(), raw.as_str())))
                    );
                }
            }
        }
        assert!(accepted > 100 && rejected > 1000, "{accepted} accepted, {rejected} rejected");
    }

    #[test]
    fn rare_forms_are_left_to_serde_json() {
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(scanned(&deep(60)).is_some() && scanned(&deep(100)).is_none());
        assert!(scanned(r#"{"a\u0062":1}"#).is_none());
    }
}
