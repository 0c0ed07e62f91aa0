//! The archive on disk: records into objects, objects into CloudTrail's folders, and a few neighbours of other kinds.
//!
//! In: a day's plan and the records that incidents have planted on that day. Out: gzipped objects, and which records
//! belong to which incident. An object holds the events of some minutes before its delivery; the last of a day are
//! delivered on the next.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::calendar::{Day, HOUR, timestamp};
use super::day::{Plan, World, account_and_region};
use super::dice::{Purpose, Uuid, hex, mix, push_base62, stream};
use super::networks::Address;
use super::organisation::{HOME_REGION, Organisation, REGIONS};
use super::record;

/// A record that an incident has written in advance.
pub(super) struct Planted {
    pub(super) at: i64,
    /// Account and region, as `day::stream_of` packs them.
    pub(super) stream: u32,
    pub(super) json: String,
}

/// An event of the organisation's normal days that belongs to an incident.
pub(super) struct Marked {
    pub(super) incident: u16,
    pub(super) id: Uuid,
    pub(super) at: i64,
    pub(super) stream: u32,
    pub(super) arn: String,
    pub(super) key: String,
    pub(super) place: Option<Address>,
}

/// What writing a day came to.
#[derive(Default)]
pub(super) struct Written {
    pub(super) events: u64,
    pub(super) repeats: u64,
    pub(super) objects: u64,
    pub(super) bytes: u64,
    pub(super) raw_bytes: u64,
    pub(super) marked: Vec<Marked>,
}

/// Time over which a quiet region's events are gathered into one object; AWS delivers sooner, in many tiny objects.
const SPAN_MAX: i64 = 2 * HOUR;
/// One record in so many is delivered a second time.
const REPEATS_ONE_IN: u64 = 6_000;
/// zlib's scale; the difference to 6 is a tenth in size, but a third in time.
const GZIP_LEVEL: u32 = 4;

/// When a record arrives: mostly within two minutes, a few much later, so that objects are ordered loosely.
fn arrival(at: i64, seed: u64) -> i64 {
    let chance = mix(seed);
    let straggles = chance.is_multiple_of(400);
    at + ((chance >> 32) % 120) as i64 + if straggles { 1_500 } else { 0 }
}

