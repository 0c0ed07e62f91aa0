//! Each event is kept exactly once: when an ingest dies at any request, and when several ingests run at the same time.
//!
//! A store in memory counts requests and fails all of them from a chosen one on, either before or after that request
//! took effect. For the lake this is the same as a killed process or a lost response. Then the ingest runs again
//! without failures, and the lake must contain what an undisturbed ingest produces.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{Days, NaiveDate, NaiveTime};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use trailhunt::detect::Window;
use trailhunt::engine::{Parameters, roll_up, session};
use trailhunt::geo::Geo;
use trailhunt::hunt::{HuntContext, detect_and_rate};
use trailhunt::ingest;
use trailhunt::ingest::Ingested;
use trailhunt::lake::{DayResult, Lake, Rolled, RunFiles, SideFile, histories, rollups_and_histories};
use trailhunt::open;
use trailhunt::request::{Bounds, Detection, IngestRequest};
use trailhunt::source::{Location, Selection, Shard};
use trailhunt::terminal::Progress;

/// How a store fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Death {
    /// No request arrives.
    Before,
    /// The first request takes effect, but its response is lost.
    After,
}

/// A store that fails from a certain request on.
#[derive(Debug)]
struct Mortal {
    inner: Arc<InMemory>,
    left: AtomicI64,
    death: Death,
    /// Every write fails with this error.
    refusal: Option<fn() -> Error>,
    rival: Mutex<Option<Rival>>,
}

/// A whole ingest that runs immediately before or after this version of the lake is committed.
#[derive(Debug)]
struct Rival {
    source: Arc<InMemory>,
    version: u64,
    comes: Death,
}

impl Mortal {
    fn new(inner: &Arc<InMemory>, requests: i64, death: Death) -> Arc<Mortal> {
        let (left, rival) = (AtomicI64::new(requests), Mutex::new(None));
        Arc::new(Mortal { inner: Arc::clone(inner), left, death, refusal: None, rival })
    }

    fn with_rival(inner: &Arc<InMemory>, rival: Rival) -> Arc<Mortal> {
        let store = Mortal::new(inner, i64::MAX, Death::Before);
        *store.rival.lock().unwrap() = Some(rival);
        store
    }

    /// Runs the rival if it is due at this request.
    async fn let_rival(&self, location: &Path, now: Death) {
        let is_due = |rival: &mut Rival| {
            rival.comes == now && location.as_ref().ends_with(&format!("_delta_log/{:020}.json", rival.version))
        };
        let rival = self.rival.lock().unwrap().take_if(is_due);
        if let Some(rival) = rival {
            // On its own thread: its future holds that of this request.
            let store = Arc::clone(&self.inner);
            let runtime = tokio::runtime::Handle::current();
            let run = move || runtime.block_on(ingest_in_small_batches(&rival.source, store));
            tokio::task::spawn_blocking(run).await.unwrap();
        }
    }

    /// A store that answers reads and refuses writes.
    fn refusing(inner: &Arc<InMemory>, refusal: fn() -> Error) -> Arc<Mortal> {
        let (left, death, rival) = (AtomicI64::new(i64::MAX), Death::Before, Mutex::new(None));
        Arc::new(Mortal { inner: Arc::clone(inner), left, death, refusal: Some(refusal), rival })
    }

    fn served(&self, of: i64) -> i64 {
        of - self.left.load(Ordering::SeqCst)
    }

    /// Lets a request through until the store fails.
    fn alive(&self) -> Result<()> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        let through = left > 0 || (left == 0 && self.death == Death::After);
        if through { Ok(()) } else { Err(dead()) }
    }

    /// Drops the response of the request at which the store fails.
    fn answer<T>(&self, answer: Result<T>) -> Result<T> {
        if self.left.load(Ordering::SeqCst) < 0 { Err(dead()) } else { answer }
    }
}

fn dead() -> Error {
    Error::Generic { store: "mortal", source: "no answer".into() }
}

impl fmt::Display for Mortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mortal")
    }
}

