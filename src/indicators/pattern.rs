//! STIX patterns, as far as they compare single values with `=`, `IN` or `ISSUBSET`.
//!
//! <https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_e8slinrhxcc9>

/// A comparison in a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Object type and property: `ipv4-addr:value`.
    pub path: String,
    /// The values it compares with; the reason if it compares in another way.
    pub values: Result<Vec<String>, String>,
    /// The pattern has further conditions that must hold too.
    pub is_partial: bool,
}

/// Parentheses in each other.
const DEPTH_MAX: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A path, keyword or number.
    Word(String),
    /// Text in quotes.
    Text(String),
    /// `=`, `!=`, `<`, ...
    Operator(String),
    /// One of `[ ] ( ) ,`.
    Mark(char),
}

/// The comparisons of a pattern.
///
/// # Errors
/// What is wrong with it.
pub fn comparisons(pattern: &str) -> Result<Vec<Comparison>, String> {
    let mut parser = Parser { tokens: tokens(pattern)?, at: 0, depth: 0 };
    let found = parser.observations()?;
    match parser.next() {
        None => Ok(found),
        Some(token) => Err(format!("unexpected {} in the pattern", named(&token))),
    }
}

fn tokens(pattern: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = pattern.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '[' | ']' | '(' | ')' | ',' => {
                tokens.push(Token::Mark(first));
                1
            }
            '=' | '!' | '<' | '>' => {
                let length = rest.find(|c| !"=!<>".contains(c)).unwrap_or(rest.len());
                tokens.push(Token::Operator(rest[..length].to_owned()));
                length
            }
            '\'' => {
                let (text, length) = quoted(rest)?;
                tokens.push(Token::Text(text));
                length
            }
            _ => {
                let length = word(rest)?;
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A text in quotes and its length with them; `\` escapes the next character.
fn quoted(rest: &str) -> Result<(String, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return Ok((text, at + 1)),
            '\\' => text.extend(chars.next().map(|(_, c)| c)),
            c => text.push(c),
        }
    }
    Err("a quote in the pattern is not closed".into())
}

/// Length of a word. A path may have quoted names and indexes: `a:b.'c d'.e[0]`.
fn word(rest: &str) -> Result<usize, String> {
    let mut at = 0;
    while let Some(c) = rest[at..].chars().next() {
        at += match c {
            '\'' => quoted(&rest[at..])?.1,
            '[' => rest[at..].find(']').ok_or("a [ in the pattern is not closed")? + 1,
            c if c.is_whitespace() || "](),=!<>".contains(c) => break,
            c => c.len_utf8(),
        };
    }
    Ok(at)
}

fn named(token: &Token) -> String {
    match token {
        Token::Word(text) | Token::Operator(text) => format!("`{text}`"),
        Token::Text(text) => format!("'{text}'"),
        Token::Mark(c) => format!("`{c}`"),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Steps over a keyword.
    fn takes(&mut self, keyword: &str) -> bool {
        let is_next = matches!(self.tokens.get(self.at), Some(Token::Word(word)) if word == keyword);
        self.at += usize::from(is_next);
        is_next
    }

    fn takes_mark(&mut self, mark: char) -> bool {
        let is_next = self.tokens.get(self.at) == Some(&Token::Mark(mark));
        self.at += usize::from(is_next);
        is_next
    }

    fn expects(&mut self, mark: char) -> Result<(), String> {
        if self.takes_mark(mark) {
            return Ok(());
        }
        let found = self.tokens.get(self.at).map_or("the end".to_owned(), named);
        Err(format!("expected `{mark}` instead of {found} in the pattern"))
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Parser) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("too many nested parentheses in the pattern".into());
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Observations between `OR`, `AND` and `FOLLOWEDBY`.
    fn observations(&mut self) -> Result<Vec<Comparison>, String> {
        let mut found = self.observation()?;
        loop {
            let is_partial = self.takes("AND") || self.takes("FOLLOWEDBY");
            if !is_partial && !self.takes("OR") {
                return Ok(found);
            }
            found.extend(self.observation()?);
            if is_partial {
                partial(&mut found);
            }
        }
    }

    fn observation(&mut self) -> Result<Vec<Comparison>, String> {
        let mut found = if self.takes_mark('(') {
            let found = self.deeper(Parser::observations)?;
            self.expects(')')?;
            found
        } else {
            self.expects('[')?;
            let found = self.any()?;
            self.expects(']')?;
            found
        };
        // Qualifiers: how often, or when.
        loop {
            let words = match () {
                () if self.takes("WITHIN") => 2,
                () if self.takes("REPEATS") => 2,
                () if self.takes("START") => 3,
                () => return Ok(found),
            };
            self.at += words;
            partial(&mut found);
        }
    }

    /// Conditions between `OR`.
    fn any(&mut self) -> Result<Vec<Comparison>, String> {
        let mut found = self.all()?;
        while self.takes("OR") {
            found.extend(self.all()?);
        }
        Ok(found)
    }

    /// Conditions between `AND`.
    fn all(&mut self) -> Result<Vec<Comparison>, String> {
        let mut found = self.one()?;
        while self.takes("AND") {
            found.extend(self.one()?);
            partial(&mut found);
        }
        Ok(found)
    }

    fn one(&mut self) -> Result<Vec<Comparison>, String> {
        if self.takes_mark('(') {
            let found = self.deeper(Parser::any)?;
            self.expects(')')?;
            return Ok(found);
        }
        let path = match self.next() {
            Some(Token::Word(path)) if path.contains(':') => path,
            Some(token) => return Err(format!("expected a property instead of {} in the pattern", named(&token))),
            None => return Err("the pattern is not complete".into()),
        };
        let is_negated = self.takes("NOT");
        let operator = match self.next() {
            Some(Token::Word(word) | Token::Operator(word)) => word,
            _ => return Err(format!("expected a comparison after {path} in the pattern")),
        };
        let values = if operator == "EXISTS" { Vec::new() } else { self.values()? };
        let is_supported = !is_negated && ["=", "==", "IN", "ISSUBSET"].contains(&operator.as_str());
        let not = if is_negated { "NOT " } else { "" };
        let values = is_supported
            .then_some(values)
            .ok_or_else(|| format!("unsupported comparison in the pattern: {path} {not}{operator}"));
        Ok(vec![Comparison { path, values, is_partial: false }])
    }

    /// One value, or several in parentheses.
    fn values(&mut self) -> Result<Vec<String>, String> {
        if !self.takes_mark('(') {
            return Ok(vec![self.value()?]);
        }
        let mut values = Vec::new();
        while !self.takes_mark(')') {
            values.push(self.value()?);
            self.takes_mark(',');
        }
        Ok(values)
    }

    fn value(&mut self) -> Result<String, String> {
        match self.next() {
            // Such as t'2024-01-01T00:00:00Z', one word with its quotes.
            Some(Token::Text(text) | Token::Word(text)) => Ok(text),
            Some(token) => Err(format!("expected a value instead of {} in the pattern", named(&token))),
            None => Err("the pattern is not complete".into()),
        }
    }
}

fn partial(found: &mut [Comparison]) {
    found.iter_mut().for_each(|comparison| comparison.is_partial = true);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `path value ...`, with `+` for a comparison that is a part of several conditions.
    fn read(pattern: &str) -> Vec<String> {
        let shown = |one: Comparison| {
            let values = one.values.map_or_else(|reason| format!("({reason})"), |values| values.join(" "));
            format!("{} {values}{}", one.path, if one.is_partial { " +" } else { "" })
        };
        comparisons(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}")).into_iter().map(shown).collect()
    }

    #[test]
    fn lists_of_values() {
        assert_eq!(read("[ipv4-addr:value = '198.51.100.7']"), ["ipv4-addr:value 198.51.100.7"]);
        assert_eq!(
            read(
                "[ipv4-addr:value='198.51.100.7' OR autonomous-system:number = 64500] OR ([ipv6-addr:value IN ('::1', '::2')])"
            ),
            ["ipv4-addr:value 198.51.100.7", "autonomous-system:number 64500", "ipv6-addr:value ::1 ::2"]
        );
        assert_eq!(read("[x:y = 'it\\'s \\\\']"), ["x:y it's \\"]);
        let agent = "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'";
        assert_eq!(read(&format!("[{agent} = 'Evil/1']")), [format!("{agent} Evil/1")]);
        assert_eq!(read("[ipv4-addr:value ISSUBSET '192.0.2.0/24']"), ["ipv4-addr:value 192.0.2.0/24"]);
    }

    #[test]
    fn conditions_that_must_hold_together_are_partial() {
        assert_eq!(
            read("[network-traffic:src_ref.value = '192.0.2.1' AND network-traffic:dst_port = 443]"),
            ["network-traffic:src_ref.value 192.0.2.1 +", "network-traffic:dst_port 443 +"]
        );
        assert_eq!(read("[a:b = 1 OR (a:c = 2 AND a:d = 3)]"), ["a:b 1", "a:c 2 +", "a:d 3 +"]);
        assert_eq!(read("[a:b = 1] FOLLOWEDBY [a:c = 2] WITHIN 60 SECONDS"), ["a:b 1 +", "a:c 2 +"]);
        assert_eq!(read("[a:b = 1] START t'2024-01-01T00:00:00Z' STOP t'2024-02-01T00:00:00Z'"), ["a:b 1 +"]);
        assert_eq!(read("[a:b = 1] REPEATS 5 TIMES"), ["a:b 1 +"]);
    }

    #[test]
    fn other_comparisons_are_unsupported_and_the_rest_is_read() {
        assert_eq!(
            read("[a:b LIKE 'x%' OR a:c = 'y' OR a:d NOT = 'z' OR a:e != 'z' OR a:f MATCHES '^a']"),
            [
                "a:b (unsupported comparison in the pattern: a:b LIKE)",
                "a:c y",
                "a:d (unsupported comparison in the pattern: a:d NOT =)",
                "a:e (unsupported comparison in the pattern: a:e !=)",
                "a:f (unsupported comparison in the pattern: a:f MATCHES)",
            ]
        );
    }

    #[test]
    fn what_is_no_pattern_has_a_reason() {
        for (pattern, reason) in [
            ("ipv4-addr:value = '1'", "expected `[` instead of `ipv4-addr:value` in the pattern"),
            ("[a:b = 'x", "a quote in the pattern is not closed"),
            ("[a:b = ]", "expected a value instead of `]` in the pattern"),
            ("[a:b = 'x'", "expected `]` instead of the end in the pattern"),
            ("[a:b = 'x'] nonsense", "unexpected `nonsense` in the pattern"),
            ("[a:b IN ('x'", "the pattern is not complete"),
            ("[b = 'x']", "expected a property instead of `b` in the pattern"),
            ("", "expected `[` instead of the end in the pattern"),
        ] {
            assert_eq!(comparisons(pattern).unwrap_err(), reason, "{pattern}");
        }
        let nested = "(".repeat(5000) + "[a:b = 1]" + &")".repeat(5000);
        assert_eq!(comparisons(&nested).unwrap_err(), "too many nested parentheses in the pattern");
    }
}
