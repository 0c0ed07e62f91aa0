//! Errors that stop a command, grouped by what the operator can do about them.
//!
//! Every variant names the object it is about. A record or an object that cannot be read is not an error: it is a
//! [`Reject`](crate::decode::Reject), counted and listed, and the run continues.

use std::borrow::Cow;
use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::geo::GeoError;

/// The result of every function in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Invalid input from the user; the text says what to do instead.
    #[error("{0}")]
    Usage(String),

    /// A bucket or folder cannot be reached, listed, read or written.
    #[error("cannot {action} {location}: {}", root_cause(source))]
    Storage {
        /// What was attempted.
        action: Action,
        /// URL of the bucket, folder or object.
        location: String,
        /// The store's error.
        source: object_store::Error,
    },

    /// The lake's table log or one of its files cannot be read or written.
    #[error("lake {lake}: {reason}")]
    Lake {
        /// URL of the lake.
        lake: String,
        /// What is wrong, and the next step if there is one.
        reason: String,
    },

    /// A detector is invalid, or its SQL fails.
    #[error("detector {id}: {reason}")]
    Detector {
        /// File stem of the detector.
        id: String,
        /// What is wrong.
        reason: String,
    },

    /// SQL fails, typed by a user or part of this program.
    #[error("{what}: {reason}")]
    Query {
        /// Which SQL: "query", or the name of a view or section of the report.
        what: String,
        /// The engine's message.
        reason: String,
    },

    /// A query needs more memory or temporary disk space than it may use. Alone it may succeed.
    #[error("{what}: {reason}")]
    OutOfMemory {
        /// Which SQL, as in [`Error::Query`].
        what: String,
        /// The engine's message.
        reason: String,
    },

    /// A worker cannot be used, or none answers.
    #[error("worker: {0}")]
    Worker(String),

    /// A local file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },

    /// The geographic table cannot be read.
    #[error(transparent)]
    Geo(#[from] GeoError),

    /// A bug in this program, reported instead of a panic.
    #[error("internal: {0}; please report it")]
    Internal(String),

    /// A command reached its time or memory limit.
    #[error("stopped: {0}")]
    Stopped(String),

    /// The operator pressed Ctrl-C.
    #[error("interrupted; committed data is kept, run the same command again to continue")]
    Interrupted,
}

/// What was attempted on a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Connect to a store or look for a lake.
    Open,
    /// List a folder.
    List,
    /// Read an object.
    Read,
    /// Write an object.
    Write,
    /// Delete an object.
    Delete,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Open => "open",
            Action::List => "list",
            Action::Read => "read",
            Action::Write => "write",
            Action::Delete => "delete",
        })
    }
}

impl Error {
    /// Shorthand for [`Error::Storage`].
    pub fn storage(action: Action, location: impl Into<String>, source: object_store::Error) -> Error {
        Error::Storage { action, location: location.into(), source }
    }

    /// Shorthand for [`Error::Lake`]; a reason of several lines becomes one line.
    pub fn lake(lake: impl Into<String>, reason: impl ToString) -> Error {
        Error::Lake { lake: lake.into(), reason: one_line(&redacted(&reason.to_string())) }
    }

    /// Shorthand for [`Error::Query`]; a reason of several lines becomes one line.
    pub fn query(what: impl Into<String>, reason: impl ToString) -> Error {
        Error::Query { what: what.into(), reason: one_line(&reason.to_string()) }
    }

    /// Shorthand for [`Error::OutOfMemory`]; a reason of several lines becomes one line.
    pub fn out_of_memory(what: impl Into<String>, reason: impl ToString) -> Error {
        Error::OutOfMemory { what: what.into(), reason: one_line(&reason.to_string()) }
    }

    /// True when a write was refused because it is not permitted. A full disk or a throttled request does not count.
    pub fn is_read_only(&self) -> bool {
        match self {
            Error::Storage { action: Action::Write | Action::Delete, source, .. } => is_permission(source),
            _ => false,
        }
    }
}

fn is_permission(error: &object_store::Error) -> bool {
    if matches!(error, object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }) {
        return true;
    }
    let first: &(dyn std::error::Error + 'static) = error;
    let causes = std::iter::successors(Some(first), |cause| cause.source());
    causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|io| is_permission_kind(io.kind()))
}

