//! `trailhunt detectors`: what is looked for, and the bench to write it on.

mod check;
mod explain;
mod new;
mod test;

use super::Outcome;
use crate::cli::{DetectorsArgs, DetectorsCommand, ListArgs};
use crate::detect::{Detector, Library, attack};
use crate::error::{Error, Result};

/// Carries out `detectors`.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub async fn detectors(args: DetectorsArgs) -> Result<Outcome> {
    match args.command {
        DetectorsCommand::List(list_args) => list(&Library::load(&args.folders)?, &list_args)?,
        DetectorsCommand::Show { id } => {
            println!("{}", Library::load(&args.folders)?.get(&id)?.explained().trim_end());
        }
        DetectorsCommand::New { id } => return new::new(&id, args.folders.first().map(std::path::PathBuf::as_path)),
        DetectorsCommand::Check { paths } => return check::check(&paths, &args.folders).await,
        DetectorsCommand::Test { ids } => return test::test(&ids, &args.folders).await,
        DetectorsCommand::Explain(explain_args) => return explain::explain(&explain_args, &args.folders).await,
    }
    Ok(Outcome::Done)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn list(library: &Library, args: &ListArgs) -> Result<()> {
    if let Some(tactic) = &args.tactic
        && !attack::tactics().any(|known| as_typed(known) == *tactic)
    {
        let known: Vec<_> = attack::tactics().map(as_typed).collect();
        return Err(Error::Usage(format!("no tactic {tactic}; write one of {}", known.join(", "))));
    }
    let wanted: Vec<_> = library.iter().filter(|detector| is_wanted(detector, args)).collect();
    let width = wanted.iter().map(|detector| detector.id.len()).max().unwrap_or(0);
    for detector in wanted {
        let attack = detector.attack.join(" ");
        println!("{:13}  {:width$}  {}  ({attack})", detector.severity, detector.id, detector.title);
    }
    for id in &library.replaced {
        println!("{id} replaces the shipped detector of that name");
    }
    Ok(())
}

/// A tactic's name as a command line has it: `Credential Access` is credential-access.
fn as_typed(tactic: &str) -> String {
    tactic.to_lowercase().replace(' ', "-")
}

fn is_wanted(detector: &Detector, args: &ListArgs) -> bool {
    let serves = |tactic: &String| {
        detector.attack.iter().any(|id| attack::tactics_of(id).iter().any(|name| as_typed(name) == *tactic))
    };
    // A table or view it names, or a service whose calls it looks for.
    let reads = |source: &String| {
        detector.sql.reads(source) || (source.contains('.') && detector.text.contains(&format!("'{source}'")))
    };
    args.severity.is_none_or(|least| detector.severity >= least)
        && args.tactic.as_ref().is_none_or(serves)
        && args.reads.as_ref().is_none_or(reads)
}
