//! The server: what clients see of it, and what it does with a call.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, GetPromptRequestParams,
    GetPromptResponse, Implementation, ListPromptsResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents, ServerCapabilities,
    ServerConfig, Tool as Declaration,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};
use uuid::Uuid;

use super::guide::{self, REPORT};
use super::process::Launch;
use super::rows::KeptRows;
use super::tool::Reply;
use super::tools::{self, QUERY_SQL, QuerySql};
use super::untrusted::Marker;
use crate::error::{Error, Result};
use crate::lake::{CallLog, Lake};
use crate::request::LakeRequest;
use crate::sha256;

/// Calls that run at once; others wait. Each may use the memory limit.
const CALLS_AT_ONCE: usize = 2;
/// Answers whose rows are kept, and their bytes. The oldest are dropped first.
const KEPT_MAX: usize = 16;
const KEPT_BYTES_MAX: usize = 64 << 20;
/// Bytes of an answer as JSON.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// Characters of a client's name in the log.
const CLIENT_CHARS_MAX: usize = 100;

/// What all connections share.
#[derive(Clone)]
pub struct Server {
    tools: Arc<Vec<Declaration>>,
    launch: Arc<Launch>,
    log: Arc<CallLog>,
    kept: Arc<Mutex<Kept>>,
    running: Arc<Semaphore>,
}

/// Answers whose rows are kept, by handle, oldest first.
#[derive(Default)]
struct Kept(VecDeque<(String, KeptRows)>);

impl Kept {
    fn add(&mut self, rows: KeptRows) -> String {
        let handle = Uuid::now_v7().simple().to_string();
        self.0.push_back((handle.clone(), rows));
        while self.0.len() > KEPT_MAX || (self.0.len() > 1 && self.bytes() > KEPT_BYTES_MAX) {
            self.0.pop_front();
        }
        handle
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|(_, rows)| rows.bytes()).sum()
    }

    /// Further rows of an answer.
    fn page(&self, handle: &str, arguments: &QuerySql) -> Result<Reply> {
        let Some((_, rows)) = self.0.iter().find(|(known, _)| known == handle) else {
            return Err(Error::Usage(format!(
                "no answer has the handle {handle}, or it was dropped; ask again with sql"
            )));
        };
        let mut page = rows.page(arguments.offset, arguments.limit)?;
        page.handle = Some(handle.to_owned());
        let rows = page.rows.len() as u64;
        let answer = serde_json::to_value(page).map_err(|e| Error::Internal(format!("a page of rows: {e}")))?;
        Ok(Reply::Answer { answer, rows, kept: None })
    }
}

/// How a call ended, for its record.
struct Outcome {
    word: &'static str,
    rows: u64,
}

impl Server {
    /// A server over a lake. Its start is recorded.
    ///
    /// # Errors
    /// When there is no lake, or calls cannot be recorded in it.
    pub async fn start(lake: &LakeRequest, launch: Launch) -> Result<Server> {
        let log = CallLog::new(Lake::open(&lake.location).await?);
        let started = json!({"tool": "serve", "at": now(), "server": env!("CARGO_PKG_VERSION")});
        log.append(&started).await.map_err(|e| match e.is_read_only() {
            true => Error::lake(
                lake.location.to_string(),
                "it is read-only, so calls cannot be recorded in it; give write access to its folder _trailhunt/calls",
            ),
            false => e,
        })?;
        Ok(Server {
            tools: Arc::new(tools::tools()?.into_values().map(|tool| tool.declaration).collect()),
            launch: Arc::new(launch),
            log: Arc::new(log),
            kept: Arc::default(),
            running: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
        })
    }

