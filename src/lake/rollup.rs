//! Daily summaries of the events, stored beside them so that a hunt need not read all of history again.
//!
//! A rollup is a SQL file in `sql/rollups`. Each of its rows belongs to one day and depends on that day's events only.
//! It may read any view, and other rollups of the day. Several days are computed together, so it groups by `event_date`
//! and joins on it. All rollups of a day are one file, a [`pack`](super::pack), named by a hash of the texts of the rollups,
//! of the texts they read and of the day's data files. If one of them changes, so does the name: nothing has to be
//! invalidated, and no commit is needed. A missing file is computed from the events when it is needed; [`Lake::vacuum`]
//! deletes files that are no longer named.
//!
//! A history is a SQL file in `sql/histories`. Its rows depend on all days up to their own, for example what was seen for
//! the first time. Its rows of a day are one Parquet file, named in the same way; the hash also covers those days and the
//! geographic databases. A nightly run reads the stored days and adds its own.
//!
//! The files of a week are joined into one two days after its end, and those of a month likewise, unless they are large. A
//! year is then about a dozen files, with about seven more for the current month.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::datatypes::Fields;
use bytes::Bytes;
use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt, stream};
use include_dir::File;
use object_store::ObjectMeta;
use object_store::path::Path;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use sha2::{Digest, Sha256};

use super::checksum;
use super::dependencies::dependencies;
use super::pack::{self, Member};
use super::side_file;
use super::snapshot::{DataFile, Snapshot};
use super::span::{Span, months, short};
use super::sql_files::{Rollup, VIEWS, histories, rollups};
use super::table::{ENGINE_INFO, Lake};
use crate::error::{Error, Result};
use crate::schema::PARTITION;

/// Files that are read or written at once.
const AT_ONCE: usize = 8;

/// The files of rollups and histories that exist for a snapshot.
#[derive(Debug, Clone, Default)]
pub struct Rolled {
    /// The packs of rollups; each covers a day, a week or a month.
    pub packs: Vec<Pack>,
    /// Files of each history; each covers a day, a week or a month.
    pub histories: HashMap<&'static str, Vec<DataFile>>,
}

/// The rollups of a day, a week or a month.
#[derive(Debug, Clone)]
pub struct Pack {
    /// The file.
    pub file: DataFile,
    /// The rollups that have rows.
    pub members: Arc<[Member]>,
}

impl Pack {
    /// A rollup's rows as a file; `None` if there are none.
    fn file_of(&self, rollup: &Rollup) -> Option<DataFile> {
        let member = self.members.iter().find(|member| member.table == rollup.name)?;
        let size_bytes = member.range.end - member.range.start;
        Some(DataFile { path: self.path_of(member), size_bytes, ..self.file.clone() })
    }

    /// A member's path: that of the pack, where the member is in it, and its name. Whoever gets the path can read the
    /// member without the pack's directory.
    pub fn path_of(&self, member: &Member) -> Path {
        let Range { start, end } = member.range;
        let place = format!("{start}-{end}-of-{}", self.file.size_bytes);
        self.file.path.clone().join(place).join(format!("{}{}", member.table, checksum::PARQUET))
    }
}

/// Where a member of a pack is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPack {
    /// The pack.
    pub pack: Path,
    /// Size of the pack.
    pub pack_bytes: u64,
    /// The member's bytes within the pack.
    pub range: Range<u64>,
}

impl InPack {
    /// Reads the path that [`Pack::path_of`] made; `None` for any other.
    pub fn of_path(path: &Path) -> Option<InPack> {
        let (pack, within) = path.as_ref().rsplit_once(".zip/")?;
        let (place, _) = within.split_once('/')?;
        let (range, pack_bytes) = place.split_once("-of-")?;
        let (start, end) = range.split_once('-')?;
        Some(InPack {
            pack: Path::parse(format!("{pack}{}", pack::ENDING)).ok()?,
            pack_bytes: pack_bytes.parse().ok()?,
            range: start.parse().ok()?..end.parse().ok()?,
        })
    }
}

impl Rolled {
    /// The files with a rollup's or history's rows.
    pub fn files(&self, rollup: &Rollup) -> Vec<DataFile> {
        match rollup.is_history {
            true => self.histories.get(rollup.name).cloned().unwrap_or_default(),
            false => self.packs.iter().filter_map(|pack| pack.file_of(rollup)).collect(),
        }
    }

    /// Days of `snapshot` without rollups.
    pub fn missing(&self, snapshot: &Snapshot) -> Vec<NaiveDate> {
        let is_rolled = |day: &NaiveDate| self.packs.iter().any(|pack| pack.file.covers(day));
        snapshot.each_day().into_iter().filter(|day| !is_rolled(day)).collect()
    }

    /// Days of `snapshot` without a file of this history: days after a missing day depend on it, so they are missing too.
    pub fn missing_of(&self, history: &Rollup, snapshot: &Snapshot) -> Vec<NaiveDate> {
        let files = self.histories.get(history.name).map_or(&[][..], Vec::as_slice);
        snapshot.each_day().into_iter().skip_while(|day| files.iter().any(|file| file.covers(day))).collect()
    }
}

