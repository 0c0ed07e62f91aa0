//! Rows of an answer as JSON objects.

use arrow::array::RecordBatch;
use serde_json::{Map, Value};

/// Rows as JSON objects.
pub fn rows(batches: &[RecordBatch]) -> std::result::Result<Vec<Map<String, Value>>, String> {
    let mut writer = arrow::json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow::json::writer::JsonArray>(Vec::new());
    writer
        .write_batches(&batches.iter().collect::<Vec<_>>())
        .and_then(|()| writer.finish())
        .map_err(|e| e.to_string())?;
    let text = writer.into_inner();
    if text.is_empty() { Ok(Vec::new()) } else { serde_json::from_slice(&text).map_err(|e| e.to_string()) }
}
