//! A fixture as a lake: its records pass through the real ingest into a lake in memory.

use std::sync::Arc;

use chrono::Days;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::{Value, json};

use crate::detect::{Detector, Finding, Hunt, Settings, Window, findings, later, run};
use crate::engine::{self, MEMORY_BYTES, Session};
use crate::error::{Action, Error, Result};
use crate::geo::Geo;
use crate::ingest::ingest;
use crate::lake::{Lake, Rolled};
use crate::request::IngestRequest;
use crate::request::period::midnight;
use crate::source::Location;
use crate::terminal::Progress;

/// The name that CloudTrail would give the object with the records.
const OBJECT: &str = "archive/AWSLogs/111122223333/CloudTrail/us-east-1/2024/01/01/\
                      111122223333_CloudTrail_us-east-1_20240101T0000Z_aaaaaaaaaaaaaaaa.json";

/// SQL over a lake of these records, and the window that covers them all.
///
/// # Errors
/// [`Error::Usage`] when a record cannot be read as a CloudTrail record.
pub async fn session(records: &[Value]) -> Result<(Session, Window)> {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let place = |name: &str| Location::in_store(&format!("memory://fixture/{name}"), Arc::clone(&store));
    let text = json!({ "Records": records }).to_string();
    let put = store.put(&Path::from(OBJECT), text.into()).await;
    put.map_err(|e| Error::storage(Action::Write, OBJECT, e))?;
    let request = IngestRequest::all(vec![place("archive")?]);
    let lake = Lake::open_or_create(&place("lake")?).await?;
    let ingested = ingest(&request, &lake, Progress::Hidden).await?;
    let snapshot = lake.snapshot().await?;
    // No daily summaries are stored: for so few events they cost more than they save.
    let session = engine::session(&snapshot, &Rolled::default(), &Geo::embedded()?, MEMORY_BYTES).await?;
    if ingested.appended.rejects > 0 {
        let rejects = session.query("rejects", "SELECT reason FROM rejects LIMIT 1", &Default::default()).await?;
        let rows = crate::detect::rows(&rejects.collect().await?).unwrap_or_default();
        let reason = rows.first().and_then(|row| row.get("reason")?.as_str()).unwrap_or_default();
        return Err(Error::Usage(format!("a record of the fixture cannot be read: {reason}")));
    }
    let (first, last) = snapshot.days().unwrap_or_default();
    let to = last.checked_add_days(Days::new(1)).unwrap_or(last);
    Ok((session, Window { from: midnight(first), to: midnight(to) }))
}

/// What `detectors` find in a lake of these records.
///
/// # Errors
/// As [`session`]; a detector that fails is in [`Hunt::failed`].
pub async fn hunt(records: &[Value], detectors: &[&Detector]) -> Result<Hunt> {
    let (session, window) = session(records).await?;
    run(detectors, &session, window, &Settings::default(), |_, _| {}).await
}

/// Why the findings of `detector` on these records depend on later days; `None` if they do not.
///
/// The detector runs over the same window twice: with and without events after it. Reading its plan instead would not
/// tell whether a table without an upper bound is joined to one that has it.
///
/// # Errors
/// As [`session`]; [`Error::Detector`] when the detector fails.
pub async fn reads_later_days(detector: &Detector, records: &[Value]) -> Result<Option<String>> {
    let (before, window) = session(records).await?;
    let days = (window.to - window.from).num_days().max(1) as u64;
    let (after, _) = session(&[records, &later(records, days)].concat()).await?;
    let expected = rounded_findings(detector, &before, window).await?;
    let found = rounded_findings(detector, &after, window).await?;
    let next = "bound every table that it reads with event_date < $to, or with an earlier day";
    let reason =
        |member: &str| format!("the findings change when days after the window have events ({member}); {next}");
    if expected.len() != found.len() {
        return Ok(Some(reason(&format!("{} instead of {}", found.len(), expected.len()))));
    }
    let changed = expected.iter().zip(&found).find_map(|(before, after)| {
        let members = before.as_object()?.iter();
        members.filter(|(name, value)| after[*name] != **value).map(|(name, _)| name.clone()).next()
    });
    Ok(changed.map(|member| reason(&member)))
}

/// A detector's findings by id, with numbers rounded: sums may differ in the last digits.
async fn rounded_findings(detector: &Detector, session: &Session, window: Window) -> Result<Vec<Value>> {
    let found = findings(detector, session, window, &Settings::default()).await?;
    let json = |finding: &Finding| serde_json::to_value(finding);
    let json: std::result::Result<Vec<Value>, _> = found.iter().map(json).collect();
    let mut found = json.map_err(|e| Error::Internal(format!("a finding: {e}")))?;
    found.iter_mut().for_each(round);
    // The headline is the summary with short names.
    found.iter_mut().filter_map(Value::as_object_mut).for_each(|finding| drop(finding.remove("headline")));
    found.sort_by_cached_key(|finding| (finding["id"].to_string(), finding.to_string()));
    Ok(found)
}

fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().map(|number| format!("{number:.9e}"));
            *value = rounded.map_or(Value::Null, Value::String);
        }
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Object(members) => members.values_mut().for_each(round),
        _ => {}
    }
}
