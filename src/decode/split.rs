//! Finds the records in an object's text, whatever envelope holds them, without building a tree.
//!
//! Understood by content: `{"Records": [...]}` with other keys before or after, a bare array, one record, a record a
//! line, records glued together, `<time> <record>` lines as CloudWatch Logs exports them. What an object holds that is
//! itself an envelope is for [`shape`](super::shape). Only brackets and strings are followed here, with no recursion; whether a piece is
//! sound JSON is for the reader of the record, so a bad record costs itself and not its neighbours.

use super::time;

/// A record's text, or why there is none at this offset.
pub type Piece<'a> = Result<&'a str, String>;

/// What is done with the records that are found, in order.
pub trait Visitor<'a> {
    /// A record begins here, in an array: the length of its text when it is sound and was taken, `None` to be given it as a
    /// piece. This spares sound records a second reading.
    fn begins(&mut self, offset: usize, rest: &'a str) -> Option<usize>;

    /// A record's text.
    fn piece(&mut self, offset: usize, piece: Piece<'a>);
}

/// Tells `visitor` of every record.
pub fn records<'a>(text: &'a str, visitor: &mut impl Visitor<'a>) {
    let mut walk = Walk { text, at: 0, end: text.len() };
    let mut damaged = false;
    // The lines under way are the rest of damage that was reported, or text that was.
    let mut told = false;
    loop {
        walk.skip_space();
        walk.skip_mark_or_time();
        let start = walk.at;
        let Some(first) = walk.peek() else { return };
        let outcome = match first {
            b'{' => walk.envelope(visitor),
            b'[' => walk.array(visitor),
            _ if told => Err(Damage::Line("")),
            _ => Err(Damage::Line(NO_JSON)),
        };
        match outcome {
            Ok(()) => told = false,
            Err(Damage::Rest(at, reason)) => return visitor.piece(at, Err(reason.into())),
            Err(Damage::Line(reason)) => {
                if !reason.is_empty() {
                    visitor.piece(start, Err(reason.into()));
                }
                (damaged, told) = (true, true);
                walk.at = line_end(text, start);
            }
        }
        if damaged {
            // From here on nothing may reach over a line's end: the damage stays in its line, and no line is read twice.
            walk.skip_space_to(text.len());
            walk.end = line_end(text, walk.at);
        }
    }
}

/// Why a value could not be followed to its end.
enum Damage {
    /// The value is broken; the next line may hold another.
    Line(&'static str),
    /// An array's element at this offset is broken; nothing after it can be told.
    Rest(usize, &'static str),
}

const CUT: &str = "cut off or unbalanced JSON; the rest of the object was not read";
const NO_JSON: &str = "no JSON: neither an object nor an array begins here";
const CUT_LINE: &str = "cut off or unbalanced JSON";

struct Walk<'a> {
    text: &'a str,
    at: usize,
    /// Nothing at or after this offset is looked at.
    end: usize,
}

impl<'a> Walk<'a> {
    fn peek(&self) -> Option<u8> {
        if self.at < self.end { self.text.as_bytes().get(self.at).copied() } else { None }
    }

    fn skip_space(&mut self) {
        self.skip_space_to(self.end);
    }

    fn skip_space_to(&mut self, end: usize) {
        let rest = &self.text.as_bytes()[self.at.min(end)..end];
        let space = |b: &u8| b.is_ascii_whitespace() || *b == b',';
        self.at += rest.iter().position(|b| !space(b)).unwrap_or(rest.len());
    }

    /// Steps over a byte order mark, and over the time before a record in an export of CloudWatch Logs.
    fn skip_mark_or_time(&mut self) {
        const MARK: &str = "\u{feff}";
        const TIME_BYTES_MAX: usize = 40;
        let mut rest = &self.text.as_bytes()[self.at..self.end];
        if rest.starts_with(MARK.as_bytes()) {
            self.at += MARK.len();
            self.skip_space();
            rest = &self.text.as_bytes()[self.at..self.end];
        }
        if !rest.first().is_some_and(u8::is_ascii_digit) {
            return;
        }
        let Some(space) = memchr::memchr(b' ', &rest[..rest.len().min(TIME_BYTES_MAX)]) else { return };
        let is_time = self.text.get(self.at..self.at + space).is_some_and(|text| time::micros(text).is_some());
        if is_time && rest.get(space + 1) == Some(&b'{') {
            self.at += space + 1;
        }
    }

