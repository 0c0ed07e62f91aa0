//! `api_name(event_name)`: the API without the version some services append to it.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use regex::Regex;

use super::function::{Argument, Function, texts};

/// `UpdateFunctionCode20150331v2` and `CreateDistribution2020_05_31` without their date.
pub fn api_name(event_name: &str) -> &str {
    static VERSION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(20\d\d_?[01]\d_?[0-3]\d)(v\d+)?$").expect("a constant pattern that tests compile")
    });
    if !event_name.ends_with(|c: char| c.is_ascii_digit()) {
        return event_name;
    }
    VERSION.find(event_name).map_or(event_name, |version| &event_name[..version.start()])
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "api_name",
        "The API's name without the version that some services append: UpdateFunctionCode20150331v2 becomes UpdateFunctionCode.",
        &[Argument::Text("event_name")],
        DataType::Utf8,
        &[
            ("api_name('UpdateFunctionCode20150331v2')", "UpdateFunctionCode"),
            ("api_name('CreateDistribution2020_05_31')", "CreateDistribution"),
            ("api_name('ListObjectsV2')", "ListObjectsV2"),
        ],
        |args, _| {
            Ok(Arc::new(texts(&args[0]).iter().map(|name| name.map(api_name)).collect::<StringArray>()) as ArrayRef)
        },
    )
}
