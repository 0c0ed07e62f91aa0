//! `also_failed(failures, calls)`: the end of a sentence about what succeeded.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, integers};

/// `; 3 other attempts failed`, or nothing if none or all calls failed: then the sentence itself says so.
pub fn also_failed(failures: i64, calls: i64) -> String {
    match failures {
        _ if failures <= 0 || failures >= calls => String::new(),
        1 => "; 1 other attempt failed".into(),
        _ => format!("; {failures} other attempts failed"),
    }
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "also_failed",
        "The end of a sentence about calls that succeeded: how many others failed. Empty if none or all failed.",
        &[Argument::Integer("failures"), Argument::Integer("calls")],
        DataType::Utf8,
        &[
            ("also_failed(3, 5)", "; 3 other attempts failed"),
            ("also_failed(1, 2)", "; 1 other attempt failed"),
            ("also_failed(0, 5) || '.'", "."),
            ("also_failed(5, 5) || '.'", "."),
            ("also_failed(NULL, 5)", "NULL"),
        ],
        |args, rows| {
            let (failures, calls) = (integers(&args[0]), integers(&args[1]));
            let row = |row: usize| {
                let known = args.iter().all(|column| column.is_valid(row));
                known.then(|| also_failed(failures.value(row), calls.value(row)))
            };
            Ok(Arc::new((0..rows).map(row).collect::<StringArray>()) as ArrayRef)
        },
    )
}