    /// An object at the top: an envelope whose `Records` are the records, or itself a record.
    fn envelope(&mut self, visitor: &mut impl Visitor<'a>) -> Result<(), Damage> {
        let start = self.at;
        let mut is_envelope = false;
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    let key = self.string().ok_or(Damage::Line(CUT_LINE))?;
                    if depth == 1 && key == "Records" && self.member_follows() {
                        is_envelope = true;
                        if self.peek() == Some(b'[') {
                            self.array(visitor)?;
                        }
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                if !is_envelope {
                    visitor.piece(start, Ok(&self.text[start..self.at]));
                }
                return Ok(());
            }
        }
        Err(Damage::Line(CUT_LINE))
    }

    /// After a key: steps over the colon to the value. False when the string was a value.
    fn member_follows(&mut self) -> bool {
        self.skip_space();
        let follows = self.peek() == Some(b':');
        if follows {
            self.at += 1;
            self.skip_space();
        }
        follows
    }

    /// An array whose elements are records.
    fn array(&mut self, visitor: &mut impl Visitor<'a>) -> Result<(), Damage> {
        self.at += 1;
        loop {
            self.skip_space();
            let start = self.at;
            match self.peek() {
                None => return Err(Damage::Rest(start, CUT)),
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'{') => {
                    if let Some(length) = visitor.begins(start, &self.text[start..self.end]) {
                        self.at += length;
                        continue;
                    }
                    self.balanced().ok_or(Damage::Rest(start, CUT))?;
                    visitor.piece(start, Ok(&self.text[start..self.at]));
                }
                Some(b'[') => {
                    self.balanced().ok_or(Damage::Rest(start, CUT))?;
                    visitor.piece(start, Err("an array where a record is due".into()));
                }
                Some(b'"') => {
                    self.string().ok_or(Damage::Rest(start, CUT))?;
                    visitor.piece(start, Err("a string where a record is due".into()));
                }
                Some(_) => {
                    let rest = &self.text.as_bytes()[start..self.end];
                    self.at += rest.iter().position(|b| matches!(b, b',' | b']')).unwrap_or(rest.len());
                    visitor.piece(start, Err("a literal where a record is due".into()));
                }
            }
        }
    }

    /// Steps over an object or array to behind its closing bracket.
    fn balanced(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Steps over a string; its inside, escapes and all. A line's end inside one is not JSON.
    fn string(&mut self) -> Option<&'a str> {
        let inside = self.at + 1;
        let mut at = inside;
        loop {
            let found = memchr::memchr3(b'"', b'\\', b'\n', self.text.as_bytes().get(at..self.end)?)?;
            at += found;
            match self.text.as_bytes()[at] {
                b'"' => break,
                b'\\' => at += 2,
                _ => return None,
            }
        }
        self.at = at + 1;
        self.text.get(inside..at)
    }
}

