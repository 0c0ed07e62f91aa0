//! The report's JSON Schema, made from its types and kept in docs/.

use super::{FORMAT_VERSION, Report};

#[test]
fn the_schema_in_docs_is_of_these_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");
    let mut schema = schemars::schema_for!(Report);
    schema.insert("title".into(), format!("trailhunt report, form {FORMAT_VERSION}").into());
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == text, "docs/report.schema.json is stale: UPDATE=1 cargo test the_schema_in_docs writes it anew");
}
