//! `trailhunt detectors explain`: what a detector reads, and what that costs on a lake.

use std::path::PathBuf;
use std::time::Instant;

use crate::cli::ExplainArgs;
use crate::commands::query::{reads, written};
use crate::commands::{Outcome, hunt};
use crate::detect::{self, Library, Settings, attack};
use crate::error::Result;

/// Carries out `detectors explain`: runs the detector once and says what its plan did.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub async fn explain(args: &ExplainArgs, folders: &[PathBuf]) -> Result<Outcome> {
    let library = Library::load(folders)?;
    let detector = library.get(&args.id)?;
    let settings = Settings { parameters: hunt::parameters(&args.parameters, &library)? };
    println!("{}: {}", detector.id, detector.title);
    for id in &detector.attack {
        println!(
            "attack    {id} {} ({})",
            attack::technique(id).unwrap_or_default(),
            attack::tactics_of(id).join(", ")
        );
    }
    for (name, parameter) in &detector.params {
        let set = settings.parameters.get(&detector.id).and_then(|set| set.get(name));
        let value = set.cloned().unwrap_or_else(|| parameter.default.to_string());
        let bound = |word: &str, bound: Option<f64>| bound.map(|bound| format!(", {word} {bound}")).unwrap_or_default();
        let (least, most) = (bound("at least", parameter.min), bound("at most", parameter.max));
        println!("param     {name} = {value}{least}{most}: {}", parameter.help);
    }

    let lake = args.lake.open().await?;
    let snapshot = lake.snapshot().await?;
    let window = hunt::window(&snapshot, &args.period)?;
    let session = hunt::session(&lake, &snapshot, &super::super::geo(&args.geo)?, &args.memory).await?;
    // Names of its own subqueries are no tables.
    let mut tables: Vec<_> = detector.sql.tables().iter().map(|(name, _)| name.as_str()).collect();
    tables.sort_unstable();
    tables.dedup();
    tables.retain(|name| session.has_table(name));
    println!("names     {}", tables.join(", "));
    println!("window    {} to {}", window.from.date_naive(), window.to.date_naive());

    let started = Instant::now();
    let plan = detect::plan(detector, &session, window, &settings).await?.explain().await?;
    let seconds = started.elapsed().as_secs_f64();
    written(reads(&plan, snapshot.files.len(), &mut std::io::stdout().lock()))?;
    println!("took      {seconds:.2} s for {} findings", plan.rows);
    if args.plan {
        println!("\n{}", plan.steps.trim_end());
    }
    Ok(Outcome::Done)
}
