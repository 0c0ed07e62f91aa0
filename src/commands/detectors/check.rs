//! `trailhunt detectors check`: what is wrong with detectors, before anything runs.

use std::path::{Path, PathBuf};

use crate::commands::{Outcome, fixture};
use crate::detect::{self, Detector, Library, Problem, detector_id};
use crate::engine::Session;
use crate::error::{Error, Result};

/// Carries out `detectors check`: one line a problem, `file:line:column: what; next step`. Exit code 2 when there is any.
/// Looks at `paths`, else at the folders, else at the detectors that come with the program.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub async fn check(paths: &[PathBuf], folders: &[PathBuf]) -> Result<Outcome> {
    let (session, _) = fixture::session(&[]).await?;
    let (mut problems, mut checked) = (Vec::new(), 0);
    let paths = if paths.is_empty() { folders } else { paths };
    if paths.is_empty() {
        for detector in Library::load(&[])?.iter() {
            problems.extend(of_detector(detector, Path::new(&format!("{}.sql", detector.id)), &session).await?);
            checked += 1;
        }
    }
    for path in files(paths)? {
        let text = std::fs::read_to_string(&path).map_err(|source| Error::File { path: path.clone(), source })?;
        let id = detector_id(&path).unwrap_or_default();
        match Detector::read(&id, &text) {
            Ok(detector) => {
                let detector = Detector { path: Some(path.clone()), ..detector };
                problems.extend(of_detector(&detector, &path, &session).await?);
            }
            Err(problem) => problems.push(line(&path, &problem)),
        }
        checked += 1;
    }
    for problem in &problems {
        println!("{problem}");
    }
    println!("checked   {checked} detectors, {} problems", problems.len());
    Ok(if problems.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}

/// Detectors' files among `paths`, and in them where they are folders.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let failed = |source| Error::File { path: path.clone(), source };
        if !path.metadata().map_err(failed)?.is_dir() {
            if detector_id(path).is_none() {
                return Err(Error::Usage(format!("{}: a detector is a .sql file, or name its folder", path.display())));
            }
            files.push(path.clone());
            continue;
        }
        for entry in std::fs::read_dir(path).map_err(failed)? {
            files.extend(Some(entry.map_err(failed)?.path()).filter(|path| detector_id(path).is_some()));
        }
    }
    files.sort();
    Ok(files)
}

/// What is wrong with a detector's SQL and with its fixture.
async fn of_detector(detector: &Detector, path: &Path, session: &Session) -> Result<Vec<String>> {
    let problems = detect::check(detector, session).await;
    let mut lines: Vec<_> = problems.iter().map(|problem| line(path, problem)).collect();
    let beside = path.with_extension("events.jsonl");
    match detector.fixture()? {
        None => {
            let next = "write the smallest history that shows it, one CloudTrail record a line";
            lines.push(format!("{}:1:1: there is no fixture; {next}", beside.display()));
        }
        Some(text) => lines.extend(detect::expand(&text).err().map(|problem| line(&beside, &problem))),
    }
    Ok(lines)
}

/// As compilers say it, so that editors understand it.
fn line(path: &Path, problem: &Problem) -> String {
    format!("{}:{}:{}: {}", path.display(), problem.place.line, problem.place.column, problem.reason)
}
