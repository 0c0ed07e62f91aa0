//! A fixture as a lake: its records pass through the real ingest into a lake in memory.

use std::sync::Arc;

use chrono::Days;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::{Value, json};

use crate::detect::{Detector, Hunt, Settings, Window, run};
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
