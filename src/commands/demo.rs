//! `trailhunt demo`: the whole tool in a minute, on an archive that it writes itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::hunt::announce;
use super::{Outcome, sample};
use crate::error::{Error, Result};
use crate::lake::Lake;
use crate::report::{Coverage, Format, Output, Report};
use crate::request::{
    ALERTS_PER_DAY, Announcement, CompareWith, Detection, HuntRequest, IngestRequest, LakeRequest, Period,
};
use crate::sample::SampleSettings;
use crate::source::{Location, S3Settings};
use crate::terminal::{Out, Progress};
use crate::wording::counted;
use crate::{hunt, ingest};

pub async fn demo(dir: Option<PathBuf>, report: &Path, out: &mut Out) -> Result<Outcome> {
    let temporary = std::env::temp_dir().join(format!("trailhunt-demo-{}", std::process::id()));
    let folder = dir.as_deref().unwrap_or(&temporary);
    let result = demo_in(folder, report, out).await;
    if dir.is_none() {
        let _ = std::fs::remove_dir_all(folder);
    }
    let outcome = result?;
    let page = report.with_extension("html");
    writeln!(out, "\nThe full report is in {}; open {} in a browser.", report.display(), page.display())?;
    if dir.is_some() {
        let lake = folder.join("lake");
        writeln!(out, "Query the lake: trailhunt query --lake {} 'SELECT * FROM events LIMIT 5'", lake.display())?;
    }
    Ok(outcome)
}

async fn demo_in(folder: &Path, report: &Path, out: &mut Out) -> Result<Outcome> {
    let archive = folder.join("archive");
    let settings = SampleSettings { out: archive.clone(), ..SampleSettings::default() };
    let summary = sample::write(&settings)?;
    let (events, days, attacks) = (summary.events, settings.days, summary.attacks);
    writeln!(out, "sample    {} over {days} days, {attacks} attacks planted", counted(events, "event"))?;
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
    Ok(outcome)
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
