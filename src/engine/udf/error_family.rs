//! `error_family(error_code, error_message)` and `is_denied`: the kind of failure, whatever the service calls it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, StringArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// `denied`, `login_failed`, `throttled`, `not_found`, `invalid`, `conflict` or `other`; `None` for a call that succeeded.
///
/// Services have many names for the same error (`AccessDenied`, `AccessDeniedException`, `Client.UnauthorizedOperation`,
/// `UnauthorizedAccess`), so the code is matched by its words. In some record versions, a failed sign-in has
/// no code, only a message.
pub fn error_family(code: Option<&str>, message: Option<&str>) -> Option<&'static str> {
    if message == Some("Failed authentication") || message == Some("No username found in supplied account") {
        return Some("login_failed");
    }
    let code = code?.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    Some(
        if has(&[
            "denied",
            "unauthorized",
            "notauthorized",
            "forbidden",
            "authfailure",
            "accessdisabled",
            "optinrequired",
            "invalidclienttokenid",
            "expiredtoken",
            "signaturedoesnotmatch",
            "unrecognizedclient",
        ]) {
            "denied"
        } else if has(&[
            "throttl",
            "requestlimitexceeded",
            "toomanyrequests",
            "slowdown",
            "rateexceeded",
            "limitexceeded",
            "quota",
        ]) {
            "throttled"
        } else if has(&["notfound", "nosuch", "notexist", "notfoundexception"]) {
            "not_found"
        } else if has(&["alreadyexists", "conflict", "inuse", "duplicate", "already"]) {
            "conflict"
        } else if has(&["invalid", "validation", "malformed", "missing", "unsupported", "badrequest"]) {
            "invalid"
        } else {
            "other"
        },
    )
}

/// Declaration of `error_family`.
pub fn function() -> Function {
    Function::new(
        "error_family",
        "Kind of failure: denied, login_failed, throttled, not_found, conflict, invalid or other; null when the call succeeded.",
        &[Argument::Text("error_code"), Argument::Text("error_message")],
        DataType::Utf8,
        &[
            ("error_family('Client.UnauthorizedOperation', NULL)", "denied"),
            ("error_family(NULL, 'Failed authentication')", "login_failed"),
            ("error_family('NoSuchBucket', NULL)", "not_found"),
            ("error_family('ThrottlingException', NULL)", "throttled"),
            ("error_family(NULL, NULL)", "NULL"),
        ],
        |args, _| {
            let rows = texts(&args[0]).iter().zip(texts(&args[1]));
            Ok(Arc::new(rows.map(|(code, message)| error_family(code, message)).collect::<StringArray>()) as ArrayRef)
        },
    )
}

/// Declaration of `is_denied`.
pub fn is_denied() -> Function {
    Function::new(
        "is_denied",
        "True when the call was denied because of missing permissions, whatever the service calls the error; false for every other call.",
        &[Argument::Text("error_code"), Argument::Text("error_message")],
        DataType::Boolean,
        &[("is_denied('AccessDeniedException', NULL)", "true"), ("is_denied(NULL, NULL)", "false")],
        |args, _| {
            let rows = texts(&args[0]).iter().zip(texts(&args[1]));
            let denied = rows.map(|(code, message)| Some(error_family(code, message) == Some("denied")));
            Ok(Arc::new(denied.collect::<BooleanArray>()) as ArrayRef)
        },
    )
}
