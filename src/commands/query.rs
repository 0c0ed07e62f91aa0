//! `trailhunt query` and `trailhunt queries`: SQL over the lake.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use indicatif::{HumanBytes, HumanCount};
use serde_json::Value;

use super::{Outcome, hunt};
use crate::ask::{self, Question, Questions};
use crate::cli::{Format, GeoArgs, LakeArgs, MemoryArgs, QueriesArgs, QueryArgs};
use crate::engine::{self, Parameters, Plan, Query, Session};
use crate::error::{Error, Result};
use crate::lake::{Lake, Snapshot};

pub use crate::ask::{printable, written};

/// Carries out `query`.
pub async fn query(args: QueryArgs) -> Result<Outcome> {
    if let Some(table) = &args.describe {
        let (_, session) = open(&args.lake, &args.geo, &args.memory).await?;
        describe(&session, table, &mut std::io::stdout().lock()).await?;
        return Ok(Outcome::Done);
    }
    let question = question(&args)?;
    let (snapshot, session) = open(&args.lake, &args.geo, &args.memory).await?;
    let mut given = args.params.iter().map(|text| pair(text)).collect::<Result<Vec<_>>>()?;
    if let (Some(id), Some(report)) = (&args.finding, &args.report) {
        given.extend(of_finding(id, report)?);
    }
    let window = snapshot.days().map(|_| hunt::window(&snapshot, &args.period)).transpose()?;
    let parameters = question.parameters(&given, window)?;
    let query = session.query_parsed(&question.name, &question.sql, &parameters).await?;
    if args.explain {
        explained(&query.explain().await?, snapshot.files.len(), &mut std::io::stdout().lock())?;
        return Ok(Outcome::Done);
    }
    match &args.out {
        Some(path) => {
            let failed = |source| Error::File { path: path.clone(), source };
            let file = File::create(path).map_err(failed)?;
            if args.format == Format::Parquet {
                ask::parquet(query, file).await?;
            } else {
                let mut out = BufWriter::new(file);
                answer(query, args.format, &mut out).await?;
                out.flush().map_err(failed)?;
            }
        }
        None => answer(query, args.format, &mut BufWriter::new(std::io::stdout())).await?,
    }
    Ok(Outcome::Done)
}

/// What was asked: SQL, a file, or a saved question by its name.
fn question(args: &QueryArgs) -> Result<Question> {
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    match (&args.sql, &args.file) {
        (Some(name), _) if is_name(name) => Questions::load()?.get(name).cloned(),
        (Some(sql), _) => Question::parse("query", sql),
        (None, Some(path)) => Question::parse(&path.display().to_string(), &text_of(path)?),
        (None, None) if args.finding.is_some() => Questions::load()?.get("around").cloned(),
        (None, None) => Question::parse("query", ""),
    }
}

fn text_of(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().read_to_string(&mut text).map(drop),
        false => std::fs::read_to_string(path).map(|read| text = read),
    };
    read.map_err(|source| Error::File { path: path.into(), source })?;
    Ok(text)
}

fn pair(text: &str) -> Result<(String, String)> {
    let pair = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    pair.ok_or_else(|| Error::Usage(format!("--param {text}: write NAME=VALUE")))
}

/// What a finding of a report says of whom and when, for the parameters of `around`.
fn of_finding(id: &str, report: &Path) -> Result<Vec<(String, String)>> {
    let findings = findings(report)?;
    let finding = findings.iter().find(|finding| finding["id"] == id);
    let finding = finding.ok_or_else(|| Error::Usage(format!("{}: no finding {id}", report.display())))?;
    let member = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let pairs = [("entity", "entity"), ("begin", "first_time"), ("end", "last_time")];
    Ok(pairs.map(|(name, of)| (name.to_owned(), member(of))).into())
}

