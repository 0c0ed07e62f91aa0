//! `trailhunt query` and `trailhunt queries`: SQL over a lake, and the saved questions.

use std::fs::File;
use std::io::{BufWriter, Write as _, stdout};

use super::Outcome;
use crate::ask::{self, Questions};
use crate::engine::{Query, Session};
use crate::error::{Error, Result};
use crate::lake::Snapshot;
use crate::request::{AnswerFormat, Asked, QueryAction, QueryRequest};
use crate::terminal::Out;
use crate::{hunt, open};

pub async fn query(request: QueryRequest, out: &mut Out) -> Result<Outcome> {
    let (snapshot, session) = open::session(&request.lake).await?;
    match request.action {
        QueryAction::Describe(table) => {
            let columns = ask::describe_text(&session, &table).await?;
            write!(out, "{columns}")?;
        }
        QueryAction::Explain(asked) => {
            let plan = plan(&asked, &snapshot, &session).await?.explain().await?;
            out.render(|out| ask::explained(&plan, snapshot.files.len(), out))?;
        }
        QueryAction::Print(asked, format) => {
            let query = plan(&asked, &snapshot, &session).await?;
            write_answer(query, format, &mut BufWriter::new(stdout())).await?;
        }
        QueryAction::Write(asked, format, path) => {
            let query = plan(&asked, &snapshot, &session).await?;
            let failed = |source| Error::File { path: path.clone(), source };
            let file = File::create(&path).map_err(failed)?;
            if format == AnswerFormat::Parquet {
                ask::parquet(query, file).await?;
            } else {
                let mut file = BufWriter::new(file);
                write_answer(query, format, &mut file).await?;
                file.flush().map_err(failed)?;
            }
        }
    }
    Ok(Outcome::Done)
}

async fn plan(asked: &Asked, snapshot: &Snapshot, session: &Session) -> Result<Query> {
    let window = snapshot.days().map(|_| hunt::exact_window(snapshot, &asked.period)).transpose()?;
    let parameters = asked.question.parameters(&asked.values, window)?;
    session.query_parsed(&asked.question.name, &asked.question.sql, &parameters).await
}

async fn write_answer(query: Query, format: AnswerFormat, out: &mut (impl std::io::Write + Send)) -> Result<()> {
    match format {
        AnswerFormat::Table => ask::table(query, out).await?,
        AnswerFormat::Csv => ask::csv(query, out).await?,
        AnswerFormat::Json => ask::json(query, out).await?,
        AnswerFormat::Ndjson => ask::ndjson(query, out).await?,
        AnswerFormat::Parquet => return Err(Error::Usage("--format parquet needs --out FILE".into())),
    }
    ask::written(out.flush())
}

/// All saved questions, or one with its SQL.
pub fn queries(name: Option<&str>, out: &mut Out) -> Result<Outcome> {
    let questions = Questions::load()?;
    if let Some(name) = name {
        writeln!(out, "{}", questions.get(name)?.text.trim_end())?;
        return Ok(Outcome::Done);
    }
    let width = questions.iter().map(|question| question.name.len()).max().unwrap_or(0);
    for question in questions.iter() {
        let asks = |(name, parameter): (&String, &ask::QuestionParameter)| match &parameter.default {
            Some(default) => format!("{name}={default}"),
            None => format!("{name}=..."),
        };
        let params: Vec<_> = question.params.iter().map(asks).collect();
        let params = if params.is_empty() { String::new() } else { format!("  ({})", params.join(", ")) };
        writeln!(out, "{:width$}  {}{params}", question.name, question.title)?;
    }
    Ok(Outcome::Done)
}
