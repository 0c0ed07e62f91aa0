//! The ingest pipeline: archives into a lake.
//!
//! Objects are listed day by day, fetched a few ahead, decoded on all cores and appended in order. Objects that the ledger
//! knows are skipped; an object that cannot be fetched is named and tried again by the next run.

mod fetch;
mod summary;

use std::collections::{BTreeMap, VecDeque};

use futures::stream::{self, StreamExt};
use tokio::task::JoinHandle;

use crate::decode::Pool;
use crate::error::{Error, Result};
use crate::lake::{Appended, Appender, Committed, Lake, ObjectState};
use crate::request::{Bounds, IngestRequest};
use crate::source::{self, KeyNames, Location, LogObject, Selection, Walk};
use crate::terminal::{Bar, Progress};
use crate::wording::{counted, grouped};
use fetch::{Fetched, fetch_and_decode};

pub use summary::text;

/// Objects are decoded in groups of this many at most: a batch of a handful of events costs more than the events.
const GROUP_OBJECTS_MAX: usize = 256;
/// Groups fetched and decoded ahead of writing, which pauses whenever it sorts and encodes.
const GROUPS_AHEAD: usize = 8;
/// Folders listed ahead of reading.
const LISTINGS_MAX: usize = 16;
/// Small files that a day may keep after an ingest. More are compacted, so that a lake fed every hour stays fast.
const SMALL_FILES_MAX: usize = 8;
/// Accounts or regions listed in a message. AWS has some 35 regions.
const NAMES_LISTED_MAX: usize = 40;

/// The result of an ingest.
#[derive(Debug, Default)]
pub struct Ingested {
    /// What was appended to the lake.
    pub appended: Appended,
    /// Objects that the ledger already had.
    pub objects_skipped: u64,
    /// Objects that were read before in another version and were read again.
    pub objects_changed: u64,
    /// URL and reason of each object that could not be fetched, and of each source, folder and file that could not be
    /// listed. The ledger does not have them: the next run tries again.
    pub objects_failed: Vec<(String, String)>,
    /// Objects of other kinds, and members of bundles of other kinds, by kind.
    pub others: BTreeMap<String, u64>,
    /// Stored bytes read.
    pub bytes: u64,
    /// Duration in seconds.
    pub seconds: f64,
}

impl Ingested {
    /// Whether everything was read: no reject, nothing that failed.
    pub fn is_complete(&self) -> bool {
        self.appended.rejects == 0 && self.objects_failed.is_empty()
    }
}

/// The sources of a request, with their folders.
#[derive(Debug)]
pub struct Surveyed {
    sources: Vec<(Location, Walk)>,
    /// URL and reason of each source that cannot be read, or has nothing to read.
    failed: Vec<(String, String)>,
}

/// Lists the folders of the sources. A source that cannot be listed does not stop the others.
///
/// # Errors
/// When no source can be listed: that of the first.
pub async fn survey(request: &IngestRequest) -> Result<Surveyed> {
    let (mut surveyed, mut first_error) = (Surveyed { sources: Vec::new(), failed: Vec::new() }, None);
    for source in &request.sources {
        match source::walk(source, &request.selection).await {
            Ok(walk) => surveyed.sources.push((source.clone(), walk)),
            Err(e) => {
                surveyed.failed.push((source.to_string(), e.to_string()));
                first_error.get_or_insert(e);
            }
        }
    }
    match first_error {
        Some(e) if surveyed.sources.is_empty() => Err(e),
        _ => Ok(surveyed),
    }
}

/// Surveys the sources and reads everything that the request selects and the lake does not have yet.
///
/// # Errors
/// As [`survey`] and [`read`].
pub async fn ingest(request: &IngestRequest, lake: &Lake, progress: Progress) -> Result<Ingested> {
    read(request, survey(request).await?, lake, progress).await
}

