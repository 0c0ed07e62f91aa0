//! Numbers, times, plurals and names as people read them: in reports, query results and messages.
//!
//! Text in, text out. Nothing here prints, and nothing here makes log text safe for a terminal: see `terminal::printable`.

use std::collections::BTreeMap;

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

/// The short name of an ARN, without its account. Other names stay as they are.
///
/// | ARN | short name |
/// |---|---|
/// | `...:user/maria` | `user/maria` |
/// | `...:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/maria@example.com` | `maria@example.com as Admin` |
/// | `...:assumed-role/deploy/i-1` | `i-1 as role/deploy` |
///
/// Whoever assumes a role chooses the session's name, so only a session of Identity Center reads like a person: IAM lets
/// nobody else create roles whose names begin with `AWSReservedSSO_`.
pub fn short_name(name: &str) -> String {
    Arn::parse(name).map_or_else(|| name.to_owned(), |arn| arn.shown(str::to_owned))
}

/// An ARN's account and the parts of its name that are shown.
struct Arn<'a> {
    account: &'a str,
    shown: Shown<'a>,
}

enum Shown<'a> {
    /// A person's session of Identity Center: the person and the permission set.
    Person(&'a str, &'a str),
    /// Another session of a role: its name and the role.
    Session(&'a str, &'a str),
    /// A role that a service owns.
    ServiceRole(&'a str),
    /// Anything else: the resource as it is.
    Resource(&'a str),
}

impl<'a> Arn<'a> {
    /// `None` if it is not an ARN, or has characters that no ARN of an identity has: such a name is shown as it is.
    fn parse(name: &'a str) -> Option<Arn<'a>> {
        let mut parts = name.strip_prefix("arn:")?.splitn(5, ':').skip(3);
        let (account, resource) = (parts.next()?, parts.next()?);
        if resource.is_empty() || resource.contains(|c: char| c.is_whitespace() || c == '…') {
            return None;
        }
        if let Some((_, role)) = resource.strip_prefix("role/aws-service-role/").and_then(|rest| rest.split_once('/')) {
            return Some(Arn { account, shown: Shown::ServiceRole(role) });
        }
        let session = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split_once('/'));
        let Some((role, session)) = session else { return Some(Arn { account, shown: Shown::Resource(resource) }) };
        // https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
        let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let permission_set = role.strip_prefix("AWSReservedSSO_").and_then(|rest| rest.rsplit_once('_'));
        let shown = match permission_set {
            Some((set, hash)) if is_hash(hash) => Shown::Person(session, set),
            _ => Shown::Session(session, role),
        };
        Some(Arn { account, shown })
    }

    /// The name without the account; `person` shortens a person's name.
    fn shown(&self, person: impl Fn(&str) -> String) -> String {
        match self.shown {
            Shown::Person(name, set) => format!("{} as {set}", person(name)),
            Shown::Session(name, role) => format!("{name} as role/{role}"),
            Shown::ServiceRole(role) => format!("role/{role}"),
            Shown::Resource(resource) => resource.to_owned(),
        }
    }
}

/// How accounts and people are shortened among a set of names: only where nothing else in the set would look the same.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Account ids by their short form; `None` if several have it.
    accounts: BTreeMap<String, Option<String>>,
    /// Domains of the people's e-mail addresses by the part before the `@`; `None` if there are several.
    domains: BTreeMap<String, Option<String>>,
}

impl Names {
    /// Names as short as possible among all ARNs in `texts`, which may be names or sentences.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Names {
        let mut names = Names::default();
        for text in texts {
            for arn in arns(text).filter_map(|(from, to)| Arn::parse(&text[from..to])) {
                if is_account(arn.account) {
                    note(&mut names.accounts, short_account(arn.account), arn.account);
                }
                if let Shown::Person(person, _) = arn.shown
                    && let Some((local, domain)) = person.split_once('@')
                {
                    note(&mut names.domains, local.to_owned(), domain);
                }
            }
        }
        names
    }

    /// An identity or resource with its account: `maria@… as Admin in 1111…3333`.
    pub fn short(&self, name: &str) -> String {
        self.name(name, "")
    }

    /// A sentence with every ARN replaced by its short name. An account is stated where it changes.
    pub fn sentence(&self, sentence: &str) -> String {
        let mut out = String::with_capacity(sentence.len());
        let (mut at, mut stated) = (0, "");
        for (from, to) in arns(sentence) {
            let arn = &sentence[from..to];
            out.push_str(&sentence[at..from]);
            out.push_str(&self.name(arn, stated));
            stated = account_of(arn).unwrap_or(stated);
            at = to;
        }
        out.push_str(&sentence[at..]);
        out
    }

    /// The short name, without its account if that is `stated`.
    fn name(&self, name: &str, stated: &str) -> String {
        let Some(arn) = Arn::parse(name) else { return name.to_owned() };
        let shown = arn.shown(|person| self.person(person));
        if !is_account(arn.account) || arn.account == stated {
            return shown;
        }
        let preposition = if shown == "root" { "of" } else { "in" };
        format!("{shown} {preposition} {}", self.account(arn.account))
    }

    fn account(&self, account: &str) -> String {
        let short = short_account(account);
        if matches!(self.accounts.get(&short), Some(Some(_))) { short } else { account.to_owned() }
    }

    fn person(&self, name: &str) -> String {
        match name.split_once('@') {
            Some((local, _)) if matches!(self.domains.get(local), Some(Some(_))) => format!("{local}@…"),
            _ => name.to_owned(),
        }
    }
}

