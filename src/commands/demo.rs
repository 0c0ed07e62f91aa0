//! `trailhunt demo`: the whole tool in a minute, on an archive of its own making.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::hunt::{conclude, report_on};
use super::ingest::Bounds;
use super::{Outcome, ingest, sample};
use crate::cli::{DemoArgs, DetectArgs, HuntSettings, MemoryArgs, PeriodArgs};
use crate::error::{Error, Result};
use crate::lake::Lake;
use crate::report::{Coverage, Format, Output, Report};
use crate::sample::SampleSettings;
use crate::source::{Location, S3Settings, Selection};

/// Carries out `demo`.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub async fn demo(args: DemoArgs) -> Result<Outcome> {
    let (dir, temporary) = match args.dir {
        Some(dir) => (dir, false),
        None => (std::env::temp_dir().join(format!("trailhunt-demo-{}", std::process::id())), true),
    };
    let result = in_folder(&dir, &args.report).await;
    if temporary {
        let _ = std::fs::remove_dir_all(&dir);
    }
    let outcome = result?;
    println!(
        "\nThe whole report is in {}, to look at in {}",
        args.report.display(),
        args.report.with_extension("html").display()
    );
    if !temporary {
        let lake = dir.join("lake");
        println!("Ask the lake: trailhunt query --lake {} 'SELECT * FROM events LIMIT 5'", lake.display());
    }
    Ok(outcome)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
async fn in_folder(dir: &Path, report: &Path) -> Result<Outcome> {
    let archive = dir.join("archive");
    let settings = SampleSettings { out: archive.clone(), ..SampleSettings::default() };
    let summary = sample::write(&settings)?;
    println!("sample    {} events of {} days, {} attacks planted", summary.events, settings.days, summary.attacks);
    let place = |path: &Path| Location::parse(&path.display().to_string(), &S3Settings::default());
    let lake = Lake::open_or_create(&place(&dir.join("lake"))?).await?;
    let ingested = ingest::read(&[place(&archive)?], &Selection::default(), &lake, Bounds::default()).await?;
    ingest::print(&ingested);
    let hunt = HuntSettings {
        detect: DetectArgs::default(),
        suppressions: None,
        reports: vec![
            Output { path: report.to_path_buf(), format: Format::Json },
            Output { path: report.with_extension("html"), format: Format::Html },
        ],
        baseline: None,
        quiet: false,
        notify_command: None,
        fail_on: None,
        memory: MemoryArgs::default(),
    };
    let everything = PeriodArgs { from: None, to: None };
    let report = report_on(&lake, &everything, &hunt, Coverage::from(ingested)).await?;
    let outcome = conclude(&lake, &report, &hunt).await?;
    print_truth(&archive.join("truth.jsonl"), &report)?;
    Ok(outcome)
}

/// One planted incident, as far as the score needs it.
#[derive(Deserialize)]
struct Incident {
    kind: String,
    label: String,
    identities: Vec<String>,
    event_ids: BTreeSet<String>,
}

/// How the hunt did against what was planted: which attack kinds have a finding with one of their events as evidence,
/// and how many have an identity of theirs among the ten riskiest.
#[expect(clippy::print_stdout, reason = "the command's answer")]
fn print_truth(truth: &PathBuf, report: &Report) -> Result<()> {
    let text = std::fs::read_to_string(truth).map_err(|source| Error::File { path: truth.clone(), source })?;
    let incidents = text.lines().map(serde_json::from_str::<Incident>).collect::<std::result::Result<Vec<_>, _>>();
    let incidents = incidents.map_err(|e| Error::Internal(format!("truth.jsonl: {e}")))?;
    let touched = |incident: &Incident| {
        report.findings.iter().any(|f| f.evidence.events.iter().any(|e| incident.event_ids.contains(&e.event_id)))
    };
    let riskiest: Vec<_> = report.entities.iter().filter(|e| e.entity_type == "actor").take(10).collect();
    let ranked = |incident: &Incident| {
        riskiest.iter().any(|entity| incident.identities.iter().any(|id| same_identity(id, &entity.entity)))
    };
    println!("\nAgainst what was planted");
    let mut found = 0;
    let attacks: Vec<_> = incidents.iter().filter(|incident| incident.label == "attack").collect();
    for attack in &attacks {
        let (touched, ranked) = (touched(attack), ranked(attack));
        found += usize::from(touched);
        let touched = if touched { "found " } else { "missed" };
        println!("  {touched}  {}{}", attack.kind, if ranked { ", attacker among the 10 riskiest" } else { "" });
    }
    println!("  {found} of {} attacks", attacks.len());
    Ok(())
}

/// True when a caller's ARN belongs to the actor: the same, or a session of the role.
fn same_identity(arn: &str, actor: &str) -> bool {
    let role = |text: &str| text.rsplit('/').next().map(str::to_owned);
    arn == actor
        || arn.split_once(":assumed-role/").is_some_and(|(_, rest)| {
            actor.contains(":role/") && rest.split('/').next().map(str::to_owned) == role(actor)
        })
}
