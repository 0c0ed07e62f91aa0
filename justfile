# `just` lists the recipes.
_default:
    @just --list --unsorted

# Everything a change must pass
ci:
    .ci/run

# Unit and integration tests
test *ARGS:
    cargo test --locked {{ARGS}}

# Formatting, licences and versions, clippy
lint:
    .ci/run format venv licences clippy

# Sample archive -> lake -> findings -> report.json
demo:
    cargo run --locked -- demo

# Recall and false alarms of the shipped detectors in six drawn environments; takes a while
evaluation:
    ENVIRONMENTS=101,102,103,104,105,106 DAYS=90 PEOPLE=2000 EVENTS_PER_DAY=60000 ATTACKS=86 \
        cargo test --release --locked --test tests evaluation::drawn -- --ignored --nocapture

# The same in five standard organisations
evaluation-standard:
    SEEDS=1,2,3,4,5 DAYS=60 ACCOUNTS=5 PEOPLE=120 EVENTS_PER_DAY=22500 ATTACKS=80 \
        cargo test --release --locked --test tests evaluation::standard -- --ignored --nocapture

# The binary with an S3 server, and other readers of the lake and the report
black-box:
    .ci/run venv binary foreign_readers s3 report

# Benchmarks of each stage
bench *ARGS:
    cargo bench --locked {{ARGS}}

# The API documentation; a warning fails
docs:
    .ci/run docs