/// Replaces the files of a span by the joined one.
fn replace<T>(files: &mut Vec<T>, joined: T, of: impl Fn(&T) -> &DataFile) {
    let (first, last) = (of(&joined).day, of(&joined).last_day());
    files.retain(|file| !(first..=last).contains(&of(file).day));
    files.push(joined);
}

impl DataFile {
    /// The last day of a file of rollups or of a history; the first is its `day`.
    pub(super) fn last_day(&self) -> NaiveDate {
        self.max.get(PARTITION).and_then(|day| day.as_str()?.parse().ok()).unwrap_or(self.day)
    }

    /// It has the rows of this day, which may be none.
    pub(super) fn covers(&self, day: &NaiveDate) -> bool {
        (self.day..=self.last_day()).contains(day)
    }
}

impl Lake {
    /// The rollups and histories that exist for a snapshot. `geography` names the geographic databases, on which histories
    /// depend.
    ///
    /// # Errors
    /// When the folder of rollups cannot be listed, or a pack cannot be read.
    pub async fn rolled(&self, snapshot: &Snapshot, geography: &[String]) -> Result<Rolled> {
        // Files of the same stem hold the same rows; the first one is used.
        let mut by_stem: HashMap<Path, (Path, u64)> = HashMap::new();
        for ObjectMeta { location, size, .. } in self.objects_in("_trailhunt/rollups").await? {
            let known = by_stem.entry(checksum::stem(&location)).or_insert_with(|| (location.clone(), size));
            if location < known.0 {
                *known = (location, size);
            }
        }
        let months = months(snapshot);
        let find = |files: &Files, ordered: bool| {
            let keys = files.keys(snapshot);
            let existing = |span: &Span| {
                let stem = self.location.child(&files.path(&span.key(&keys), geography));
                let (first, last) = span.ends()?;
                by_stem.get(&stem).map(|(path, size_bytes)| file(path.clone(), *size_bytes, first, last))
            };
            let mut found = Vec::new();
            let _ = months.iter().try_for_each(|month| month.fewest(&existing, ordered, &mut found));
            found
        };
        let open = |file: DataFile| async move {
            let members = pack::members(&self.location, &file.path, file.size_bytes).await?;
            Ok::<_, Error>(Pack { file, members: members.into() })
        };
        let packs = stream::iter(find(&Files::ROLLUPS, false)).map(open).buffered(AT_ONCE).try_collect().await?;
        // In a history, the days after a missing day are missing too.
        let histories = histories().into_iter().map(|history| (history.name, find(&Files::of(&history), true)));
        Ok(Rolled { packs, histories: histories.collect() })
    }

    /// Stores the rows of all rollups of one day.
    ///
    /// # Errors
    /// When the file cannot be written, or the snapshot has no such day.
    pub async fn keep_rollups(
        &self,
        snapshot: &Snapshot,
        geography: &[String],
        day: NaiveDate,
        rows: Vec<(Rollup, RecordBatch)>,
    ) -> Result<Pack> {
        let encode = move || {
            let with_rows = rows.into_iter().filter(|(_, rows)| rows.num_rows() > 0);
            let files = with_rows.map(|(of, rows)| Ok((of.name, side_file::encode(of.name, &[rows], properties())?)));
            pack::pack(files.collect::<Result<Vec<_>>>()?)
        };
        let packed = tokio::task::spawn_blocking(encode).await.map_err(|e| Error::Internal(e.to_string()))??;
        self.put_pack(Files::ROLLUPS.path(&Files::ROLLUPS.key(snapshot, day)?, geography), packed, day, day).await
    }

    /// Stores a history's rows of one day.
    ///
    /// # Errors
    /// When the file cannot be written, or the snapshot has no such day.
    pub async fn keep_history(
        &self,
        history: &Rollup,
        snapshot: &Snapshot,
        geography: &[String],
        day: NaiveDate,
        rows: RecordBatch,
    ) -> Result<DataFile> {
        let files = Files::of(history);
        let stem = files.path(&files.key(snapshot, day)?, geography);
        let written = side_file::write(&self.location, stem, &[rows], properties()).await?;
        Ok(file(self.location.child(&written.path), written.size_bytes, day, day))
    }

