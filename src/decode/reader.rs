//! Runs an object's bytes through the stages: decompress, unpack, split, open envelopes, parse records.
//!
//! What a stage cannot read becomes a reject, and reading continues with the next record. Every record ends up here as
//! either a row or a reject, so records = rows + rejects.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::batch::{Capacity, EventBatch};
use super::bundle::{self, Format, Member};
use super::event::{Event, MemberOrder};
use super::gunzip::Gunzip;
use super::ocsf::parquet::{self, ParquetLimits};
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
    /// Number of rejects, listed or not.
    rejects_total: u64,
    /// Number of rejects of the current object that are not listed.
    rejects_unlisted: u64,
    /// Index in `rejects` of the current object's first reject.
    rejects_start: usize,
    /// Upper bound of the bytes in the longest column.
    column_bytes: usize,
    others: BTreeMap<String, u64>,
    /// Reused for every object, to avoid allocations.
    decompressed: Vec<u8>,
    gunzip: Gunzip,
    member_order: MemberOrder,
    /// Capacity for the next batch, based on the previous one.
    next_capacity: Option<Capacity>,
}

/// The offsets of Arrow's text columns have 31 bits.
const COLUMN_BYTES_MAX: usize = 2_000_000_000;
/// Bytes that `extra` and `actor` may need beyond the length of the record.
const ROW_BYTES: usize = 64;

