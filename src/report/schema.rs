//! Keeps docs/report.schema.json, which is generated from the report's types, up to date.

use super::document::{FORMAT_VERSION, Report};

#[test]
fn the_schema_in_docs_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");
    let mut schema = schemars::schema_for!(Report);
    schema.insert("title".into(), format!("trailhunt report, format {FORMAT_VERSION}").into());
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == text, "docs/report.schema.json is stale: run UPDATE=1 cargo test the_schema_in_docs");
}