/// Reads everything that the request selects and the lake does not have yet.
///
/// # Errors
/// When the lake cannot be written.
pub async fn read(request: &IngestRequest, surveyed: Surveyed, lake: &Lake, progress: Progress) -> Result<Ingested> {
    let started = std::time::Instant::now();
    let bounds = request.bounds;
    let pool = Pool::new(bounds.limits)?;
    let mut pipeline = Pipeline {
        appender: Appender::new(lake, bounds.memory_bytes, pool.clone()).await?,
        pool,
        ingested: Ingested { objects_failed: surveyed.failed, ..Ingested::default() },
        names: KeyNames::default(),
        bar: progress.bytes("ingest"),
        shown: Shown::default(),
        group_bytes_max: group_bytes_max(bounds),
        object_bytes_max: bounds.limits.object_bytes_max as u64,
    };
    for (source, walk) in surveyed.sources {
        pipeline.read(&source, walk, &request.selection).await?;
    }
    let Pipeline { mut ingested, names, bar, .. } = pipeline;
    let unmatched = unmatched(&request.selection, &names);
    ingested.objects_failed.extend(unmatched.into_iter().map(|reason| (String::new(), reason)));
    // Shards touch the same days: each would join the files of the others again.
    if ingested.appended.added() > 0 && request.selection.shard.is_none() {
        bar.describe("merging small files");
        lake.compact(SMALL_FILES_MAX + 1, bounds.memory_bytes).await?;
    }
    drop(bar);
    ingested.seconds = started.elapsed().as_secs_f64();
    Ok(ingested)
}

/// The selected accounts and regions that do not occur in the sources. Keys without accounts or regions match all.
fn unmatched(selection: &Selection, found: &KeyNames) -> Vec<String> {
    let names = [
        ("--account", "accounts", &selection.accounts, &found.accounts),
        ("--region", "regions", &selection.regions, &found.regions),
    ];
    let unmatched = names.into_iter().flat_map(|(option, what, selected, found)| {
        let missing = selected.iter().filter(|name| !found.is_empty() && !found.contains(*name));
        missing.map(move |name| {
            let list: Vec<_> = found.iter().map(String::as_str).take(NAMES_LISTED_MAX).collect();
            let more = if found.len() > list.len() { ", ..." } else { "" };
            format!("{option} {name} matches nothing; {what} found: {}{more}", list.join(", "))
        })
    });
    unmatched.collect()
}

/// Stored bytes that are decoded together: as columns they take some ten times as much, and [`GROUPS_AHEAD`] may wait.
fn group_bytes_max(bounds: Bounds) -> u64 {
    bounds.memory_bytes as u64 / 1024
}

/// Objects that are fetched and decoded together.
#[derive(Default)]
struct Group {
    objects: Vec<LogObject>,
    bytes: u64,
}

impl Group {
    fn push(&mut self, object: LogObject) {
        self.bytes += object.size_bytes;
        self.objects.push(object);
    }

    fn is_full(&self, bytes_max: u64) -> bool {
        self.bytes >= bytes_max || self.objects.len() >= GROUP_OBJECTS_MAX
    }
}

/// What the progress bar says.
#[derive(Default)]
struct Shown {
    objects: u64,
    objects_total: u64,
    /// Folders that are not listed yet.
    folders: usize,
}

/// An ingest in progress.
struct Pipeline<'a> {
    appender: Appender<'a>,
    pool: Pool,
    ingested: Ingested,
    /// Accounts and regions that occur in the sources.
    names: KeyNames,
    bar: Bar,
    shown: Shown,
    group_bytes_max: u64,
    /// Stored bytes of one object.
    object_bytes_max: u64,
}