fn line_end(text: &str, from: usize) -> usize {
    memchr::memchr(b'\n', &text.as_bytes()[from..]).map_or(text.len(), |n| from + n + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes pieces only.
    #[derive(Default)]
    struct Pieces(Vec<(usize, Result<String, String>)>);

    impl Visitor<'_> for Pieces {
        fn begins(&mut self, _: usize, _: &str) -> Option<usize> {
            None
        }

        fn piece(&mut self, offset: usize, piece: Piece) {
            self.0.push((offset, piece.map(str::to_owned)));
        }
    }

    fn split(text: &str) -> Vec<Result<String, String>> {
        let mut pieces = Pieces::default();
        records(text, &mut pieces);
        pieces.0.into_iter().map(|(_, piece)| piece).collect()
    }

    fn sound(text: &str) -> Vec<String> {
        split(text).into_iter().map(|piece| piece.unwrap()).collect()
    }

    #[test]
    fn every_plain_envelope_gives_its_records() {
        let two = [r#"{"a":1}"#, r#"{"b":{"c":[2]}}"#];
        assert_eq!(sound(r#"{"Records":[{"a":1},{"b":{"c":[2]}}]}"#), two);
        assert_eq!(sound(r#"[{"a":1}, {"b":{"c":[2]}}]"#), two);
        assert_eq!(sound("{\"a\":1}\r\n\n{\"b\":{\"c\":[2]}}"), two);
        assert_eq!(sound(r#"{"a":1}{"b":{"c":[2]}}"#), two);
        assert_eq!(sound("{\n \"Records\" : [\n {\"a\":1},\n {\"b\":{\"c\":[2]}} ]\n}\n"), two);
        assert_eq!(sound("{\"Records\":[{\"a\":1}]}\n{\"Records\":[{\"b\":{\"c\":[2]}}]}"), two);
        assert!(sound(r#"{"Records":[]}"#).is_empty() && sound("").is_empty() && sound(" \n").is_empty());
    }

    #[test]
    fn only_the_top_key_records_counts() {
        let text = r#"{"meta":{"Records":[{"no":1}]},"note":"Records","Records":[{"yes":1}],"tail":[1]}"#;
        assert_eq!(sound(text), [r#"{"yes":1}"#]);
    }

    #[test]
    fn brackets_and_quotes_in_strings_do_not_count() {
        let text = r#"[{"a":"}]\"{[ \\"},{"b":"\\\""}]"#;
        assert_eq!(sound(text), [r#"{"a":"}]\"{[ \\"}"#, r#"{"b":"\\\""}"#]);
    }

    #[test]
    fn a_broken_line_costs_only_itself() {
        for broken in [r#"{"a": "open"#, r#"{"a": {"b": 1}"#, "garbage", r#"{"a": "x" "y": }"#] {
            let text = format!("{{\"n\":1}}\n{broken}\n{{\"n\":2}}\n{{\"n\":3}}");
            let pieces = split(&text);
            let good = pieces.iter().filter(|p| p.as_ref().is_ok_and(|t| t.starts_with("{\"n\""))).count();
            assert_eq!(good, 3, "{broken}");
            assert_eq!(pieces.len(), 4, "{broken}");
        }
    }

    #[test]
    fn text_is_told_once_and_again_after_a_record() {
        assert_eq!(split("one\ntwo\n\nthree 3 {\nfour").len(), 1);
        let pieces = split("# exported\n# today\n{\"a\":1}\nstray\nlines\n{\"b\":2}\n");
        let told: Vec<_> = pieces.iter().map(|piece| piece.is_ok()).collect();
        assert_eq!(told, [false, true, false, true]);
    }

    #[test]
    fn a_time_before_a_record_and_marks_between_files_are_stepped_over() {
        let two = [r#"{"a":1}"#, r#"{"b":{"c":[2]}}"#];
        assert_eq!(sound("2024-01-01T00:00:00.000Z {\"a\":1}\n2024-01-01T00:00:00.001Z {\"b\":{\"c\":[2]}}\n"), two);
        assert_eq!(sound("\u{feff}{\"a\":1}\r\n\u{feff}{\"b\":{\"c\":[2]}}"), two);
        assert!(split("2024-01-01T00:00:00.000Z START RequestId: 1")[0].is_err());
        let mut pieces = Pieces::default();
        records("\u{feff}{}\n2024-01-01T00:00:00Z {}", &mut pieces);
        assert_eq!(pieces.0.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [3, 27]);
    }

    #[test]
    fn what_stands_before_a_cut_is_kept_and_the_cut_is_told_once() {
        let pieces = split(r#"{"Records":[{"a":1},{"b":2},{"c":"#);
        assert_eq!(pieces.len(), 3);
        assert!(pieces[..2].iter().all(|p| p.is_ok()) && pieces[2].is_err());
        let pretty = split("{\n\"Records\": [\n{\"a\": 1},\n{\n\"b\": {\n\"x");
        assert_eq!((pretty.len(), pretty[0].is_ok(), pretty[1].is_err()), (2, true, true));
    }

    #[test]
    fn deep_nesting_does_not_recurse() {
        let deep = format!("[{{\"a\":{}{}}}]", "[".repeat(300_000), "]".repeat(300_000));
        assert_eq!(sound(&deep).len(), 1);
    }

    #[test]
    fn an_element_that_is_no_object_is_told() {
        let pieces = split(r#"{"Records":[null,{"a":1},"x",[1],2]}"#);
        assert_eq!(pieces.iter().filter(|p| p.is_err()).count(), 4);
        assert_eq!(pieces.iter().filter(|p| p.is_ok()).count(), 1);
    }
}
