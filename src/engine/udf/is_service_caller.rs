//! `is_service_caller(source_ip_address)`: whether the call came from an AWS service.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// True for a service's DNS name and `AWS Internal`; an IP address never looks like these.
pub fn is_service_caller(source: &str) -> bool {
    source.ends_with(".amazonaws.com") || source.ends_with(".amazonaws.com.cn") || source.starts_with("AWS Internal")
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "is_service_caller",
        "True when source_ip_address is a service name or AWS Internal, so it is not the caller's own network. Null when it is absent.",
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
