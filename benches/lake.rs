//! Stage `lake`: decoded batches to a committed lake in a temporary folder. Counts events.

mod common;

use divan::Bencher;
use divan::counter::ItemsCount;
use trailhunt::decode::{Limits, Pool, decode};
use trailhunt::lake::{Appender, Lake};

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 5)]
fn append_and_commit(bencher: Bencher) {
    let runtime = common::runtime();
    let objects = runtime.block_on(common::objects());
    let events = decode(objects.clone(), Limits::default()).batch.num_rows();
    let fresh = || {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let groups: Vec<_> = objects.chunks(256).map(|group| decode(group.to_vec(), Limits::default())).collect();
        (dir, groups)
    };
    bencher.counter(ItemsCount::new(events)).with_inputs(fresh).bench_values(|(dir, groups)| {
        runtime.block_on(async {
            let lake = Lake::open_or_create(&common::place(dir.path())).await.expect("a lake");
            let pool = Pool::new(Limits::default()).expect("threads");
            let mut appender = Appender::new(&lake, 1 << 30, pool).await.expect("an appender");
            for group in groups {
                appender.push(group).await.expect("rows are added");
            }
            appender.commit().await.expect("the batch is committed");
        });
    });
}
