//! `trailhunt lake status` and `lake rejects`: what a lake holds, and what it could not read.

use chrono::Days;
use indicatif::{HumanBytes, HumanCount};
use serde_json::{Value, json};

use super::Outcome;
use super::period::midnight;
use super::query::{open, printable};
use crate::cli::{GeoArgs, LakeArgs, LakeFormat, MemoryArgs, StatusArgs};
use crate::detect::{Window, rows};
use crate::engine::Parameters;
use crate::error::{Error, Result};
use crate::lake::Snapshot;
use crate::report::{Row, section};

/// Carries out `lake status`. Exit code 2 when something in the lake could not be read.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub async fn status(args: StatusArgs) -> Result<Outcome> {
    let (snapshot, session) = open(&args.lake, &GeoArgs::default(), &MemoryArgs::default()).await?;
    let window = everything(&snapshot);
    let totals = section("lake", &session, window).await?.pop().unwrap_or_default();
    let places = section("by_account_and_region", &session, window).await?;
    let gaps = section("gaps", &session, window).await?;
    let number = |name: &str| totals.get(name).and_then(Value::as_u64).unwrap_or(0);
    let clean = number("rejects") == 0;
    if args.format == LakeFormat::Json {
        let files = json!({"version": snapshot.version, "files": snapshot.files.len(), "bytes": snapshot.bytes()});
        let status = json!({"lake": snapshot.location.to_string(), "table": files, "totals": totals,
                            "by_account_and_region": places, "gaps": gaps});
        println!("{status:#}");
        return Ok(if clean { Outcome::Done } else { Outcome::Incomplete });
    }
    println!("lake      {}, version {}", snapshot.location, snapshot.version);
    println!("files     {}, {}", HumanCount(snapshot.files.len() as u64), HumanBytes(snapshot.bytes()));
    let times = [text(&totals, "first_event"), text(&totals, "last_event")];
    println!("events    {}, {} to {}", HumanCount(number("events")), times[0], times[1]);
    println!("objects   {}", HumanCount(number("objects")));
    println!(
        "records   {} = {} kept + {} duplicates + {} rejects",
        HumanCount(number("records")),
        HumanCount(number("kept")),
        HumanCount(number("duplicates")),
        HumanCount(number("rejects")),
    );
    if number("retyped_members") > 0 {
        println!("retyped   {} members of another type than documented, kept in `extra`", number("retyped_members"));
    }
    println!("\naccount       region            events     hours with events");
    for place in &places {
        println!(
            "{:12}  {:14}  {:>8}     {} of {}",
            text(place, "account_id"),
            text(place, "aws_region"),
            text(place, "events"),
            text(place, "hours_with_events"),
            text(place, "hours_between"),
        );
    }
    for gap in &gaps {
        let (account, region) = (text(gap, "account_id"), text(gap, "aws_region"));
        println!(
            "gap       {account} {region} said nothing for {} hours from {}",
            text(gap, "hours"),
            text(gap, "from")
        );
    }
    if gaps.is_empty() {
        println!("\nno gaps of a day or more where an account and region otherwise speaks");
    }
    Ok(if clean { Outcome::Done } else { Outcome::Incomplete })
}

/// Carries out `lake rejects`: one line a reject. Exit code 2 when there is any.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub async fn rejects(args: LakeArgs) -> Result<Outcome> {
    let (_, session) = open(&args, &GeoArgs::default(), &MemoryArgs::default()).await?;
    let sql = "SELECT object, byte_offset, reason FROM rejects ORDER BY object, byte_offset";
    let batches = session.query("rejects", sql, &Parameters::new()).await?.collect().await?;
    let rejects = rows(&batches).map_err(|e| Error::query("rejects", e))?;
    for reject in &rejects {
        println!("{}:{}: {}", text(reject, "object"), text(reject, "byte_offset"), text(reject, "reason"));
    }
    Ok(if rejects.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}

/// From the lake's first day to the end of its last.
fn everything(snapshot: &Snapshot) -> Window {
    let (first, last) = snapshot.days().unwrap_or_default();
    Window { from: midnight(first), to: midnight(last.checked_add_days(Days::new(1)).unwrap_or(last)) }
}

/// A member as text, without what could steer a terminal.
fn text(row: &Row, name: &str) -> String {
    let text = match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".into(),
        Some(other) => other.to_string(),
    };
    printable(&text)
}
