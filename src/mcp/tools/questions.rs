//! Saved questions and SQL.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::findings::find;
use crate::ask::{self, Question, QuestionParameter, Questions};
use crate::engine::Value;
use crate::error::{Error, Result};
use crate::mcp::rows::{RowsAnswer, keep};
use crate::mcp::tool::{Answered, Context, Nothing, Scalar, texts, window};

/// Name of the tool whose later calls the server answers itself, from the rows that it keeps.
pub const QUERY_SQL: &str = "query_sql";

/// The saved questions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct QuestionList {
    /// The questions, by name.
    pub questions: Vec<QuestionBrief>,
}

/// A saved question.
#[derive(Debug, Serialize, JsonSchema)]
pub struct QuestionBrief {
    /// Its name.
    pub name: String,
    /// What it answers.
    pub title: String,
    /// Its parameters, besides the period.
    pub parameters: Vec<Asked>,
}

/// A parameter of a question.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Asked {
    /// Name.
    pub name: String,
    /// Meaning.
    pub help: String,
    /// Value unless another is given; a parameter without a default is required.
    pub default: Option<String>,
}

pub async fn list_questions(_: &Context, _: Nothing) -> Result<Answered<QuestionList>> {
    let questions = Questions::load()?;
    let parameter = |(name, of): (&String, &QuestionParameter)| Asked {
        name: name.clone(),
        help: of.help.clone(),
        default: of.default.as_ref().map(ToString::to_string),
    };
    let brief = |question: &Question| QuestionBrief {
        name: question.name.clone(),
        title: question.title.clone(),
        parameters: question.params.iter().map(parameter).collect(),
    };
    let questions: Vec<QuestionBrief> = questions.iter().map(brief).collect();
    let rows = questions.len();
    Ok(Answered::new(QuestionList { questions }, rows))
}

/// A saved question with values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskQuestion {
    /// Name of the question; see `list_questions`.
    pub question: String,
    /// Values of its parameters, by name.
    #[serde(default)]
    pub values: BTreeMap<String, Scalar>,
    /// Id of a finding that gives the values entity, begin and end.
    pub finding: Option<String>,
    /// Start: a day such as 2024-03-01, a time, or an age such as 7d, counted from now; the start of the lake unless given.
    pub from: Option<String>,
    /// End, not included; the end of the lake unless given.
    pub to: Option<String>,
}

pub async fn ask_question(context: &Context, arguments: AskQuestion) -> Result<Answered<RowsAnswer>> {
    let questions = Questions::load()?;
    let question = questions.get(&arguments.question)?;
    let mut values: Vec<(String, String)> = texts(&arguments.values);
    if let Some(id) = &arguments.finding {
        let finding = find(context, id).await?;
        let json = serde_json::to_value(&finding).map_err(|e| Error::Internal(format!("finding {id}: {e}")))?;
        values.extend(ask::values_of_finding(&finding.id, &[json])?);
    }
    answer(context, question, &values, (arguments.from, arguments.to)).await
}

/// SQL, or the handle of an answer.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuerySql {
    /// One SELECT; $from and $to stand for the period, other $names for `values`.
    pub sql: Option<String>,
    /// Texts for the $names in `sql`. Pass text from answers here instead of writing it into the SQL.
    #[serde(default)]
    pub values: BTreeMap<String, Scalar>,
    /// Start: a day such as 2024-03-01, a time, or an age such as 7d, counted from now; the start of the lake unless given.
    pub from: Option<String>,
    /// End, not included; the end of the lake unless given.
    pub to: Option<String>,
    /// The handle of an earlier answer, instead of `sql`.
    pub handle: Option<String>,
    /// With `handle`: rows to skip.
    pub offset: Option<usize>,
    /// With `handle`: rows to return, at most 100; 20 unless given.
    pub limit: Option<usize>,
}

pub async fn query_sql(context: &Context, arguments: QuerySql) -> Result<Answered<RowsAnswer>> {
    let QuerySql { sql: Some(sql), values, handle: None, offset: None, limit: None, from, to } = arguments else {
        let next = "give sql first, without offset and limit; its answer has a handle for further rows";
        return Err(Error::Usage(format!("query_sql takes either sql or a handle: {next}")));
    };
    answer(context, &Question::parse("query", &sql)?, &texts::<Vec<_>>(&values), (from, to)).await
}

async fn answer(
    context: &Context,
    question: &Question,
    values: &[(String, String)],
    (from, to): (Option<String>, Option<String>),
) -> Result<Answered<RowsAnswer>> {
    let (snapshot, session) = context.session().await?;
    let window = snapshot.days().map(|_| window(&snapshot, from.as_deref(), to.as_deref())).transpose()?;
    if window.is_none() && (question.sql.uses("from") || question.sql.uses("to")) {
        return Err(Error::Usage("the lake has no events yet".into()));
    }
    let parameters = question.parameters(values, window)?;
    let query = session.query_parsed(&question.name, &question.sql, &parameters).await?;
    let kept = keep(query).await?;
    let mut answer = kept.summary()?;
    let rows_max = parameters.get("rows").filter(|_| question.params.contains_key("rows"));
    if matches!(rows_max, Some(Value::Integer(most)) if i64::try_from(kept.total).is_ok_and(|rows| rows >= *most)) {
        answer.limited = Some("the question returns no more than its value `rows`; give a larger one".into());
    }
    let rows = answer.rows.len();
    Ok(Answered { answer, rows, kept: Some(kept) })
}
