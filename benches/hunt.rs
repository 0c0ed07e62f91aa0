//! Stages `engine` and `detect`: runs each shipped detector on a lake of twelve days.

mod common;

use std::sync::LazyLock;

use divan::Bencher;
use trailhunt::decode::{Limits, Pool, decode};
use trailhunt::detect::{Library, Settings, Window, run};
use trailhunt::engine::{Session, session};
use trailhunt::geo::Geo;
use trailhunt::lake::{Appender, Lake, Rolled};

fn main() {
    divan::main();
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(common::runtime);

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::load(&[]).expect("the shipped detectors"));

/// A session over the sample's lake, and the window of its last day.
static HUNT: LazyLock<(Session, Window)> = LazyLock::new(|| {
    RUNTIME.block_on(async {
        let lake = Lake::open_or_create(&common::place(&common::ARCHIVE.join("lake"))).await.expect("a lake");
        let pool = Pool::new(Limits::default()).expect("threads");
        let mut appender = Appender::new(&lake, 1 << 30, pool).await.expect("an appender");
        appender.push(decode(common::objects().await, Limits::default())).await.expect("rows are added");
        appender.commit().await.expect("the batch is committed");
        let snapshot = lake.snapshot().await.expect("a snapshot");
        let (_, last) = snapshot.days().expect("events");
        let from = last.and_time(chrono::NaiveTime::MIN).and_utc();
        let window = Window { from, to: from + chrono::Duration::days(1) };
        (
            session(&snapshot, &Rolled::default(), &Geo::embedded().expect("the table"), 1 << 30)
                .await
                .expect("a session"),
            window,
        )
    })
});

#[divan::bench(args = LIBRARY.iter().map(|detector| detector.id.as_str()), sample_count = 3)]
fn detector(bencher: Bencher, id: &str) {
    let (session, window) = &*HUNT;
    let detector = LIBRARY.get(id).expect("a shipped detector");
    bencher.bench(|| {
        RUNTIME.block_on(async {
            let hunt = run(&[detector], session, *window, &Settings::default(), |_, _| {}).await.expect("a hunt");
            assert!(hunt.failed.is_empty(), "{:?}", hunt.failed);
            hunt.findings.len()
        })
    });
}
