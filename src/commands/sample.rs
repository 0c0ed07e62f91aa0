//! `trailhunt sample`: an archive of a synthetic organisation.

use indicatif::HumanBytes;

use super::Outcome;
use crate::error::{Error, Result};
use crate::sample::{SampleSettings, SampleSummary, generate};
use crate::terminal::{Out, Progress};
use crate::wording::counted;

pub fn sample(settings: &SampleSettings, out: &mut Out) -> Result<Outcome> {
    let summary = write(settings)?;
    let (events, objects) = (counted(summary.events, "event"), counted(summary.objects, "object"));
    let (bytes, folder) = (HumanBytes(summary.bytes), settings.out.display());
    writeln!(out, "wrote     {events} in {objects}, {bytes}, to {folder}")?;
    if let (Some(environment), Some(people)) = (&settings.environment, settings.people) {
        let (people, accounts) =
            (counted(u64::from(people), "employee"), counted(u64::from(settings.accounts), "account"));
        writeln!(out, "drawn     {people}, {accounts}, {environment}")?;
    }
    let (attacks, lookalikes) = (counted(summary.attacks, "attack"), counted(summary.lookalikes, "benign look-alike"));
    writeln!(out, "planted   {attacks} and {lookalikes}: see truth.jsonl")?;
    Ok(Outcome::Done)
}

/// Writes an archive and shows progress.
pub fn write(settings: &SampleSettings) -> Result<SampleSummary> {
    let total = u64::from(settings.days);
    let bar = Progress::Shown.steps("sample", total);
    bar.describe("days");
    let summary = generate(settings, &mut |day| bar.set(u64::from(day), total));
    summary.map_err(|source| Error::File { path: settings.out.clone(), source })
}
