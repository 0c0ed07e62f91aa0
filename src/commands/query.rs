//! `trailhunt query` and `trailhunt queries`: SQL over a lake, and the saved questions.

use std::fs::File;
use std::io::{BufWriter, Write as _, stdout};

use super::Outcome;
use crate::ask::{self, Questions, Rows};
use crate::engine::{Query, Session};
use crate::error::{Error, Result};
use crate::lake::{Lake, Snapshot};
use crate::request::{AnswerFormat, Asked, QueryAction, QueryRequest};
use crate::sigma::Sigma;
use crate::terminal::{Column, Layout, Out, Table};
use crate::{hunt, open, runs};

pub async fn query(request: QueryRequest, out: &mut Out) -> Result<Outcome> {
    let lake = Lake::open(&request.lake.location).await?;
    let (snapshot, session) = open::session_of(&lake, &request.lake).await?;
    if !request.sigma.is_empty() {
        request.sigma.add_to(&session).await?;
    }
    let place = Place { lake: &lake, snapshot: &snapshot, session: &session, sigma: &request.sigma };
    let layout = out.layout();
    match request.action {
        QueryAction::Describe(table) => {
            let columns = ask::describe_text(&session, &table, layout).await?;
            write!(out, "{columns}")?;
        }
        QueryAction::Explain(asked) => {
            let plan = place.plan(&asked).await?.explain().await?;
            out.render(|out| ask::explained(&plan, snapshot.files.len(), out))?;
        }
        QueryAction::Print(asked, format) => {
            let query = place.plan(&asked).await?;
            write_answer(query, format, layout, &mut BufWriter::new(stdout())).await?;
        }
        QueryAction::Write(asked, format, path) => {
            let query = place.plan(&asked).await?;
            let failed = |source| Error::File { path: path.clone(), source };
            let file = File::create(&path).map_err(failed)?;
            if format == AnswerFormat::Parquet {
                ask::parquet(query, file).await?;
            } else {
                let mut file = BufWriter::new(file);
                write_answer(query, format, layout, &mut file).await?;
                file.flush().map_err(failed)?;
            }
        }
    }
    Ok(Outcome::Done)
}

/// A lake that is open for questions.
struct Place<'a> {
    lake: &'a Lake,
    snapshot: &'a Snapshot,
    session: &'a Session,
    sigma: &'a Sigma,
}

impl Place<'_> {
    async fn plan(&self, asked: &Asked) -> Result<Query> {
        let window = self.snapshot.days().map(|_| hunt::exact_window(self.snapshot, &asked.period)).transpose()?;
        if let Some(window) = window
            && asked.question.sql.reads("sigma_correlated")
        {
            self.sigma.correlate(self.session, window.from, window.to).await?;
        }
        let mut values = asked.values.clone();
        if let Some((id, findings)) = &asked.finding {
            let last = match findings {
                Some(_) => None,
                None => runs::last_findings(self.lake).await?,
            };
            let Some(findings) = findings.as_ref().or(last.as_ref()) else {
                let next = "`trailhunt hunt` records one; --report names a report from elsewhere";
                return Err(Error::lake(self.lake.location().to_string(), format!("no run is recorded yet; {next}")));
            };
            values.extend(ask::values_of_finding(id, findings)?);
        }
        let parameters = asked.question.parameters(&values, window)?;
        self.session.query_parsed(&asked.question.name, &asked.question.sql, &parameters).await
    }
}

/// How to see what a table cuts.
const WHOLE: &str = "--full-names, --format csv or json show everything";

async fn write_answer(
    query: Query,
    format: AnswerFormat,
    layout: Layout,
    out: &mut (impl std::io::Write + Send),
) -> Result<()> {
    match format {
        AnswerFormat::Table => ask::table(query, Rows::Lines, layout, WHOLE, out).await?,
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
    let mut table = Table::new([Column::whole("question"), Column::text("answers (parameters)")]).wrapping_last();
    for question in questions.iter() {
        let asks = |(name, parameter): (&String, &ask::QuestionParameter)| match &parameter.default {
            Some(default) => format!("{name}={default}"),
            None => format!("{name}=..."),
        };
        let params: Vec<_> = question.params.iter().map(asks).collect();
        let params = if params.is_empty() { String::new() } else { format!("  ({})", params.join(", ")) };
        table.push([question.name.clone(), format!("{}{params}", question.title)]);
    }
    let layout = out.layout();
    out.render(|out| table.write(layout, 0, out).map(drop))?;
    Ok(Outcome::Done)
}