/// Counts so far.
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
            rejects_total: 0,
            rejects_unlisted: 0,
            rejects_start: 0,
            column_bytes: 0,
            others: BTreeMap::new(),
            decompressed: Vec::new(),
            gunzip: Gunzip::new(),
            member_order: MemberOrder::new(),
            next_capacity: None,
        }
    }

    pub fn counts(&self) -> Counts {
        let retyped_members = self.batch.retyped_members();
        Counts { rows: self.batch.rows(), rejects: self.rejects_total, retyped_members }
    }

    /// Reserves capacity for a batch like the previous one.
    pub fn reserve(&mut self) {
        if let Some(capacity) = self.next_capacity.take() {
            self.batch = EventBatch::new(Some(&capacity));
        }
    }

    /// Takes the rows, days, rejects and counts of other files, and resets the reader.
    pub fn take(&mut self) -> (RecordBatch, Vec<i32>, Vec<Reject>, BTreeMap<String, u64>) {
        self.next_capacity = Some(self.batch.capacity());
        let (batch, days) = std::mem::replace(&mut self.batch, EventBatch::new(None)).finish();
        (self.rejects_total, self.column_bytes) = (0, 0);
        (batch, days, std::mem::take(&mut self.rejects), std::mem::take(&mut self.others))
    }

    /// Reads an object as stored.
    pub fn read_object(&mut self, object: &LogObject, stored: &[u8]) {
        (self.rejects_start, self.rejects_unlisted) = (self.rejects.len(), 0);
        self.read_stored(object, stored);
        if self.rejects_unlisted > 0 {
            let rejects = plural(self.rejects_unlisted, "more reject", "more rejects");
            self.rejects.push(Reject::new(object, 0, format!("{rejects} of this object, not listed")));
        }
    }

    fn read_stored(&mut self, object: &LogObject, stored: &[u8]) {
        let bytes_max = self.limits.decompressed_bytes_max(stored.len());
        if let Some(format) = bundle::format(stored) {
            return self.read_bundle(object, format, stored, bytes_max);
        }
        let mut decompressed = self.decompress(object, stored, bytes_max);
        match bundle::format(&decompressed) {
            Some(format) => self.read_bundle(object, format, &decompressed, bytes_max),
            None => self.read_content(object, &mut decompressed),
        }
        self.decompressed = decompressed;
    }

    /// Decompresses into the reused buffer.
    fn decompress(&mut self, object: &LogObject, stored: &[u8], bytes_max: usize) -> Vec<u8> {
        let mut decompressed = std::mem::take(&mut self.decompressed);
        if let Some(problem) = self.gunzip.decompress(stored, bytes_max, &mut decompressed) {
            self.reject(object, decompressed.len(), problem);
        }
        decompressed
    }

    fn read_bundle(&mut self, bundle: &LogObject, format: Format, bytes: &[u8], bytes_left: usize) {
        let members_left = self.limits.members_max;
        let mut visitor = MemberVisitor { reader: self, bundle, bytes_left, members_left };
        if let Err(reason) = bundle::members(format, bytes, &mut visitor) {
            self.reject(bundle, 0, reason);
        }
    }

    fn read_content(&mut self, object: &LogObject, decompressed: &mut Vec<u8>) {
        if parquet::is_parquet(decompressed) {
            return self.read_parquet(object, decompressed);
        }
        match text::text(std::mem::take(decompressed)) {
            Ok(text) => {
                let first_row = self.batch.rows();
                self.split(Position { object, first_row, base: 0, is_slice: true, envelopes: 0 }, &text);
                *decompressed = text.into_bytes();
            }
            Err(reason) => self.reject(object, 0, reason),
        }
    }

    fn read_parquet(&mut self, object: &LogObject, bytes: &[u8]) {
        let limits = ParquetLimits {
            pages_bytes_max: self.limits.decompressed_bytes_max(bytes.len()),
            rows_bytes_max: self.limits.ratio_bytes_max(bytes.len()),
        };
        let first_row = self.batch.rows();
        let mut others: Option<(String, u64)> = None;
        let read = parquet::rows(bytes, limits, |row, text| {
            match record::member(text, "metadata").and_then(record::other_product) {
                Some(product) => others.get_or_insert((product, 0)).1 += 1,
                None => {
                    let position = Position { object, first_row, base: row, is_slice: false, envelopes: 0 };
                    self.read_piece(position, row, Ok(text));
                }
            }
        });
        if let Some((product, count)) = others {
            let rows = plural(count, "row", "rows");
            self.reject(object, 0, format!("OCSF events of {product}, not of CloudTrail: {rows}"));
        }
        if let Err(reason) = read {
            self.reject(object, self.batch.rows() - first_row, reason);
        }
    }

    fn split(&mut self, position: Position, text: &str) {
        split::records(text, &mut RecordVisitor { reader: self, position });
    }

    /// Reads a piece of the text that is expected to be a record or an envelope.
    fn read_piece(&mut self, position: Position, offset: usize, piece: Piece<'_>) {
        match piece.and_then(|text| Ok((text, Event::parse(text)?))) {
            Ok((text, event)) => self.read_event(position, offset, text, event),
            Err(reason) => self.reject(position.object, offset, reason),
        }
    }

    /// Reads a parsed JSON object: a record, or an envelope with records.
    fn read_event<'a>(&mut self, position: Position, offset: usize, text: &'a str, mut event: Event<'a>) {
        match shape::of(&event) {
            None => match self.check_size(text, position.object).and_then(|()| event.complete()) {
                Ok(()) => self.batch.push(&event, position.object, (self.batch.rows() - position.first_row) as i64),
                Err(reason) => self.reject(position.object, offset, reason),
            },
            Some(Shape::NoEvents) => {}
            Some(Shape::Unsupported(reason)) => self.reject(position.object, offset, reason),
            Some(Shape::Envelope(_) | Shape::Ocsf) if position.envelopes == self.limits.envelopes_max => {
                self.reject_nesting(position.object, offset);
            }
            Some(Shape::Ocsf) => match record::record(text) {
                Ok(record) => {
                    let position = Position { is_slice: false, envelopes: position.envelopes + 1, ..position };
                    self.read_piece(position, offset, Ok(&record));
                }
                Err(reason) => self.reject(position.object, offset, reason),
            },
            Some(Shape::Envelope(values)) => {
                for raw in values {
                    // `raw` is a slice of `text`.
                    let at = raw.as_ptr() as usize - text.as_ptr() as usize;
                    self.read_envelope_value(position.inside_envelope(offset, at), raw);
                }
            }
        }
    }

    /// Checks the limits of a record and of the batch.
    fn check_size(&mut self, record: &str, object: &LogObject) -> Result<(), String> {
        let (bytes, max) = (record.len(), self.limits.record_bytes_max);
        if bytes > max {
            return Err(format!("record of {bytes} bytes exceeds the limit of {max} bytes"));
        }
        self.column_bytes += bytes.max(object.url.len()) + ROW_BYTES;
        if self.column_bytes > COLUMN_BYTES_MAX {
            return Err("too many records for one batch; split the object and ingest it again".into());
        }
        Ok(())
    }

    /// Reads the value of an envelope: records as JSON, or as text in a string.
    fn read_envelope_value(&mut self, position: Position, raw: &str) {
        if raw.starts_with(['{', '[']) {
            return self.split(position, raw);
        }
        let Some(text) = json::text(raw) else {
            return self.reject(position.object, position.base, "envelope without a record: expected JSON text");
        };
        if text.trim().is_empty() {
            return self.reject(position.object, position.base, "envelope without a record: the text is empty");
        }
        self.split(Position { is_slice: false, ..position }, &text);
    }

    fn reject_nesting(&mut self, object: &LogObject, offset: usize) {
        self.reject(object, offset, format!("nested envelopes deeper than {}", self.limits.envelopes_max));
    }

    fn reject(&mut self, object: &LogObject, offset: usize, reason: impl Into<String>) {
        self.rejects_total += 1;
        if self.rejects.len() - self.rejects_start < self.limits.rejects_max {
            self.rejects.push(Reject::new(object, offset, reason));
        } else {
            self.rejects_unlisted += 1;
        }
    }
}

