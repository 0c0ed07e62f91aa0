//! Log objects: records grouped into gzipped objects under CloudTrail's keys.
//!
//! Input: a day's plan and the records that incidents planted on that day. Output: the objects, and which events belong
//! to which incident. An object holds the events of some minutes (in quiet regions: hours) before its delivery; the
//! last objects of a day are delivered on the next day.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use flate2::{Compression, GzBuilder};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::sample::archive::record;
use crate::sample::calendar::{Day, HOUR, timestamp};
use crate::sample::networks::Address;
use crate::sample::organisation::Organisation;
use crate::sample::random::{Purpose, Uuid, mix, push_base62, rng_for};
use crate::sample::traffic::plan::{LogStream, Plan};
use crate::sample::traffic::world::World;

/// A record that an incident wrote before the days are generated.
pub(crate) struct PlantedRecord {
    /// Time of the event, in seconds since 1970.
    pub(crate) at: i64,
    /// Account and region.
    pub(crate) stream: LogStream,
    /// The record.
    pub(crate) json: String,
}

/// An event of normal traffic that belongs to an incident.
pub(crate) struct MarkedEvent {
    /// Number of the incident.
    pub(crate) incident: u16,
    /// Event id.
    pub(crate) id: Uuid,
    /// Time of the event, in seconds since 1970.
    pub(crate) at: i64,
    /// Account and region.
    pub(crate) stream: LogStream,
    /// ARN of the caller; may be empty.
    pub(crate) arn: String,
    /// Access key of the caller; may be empty.
    pub(crate) key: String,
    /// Address of the caller.
    pub(crate) address: Option<Address>,
}

/// Totals of a written day.
#[derive(Default)]
pub(crate) struct WrittenDay {
    /// Events, without duplicates.
    pub(crate) events: u64,
    /// Records delivered a second time.
    pub(crate) duplicates: u64,
    /// Log objects.
    pub(crate) objects: u64,
    /// Compressed bytes of log objects.
    pub(crate) bytes: u64,
    /// Uncompressed bytes of log objects.
    pub(crate) raw_bytes: u64,
    /// Events that belong to an incident.
    pub(crate) marked: Vec<MarkedEvent>,
}

/// Writes a day's log objects below `out`.
pub(crate) fn write_day(
    out: &Path,
    world: &World<'_>,
    day: Day,
    plan: &Plan,
    planted: &[PlantedRecord],
) -> io::Result<WrittenDay> {
    // Events and planted records in the order of delivery; an index past the events refers to a planted record.
    let mut order: Vec<(LogStream, i64, usize)> = Vec::with_capacity(plan.events.len() + planted.len());
    order
        .extend(plan.events.iter().zip(0..).map(|(event, index)| (event.stream, arrival(event.at, event.seed), index)));
    let events = plan.events.len();
    order.extend(
        planted.iter().zip(events..).map(|(record, index)| (record.stream, arrival(record.at, index as u64), index)),
    );
    order.sort_unstable();

    let mut written = WrittenDay::default();
    let mut folders = BTreeSet::new();
    for deliveries in order.chunk_by(|a, b| a.0 == b.0) {
        let log_stream = deliveries[0].0;
        let rng = rng_for(world.settings.seed, Purpose::Archive, &[u64::from(day.index), log_stream.number()]);
        let mut object = Object::new(out, world, log_stream, rng, &mut folders);
        for (_, arrived, index) in deliveries {
            object.begin_record(*arrived, &mut written)?;
            match plan.events.get(*index) {
                None => object.text.push_str(&planted[index - events].json),
                Some(event) => {
                    let session = &plan.sessions[event.session as usize];
                    let id = record::push(&mut object.text, world.catalogue, world.organisation, session, event, &[]);
                    if event.incident != 0 {
                        written.marked.push(MarkedEvent {
                            incident: event.incident,
                            id,
                            at: event.at,
                            stream: event.stream,
                            arn: session.arn.clone(),
                            key: session.key.clone(),
                            address: session.address.clone(),
                        });
                    }
                }
            }
            object.end_record();
            written.events += 1;
        }
        object.deliver(&mut written)?;
    }
    Ok(written)
}

/// Longest time span of one object, in seconds. AWS delivers sooner, which would give quiet regions many tiny objects.
const SPAN_MAX: i64 = 2 * HOUR;

/// One record in this many is delivered twice.
const DUPLICATE_ONE_IN: u64 = 6_000;

/// zlib level; level 6 gives a tenth less size for a third more time.
const GZIP_LEVEL: u32 = 4;

