//! The rows of a query, in two stages: a summary with the first rows, then pages of the rows that are kept.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use futures::TryStreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::page::{Page, page};
use super::untrusted::{Field, Marker, name};
use crate::ask::plain;
use crate::detect;
use crate::engine::Query;
use crate::error::{Error, Result};
use crate::sha256;

/// Rows that are kept of an answer, and their bytes as JSON. Further rows are only counted.
const KEPT_ROWS_MAX: usize = 10_000;
const KEPT_BYTES_MAX: usize = 4 << 20;
/// Frequent values that the summary states of a column.
const FREQUENT_MAX: usize = 3;
/// First rows that the summary shows.
const FIRST_ROWS: usize = 5;

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerColumn {
    /// Name, as the query gives it.
    pub name: String,
    /// Type of its values.
    pub data_type: String,
    /// Rows of those kept in which it is null.
    pub nulls: u64,
    /// Different values among the rows kept.
    pub different: u64,
    /// Smallest value, of numbers and times.
    pub least: Option<Field>,
    /// Largest value, of numbers and times.
    pub greatest: Option<Field>,
    /// The most frequent values that occur more than once.
    pub frequent: Vec<Frequent>,
}

/// A value and how often it occurs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Frequent {
    /// The value.
    pub value: Field,
    /// Rows that have it.
    pub rows: u64,
}

/// The rows of an answer that are kept to be sent in pages.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeptRows {
    /// The columns.
    pub columns: Vec<AnswerColumn>,
    /// Each row as a JSON array.
    pub rows: Vec<Box<RawValue>>,
    /// Rows of the answer, also of those that are not kept.
    pub total: u64,
}

/// A part of an answer. The first one has a summary of each column.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RowsAnswer {
    /// Names the answer in further calls of `query_sql`; valid while the server runs, for the last few answers.
    pub handle: Option<String>,
    /// Rows of the whole answer.
    pub total_rows: u64,
    /// The first rows of the answer, which are kept; the others are only counted: aggregate or filter in SQL.
    pub kept_rows: u64,
    /// The columns.
    pub columns: Vec<AnswerColumn>,
    /// Rows: the values in the order of the columns.
    pub rows: Vec<Vec<Field>>,
    /// Which of the kept rows these are.
    pub page: Page,
    /// Why there may be more rows than `total_rows`; null if there are not.
    pub limited: Option<String>,
}

/// Runs a query, keeps its first rows and counts the others.
///
/// # Errors
/// As [`Query::stream`].
pub async fn keep(query: Query) -> Result<KeptRows> {
    let failed = |e: String| Error::query("query", e);
    let schema = query.schema();
    let names: Vec<String> = (0..schema.fields().len()).map(|at| at.to_string()).collect();
    let (mut kept, mut bytes, mut total, mut is_full) = (Vec::new(), 0, 0, false);
    let mut known: Vec<Known> = names.iter().map(|_| Known::default()).collect();
    let mut batches = query.stream().await?;
    while let Some(batch) = batches.try_next().await? {
        total += batch.num_rows() as u64;
        if is_full {
            continue;
        }
        let room = KEPT_ROWS_MAX - kept.len();
        let batch = numbered(&batch.slice(0, batch.num_rows().min(room))).map_err(|e| failed(e.to_string()))?;
        for mut row in detect::rows(&[batch]).map_err(failed)? {
            let values: Vec<Value> = names.iter().map(|name| row.remove(name).unwrap_or_default()).collect();
            let fields: Vec<Field> = values.iter().map(|value| Marker::of_value().field(value)).collect();
            let text = serde_json::value::to_raw_value(&fields).map_err(|e| failed(e.to_string()))?;
            bytes += text.get().len();
            if bytes > KEPT_BYTES_MAX {
                is_full = true;
                break;
            }
            known.iter_mut().zip(&values).for_each(|(known, value)| known.see(value));
            kept.push(text);
        }
        is_full |= kept.len() >= KEPT_ROWS_MAX;
    }
    let columns = schema.fields().iter().zip(known).map(|(field, known)| known.column(field.name(), field.data_type()));
    Ok(KeptRows { columns: columns.collect(), rows: kept, total })
}

