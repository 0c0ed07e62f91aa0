//! Numbers, times, plurals and names as people read them: in reports, query results and messages.
//!
//! Text in, text out. Nothing here prints, and nothing here makes log text safe for a terminal: see `terminal::printable`.

use indicatif::HumanCount;

/// A number with separators: `1,234,567`.
pub fn grouped(n: u64) -> String {
    HumanCount(n).to_string()
}

/// A number with its noun, given in the singular: `1 identity`, `2 identities`, `1,234 events`.
///
/// The last word takes the plural, so an adjective may come first: `counted(2, "more finding")`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {}", grouped(n), plural(n, noun))
}

/// The noun alone, in the singular for 1 and in its regular plural for other numbers.
pub fn plural(n: u64, noun: &str) -> String {
    if n == 1 {
        return noun.to_owned();
    }
    let after_consonant = |stem: &str| !stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    match noun.strip_suffix('y') {
        Some(stem) if after_consonant(stem) => format!("{stem}ies"),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

/// How often: `once`, `twice`, `3 times`.
pub fn times(n: u64) -> String {
    match n {
        1 => "once".into(),
        2 => "twice".into(),
        _ => format!("{} times", grouped(n)),
    }
}

/// `2024-03-20 14:05` for an RFC 3339 time.
pub fn shown_time(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// Text of at most `width` characters: cut after a word, with an ellipsis. A first word that is too long is cut itself.
pub fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let (end, next) = text.char_indices().nth(room).unwrap_or((text.len(), ' '));
    let head = &text[..end];
    let words =
        if next.is_whitespace() { head } else { head.rfind(char::is_whitespace).map_or(head, |at| &head[..at]) };
    let words = words.trim_end_matches(|c: char| c.is_whitespace() || ",;:".contains(c));
    format!("{}…", if words.is_empty() { head } else { words })
}

/// Lines of at most `width` characters, broken between words. Longer words are broken where the line ends; text beyond
/// `lines_max` lines is replaced by an ellipsis.
pub fn wrapped(text: &str, width: usize, lines_max: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim_end();
    while rest.chars().count() > width && lines.len() + 1 < lines_max {
        let (end, next) = rest.char_indices().nth(width).unwrap_or((rest.len(), ' '));
        let at = if next.is_whitespace() { Some(end) } else { rest[..end].rfind(char::is_whitespace) };
        let at = at.filter(|at| !rest[..*at].trim().is_empty()).unwrap_or(end);
        lines.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start();
    }
    lines.push(shortened(rest, width));
    lines
}

/// The short name of an ARN: its resource, without what every session or every Identity Center role has in common. Other
/// names stay as they are.
///
/// `arn:aws:iam::111122223333:user/maria` becomes `user/maria`, and
/// `arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/maria` becomes `Admin/maria`.
pub fn short_name(name: &str) -> String {
    let resource = name.strip_prefix("arn:").and_then(|rest| rest.splitn(5, ':').nth(4));
    let Some(resource) = resource.filter(|resource| !resource.is_empty()) else { return name.to_owned() };
    if let Some((_, role)) = resource.strip_prefix("role/aws-service-role/").and_then(|rest| rest.split_once('/')) {
        return format!("role/{role}");
    }
    let resource = resource.strip_prefix("assumed-role/").unwrap_or(resource);
    // https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let permission_set = resource.strip_prefix("AWSReservedSSO_").and_then(|rest| rest.split_once('/'));
    match permission_set.and_then(|(role, session)| Some((role.rsplit_once('_')?, session))) {
        Some(((role, hash), session)) if is_hash(hash) => format!("{role}/{session}"),
        _ => resource.to_owned(),
    }
}

/// The account an ARN names.
pub fn account_of(name: &str) -> Option<&str> {
    let account = name.strip_prefix("arn:")?.split(':').nth(3)?;
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

/// A sentence with every ARN replaced by its short name.
pub fn with_short_names(sentence: &str) -> String {
    let mut out = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some(at) = rest.find("arn:aws") {
        let (before, from_arn) = rest.split_at(at);
        let end = from_arn.find(|c: char| c.is_whitespace() || ",;()\"'".contains(c)).unwrap_or(from_arn.len());
        let (arn, after) = from_arn.split_at(end);
        // A colon at the end belongs to the sentence.
        let name = arn.trim_end_matches(':');
        out.push_str(before);
        out.push_str(&short_name(name));
        out.push_str(&arn[name.len()..]);
        rest = after;
    }
    out + rest
}

/// A question for a name that does not exist: names that are `similar`, or else the nearest one.
pub fn did_you_mean<'a>(typed: &str, similar: &[&str], names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let names = if similar.is_empty() { nearest(typed, names)?.to_owned() } else { similar.join(" or ") };
    Some(format!("did you mean {names}?"))
}

/// The name that was probably meant: the nearest one, if few letters differ.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let nearest = names.into_iter().map(|name| (strsim::levenshtein(typed, name), name)).min()?;
    (nearest.0 <= 1 + nearest.1.len() / 3).then_some(nearest.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_everything_else_plural() {
        assert_eq!(counted(1, "identity"), "1 identity");
        assert_eq!(counted(0, "identity"), "0 identities");
        assert_eq!(counted(2, "day"), "2 days");
        assert_eq!(counted(2, "address"), "2 addresses");
        assert_eq!(counted(3, "more finding"), "3 more findings");
        assert_eq!(counted(1_234, "event"), "1,234 events");
        assert_eq!([times(0), times(1), times(2), times(3)], ["0 times", "once", "twice", "3 times"]);
    }

    #[test]
    fn text_is_cut_after_a_word() {
        assert_eq!(shortened("there will be dragons", 21), "there will be dragons");
        assert_eq!(shortened("there will be dragons", 12), "there will…");
        assert_eq!(shortened("there will be dragons", 11), "there will…");
        assert_eq!(shortened("there will be dragons", 10), "there…");
        assert_eq!(shortened("first, second", 8), "first…");
        assert_eq!(shortened("supercalifragilistic", 6), "super…");
        assert_eq!(shortened("ééééé", 3), "éé…");
        assert_eq!(shortened("ab", 0), "…");
    }

    #[test]
    fn lines_break_between_words_and_the_last_one_shows_a_cut() {
        assert_eq!(wrapped("one two three four", 9, 3), ["one two", "three", "four"]);
        assert_eq!(wrapped("one two three four", 9, 2), ["one two", "three…"]);
        assert_eq!(wrapped("abcdefghij", 4, 9), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("ends here", 9, 2), ["ends here"]);
        assert_eq!(wrapped("", 9, 2), [""]);
    }

    #[test]
    fn an_arn_is_shown_by_its_resource() {
        let session = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/maria";
        assert_eq!(short_name(session), "Admin/maria");
        assert_eq!(short_name("arn:aws:sts::111122223333:assumed-role/deploy/i-1"), "deploy/i-1");
        assert_eq!(short_name("arn:aws-cn:iam::111122223333:user/eng/maria"), "user/eng/maria");
        let service_role = "role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig";
        assert_eq!(short_name(&format!("arn:aws:iam::111122223333:{service_role}")), "role/AWSServiceRoleForConfig");
        assert_eq!(short_name("arn:aws:s3:::logs"), "logs");
        assert_eq!(short_name("arn:aws:lambda:eu-west-1:111122223333:function:f:1"), "function:f:1");
        for name in ["ec2.amazonaws.com", "198.51.100.7", "arn:", "arn:aws:s3", ""] {
            assert_eq!(short_name(name), name);
        }
        assert_eq!(account_of(session), Some("111122223333"));
        assert_eq!(account_of("arn:aws:s3:::logs"), None);
    }

    #[test]
    fn a_sentence_keeps_its_punctuation() {
        let sentence = "arn:aws:iam::111122223333:user/ana: first use of arn:aws:s3:::logs, (arn:aws:s3:::x) by é";
        assert_eq!(with_short_names(sentence), "user/ana: first use of logs, (x) by é");
    }
}
