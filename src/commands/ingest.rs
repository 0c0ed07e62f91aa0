//! `trailhunt ingest`: archives into a lake.
//!
//! Objects are listed day by day, fetched a few ahead, decoded on all cores and added in order. What the ledger knows is
//! skipped; what cannot be fetched is named and tried again on the next run.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use tokio::task::JoinHandle;

use super::{Outcome, period, progress};
use crate::cli::{IngestArgs, LimitArgs, MemoryArgs, SourceArgs};
use crate::decode::{Decoded, Decoder, Limits, Pool};
use crate::engine::MEMORY_BYTES;
use crate::error::{Error, Result};
use crate::lake::{Appended, Appender, Committed, Lake, ObjectState};
use crate::source::{self, Location, LogObject, Selection};

/// Objects are decoded in groups of this many at most: a batch of a handful of events costs more than the events.
const GROUP_OBJECTS_MAX: usize = 256;
/// Groups fetched and decoded ahead of the writing, which takes a while whenever it sorts and encodes.
const GROUPS_AHEAD: usize = 8;
/// Requests for objects under way at once within a group.
const FETCHES_MAX: usize = 16;
/// Folders listed ahead of the reading.
const LISTINGS_MAX: usize = 16;
/// Small files of a day that are left after an ingest; more are joined, so that a lake fed every hour stays quick.
const SMALL_FILES_MAX: usize = 8;

/// What an ingest may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Memory to stay within, in bytes; one object's needs come on top.
    pub memory_bytes: usize,
    /// Bounds on what one object may cost.
    pub limits: Limits,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { memory_bytes: MEMORY_BYTES, limits: Limits::default() }
    }
}

impl Bounds {
    /// As typed.
    pub fn new(memory: &MemoryArgs, limits: &LimitArgs) -> Bounds {
        let limits = Limits {
            object_bytes_max: limits.object_size_max,
            ratio_max: limits.inflation_max as usize,
            record_bytes_max: limits.record_size_max,
            ..Limits::default()
        };
        Bounds { memory_bytes: memory.memory_limit, limits }
    }

    /// Objects are decoded in groups of this many stored bytes: as columns they take some ten times that, and
    /// [`GROUPS_AHEAD`] may wait.
    fn group_bytes_max(&self) -> u64 {
        self.memory_bytes as u64 / 1024
    }
}

/// What an ingest did.
#[derive(Debug, Default)]
pub struct Ingested {
    /// What was added.
    pub appended: Appended,
    /// Objects the ledger knew.
    pub objects_skipped: u64,
    /// Objects read before in another version, read again now.
    pub objects_changed: u64,
    /// Objects that could not be fetched, with the reason. Not in the ledger: the next run tries them again.
    pub objects_failed: Vec<(String, String)>,
    /// Objects of other kinds, and such members of bundles, by kind.
    pub others: BTreeMap<String, u64>,
    /// Bytes read, as stored.
    pub bytes: u64,
    /// Seconds taken.
    pub seconds: f64,
}

impl Ingested {
    /// [`Outcome::Incomplete`] when anything could not be read.
    pub fn outcome(&self) -> Outcome {
        let unread = self.appended.rejects > 0 || !self.objects_failed.is_empty();
        if unread { Outcome::Incomplete } else { Outcome::Done }
    }
}

/// Carries out `ingest`.
pub async fn ingest(args: IngestArgs) -> Result<Outcome> {
    let (from, to) = period::bounds(&args.period)?;
    let selection = selection(&args.source, from.map(|t| t.date_naive()), to.map(period::day_after));
    let s3 = args.lake.s3.settings();
    let sources = args.source.sources.iter().map(|text| Location::source(text, &s3)).collect::<Result<Vec<_>>>()?;
    let lake = Lake::open_or_create(&Location::parse(&args.lake.lake, &s3)?).await?;
    let bounds = Bounds::new(&args.memory, &args.limits);
    let ingested = read(&sources, &selection, &lake, bounds).await?;
    print(&ingested);
    Ok(ingested.outcome())
}

