//! Plain lists: one indicator per line. `#` or `;` begins a comment; one after an indicator is its description. So are the
//! other cells of a line of CSV.

use super::feed::Feed;
use super::indicator::{Kind, Mention};
use super::recognise::{Recognised, kind_of_type, recognise, recognise_as};
use super::table::cells;

/// Reads a list.
pub fn list(text: &str, feed: &mut Feed) {
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) || line.starts_with("//") {
            continue;
        }
        // `user-agent: TEXT`. An ARN begins with its type too.
        let typed = line.split_once(':').filter(|(name, _)| kind_of_type(name).is_some_and(|kind| kind != Kind::Arn));
        let is_user_agent = typed.is_some_and(|(name, _)| kind_of_type(name) == Some(Kind::UserAgent));
        let value = typed.map_or(line, |(_, value)| value);
        // A user agent has `; ` within its parentheses.
        let comments: &[&str] = if is_user_agent { &[" #", "\t#"] } else { &[" #", "\t#", " ;", "\t;"] };
        let end = comments.iter().filter_map(|begin| value.find(begin)).min().unwrap_or(value.len());
        let comment = value[end..].trim_matches(|c: char| c.is_whitespace() || "#;".contains(c));
        let value = &value[..end];
        let (found, mut texts) = match typed {
            Some((name, _)) => (recognise_as(name, value), Vec::new()),
            None => in_cells(value),
        };
        texts.push(comment.to_owned());
        texts.retain(|text| !text.is_empty());
        let about = Mention { description: Some(texts.join(", ")), ..Mention::default() };
        feed.add(&(at + 1).to_string(), found, about);
    }
}

/// The first indicator among the cells of a line, and the other cells.
fn in_cells(line: &str) -> (Result<Recognised, String>, Vec<String>) {
    let whole = recognise(line);
    // A user agent may contain commas.
    if matches!(whole, Ok(Recognised::Indicator(Kind::UserAgent, _))) {
        return (whole, Vec::new());
    }
    let Some((_, cells)) = cells(line) else { return (whole, Vec::new()) };
    let found: Vec<_> = cells.iter().map(recognise).collect();
    let indicator = found.iter().position(|found| matches!(found, Ok(Recognised::Indicator(..))));
    let other = || if whole.is_err() { found.iter().position(Result::is_ok) } else { None };
    match indicator.or_else(other) {
        Some(at) => {
            let others = cells.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, cell)| cell.to_owned());
            (found[at].clone(), others.collect())
        }
        None => (whole, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_descriptions_and_types_may_be_stated() {
        let text = "# feed\n; more\n\n198.51.100.7 # an exit node\n192.0.2.0/24 ; SBL1\nuser-agent: Evil (x; y) # tool\n\
                    ASN: 64500\narn:aws:iam::111122223333:user/ana\nnonsense\n";
        let mut feed = Feed::of("f");
        list(text, &mut feed);
        let found = feed
            .indicators
            .iter()
            .map(|(kind, value, about)| (*kind, value.as_str(), about.at.as_str(), about.description.as_deref()));
        let found: Vec<_> = found.collect();
        assert_eq!(
            found,
            [
                (Kind::Address, "198.51.100.7", "4", Some("an exit node")),
                (Kind::Network, "192.0.2.0/24", "5", Some("SBL1")),
                (Kind::UserAgent, "Evil (x; y)", "6", Some("tool")),
                (Kind::AsNumber, "AS64500", "7", None),
                (Kind::Arn, "arn:aws:iam::111122223333:user/ana", "8", None),
            ]
        );
        assert_eq!(feed.problems.len(), 1);
        assert!(feed.problems[0].to_string().starts_with("f:9: `nonsense` is no indicator"), "{}", feed.problems[0]);
    }

    #[test]
    fn a_line_of_csv_has_its_indicator_in_any_cell() {
        let text = "198.51.100.7,ip,leaked\n2024-01-01;\"192.0.2.0/24\";seen, twice\nAKIAIOSFODNN7EXAMPLE,leaked # by us\n\
                    evil.example,198.51.100.8,https://evil.example/\nevil.example, other\nEvil/1 (a, b)\nno,thing\n";
        let mut feed = Feed::of("f");
        list(text, &mut feed);
        let found: Vec<_> = feed
            .indicators
            .iter()
            .map(|(kind, value, about)| (*kind, value.as_str(), about.description.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                (Kind::Address, "198.51.100.7", Some("ip, leaked")),
                (Kind::Network, "192.0.2.0/24", Some("2024-01-01, seen, twice")),
                (Kind::AccessKey, "AKIAIOSFODNN7EXAMPLE", Some("leaked, by us")),
                (Kind::Address, "198.51.100.8", Some("evil.example, https://evil.example/")),
                (Kind::UserAgent, "Evil/1 (a, b)", None),
            ]
        );
        assert_eq!(feed.not_recorded["domain"], 1);
        assert_eq!(feed.problems.len(), 1);
        assert!(feed.problems[0].to_string().starts_with("f:7: `no,thing` is no indicator"), "{}", feed.problems[0]);
    }
}