/// The columns under their numbers, because two may have one name.
fn numbered(batch: &RecordBatch) -> std::result::Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let fields = schema.fields().iter().enumerate();
    let fields = fields.map(|(at, field)| field.as_ref().clone().with_name(at.to_string()));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, batch.columns().to_vec(), &options)
}

/// What is known of a column's values.
#[derive(Debug, Default)]
struct Known {
    nulls: u64,
    /// By the hash of the value, because values may be long.
    counts: HashMap<String, (Field, u64)>,
    /// Smallest and largest number or time.
    least: Option<(Order, Field)>,
    greatest: Option<(Order, Field)>,
}

/// What numbers, and times as microseconds, are compared by.
type Order = f64;

impl Known {
    fn see(&mut self, value: &Value) {
        if value.is_null() {
            self.nulls += 1;
            return;
        }
        let brief = || Marker::brief().field(value);
        self.counts.entry(sha256::hex(value.to_string().as_bytes())).or_insert_with(|| (brief(), 0)).1 += 1;
        if let Some(order) = order(value) {
            if self.least.as_ref().is_none_or(|(least, _)| order < *least) {
                self.least = Some((order, brief()));
            }
            if self.greatest.as_ref().is_none_or(|(greatest, _)| order > *greatest) {
                self.greatest = Some((order, brief()));
            }
        }
    }

    fn column(self, column: &str, data_type: &DataType) -> AnswerColumn {
        let different = self.counts.len() as u64;
        let mut values: Vec<(Field, u64)> = self.counts.into_values().filter(|(_, rows)| *rows > 1).collect();
        values.sort_by_key(|(value, rows)| (Reverse(*rows), value.to_string()));
        let frequent = values.into_iter().take(FREQUENT_MAX).map(|(value, rows)| Frequent { value, rows });
        let of_ordered = |of: Option<(Order, Field)>| {
            of.filter(|_| data_type.is_numeric() || data_type.is_temporal()).map(|(_, field)| field)
        };
        AnswerColumn {
            name: name(column),
            data_type: name(&plain(data_type)),
            nulls: self.nulls,
            different,
            least: of_ordered(self.least),
            greatest: of_ordered(self.greatest),
            frequent: frequent.collect(),
        }
    }
}

fn order(value: &Value) -> Option<Order> {
    let time = |text: &str| {
        let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
        let time = time.or_else(|| Some(text.parse::<NaiveDateTime>().ok()?.and_utc()));
        time.or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc()))
    };
    match value {
        Value::String(text) => Some(time(text)?.timestamp_micros() as f64),
        value => value.as_f64(),
    }
}

impl KeptRows {
    /// The first rows, and the summary of the columns.
    ///
    /// # Errors
    /// When a row is not valid, which is a bug.
    pub fn summary(&self) -> Result<RowsAnswer> {
        self.part(None, Some(FIRST_ROWS))
    }

    /// A page of the kept rows; its columns have no frequent values, which the summary has stated.
    ///
    /// # Errors
    /// As [`KeptRows::summary`].
    pub fn page(&self, offset: Option<usize>, limit: Option<usize>) -> Result<RowsAnswer> {
        let mut answer = self.part(offset, limit)?;
        for column in &mut answer.columns {
            column.frequent.clear();
        }
        Ok(answer)
    }

    fn part(&self, offset: Option<usize>, limit: Option<usize>) -> Result<RowsAnswer> {
        let (rows, page) = page(&self.rows, offset, limit, Clone::clone);
        let rows = rows.into_iter().map(|row| serde_json::from_str(row.get())).collect::<serde_json::Result<_>>();
        Ok(RowsAnswer {
            handle: None,
            total_rows: self.total,
            kept_rows: self.rows.len() as u64,
            columns: self.columns.clone(),
            rows: rows.map_err(|e| Error::Internal(format!("a row of an answer: {e}")))?,
            page,
            limited: None,
        })
    }

    /// About the memory it takes.
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(|row| row.get().len()).sum()
    }
}
