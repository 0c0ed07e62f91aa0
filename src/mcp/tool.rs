//! A tool: its name, what it is for, the schemas of its arguments and its answer, and the function that answers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::Utc;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{JsonObject, Tool as Declaration, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows::KeptRows;
use crate::detect::{Library, Window};
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::lake::{Lake, Snapshot};
use crate::request::{McpRequest, Period};
use crate::{hunt, open};

/// What a call works with.
pub struct Context {
    /// The lake.
    pub lake: Lake,
    /// How SQL runs over it, and the detectors.
    pub request: McpRequest,
}

impl Context {
    /// The detectors.
    ///
    /// # Errors
    /// As [`Sources::library`](crate::detect::Sources::library).
    pub fn library(&self) -> Result<Library> {
        self.request.detectors.library()
    }

    /// SQL over the lake as it is now. What is missing in it is computed and not stored: a tool writes nothing.
    pub async fn session(&self) -> Result<(Snapshot, Session)> {
        open::session_of(&self.lake, &self.request.lake).await
    }
}

/// The period that arguments name; bounds that are not given are those of the lake.
pub fn window(snapshot: &Snapshot, from: Option<&str>, to: Option<&str>) -> Result<Window> {
    hunt::exact_window(snapshot, &Period::parse(from, to, Utc::now())?)
}

/// The answer of a tool.
#[derive(Debug)]
pub struct Answered<R> {
    /// What the client gets.
    pub answer: R,
    /// Rows in it, for the log of calls.
    pub rows: usize,
    /// Rows that the server keeps, to send them in pages.
    pub kept: Option<KeptRows>,
}

impl<R> Answered<R> {
    /// An answer with a number of rows.
    pub fn new(answer: R, rows: usize) -> Answered<R> {
        Answered { answer, rows, kept: None }
    }
}

/// What the process of a call writes to its standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The answer.
    Answer {
        /// What the client gets.
        answer: Value,
        /// Rows in it.
        rows: u64,
        /// Rows to keep.
        kept: Option<KeptRows>,
    },
    /// Why there is none.
    Failed(String),
}

type Call = dyn for<'a> Fn(&'a Context, Value) -> LocalBoxFuture<'a, Result<Reply>> + Send + Sync;

/// A closure that borrows its context for as long as its future.
fn any<F>(call: F) -> Box<Call>
where
    F: for<'a> Fn(&'a Context, Value) -> LocalBoxFuture<'a, Result<Reply>> + Send + Sync + 'static,
{
    Box::new(call)
}

/// A tool.
pub struct Tool {
    /// As clients see it.
    pub declaration: Declaration,
    call: Box<Call>,
}

impl Tool {
    /// A tool whose arguments and answer have these types. It only reads, has no other effect when it is called again, and
    /// knows nothing but the lake.
    ///
    /// # Errors
    /// When the type of the arguments is no object, which is a bug.
    pub fn new<A, R, F>(name: &'static str, title: &str, description: &'static str, call: F) -> Result<Tool>
    where
        A: DeserializeOwned + JsonSchema + 'static,
        R: Serialize + JsonSchema + 'static,
        F: for<'a> Fn(&'a Context, A) -> LocalBoxFuture<'a, Result<Answered<R>>> + Send + Sync + Copy + 'static,
    {
        let input: Arc<JsonObject> = schema_for_input::<A>().map_err(|e| Error::Internal(format!("{name}: {e}")))?;
        let annotations =
            ToolAnnotations::with_title(title).read_only(true).destructive(false).idempotent(true).open_world(false);
        let declaration = Declaration::new(name, description, input)
            .with_title(title)
            .with_raw_output_schema(schema_for_output::<R>())
            .with_annotations(annotations);
        let call = any(move |context, arguments| {
            let parsed = serde_json::from_value::<A>(arguments);
            async move {
                let arguments = parsed.map_err(|e| Error::Usage(format!("arguments of {name}: {e}")))?;
                let Answered { answer, rows, kept } = call(context, arguments).await?;
                let answer = serde_json::to_value(answer).map_err(|e| Error::Internal(format!("{name}: {e}")))?;
                Ok(Reply::Answer { answer, rows: rows as u64, kept })
            }
            .boxed_local()
        });
        Ok(Tool { declaration, call })
    }

    /// Answers a call.
    ///
    /// # Errors
    /// [`Error::Usage`] for arguments that do not fit its schema; those of the tool.
    pub async fn call(&self, context: &Context, arguments: Value) -> Result<Reply> {
        (self.call)(context, arguments).await
    }
}

/// Tools by name.
pub type Tools = BTreeMap<String, Tool>;

/// The value of a parameter.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// A text; the items of a list are separated by commas.
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Integer(n) => n.fmt(f),
            Scalar::Number(x) => x.fmt(f),
            Scalar::Flag(flag) => flag.fmt(f),
            Scalar::Text(text) => f.write_str(text),
        }
    }
}

/// Values by name, as they are typed.
pub fn texts<C: FromIterator<(String, String)>>(values: &BTreeMap<String, Scalar>) -> C {
    values.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
}

/// No arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}