impl Pipeline<'_> {
    /// Lists a source ahead of fetching, fetches and decodes groups ahead of writing, and appends them in order.
    async fn read(&mut self, source: &Location, walk: Walk, selection: &Selection) -> Result<()> {
        self.ingested.objects_failed.extend(walk.unread);
        self.names.extend(walk.names);
        let listing = |leaf| {
            let (source, selection) = (source.clone(), selection.clone());
            tokio::spawn(async move { source::list(&source, &selection, leaf).await })
        };
        self.shown.folders = walk.leaves.len();
        self.describe();
        let mut listings = stream::iter(walk.leaves).map(listing).buffered(LISTINGS_MAX);
        let mut in_flight = VecDeque::new();
        let mut group = Group::default();
        while let Some(listed) = listings.next().await {
            let listed = listed.map_err(|e| Error::Internal(format!("listing: {e}")))?;
            self.shown.folders = self.shown.folders.saturating_sub(1);
            self.ingested.objects_failed.extend(listed.unread);
            // A shard lists too few objects to know which names are missing.
            if selection.shard.is_none() {
                self.names.extend(listed.names);
            }
            for (kind, count) in listed.others {
                *self.ingested.others.entry(kind).or_default() += count;
            }
            for object in listed.logs {
                match self.appender.object_state(&object) {
                    ObjectState::Read => {
                        self.ingested.objects_skipped += 1;
                        continue;
                    }
                    ObjectState::Changed => self.ingested.objects_changed += 1,
                    ObjectState::New => {}
                }
                self.bar.add_total(object.size_bytes);
                self.shown.objects_total += 1;
                group.push(object);
                if group.is_full(self.group_bytes_max) {
                    in_flight.push_back(self.start(source, std::mem::take(&mut group)));
                    if in_flight.len() > GROUPS_AHEAD
                        && let Some(first) = in_flight.pop_front()
                    {
                        self.append(source, first).await?;
                    }
                }
            }
        }
        in_flight.push_back(self.start(source, group));
        while let Some(first) = in_flight.pop_front() {
            self.append(source, first).await?;
        }
        self.commit(source).await
    }

    /// Starts to fetch and decode a group in the background.
    fn start(&self, source: &Location, group: Group) -> JoinHandle<Result<Fetched>> {
        let (source, pool, bytes_max) = (source.clone(), self.pool.clone(), self.object_bytes_max);
        tokio::spawn(async move { fetch_and_decode(&source, group, bytes_max, &pool).await })
    }

    async fn append(&mut self, source: &Location, group: JoinHandle<Result<Fetched>>) -> Result<()> {
        let fetched = group.await.map_err(|e| Error::Internal(format!("decoding: {e}")))??;
        self.ingested.bytes += fetched.bytes;
        for (kind, count) in &fetched.decoded.others {
            *self.ingested.others.entry(kind.clone()).or_default() += count;
        }
        self.bar.advance(fetched.bytes);
        self.shown.objects += fetched.objects;
        self.push(fetched).await?;
        self.describe();
        if self.appender.is_full() {
            self.commit(source).await?;
        }
        Ok(())
    }

    /// `1,200 of 4,500 objects, 120,000 events; 3 folders to list`.
    fn describe(&self) {
        let Shown { objects, objects_total, folders } = self.shown;
        let events = match self.ingested.appended.added() {
            0 => String::new(),
            events => format!(", {}", counted(events, "event")),
        };
        let folders = match folders {
            0 => String::new(),
            folders => format!("; {} to list", counted(folders as u64, "folder")),
        };
        let objects = format!("{} of {}", grouped(objects), counted(objects_total, "object"));
        self.bar.describe(objects + &events + &folders);
    }

    async fn push(&mut self, fetched: Fetched) -> Result<()> {
        self.ingested.objects_failed.extend(fetched.failed);
        // Another ingest may have read some of them since they were listed.
        self.ingested.objects_skipped += self.appender.push(fetched.decoded).await?;
        Ok(())
    }

    /// Commits the current batch. If another ingest committed some of its objects or days first, reads the rest again.
    async fn commit(&mut self, source: &Location) -> Result<()> {
        loop {
            match self.appender.commit().await? {
                Committed::Done(appended) => {
                    self.ingested.appended += appended;
                    self.describe();
                    return Ok(());
                }
                Committed::Superseded(objects) => {
                    let mut group = Group::default();
                    for object in objects {
                        if self.appender.object_state(&object) == ObjectState::Read {
                            self.ingested.objects_skipped += 1;
                            continue;
                        }
                        group.push(object);
                        if group.is_full(self.group_bytes_max) {
                            let group = std::mem::take(&mut group);
                            self.push(fetch_and_decode(source, group, self.object_bytes_max, &self.pool).await?)
                                .await?;
                        }
                    }
                    self.push(fetch_and_decode(source, group, self.object_bytes_max, &self.pool).await?).await?;
                }
            }
        }
    }
}