/// The findings of a report that was written as JSON.
///
/// # Errors
/// When it cannot be read or is none.
pub fn findings(report: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read(report).map_err(|source| Error::File { path: report.into(), source })?;
    let mut report_text: Value = serde_json::from_slice(&text).unwrap_or_default();
    match report_text["findings"].take() {
        Value::Array(findings) => Ok(findings),
        _ => Err(Error::Usage(format!("{}: no report; `trailhunt hunt --report FILE` writes one", report.display()))),
    }
}

/// SQL over a lake as it is; nothing is rolled up.
///
/// # Errors
/// When there is no lake.
pub async fn open(lake: &LakeArgs, geo: &GeoArgs, memory: &MemoryArgs) -> Result<(Snapshot, Session)> {
    as_it_is(&lake.open().await?, geo, memory).await
}

/// [`open`], for a lake that is open.
///
/// # Errors
/// When the lake cannot be read.
pub async fn as_it_is(lake: &Lake, geo: &GeoArgs, memory: &MemoryArgs) -> Result<(Snapshot, Session)> {
    let snapshot = lake.snapshot().await?;
    let geo = super::geo(geo)?;
    let rolled = lake.rolled(&snapshot, &geo.sources()).await?;
    let session = engine::session(&snapshot, &rolled, &geo, memory.memory_limit).await?;
    Ok((snapshot, session))
}

async fn answer(query: Query, format: Format, out: &mut (impl Write + Send)) -> Result<()> {
    match format {
        Format::Table => ask::table(query, out).await?,
        Format::Csv => ask::csv(query, out).await?,
        Format::Json => ask::json(query, out).await?,
        Format::Ndjson => ask::ndjson(query, out).await?,
        Format::Parquet => return Err(Error::Usage("--format parquet wants --out FILE".into())),
    }
    written(out.flush())
}

/// Columns of a table with their types and meaning.
///
/// # Errors
/// When there is no such table.
pub async fn describe(session: &Session, table: &str, out: &mut impl Write) -> Result<()> {
    if !session.has_table(table) {
        let tables = session.tables().join(", ");
        return Err(Error::Usage(format!("no table {}; there are {tables}", printable(table))));
    }
    let query = session.query(table, &format!("SELECT * FROM {table}"), &Parameters::new()).await?;
    let columns = ask::describe(table, &query.schema());
    let width = columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
    for column in columns {
        written(writeln!(out, "{:width$}  {:9}  {}", column.name, column.data_type, column.doc))?;
    }
    Ok(())
}

fn explained(plan: &Plan, data_files: usize, out: &mut impl Write) -> Result<()> {
    written(reads(plan, data_files, out))?;
    written(writeln!(out, "rows      {}\n\n{}", plan.rows, plan.steps.trim_end()))
}

/// A line for each table that was read, of a lake of so many data files.
pub fn reads(plan: &Plan, data_files: usize, out: &mut impl Write) -> std::io::Result<()> {
    for read in &plan.reads {
        let of = if read.table == "events" { format!(" of {data_files}") } else { String::new() };
        let (files, rows) = (HumanCount(read.files as u64), HumanCount(read.rows));
        let (size, fetched) = (HumanBytes(read.file_bytes), HumanBytes(read.bytes_read));
        writeln!(out, "reads     {}: {files}{of} files of {size}, {fetched} fetched, {rows} rows", read.table)?;
    }
    Ok(())
}

/// Carries out `queries`.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub fn queries(args: &QueriesArgs) -> Result<Outcome> {
    let questions = Questions::load()?;
    if let Some(name) = &args.name {
        println!("{}", questions.get(name)?.text.trim_end());
        return Ok(Outcome::Done);
    }
    let width = questions.iter().map(|question| question.name.len()).max().unwrap_or(0);
    for question in questions.iter() {
        let asks = |(name, parameter): (&String, &ask::QuestionParameter)| match &parameter.default {
            Some(default) => format!("{name}={default}"),
            None => format!("{name}=..."),
        };
        let params: Vec<_> = question.params.iter().map(asks).collect();
        let wants = if params.is_empty() { String::new() } else { format!("  ({})", params.join(", ")) };
        println!("{:width$}  {}{wants}", question.name, question.title);
    }
    Ok(Outcome::Done)
}