#[async_trait]
impl ObjectStore for Mortal {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if let Some(refusal) = self.refusal {
            return Err(refusal());
        }
        self.alive()?;
        self.let_rival(location, Death::Before).await;
        let answer = self.inner.put_opts(location, payload, opts).await;
        self.let_rival(location, Death::After).await;
        self.answer(answer)
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.alive()?;
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.alive()?;
        let answer = self.inner.get_opts(location, options).await;
        self.answer(answer)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.alive()?;
        let answer = self.inner.get_ranges(location, ranges).await;
        self.answer(answer)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.alive() {
            Ok(()) => self.inner.delete_stream(locations),
            Err(e) => stream::iter([Err(e)]).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.alive() {
            Ok(()) => self.inner.list(prefix),
            Err(e) => stream::iter([Err(e)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.alive()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.alive()?;
        let answer = self.inner.copy_opts(from, to, options).await;
        self.answer(answer)
    }
}

/// Six objects of three days: with repeated events, late events and a damaged record each.
async fn archive() -> Arc<InMemory> {
    archive_of(3).await
}

/// Two objects per day.
async fn archive_of(days: u32) -> Arc<InMemory> {
    archive_in(&["us-east-1", "eu-west-1"], days, true).await
}

/// An object per day and region. `has_shared`: each day has an event that is in the objects of all regions.
async fn archive_in(regions: &[&str], days: u32, has_shared: bool) -> Arc<InMemory> {
    let store = Arc::new(InMemory::new());
    let event = |id: &str, day: u32| {
        json!({"eventTime": format!("2024-01-{day:02}T10:00:00Z"), "eventID": id, "eventName": "ListBuckets",
               "eventSource": "s3.amazonaws.com", "userIdentity": {"type": "Root", "accountId": "111122223333"}})
    };
    for day in 1..=days {
        for region in regions {
            let mut records: Vec<_> = (0..5).map(|n| event(&format!("{region}-{day}-{n}"), day)).collect();
            // An event that the trail of the other region delivers too, and a late event of the day before.
            if has_shared {
                records.push(event(&format!("shared-{day}"), day));
            }
            records.push(event(&format!("late-{region}"), day.max(2) - 1));
            records.push(json!({"eventTime": "never"}));
            let folder = format!("AWSLogs/111122223333/CloudTrail/{region}/2024/01/{day:02}");
            let key = format!("{folder}/111122223333_CloudTrail_{region}_202401{day:02}T1005Z_aaaaaaaaaaaaaaaa.json");
            store.put(&key.into(), json!({ "Records": records }).to_string().into()).await.unwrap();
        }
    }
    store
}

fn place(what: &str, store: Arc<dyn ObjectStore>) -> Location {
    Location::in_store(&format!("s3://test/{what}"), store).unwrap()
}

/// Three ingests of one more day each, so that commits build on each other; then a compaction.
async fn ingest(source: &Arc<InMemory>, lake: Arc<dyn ObjectStore>) -> trailhunt::error::Result<()> {
    let source = Location::in_store("s3://trail", Arc::clone(source) as Arc<dyn ObjectStore>)?;
    let lake = Lake::open_or_create(&place("lake", lake)).await?;
    for day in 2..=4 {
        let selection = Selection { to: NaiveDate::from_ymd_opt(2024, 1, day), ..Selection::default() };
        let request = IngestRequest { selection, ..IngestRequest::all(vec![source.clone()]) };
        let ingested = ingest::ingest(&request, &lake, Progress::Hidden).await?;
        assert!(ingested.objects_failed.is_empty());
    }
    lake.compact(2, 1 << 30).await?;
    Ok(())
}

/// The contents of the lake that the archive determines: events, ledger, rejects. Reads the files themselves: opening a
/// session would take most of the test's time.
async fn contents(store: &Arc<InMemory>) -> String {
    let snapshot = lake_of(store).await.snapshot().await.unwrap();
    let side = |file: &SideFile| (String::new(), snapshot.location.child(&file.path));
    let events = snapshot.files.iter().map(|file| (file.day.to_string(), file.path.clone())).collect::<Vec<_>>();
    let (objects, rejects) = (&snapshot.state.ledger, &snapshot.state.rejects);
    let ledger = ["object", "version", "records", "kept", "duplicates", "rejects", "sha256"];
    let mut lines = Vec::new();
    for (files, columns) in [
        (events, &["event_id", "source_object", "source_record"][..]),
        (objects.iter().map(side).collect(), &ledger[..]),
        (rejects.iter().map(side).collect(), &["object", "byte_offset", "reason"][..]),
    ] {
        let table = lines.len();
        for (day, file) in files {
            let bytes = store.get(&file).await.unwrap().bytes().await.unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
            let mask = ProjectionMask::columns(reader.parquet_schema(), columns.iter().copied());
            let batches: Vec<_> = reader.with_projection(mask).build().unwrap().map(|batch| batch.unwrap()).collect();
            assert!(batches.iter().all(|batch| batch.num_columns() == columns.len()), "{columns:?}");
            let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
            // Padding depends on the other rows of a file.
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            lines.extend(text.lines().skip(3).map(|line| format!("{day} {}", words(line))));
        }
        assert!(lines.len() > table, "no rows of {columns:?}");
        lines[table..].sort_unstable();
    }
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_that_dies_at_any_request_and_runs_again_gives_the_same_lake() {
    let source = archive().await;
    let undisturbed = Arc::new(InMemory::new());
    let counting = Mortal::new(&undisturbed, i64::MAX, Death::Before);
    ingest(&source, Arc::clone(&counting) as Arc<dyn ObjectStore>).await.unwrap();
    let expected = contents(&undisturbed).await;
    let requests = counting.served(i64::MAX);
    assert!(requests > 20, "{requests} requests");
    let mut deaths = 0;
    for death in [Death::Before, Death::After] {
        for at in 0..requests {
            let store = Arc::new(InMemory::new());
            // A failure while an optional file is written, such as a checkpoint, may be no error.
            let _ = ingest(&source, Mortal::new(&store, at, death)).await;
            ingest(&source, Arc::clone(&store) as Arc<dyn ObjectStore>).await.unwrap();
            assert_eq!(contents(&store).await, expected, "died {death:?} request {at} of {requests}");
            deaths += 1;
        }
    }
    println!("{deaths} ingests died and were repeated");
}

/// All rows of all daily summaries.
async fn summaries(lake: &Lake, rolled: &Rolled) -> String {
    let snapshot = lake.snapshot().await.unwrap();
    let session = session(&snapshot, rolled, &Geo::embedded().unwrap(), 1 << 30).await.unwrap();
    let mut text = String::new();
    for rollup in rollups_and_histories() {
        let sql = format!("SELECT * FROM {}", rollup.name);
        let batches = session.query("summaries", &sql, &Parameters::new()).await.unwrap().collect().await.unwrap();
        let table = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        let mut lines: Vec<_> = table.lines().collect();
        lines.sort_unstable();
        text += &lines.join("\n");
    }
    text
}

/// The bytes of the summaries' files: the events of a day determine them.
async fn kept(store: &Arc<InMemory>) -> Vec<(Path, Bytes)> {
    let mut files: Vec<_> = store.list(Some(&Path::from("lake/_trailhunt/rollups"))).collect().await;
    files.sort_by_key(|file| file.as_ref().unwrap().location.clone());
    let bytes = async |file: Result<ObjectMeta>| {
        let path = file.unwrap().location;
        let bytes = store.get(&path).await.unwrap().bytes().await.unwrap();
        (path, bytes)
    };
    futures::future::join_all(files.into_iter().map(bytes)).await
}

async fn lake_of(store: &Arc<InMemory>) -> Lake {
    Lake::open(&place("lake", Arc::clone(store) as Arc<dyn ObjectStore>)).await.unwrap()
}

async fn roll(store: Arc<dyn ObjectStore>, geo: &Arc<Geo>) -> trailhunt::error::Result<Rolled> {
    let lake = Lake::open(&place("lake", store)).await?;
    roll_up(&lake, &lake.snapshot().await?, geo, 1 << 30, None, None, |_, _, _| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_up_that_dies_at_any_request_and_runs_again_gives_the_same_summaries() {
    let (source, events) = (archive().await, Arc::new(InMemory::new()));
    let lake = Lake::open_or_create(&place("lake", Arc::clone(&events) as Arc<dyn ObjectStore>)).await.unwrap();
    let source = Location::in_store("s3://trail", source).unwrap();
    let selection = Selection { to: NaiveDate::from_ymd_opt(2024, 1, 2), ..Selection::default() };
    let request = IngestRequest { selection, ..IngestRequest::all(vec![source]) };
    ingest::ingest(&request, &lake, Progress::Hidden).await.unwrap();
    let expected = summaries(&lake, &Rolled::default()).await;
    let geo = Geo::embedded().unwrap();
    let fork = || Arc::new(events.fork());
    let undisturbed = fork();
    let counting = Mortal::new(&undisturbed, i64::MAX, Death::Before);
    let rolled = roll(Arc::clone(&counting) as Arc<dyn ObjectStore>, &geo).await.unwrap();
    assert!(!rolled.packs.is_empty());
    assert!(histories().iter().all(|history| !rolled.histories[history.name].is_empty()));
    assert_eq!(
        summaries(&lake_of(&undisturbed).await, &rolled).await,
        expected,
        "stored summaries equal computed ones"
    );
    let expected = kept(&undisturbed).await;
    let requests = counting.served(i64::MAX);
    assert!(requests > 8, "{requests} requests");
    // All daily summaries are written in the same way, so they alternate between the two kinds of failure. The
    // histories, which are written last, get both.
    let of_days = requests - 8;
    let ends = |at: i64| match (at < of_days, at % 2) {
        (true, 0) => &[Death::Before][..],
        (true, _) => &[Death::After],
        (false, _) => &[Death::Before, Death::After],
    };
    let all = (0..requests).flat_map(|at| ends(at).iter().map(move |death| (at, *death)));
    let mut rolls = stream::iter(all)
        .map(|(at, death)| {
            let (store, geo) = (fork(), Arc::clone(&geo));
            tokio::spawn(async move {
                let _ = roll(Mortal::new(&store, at, death), &geo).await;
                roll(Arc::clone(&store) as Arc<dyn ObjectStore>, &geo).await.unwrap();
                (at, death, kept(&store).await)
            })
        })
        .buffer_unordered(2);
    let mut deaths = 0;
    while let Some(rolled) = rolls.next().await {
        let (at, death, kept) = rolled.unwrap();
        assert!(kept == expected, "died {death:?} request {at} of {requests}");
        deaths += 1;
    }
    println!("{deaths} rollups died and were repeated");
}

fn denied() -> Error {
    Error::PermissionDenied { path: "lake".into(), source: "403 AccessDenied".into() }
}

fn throttled() -> Error {
    Error::Generic { store: "mortal", source: "503 SlowDown".into() }
}

fn disk_full() -> Error {
    let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
    Error::Generic { store: "mortal", source: source.into() }
}

/// A hunt continues without storing rollups or its record only if writing is not permitted.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_is_an_error_unless_writing_is_not_permitted() {
    let (source, events) = (archive().await, Arc::new(InMemory::new()));
    let lake = Lake::open_or_create(&place("lake", Arc::clone(&events) as Arc<dyn ObjectStore>)).await.unwrap();
    let source = Location::in_store("s3://trail", source).unwrap();
    ingest::ingest(&IngestRequest::all(vec![source]), &lake, Progress::Hidden).await.unwrap();
    let geo = Geo::embedded().unwrap();
    for (refusal, is_read_only) in [(denied as fn() -> Error, true), (throttled, false), (disk_full, false)] {
        let store = Mortal::refusing(&events, refusal);
        let lake = Lake::open(&place("lake", store as Arc<dyn ObjectStore>)).await.unwrap();
        let snapshot = lake.snapshot().await.unwrap();
        let error = roll_up(&lake, &snapshot, &geo, 1 << 30, None, None, |_, _, _| {}).await.unwrap_err();
        assert_eq!(error.is_read_only(), is_read_only, "{error}");
        let opened = open::summarised_session(&lake, &snapshot, &geo, 1 << 30, None, Progress::Hidden).await;
        assert_eq!(opened.is_ok(), is_read_only);
        if let Ok(session) = opened {
            let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
            let (_, last) = snapshot.days().unwrap();
            let window = Window { from: midnight(last), to: midnight(last + Days::new(1)) };
            let context = HuntContext {
                snapshot: snapshot.clone(),
                window,
                geo: Arc::clone(&geo),
                session,
                expected_until: None,
            };
            let detection = Detection { ids: vec!["root_use".into()], ..Detection::shipped().unwrap() };
            let hunt = detect_and_rate(&lake, &context, &detection, 3.0, Progress::Hidden).await.unwrap();
            assert!(hunt.failed.is_empty(), "past findings are computed and not stored");
        }
        let rows = RecordBatch::new_empty(Arc::new(Schema::empty()));
        let day = snapshot.days().unwrap().0;
        let error = lake.keep_day_results(DayResult::Findings, &snapshot, [(day, rows)]).await.unwrap_err();
        assert_eq!(error.is_read_only(), is_read_only, "{error}");
        let error = lake.append_run("1", json!({}), RunFiles::default()).await.unwrap_err();
        assert_eq!(error.is_read_only(), is_read_only, "{error}");
        assert!(error.to_string().starts_with("cannot write "), "{error}");
    }
}

/// Kills the program at different times, `KILLS` times (default 10), on one lake in a folder.
#[test]
fn a_lake_is_complete_after_killed_processes_and_one_more_run() {
    use std::process::{Command, Stdio};
    let kills: u32 = std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let dir = tempfile::tempdir().unwrap();
    let (source, lake, whole) = (dir.path().join("in"), dir.path().join("lake"), dir.path().join("whole"));
    let run = |lake: &std::path::Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailhunt"));
        command.args(["ingest", source.to_str().unwrap(), "--lake", lake.to_str().unwrap()]).stdout(Stdio::null());
        command
    };
    let sample =
        ["sample", "--out", source.to_str().unwrap(), "--days", "3", "--accounts", "2", "--events-per-day", "300"];
    assert!(
        Command::new(env!("CARGO_BIN_EXE_trailhunt")).args(sample).stdout(Stdio::null()).status().unwrap().success()
    );
    let started = std::time::Instant::now();
    assert!(run(&whole).status().unwrap().success());
    let takes = started.elapsed();
    let mut killed = 0;
    for n in 0..kills {
        let mut child = run(&lake).spawn().unwrap();
        // Golden-ratio steps through the duration of a run: spread out and reproducible.
        std::thread::sleep(takes.mul_f64(f64::from(n) * 0.618_034 % 1.0));
        killed += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        if n % 3 == 2 {
            std::fs::remove_dir_all(&lake).unwrap();
        }
    }
    assert!(run(&lake).status().unwrap().success());
    let ask = |lake: &std::path::Path| {
        let sql = "SELECT event_id, source_object, source_record FROM events ORDER BY 1, 2, 3";
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailhunt"));
        command.args(["query", "--format", "csv", "--lake", lake.to_str().unwrap(), sql]);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(ask(&whole).lines().count() > 500);
    assert_eq!(ask(&lake), ask(&whole));
    println!("{killed} of {kills} processes were killed while running");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vacuum_deletes_only_files_that_no_commit_refers_to() {
    let (source, store) = (archive().await, Arc::new(InMemory::new()));
    ingest(&source, Arc::clone(&store) as Arc<dyn ObjectStore>).await.unwrap();
    let expected = contents(&store).await;
    let orphan = Path::from("lake/event_date=2024-01-01/orphan.parquet");
    store.put(&orphan, "left by a killed ingest".into()).await.unwrap();
    store.put(&Path::from("lake/notes.parquet"), "not ours".into()).await.unwrap();
    let lake = Lake::open(&place("lake", Arc::clone(&store) as Arc<dyn ObjectStore>)).await.unwrap();
    let live = lake.snapshot().await.unwrap().files.len() as u64;
    assert_eq!(live, 3, "one file per day after compaction");
    let kept = lake.vacuum(chrono::Utc::now() - chrono::Duration::hours(1)).await.unwrap();
    assert_eq!(kept.files, 0, "newer files stay");
    let vacuumed = lake.vacuum(chrono::Utc::now() + chrono::Duration::hours(1)).await.unwrap();
    assert!(vacuumed.files > 1, "{vacuumed:?}");
    assert!(store.head(&orphan).await.is_err() && store.head(&Path::from("lake/notes.parquet")).await.is_ok());
    assert_eq!(contents(&store).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn ingests_at_the_same_time_all_finish_and_keep_each_event_once() {
    let source = archive().await;
    let undisturbed = Arc::new(InMemory::new());
    ingest(&source, Arc::clone(&undisturbed) as Arc<dyn ObjectStore>).await.unwrap();
    let expected = contents(&undisturbed).await;
    for _ in 0..20 {
        let store = Arc::new(InMemory::new());
        let runs = (0..3).map(|_| {
            let (source, store) = (Arc::clone(&source), Arc::clone(&store) as Arc<dyn ObjectStore>);
            async move { ingest(&source, store).await }
        });
        for run in futures::future::join_all(runs).await {
            run.unwrap();
        }
        assert_eq!(contents(&store).await, expected);
    }
}

/// One ingest of everything with so little memory that it commits after a few objects, while others are in flight.
async fn ingest_in_small_batches(source: &Arc<InMemory>, lake: Arc<dyn ObjectStore>) -> Ingested {
    let source = Location::in_store("s3://trail", Arc::clone(source) as Arc<dyn ObjectStore>).unwrap();
    let lake = Lake::open_or_create(&place("lake", lake)).await.unwrap();
    let all = IngestRequest::all(vec![source]);
    let request = IngestRequest { bounds: Bounds { memory_bytes: 1 << 14, ..all.bounds }, ..all };
    ingest::ingest(&request, &lake, Progress::Hidden).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_in_flight_are_checked_again_when_another_ingest_commits_first() {
    let source = archive_of(12).await;
    let (undisturbed, objects) = (Arc::new(InMemory::new()), 24);
    assert_eq!(ingest_in_small_batches(&source, Arc::clone(&undisturbed) as _).await.appended.objects, objects);
    let expected = contents(&undisturbed).await;
    assert!(lake_of(&undisturbed).await.snapshot().await.unwrap().version > 5, "several commits");
    for version in [1, 3] {
        for comes in [Death::Before, Death::After] {
            let store = Arc::new(InMemory::new());
            let rival = Rival { source: Arc::clone(&source), version, comes };
            let disturbed = Mortal::with_rival(&store, rival);
            let ingested = ingest_in_small_batches(&source, Arc::clone(&disturbed) as _).await;
            assert!(disturbed.rival.lock().unwrap().is_none(), "the rival ran");
            assert_eq!(contents(&store).await, expected, "rival {comes:?} commit {version}");
            assert_eq!(ingested.appended.objects + ingested.objects_skipped, objects);
            assert!(ingested.appended.objects < objects, "the rival read some");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_read_again_only_if_another_ingest_committed_the_same_events() {
    for has_shared in [false, true] {
        let ours = archive_in(&["us-east-1"], 12, has_shared).await;
        let theirs = archive_in(&["eu-west-1"], 12, has_shared).await;
        // Counts the requests of an ingest of ours.
        let requests = async |lake: Arc<dyn ObjectStore>| {
            let counting = Mortal::new(&ours, i64::MAX, Death::Before);
            let source = Location::in_store("s3://trail", Arc::clone(&counting) as _).unwrap();
            let lake = Lake::open_or_create(&place("lake", lake)).await.unwrap();
            ingest::ingest(&IngestRequest::all(vec![source]), &lake, Progress::Hidden).await.unwrap();
            counting.served(i64::MAX)
        };
        let (before, during) = (Arc::new(InMemory::new()), Arc::new(InMemory::new()));
        ingest_in_small_batches(&theirs, Arc::clone(&before) as _).await;
        let alone = requests(Arc::clone(&before) as _).await;
        let rival = Rival { source: theirs, version: 1, comes: Death::Before };
        let disturbed = requests(Mortal::with_rival(&during, rival)).await;
        assert_eq!(distinct(&during).await, distinct(&before).await);
        assert_eq!(disturbed > alone, has_shared, "{disturbed} requests, {alone} when alone");
    }
}

/// The ids of the events, sorted, and the sums of the ledger: what the order of ingests does not change.
async fn distinct(store: &Arc<InMemory>) -> (Vec<String>, String) {
    let snapshot = lake_of(store).await.snapshot().await.unwrap();
    let geo = Geo::embedded().unwrap();
    let session = session(&snapshot, &Rolled::default(), &geo, 1 << 30).await.unwrap();
    let ask = async |sql: &str| {
        let batches = session.query("test", sql, &Parameters::new()).await.unwrap().collect().await.unwrap();
        arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
    };
    let ids = ask("SELECT event_time, event_id FROM events ORDER BY 1, 2").await;
    let sums =
        "SELECT count(*), sum(records), sum(kept), sum(duplicates), sum(id_conflicts), sum(rejects) FROM objects";
    (ids.lines().map(str::to_owned).collect(), ask(sums).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_at_the_same_time_or_in_any_order_give_the_lake_of_one_process() {
    let source = archive_of(12).await;
    let undisturbed = Arc::new(InMemory::new());
    ingest_in_small_batches(&source, Arc::clone(&undisturbed) as _).await;
    let expected = distinct(&undisturbed).await;
    let whole = Selection::default();
    // Whole days; and parts of three days, by their folders.
    let few = Selection {
        from: NaiveDate::from_ymd_opt(2024, 1, 1),
        to: NaiveDate::from_ymd_opt(2024, 1, 4),
        ..whole.clone()
    };
    let rest = Selection { from: NaiveDate::from_ymd_opt(2024, 1, 4), ..whole.clone() };
    for (selections, at_once) in [(vec![whole.clone()], true), (vec![whole], false), (vec![rest, few], true)] {
        let store = Arc::new(InMemory::new());
        for selection in selections {
            let ingest = |number: u32| {
                let (source, lake) = (Arc::clone(&source) as Arc<dyn ObjectStore>, Arc::clone(&store) as _);
                let selection = Selection { shard: Some(Shard::new(number, 4).unwrap()), ..selection.clone() };
                async move {
                    let source = Location::in_store("s3://trail", source).unwrap();
                    let lake = Lake::open_or_create(&place("lake", lake)).await.unwrap();
                    let request = IngestRequest { selection, ..IngestRequest::all(vec![source]) };
                    let ingested = ingest::ingest(&request, &lake, Progress::Hidden).await.unwrap();
                    assert!(ingested.objects_failed.is_empty(), "{:?}", ingested.objects_failed);
                    ingested.appended.objects
                }
            };
            let objects = match at_once {
                true => futures::future::join_all([4, 2, 1, 3].map(ingest)).await,
                false => stream::iter([3, 1, 4, 2]).then(ingest).collect().await,
            };
            assert!(objects.iter().filter(|read| **read > 0).count() > 1, "{objects:?}");
        }
        assert_eq!(distinct(&store).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_that_summarise_their_days_leave_only_the_histories_to_a_hunt() {
    let (source, geo) = (archive_of(6).await, Geo::embedded().unwrap());
    let (alone, shared) = (Arc::new(InMemory::new()), Arc::new(InMemory::new()));
    for store in [&alone, &shared] {
        ingest_in_small_batches(&source, Arc::clone(store) as _).await;
    }
    roll(Arc::clone(&alone) as _, &geo).await.unwrap();
    let lake = lake_of(&shared).await;
    let snapshot = lake.snapshot().await.unwrap();
    let part = |number| roll_up(&lake, &snapshot, &geo, 1 << 30, Shard::new(number, 4).ok(), None, |_, _, _| {});
    let computed = futures::future::try_join_all([2, 4, 3, 1].map(part)).await.unwrap();
    assert!(computed.iter().all(|rolled| rolled.histories.values().all(Vec::is_empty)));
    let rolled = lake.rolled(&snapshot, &geo.sources()).await.unwrap();
    assert_eq!(rolled.missing(&snapshot), []);
    roll(Arc::clone(&shared) as _, &geo).await.unwrap();
    let bytes = async |store| kept(store).await.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>();
    let (mut expected, mut found) = (bytes(&alone).await, bytes(&shared).await);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn two_processes_at_the_same_time_give_each_object_one_row_in_the_ledger() {
    use std::process::{Command, Stdio};
    let dir = tempfile::tempdir().unwrap();
    let (source, lake, whole) = (dir.path().join("in"), dir.path().join("lake"), dir.path().join("whole"));
    let trailhunt = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailhunt"));
        command.args(args).stdout(Stdio::null());
        command
    };
    let sample =
        ["--days", "1", "--accounts", "1", "--events-per-day", "120", "--attacks", "0", "--events-per-object", "2"];
    let out = ["sample", "--out", source.to_str().unwrap()];
    assert!(trailhunt(&[&out[..], &sample[..]].concat()).status().unwrap().success());
    let ingest = |lake: &std::path::Path| {
        // So little memory that a batch is a few objects, and more than a batch is in flight.
        let lake = lake.to_str().unwrap();
        trailhunt(&["ingest", source.to_str().unwrap(), "--lake", lake, "--memory-limit", "512KB"])
    };
    assert!(ingest(&whole).status().unwrap().success());
    let both = [ingest(&lake).spawn().unwrap(), ingest(&lake).spawn().unwrap()];
    both.into_iter().for_each(|mut ingest| assert!(ingest.wait().unwrap().success()));
    let ask = |lake: &std::path::Path| {
        let sql = "SELECT count(*) AS objects, count(DISTINCT object), sum(kept), sum(duplicates), sum(rejects), \
                   sum(records - kept - duplicates - rejects), (SELECT count(*) FROM events) AS events FROM objects";
        let mut command = trailhunt(&["query", "--format", "csv", "--lake", lake.to_str().unwrap(), sql]);
        String::from_utf8(command.stdout(Stdio::piped()).output().unwrap().stdout).unwrap()
    };
    let expected = ask(&whole);
    assert!(expected.lines().count() == 2, "{expected}");
    assert_eq!(ask(&lake), expected);
}