/// Writes a day's objects below `out`.
pub(super) fn write_day(
    out: &Path,
    world: &World<'_>,
    day: Day,
    plan: &Plan,
    planted: &[Planted],
) -> io::Result<Written> {
    // Both sorts of records in the order of delivery; the second number of a pair tells which one.
    let mut order: Vec<(u32, i64, usize)> = Vec::with_capacity(plan.events.len() + planted.len());
    order
        .extend(plan.events.iter().zip(0..).map(|(event, index)| (event.stream, arrival(event.at, event.seed), index)));
    let events = plan.events.len();
    order.extend(
        planted.iter().zip(events..).map(|(record, index)| (record.stream, arrival(record.at, index as u64), index)),
    );
    order.sort_unstable();

    let mut written = Written::default();
    let mut folders = BTreeSet::new();
    for of_stream in order.chunk_by(|a, b| a.0 == b.0) {
        let stream_number = of_stream[0].0;
        let rng = stream(world.settings.seed, Purpose::Archive, &[u64::from(day.index), u64::from(stream_number)]);
        let mut object = Object::new(out, world, stream_number, rng, &mut folders);
        for (_, arrived, index) in of_stream {
            object.begin_record(*arrived, &mut written)?;
            match plan.events.get(*index) {
                None => object.text.push_str(&planted[index - events].json),
                Some(event) => {
                    let session = &plan.sessions[event.session as usize];
                    let id = record::push(&mut object.text, world.catalogue, world.organisation, session, event, &[]);
                    if event.incident != 0 {
                        written.marked.push(Marked {
                            incident: event.incident,
                            id,
                            at: event.at,
                            stream: event.stream,
                            arn: session.arn.clone(),
                            key: session.key.clone(),
                            place: session.place.clone(),
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

/// An object in the making.
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
    /// A record of the object before, to be delivered again.
    repeat: Option<String>,
}

const OPENING: &str = r#"{"Records":["#;

impl<'a> Object<'a> {
    fn new(out: &'a Path, world: &World<'a>, stream: u32, rng: ChaCha8Rng, folders: &'a mut BTreeSet<PathBuf>) -> Self {
        let (account, region) = account_and_region(stream);
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
            repeat: None,
        };
        object.choose_size();
        object
    }

    fn choose_size(&mut self) {
        let mean = self.events_per_object;
        self.count_max = self.rng.random_range(mean * 7 / 10..=mean * 13 / 10).max(1);
    }

    /// Makes room for a record that arrived at that moment: in this object or, when it is full or old, in the next.
    fn begin_record(&mut self, arrived: i64, written: &mut Written) -> io::Result<()> {
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

    /// Writes the object and begins the next.
    fn deliver(&mut self, written: &mut Written) -> io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        if let Some(repeat) = self.repeat.take() {
            self.text.push(',');
            self.text.push_str(&repeat);
            written.repeats += 1;
        } else if self.rng.random_range(0..REPEATS_ONE_IN) < u64::from(self.count) {
            self.repeat = Some(self.text[self.record_begin..].to_owned());
        }
        self.text.push_str("]}");
        // Keys carry the delivery's time in steps of five minutes.
        let delivered = (self.last + self.rng.random_range(60..400)).div_euclid(300) * 300 + 300;
        let moment = timestamp(delivered);
        let account = &self.organisation.accounts[self.account].id;
        let region = REGIONS[self.region];
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

/// Writes a gzip file without a time in it; says its size.
fn write_gzip(path: &Path, content: &[u8]) -> io::Result<u64> {
    let mut encoder =
        GzBuilder::new().mtime(0).write(Vec::with_capacity(content.len() / 8), Compression::new(GZIP_LEVEL));
    encoder.write_all(content)?;
    let bytes = encoder.finish()?;
    fs::write(path, &bytes)?;
    Ok(bytes.len() as u64)
}

/// Objects of other kinds, as they lie beside CloudTrail's: digests and a configuration snapshot.
pub(super) fn write_neighbours(out: &Path, world: &World<'_>) -> io::Result<()> {
    let rng = &mut stream(world.settings.seed, Purpose::Archive, &[u64::MAX]);
    let region = REGIONS[HOME_REGION];
    for account in &world.organisation.accounts {
        for index in 0..world.settings.days.min(2) {
            let day = Day::new(world.settings.start, index);
            let (date, id) = (day.date.format("%Y/%m/%d").to_string(), &account.id);
            let (begin, end) = (timestamp(day.midnight + HOUR), timestamp(day.midnight + 2 * HOUR));
            let folder = out.join("AWSLogs").join(id).join("CloudTrail-Digest").join(region).join(&date);
            fs::create_dir_all(&folder)?;
            let name = format!(
                "{id}_CloudTrail-Digest_{region}_{}_{region}_{}.json.gz",
                account.trail,
                end.replace(['-', ':'], "")
            );
            let digest = format!(
                r#"{{"awsAccountId":"{id}","digestStartTime":"{begin}","digestEndTime":"{end}","digestS3Bucket":"{}","digestS3Object":"AWSLogs/{id}/CloudTrail-Digest/{region}/{date}/{name}","digestPublicKeyFingerprint":"{}","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":"{end}","oldestEventTime":"{begin}","previousDigestS3Bucket":null,"previousDigestS3Object":null,"previousDigestHashValue":null,"logFiles":[]}}"#,
                account.log_bucket,
                hex(rng, 32),
            );
            write_gzip(&folder.join(name), digest.as_bytes())?;
        }
    }
    let account = &world.organisation.accounts[0];
    let day = Day::new(world.settings.start, 0);
    let folder = out
        .join("AWSLogs")
        .join(&account.id)
        .join("Config")
        .join(region)
        .join(day.date.format("%Y/%-m/%-d").to_string());
    let folder = folder.join("ConfigSnapshot");
    fs::create_dir_all(&folder)?;
    let id = Uuid::draw(rng);
    let moment = timestamp(day.midnight + 3 * HOUR);
    let name = format!("{}_Config_{region}_ConfigSnapshot_{}_{id}.json.gz", account.id, moment.replace(['-', ':'], ""));
    let snapshot = format!(
        r#"{{"fileVersion":"1.0","configSnapshotId":"{id}","configurationItems":[{{"configurationItemVersion":"1.3","configurationItemCaptureTime":"{moment}","awsAccountId":"{}","awsRegion":"{region}","resourceType":"AWS::EC2::VPC","resourceId":"{}","configurationItemStatus":"OK","relationships":[],"configuration":{{"state":"available"}}}}]}}"#,
        account.id, account.vpc
    );
    write_gzip(&folder.join(name), snapshot.as_bytes())?;
    Ok(())
}
