//! `trailhunt query`: SQL over the lake.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;

use super::Outcome;
use crate::cli::{Format, QueryArgs};
use crate::engine::{self, Parameters};
use crate::error::{Error, Result};
use crate::lake::Lake;
use crate::lake::{LEDGER, REJECTS};
use crate::schema::EVENTS;
use crate::source::Location;

/// Carries out `query`.
pub async fn query(args: QueryArgs) -> Result<Outcome> {
    let mut out = std::io::stdout().lock();
    let location = Location::parse(&args.lake.lake, &args.lake.s3.settings())?;
    let lake = Lake::open(&location).await?;
    let snapshot = lake.snapshot().await?;
    let rolled = lake.rolled(&snapshot).await?;
    let geo = super::geo(&args.geoip)?;
    let session = engine::session(&snapshot, &rolled, &geo, args.memory.memory_limit).await?;
    if let Some(table) = &args.describe {
        let query = session.query(table, &format!("SELECT * FROM {table}"), &Parameters::new()).await?;
        describe(table, &query.schema(), &mut out)?;
        return Ok(Outcome::Done);
    }
    let query = session.query("query", args.sql.as_deref().unwrap_or_default(), &Parameters::new()).await?;
    let schema = query.schema();
    let batches = query.collect().await?;
    let batches = if batches.is_empty() { vec![RecordBatch::new_empty(schema)] } else { batches };
    write(&batches, args.format, &mut out)?;
    Ok(Outcome::Done)
}

fn write(batches: &[RecordBatch], format: Format, out: &mut impl Write) -> Result<()> {
    let failed = |e: arrow::error::ArrowError| Error::query("query", e);
    match format {
        Format::Table => {
            let table = pretty_format_batches(batches).map_err(failed)?;
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            written(writeln!(out, "{}\n{rows} rows", printable(&table.to_string())))
        }
        Format::Csv => {
            let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(out);
            batches.iter().try_for_each(|batch| writer.write(batch)).map_err(failed)
        }
        Format::Json => {
            let mut writer = arrow::json::WriterBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, arrow::json::writer::JsonArray>(&mut *out);
            writer.write_batches(&batches.iter().collect::<Vec<_>>()).and_then(|()| writer.finish()).map_err(failed)?;
            written(writeln!(out))
        }
    }
}

/// Columns with their types and meaning.
fn describe(table: &str, schema: &arrow::datatypes::Schema, out: &mut impl Write) -> Result<()> {
    let known = |name: &str| {
        let of_events = EVENTS.iter().find(|column| column.name == name).map(|column| column.doc);
        let side = match table {
            "objects" => LEDGER,
            "rejects" => REJECTS,
            _ => &[],
        };
        side.iter().find(|(column, _)| *column == name).map(|(_, doc)| *doc).or(of_events).unwrap_or_default()
    };
    let width = schema.fields().iter().map(|field| field.name().len()).max().unwrap_or(0);
    for field in schema.fields() {
        let data_type = short_type(field.data_type());
        written(writeln!(out, "{:width$}  {data_type:9}  {}", field.name(), known(field.name())))?;
    }
    Ok(())
}

fn short_type(data_type: &arrow::datatypes::DataType) -> String {
    use arrow::datatypes::DataType::{Boolean, Date32, Float64, Int64, Timestamp, Utf8, Utf8View};
    match data_type {
        Utf8 | Utf8View => "text".into(),
        Boolean => "boolean".into(),
        Int64 => "integer".into(),
        Float64 => "number".into(),
        Date32 => "date".into(),
        Timestamp(..) => "timestamp".into(),
        other => other.to_string().to_lowercase(),
    }
}

/// Text without what could steer a terminal: records hold whatever a caller put there.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// A reader that went away, as `head` does, is no error.
pub fn written(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::File { path: "standard output".into(), source: e })
        }
        _ => Ok(()),
    }
}
