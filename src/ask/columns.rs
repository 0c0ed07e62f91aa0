//! The meaning of the columns of every table and view.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow::datatypes::{DataType, Schema};

use crate::engine::Session;
use crate::error::{Error, Result};
use crate::lake::{LEDGER, REJECTS};
use crate::schema::EVENTS;
use crate::terminal::{Column, Layout, Table, printable};

/// The description of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Name.
    pub name: String,
    /// Type, in plain words.
    pub data_type: String,
    /// Its meaning; empty for a column without documentation.
    pub doc: &'static str,
}

/// Documentation of the columns of rollups and views, by name and by `table.name`.
static DOCS: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("../../sql/columns.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).collect()
});

/// The columns of a table, with their meaning.
pub fn describe(table: &str, schema: &Schema) -> Vec<Described> {
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| Described {
        name: field.name().clone(),
        data_type: plain(field.data_type()),
        doc: doc(table, field.name()),
    };
    schema.fields().iter().map(column).collect()
}

/// The columns of a table with types and meaning, one line each.
///
/// # Errors
/// [`Error::Usage`] when there is no such table; it lists those there are.
pub async fn describe_text(session: &Session, table: &str, layout: Layout) -> Result<String> {
    if !session.has_table(table) {
        let tables = session.tables().join(", ");
        return Err(Error::Usage(format!("no table {}; there are {tables}", printable(table))));
    }
    let columns = describe(table, session.columns(table).await?.as_ref());
    let mut shown =
        Table::new([Column::whole("column"), Column::text("type"), Column::text("meaning")]).wrapping_last();
    for Described { name, data_type, doc } in columns {
        shown.push([name, data_type, doc.to_owned()]);
    }
    let mut text = Vec::new();
    let written = shown.write(layout, 0, &mut text);
    written.map_err(|source| Error::File { path: "memory".into(), source })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn doc(table: &str, name: &str) -> &'static str {
    let side = match table {
        "objects" => LEDGER,
        "rejects" => REJECTS,
        _ => &[],
    };
    let side = side.iter().find(|(column, _)| *column == name).map(|(_, doc)| *doc);
    let exact = side.or_else(|| DOCS.get(format!("{table}.{name}").as_str()).copied());
    let of_events = || EVENTS.iter().find(|column| column.name == name).map(|column| column.doc);
    exact.or_else(of_events).or_else(|| DOCS.get(name).copied()).unwrap_or_default()
}

/// The type of a column in plain words.
pub fn plain(data_type: &DataType) -> String {
    use DataType::{Boolean, Date32, Float64, Int64, Timestamp, UInt64, Utf8, Utf8View};
    match data_type {
        Utf8 | Utf8View => "text".into(),
        Boolean => "boolean".into(),
        Int64 | UInt64 => "integer".into(),
        Float64 => "number".into(),
        Date32 => "date".into(),
        Timestamp(..) => "timestamp".into(),
        other => other.to_string().to_lowercase(),
    }
}
