//! Finds the records in an object's text, without building a JSON tree.
//!
//! Recognised formats: `{"Records": [...]}` with other keys before or after, a bare array, a single record, one record
//! per line, records without separators, `<time> <record>` lines as exported by CloudWatch Logs, and strings that contain
//! records. Other envelopes, and `Records` that is not a list, are opened by [`shape`](super::shape). Only brackets and strings are matched here, without recursion. Whether a
//! piece is valid JSON is checked when the record is parsed, so that an invalid record does not affect the others.

use super::{json, time};

/// The text of a record, or why there is none at this offset.
pub type Piece<'a> = Result<&'a str, String>;

/// Receives the records in order.
pub trait Visitor<'a> {
    /// Called at the start of an array element. Returns the length of the record if it could be parsed; if not, the
    /// element is passed to [`piece`](Visitor::piece). This avoids scanning valid records twice.
    fn record_at(&mut self, offset: usize, rest: &'a str) -> Option<usize>;

    /// Called with the text of a record, or the reason why there is none.
    fn piece(&mut self, offset: usize, piece: Piece<'a>);

    /// Called with a JSON string, including its quotes, whose content looks like JSON.
    fn quoted(&mut self, offset: usize, raw: &'a str);
}

/// Calls `visitor` for every record in `text`.
pub fn records<'a>(text: &'a str, visitor: &mut impl Visitor<'a>) {
    let mut splitter = Splitter { text, at: 0, end: text.len() };
    let mut damaged = false;
    // True while the lines belong to a problem that was already reported.
    let mut reported = false;
    let mut found = false;
    loop {
        splitter.skip_space();
        splitter.skip_mark_or_time();
        let start = splitter.at;
        let Some(first) = splitter.peek() else {
            if !found && text.contains(',') {
                visitor.piece(0, Err(NOT_JSON.into()));
            }
            return;
        };
        found = true;
        let outcome = match first {
            b'{' => splitter.envelope(visitor),
            b'[' => splitter.array(visitor).map(|_| ()),
            b'"' if splitter.quoted(visitor) => Ok(()),
            _ if reported => Err(Damage::Line("")),
            _ => Err(Damage::Line(NOT_JSON)),
        };
        match outcome {
            Ok(()) => reported = false,
            Err(Damage::Rest(at, reason)) => return visitor.piece(at, Err(reason.into())),
            Err(Damage::Line(reason)) => {
                if !reason.is_empty() {
                    visitor.piece(start, Err(reason.into()));
                }
                (damaged, reported) = (true, true);
                splitter.at = line_end(text, start);
            }
        }
        if damaged {
            // From now on, a value may not span lines: this confines damage to its line, and no line is scanned twice.
            splitter.skip_space_to(text.len());
            splitter.end = line_end(text, splitter.at);
        }
    }
}

/// A value without a recognisable end.
enum Damage {
    /// The value is damaged; the next line can have another one.
    Line(&'static str),
    /// The array element at this offset is damaged; where the next one starts is unknown.
    Rest(usize, &'static str),
}

const TRUNCATED: &str = "truncated or unbalanced JSON; the rest of the object was not read";
const TRUNCATED_LINE: &str = "truncated or unbalanced JSON";
const NOT_JSON: &str = "unknown format: expected JSON";

struct Splitter<'a> {
    text: &'a str,
    at: usize,
    /// The end of the text that is scanned.
    end: usize,
}

impl<'a> Splitter<'a> {
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

    /// Skips a byte order mark, and the time before a record in an export of CloudWatch Logs.
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

    /// A top-level object: an envelope with a list `Records`, or any other object.
    fn envelope(&mut self, visitor: &mut impl Visitor<'a>) -> Result<(), Damage> {
        let start = self.at;
        let mut elements = 0;
        // Offset of a member `Records` that is not a list.
        let mut other_records = None;
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    let at = self.at;
                    let key = self.string().ok_or(Damage::Line(TRUNCATED_LINE))?;
                    if depth == 1 && key == "Records" && self.skip_colon() {
                        match self.peek() {
                            Some(b'[') => elements += self.array(visitor)?,
                            _ => other_records = Some(at),
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
                match other_records {
                    _ if elements == 0 => visitor.piece(start, Ok(&self.text[start..self.at])),
                    Some(at) => visitor.piece(at, Err("a second `Records`: expected one list".into())),
                    None => {}
                }
                return Ok(());
            }
        }
        Err(Damage::Line(TRUNCATED_LINE))
    }

    /// After a key, skips the colon. False when there is none: then the string was a value.
    fn skip_colon(&mut self) -> bool {
        self.skip_space();
        let is_colon = self.peek() == Some(b':');
        if is_colon {
            self.at += 1;
            self.skip_space();
        }
        is_colon
    }

    /// A top-level string. False when it does not contain JSON.
    fn quoted(&mut self, visitor: &mut impl Visitor<'a>) -> bool {
        let start = self.at;
        let is_json = self.string().is_some_and(is_like_json);
        if is_json {
            visitor.quoted(start, &self.text[start..self.at]);
        }
        is_json
    }

    /// An array of records; returns the number of its elements.
    fn array(&mut self, visitor: &mut impl Visitor<'a>) -> Result<usize, Damage> {
        self.at += 1;
        let mut elements = 0;
        loop {
            self.skip_space();
            let start = self.at;
            let first = self.peek();
            if first == Some(b']') {
                self.at += 1;
                return Ok(elements);
            }
            elements += 1;
            match first {
                None => return Err(Damage::Rest(start, TRUNCATED)),
                Some(b'{') => {
                    if let Some(length) = visitor.record_at(start, &self.text[start..self.end]) {
                        self.at += length;
                        continue;
                    }
                    self.skip_container().ok_or(Damage::Rest(start, TRUNCATED))?;
                    visitor.piece(start, Ok(&self.text[start..self.at]));
                }
                Some(b'[') => {
                    self.skip_container().ok_or(Damage::Rest(start, TRUNCATED))?;
                    visitor.piece(start, Err("expected a record, found an array".into()));
                }
                Some(b'"') => {
                    let content = self.string().ok_or(Damage::Rest(start, TRUNCATED))?;
                    if is_like_json(content) {
                        visitor.quoted(start, &self.text[start..self.at]);
                    } else {
                        visitor.piece(start, Err("expected a record, found a string".into()));
                    }
                }
                Some(_) => {
                    let rest = &self.text.as_bytes()[start..self.end];
                    self.at += rest.iter().position(|b| matches!(b, b',' | b']')).unwrap_or(rest.len());
                    visitor.piece(start, Err("expected a record, found a literal".into()));
                }
            }
        }
    }

    /// Skips an object or array.
    fn skip_container(&mut self) -> Option<()> {
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

    /// Skips a string and returns its content, with escapes. A line break inside a string is not valid JSON.
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at + 1;
        let mut at = start;
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
        self.text.get(start..at)
    }
}

/// True when the content of a string can be records.
fn is_like_json(content: &str) -> bool {
    content.trim_start().starts_with(['{', '[']) && !json::is_empty_list(content)
}

fn line_end(text: &str, from: usize) -> usize {
    memchr::memchr(b'\n', &text.as_bytes()[from..]).map_or(text.len(), |n| from + n + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects all records as pieces.
    #[derive(Default)]
    struct Pieces(Vec<(usize, Result<String, String>)>);

    impl Visitor<'_> for Pieces {
        fn record_at(&mut self, _: usize, _: &str) -> Option<usize> {
            None
        }

        fn piece(&mut self, offset: usize, piece: Piece) {
            self.0.push((offset, piece.map(str::to_owned)));
        }

        fn quoted(&mut self, offset: usize, raw: &str) {
            self.0.push((offset, Ok(raw.to_owned())));
        }
    }

    fn split(text: &str) -> Vec<Result<String, String>> {
        let mut pieces = Pieces::default();
        records(text, &mut pieces);
        pieces.0.into_iter().map(|(_, piece)| piece).collect()
    }

    fn split_valid(text: &str) -> Vec<String> {
        split(text).into_iter().map(|piece| piece.unwrap()).collect()
    }

    #[test]
    fn records_are_found_in_every_plain_format() {
        let two = [r#"{"a":1}"#, r#"{"b":{"c":[2]}}"#];
        assert_eq!(split_valid(r#"{"Records":[{"a":1},{"b":{"c":[2]}}]}"#), two);
        assert_eq!(split_valid(r#"[{"a":1}, {"b":{"c":[2]}}]"#), two);
        assert_eq!(split_valid("{\"a\":1}\r\n\n{\"b\":{\"c\":[2]}}"), two);
        assert_eq!(split_valid(r#"{"a":1}{"b":{"c":[2]}}"#), two);
        assert_eq!(split_valid("{\n \"Records\" : [\n {\"a\":1},\n {\"b\":{\"c\":[2]}} ]\n}\n"), two);
        assert_eq!(split_valid("{\"Records\":[{\"a\":1}]}\n{\"Records\":[{\"b\":{\"c\":[2]}}]}"), two);
        assert!(split_valid("[]").is_empty() && split_valid("").is_empty() && split_valid(" \n").is_empty());
    }

    #[test]
    fn records_that_is_not_a_list_of_records_is_left_to_shape() {
        for records in ["{\"a\":1}", "\"[{}]\"", "null", "7", "[]"] {
            let text = format!(r#"{{"n":1,"Records":{records},"tail":[1]}}"#);
            assert_eq!(split_valid(&format!("{text}\n{{\"b\":2}}")), [&text, r#"{"b":2}"#]);
        }
        let pieces = split(r#"{"Records":[{"a":1}],"Records":{"b":2}}"#);
        assert_eq!(pieces, [Ok(r#"{"a":1}"#.to_owned()), Err("a second `Records`: expected one list".to_owned())]);
    }

    #[test]
    fn strings_with_json_are_passed_on_with_their_quotes() {
        let quoted = [r#""{\"a\":1}""#, r#"" [{}]""#];
        assert_eq!(split_valid(&format!("[{}, {}]", quoted[0], quoted[1])), quoted);
        assert_eq!(split_valid(&quoted.join("\n")), quoted);
        assert_eq!(split("\"a\",\"b\"\n\"c\",\"d\"").len(), 1, "other text is reported once");
    }

    #[test]
    fn text_without_any_value_is_reported() {
        assert!(split(",, ,")[0].is_err());
    }

    #[test]
    fn only_a_top_level_records_key_counts() {
        let text = r#"{"meta":{"Records":[{"no":1}]},"note":"Records","Records":[{"yes":1}],"tail":[1]}"#;
        assert_eq!(split_valid(text), [r#"{"yes":1}"#]);
    }

    #[test]
    fn brackets_and_quotes_in_strings_do_not_count() {
        let text = r#"[{"a":"}]\"{[ \\"},{"b":"\\\""}]"#;
        assert_eq!(split_valid(text), [r#"{"a":"}]\"{[ \\"}"#, r#"{"b":"\\\""}"#]);
    }

    #[test]
    fn a_damaged_line_does_not_affect_the_others() {
        for broken in [r#"{"a": "open"#, r#"{"a": {"b": 1}"#, "garbage", r#"{"a": "x" "y": }"#] {
            let text = format!("{{\"n\":1}}\n{broken}\n{{\"n\":2}}\n{{\"n\":3}}");
            let pieces = split(&text);
            let good = pieces.iter().filter(|p| p.as_ref().is_ok_and(|t| t.starts_with("{\"n\""))).count();
            assert_eq!(good, 3, "{broken}");
            assert_eq!(pieces.len(), 4, "{broken}");
        }
    }

    #[test]
    fn consecutive_lines_of_text_are_reported_once() {
        assert_eq!(split("one\ntwo\n\nthree 3 {\nfour").len(), 1);
        let pieces = split("# exported\n# today\n{\"a\":1}\nstray\nlines\n{\"b\":2}\n");
        let are_records: Vec<_> = pieces.iter().map(|piece| piece.is_ok()).collect();
        assert_eq!(are_records, [false, true, false, true]);
    }

    #[test]
    fn a_time_before_a_record_and_byte_order_marks_are_skipped() {
        let two = [r#"{"a":1}"#, r#"{"b":{"c":[2]}}"#];
        assert_eq!(
            split_valid("2024-01-01T00:00:00.000Z {\"a\":1}\n2024-01-01T00:00:00.001Z {\"b\":{\"c\":[2]}}\n"),
            two
        );
        assert_eq!(split_valid("\u{feff}{\"a\":1}\r\n\u{feff}{\"b\":{\"c\":[2]}}"), two);
        assert!(split("2024-01-01T00:00:00.000Z START RequestId: 1")[0].is_err());
        let mut pieces = Pieces::default();
        records("\u{feff}{}\n2024-01-01T00:00:00Z {}", &mut pieces);
        assert_eq!(pieces.0.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [3, 27]);
    }

    #[test]
    fn records_before_truncated_json_are_kept_and_it_is_reported_once() {
        let pieces = split(r#"{"Records":[{"a":1},{"b":2},{"c":"#);
        assert_eq!(pieces.len(), 3);
        assert!(pieces[..2].iter().all(|p| p.is_ok()) && pieces[2].is_err());
        let pretty = split("{\n\"Records\": [\n{\"a\": 1},\n{\n\"b\": {\n\"x");
        assert_eq!((pretty.len(), pretty[0].is_ok(), pretty[1].is_err()), (2, true, true));
    }

    #[test]
    fn deep_nesting_does_not_recurse() {
        let deep = format!("[{{\"a\":{}{}}}]", "[".repeat(300_000), "]".repeat(300_000));
        assert_eq!(split_valid(&deep).len(), 1);
    }

    #[test]
    fn elements_that_are_not_objects_are_reported() {
        let pieces = split(r#"{"Records":[null,{"a":1},"x",[1],2]}"#);
        assert_eq!(pieces.iter().filter(|p| p.is_err()).count(), 4);
        assert_eq!(pieces.iter().filter(|p| p.is_ok()).count(), 1);
    }
}
