//! What the lake holds: its state, its tables.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::record::RunBrief;
use crate::ask;
use crate::detect;
use crate::engine::Parameters;
use crate::error::{Error, Result};
use crate::mcp::tool::{Answered, Context, Nothing};
use crate::mcp::untrusted::{Field, Marker, Untrusted};
use crate::report::LakeStatus as Status;
use crate::wording::did_you_mean;
use crate::{open, runs};

/// Rows of each list.
const ROWS_MAX: usize = 30;
/// Events of days without summaries that are read for accounts, regions and gaps. More take longer than a call.
const UNSUMMARISED_MAX: u64 = 1_000_000;

/// The state of the lake.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LakeStatus {
    /// URL of the lake.
    pub lake: String,
    /// Version of its table.
    pub version: u64,
    /// Data files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// First and last event, and counts: records = kept + duplicates + id_conflicts + rejects.
    pub totals: BTreeMap<String, Field>,
    /// Days whose daily summaries are not stored, which makes most questions slow; `trailhunt hunt --prepare` stores them.
    pub days_without_summaries: u64,
    /// False if accounts, regions and gaps were not determined, because too many days have no summaries.
    pub gaps_known: bool,
    /// Events by account and region; at most 30 rows.
    pub by_account_and_region: Vec<BTreeMap<String, Field>>,
    /// Number of accounts and regions.
    pub accounts_and_regions: u64,
    /// Hours without events where events are usual; at most 30 rows.
    pub gaps: Vec<BTreeMap<String, Field>>,
    /// Number of gaps.
    pub gaps_total: u64,
    /// Why records could not be read, most frequent reason first; at most 30.
    pub not_read: Vec<NotRead>,
    /// The last recorded run; null if there is none: `trailhunt hunt` records one.
    pub last_run: Option<RunBrief>,
}

/// Records that could not be read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotRead {
    /// Why.
    pub reason: Untrusted,
    /// How many records or objects.
    pub rejects: u64,
    /// One of the objects.
    pub object: Untrusted,
}

pub async fn lake_status(context: &Context, _: Nothing) -> Result<Answered<LakeStatus>> {
    let (snapshot, rolled, session) = open::session_and_rolled(&context.lake, &context.request.lake).await?;
    let missing = rolled.missing(&snapshot);
    let unsummarised: u64 =
        snapshot.files.iter().filter(|file| missing.contains(&file.day)).map(|file| file.rows).sum();
    let gaps_known = unsummarised <= UNSUMMARISED_MAX;
    let status = match gaps_known {
        true => Status::of(&snapshot, &session).await?,
        false => Status::totals(&snapshot, &session).await?,
    };
    let json = status.json();
    let marker = Marker::new();
    let rows = |name: &str| {
        let rows: Vec<&Map<String, Value>> =
            json[name].as_array().into_iter().flatten().filter_map(Value::as_object).collect();
        let shown = rows.iter().take(ROWS_MAX).map(|row| marker.row(row)).collect::<Vec<_>>();
        (shown, rows.len() as u64)
    };
    let (by_account_and_region, accounts_and_regions) = rows("by_account_and_region");
    let (gaps, gaps_total) = rows("gaps");
    let sql = format!(
        "SELECT reason, count(*) AS rejects, min(object) AS object FROM rejects GROUP BY reason \
         ORDER BY rejects DESC, reason LIMIT {ROWS_MAX}"
    );
    let rejects = session.query("rejects", &sql, &Parameters::new()).await?.collect().await?;
    let rejects = detect::rows(&rejects).map_err(|e| Error::query("rejects", e))?;
    let not_read = |row: &Map<String, Value>| {
        let text = |name: &str| marker.text(row.get(name).and_then(Value::as_str).unwrap_or_default());
        let rejects = row.get("rejects").and_then(Value::as_u64).unwrap_or(0);
        NotRead { reason: text("reason"), rejects, object: text("object") }
    };
    let last_run = runs::last(&context.lake).await?.map(|run| RunBrief::of(&run, &marker));
    let status = LakeStatus {
        lake: snapshot.location.to_string(),
        version: snapshot.version,
        files: snapshot.files.len() as u64,
        bytes: snapshot.bytes(),
        totals: json["totals"].as_object().map(|row| marker.row(row)).unwrap_or_default(),
        days_without_summaries: missing.len() as u64,
        gaps_known,
        by_account_and_region,
        accounts_and_regions,
        gaps,
        gaps_total,
        not_read: rejects.iter().map(not_read).collect(),
        last_run,
    };
    let rows = status.by_account_and_region.len() + status.gaps.len() + status.not_read.len();
    Ok(Answered::new(status, rows))
}

/// A table, or none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DescribeTable {
    /// Name of a table or view; leave it out for a list of them.
    pub table: Option<String>,
}

/// Tables, or the columns of one.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tables {
    /// Names of all tables and views; empty if one was named.
    pub tables: Vec<String>,
    /// The columns of the table that was named.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type.
    pub data_type: String,
    /// Meaning.
    pub meaning: String,
}

pub async fn describe_table(context: &Context, arguments: DescribeTable) -> Result<Answered<Tables>> {
    let (_, session) = context.session().await?;
    let Some(table) = arguments.table.filter(|table| !table.is_empty()) else {
        let tables = session.tables();
        let rows = tables.len();
        return Ok(Answered::new(Tables { tables, columns: Vec::new() }, rows));
    };
    if !session.has_table(&table) {
        let names = session.tables();
        let similar: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.contains(&table)).collect();
        let hint = did_you_mean(&table, &similar, names.iter().map(String::as_str));
        let hint = hint.unwrap_or_else(|| "describe_table without a table lists them".into());
        return Err(Error::Usage(format!("no table {table}; {hint}")));
    }
    let described = ask::describe(&table, session.columns(&table).await?.as_ref());
    let column = |of: ask::Described| Column { name: of.name, data_type: of.data_type, meaning: of.doc.to_owned() };
    let columns: Vec<Column> = described.into_iter().map(column).collect();
    let rows = columns.len();
    Ok(Answered::new(Tables { tables: Vec::new(), columns }, rows))
}
