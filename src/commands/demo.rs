//! `trailhunt demo`: the whole tool in a minute, on an archive that it writes itself. Its folder stays, so that every command
//! in its report works; a later demo uses it again. Nothing is ever deleted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::hunt::announce;
use super::{Outcome, sample};
use crate::error::{Error, Result};
use crate::lake::Lake;
use crate::report::{Coverage, Format, Output, Report};
use crate::request::{
    ALERTS_PER_DAY, Announcement, CompareWith, Detection, HuntRequest, IngestRequest, LakeRequest, Period,
};
use crate::response::quoted;
use crate::sample::SampleSettings;
use crate::source::{Location, S3Settings};
use crate::terminal::{Out, Progress};
use crate::wording::counted;
use crate::{hunt, ingest};

/// The file in the demo's folder that says who wrote the folder.
const MARK: &str = "trailhunt-demo.json";

/// What the folder holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Mark {
    /// The version that wrote it.
    version: String,
    /// Events and attacks of its archive; none while the archive is written.
    archive: Option<(u64, u64)>,
}

impl Mark {
    fn path(folder: &Path) -> PathBuf {
        folder.join(MARK)
    }

    /// The mark of a folder; a new one if there is no folder or it is empty.
    fn read(folder: &Path) -> Result<Mark> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let next = "name another folder with --dir";
        let failed = |source| Error::File { path: folder.into(), source };
        match std::fs::read(Mark::path(folder)) {
            Ok(text) => {
                let mark: Mark = serde_json::from_slice(&text)
                    .map_err(|e| Error::Usage(format!("{}: {e}; {next}", Mark::path(folder).display())))?;
                if mark.version != version {
                    let other = format!("{} is from trailhunt {}", folder.display(), mark.version);
                    return Err(Error::Usage(format!("{other}, this is {version}: delete it, or {next}")));
                }
                Ok(mark)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let is_empty = !folder.exists() || std::fs::read_dir(folder).map_err(failed)?.next().is_none();
                if !is_empty {
                    let other = format!("{} was not written by `trailhunt demo`", folder.display());
                    return Err(Error::Usage(format!("{other}; {next}")));
                }
                Ok(Mark { version, archive: None })
            }
            Err(e) => Err(failed(e)),
        }
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let failed = |source| Error::File { path: Mark::path(folder), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let text = serde_json::to_string(self).map_err(|e| failed(e.into()))?;
        std::fs::write(Mark::path(folder), text + "\n").map_err(failed)
    }
}

pub async fn demo(folder: &Path, report: Option<PathBuf>, out: &mut Out) -> Result<Outcome> {
    let mark = Mark::read(folder)?;
    let path = report.unwrap_or_else(|| folder.join("report.json"));
    let (outcome, report) = demo_in(folder, mark, &path, out).await?;
    let page = path.with_extension("html");
    writeln!(out, "\nThe report is {}; open {} in a browser.", path.display(), page.display())?;
    try_next(&report, &folder.join("lake"), out)?;
    Ok(outcome)
}

/// Three commands that work when they are pasted.
fn try_next(report: &Report, lake: &Path, out: &mut Out) -> Result<()> {
    // As this program was called: `cargo run` does not install it.
    let called = std::env::args().next().unwrap_or_else(|| "trailhunt".into());
    let here = std::env::current_dir().map(|here| format!("{}/", here.display())).unwrap_or_default();
    let program = word(called.strip_prefix(&here).unwrap_or(&called));
    let lake = word(&lake.display().to_string());
    writeln!(out, "\nTry next")?;
    if let Some(finding) = report.findings.first() {
        writeln!(out, "  {program} explain {} --lake {lake}", &finding.id[..8.min(finding.id.len())])?;
    }
    if let Some(riskiest) = report.entities.iter().find(|entity| entity.entity_type == "actor") {
        writeln!(out, "  {program} entity {} --lake {lake}", word(&riskiest.entity))?;
    }
    writeln!(out, "  {program} query sensitive_calls_by_identity --lake {lake}")
}

/// A word of a shell's command line. The sample has no text that cannot be one.
fn word(text: &str) -> String {
    quoted(text).unwrap_or_else(|| "?".into())
}

