//! What a rule compares a field with, as SQL: strings with wildcards, numbers, networks, regular expressions, encodings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use rsigma_ir::{IrEncoding, IrExpandPart, IrMatcher, IrNumber, IrPattern, IrPatternPart, IrStrOp, IrTimePart};

use super::field::{self, Field, Values, quoted};
use crate::engine::Condition;

/// Bytes of a compiled regular expression. The engine's default is 10 MiB; one event is matched against every rule.
const REGEX_BYTES_MAX: usize = 1 << 20;
/// Spellings of one value that `windash` gives, at most: five dashes in four places.
const SPELLINGS_MAX: usize = 625;
/// What Windows programs accept for the dash of an option, by the specification of `windash`.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// The condition that a field matches.
///
/// # Errors
/// What cannot be compared, in words.
pub fn condition(field: &Field, matcher: &IrMatcher) -> Result<Condition, String> {
    match matcher {
        IrMatcher::AllOf(matchers) => {
            Ok(Condition::all(matchers.iter().map(|one| condition(field, one)).collect::<Result<Vec<_>, _>>()?))
        }
        // A field that is missing is unequal, as in pySigma.
        IrMatcher::Not(inner) => Ok(condition(field, inner)?.negated()),
        // About the field as such, not about a value that is looked for.
        IrMatcher::Exists(_) | IrMatcher::Null | IrMatcher::FieldRef { .. } => of_values(&field.own, matcher),
        // A text inside JSON, such as a policy, has escaped quotes in the JSON.
        matcher => {
            let places = std::iter::once(&field.own).chain(&field.inner);
            Ok(Condition::any(places.map(|values| of_values(values, matcher)).collect::<Result<Vec<_>, _>>()?))
        }
    }
}

fn of_values(values: &Values, matcher: &IrMatcher) -> Result<Condition, String> {
    Ok(match matcher {
        IrMatcher::AnyOf(matchers) => any_of(values, matchers)?,
        IrMatcher::AllOf(_) | IrMatcher::Not(_) => condition(&values.clone().into(), matcher)?,
        IrMatcher::Exists(true) => Condition::Sql(format!("{} IS NOT NULL", values.sql())),
        IrMatcher::Exists(false) | IrMatcher::Null => Condition::Sql(format!("{} IS NULL", values.sql())),
        IrMatcher::Str { op, pattern, case_insensitive } => text(values, *op, pattern, *case_insensitive),
        IrMatcher::Encoded { encodings, op, value, case_insensitive } => {
            let spellings = encoded(encodings, value)?;
            // Base64 of a text occurs inside a longer one.
            let op = if encodings.contains(&IrEncoding::Base64Offset) && *op == IrStrOp::Exact {
                IrStrOp::Contains
            } else {
                *op
            };
            let spelling = |value: &String| text(values, op, &literal(value), *case_insensitive);
            Condition::any(spellings.iter().map(spelling).collect::<Vec<_>>())
        }
        IrMatcher::Regex { pattern, case_insensitive, multiline, dotall, .. } => {
            let flags: String = [(*case_insensitive, 'i'), (*multiline, 'm'), (*dotall, 's')]
                .iter()
                .filter(|f| f.0)
                .map(|f| f.1)
                .collect();
            let pattern = if flags.is_empty() { pattern.clone() } else { format!("(?{flags}){pattern}") };
            regex::RegexBuilder::new(&pattern).size_limit(REGEX_BYTES_MAX).build().map_err(|e| in_words(&e))?;
            Condition::Sql(match values {
                Values::One(sql) => format!("regexp_like({sql}, {})", quoted(&pattern)),
                Values::Many(sql) => format!("any_regexp({sql}, {})", quoted(&pattern)),
            })
        }
        IrMatcher::Cidr { network } => {
            let parsed: IpNet =
                network.parse().map_err(|_| format!("`{network}` is not a network such as 10.0.0.0/8"))?;
            let network = quoted(&parsed.to_string());
            Condition::Sql(match values {
                Values::One(sql) => format!("ip_in_cidr({sql}, {network})"),
                Values::Many(sql) => format!("any_in_cidr({sql}, {network})"),
            })
        }
        IrMatcher::NumericEq(n) => number(values, "=", n)?,
        IrMatcher::NumericGt(n) => number(values, ">", n)?,
        IrMatcher::NumericGte(n) => number(values, ">=", n)?,
        IrMatcher::NumericLt(n) => number(values, "<", n)?,
        IrMatcher::NumericLte(n) => number(values, "<=", n)?,
        IrMatcher::BoolEq(expected) => text(values, IrStrOp::Exact, &literal(&expected.to_string()), true),
        IrMatcher::FieldRef { field, op, case_insensitive } => {
            field_reference(values, &field::of(field)?.own, *op, *case_insensitive)?
        }
        IrMatcher::TimestampPart { part, inner } => time_part(values, *part, inner)?,
        IrMatcher::Expand { template, .. } => {
            let named = template.iter().find_map(|part| match part {
                IrExpandPart::Placeholder(name) => Some(name.as_str()),
                IrExpandPart::Literal(_) => None,
            });
            let name = named.unwrap_or_default();
            return Err(format!("placeholder %{name}% has no value; --sigma-pipeline gives values in `vars`"));
        }
    })
}