/// Limits of what is listed.
pub fn selection(source: &SourceArgs, from: Option<chrono::NaiveDate>, to: Option<chrono::NaiveDate>) -> Selection {
    Selection { from, to, accounts: source.accounts.clone(), regions: source.regions.clone(), ..Selection::default() }
}

/// Reads what `sources` hold and the lake has not.
///
/// # Errors
/// When a source cannot be listed or the lake cannot be written.
pub async fn read(sources: &[Location], selection: &Selection, lake: &Lake, bounds: Bounds) -> Result<Ingested> {
    let started = std::time::Instant::now();
    let pool = Pool::new(bounds.limits)?;
    let mut reading = Reading {
        appender: Appender::new(lake, bounds.memory_bytes, pool.clone()).await?,
        pool,
        ingested: Ingested::default(),
        bar: progress::bytes("ingest"),
        bounds,
    };
    for source in sources {
        reading.source(source, selection).await?;
    }
    let Reading { mut ingested, bar, .. } = reading;
    if ingested.appended.kept > 0 {
        lake.compact(SMALL_FILES_MAX + 1, bounds.memory_bytes).await?;
    }
    bar.finish_and_clear();
    ingested.seconds = started.elapsed().as_secs_f64();
    Ok(ingested)
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

    fn is_full(&self, bounds: Bounds) -> bool {
        self.bytes >= bounds.group_bytes_max() || self.objects.len() >= GROUP_OBJECTS_MAX
    }
}

/// An ingest under way.
struct Reading<'a> {
    appender: Appender<'a>,
    pool: Pool,
    ingested: Ingested,
    bar: ProgressBar,
    bounds: Bounds,
}

impl Reading<'_> {
    /// Lists a source ahead of the fetching, fetches and decodes groups ahead of the writing, and adds them in order.
    async fn source(&mut self, source: &Location, selection: &Selection) -> Result<()> {
        let leaves = source::walk(source, selection).await?;
        let listing = |leaf| {
            let (source, selection) = (source.clone(), selection.clone());
            tokio::spawn(async move { source::list(&source, &selection, leaf).await })
        };
        let mut listings = stream::iter(leaves).map(listing).buffered(LISTINGS_MAX);
        let mut under_way = VecDeque::new();
        let mut group = Group::default();
        while let Some(listed) = listings.next().await {
            let listed = listed.map_err(|e| Error::Internal(format!("listing: {e}")))??;
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
                self.bar.inc_length(object.size_bytes);
                group.push(object);
                if group.is_full(self.bounds) {
                    under_way.push_back(self.begin(source, std::mem::take(&mut group)));
                    if under_way.len() > GROUPS_AHEAD
                        && let Some(first) = under_way.pop_front()
                    {
                        self.add(source, first).await?;
                    }
                }
            }
        }
        under_way.push_back(self.begin(source, group));
        while let Some(first) = under_way.pop_front() {
            self.add(source, first).await?;
        }
        self.settle(source).await
    }

    /// Fetches and decodes a group, whether or not anybody waits for it yet.
    fn begin(&self, source: &Location, group: Group) -> JoinHandle<Result<Fetched>> {
        let (source, pool) = (source.clone(), self.pool.clone());
        tokio::spawn(async move { fetch_and_decode(&source, group, &pool).await })
    }

    async fn add(&mut self, source: &Location, group: JoinHandle<Result<Fetched>>) -> Result<()> {
        let fetched = group.await.map_err(|e| Error::Internal(format!("decoding: {e}")))??;
        self.ingested.bytes += fetched.bytes;
        for (kind, count) in &fetched.decoded.others {
            *self.ingested.others.entry(kind.clone()).or_default() += count;
        }
        self.bar.inc(fetched.bytes);
        self.push(fetched).await?;
        if self.appender.is_full() {
            self.settle(source).await?;
        }
        Ok(())
    }

    async fn push(&mut self, fetched: Fetched) -> Result<()> {
        self.ingested.objects_failed.extend(fetched.failed);
        self.appender.push(fetched.decoded).await?;
        Ok(())
    }

    /// Commits the batch under way. What another ingest overtook is read again, against what that one left.
    async fn settle(&mut self, source: &Location) -> Result<()> {
        loop {
            match self.appender.commit().await? {
                Committed::Done(appended) => {
                    self.ingested.appended += appended;
                    self.bar.set_message(format!("{} events", HumanCount(self.ingested.appended.kept)));
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
                        if group.is_full(self.bounds) {
                            let group = std::mem::take(&mut group);
                            self.push(fetch_and_decode(source, group, &self.pool).await?).await?;
                        }
                    }
                    self.push(fetch_and_decode(source, group, &self.pool).await?).await?;
                }
            }
        }
    }
}