async fn demo_in(folder: &Path, mark: Mark, report: &Path, out: &mut Out) -> Result<(Outcome, Report)> {
    let archive = folder.join("archive");
    let settings = SampleSettings { out: archive.clone(), ..SampleSettings::default() };
    let (events, attacks) = match mark.archive {
        Some(known) => {
            writeln!(out, "demo      uses {} again, from an earlier demo", folder.display())?;
            known
        }
        None => {
            mark.write(folder)?;
            let summary = sample::write(&settings)?;
            let written = (summary.events, summary.attacks);
            Mark { archive: Some(written), ..mark }.write(folder)?;
            written
        }
    };
    let (events, days, attacks) = (counted(events, "event"), settings.days, counted(attacks, "attack"));
    writeln!(out, "sample    {events} over {days} days, {attacks} planted")?;
    let location = |path: &Path| Location::parse(&path.display().to_string(), &S3Settings::default());
    let ingest = IngestRequest::all(vec![location(&archive)?]);
    let hunt = HuntRequest {
        lake: LakeRequest::new(location(&folder.join("lake"))?),
        period: Period::default(),
        detection: Detection::shipped()?,
        suppressions: Default::default(),
        compare_with: CompareWith::Nothing,
        indicators: None,
        alerts_per_day: ALERTS_PER_DAY,
        reports: vec![
            Output { path: report.to_path_buf(), format: Format::Json },
            Output { path: report.with_extension("html"), format: Format::Html },
        ],
    };
    let lake = Lake::open_or_create(&hunt.lake.location).await?;
    let ingested = ingest::ingest(&ingest, &lake, Progress::Shown).await?;
    out.render(|out| ingest::text(&ingested, out))?;
    let report = hunt::hunt(&lake, &hunt, Some(Coverage::from(ingested)), Progress::Shown).await?;
    let recorded = hunt::publish(&lake, &report, &hunt).await?;
    // The sample plants an account that falls silent: a finding, not a fault of the demo.
    let announcement = Announcement { allow_empty: true, ..Announcement::default() };
    let outcome = announce(&report, recorded.as_ref(), &announcement, out).await?;
    print_truth(&archive.join("truth.jsonl"), &report, out)?;
    Ok((outcome, report))
}

/// A planted incident, as far as it is scored here.
#[derive(Deserialize)]
struct Incident {
    kind: String,
    label: String,
    identities: Vec<String>,
    event_ids: BTreeSet<String>,
}

/// Compares the findings with what was planted. An attack is found if one of its events is evidence of a finding.
fn print_truth(truth: &Path, report: &Report, out: &mut Out) -> Result<()> {
    let text = std::fs::read_to_string(truth).map_err(|source| Error::File { path: truth.into(), source })?;
    let incidents = text.lines().map(serde_json::from_str::<Incident>).collect::<std::result::Result<Vec<_>, _>>();
    let incidents = incidents.map_err(|e| Error::Internal(format!("truth.jsonl: {e}")))?;
    let touched = |incident: &Incident| {
        report.findings.iter().any(|f| f.evidence.events.iter().any(|e| incident.event_ids.contains(&e.event_id)))
    };
    let riskiest: Vec<_> = report.entities.iter().filter(|e| e.entity_type == "actor").take(10).collect();
    let ranked = |incident: &Incident| {
        riskiest.iter().any(|entity| incident.identities.iter().any(|id| same_identity(id, &entity.entity)))
    };
    writeln!(out, "\nPlanted attacks")?;
    let mut found = 0;
    let attacks: Vec<_> = incidents.iter().filter(|incident| incident.label == "attack").collect();
    for attack in &attacks {
        let (touched, ranked) = (touched(attack), ranked(attack));
        found += usize::from(touched);
        let touched = if touched { "found " } else { "missed" };
        let ranked = if ranked { ", attacker among the 10 riskiest identities" } else { "" };
        writeln!(out, "  {touched}  {}{ranked}", attack.kind)?;
    }
    writeln!(out, "  {found} of {} found", attacks.len())?;
    Ok(())
}

/// Whether a caller's ARN belongs to the identity: the same ARN, or a session of the role.
fn same_identity(arn: &str, actor: &str) -> bool {
    let role = |text: &str| text.rsplit('/').next().map(str::to_owned);
    arn == actor
        || arn.split_once(":assumed-role/").is_some_and(|(_, rest)| {
            actor.contains(":role/") && rest.split('/').next().map(str::to_owned) == role(actor)
        })
}
