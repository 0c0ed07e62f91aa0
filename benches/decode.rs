//! Stage `decode`: compressed bytes to Arrow batches, on one thread. Counts the compressed bytes.

mod common;

use divan::Bencher;
use divan::counter::BytesCount;
use trailhunt::decode::{Limits, decode};

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 10)]
fn sample_objects(bencher: Bencher) {
    let objects = common::runtime().block_on(common::objects());
    let bytes: usize = objects.iter().map(|(_, bytes)| bytes.len()).sum();
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| objects.clone())
        .bench_values(|objects| decode(objects, Limits::default()).batch.num_rows());
}
