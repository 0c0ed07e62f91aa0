//! Checks detectors: the header and the SQL before anything runs, then whether findings depend on later days.

use std::path::{Path, PathBuf};

use super::fixture;
use crate::detect::{self, Detector, FrontMatter, Library, Problem, detector_id};
use crate::engine::{Place, Session};
use crate::error::{Error, Result};
use crate::sigma::Sigma;

/// Where a file begins.
const FIRST: Place = Place { line: 1, column: 1 };

/// The result of a check.
#[derive(Debug)]
pub struct Checked {
    /// Detectors that were checked.
    pub detectors: usize,
    /// One line per problem, `file:line:column: what is wrong; next step`, so that editors can jump to it.
    pub problems: Vec<String>,
}

/// Checks the detectors of files and folders, or the shipped ones when `paths` is empty.
///
/// # Errors
/// When a path cannot be read.
pub async fn check(paths: &[PathBuf]) -> Result<Checked> {
    let (session, _) = fixture::session(&[]).await?;
    let mut checked = Checked { detectors: 0, problems: Vec::new() };
    if paths.is_empty() {
        for detector in Library::load(&[])?.iter() {
            let path = PathBuf::from(format!("{}.sql", detector.id));
            checked.problems.extend(problems(detector, &path, detector.fixture()?.as_deref(), &session).await?);
            checked.detectors += 1;
        }
    }
    for path in files(paths)? {
        let text = std::fs::read_to_string(&path).map_err(|source| Error::File { path: path.clone(), source })?;
        let id = detector_id(&path).unwrap_or_default();
        match Detector::read(&id, &text) {
            Ok(detector) => {
                let detector = Detector { path: Some(path.clone()), ..detector };
                checked.problems.extend(problems(&detector, &path, detector.fixture()?.as_deref(), &session).await?);
            }
            Err(problem) => checked.problems.push(line(&path, &problem)),
        }
        checked.detectors += 1;
    }
    Ok(checked)
}

/// What is wrong with a detector that is in no file, and with its fixture, as [`Checked::problems`].
///
/// # Errors
/// As [`check`].
pub async fn check_proposed(id: &str, sql: &str, fixture: &str) -> Result<Vec<String>> {
    let path = PathBuf::from(format!("{id}.sql"));
    match Detector::read(id, sql) {
        Ok(detector) => {
            let (session, _) = fixture::session(&[]).await?;
            problems(&detector, &path, Some(fixture), &session).await
        }
        Err(problem) => Ok(vec![line(&path, &problem)]),
    }
}

/// Plans every condition of a set of Sigma rules.
///
/// # Errors
/// [`Error::Query`] for a condition that does not plan, which the compiler of the rules excludes.
pub async fn check_sigma(sigma: &Sigma) -> Result<()> {
    let (session, _) = fixture::session(&[]).await?;
    sigma.add_to(&session).await
}

/// The detectors' files among `paths` and in the folders among them.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let failed = |source| Error::File { path: path.clone(), source };
        if !path.metadata().map_err(failed)?.is_dir() {
            if detector_id(path).is_none() {
                return Err(Error::Usage(format!("{}: expected a .sql file or a folder of them", path.display())));
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

/// What is wrong with a detector's SQL and with its fixture. It runs only if nothing else is wrong.
async fn problems(detector: &Detector, path: &Path, fixture: Option<&str>, session: &Session) -> Result<Vec<String>> {
    let problems = detect::check(detector, session).await;
    let mut lines: Vec<_> = problems.iter().map(|problem| line(path, problem)).collect();
    let beside = path.with_extension("events.jsonl");
    let Some(text) = fixture else {
        let next = "write the smallest history that shows the behaviour, one CloudTrail record per line";
        lines.push(format!("{}:1:1: no fixture; {next}", beside.display()));
        return Ok(lines);
    };
    match detect::expand(text) {
        Err(problem) => lines.push(line(&beside, &problem)),
        Ok(records) if lines.is_empty() => match fixture::reads_later_days(detector, &records).await {
            Ok(None) => {}
            Ok(Some(reason)) => {
                let start = FrontMatter::find(&detector.text).map(|front_matter| front_matter.end());
                lines.push(line(path, &Problem::at(start.unwrap_or(FIRST), reason)));
            }
            Err(Error::Usage(reason)) => lines.push(line(&beside, &Problem::at(FIRST, reason))),
            Err(Error::Detector { reason, .. }) => lines.push(line(path, &Problem::at(FIRST, reason))),
            Err(e) => return Err(e),
        },
        Ok(_) => {}
    }
    Ok(lines)
}

fn line(path: &Path, problem: &Problem) -> String {
    format!("{}:{}:{}: {}", path.display(), problem.place.line, problem.place.column, problem.reason)
}