/// One of several values. Texts without wildcards become one list.
fn any_of(values: &Values, matchers: &[IrMatcher]) -> Result<Condition, String> {
    let mut listed = [Vec::new(), Vec::new()];
    let mut others = Vec::new();
    for matcher in matchers {
        match matcher {
            IrMatcher::Str { op: IrStrOp::Exact, pattern, case_insensitive } if pattern.is_plain() => {
                let text = pattern.as_plain().unwrap_or_default();
                listed[usize::from(*case_insensitive)].push(if *case_insensitive { text.to_lowercase() } else { text });
            }
            other => others.push(of_values(values, other)?),
        }
    }
    for (lower, texts) in [(true, &listed[1]), (false, &listed[0])] {
        if !texts.is_empty() {
            others.insert(0, Condition::Sql(is_one_of(values, texts, lower)));
        }
    }
    Ok(Condition::any(others))
}

fn is_one_of(values: &Values, texts: &[String], lower: bool) -> String {
    let sql = lowered(values, lower);
    let list = texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    match (values, texts) {
        (Values::One(_), [_]) => format!("{sql} = {list}"),
        (Values::One(_), _) => format!("{sql} IN ({list})"),
        (Values::Many(_), _) => format!("any_in({sql}, make_array({list}))"),
    }
}

fn lowered(values: &Values, lower: bool) -> String {
    match values {
        Values::One(sql) if lower => format!("lower({sql})"),
        Values::Many(sql) if lower => format!("lower_values({sql})"),
        other => other.sql().to_owned(),
    }
}

fn literal(text: &str) -> IrPattern {
    IrPattern { parts: vec![IrPatternPart::Literal(text.to_owned())] }
}

fn text(values: &Values, op: IrStrOp, pattern: &IrPattern, lower: bool) -> Condition {
    let fold = |text: &str| if lower { text.to_lowercase() } else { text.to_owned() };
    if op == IrStrOp::Exact && pattern.is_plain() {
        let texts = [fold(&pattern.as_plain().unwrap_or_default())];
        return Condition::Sql(is_one_of(values, &texts, lower));
    }
    let mut like = String::new();
    for part in &pattern.parts {
        match part {
            IrPatternPart::Literal(text) => like.push_str(&escaped(&fold(text))),
            IrPatternPart::WildcardMulti => like.push('%'),
            IrPatternPart::WildcardSingle => like.push('_'),
        }
    }
    if matches!(op, IrStrOp::Contains | IrStrOp::EndsWith) {
        like.insert(0, '%');
    }
    if matches!(op, IrStrOp::Contains | IrStrOp::StartsWith) {
        like.push('%');
    }
    // `*` alone: any value, also an empty text.
    if let (Values::One(sql), true) = (values, like.chars().all(|c| c == '%')) {
        return Condition::Sql(format!("{sql} IS NOT NULL"));
    }
    let sql = lowered(values, lower);
    Condition::Sql(match values {
        Values::One(_) => format!("{sql} LIKE {}", quoted(&like)),
        Values::Many(_) => format!("any_like({sql}, {})", quoted(&like)),
    })
}

/// A text inside a LIKE pattern.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn number(values: &Values, operator: &str, number: &IrNumber) -> Result<Condition, String> {
    let IrNumber::Literal(number) = number else { return Err("a number is needed".into()) };
    // {:?} writes every digit, and an exponent that SQL understands.
    Ok(Condition::Sql(match values {
        Values::One(sql) => format!("TRY_CAST({sql} AS DOUBLE) {operator} {number:?}"),
        Values::Many(sql) => format!("any_number({sql}, '{operator}', {number:?})"),
    }))
}

