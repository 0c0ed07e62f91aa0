//! Daily summaries of the events, stored beside them so that a hunt need not read all of history again.
//!
//! A rollup is a SQL file in `sql/rollups`. Each of its rows belongs to one day and depends on that day's events only.
//! It may read any view, and other rollups of the day. Several days are computed together, so it groups by `event_date`
//! and joins on it. The rows of one day are one file, named by a hash of the rollup's text, of the texts it reads and
//! of the day's data files. If one of them changes, so does the name: nothing has to be invalidated, and no commit is
//! needed. A missing file is computed from the events when it is needed; [`Lake::vacuum`] deletes files that are no
//! longer named.
//!
//! A history is a SQL file in `sql/histories`. Its rows depend on all days up to their own, for example what was seen for
//! the first time. It is stored in the same way; the hash also covers those days and the geographic databases. A nightly
//! run reads the stored days and adds its own.
//!
//! The days of a week are joined into one file a week after its end, and those of a month likewise. A year is then about
//! a dozen files, with at most a dozen more for the current month.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow::datatypes::Fields;
use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use include_dir::File;
use object_store::ObjectMeta;
use object_store::path::Path;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use sha2::{Digest, Sha256};

use super::checksum;
use super::dependencies::dependencies;
use super::side_file;
use super::snapshot::{DataFile, Snapshot};
use super::sql_files::{Rollup, VIEWS, rollups_and_histories};
use super::table::{ENGINE_INFO, Lake};
use crate::error::{Error, Result};
use crate::schema::PARTITION;

/// The rollup files that exist for a snapshot.
#[derive(Debug, Clone, Default)]
pub struct Rolled {
    /// Files by rollup name; each covers a day, a week or a month.
    pub files: HashMap<&'static str, Vec<DataFile>>,
}

impl Rolled {
    /// Days of `snapshot` without a file of this rollup.
    pub fn missing(&self, rollup: &Rollup, snapshot: &Snapshot) -> Vec<NaiveDate> {
        let files = self.files.get(rollup.name).map_or(&[][..], Vec::as_slice);
        let is_rolled = |day: &NaiveDate| files.iter().any(|file| (file.day..=last_day(file)).contains(day));
        match rollup.is_history {
            // Days after a missing day depend on it, so they are missing too.
            true => snapshot.each_day().into_iter().skip_while(is_rolled).collect(),
            false => snapshot.each_day().into_iter().filter(|day| !is_rolled(day)).collect(),
        }
    }

    /// Groups of files to join; each group covers all days of a finished week or month.
    pub fn joinable(&self, rollup: &Rollup, snapshot: &Snapshot) -> Vec<Vec<DataFile>> {
        let files = self.files.get(rollup.name).map_or(&[][..], Vec::as_slice);
        let mut joinable = Vec::new();
        months(snapshot).iter().for_each(|month| month.joinable(files, &mut joinable));
        joinable
    }

    /// Replaces the files of a span by the joined one.
    pub fn join(&mut self, rollup: &Rollup, joined: DataFile) {
        let files = self.files.entry(rollup.name).or_default();
        files.retain(|file| !(joined.day..=last_day(&joined)).contains(&file.day));
        files.push(joined);
    }
}

/// The days of a snapshot in a calendar month, in one week of that month, or a single day.
struct Span {
    /// `2024-05`, `2024-W19` or `2024-05-09`.
    name: String,
    days: Vec<NaiveDate>,
    /// No more events are expected, so its days may be joined.
    is_over: bool,
    parts: Vec<Span>,
}

/// A week or month is joined this long after its end: by then, late events have arrived and recent days are not hunted again.
const JOINED_AFTER: Days = Days::new(7);

fn months(snapshot: &Snapshot) -> Vec<Span> {
    let days = snapshot.each_day();
    let last = days.last().copied().unwrap_or_default();
    let is_over = |next: Option<NaiveDate>| {
        next.and_then(|next| next.checked_add_days(JOINED_AFTER)).is_some_and(|over| over <= last)
    };
    let day = |day: &NaiveDate| Span { name: day.to_string(), days: vec![*day], is_over: true, parts: Vec::new() };
    let week = |days: &[NaiveDate]| Span {
        name: days[0].format("%G-W%V").to_string(),
        days: days.to_vec(),
        is_over: is_over(days[0].week(Weekday::Mon).checked_last_day().and_then(|sunday| sunday.succ_opt())),
        parts: days.iter().map(day).collect(),
    };
    let month = |days: &[NaiveDate]| Span {
        name: days[0].format("%Y-%m").to_string(),
        days: days.to_vec(),
        is_over: is_over(days[0].with_day(1).and_then(|first| first.checked_add_months(Months::new(1)))),
        parts: days.chunk_by(|a, b| a.iso_week() == b.iso_week()).map(week).collect(),
    };
    days.chunk_by(|a, b| (a.year(), a.month()) == (b.year(), b.month())).map(month).collect()
}