/// Where a text is in its object.
#[derive(Clone, Copy)]
struct Position<'a> {
    object: &'a LogObject,
    /// Row of the object's first record.
    first_row: usize,
    /// Offset of the text in the decompressed object, or of the string that contains it.
    base: usize,
    /// False for the content of a string: offsets in it are not offsets in the object.
    is_slice: bool,
    /// Number of envelopes around the text.
    envelopes: usize,
}

impl Position<'_> {
    fn offset(&self, at: usize) -> usize {
        if self.is_slice { self.base + at } else { self.base }
    }

    /// The position of a value `at` bytes into the envelope at `offset`.
    fn inside_envelope(self, offset: usize, at: usize) -> Self {
        let base = if self.is_slice { offset + at } else { offset };
        Position { base, envelopes: self.envelopes + 1, ..self }
    }
}

/// Reads the records of a text.
struct RecordVisitor<'r, 'o> {
    reader: &'r mut Reader,
    position: Position<'o>,
}

impl<'a> split::Visitor<'a> for RecordVisitor<'_, '_> {
    fn record_at(&mut self, offset: usize, rest: &'a str) -> Option<usize> {
        let Reader { batch, member_order, .. } = &mut *self.reader;
        let (event, length) = Event::parse_first(rest, member_order, |identity| batch.known_caller(identity))?;
        let offset = self.position.offset(offset);
        self.reader.read_event(self.position, offset, &rest[..length], event);
        Some(length)
    }

    fn piece(&mut self, offset: usize, piece: Piece<'a>) {
        self.reader.read_piece(self.position, self.position.offset(offset), piece);
    }

    fn quoted(&mut self, offset: usize, raw: &'a str) {
        let position = self.position.inside_envelope(self.position.offset(offset), 0);
        if position.envelopes > self.reader.limits.envelopes_max {
            self.reader.reject_nesting(position.object, position.base);
        } else {
            self.reader.read_envelope_value(position, raw);
        }
    }
}

/// Reads the files of a zip or tar as separate objects with the URL `bundle.zip!file`.
struct MemberVisitor<'r, 'o> {
    reader: &'r mut Reader,
    bundle: &'o LogObject,
    bytes_left: usize,
    members_left: usize,
}

impl bundle::Visitor for MemberVisitor<'_, '_> {
    fn should_unpack(&mut self, name: &str) -> bool {
        let key = LogKey::parse(name);
        let may_have_events = key.may_have_events(name);
        if !may_have_events {
            *self.reader.others.entry(key.kind.name().to_owned()).or_default() += 1;
        }
        may_have_events
    }

    fn bytes_max(&self) -> usize {
        self.bytes_left
    }

    fn member(&mut self, Member { name, bytes, problem }: Member) -> Result<(), String> {
        if self.members_left == 0 {
            let files = plural(self.reader.limits.members_max as u64, "file", "files");
            return Err(format!("more than {files} in this zip or tar; the rest was not read"));
        }
        if self.bytes_left == 0 {
            return Err("the files of this zip or tar exceed its size limit; unpack it and ingest the folder".into());
        }
        self.members_left -= 1;
        let key = Some(LogKey::parse(&name)).filter(|key| key.account_id.is_some());
        let key = key.unwrap_or_else(|| self.bundle.key.clone());
        let member = LogObject { url: format!("{}!{name}", self.bundle.url), key, ..self.bundle.clone() };
        if let Some(problem) = problem {
            self.reader.reject(&member, bytes.len(), problem);
        }
        let mut decompressed = self.reader.decompress(&member, &bytes, self.bytes_left);
        self.bytes_left -= self.reader.gunzip.outer_layers_bytes() + decompressed.len();
        let is_bundle = bundle::format(&bytes).or_else(|| bundle::format(&decompressed)).is_some();
        if is_bundle {
            self.reader.reject(&member, 0, "zip or tar inside another one; unpack the outer one");
        } else {
            self.reader.read_content(&member, &mut decompressed);
        }
        self.reader.decompressed = decompressed;
        Ok(())
    }
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