/// When a record arrives: usually within two minutes, sometimes much later, so that objects are only roughly ordered.
fn arrival(at: i64, seed: u64) -> i64 {
    let chance = mix(seed);
    let is_late = chance.is_multiple_of(400);
    at + ((chance >> 32) % 120) as i64 + if is_late { 1_500 } else { 0 }
}

/// A log object, while it is being filled.
struct Object<'a> {
    out: &'a Path,
    organisation: &'a Organisation,
    account: usize,
    region: usize,
    events_per_object: u32,
    rng: ChaCha8Rng,
    folders: &'a mut BTreeSet<PathBuf>,
    text: String,
    count: u32,
    count_max: u32,
    record_begin: usize,
    first: i64,
    last: i64,
    /// A record of the previous object, to be delivered again.
    duplicate: Option<String>,
}

const OPENING: &str = r#"{"Records":["#;

impl<'a> Object<'a> {
    fn new(
        out: &'a Path,
        world: &World<'a>,
        stream: LogStream,
        rng: ChaCha8Rng,
        folders: &'a mut BTreeSet<PathBuf>,
    ) -> Self {
        let (account, region) = stream.account_and_region();
        let mut object = Self {
            out,
            organisation: world.organisation,
            account,
            region,
            events_per_object: world.settings.events_per_object.max(1),
            rng,
            folders,
            text: OPENING.to_owned(),
            count: 0,
            count_max: 0,
            record_begin: 0,
            first: 0,
            last: 0,
            duplicate: None,
        };
        object.choose_size();
        object
    }

    fn choose_size(&mut self) {
        let mean = self.events_per_object;
        self.count_max = self.rng.random_range(mean * 7 / 10..=mean * 13 / 10).max(1);
    }

    /// Prepares for a record that arrived at that time; delivers this object first when it is full or too old.
    fn begin_record(&mut self, arrived: i64, written: &mut WrittenDay) -> io::Result<()> {
        if self.count >= self.count_max || self.count > 0 && arrived > self.first + SPAN_MAX {
            self.deliver(written)?;
        }
        if self.count == 0 {
            self.first = arrived;
        } else {
            self.text.push(',');
        }
        self.last = arrived;
        self.record_begin = self.text.len();
        Ok(())
    }

    fn end_record(&mut self) {
        self.count += 1;
    }

    /// Writes the object and starts the next one.
    fn deliver(&mut self, written: &mut WrittenDay) -> io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        if let Some(duplicate) = self.duplicate.take() {
            self.text.push(',');
            self.text.push_str(&duplicate);
            written.duplicates += 1;
        } else if self.rng.random_range(0..DUPLICATE_ONE_IN) < u64::from(self.count) {
            self.duplicate = Some(self.text[self.record_begin..].to_owned());
        }
        self.text.push_str("]}");
        // Keys contain the delivery time, rounded up to five minutes.
        let delivered = (self.last + self.rng.random_range(60..400)).div_euclid(300) * 300 + 300;
        let moment = timestamp(delivered);
        let account = &self.organisation.accounts[self.account].id;
        let region = self.organisation.regions[self.region];
        let mut name = format!(
            "{account}_CloudTrail_{region}_{}T{}Z_",
            moment[..10].replace('-', ""),
            moment[11..16].replace(':', "")
        );
        push_base62(&mut name, &mut self.rng, 16);
        name.push_str(".json.gz");
        let folder =
            self.out.join("AWSLogs").join(account).join("CloudTrail").join(region).join(moment[..10].replace('-', "/"));
        if !self.folders.contains(&folder) {
            fs::create_dir_all(&folder)?;
            self.folders.insert(folder.clone());
        }
        written.raw_bytes += self.text.len() as u64;
        written.bytes += write_gzip(&folder.join(name), self.text.as_bytes())?;
        written.objects += 1;
        self.text.clear();
        self.text.push_str(OPENING);
        self.count = 0;
        self.choose_size();
        Ok(())
    }
}

/// Writes a gzip file without a timestamp and returns its size in bytes.
pub(crate) fn write_gzip(path: &Path, content: &[u8]) -> io::Result<u64> {
    let mut encoder =
        GzBuilder::new().mtime(0).write(Vec::with_capacity(content.len() / 8), Compression::new(GZIP_LEVEL));
    encoder.write_all(content)?;
    let bytes = encoder.finish()?;
    fs::write(path, &bytes)?;
    Ok(bytes.len() as u64)
}
