//! What could not be read.

use serde_json::Value;

use crate::detect::rows;
use crate::engine::{Parameters, Session};
use crate::error::{Error, Result};

/// Every reject as `object:offset: reason`, by object and offset.
///
/// # Errors
/// When the query fails.
pub async fn rejects(session: &Session) -> Result<Vec<String>> {
    let sql = "SELECT object, byte_offset, reason FROM rejects ORDER BY object, byte_offset";
    let batches = session.query("rejects", sql, &Parameters::new()).await?.collect().await?;
    let rejects = rows(&batches).map_err(|e| Error::query("rejects", e))?;
    let line = |row: &serde_json::Map<String, Value>| {
        let cell = |name: &str| match row.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => "-".into(),
            Some(other) => other.to_string(),
        };
        format!("{}:{}: {}", cell("object"), cell("byte_offset"), cell("reason"))
    };
    Ok(rejects.iter().map(line).collect())
}
