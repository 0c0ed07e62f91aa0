//! Leads an object's bytes through the stages: inflate, unpack, split, open envelopes, read records.
//!
//! What a stage cannot read becomes a reject beside the rows, and the next record goes on. Every object, member, record
//! and reject is met here once, so that records = rows + rejects.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::batch::{EventBatch, Sizes};
use super::bundle::{self, Member, Packing};
use super::event::{Event, Order};
use super::gunzip::Gunzip;
use super::ocsf::parquet::{self, Bounds};
use super::ocsf::record;
use super::shape::{self, Shape};
use super::split::{self, Piece};
use super::{Limits, Reject, json, text};
use crate::source::{LogKey, LogObject};

/// Rows and rejects under construction.
pub struct Reader {
    limits: Limits,
    batch: EventBatch,
    rejects: Vec<Reject>,
    /// Rejects met, listed or not.
    rejects_met: u64,
    /// Rejects of the object under way that are not listed.
    rejects_unlisted: u64,
    /// Where in `rejects` those of the object under way begin.
    rejects_from: usize,
    /// What the longest column may hold by now.
    column_bytes: usize,
    others: BTreeMap<String, u64>,
    /// Kept from object to object, to be allocated once.
    inflated: Vec<u8>,
    gunzip: Gunzip,
    order: Order,
    /// How large the batch before was.
    last: Option<Sizes>,
}

/// Arrow's text columns count their bytes in 31 bits.
const COLUMN_BYTES_MAX: usize = 2_000_000_000;
/// What a row's `extra` and `actor` may need beyond the record's own length.
const ROW_BYTES: usize = 64;

/// How much a reader has met.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    pub rows: usize,
    pub rejects: u64,
    pub retyped_members: u64,
}

impl Reader {
    pub fn new(limits: Limits) -> Reader {
        Reader {
            limits,
            batch: EventBatch::new(None),
            rejects: Vec::new(),
            rejects_met: 0,
            rejects_unlisted: 0,
            rejects_from: 0,
            column_bytes: 0,
            others: BTreeMap::new(),
            inflated: Vec::new(),
            gunzip: Gunzip::new(),
            order: Order::new(),
            last: None,
        }
    }

    pub fn counts(&self) -> Counts {
        let retyped_members = self.batch.retyped_members();
        Counts { rows: self.batch.rows(), rejects: self.rejects_met, retyped_members }
    }

    /// Makes room for another batch like the last one.
    pub fn make_room(&mut self) {
        if let Some(last) = self.last.take() {
            self.batch = EventBatch::new(Some(&last));
        }
    }

    /// What was read so far. The reader is as new then.
    pub fn take(&mut self) -> (RecordBatch, Vec<i32>, Vec<Reject>, BTreeMap<String, u64>) {
        self.last = Some(self.batch.sizes());
        let (batch, days) = std::mem::replace(&mut self.batch, EventBatch::new(None)).finish();
        (self.rejects_met, self.column_bytes) = (0, 0);
        (batch, days, std::mem::take(&mut self.rejects), std::mem::take(&mut self.others))
    }

    /// Reads an object as stored.
    pub fn object(&mut self, object: &LogObject, stored: &[u8]) {
        (self.rejects_from, self.rejects_unlisted) = (self.rejects.len(), 0);
        self.stored(object, stored);
        if self.rejects_unlisted > 0 {
            let reason = format!("{} more rejects of this object, not listed", self.rejects_unlisted);
            self.rejects.push(Reject::new(object, 0, reason));
        }
    }

    fn stored(&mut self, object: &LogObject, stored: &[u8]) {
        let bytes_max = self.limits.inflated_bytes_max(stored.len());
        if let Some(packing) = bundle::packing(stored) {
            return self.bundle(object, packing, stored, bytes_max);
        }
        let mut inflated = self.inflate(object, stored, bytes_max);
        match bundle::packing(&inflated) {
            Some(packing) => self.bundle(object, packing, &inflated, bytes_max),
            None => self.content(object, &mut inflated),
        }
        self.inflated = inflated;
    }

    /// The buffer, filled with what `stored` inflates to.
    fn inflate(&mut self, object: &LogObject, stored: &[u8], bytes_max: usize) -> Vec<u8> {
        let mut inflated = std::mem::take(&mut self.inflated);
        if let Some(problem) = self.gunzip.inflate(stored, bytes_max, &mut inflated) {
            self.reject(object, inflated.len(), problem);
        }
        inflated
    }

