//! Chains of records, stored so that a later change is detected.
//!
//! ```text
//! LAKE/<folder>/00000001.json    {"sha256": hash of the record's bytes, "record": {...}}
//! ```
//!
//! A record holds the hash of the previous record. It never replaces another, so two records that are written at the same
//! time both get a place. Changing or removing a record breaks the chain; removing the last records does not.

use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::table::Lake;
use crate::error::{Error, Result};
use crate::sha256;

/// The previous hash of the first record.
const NO_PREVIOUS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Names of records have eight digits.
const SEQUENCE_MAX: u64 = 99_999_999;

/// Records that are read at a time.
const READ_AT_ONCE: usize = 16;

/// A record of a chain.
pub trait Chained: Serialize + DeserializeOwned {
    /// The folder of the chain in the lake.
    const FOLDER: &'static str;
    /// Position in the chain, from 1.
    fn sequence(&self) -> u64;
    /// Hash of the previous record, or zeros.
    fn previous(&self) -> &str;
}

/// A record as it is stored: the one line `{"sha256":...,"record":...}`.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    sha256: String,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// A record as read from the lake, with the problems found.
#[derive(Debug)]
pub struct ChainLink<R> {
    /// Path in the lake.
    pub path: String,
    /// The stored bytes.
    pub bytes: Vec<u8>,
    /// Its hash; the next record must name it as `previous`.
    pub sha256: String,
    /// The record; `None` when it cannot be read.
    pub record: Option<R>,
    /// The problems, one line each.
    pub problems: Vec<String>,
}

/// Where the next record goes.
pub(super) struct Place {
    /// Its position.
    pub sequence: u64,
    /// Hash of the record before it.
    pub previous: String,
}

impl Lake {
    /// Adds the record that `make` returns for a place and the link before it. When another record takes the place first,
    /// `make` is called again.
    pub(super) async fn append_record<R: Chained>(
        &self,
        make: impl AsyncFn(Place, Option<&ChainLink<R>>) -> Result<R>,
    ) -> Result<ChainLink<R>> {
        loop {
            let (place, last) = self.next_place::<R>().await?;
            let record = make(place, last.as_ref()).await?;
            if let Some(link) = self.put_record(record).await? {
                return Ok(link);
            }
        }
    }

    /// The place after the last record, and that record.
    pub(super) async fn next_place<R: Chained>(&self) -> Result<(Place, Option<ChainLink<R>>)> {
        let sequence = self.sequences::<R>().await?.last().copied();
        if sequence == Some(SEQUENCE_MAX) {
            let reason =
                format!("{} is the last that a chain can have; see `trailhunt verify`", path::<R>(SEQUENCE_MAX));
            return Err(Error::lake(self.location.to_string(), reason));
        }
        let last = match sequence {
            Some(sequence) => Some(self.link::<R>(sequence).await?),
            None => None,
        };
        let place = Place {
            sequence: sequence.map_or(1, |sequence| sequence + 1),
            previous: last.as_ref().map_or(NO_PREVIOUS, |last| &last.sha256).to_owned(),
        };
        Ok((place, last))
    }

    /// Stores a record; `None` if another one has its place.
    pub(super) async fn put_record<R: Chained>(&self, record: R) -> Result<Option<ChainLink<R>>> {
        let path = path::<R>(record.sequence());
        let (bytes, sha256) = stored(&record)?;
        let is_new = self.put_new(&path, bytes.clone()).await?;
        Ok(is_new.then_some(ChainLink { path, bytes, sha256, record: Some(record), problems: Vec::new() }))
    }

    /// All records, in order, each checked against its own hash and the previous record.
    pub(super) async fn chain<R: Chained>(&self) -> Result<Vec<ChainLink<R>>> {
        let sequences = self.sequences::<R>().await?;
        let read = stream::iter(&sequences).map(|sequence| self.link::<R>(*sequence)).buffered(READ_AT_ONCE);
        let mut links: Vec<ChainLink<R>> = read.try_collect().await?;
        let mut previous = NO_PREVIOUS.to_owned();
        for (at, (link, sequence)) in links.iter_mut().zip(sequences).enumerate() {
            let expected = at as u64 + 1;
            if let Some(record) = &link.record {
                if record.sequence() != sequence || sequence != expected {
                    link.problems.push(format!("expected record {expected}, found record {}", record.sequence()));
                }
                if record.previous() != previous {
                    link.problems.push("the previous record was modified or removed".into());
                }
            }
            previous.clone_from(&link.sha256);
        }
        Ok(links)
    }

    /// One record, checked against its own hash.
    pub(super) async fn link<R: Chained>(&self, sequence: u64) -> Result<ChainLink<R>> {
        let path = path::<R>(sequence);
        let bytes = self.location.bytes(&self.location.child(&path)).await?.to_vec();
        Ok(read(path, bytes))
    }

    /// Hash of the newest record, if there is one.
    pub(super) async fn last_of<R: Chained>(&self) -> Result<Option<String>> {
        match self.sequences::<R>().await?.last() {
            Some(sequence) => Ok(Some(self.link::<R>(*sequence).await?.sha256)),
            None => Ok(None),
        }
    }

    /// The numbers of the records, in order.
    pub(super) async fn sequences<R: Chained>(&self) -> Result<Vec<u64>> {
        let sequence = |name: &str| name.strip_suffix(".json").filter(|digits| digits.len() == 8)?.parse().ok();
        let names = self.names(R::FOLDER).await?;
        let mut sequences: Vec<u64> = names.iter().filter_map(|name| sequence(name)).collect();
        sequences.sort_unstable();
        Ok(sequences)
    }

    /// Names of the files in a folder of the lake.
    pub(super) async fn names(&self, folder: &str) -> Result<Vec<String>> {
        let listed = self.objects_in(folder).await?;
        Ok(listed.iter().filter_map(|object| Some(object.location.filename()?.to_owned())).collect())
    }
}

/// Parses one record. Every byte is checked: the line must be exactly what this program writes.
pub(super) fn read<R: Chained>(path: String, bytes: Vec<u8>) -> ChainLink<R> {
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let parsed = serde_json::from_str::<Stored>(text).ok().map(|stored| {
        let sha256 = sha256::hex(stored.record.get().as_bytes());
        let is_intact = sha256 == stored.sha256 && text == line(&sha256, stored.record.get());
        (sha256, is_intact, serde_json::from_str::<R>(stored.record.get()).ok())
    });
    match parsed {
        Some((sha256, true, Some(record))) => {
            ChainLink { path, bytes, sha256, record: Some(record), problems: Vec::new() }
        }
        Some((sha256, _, record)) => {
            ChainLink { path, bytes, sha256, record, problems: vec!["hash mismatch: the record was modified".into()] }
        }
        None => {
            let sha256 = sha256::hex(&bytes);
            let problems = vec!["hash mismatch: the record was modified and is no longer valid JSON".into()];
            ChainLink { path, bytes, sha256, record: None, problems }
        }
    }
}

fn stored(record: &impl Chained) -> Result<(Vec<u8>, String)> {
    let record = serde_json::to_string(record).map_err(|e| Error::Internal(format!("record of a chain: {e}")))?;
    let sha256 = sha256::hex(record.as_bytes());
    Ok((line(&sha256, &record).into_bytes(), sha256))
}

fn line(sha256: &str, record: &str) -> String {
    format!("{{\"sha256\":\"{sha256}\",\"record\":{record}}}\n")
}

fn path<R: Chained>(sequence: u64) -> String {
    format!("{}/{sequence:08}.json", R::FOLDER)
}
