//! `is_service_caller(source_ip_address)`: the call came from inside AWS and not from a place.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// True for a service's DNS name and `AWS Internal`, which no address looks like.
pub fn is_service_caller(source: &str) -> bool {
    source.ends_with(".amazonaws.com") || source.ends_with(".amazonaws.com.cn") || source.starts_with("AWS Internal")
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "is_service_caller",
        "True when source_ip_address is a service's name or AWS Internal: no place, and not the caller's network. Null when it is absent.",
        &[Argument::Text("source_ip_address")],
        DataType::Boolean,
        &[
            ("is_service_caller('cloudformation.amazonaws.com')", "true"),
            ("is_service_caller('AWS Internal')", "true"),
            ("is_service_caller('203.0.113.7')", "false"),
        ],
        |args, _| {
            let callers = texts(&args[0]).iter().map(|source| source.map(is_service_caller));
            Ok(Arc::new(callers.collect::<BooleanArray>()) as ArrayRef)
        },
    )
}
