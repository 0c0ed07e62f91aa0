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

# The binary against an S3 server and against other readers of the lake
black-box:
    .ci/run venv binary foreign_readers s3

# How fast each stage is
bench *ARGS:
    cargo bench --locked {{ARGS}}

# The API documentation, warnings refused
docs:
    .ci/run docs
