//! `trailhunt sample`: an archive of a made-up organisation.

use indicatif::{HumanBytes, HumanCount};

use super::{Outcome, progress};
use crate::cli::SampleArgs;
use crate::error::{Error, Result};
use crate::sample::{SampleSettings, SampleSummary, generate};

/// Carries out `sample`.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub fn sample(args: SampleArgs) -> Result<Outcome> {
    let settings = SampleSettings {
        out: args.out,
        days: args.days,
        accounts: args.accounts,
        events_per_day: args.events_per_day,
        people: args.people,
        attacks: args.attacks,
        seed: args.seed,
        start: args.start,
        events_per_object: args.events_per_object,
    };
    let summary = write(&settings)?;
    println!(
        "wrote     {} events in {} objects, {}, to {}",
        HumanCount(summary.events),
        HumanCount(summary.objects),
        HumanBytes(summary.bytes),
        settings.out.display()
    );
    println!("planted   {} attacks and {} benign look-alikes: truth.jsonl", summary.attacks, summary.lookalikes);
    Ok(Outcome::Done)
}

/// Writes an archive, with a bar.
pub fn write(settings: &SampleSettings) -> Result<SampleSummary> {
    let bar = progress::steps("sample", u64::from(settings.days));
    let summary = generate(settings, &mut |day| bar.set_position(u64::from(day)));
    bar.finish_and_clear();
    summary.map_err(|source| Error::File { path: settings.out.clone(), source })
}