    /// Runs a call and records it. The answer is only given if the record was written.
    async fn call(
        &self,
        tool: &str,
        arguments: Value,
        context: &RequestContext<RoleServer>,
    ) -> std::result::Result<Value, String> {
        let started = Instant::now();
        let reply = tokio::select! {
            reply = self.reply(tool, &arguments) => Some(reply),
            () = context.ct.cancelled() => None,
        };
        let (outcome, result) = match reply {
            None => (Outcome { word: "cancelled", rows: 0 }, Err("cancelled".to_owned())),
            Some(Reply::Failed(reason)) => (Outcome { word: "failed", rows: 0 }, Err(reason)),
            Some(Reply::Answer { mut answer, rows, kept }) => {
                if let Some(kept) = kept {
                    answer["handle"] = self.kept.lock().await.add(kept).into();
                }
                match answer.to_string().len() {
                    bytes if bytes > ANSWER_BYTES_MAX => {
                        let reason =
                            format!("the answer has {bytes} bytes; select fewer columns or rows, or a shorter period");
                        (Outcome { word: "too large", rows: 0 }, Err(reason))
                    }
                    _ => (Outcome { word: "answered", rows }, Ok(answer)),
                }
            }
        };
        let client: String = context.client_info().map(|of| format!("{} {}", of.name, of.version)).unwrap_or_default();
        let record = json!({
            "tool": tool,
            "at": now(),
            "arguments_sha256": sha256::hex(arguments.to_string().as_bytes()),
            "client": client.chars().take(CLIENT_CHARS_MAX).collect::<String>(),
            "outcome": outcome.word,
            "rows": outcome.rows,
            "seconds": (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        });
        match self.log.append(&record).await {
            Ok(_) => result.map_err(|reason| guide::for_agent(&reason)),
            Err(e) => Err(format!("the call was not recorded, so its answer is not given: {e}")),
        }
    }

    async fn reply(&self, tool: &str, arguments: &Value) -> Reply {
        if tool == QUERY_SQL && arguments.get("handle").is_some_and(|handle| !handle.is_null()) {
            return self.kept_rows(arguments).await.unwrap_or_else(|e| Reply::Failed(e.to_string()));
        }
        match self.running.acquire().await {
            Ok(_permit) => self.launch.call(tool, arguments).await,
            Err(e) => Reply::Failed(e.to_string()),
        }
    }

    /// Further rows of an answer that is kept.
    async fn kept_rows(&self, arguments: &Value) -> Result<Reply> {
        let given: QuerySql = serde_json::from_value(arguments.clone())
            .map_err(|e| Error::Usage(format!("arguments of {QUERY_SQL}: {e}")))?;
        match &given {
            QuerySql { handle: Some(handle), sql: None, from: None, to: None, values, .. } if values.is_empty() => {
                self.kept.lock().await.page(handle, &given)
            }
            _ => Err(Error::Usage("give either sql or a handle; the period and values belong to sql".into())),
        }
    }
}

/// The time, UTC.
fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Why a call failed, as a client gets it. The reason may quote log records.
fn failed(reason: &str) -> String {
    json!({"error": Marker::new().text(reason)}).to_string()
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build();
        let version = env!("CARGO_PKG_VERSION");
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("trailhunt", version).with_title("trailhunt: AWS CloudTrail"))
            .with_instructions(guide::INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> std::result::Result<CallToolResponse, ErrorData> {
        if !self.tools.iter().any(|tool| tool.name == request.name) {
            return Err(ErrorData::invalid_params("no such tool; tools/list names those there are", None));
        }
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let answer = self.call(&request.name, arguments, &context).await;
        Ok(CallToolResponse::Complete(match answer {
            Ok(answer) => CallToolResult::structured(answer),
            Err(reason) => CallToolResult::error(vec![ContentBlock::text(failed(&reason))]),
        }))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(guide::resources()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> std::result::Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let text = match guide::text_of(&uri) {
            Some(text) => text.to_owned(),
            None if uri == guide::LAST_REPORT => {
                let answer = self.call(REPORT, json!({}), &context).await;
                answer.map_err(|reason| ErrorData::internal_error(failed(&reason), None))?.to_string()
            }
            None => {
                let reason = "no such resource; resources/list names those there are";
                return Err(ErrorData::resource_not_found(reason, None));
            }
        };
        let contents = ResourceContents::text(text, &*uri).with_mime_type(guide::mime_type_of(&uri));
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(guide::prompts()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<GetPromptResponse, ErrorData> {
        guide::prompt(&request.name, &request.arguments.unwrap_or_default()).map(Into::into)
    }
}
