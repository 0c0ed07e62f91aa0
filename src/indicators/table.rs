//! CSV with a header, separated by commas, semicolons or tabs. Column names are those that common feeds use. The header may
//! be in the last comment before the rows, as in the exports of abuse.ch.

use super::feed::Feed;
use super::indicator::{Kind, Mention};
use super::recognise::{Recognised, kind_of_type, recognise, recognise_as};

/// Columns whose values have a type that another column or the value itself states.
const VALUES: [&str; 8] =
    ["indicator", "indicator value", "value", "ioc", "ioc value", "observable", "observable value", "artifact"];
const TYPES: [&str; 6] = ["type", "indicator type", "ioc type", "observable type", "kind", "data type"];
const DESCRIPTIONS: [&str; 11] = [
    "description",
    "comment",
    "comments",
    "note",
    "notes",
    "threat",
    "threat name",
    "malware",
    "malware printable",
    "title",
    "event info",
];
const CONFIDENCES: [&str; 5] =
    ["confidence", "confidence level", "confidence score", "abuse confidence score", "score"];
const SOURCES: [&str; 7] = ["source", "feed", "provider", "reference", "references", "reporter", "origin"];
/// In a row with several kinds, such as an address and its AS number, the first of these is the indicator.
const KINDS: [Kind; 7] =
    [Kind::Address, Kind::Network, Kind::AccessKey, Kind::Arn, Kind::Account, Kind::UserAgent, Kind::AsNumber];

/// What the columns of a table are.
#[derive(Debug)]
pub struct Header {
    delimiter: u8,
    /// Line of the header, from 1.
    line: u64,
    value: Option<usize>,
    type_name: Option<usize>,
    /// Columns of one kind each, by importance.
    kinds: Vec<(usize, Kind)>,
    description: Option<usize>,
    confidence: Option<usize>,
    source: Option<usize>,
    to_ids: Option<usize>,
}

impl Header {
    /// The header of a table: the first line that is no comment, or the last comment before it.
    pub fn find(text: &str) -> Option<Header> {
        let mut comment = None;
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let number = at as u64 + 1;
            match line.trim_start().strip_prefix('#') {
                Some(rest) => comment = Some((number, rest)),
                None => {
                    let commented = || comment.and_then(|(number, rest)| Header::of(rest, number));
                    return Header::of(line, number).or_else(commented);
                }
            }
        }
        None
    }

    fn of(line: &str, number: u64) -> Option<Header> {
        let (delimiter, record) = cells(line)?;
        // `198.51.100.7,ip,leaked` has the name of a column, but is a row.
        if record.iter().any(|cell| matches!(recognise(cell), Ok(Recognised::Indicator(..)))) {
            return None;
        }
        let names: Vec<String> = record.iter().map(words).collect();
        let column = |known: &[&str]| known.iter().find_map(|known| names.iter().position(|name| name == known));
        let kinds = KINDS.iter().flat_map(|kind| {
            let is_of = |name: &str| kind_of_type(name) == Some(*kind);
            names.iter().enumerate().filter(move |(_, name)| is_of(name)).map(|(at, _)| (at, *kind))
        });
        let header = Header {
            delimiter,
            line: number,
            value: column(&VALUES),
            type_name: column(&TYPES),
            kinds: kinds.collect(),
            description: column(&DESCRIPTIONS),
            confidence: column(&CONFIDENCES),
            source: column(&SOURCES),
            to_ids: column(&["to ids"]),
        };
        // A single column is a table only if its name is one.
        (header.value.is_some() || !header.kinds.is_empty()).then_some(header)
    }
}

/// The cells of a line and what separates them.
pub fn cells(line: &str) -> Option<(u8, csv::StringRecord)> {
    let counted = |delimiter: u8| line.bytes().filter(|byte| *byte == delimiter).count();
    let delimiter = *[b',', b';', b'\t'].iter().max_by_key(|delimiter| counted(**delimiter))?;
    Some((delimiter, reader(line, delimiter).records().next()?.ok()?))
}

/// A column's name as lower-case words: `ioc_value` and `iocValue` are `ioc value`.
fn words(name: &str) -> String {
    let mut words = String::new();
    let mut last = ' ';
    for c in name.trim().trim_start_matches('\u{feff}').chars() {
        if c.is_uppercase() && last.is_lowercase() {
            words.push(' ');
        }
        if c.is_alphanumeric() || c == '|' || c == ':' {
            words.extend(c.to_lowercase());
        } else if !words.ends_with(' ') {
            words.push(' ');
        }
        last = c;
    }
    words.trim().to_owned()
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
}

