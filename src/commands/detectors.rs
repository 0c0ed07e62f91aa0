//! `trailhunt detectors`: what is looked for.

use super::Outcome;
use crate::cli::{DetectorsArgs, DetectorsCommand};
use crate::detect::Library;
use crate::error::Result;

/// Carries out `detectors`.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub fn detectors(args: DetectorsArgs) -> Result<Outcome> {
    let library = Library::load(&args.folders)?;
    match args.command {
        DetectorsCommand::List => {
            let width = library.iter().map(|detector| detector.id.len()).max().unwrap_or(0);
            for detector in library.iter() {
                let attack = detector.attack.join(" ");
                println!("{:13}  {:width$}  {}  ({attack})", detector.severity, detector.id, detector.title);
            }
            for id in &library.replaced {
                println!("{id} replaces the shipped detector of that name");
            }
        }
        DetectorsCommand::Show { id } => println!("{}", library.get(&id)?.explained().trim_end()),
    }
    Ok(Outcome::Done)
}