/// Remembers the long form of a short one, or that there are several.
fn note(known: &mut BTreeMap<String, Option<String>>, short: String, long: &str) {
    let form = known.entry(short).or_insert_with(|| Some(long.to_owned()));
    if form.as_deref().is_some_and(|known| known != long) {
        *form = None;
    }
}

/// `1111…3333`.
fn short_account(account: &str) -> String {
    format!("{}…{}", &account[..4], &account[8..])
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Where the ARNs of a sentence begin and end.
fn arns(sentence: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = at + sentence.get(at..)?.find("arn:aws")?;
        let text = &sentence[from..];
        let end = text.find(|c: char| c.is_whitespace() || ",;()\"'`".contains(c)).unwrap_or(text.len());
        at = from + end;
        // A colon at the end belongs to the sentence.
        Some((from, from + text[..end].trim_end_matches(':').len()))
    })
}

/// The account an ARN names.
pub fn account_of(name: &str) -> Option<&str> {
    let account = name.strip_prefix("arn:")?.split(':').nth(3)?;
    is_account(account).then_some(account)
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

    const MARIA: &str =
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/maria@example.com";
    const ANA: &str = "arn:aws:iam::444455556666:user/ana";

    #[test]
    fn an_arn_is_shown_by_its_resource() {
        assert_eq!(short_name(MARIA), "maria@example.com as Admin");
        assert_eq!(short_name("arn:aws:sts::111122223333:assumed-role/deploy/i-1"), "i-1 as role/deploy");
        assert_eq!(short_name("arn:aws-cn:iam::111122223333:user/eng/maria"), "user/eng/maria");
        let service_role = "role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig";
        assert_eq!(short_name(&format!("arn:aws:iam::111122223333:{service_role}")), "role/AWSServiceRoleForConfig");
        assert_eq!(short_name("arn:aws:s3:::logs"), "logs");
        assert_eq!(short_name("arn:aws:lambda:eu-west-1:111122223333:function:f:1"), "function:f:1");
        for name in ["ec2.amazonaws.com", "198.51.100.7", "arn:", "arn:aws:s3", ""] {
            assert_eq!(short_name(name), name);
        }
        assert_eq!(account_of(MARIA), Some("111122223333"));
        assert_eq!(account_of("arn:aws:s3:::logs"), None);
    }

    #[test]
    fn accounts_and_people_are_shortened_where_nothing_else_looks_the_same() {
        let names = Names::of([MARIA, ANA]);
        assert_eq!(names.short(MARIA), "maria@… as Admin in 1111…3333");
        assert_eq!(names.short(ANA), "user/ana in 4444…6666");
        assert_eq!(names.short("arn:aws:iam::111122223333:root"), "root of 1111…3333");
        // Unknown to the report: not shortened.
        assert_eq!(names.short("arn:aws:iam::777788889999:user/bo"), "user/bo in 777788889999");
        let (other_account, other_domain) = (MARIA.replace("1111222", "1111922"), MARIA.replace("example", "evil"));
        let names = Names::of([MARIA, &other_account]);
        assert_eq!(names.short(MARIA), "maria@… as Admin in 111122223333");
        let names = Names::of([MARIA, &other_domain]);
        assert_eq!(names.short(MARIA), "maria@example.com as Admin in 1111…3333");
        assert_eq!(names.short(&other_domain), "maria@evil.com as Admin in 1111…3333");
    }

    #[test]
    fn a_name_that_a_caller_chose_does_not_imitate_a_person() {
        let by_caller = "arn:aws:sts::111122223333:assumed-role/Admin/maria@example.com";
        let user = "arn:aws:iam::111122223333:user/maria@example.com";
        let without_hash = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin/maria@example.com";
        let spaced = "arn:aws:sts::111122223333:assumed-role/x/maria@… as Admin in 1111…3333";
        let all = [MARIA, by_caller, user, without_hash, spaced];
        let names = Names::of(all);
        let shown = all.map(|name| names.short(name));
        assert_eq!(
            shown,
            [
                "maria@… as Admin in 1111…3333",
                "maria@example.com as role/Admin in 1111…3333",
                "user/maria@example.com in 1111…3333",
                "maria@example.com as role/AWSReservedSSO_Admin in 1111…3333",
                spaced,
            ]
        );
    }

    #[test]
    fn a_sentence_keeps_its_punctuation_and_states_an_account_where_it_changes() {
        let bo = "arn:aws:iam::444455556666:user/bo";
        let sentence = format!("{MARIA}: added `{bo}`, ({ANA}) to arn:aws:s3:::logs by {MARIA}; é");
        assert_eq!(
            Names::of([&*sentence]).sentence(&sentence),
            "maria@… as Admin in 1111…3333: added `user/bo in 4444…6666`, (user/ana) to logs \
             by maria@… as Admin in 1111…3333; é"
        );
    }
}