    fn bundle(&mut self, bundle: &LogObject, packing: Packing, bytes: &[u8], bytes_left: usize) {
        let members_left = self.limits.members_max;
        let mut unpacking = Unpacking { reader: self, bundle, bytes_left, members_left };
        if let Err(reason) = bundle::members(packing, bytes, &mut unpacking) {
            self.reject(bundle, 0, reason);
        }
    }

    fn content(&mut self, object: &LogObject, inflated: &mut Vec<u8>) {
        if parquet::is_parquet(inflated) {
            return self.parquet(object, inflated);
        }
        match text::text(std::mem::take(inflated)) {
            Ok(text) => {
                let first_row = self.batch.rows();
                self.records(Within { object, first_row, base: 0, is_slice: true, envelopes: 0 }, &text);
                *inflated = text.into_bytes();
            }
            Err(reason) => self.reject(object, 0, reason),
        }
    }

    fn parquet(&mut self, object: &LogObject, bytes: &[u8]) {
        let bounds = Bounds {
            pages_bytes_max: self.limits.inflated_bytes_max(bytes.len()),
            rows_bytes_max: self.limits.ratio_bytes_max(bytes.len()),
        };
        let first_row = self.batch.rows();
        let mut others: Option<(String, u64)> = None;
        let read = parquet::rows(bytes, bounds, |row, text| {
            match record::member(text, "metadata").and_then(record::other_product) {
                Some(product) => others.get_or_insert((product, 0)).1 += 1,
                None => {
                    let within = Within { object, first_row, base: row, is_slice: false, envelopes: 0 };
                    self.piece(within, row, Ok(text));
                }
            }
        });
        if let Some((product, count)) = others {
            self.reject(object, 0, format!("OCSF of {product}, not of CloudTrail: {count} rows"));
        }
        if let Err(reason) = read {
            self.reject(object, self.batch.rows() - first_row, reason);
        }
    }

    fn records(&mut self, within: Within, text: &str) {
        split::records(text, &mut Records { reader: self, within });
    }

    /// An object of the text, as it stands.
    fn piece(&mut self, within: Within, offset: usize, piece: Piece<'_>) {
        match piece.and_then(|text| Ok((text, Event::parse(text)?))) {
            Ok((text, event)) => self.event(within, offset, text, event),
            Err(reason) => self.reject(within.object, offset, reason),
        }
    }

    /// An object of the text, taken apart: a record, or an envelope of some.
    fn event<'a>(&mut self, within: Within, offset: usize, text: &'a str, mut event: Event<'a>) {
        match shape::of(&event) {
            None => match self.fits(text, within.object).and_then(|()| event.complete()) {
                Ok(()) => self.batch.push(&event, within.object, (self.batch.rows() - within.first_row) as i64),
                Err(reason) => self.reject(within.object, offset, reason),
            },
            Some(Shape::NoEvents) => {}
            Some(Shape::Refused(reason)) => self.reject(within.object, offset, reason),
            Some(Shape::Holds(_) | Shape::Ocsf) if within.envelopes == self.limits.envelopes_max => {
                self.reject(within.object, offset, format!("more than {} envelopes in each other", within.envelopes));
            }
            Some(Shape::Ocsf) => match record::record(text) {
                Ok(record) => {
                    let within = Within { is_slice: false, envelopes: within.envelopes + 1, ..within };
                    self.piece(within, offset, Ok(&record));
                }
                Err(reason) => self.reject(within.object, offset, reason),
            },
            Some(Shape::Holds(held)) => {
                for raw in held {
                    // Both are slices of one text.
                    let at = raw.as_ptr() as usize - text.as_ptr() as usize;
                    self.open(within.at(offset, at), raw);
                }
            }
        }
    }

    /// Makes room for a record's row.
    fn fits(&mut self, record: &str, object: &LogObject) -> Result<(), String> {
        let (bytes, max) = (record.len(), self.limits.record_bytes_max);
        if bytes > max {
            return Err(format!("a record of {bytes} bytes, larger than {max}"));
        }
        self.column_bytes += bytes.max(object.url.len()) + ROW_BYTES;
        if self.column_bytes > COLUMN_BYTES_MAX {
            return Err("more records than are held at once; split the object and read it again".into());
        }
        Ok(())
    }

    /// What an envelope holds: records as JSON, or in a string.
    fn open(&mut self, within: Within, raw: &str) {
        if raw.starts_with(['{', '[']) {
            return self.records(within, raw);
        }
        let Some(text) = json::text(raw) else {
            return self.reject(within.object, within.base, "an envelope holds no text where a record is due");
        };
        if text.trim().is_empty() {
            return self.reject(within.object, within.base, "an envelope holds an empty text where a record is due");
        }
        self.records(Within { is_slice: false, ..within }, &text);
    }

    fn reject(&mut self, object: &LogObject, offset: usize, reason: impl Into<String>) {
        self.rejects_met += 1;
        if self.rejects.len() - self.rejects_from < self.limits.rejects_max {
            self.rejects.push(Reject::new(object, offset, reason));
        } else {
            self.rejects_unlisted += 1;
        }
    }
}