fn field_reference(values: &Values, other: &Values, op: IrStrOp, lower: bool) -> Result<Condition, String> {
    let (Values::One(_), Values::One(_)) = (values, other) else {
        // Two lists: one value in common.
        if op != IrStrOp::Exact {
            return Err(
                "fieldref with contains, startswith or endswith works between members that have one value, such as \
                        userAgent or userIdentity.arn"
                    .into(),
            );
        }
        let list = |of: &Values| match of {
            Values::One(sql) => lowered(&Values::Many(format!("make_array({sql})")), lower),
            many => lowered(many, lower),
        };
        return Ok(Condition::Sql(format!("array_has_any({}, {})", list(values), list(other))));
    };
    let (this, that) = (lowered(values, lower), lowered(other, lower));
    Ok(Condition::Sql(match op {
        IrStrOp::Exact => format!("{this} = {that}"),
        IrStrOp::Contains => format!("strpos({this}, {that}) > 0"),
        IrStrOp::StartsWith => format!("starts_with({this}, {that})"),
        IrStrOp::EndsWith => format!("ends_with({this}, {that})"),
    }))
}

fn time_part(values: &Values, part: IrTimePart, inner: &IrMatcher) -> Result<Condition, String> {
    let IrMatcher::NumericEq(IrNumber::Literal(number)) = inner else { return Err("a number is needed".into()) };
    let part = match part {
        IrTimePart::Minute => "minute",
        IrTimePart::Hour => "hour",
        IrTimePart::Day => "day",
        IrTimePart::Week => "week",
        IrTimePart::Month => "month",
        IrTimePart::Year => "year",
    };
    let time = values.as_text();
    Ok(Condition::Sql(format!("date_part('{part}', TRY_CAST({time} AS TIMESTAMP)) = {number}")))
}

/// The spellings of a value after these encodings.
fn encoded(encodings: &[IrEncoding], value: &str) -> Result<Vec<String>, String> {
    let mut bytes = value.as_bytes().to_vec();
    let mut is_text = true;
    for encoding in encodings {
        let utf16 = || String::from_utf8_lossy(&bytes).encode_utf16().collect::<Vec<_>>();
        match encoding {
            IrEncoding::Wide => bytes = utf16().iter().flat_map(|unit| unit.to_le_bytes()).collect(),
            IrEncoding::Utf16Be => bytes = utf16().iter().flat_map(|unit| unit.to_be_bytes()).collect(),
            // With the byte order mark.
            IrEncoding::Utf16 => {
                bytes = [0xFF, 0xFE].into_iter().chain(utf16().iter().flat_map(|unit| unit.to_le_bytes())).collect();
            }
            IrEncoding::Base64 => return Ok(vec![STANDARD.encode(&bytes)]),
            IrEncoding::Base64Offset => return Ok(offsets(&bytes)),
            IrEncoding::Windash => return windash(value),
        }
        is_text = false;
    }
    match String::from_utf8(bytes) {
        Ok(text) if is_text || !text.contains('\0') => Ok(vec![text]),
        _ => Err("UTF-16 without base64 is not text, and CloudTrail's fields are".into()),
    }
}

/// The Base64 of bytes at each of the three positions that they can have in a longer text; only what does not depend on the
/// neighbours (specification of `base64offset`).
fn offsets(bytes: &[u8]) -> Vec<String> {
    let at = |offset: usize| {
        let padded: Vec<u8> = std::iter::repeat_n(0, offset).chain(bytes.iter().copied()).collect();
        let text = STANDARD.encode(&padded);
        let start = [0, 2, 3][offset];
        let end = text.len() - [0, 3, 2][padded.len() % 3];
        text.get(start..end).unwrap_or_default().to_owned()
    };
    (0..3).map(at).filter(|text| !text.is_empty()).collect()
}

/// A value with every kind of dash before its options.
fn windash(value: &str) -> Result<Vec<String>, String> {
    let mut spellings = vec![String::new()];
    let mut before = ' ';
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        let begins = !before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        before = c;
        if begins && (c == '-' || c == '/') {
            if spellings.len() * DASHES.len() > SPELLINGS_MAX {
                return Err(format!("windash: more than {SPELLINGS_MAX} spellings of `{value}`"));
            }
            spellings = spellings.iter().flat_map(|text| DASHES.map(|dash| format!("{text}{dash}"))).collect();
        } else {
            spellings.iter_mut().for_each(|text| text.push(c));
        }
    }
    Ok(spellings)
}

