//! A timeline for a spreadsheet: one line per row.

use std::io::{self, Write};

use chrono::SecondsFormat;

use super::Timeline;
use crate::terminal::spreadsheet_cell;

/// The columns.
const COLUMNS: [&str; 17] = [
    "first_time",
    "last_time",
    "actor",
    "session",
    "credential",
    "kind",
    "outcome",
    "calls",
    "service",
    "text",
    "error",
    "account_id",
    "region",
    "address",
    "country",
    "first",
    "finding",
];

/// Writes a header and one line per row. Text that a spreadsheet would evaluate is escaped.
///
/// # Errors
/// When `out` cannot be written.
pub fn csv(timeline: &Timeline, out: &mut impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS)?;
    let cell = |text: &Option<String>| spreadsheet_cell(text.as_deref().unwrap_or_default());
    for row in &timeline.rows {
        let lane = timeline.lanes.get(row.lane);
        let of_lane = |get: fn(&super::Lane) -> Option<String>| cell(&lane.and_then(get));
        let time = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        writer.write_record([
            time(row.first_time),
            time(row.last_time),
            of_lane(|lane| Some(lane.actor.clone())),
            of_lane(|lane| lane.session.clone()),
            of_lane(|lane| lane.credential.clone()),
            row.kind.word().to_owned(),
            match (row.finding.is_some(), row.failed) {
                (true, _) => String::new(),
                (false, true) => "failed".into(),
                (false, false) => "succeeded".into(),
            },
            row.calls.to_string(),
            cell(&row.service),
            spreadsheet_cell(&row.text),
            cell(&row.error),
            cell(&row.account_id),
            cell(&row.region),
            cell(&row.address),
            cell(&row.country),
            row.first.join(" "),
            cell(&row.finding),
        ])?;
    }
    writer.flush()
}
