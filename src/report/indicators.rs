//! A search for indicators as text for a terminal, and as CSV.

use std::io::Write;

use super::csv::{field, word};
use crate::indicators::{Count, Hit, Search};
use crate::terminal::{Layout, printable_line};
use crate::wording::{Names, counted, grouped, plural, shown_time, wrapped};

/// Columns left of a hit's text.
const INDENT: usize = 6;
/// Names of a list that are shown.
const NAMES_MAX: usize = 5;

/// Writes what was searched, every hit, and what could not be searched.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(search: &Search, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    sentence(&searched(search), 0, layout, out)?;
    sentence(&matched(search), 0, layout, out)?;
    for hit in &search.hits {
        writeln!(out)?;
        hit_lines(hit, &facts(hit, layout), layout, out)?;
    }
    if !search.hits.is_empty() {
        writeln!(out)?;
    }
    unsearched(search).iter().try_for_each(|line| sentence(line, 0, layout, out))?;
    if search.problems_total > 0 {
        writeln!(out, "{}:", not_understood(search))?;
    }
    search.problems.iter().try_for_each(|problem| sentence(&problem.to_string(), 2, layout, out))?;
    match search.problems_total - search.problems.len() as u64 {
        0 => Ok(()),
        rest => writeln!(out, "  and {} more", grouped(rest)),
    }
}

/// Writes what was searched and the first hits, for the summary of a hunt.
///
/// # Errors
/// When `out` cannot be written.
pub fn brief(search: &Search, shown_max: usize, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    let about = [searched(search), matched(search)].into_iter().chain(unsearched(search));
    for line in about {
        lines(&line, 2, layout, out)?;
    }
    for hit in search.hits.iter().take(shown_max) {
        let by = format!("by {}", names(&hit.identities, hit.identities_total, |name| identity(name, layout)));
        hit_lines(hit, &[[says(hit), times(hit), by].join("; ")], layout, out)?;
    }
    Ok(())
}

/// `searched 3 indicators (2 addresses, 1 network) from 1 file in 1,200 events, from 2024-03-04 00:00 to ...`.
pub fn searched(search: &Search) -> String {
    let kinds = search.searched.iter().map(|(kind, n)| counted(*n, kind.noun())).collect::<Vec<_>>().join(", ");
    let kinds = if kinds.is_empty() { kinds } else { format!(" ({kinds})") };
    let [from, to] = [search.period.from, search.period.to].map(|time| time.format("%Y-%m-%d %H:%M").to_string());
    format!(
        "searched {}{kinds} from {} in {}, {from} to {to} UTC",
        counted(search.indicators(), "indicator"),
        counted(search.files.len() as u64, "file"),
        counted(search.events, "event"),
    )
}

/// `matched 2 indicators, 1 only before the window`.
pub fn matched(search: &Search) -> String {
    let hits = search.hits.len() as u64;
    let old = search.hits.iter().filter(|hit| !hit.in_window).count() as u64;
    let expired = search.hits.iter().filter(|hit| hit.expired).count() as u64;
    let mut text = format!("matched {}", if hits == 0 { "none".into() } else { counted(hits, "indicator") });
    if old > 0 {
        text.push_str(&format!(", {} only before the window", grouped(old)));
    }
    if expired > 0 {
        text.push_str(&format!(
            ", {} only after {} validity",
            grouped(expired),
            if expired == 1 { "its" } else { "their" }
        ));
    }
    text
}

/// What the files hold and the search leaves out, one line each.
pub fn unsearched(search: &Search) -> Vec<String> {
    let mut lines = Vec::new();
    if !search.not_recorded.is_empty() {
        let total = search.not_recorded.values().sum::<u64>();
        let types = search.not_recorded.iter().map(|(name, n)| format!("{} {name}", grouped(*n)));
        let types = types.collect::<Vec<_>>().join(", ");
        lines.push(format!("not searched: {} that CloudTrail does not record ({types})", counted(total, "value")));
    }
    for (reason, n) in &search.left_out {
        lines.push(format!("not searched: {} {reason}", grouped(*n)));
    }
    if search.rejects > 0 {
        lines.push(format!("not searched: {} of the lake that could not be read", counted(search.rejects, "record")));
    }
    lines
}

/// `2 lines or objects are not understood`.
pub fn not_understood(search: &Search) -> String {
    let n = search.problems_total;
    let (nouns, verb) = if n == 1 { ("line or object", "is") } else { ("lines or objects", "are") };
    format!("{} {nouns} {verb} not understood", grouped(n))
}

/// The indicator, and below it what is known about it.
fn hit_lines(hit: &Hit, facts: &[String], layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "  {}  {}", layout.title(&printable_line(&hit.value)), printable_line(&about(hit)))?;
    facts.iter().try_for_each(|fact| lines(fact, INDENT, layout, out))
}

/// A text of our own, which is not cut.
fn sentence(text: &str, indent: usize, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    let lines = layout.fitted(&printable_line(text), indent);
    lines.iter().try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))
}

/// A text that is wrapped after `indent` spaces, and cut if it is long.
fn lines(text: &str, indent: usize, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    let lines = wrapped(&printable_line(text), layout.width() - indent, layout.lines_max());
    lines.iter().try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))
}

