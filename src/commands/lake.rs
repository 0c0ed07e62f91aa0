//! `trailhunt lake ...`: looks after lakes and the archives they are made from.

use std::io::Write;

use chrono::{Duration, Utc};
use indicatif::{HumanBytes, HumanCount};

use super::query::{printable, written};
use super::status::{rejects, status};
use super::{Outcome, period, progress};
use crate::cli::{CompactArgs, LakeCommand, LakeFormat, VacuumArgs, VerifyDigestsArgs};
use crate::error::{Error, Result};
use crate::integrity::{self, PublicKeys, Verification};
use crate::lake::{Compacted, Vacuumed};
use crate::source::{Location, Selection};

/// Carries out `lake ...`.
pub async fn lake(command: LakeCommand) -> Result<Outcome> {
    match command {
        LakeCommand::Status(args) => status(args).await,
        LakeCommand::Rejects(args) => rejects(args).await,
        LakeCommand::Compact(args) => compact(args).await,
        LakeCommand::Vacuum(args) => vacuum(args).await,
        LakeCommand::VerifyDigests(args) => verify_digests(args).await,
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
async fn compact(args: CompactArgs) -> Result<Outcome> {
    let lake = args.lake.open().await?;
    let Compacted { days, files, bytes } = lake.compact(2, args.memory.memory_limit).await?;
    println!(
        "compacted {days} days: {} files to {}, {} to {}",
        files.0,
        files.1,
        HumanBytes(bytes.0),
        HumanBytes(bytes.1)
    );
    println!("kept      the old files, for older versions of the table, until `trailhunt lake vacuum`");
    Ok(Outcome::Done)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
async fn vacuum(args: VacuumArgs) -> Result<Outcome> {
    let lake = args.lake.open().await?;
    let before = Utc::now() - Duration::hours(i64::from(args.retain_hours));
    let Vacuumed { files, bytes } = lake.vacuum(before).await?;
    println!("deleted   {files} files, {}", HumanBytes(bytes));
    Ok(Outcome::Done)
}

async fn verify_digests(args: VerifyDigestsArgs) -> Result<Outcome> {
    let (from, to) = period::bounds(&args.period)?;
    let selection = Selection {
        from: from.map(|time| time.date_naive()),
        to: to.map(period::day_after),
        accounts: args.accounts,
        regions: args.regions,
        ..Selection::default()
    };
    let mut keys = PublicKeys::default();
    for path in &args.public_keys {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File { path: path.clone(), source })?;
        keys.add(&text, &path.display().to_string())?;
    }
    let location = Location::parse(&args.source, &args.s3.settings())?;
    let bar = progress::steps("verify", 0);
    let verification = integrity::verify(&location, &selection, &keys, &|done, of| {
        bar.set_length(of);
        bar.set_position(done);
    })
    .await?;
    bar.finish_and_clear();
    let mut out = std::io::stdout().lock();
    written(match args.format {
        LakeFormat::Text => text(&verification, &mut out),
        LakeFormat::Json => serde_json::to_writer_pretty(&mut out, &verification)
            .map_err(std::io::Error::from)
            .and_then(|()| writeln!(out)),
    })?;
    Ok(if verification.holds() { Outcome::Done } else { Outcome::Incomplete })
}

/// A summary, then one line a problem.
fn text(verification: &Verification, out: &mut impl Write) -> std::io::Result<()> {
    let Verification { digests, logs, problems, .. } = verification;
    let period = match (&digests.from, &digests.to) {
        (Some(from), Some(to)) => format!(", {from} to {to}"),
        _ => String::new(),
    };
    writeln!(out, "digests   {} of {} verified{period}", HumanCount(digests.verified), HumanCount(digests.found))?;
    if digests.copied > 0 {
        writeln!(out, "copied    {} lie elsewhere than CloudTrail delivered them", HumanCount(digests.copied))?;
    }
    if digests.signed_by_successor > 0 {
        let count = HumanCount(digests.signed_by_successor);
        writeln!(out, "          {count} have no metadata here; the digest after each one says its signature")?;
    }
    let others = [
        (logs.altered, "altered"),
        (logs.missing, "missing"),
        (logs.unreadable, "unreadable"),
        (logs.extra, "that no digest names"),
        (logs.not_covered_yet, "newer than the newest digest"),
        (logs.unproven, "named only by digests that could not be verified"),
    ];
    let others = others.iter().filter(|(count, _)| *count > 0);
    let others: String = others.map(|(count, what)| format!(", {} {what}", HumanCount(*count))).collect();
    writeln!(out, "logs      {} verified{others}", HumanCount(logs.verified))?;
    if problems.is_empty() {
        return writeln!(out, "holds     every log is the one CloudTrail delivered, and none is missing or extra");
    }
    writeln!(out, "problems  {}\n", HumanCount(problems.len() as u64))?;
    for problem in problems {
        // One line each, whatever an object is called.
        writeln!(out, "{}", printable(&problem.to_string()).replace('\n', "\u{fffd}"))?;
    }
    Ok(())
}