impl Span {
    /// The key in its file name: for a day the one in `keys`, for a longer span its name and a hash of its days' keys.
    fn key(&self, keys: &BTreeMap<NaiveDate, String>) -> String {
        let mut of_days = self.days.iter().filter_map(|day| keys.get(day));
        if self.parts.is_empty() {
            return of_days.next().cloned().unwrap_or_default();
        }
        let mut hash = Sha256::new();
        of_days.for_each(|key| hash.update(key));
        format!("{}-{}", self.name, short(hash))
    }

    /// Covers the span with as few existing spans as possible. With `stop`, the first missing day ends the search.
    fn fewest<T>(&self, existing: &impl Fn(&Span) -> Option<T>, stop: bool, found: &mut Vec<T>) -> ControlFlow<()> {
        match existing(self).filter(|_| self.is_over) {
            Some(one) => found.push(one),
            None if self.parts.is_empty() && stop => return ControlFlow::Break(()),
            None => self.parts.iter().try_for_each(|part| part.fewest(existing, stop, found))?,
        }
        ControlFlow::Continue(())
    }

    /// Adds the files of the longest finished spans that have more than one file.
    fn joinable(&self, files: &[DataFile], joinable: &mut Vec<Vec<DataFile>>) {
        let mut within: Vec<_> = files.iter().filter(|file| self.days.contains(&file.day)).cloned().collect();
        within.sort_by_key(|file| file.day);
        let has_file = |day: &NaiveDate| within.iter().any(|file| (file.day..=last_day(file)).contains(day));
        if !self.is_over || !self.days.iter().all(has_file) {
            self.parts.iter().for_each(|part| part.joinable(files, joinable));
        } else if within.len() > 1 {
            joinable.push(within);
        }
    }

    /// The finished span, this one or one within it, with these first and last days.
    fn find(&self, first: NaiveDate, last: NaiveDate) -> Option<&Span> {
        let is_it = self.is_over && self.days.first() == Some(&first) && self.days.last() == Some(&last);
        if is_it { Some(self) } else { self.parts.iter().find_map(|part| part.find(first, last)) }
    }
}

/// The last day of a rollup's file; the first is its `day`.
fn last_day(file: &DataFile) -> NaiveDate {
    file.max.get(PARTITION).and_then(|day| day.as_str()?.parse().ok()).unwrap_or(file.day)
}

impl Lake {
    /// The rollup files that exist for a snapshot. `geography` names the geographic databases, on which histories depend.
    ///
    /// # Errors
    /// When the folder of rollups cannot be listed.
    pub async fn rolled(&self, snapshot: &Snapshot, geography: &[String]) -> Result<Rolled> {
        // Files of the same stem hold the same rows; the first one is used.
        let mut by_stem: HashMap<Path, (Path, u64)> = HashMap::new();
        for ObjectMeta { location, size, .. } in self.objects_in("_trailhunt/rollups").await? {
            let known = by_stem.entry(checksum::stem(&location)).or_insert_with(|| (location.clone(), size));
            if location < known.0 {
                *known = (location, size);
            }
        }
        let mut rolled = Rolled::default();
        let months = months(snapshot);
        for rollup in rollups_and_histories() {
            let keys = keys_of(&rollup, snapshot);
            let existing = |span: &Span| {
                let stem = self.location.child(&path(&rollup, &span.key(&keys), geography));
                let (first, last) = (*span.days.first()?, *span.days.last()?);
                by_stem.get(&stem).map(|(path, size_bytes)| file(path.clone(), *size_bytes, first, last))
            };
            let files = rolled.files.entry(rollup.name).or_default();
            // In a history, the days after a missing day are missing too.
            let _ = months.iter().try_for_each(|month| month.fewest(&existing, rollup.is_history, files));
        }
        Ok(rolled)
    }

    /// Stores a rollup's rows of one day.
    ///
    /// # Errors
    /// When the file cannot be written, or the snapshot has no such day.
    pub async fn keep_rollup(
        &self,
        rollup: &Rollup,
        snapshot: &Snapshot,
        geography: &[String],
        day: NaiveDate,
        batches: &[RecordBatch],
    ) -> Result<DataFile> {
        let keys = keys_of(rollup, snapshot);
        let key = keys.get(&day).ok_or_else(|| Error::Internal(format!("no events on {day}")))?;
        let written = side_file::write(&self.location, path(rollup, key, geography), batches, properties()).await?;
        Ok(file(self.location.child(&written.path), written.size_bytes, day, day))
    }

    /// Joins the files of a week or a month.
    ///
    /// # Errors
    /// When a file cannot be read or the new one cannot be written.
    pub async fn join_rollup(
        &self,
        rollup: &Rollup,
        snapshot: &Snapshot,
        geography: &[String],
        files: &[DataFile],
    ) -> Result<DataFile> {
        let (Some(first), Some(last)) = (files.first(), files.last()) else {
            return Err(Error::Internal(format!("nothing of {} to join", rollup.name)));
        };
        let (first, last) = (first.day, last_day(last));
        let months = months(snapshot);
        let span = months.iter().find_map(|month| month.find(first, last));
        let span = span.ok_or_else(|| Error::Internal(format!("{first} to {last} is not a finished week or month")))?;
        let path = path(rollup, &span.key(&keys_of(rollup, snapshot)), geography);
        let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
        let written = side_file::join(&self.location, path, &paths, &Fields::empty(), properties()).await?;
        Ok(file(self.location.child(&written.path), written.size_bytes, first, last))
    }
}

