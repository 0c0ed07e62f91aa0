//! Steps through sound JSON as fast as it can be read, without a tree, recursion or allocation.
//!
//! Every step is `None` where the text is not sound JSON by RFC 8259, and where it is in a form that hardly any record
//! has: a member's name with an escape, values nested very deep. Whoever asks then goes the slow way, through serde_json,
//! whose word counts; so nothing may be taken for sound here that is refused there.

/// The members of an object, one by one.
pub struct Object<'a> {
    text: &'a str,
    at: usize,
    /// A member's value stands before `at`.
    has_members: bool,
    has_escapes: bool,
}

/// Containers in each other that are followed.
const DEPTH_MAX: u32 = u64::BITS;

impl<'a> Object<'a> {
    /// The object that `text` begins with.
    pub fn begin(text: &'a str) -> Option<Object<'a>> {
        text.starts_with('{').then_some(Object { text, at: 1, has_members: false, has_escapes: false })
    }

    /// The name of the next member, whose value is to be taken then; `Some(None)` at the end of the object.
    #[expect(clippy::option_option, reason = "unsound, at an end, and a name are three things")]
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

    /// Takes the next member's name when it stands there as `expected`: comma, name in quotes, colon. False when nothing was
    /// taken, because the name is another one or stands in another form.
    pub fn name_is(&mut self, expected: &str) -> bool {
        let is_next = self.has_members && self.rest().starts_with(expected);
        if is_next {
            self.at += expected.len();
            self.space();
        }
        is_next
    }

    /// What follows; after a name, the member's value and all behind it.
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Takes the value whose text is known to be `length` bytes long.
    pub fn take(&mut self, length: usize) -> Option<&'a str> {
        let taken = self.text.get(self.at..self.at + length)?;
        self.at += length;
        Some(taken)
    }

    /// Takes the value of the member that was named last.
    pub fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut depth = 0;
        // A bit a container, the innermost last: set for an object.
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
            // Behind a value: what closes, and the next one.
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

    /// True when one of the texts met so far has an escape.
    pub fn has_escapes(&self) -> bool {
        self.has_escapes
    }

    /// Bytes of the object, once its end was met.
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

    /// A member's name without escapes, the colon, and space up to the value.
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

    /// A string's inside.
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

/// Marks the first quote, backslash or control character among eight bytes by the high bit of its byte; what stands above
/// that one may be marked wrongly. Zero when there is none.
///
/// The arithmetic is that of "Determine if a word has a byte less than n" in Bit Twiddling Hacks (S. E. Anderson).
fn special(eight: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    let less = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word;
    let equal = |byte: u8| less(eight ^ (ONES * u64::from(byte)), 1);
    (equal(b'"') | equal(b'\\') | less(eight, 0x20)) & (ONES << 7)
}

/// Names and raw values of the members of the object that `text` begins with, and the bytes of that object.
pub fn members(text: &str) -> Option<(Vec<(&str, &str)>, usize)> {
    let mut object = Object::begin(text)?;
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

    /// The members by serde_json's.
    fn parsed(text: &str) -> Option<Vec<(String, String)>> {
        let mut members = Vec::new();
        json::members(text, |name, raw| members.push((name.into_owned(), raw.to_owned()))).ok()?;
        Some(members)
    }

    #[test]
    fn members_are_given_as_they_stand_and_what_follows_is_left() {
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
    fn a_string_ends_at_its_quote_wherever_that_stands() {
        for length in 0..40 {
            for special in ["", "\\\"", "é", "\\u00e9", "\\\\"] {
                let text = format!(r#"{{"k":"{}{special}{}"}}"#, "x".repeat(length), "y".repeat(length % 9));
                assert_eq!(scanned(&text).map(|(_, end)| end), Some(text.len()), "{text}");
            }
        }
    }

    #[test]
    fn nothing_is_taken_for_sound_that_serde_json_refuses() {
        let sound =
            r#"{"a":{"b":[1,-2.5e3,true,{"c":"x\n\u00e9 é"}],"d":{}},"e":null,"f":"a long text, more than eight"}"#;
        let bytes = b"{}[]\",:\\x0-.eEtn \n\x01\x1f\xc3";
        let (mut taken, mut refused) = (0, 0);
        for at in 0..sound.len() {
            for byte in bytes {
                let (mut changed, mut longer) = (sound.as_bytes().to_vec(), sound.as_bytes().to_vec());
                changed[at] = *byte;
                longer.insert(at, *byte);
                let cut = sound.as_bytes()[..at].to_vec();
                for text in [changed, longer, cut].into_iter().filter_map(|text| String::from_utf8(text).ok()) {
                    let Some((members, length)) = scanned(&text) else {
                        refused += 1;
                        continue;
                    };
                    taken += 1;
                    let expected = parsed(&text[..length]).unwrap_or_else(|| panic!("{text} is not sound"));
                    assert!(
                        members
                            .iter()
                            .map(|(name, raw)| (*name, *raw))
                            .eq(expected.iter().map(|(name, raw)| (name.as_str(), raw.as_str())))
                    );
                }
            }
        }
        assert!(taken > 100 && refused > 1000, "{taken} taken, {refused} refused");
    }

    #[test]
    fn odd_forms_are_left_to_the_slow_way() {
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(scanned(&deep(60)).is_some() && scanned(&deep(100)).is_none());
        assert!(scanned(r#"{"a\u0062":1}"#).is_none());
    }
}