    /// Joins the files of finished weeks and months.
    ///
    /// # Errors
    /// When a file cannot be read or a new one cannot be written.
    pub async fn join_rolled(&self, rolled: &mut Rolled, snapshot: &Snapshot, geography: &[String]) -> Result<()> {
        let months = months(snapshot);
        let joinable = |files: &[DataFile]| {
            let mut joinable = Vec::new();
            months.iter().for_each(|month| month.joinable(files, &mut joinable));
            joinable
        };
        let named = |of: &Files, span: &Span| {
            let (first, last) = span.ends().ok_or_else(|| Error::Internal("no days to join".into()))?;
            Ok::<_, Error>((of.path(&span.key(&of.keys(snapshot)), geography), first, last))
        };
        let packs: Vec<_> = rolled.packs.iter().map(|pack| pack.file.clone()).collect();
        for (span, files) in joinable(&packs) {
            let (stem, first, last) = named(&Files::ROLLUPS, span)?;
            let joined = self.put_pack(stem, self.join_packs(&files).await?, first, last).await?;
            replace(&mut rolled.packs, joined, |pack| &pack.file);
        }
        for history in histories() {
            let of_history = rolled.histories.entry(history.name).or_default();
            for (span, files) in joinable(of_history) {
                let (stem, first, last) = named(&Files::of(&history), span)?;
                let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
                let written = side_file::join(&self.location, stem, &paths, &Fields::empty(), properties()).await?;
                let joined = file(self.location.child(&written.path), written.size_bytes, first, last);
                replace(of_history, joined, |file| file);
            }
        }
        Ok(())
    }

    async fn join_packs(&self, packs: &[DataFile]) -> Result<Vec<u8>> {
        let mut by_table: BTreeMap<String, Vec<Bytes>> = BTreeMap::new();
        let read = |pack: &DataFile| {
            let path = pack.path.clone();
            async move {
                let bytes = self.location.bytes(&path).await?;
                checksum::check(&self.location, &path, &bytes)?;
                pack::unpack(&bytes).map_err(|reason| Error::lake(self.location.url_of(&path), reason))
            }
        };
        let read: Vec<_> = stream::iter(packs).map(read).buffered(AT_ONCE).try_collect().await?;
        for (table, bytes) in read.into_iter().flatten() {
            by_table.entry(table).or_default().push(bytes);
        }
        let (mut joined, no_fields) = (Vec::new(), Fields::empty());
        for (table, files) in &by_table {
            let mut of_table = side_file::Joined::new(table, &no_fields, properties());
            let added = files.iter().try_for_each(|bytes| of_table.add(bytes.clone()));
            added.map_err(|e| Error::lake(self.location.to_string(), format!("{table}: {e}")))?;
            joined.push((table.as_str(), of_table.finish()?.0));
        }
        pack::pack(joined)
    }

    async fn put_pack(&self, stem: String, packed: Vec<u8>, first: NaiveDate, last: NaiveDate) -> Result<Pack> {
        let packed = Bytes::from(packed);
        let members = pack::directory(&packed).map_err(Error::Internal)?;
        let path = checksum::name(&stem, &packed, pack::ENDING);
        let written = side_file::put(&self.location, path, packed, 0).await?;
        let file = file(self.location.child(&written.path), written.size_bytes, first, last);
        Ok(Pack { file, members: members.into() })
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
    for files in [Files::ROLLUPS].into_iter().chain(histories().iter().map(Files::of)) {
        let keys = files.keys(snapshot);
        let existing = |span: &Span| {
            let stem = stem(&snapshot.location.child(&files.path(&span.key(&keys), &[])));
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

/// Files that are named and joined together: the packs of all rollups, or the files of one history.
struct Files {
    /// A history's name.
    history: Option<&'static str>,
}

impl Files {
    const ROLLUPS: Files = Files { history: None };

    fn of(history: &Rollup) -> Files {
        Files { history: Some(history.name) }
    }

    /// A file's path in the lake without checksum and ending.
    fn path(&self, key: &str, geography: &[String]) -> String {
        let places = match self.origin().is_placed {
            true => format!(".{}", short(Sha256::new_with_prefix(geography.join("\n")))),
            false => String::new(),
        };
        let folder = self.history.map(|name| format!("/{name}")).unwrap_or_default();
        format!("_trailhunt/rollups{folder}/{key}{places}")
    }

    /// The key of each day's file.
    fn keys(&self, snapshot: &Snapshot) -> BTreeMap<NaiveDate, String> {
        keys(&self.origin().hash, self.history.is_some(), snapshot)
    }

    fn key(&self, snapshot: &Snapshot, day: NaiveDate) -> Result<String> {
        self.keys(snapshot).remove(&day).ok_or_else(|| Error::Internal(format!("no events on {day}")))
    }

    fn origin(&self) -> &'static Origin {
        static ORIGINS: LazyLock<HashMap<Option<&str>, Origin>> = LazyLock::new(|| {
            let of_histories = histories().into_iter().map(|history| (Some(history.name), Origin::find(&[history])));
            of_histories.chain([(None, Origin::find(&rollups()))]).collect()
        });
        ORIGINS.get(&self.history).expect("these are all histories")
    }
}

/// What the rows of files depend on, besides the events.
struct Origin {
    /// The program's version, which stands for its functions; the texts of the rollups and those that they read.
    hash: Sha256,
    /// They look up where addresses are.
    is_placed: bool,
}

impl Origin {
    fn find(of: &[Rollup]) -> Origin {
        let own: Vec<_> = of.iter().map(|rollup| rollup.sql).collect();
        // Files that read each other in a circle are an error when the session is made.
        let read = dependencies(&own.join("\n")).unwrap_or_default().into_iter().map(|(_, sql)| sql);
        let mut texts: Vec<_> = read.chain(own.iter().copied()).collect();
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