/// A regular expression's error in one line.
fn in_words(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            format!("the regular expression is too large: compiled, it exceeds {} KiB", REGEX_BYTES_MAX >> 10)
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("the regular expression is invalid: {last}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Field {
        Values::One("x".into()).into()
    }

    fn pattern(parts: &[&str]) -> IrPattern {
        let part = |text: &&str| match *text {
            "*" => IrPatternPart::WildcardMulti,
            "?" => IrPatternPart::WildcardSingle,
            text => IrPatternPart::Literal(text.into()),
        };
        IrPattern { parts: parts.iter().map(part).collect() }
    }

    fn string(op: IrStrOp, parts: &[&str], case_insensitive: bool) -> IrMatcher {
        IrMatcher::Str { op, pattern: pattern(parts), case_insensitive }
    }

    fn sql(matcher: &IrMatcher) -> String {
        condition(&one(), matcher).unwrap().to_string()
    }

    #[test]
    fn strings_ignore_case_unless_cased_and_wildcards_become_like() {
        assert_eq!(sql(&string(IrStrOp::Exact, &["It's"], true)), "lower(x) = 'it''s'");
        assert_eq!(sql(&string(IrStrOp::Exact, &["It"], false)), "x = 'It'");
        assert_eq!(sql(&string(IrStrOp::Exact, &["a_%\\", "*", "b", "?"], true)), r"lower(x) LIKE 'a\_\%\\%b_'");
        assert_eq!(sql(&string(IrStrOp::Contains, &["A"], true)), "lower(x) LIKE '%a%'");
        assert_eq!(sql(&string(IrStrOp::StartsWith, &["A"], false)), "x LIKE 'A%'");
        assert_eq!(sql(&string(IrStrOp::Exact, &["*"], true)), "x IS NOT NULL");
        let many = Values::Many("json_values(r, 'p')".into()).into();
        let contains = condition(&many, &string(IrStrOp::Contains, &["A"], true)).unwrap();
        assert_eq!(contains.to_string(), "any_like(lower_values(json_values(r, 'p')), '%a%')");
    }

    #[test]
    fn plain_texts_of_a_list_become_one_predicate() {
        let list = IrMatcher::AnyOf(vec![
            string(IrStrOp::Exact, &["A"], true),
            string(IrStrOp::Exact, &["b", "*"], true),
            string(IrStrOp::Exact, &["C"], true),
        ]);
        assert_eq!(sql(&list), "lower(x) IN ('a', 'c')\n  OR lower(x) LIKE 'b%'");
    }

    #[test]
    fn encodings_give_what_a_text_can_contain() {
        assert_eq!(encoded(&[IrEncoding::Base64], "foobar").unwrap(), ["Zm9vYmFy"]);
        // Example of the specification: http:// at the three offsets.
        let http = ["aHR0cDovL", "h0dHA6Ly", "odHRwOi8v"];
        assert_eq!(encoded(&[IrEncoding::Base64Offset], "http://").unwrap(), http);
        assert_eq!(encoded(&[IrEncoding::Wide, IrEncoding::Base64], "ab").unwrap(), ["YQBiAA=="]);
        assert!(encoded(&[IrEncoding::Wide], "ab").is_err());
        assert_eq!(windash("-a b-c /d").unwrap().len(), 25, "the dash inside b-c stays");
        assert!(windash("-a -b -c -d -e").is_err());
    }

    #[test]
    fn what_cannot_be_compared_is_an_error() {
        let regex = |pattern: &str| IrMatcher::Regex {
            pattern: pattern.into(),
            case_insensitive: true,
            multiline: false,
            dotall: true,
            cased: false,
        };
        assert_eq!(sql(&regex("a+$")), "regexp_like(x, '(?is)a+$')");
        let error = |matcher: &IrMatcher| condition(&one(), matcher).unwrap_err();
        assert!(error(&regex("(a{1000}){1000}")).contains("too large"));
        assert!(error(&regex("(?=a)b")).contains("look-around"), "{}", error(&regex("(?=a)b")));
        assert!(error(&IrMatcher::Cidr { network: "10.0.0.0/99".into() }).contains("not a network"));
    }
}
