//! `trailhunt ingest`: archives into a lake.
//!
//! Objects are listed day by day, fetched a few ahead, decoded on all cores and added in order. What the ledger knows is
//! skipped; what cannot be fetched is named and tried again on the next run.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use object_store::ObjectStoreExt;

use super::{Outcome, period, progress};
use crate::cli::{IngestArgs, LimitArgs, MemoryArgs, SourceArgs};
use crate::decode::{self, Decoded, Limits};
use crate::engine::MEMORY_BYTES;
use crate::error::{Error, Result};
use crate::lake::{Appended, Appender, Committed, Lake, Standing};
use crate::source::{self, Location, LogObject, Selection};

/// Objects are decoded in groups of this many at most: a batch of a handful of events costs more than the events.
const GROUP_OBJECTS_MAX: usize = 256;
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

    /// Objects are decoded in groups of this many stored bytes: inflated and as columns they take some thirty times that,
    /// and one group a core is under way.
    fn group_bytes_max(&self) -> u64 {
        self.memory_bytes as u64 / 512
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
    let bar = progress::bytes("ingest");
    let mut ingested = Ingested::default();
    let mut appender = Appender::new(lake, bounds.memory_bytes).await?;
    for source in sources {
        let leaves = source::walk(source, selection).await?;
        let mut listings =
            stream::iter(leaves).map(|leaf| source::list(source, selection, leaf)).buffered(LISTINGS_MAX);
        let mut group = Group::default();
        let mut reading = Vec::new();
        while let Some(listed) = listings.next().await {
            let listed = listed?;
            for (kind, count) in listed.others {
                *ingested.others.entry(kind).or_default() += count;
            }
            for object in listed.logs {
                match appender.standing(&object) {
                    Standing::Read => {
                        ingested.objects_skipped += 1;
                        continue;
                    }
                    Standing::Changed => ingested.objects_changed += 1,
                    Standing::New => {}
                }
                bar.inc_length(object.size_bytes);
                group.push(object);
                if group.is_full(bounds) {
                    reading.push(std::mem::take(&mut group));
                }
            }
            if reading.len() >= 8 {
                add(source, bounds, std::mem::take(&mut reading), &mut appender, &mut ingested, &bar).await?;
            }
        }
        reading.push(group);
        add(source, bounds, reading, &mut appender, &mut ingested, &bar).await?;
        settle(source, bounds, &mut appender, &mut ingested, &bar).await?;
    }
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

/// Fetches and decodes groups on all cores, and adds them in their order.
async fn add(
    source: &Location,
    bounds: Bounds,
    groups: Vec<Group>,
    appender: &mut Appender<'_>,
    ingested: &mut Ingested,
    bar: &ProgressBar,
) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut decoded = stream::iter(groups.into_iter().filter(|group| !group.objects.is_empty()))
        .map(|group| {
            let source = source.clone();
            tokio::spawn(async move { fetch_and_decode(&source, group, bounds.limits).await })
        })
        .buffered(cores);
    while let Some(group) = decoded.next().await {
        let Fetched { decoded, bytes, failed } = group.map_err(|e| Error::Internal(format!("decoding: {e}")))?;
        ingested.bytes += bytes;
        ingested.objects_failed.extend(failed);
        for (kind, count) in &decoded.others {
            *ingested.others.entry(kind.clone()).or_default() += count;
        }
        appender.push(decoded).await?;
        bar.inc(bytes);
        if appender.is_full() {
            settle(source, bounds, appender, ingested, bar).await?;
        }
    }
    Ok(())
}

/// Commits the batch under way. What another ingest overtook is read again, against what that one left.
async fn settle(
    source: &Location,
    bounds: Bounds,
    appender: &mut Appender<'_>,
    ingested: &mut Ingested,
    bar: &ProgressBar,
) -> Result<()> {
    loop {
        match appender.commit().await? {
            Committed::Done(appended) => {
                ingested.appended += appended;
                bar.set_message(format!("{} events", HumanCount(ingested.appended.kept)));
                return Ok(());
            }
            Committed::Superseded(objects) => {
                let mut group = Group::default();
                for object in objects {
                    if appender.standing(&object) == Standing::Read {
                        ingested.objects_skipped += 1;
                        continue;
                    }
                    group.push(object);
                    if group.is_full(bounds) {
                        let fetched = fetch_and_decode(source, std::mem::take(&mut group), bounds.limits).await;
                        ingested.objects_failed.extend(fetched.failed);
                        appender.push(fetched.decoded).await?;
                    }
                }
                let fetched = fetch_and_decode(source, group, bounds.limits).await;
                ingested.objects_failed.extend(fetched.failed);
                appender.push(fetched.decoded).await?;
            }
        }
    }
}

struct Fetched {
    decoded: Decoded,
    bytes: u64,
    failed: Vec<(String, String)>,
}

async fn fetch_and_decode(source: &Location, group: Group, limits: Limits) -> Fetched {
    let fetches = group.objects.into_iter().map(|object| async move {
        let got = fetch(source, &object).await;
        (object, got)
    });
    let mut fetches = stream::iter(fetches).buffered(FETCHES_MAX);
    let (mut objects, mut failed, mut bytes) = (Vec::new(), Vec::new(), 0);
    while let Some((object, got)) = fetches.next().await {
        match got {
            Ok(stored) => {
                // What an event history holds is not known before.
                let size_bytes = stored.len() as u64;
                bytes += size_bytes;
                objects.push((LogObject { size_bytes, ..object }, stored));
            }
            Err(e) => failed.push((object.url.clone(), Error::storage("read", object.url, e).to_string())),
        }
    }
    let decoded = tokio::task::block_in_place(|| decode::decode(objects, limits));
    Fetched { decoded, bytes, failed }
}

async fn fetch(source: &Location, object: &LogObject) -> object_store::Result<Bytes> {
    source.store().get(&object.path).await?.bytes().await
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