fn facts(hit: &Hit, layout: Layout) -> Vec<String> {
    let mut facts = vec![times(hit), says(hit)];
    let is_it = hit.matched_total == 1 && hit.matched.first().is_some_and(|matched| matched.name == hit.value);
    if !is_it {
        facts.push(format!("seen as {}", names(&hit.matched, hit.matched_total, |name| layout.name(name))));
    }
    facts.push(format!("by {}", names(&hit.identities, hit.identities_total, |name| identity(name, layout))));
    facts.push(format!("called {}", names(&hit.apis, hit.apis_total, |api| api.replace(".amazonaws.com", ""))));
    facts.push(places(hit));
    let events: Vec<&str> = hit.evidence.iter().map(|event| event.event_id.as_str()).collect();
    facts.push(format!("first events {}", events.join(" ")));
    facts
}

/// `address, confidence 85, before the window`.
pub fn about(hit: &Hit) -> String {
    let mut about = vec![hit.kind.noun().to_owned()];
    about.extend(hit.confidence().map(|confidence| format!("confidence {confidence}")));
    about.extend((!hit.in_window).then(|| "before the window".to_owned()));
    about.extend(hit.expired.then(|| "after its validity".to_owned()));
    about.join(", ")
}

/// `2024-03-10 04:12 to 2024-03-11 09:00, 120 calls, 12 failed`.
fn times(hit: &Hit) -> String {
    let failed = if hit.failed == 0 { String::new() } else { format!(", {} failed", grouped(hit.failed)) };
    let (first, last) = (shown_time(&hit.first_time), shown_time(&hit.last_time));
    let times = if first == last { first } else { format!("{first} to {last}") };
    format!("{times}, {}{failed}", counted(hit.calls, "call"))
}

/// What the first place says, and where it is.
pub fn says(hit: &Hit) -> String {
    let Some(mention) = hit.mentions.first() else { return String::new() };
    let texts = [&mention.description, &mention.source, &mention.caveat].into_iter().flatten();
    let mut said: Vec<String> = texts.cloned().collect();
    said.extend(mention.valid_until.as_ref().map(|until| format!("valid until {}", shown_time(until))));
    let others = match hit.mentions.len() as u64 - 1 {
        0 => String::new(),
        others => format!(", and {}", counted(others, "more place")),
    };
    let place = format!("{}:{}{others}", mention.file, mention.at);
    if said.is_empty() { place } else { format!("{} ({place})", said.join("; ")) }
}

fn places(hit: &Hit) -> String {
    let list = |names: &[String], noun: &str| {
        let more = names.len().saturating_sub(NAMES_MAX);
        let shown = names.iter().take(NAMES_MAX).map(String::as_str).collect::<Vec<_>>().join(" ");
        let rest = if more > 0 { format!(" and {} more", grouped(more as u64)) } else { String::new() };
        format!("{} {shown}{rest}", plural(names.len() as u64, noun))
    };
    format!("in {}, {}", list(&hit.accounts, "account"), list(&hit.regions, "region"))
}

/// `user/ana 111122223333 (20), user/bob 111122223333 (3) and 2 more`.
fn names(counts: &[Count], total: u64, shown: impl Fn(&str) -> String) -> String {
    let listed =
        counts.iter().take(NAMES_MAX).map(|count| format!("{} ({})", shown(&count.name), grouped(count.calls)));
    let listed: Vec<_> = listed.collect();
    match total.saturating_sub(listed.len() as u64) {
        0 => listed.join(", "),
        rest => format!("{} and {} more", listed.join(", "), grouped(rest)),
    }
}

/// The short name of an identity and its account.
pub fn with_account(name: &str) -> String {
    Names::default().short(name)
}

/// An identity as the layout wants it.
fn identity(name: &str, layout: Layout) -> String {
    if layout.has_full_names() { name.to_owned() } else { with_account(name) }
}

/// A column: its header, and its value for a hit.
type Column = (&'static str, fn(&Hit) -> String);

const COLUMNS: [Column; 16] = [
    ("kind", |hit| word(hit.kind)),
    ("indicator", |hit| hit.value.clone()),
    ("confidence", |hit| hit.confidence().map(|confidence| confidence.to_string()).unwrap_or_default()),
    ("description", |hit| hit.mentions.first().and_then(|m| m.description.clone()).unwrap_or_default()),
    ("source", |hit| hit.mentions.first().and_then(|m| m.source.clone()).unwrap_or_default()),
    ("file", |hit| hit.mentions.first().map(|m| format!("{}:{}", m.file, m.at)).unwrap_or_default()),
    ("first_time", |hit| hit.first_time.clone()),
    ("last_time", |hit| hit.last_time.clone()),
    ("expired", |hit| hit.expired.to_string()),
    ("calls", |hit| hit.calls.to_string()),
    ("failed", |hit| hit.failed.to_string()),
    ("identities", |hit| joined(&hit.identities)),
    ("apis", |hit| joined(&hit.apis)),
    ("accounts", |hit| hit.accounts.join(" ")),
    ("regions", |hit| hit.regions.join(" ")),
    ("events", |hit| hit.evidence.iter().map(|event| event.event_id.as_str()).collect::<Vec<_>>().join(" ")),
];

fn joined(counts: &[Count]) -> String {
    counts.iter().map(|count| count.name.as_str()).collect::<Vec<_>>().join(" ")
}

/// Writes a header and one row per hit.
///
/// # Errors
/// When `out` cannot be written.
pub fn csv(search: &Search, out: &mut impl Write) -> std::io::Result<()> {
    write!(out, "{}\r\n", COLUMNS.map(|(name, _)| name).join(","))?;
    for hit in &search.hits {
        write!(out, "{}\r\n", COLUMNS.map(|(_, text)| field(&text(hit))).join(","))?;
    }
    Ok(())
}
