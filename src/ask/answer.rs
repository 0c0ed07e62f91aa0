//! The output formats of a query. Records contain text chosen by callers, so every format is safe for its reader: no control
//! characters for a terminal, no formulas for a spreadsheet.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::engine::Query;
use crate::error::{Error, Result};
use crate::terminal::{Column, Layout, Missing, SafeJson, Table, spreadsheet_cell};
use crate::wording::{counted, wrapped};

/// How rows are shown for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// One line per row, cut to the width of the terminal.
    Lines,
    /// One block of lines per row, with everything.
    Expanded,
}

/// A table that fits the terminal, followed by the number of rows and `whole`, a note that says how to see cut texts whole.
///
/// # Errors
/// As [`Query::collect`]; when `out` cannot be written.
pub async fn table(query: Query, rows: Rows, layout: Layout, whole: &str, out: &mut (impl Write + Send)) -> Result<()> {
    let mut table = Table::new(columns_of(&query.schema()));
    let batches = query.collect().await?;
    let options = FormatOptions::default();
    for batch in &batches {
        let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let formatters = formatters.collect::<std::result::Result<Vec<_>, _>>().map_err(failed)?;
        for row in 0..batch.num_rows() {
            table.push(formatters.iter().map(|column| column.value(row).to_string()));
        }
    }
    let count = counted(batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64, "row");
    let shown = match rows {
        Rows::Lines => table.write(layout, 0, out),
        Rows::Expanded => table.expanded(layout, 0, out).map(|()| Missing::default()),
    };
    let write = |missing: Missing| {
        if missing.is_empty() {
            return writeln!(out, "{count}");
        }
        let note = format!("{count}; cut to {} columns: {}. {whole}", layout.width(), missing.cut.join(", "));
        wrapped(&note, layout.width(), usize::MAX).iter().try_for_each(|line| writeln!(out, "{line}"))
    };
    written(shown.and_then(write))
}

/// The columns of an answer: numbers and times are never cut.
pub(super) fn columns_of(schema: &Schema) -> Vec<Column> {
    let column = |field: &Arc<Field>| match field.data_type() {
        of if of.is_numeric() => Column::number(field.name()),
        _ if field.name().ends_with("address") => Column::address(field.name()),
        of if of.is_temporal() || *of == DataType::Boolean => Column::whole(field.name()),
        _ => Column::text(field.name()),
    };
    schema.fields().iter().map(column).collect()
}

/// Comma-separated, with a header. A text that a spreadsheet would evaluate as a formula is prefixed with `'`.
///
/// # Errors
/// As [`table`].
pub async fn csv(query: Query, out: &mut (impl Write + Send)) -> Result<()> {
    let empty = RecordBatch::new_empty(query.schema());
    let mut batches = query.stream().await?;
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(out);
    // Writes the header even if there are no rows.
    taken(writer.write(&flat(&empty)?))?;
    while let Some(batch) = batches.try_next().await? {
        taken(writer.write(&flat(&batch)?))?;
    }
    Ok(())
}

/// One array of objects.
///
/// # Errors
/// As [`table`].
pub async fn json(query: Query, out: &mut (impl Write + Send)) -> Result<()> {
    let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, arrow::json::writer::JsonArray>(SafeJson::new(&mut *out));
    let mut batches = query.stream().await?;
    while let Some(batch) = batches.try_next().await? {
        taken(writer.write(&batch))?;
    }
    taken(writer.finish())?;
    written(writeln!(out))
}

/// One object per line.
///
/// # Errors
/// As [`table`].
pub async fn ndjson(query: Query, out: &mut (impl Write + Send)) -> Result<()> {
    let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, arrow::json::writer::LineDelimited>(SafeJson::new(out));
    let mut batches = query.stream().await?;
    while let Some(batch) = batches.try_next().await? {
        taken(writer.write(&batch))?;
    }
    taken(writer.finish())
}

/// A Parquet file with unchanged values and without the Arrow schema, which depends on our memory layout.
///
/// # Errors
/// As [`table`].
pub async fn parquet(query: Query, out: File) -> Result<()> {
    let failed = |e: parquet::errors::ParquetError| Error::query("answer", e);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(out, query.schema(), options).map_err(failed)?;
    let mut batches = query.stream().await?;
    while let Some(batch) = batches.try_next().await? {
        writer.write(&batch).map_err(failed)?;
    }
    writer.close().map_err(failed).map(drop)
}

/// Makes texts safe for a spreadsheet; lists and structures become texts.
fn flat(batch: &RecordBatch) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        if !is_text && !field.data_type().is_nested() {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
            continue;
        }
        let options = FormatOptions::default();
        let cells = ArrayFormatter::try_new(column, &options).map_err(failed)?;
        let cell = |row: usize| column.is_valid(row).then(|| spreadsheet_cell(&cells.value(row).to_string()));
        columns.push(Arc::new((0..column.len()).map(cell).collect::<StringArray>()));
        fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(failed)
}

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::query("answer", error)
}

/// A closed pipe (`| head`) is not an error.
fn taken(result: std::result::Result<(), arrow::error::ArrowError>) -> Result<()> {
    match result {
        Err(arrow::error::ArrowError::IoError(_, source)) => written(Err(source)),
        result => result.map_err(failed),
    }
}

/// The outcome of writing a result. A closed pipe (`| head`) is not an error.
///
/// # Errors
/// When writing failed for another reason.
pub fn written(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(source) if source.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::File { path: "query result".into(), source })
        }
        _ => Ok(()),
    }
}
