//! `trailhunt baseline diff`: what became normal between two days, of whom.
//!
//! Baselines follow what identities do, so an attack that nobody answered is tomorrow's habit. This says what was taken up.

use std::io::Write;

use chrono::Days;
use serde_json::Value;

use super::query::{printable, written};
use super::{Outcome, hunt, period};
use crate::cli::{BaselineCommand, BaselineDiffArgs, GeoArgs, LakeFormat};
use crate::detect::{Window, rows};
use crate::error::{Error, Result};
use crate::report::Row;

const DIFF: &str = include_str!("../../sql/baseline_diff.sql");
/// Items named a line; the rest is counted.
const SHOWN_MAX: usize = 6;

/// Carries out `baseline ...`.
pub async fn baseline(command: BaselineCommand) -> Result<Outcome> {
    let BaselineCommand::Diff(args) = command;
    diff(args).await
}

async fn diff(args: BaselineDiffArgs) -> Result<Outcome> {
    let after = |day| period::midnight(day).checked_add_days(Days::new(1));
    let (Some(from), Some(to)) = (after(args.before), after(args.after)) else {
        return Err(Error::Usage("there is no day after these".into()));
    };
    if from >= to {
        return Err(Error::Usage(format!("{} is not before {}; write the earlier day first", args.before, args.after)));
    }
    let lake = args.lake.open().await?;
    let snapshot = lake.snapshot().await?;
    let session = hunt::session(&lake, &snapshot, &super::geo(&GeoArgs::default())?, &args.memory).await?;
    let query = session.query("baseline diff", DIFF, &Window { from, to }.parameters()).await?;
    let rows = rows(&query.collect().await?).map_err(|e| Error::query("baseline diff", e))?;
    let mut out = std::io::stdout().lock();
    written(match args.format {
        LakeFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &rows).map_err(std::io::Error::from).and_then(|()| writeln!(out))
        }
        LakeFormat::Text => text(&rows, &mut out),
    })?;
    Ok(Outcome::Done)
}

fn text(rows: &[Row], out: &mut impl Write) -> std::io::Result<()> {
    let word = |row: &Row, name: &str| match row.get(name) {
        Some(Value::String(text)) => printable(text),
        Some(Value::Number(number)) => format!("{:.0}", number.as_f64().unwrap_or_default()),
        _ => "no".into(),
    };
    let mut actor = String::new();
    for row in rows {
        if word(row, "actor") != actor {
            actor = word(row, "actor");
            let new = row.get("new_identity") == Some(&Value::Bool(true));
            let usual = format!("{} calls a day, {} before", word(row, "calls_since"), word(row, "calls_before"));
            writeln!(out, "{actor}  {}", if new { "new identity".into() } else { usual })?;
        }
        let items: Vec<_> = row.get("items").and_then(Value::as_array).into_iter().flatten().collect();
        let shown: Vec<_> = items.iter().take(SHOWN_MAX).filter_map(|item| item.as_str()).map(printable).collect();
        let more = items.len().saturating_sub(SHOWN_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(out, "  {:12}  {}{more}", word(row, "kind"), shown.join(", "))?;
    }
    if rows.is_empty() {
        writeln!(out, "nothing became normal between these days")?;
    }
    Ok(())
}