/// Where the text under way stands.
#[derive(Clone, Copy)]
struct Within<'a> {
    object: &'a LogObject,
    /// Row of the object's first record.
    first_row: usize,
    /// Offset of the text in the inflated object, or of the string it was written in.
    base: usize,
    /// False for the inside of a string, which has no offsets of its own.
    is_slice: bool,
    /// Envelopes opened on the way here.
    envelopes: usize,
}

impl Within<'_> {
    fn offset(&self, at: usize) -> usize {
        if self.is_slice { self.base + at } else { self.base }
    }

    /// What lies `at` bytes into the envelope at `offset`.
    fn at(self, offset: usize, at: usize) -> Self {
        let base = if self.is_slice { offset + at } else { offset };
        Within { base, envelopes: self.envelopes + 1, ..self }
    }
}

/// A text under way.
struct Records<'r, 'o> {
    reader: &'r mut Reader,
    within: Within<'o>,
}

impl<'a> split::Visitor<'a> for Records<'_, '_> {
    fn begins(&mut self, offset: usize, rest: &'a str) -> Option<usize> {
        let Reader { batch, order, .. } = &mut *self.reader;
        let (event, length) = Event::parse_first(rest, order, |identity| batch.known_caller(identity))?;
        let offset = self.within.offset(offset);
        self.reader.event(self.within, offset, &rest[..length], event);
        Some(length)
    }

    fn piece(&mut self, offset: usize, piece: Piece<'a>) {
        self.reader.piece(self.within, self.within.offset(offset), piece);
    }
}

/// A bundle under way: its members are read as objects of their own, named `bundle.zip!member`.
struct Unpacking<'r, 'o> {
    reader: &'r mut Reader,
    bundle: &'o LogObject,
    bytes_left: usize,
    members_left: usize,
}

impl bundle::Visitor for Unpacking<'_, '_> {
    fn wants(&mut self, name: &str) -> bool {
        let key = LogKey::parse(name);
        let wanted = key.may_have_events(name);
        if !wanted {
            *self.reader.others.entry(key.kind.name().to_owned()).or_default() += 1;
        }
        wanted
    }

    fn bytes_max(&self) -> usize {
        self.bytes_left
    }

    fn member(&mut self, Member { name, bytes, problem }: Member) -> Result<(), String> {
        if self.members_left == 0 {
            let max = self.reader.limits.members_max;
            return Err(format!("more than {max} members; the rest was not read"));
        }
        if self.bytes_left == 0 {
            return Err("members larger than the bound of their bundle; unpack it and read the folder".into());
        }
        self.members_left -= 1;
        let key = Some(LogKey::parse(&name)).filter(|key| key.account_id.is_some());
        let key = key.unwrap_or_else(|| self.bundle.key.clone());
        let member = LogObject { url: format!("{}!{name}", self.bundle.url), key, ..self.bundle.clone() };
        if let Some(problem) = problem {
            self.reader.reject(&member, bytes.len(), problem);
        }
        let mut inflated = self.reader.inflate(&member, &bytes, self.bytes_left);
        self.bytes_left -= inflated.len();
        let is_bundle = bundle::packing(&bytes).or_else(|| bundle::packing(&inflated)).is_some();
        if is_bundle {
            self.reader.reject(&member, 0, "a bundle within a bundle; unpack the outer one");
        } else {
            self.reader.content(&member, &mut inflated);
        }
        self.reader.inflated = inflated;
        Ok(())
    }
}
