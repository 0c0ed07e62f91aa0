//! `counted(n, one, many)`: a number with its noun.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, integers, texts};

/// `1 identity`, `2 identities`.
pub fn counted(n: i64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "counted",
        "A number with its noun: `one` for 1, `many` for any other number.",
        &[Argument::Integer("n"), Argument::Text("one"), Argument::Text("many")],
        DataType::Utf8,
        &[
            ("counted(1, 'identity', 'identities')", "1 identity"),
            ("counted(2, 'identity', 'identities')", "2 identities"),
            ("counted(0, 'call', 'calls')", "0 calls"),
            ("counted(NULL, 'call', 'calls')", "NULL"),
        ],
        |args, rows| {
            let (numbers, one, many) = (integers(&args[0]), texts(&args[1]), texts(&args[2]));
            let row = |row: usize| {
                let known = args.iter().all(|column| column.is_valid(row));
                known.then(|| counted(numbers.value(row), one.value(row), many.value(row)))
            };
            Ok(Arc::new((0..rows).map(row).collect::<StringArray>()) as ArrayRef)
        },
    )
}