fn is_permission_kind(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// The text on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The innermost cause of a storage error: object_store wraps it in layers that repeat the URL.
pub(crate) fn root_cause(error: &object_store::Error) -> String {
    if let object_store::Error::NotFound { .. } = error {
        return "not found; check the bucket and the path".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = redacted(&cause.to_string()).into_owned();
    match (between(&text, "<Code>", "</Code>"), between(&text, "<Message>", "</Message>")) {
        // S3 answers with XML.
        (Some(code), message) => {
            let expired =
                code.contains("Expired") || code.contains("InvalidAccessKey") || code.contains("SignatureDoesNotMatch");
            let next = if expired { "; renew the credentials, or use another --profile" } else { "" };
            one_line(&format!("{code}: {}{next}", message.unwrap_or("no message")))
        }
        _ => one_line(&text),
    }
}

/// A text without the passwords and signatures of the URLs in it.
pub fn redacted(text: &str) -> Cow<'_, str> {
    static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        // `user:password@` of a host, and the parameters of a presigned URL.
        let parameters = "x-amz-(?:signature|credential|security-token)|signature|awsaccesskeyid|sig|token";
        Regex::new(&format!(r"(?i)(://)[^/?#\s]+@|([?&](?:{parameters})=)[^&\s`'\x22<>)]+")).ok()
    });
    match SECRETS.as_ref() {
        Some(secrets) => secrets.replace_all(text, |found: &Captures| {
            let before = |n| found.get(n).map_or("", |kept: regex::Match| kept.as_str());
            let at = if found.get(1).is_some() { "@" } else { "" };
            format!("{}{}***{at}", before(1), before(2))
        }),
        None => text.into(),
    }
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    text.split_once(begin)?.1.split_once(end).map(|(inside, _)| inside.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: source.into() }
    }

    #[test]
    fn secrets_in_urls_are_not_shown() {
        let presigned = "s3 at https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA%2F1&X-Amz-Signature=abc&x=1";
        assert_eq!(
            redacted(presigned),
            "s3 at https://b.s3.amazonaws.com/k?X-Amz-Credential=***&X-Amz-Signature=***&x=1"
        );
        assert_eq!(redacted("http://me:secret@host:9000/x refused"), "http://***@host:9000/x refused");
        assert_eq!(redacted("s3://bucket/a@b: no"), "s3://bucket/a@b: no");
    }

    #[test]
    fn the_message_of_an_s3_error_is_taken_from_its_xml() {
        let body = "403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>ExpiredToken</Code>\n<Message>The token has expired.</Message></Error>";
        let error = Error::storage(Action::List, "s3://acme", generic(body));
        assert_eq!(
            error.to_string(),
            "cannot list s3://acme: ExpiredToken: The token has expired.; renew the credentials, or use another --profile"
        );
        assert_eq!(
            Error::storage(Action::Read, "s3://acme/x", generic("no route\nto host")).to_string(),
            "cannot read s3://acme/x: no route; to host"
        );
    }

    #[test]
    fn secrets_of_urls_are_replaced() {
        for (text, expected) in [
            ("no route to http://me:pa55@host:9/b", "no route to http://***@host:9/b"),
            ("https://me:p@55@host", "https://***@host"),
            (
                "https://b/k?X-Amz-Credential=AKIA%2F1&n=1&X-Amz-Signature=5ec (sent)",
                "https://b/k?X-Amz-Credential=***&n=1&X-Amz-Signature=*** (sent)",
            ),
            ("https://b/k?sig=5ec&token=t", "https://b/k?sig=***&token=***"),
            ("s3://acme/a@b and maria@example.com", "s3://acme/a@b and maria@example.com"),
        ] {
            assert_eq!(redacted(text), expected);
            assert!(Error::lake("lake", text).to_string().ends_with(expected));
            let storage = Error::storage(Action::Read, "s3://acme/x", generic(text.to_owned())).to_string();
            assert!(storage.ends_with(expected), "{storage}");
        }
    }

    #[test]
    fn only_a_write_that_is_not_permitted_means_read_only() {
        let denied = || object_store::Error::PermissionDenied { path: "x".into(), source: "403".into() };
        let unknown = || object_store::Error::Unauthenticated { path: "x".into(), source: "401".into() };
        let io = |kind: ErrorKind| generic(std::io::Error::from(kind));
        for (action, source, expected) in [
            (Action::Write, denied(), true),
            (Action::Delete, denied(), true),
            (Action::Write, unknown(), true),
            (Action::Read, denied(), false),
            (Action::List, denied(), false),
            (Action::Write, io(ErrorKind::PermissionDenied), true),
            (Action::Write, io(ErrorKind::ReadOnlyFilesystem), true),
            (Action::Write, io(ErrorKind::StorageFull), false),
            (Action::Write, generic("503 SlowDown"), false),
        ] {
            let error = Error::storage(action, "s3://acme/x", source);
            assert_eq!(error.is_read_only(), expected, "{error:?}");
        }
        assert!(!Error::lake("lake", "permission denied").is_read_only());
    }
}