/// Reads the rows below a header.
pub fn table(text: &str, header: &Header, feed: &mut Feed) {
    let (mut line, mut counted) = (1, 0);
    for record in reader(text, header.delimiter).records() {
        let position = match &record {
            Ok(record) => record.position(),
            Err(error) => error.position(),
        };
        // The reader counts no empty lines before a record.
        let begin = position.map_or(counted, |position| position.byte() as usize);
        let begin = begin + text[begin..].find(|c| !"\r\n".contains(c)).unwrap_or(0);
        line += text[counted..begin].matches('\n').count() as u64;
        counted = begin;
        let at = line.to_string();
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                feed.problem(&at, format!("invalid CSV: {error}"));
                continue;
            }
        };
        let is_comment = record.get(0).is_some_and(|cell| cell.starts_with('#'));
        if line <= header.line || is_comment || record.iter().all(str::is_empty) {
            continue;
        }
        let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|text| !text.is_empty());
        if cell(header.to_ids).is_some_and(|text| ["0", "false"].contains(&text.to_lowercase().as_str())) {
            feed.leave_out("not for detection (to_ids is false)");
            continue;
        }
        let confidence = match cell(header.confidence).map(confidence).transpose() {
            Ok(confidence) => confidence,
            Err(reason) => {
                feed.problem(&at, reason);
                continue;
            }
        };
        let about = Mention {
            description: cell(header.description).map(str::to_owned),
            source: cell(header.source).map(str::to_owned),
            confidence,
            ..Mention::default()
        };
        let of_kind = header.kinds.iter().find_map(|(column, kind)| Some((cell(Some(*column))?, *kind)));
        let value = match (cell(header.value), cell(header.type_name), of_kind) {
            (Some(value), Some(type_name), _) => recognise_as(type_name, value),
            (Some(value), None, _) => recognise(value),
            (None, _, Some((value, kind))) => recognise_as(kind.noun(), value),
            (None, _, None) => Err("no indicator in this row".into()),
        };
        feed.add(&at, value, about);
    }
}

/// From 0 to 100. Words are as in STIX's scale: none, low, medium, high.
///
/// # Errors
/// When it is neither.
pub fn confidence(text: &str) -> Result<u8, String> {
    let number = text.trim_end_matches('%').trim();
    match text.to_lowercase().as_str() {
        "none" => Ok(0),
        "low" => Ok(15),
        "medium" | "med" => Ok(50),
        "high" => Ok(85),
        _ => match number.parse::<f64>() {
            Ok(number) if (0.0..=100.0).contains(&number) => Ok(number.round() as u8),
            _ => Err(format!("invalid confidence `{text}`: expected 0 to 100, low, medium or high")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Feed {
        let mut feed = Feed::of("f.csv");
        table(text, &Header::find(text).expect("a header"), &mut feed);
        feed
    }

    /// Kind, value, line, description and confidence.
    type Found<'a> = (Kind, &'a str, &'a str, Option<&'a str>, Option<u8>);

    fn found(feed: &Feed) -> Vec<Found<'_>> {
        let found = feed.indicators.iter().map(|(kind, value, about)| {
            (*kind, value.as_str(), about.at.as_str(), about.description.as_deref(), about.confidence)
        });
        found.collect()
    }

    #[test]
    fn typed_values_with_quotes_and_line_breaks() {
        let feed = read(
            "type,value,comment,confidence,to_ids\nip-dst,198.51.100.7,\"a \"\"C2\"\",\nold\",80,1\n\
             domain,evil.example,,,1\nuser-agent,\"Evil/1 (a, b)\",,high,1\nip-src,192.0.2.1,,,0\nip-src,nowhere,,,1\n\
             ip-src,192.0.2.2,,much,1\n",
        );
        assert_eq!(
            found(&feed),
            [
                (Kind::Address, "198.51.100.7", "2", Some("a \"C2\", old"), Some(80)),
                (Kind::UserAgent, "Evil/1 (a, b)", "5", None, Some(85)),
            ]
        );
        assert_eq!(feed.not_recorded["domain"], 1);
        assert_eq!(feed.left_out["not for detection (to_ids is false)"], 1);
        let problems: Vec<_> = feed.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "f.csv:7: `nowhere` is not an address or a network",
                "f.csv:8: invalid confidence `much`: expected 0 to 100, low, medium or high",
            ]
        );
    }

    #[test]
    fn the_header_may_be_a_comment_and_an_address_comes_before_its_as_number() {
        let feed =
            read("# export\n# \"first_seen\",\"asn\",\"dst_ip\",\"malware\"\n\"2024\",64500,198.51.100.7,Evil\n");
        assert_eq!(found(&feed), [(Kind::Address, "198.51.100.7", "3", Some("Evil"), None)]);
        let feed = read("\r\n# x\r\n\r\nASN;Threat Name\r\n\r\n# y, \"z\r\n64500;Evil\r\n");
        assert_eq!(found(&feed), [(Kind::AsNumber, "AS64500", "7", Some("Evil"), None)]);
    }

    #[test]
    fn a_list_has_no_header() {
        let rows = ["198.51.100.7,ip,leaked\n192.0.2.1,ip,leaked\n", "value;AKIAIOSFODNN7EXAMPLE\n"];
        for text in rows {
            assert!(Header::find(text).is_none(), "{text}");
        }
        for text in ["198.51.100.7\n", "# ip addresses\n198.51.100.7\n", "evil.example, other\n", ""] {
            assert!(Header::find(text).is_none(), "{text}");
        }
    }
}