struct Fetched {
    decoded: Decoded,
    bytes: u64,
    /// URLs and reasons.
    failed: Vec<(String, String)>,
}

/// A folder's files are read where they are decoded, one after the other; a bucket's objects many at a time, before.
async fn fetch_and_decode(source: &Location, group: Group, pool: &Pool) -> Result<Fetched> {
    if source.is_file_system() {
        let source = source.clone();
        return pool
            .decode(move |decoder| {
                let got = |object: LogObject| {
                    let got = source.bytes_of_file(&object.path);
                    (object, got)
                };
                decoded(decoder, group.objects.into_iter().map(got))
            })
            .await;
    }
    let fetches = group.objects.into_iter().map(|object| async move {
        let got = source.bytes(&object.path).await;
        (object, got)
    });
    let fetched: Vec<_> = stream::iter(fetches).buffered(FETCHES_MAX).collect().await;
    pool.decode(move |decoder| decoded(decoder, fetched)).await
}

fn decoded(decoder: &mut Decoder, got: impl IntoIterator<Item = (LogObject, Result<Bytes>)>) -> Fetched {
    let (mut objects, mut failed, mut bytes) = (Vec::new(), Vec::new(), 0);
    for (object, got) in got {
        match got {
            Ok(stored) => {
                // What an event history holds is not known before.
                let size_bytes = stored.len() as u64;
                bytes += size_bytes;
                objects.push((LogObject { size_bytes, ..object }, stored));
            }
            Err(e) => failed.push((object.url, e.to_string())),
        }
    }
    Fetched { decoded: decoder.decode(objects), bytes, failed }
}

/// One paragraph for a person.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub fn print(ingested: &Ingested) {
    let Ingested { appended, bytes, seconds, .. } = ingested;
    println!(
        "read      {} objects, {} in {seconds:.1} s; {} known objects skipped",
        HumanCount(appended.objects),
        HumanBytes(*bytes),
        HumanCount(ingested.objects_skipped),
    );
    println!(
        "events    {} kept, {} duplicates, {} rejects",
        HumanCount(appended.kept),
        HumanCount(appended.duplicates),
        HumanCount(appended.rejects),
    );
    if ingested.objects_changed > 0 {
        println!("changed   {} objects were read before in another version", ingested.objects_changed);
    }
    if !ingested.others.is_empty() {
        let others: Vec<_> = ingested.others.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        println!("not logs  {}", others.join(", "));
    }
    if appended.rejects > 0 {
        println!("unread    {} rejects: trailhunt query 'SELECT * FROM rejects' --lake LAKE", appended.rejects);
    }
    for (_, reason) in ingested.objects_failed.iter().take(5) {
        println!("unread    {reason}");
    }
    if ingested.objects_failed.len() > 5 {
        println!("unread    and {} more objects; the next run tries them again", ingested.objects_failed.len() - 5);
    }
}
