//! A timeline for a terminal.

use std::io::{self, Write};

use chrono::{DateTime, NaiveDate, Utc};

use super::{Kind, Lane, Row, Timeline};
use crate::detect::Severity;
use crate::terminal::{Layout, printable_line};
use crate::wording::{Names, counted, wrapped};

/// Columns left of a row's text: time, lane, kind.
const INDENT: usize = 28;
/// Lines of a row. A text chosen by a caller must not fill the screen.
const LINES_MAX: usize = 4;

/// Writes what the timeline covers, its lanes, and its rows by day.
///
/// # Errors
/// When `out` cannot be written.
pub fn text(timeline: &Timeline, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    // The text of a row has some room on the narrowest terminal.
    let width = layout.width().max(INDENT + 20);
    let names = Short::names_of(timeline, layout.has_full_names());
    writeln!(out, "timeline  {}", printable_line(&names.name(&timeline.entity)))?;
    let window = &timeline.window;
    let time = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M");
    writeln!(out, "period    {} to {} UTC", time(window.from), time(window.to))?;
    writeln!(out, "calls     {}", totals(timeline))?;
    if !timeline.lanes.is_empty() {
        writeln!(out, "\n{}", layout.title("Credentials"))?;
    }
    for (at, lane) in timeline.lanes.iter().enumerate() {
        let lines = wrapped(&printable_line(&lane_line(lane, &names)), width - 7, LINES_MAX);
        let heads = std::iter::once(format!("  {:>3}  ", at + 1)).chain(std::iter::repeat("       ".into()));
        heads.zip(lines).try_for_each(|(head, line)| writeln!(out, "{head}{line}"))?;
    }
    let mut day: Option<NaiveDate> = None;
    // Where each lane called from last, and with what: only a change is shown.
    let mut places = vec![(None, None); timeline.lanes.len()];
    for row in &timeline.rows {
        let date = row.first_time.date_naive();
        if day != Some(date) {
            writeln!(out, "\n{}", layout.title(&date.to_string()))?;
            day = Some(date);
        }
        let mut line = line(row, &names);
        if let Some(known) = places.get_mut(row.lane).filter(|_| row.kind != Kind::Finding) {
            let place = (address(row), row.client.clone());
            if known.0 != place.0 {
                line.extend(place.0.iter().map(|address| format!(", from {address}")));
            }
            if known.1 != place.1 {
                line.extend(place.1.iter().map(|client| format!(", with {client}")));
            }
            *known = place;
        }
        let lines = wrapped(&printable_line(&line), width - INDENT, LINES_MAX);
        let lane = if timeline.lanes.is_empty() { String::new() } else { (row.lane + 1).to_string() };
        let word = format!("{:9}", word(row));
        let word = match row.severity {
            Some(severity) => layout.severity(&severity.to_string(), &word),
            None if row.failed => layout.warning(&word),
            None => word,
        };
        let head = format!("  {}  {lane:>3}  {word}  ", row.first_time.format("%H:%M:%S"));
        let heads = std::iter::once(head).chain(std::iter::repeat(" ".repeat(INDENT)));
        heads.zip(lines).try_for_each(|(head, line)| writeln!(out, "{head}{line}"))?;
    }
    missing(timeline).iter().try_for_each(|reason| writeln!(out, "\n{reason}"))?;
    if !timeline.next_steps.is_empty() {
        writeln!(out, "\nTo contain it; trailhunt runs none of this, and each command changes AWS")?;
    }
    for step in &timeline.next_steps {
        let purpose = printable_line(&format!("{} ({})", step.purpose, step.audience));
        // Each line is a comment, also for a shell that it is pasted into.
        wrapped(&purpose, width - 4, LINES_MAX).iter().try_for_each(|line| writeln!(out, "  # {line}"))?;
        // On one line, to be copied.
        step.command.iter().try_for_each(|command| writeln!(out, "  {}", printable_line(command)))?;
    }
    if timeline.more_steps > 0 {
        writeln!(out, "  # and {} in the report, with the findings", counted(timeline.more_steps, "more step"))?;
    }
    Ok(())
}

/// What the timeline does not show.
pub fn missing(timeline: &Timeline) -> Vec<String> {
    let rows = counted(timeline.left_out, "row");
    let left_out = format!("{rows} left out, those that tell least; choose a shorter period, or --rows 0 for all");
    let sessions = "It has more sessions than are followed; choose a shorter period".to_owned();
    let cut_off = timeline.cut_off.map(|time| time.format("%Y-%m-%d %H:%M:%S"));
    let cut_off =
        cut_off.map(|time| format!("Too many calls: those from {time} on are missing; choose a shorter period"));
    let left_out = (timeline.left_out > 0).then_some(left_out);
    [left_out, timeline.more_sessions.then_some(sessions), cut_off].into_iter().flatten().collect()
}