/// Parquet settings of rollups. The files are small and read often, so reading must be cheap; zstd would need one context
/// per column per day.
pub(super) fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(ENGINE_INFO.to_owned())
        .build()
}

/// Stems ([`stem`]) of the files that belong to a snapshot; a stem, because the end of a history's name depends on the
/// geographic databases. Days covered by a file of a week or month in `listed` are left out.
pub fn stems(snapshot: &Snapshot, listed: &HashSet<Path>) -> Vec<Path> {
    let mut stems = Vec::new();
    let months = months(snapshot);
    for rollup in rollups_and_histories() {
        let keys = keys_of(&rollup, snapshot);
        let existing = |span: &Span| {
            let stem = stem(&snapshot.location.child(&path(&rollup, &span.key(&keys), &[])));
            (span.parts.is_empty() || listed.contains(&stem)).then_some(stem)
        };
        let _ = months.iter().try_for_each(|month| month.fewest(&existing, false, &mut stems));
    }
    stems
}

/// A file's path up to the first dot in its name.
pub fn stem(path: &Path) -> Path {
    let text = path.as_ref();
    let name = path.filename().unwrap_or_default();
    let ending = name.find('.').map_or(0, |at| name.len() - at);
    Path::from(&text[..text.len() - ending])
}

fn file(path: Path, size_bytes: u64, day: NaiveDate, last_day: NaiveDate) -> DataFile {
    let (min, nulls) = Default::default();
    let max = BTreeMap::from([(PARTITION.to_owned(), last_day.to_string().into())]);
    DataFile { path, size_bytes, day, rows: 0, min, max, nulls }
}

/// A file's path in the lake without checksum and ending.
fn path(rollup: &Rollup, key: &str, geography: &[String]) -> String {
    let places = match Origin::of(rollup).is_placed {
        true => format!(".{}", short(Sha256::new_with_prefix(geography.join("\n")))),
        false => String::new(),
    };
    format!("_trailhunt/rollups/{}/{key}{places}", rollup.name)
}

/// What the rows of a rollup depend on, besides the events.
struct Origin {
    /// The program's version, which stands for its functions; the rollup's text and the texts it reads.
    hash: Sha256,
    /// It looks up where addresses are.
    is_placed: bool,
}

impl Origin {
    fn of(rollup: &Rollup) -> &'static Origin {
        static ORIGINS: LazyLock<HashMap<&str, Origin>> = LazyLock::new(|| {
            rollups_and_histories().iter().map(|rollup| (rollup.name, Origin::find(rollup))).collect()
        });
        ORIGINS.get(rollup.name).expect("rollups come from these folders only")
    }

    fn find(rollup: &Rollup) -> Origin {
        // Files that read each other in a circle are an error when the session is made.
        let mut texts: Vec<_> = dependencies(rollup.sql).unwrap_or_default().into_iter().map(|(_, sql)| sql).collect();
        texts.push(rollup.sql);
        if texts.iter().any(|sql| sql.contains("in_api_list(")) {
            // The function reads the lists from the view's text.
            texts.extend(VIEWS.get_file("api_lists.sql").and_then(File::contents_utf8));
        }
        let mut hash = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
        texts.iter().for_each(|sql| hash.update(sql));
        let places = ["ip_country(", "ip_asn(", "ip_organisation(", "ip_is_amazon(", "geo_change("];
        Origin { hash, is_placed: texts.iter().any(|sql| places.iter().any(|function| sql.contains(function))) }
    }
}

/// The key of each day's file of a rollup.
fn keys_of(rollup: &Rollup, snapshot: &Snapshot) -> BTreeMap<NaiveDate, String> {
    keys(&Origin::of(rollup).hash, rollup.is_history, snapshot)
}

/// The key of each day's file: the day, and a hash of everything its content depends on. That is `origin`, the day's data
/// files and, in a history, those of all earlier days.
pub(super) fn keys(origin: &Sha256, is_history: bool, snapshot: &Snapshot) -> BTreeMap<NaiveDate, String> {
    let mut whole = origin.clone();
    let mut days: BTreeMap<NaiveDate, Vec<&str>> = BTreeMap::new();
    for file in &snapshot.files {
        days.entry(file.day).or_default().push(file.path.filename().unwrap_or_default());
    }
    let mut keys = BTreeMap::new();
    for (day, files) in days {
        let mut hash = whole.clone();
        files.iter().for_each(|file| {
            hash.update([0]);
            hash.update(file);
        });
        if is_history {
            whole = hash.clone();
        }
        keys.insert(day, format!("{day}-{}", short(hash)));
    }
    keys
}

fn short(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
