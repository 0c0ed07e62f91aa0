# `just` lists the recipes.
_default:
    @just --list --unsorted

# Everything a change has to pass
ci:
    .ci/run

# Unit and integration tests
test *ARGS:
    cargo test --locked {{ARGS}}

# Formatting, licences and versions, clippy
lint:
    .ci/run format licences clippy

# Sample archive -> lake -> findings -> report.json
demo:
    cargo run --release --locked -- demo

# Recall and false alarms of the shipped detectors over five made-up organisations; takes a while
evaluation:
    SEEDS=1,2,3,4,5 DAYS=60 ACCOUNTS=5 PEOPLE=120 EVENTS_PER_DAY=22500 ATTACKS=80 \
        cargo test --release --locked --test evaluation -- --nocapture

# The binary against an S3 server, against other readers of the lake and of the report
black-box:
    .ci/run venv binary foreign_readers s3 report

# How fast each stage is
bench *ARGS:
    cargo bench --locked {{ARGS}}

# The API documentation, warnings refused
docs:
    .ci/run docs
