//! `listed(texts, most)`: the first texts of a list, and how many more there are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, integers};

/// `a, b and 3 more`.
pub fn listed(texts: &[&str], most: usize) -> String {
    let shown = texts[..most.min(texts.len())].join(", ");
    match texts.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "listed",
        "The first texts of a list, separated by commas, and how many more there are.",
        &[Argument::Texts("texts"), Argument::Integer("most")],
        DataType::Utf8,
        &[
            ("listed(make_array('a', 'b'), 3)", "a, b"),
            ("listed(make_array('a', 'b', 'c', 'd'), 2)", "a, b and 2 more"),
            ("listed(NULL, 2)", "NULL"),
        ],
        |args, rows| {
            let (lists, most) = (args[0].as_list::<i32>(), integers(&args[1]));
            let row = |row: usize| {
                let known = lists.is_valid(row) && most.is_valid(row);
                known.then(|| {
                    let texts = lists.value(row);
                    let texts: Vec<_> = texts.as_string::<i32>().iter().flatten().collect();
                    listed(&texts, usize::try_from(most.value(row)).unwrap_or_default())
                })
            };
            Ok(Arc::new((0..rows).map(row).collect::<StringArray>()) as ArrayRef)
        },
    )
}