/// How names are shown: as short as possible on a timeline, or in full.
pub(super) struct Short(Option<Names>);

impl Short {
    pub fn names_of(timeline: &Timeline, in_full: bool) -> Short {
        let of_lane = |lane: &Lane| [Some(lane.actor.clone()), lane.session.clone(), lane.origin.clone()];
        let of_lanes = timeline.lanes.iter().flat_map(of_lane).flatten();
        let of_rows = timeline.rows.iter().map(|row| row.text.clone());
        let texts: Vec<String> = of_lanes.chain(of_rows).chain([timeline.entity.clone()]).collect();
        Short((!in_full).then(|| Names::of(texts.iter().map(String::as_str))))
    }

    pub fn name(&self, name: &str) -> String {
        self.0.as_ref().map_or_else(|| name.to_owned(), |names| names.short(name))
    }

    pub fn sentence(&self, sentence: &str) -> String {
        self.0.as_ref().map_or_else(|| sentence.to_owned(), |names| names.sentence(sentence))
    }
}

/// `1,234 calls: 1,100 succeeded, 134 failed; 3 findings`.
pub(super) fn totals(timeline: &Timeline) -> String {
    let findings = timeline.rows.iter().filter(|row| row.kind == Kind::Finding).count() as u64;
    let Timeline { calls, failed, .. } = *timeline;
    let findings = if findings == 0 { String::new() } else { format!("; {}", counted(findings, "finding")) };
    match (calls, failed) {
        (0, _) => format!("none{findings}"),
        (_, 0) => format!("{}, all succeeded{findings}", counted(calls, "call")),
        _ if calls == failed => format!("{}, all failed{findings}", counted(calls, "call")),
        _ => format!(
            "{}: {} succeeded, {} failed{findings}",
            counted(calls, "call"),
            crate::wording::grouped(calls - failed),
            crate::wording::grouped(failed)
        ),
    }
}

/// `Admin/maria, key ASIA..., origin maria`.
pub(super) fn lane_line(lane: &Lane, names: &Short) -> String {
    let mut line = names.name(lane.session.as_deref().unwrap_or(&lane.actor));
    if let Some(credential) = &lane.credential {
        line.push_str(&format!(", key {credential}"));
    }
    match &lane.origin {
        Some(origin) => line.push_str(&format!(", origin {}", names.name(origin))),
        None if lane.why != "itself" => line.push_str(&format!(", {}", lane.why)),
        None => {}
    }
    line
}

/// `read`, `FAILED`: a failed call is told by its word, not by a colour.
pub(super) fn word(row: &Row) -> String {
    match (row.severity, row.failed) {
        (Some(Severity::Informational), _) => "INFO".into(),
        (Some(severity), _) => severity.to_string().to_uppercase(),
        (None, true) => "FAILED".into(),
        (None, false) => row.kind.word().into(),
    }
}

/// What happened, for how long, what was new.
pub(super) fn line(row: &Row, names: &Short) -> String {
    let mut line = names.sentence(&row.text);
    if let Some(finding) = &row.finding {
        // First, because long texts are cut.
        line.insert_str(0, &format!("[{finding}] "));
    }
    if row.failed && row.kind != Kind::Read {
        line = format!("{} attempt: {line}", row.kind.word());
    }
    let minutes = (row.last_time - row.first_time).num_minutes();
    if minutes > 0 && row.kind != Kind::Finding {
        line.push_str(&format!(", within {}", counted(minutes as u64 + 1, "minute")));
    }
    if !row.first.is_empty() {
        line.push_str(&format!(" [first: {}]", row.first.join(", ")));
    }
    line
}

/// `198.51.100.7 (DE) with aws-cli on macOS`.
pub(super) fn place(row: &Row) -> Option<String> {
    let client = row.client.as_ref().map(|client| format!(" with {client}")).unwrap_or_default();
    Some(format!("{}{client}", address(row)?))
}

/// `198.51.100.7 (DE)`.
fn address(row: &Row) -> Option<String> {
    let country = row.country.as_ref().map(|country| format!(" ({country})")).unwrap_or_default();
    Some(format!("{}{country}", row.address.as_ref()?))
}
