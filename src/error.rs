//! What can go wrong, by what the operator can do about it.
//!
//! Every variant names the thing it is about. A record or an object that cannot be read is not an error: it is a
//! [`Reject`](crate::decode::Reject), counted and listed, and the run goes on.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::geo::GeoError;

/// The result of everything in this crate that can fail as a whole.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something typed makes no sense; the text holds the next step.
    #[error("{0}")]
    Usage(String),

    /// A bucket or folder cannot be reached, listed or written.
    #[error("cannot {action} {location}: {}", root_cause(source))]
    Storage {
        /// What was tried: "list", "read", "write".
        action: &'static str,
        /// URL of the bucket, folder or object.
        location: String,
        /// The store's own words.
        source: object_store::Error,
    },

    /// The lake's table log or one of its files cannot be read or written.
    #[error("lake {lake}: {reason}")]
    Lake {
        /// URL of the lake.
        lake: String,
        /// What is wrong with it, and the next step where there is one.
        reason: String,
    },

    /// A detector is not well formed, or its SQL does not run.
    #[error("detector {id}: {reason}")]
    Detector {
        /// File stem of the detector.
        id: String,
        /// What is wrong with it.
        reason: String,
    },

    /// SQL typed by a person, or SQL of ours, does not run.
    #[error("{what}: {reason}")]
    Query {
        /// Which SQL: "query", or the name of a view or section of the report.
        what: String,
        /// The engine's words.
        reason: String,
    },

    /// A local file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },

    /// The geographic table cannot be read.
    #[error(transparent)]
    Geo(#[from] GeoError),

    /// A defect of this program, told instead of a panic.
    #[error("internal: {0}; please report it")]
    Internal(String),

    /// The operator pressed Ctrl-C.
    #[error("interrupted; what was committed stays, run the same command again to go on")]
    Interrupted,
}

impl Error {
    /// Shorthand for [`Error::Storage`].
    pub fn storage(action: &'static str, location: impl Into<String>, source: object_store::Error) -> Error {
        Error::Storage { action, location: location.into(), source }
    }

    /// Shorthand for [`Error::Lake`]; an error is one line, however many its cause has.
    pub fn lake(lake: impl Into<String>, reason: impl ToString) -> Error {
        Error::Lake { lake: lake.into(), reason: one_line(&reason.to_string()) }
    }

    /// Shorthand for [`Error::Query`]; one line too.
    pub fn query(what: impl Into<String>, reason: impl ToString) -> Error {
        Error::Query { what: what.into(), reason: one_line(&reason.to_string()) }
    }
}

fn one_line(text: &str) -> String {
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
        // What S3 says, out of the XML it says it in.
        (Some(code), message) => {
            let expired =
                code.contains("Expired") || code.contains("InvalidAccessKey") || code.contains("SignatureDoesNotMatch");
            let next = if expired { "; renew the credentials, or name others with --profile" } else { "" };
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
        Regex::new(&format!(r"(?i)(://)[^/\s@]+@|([?&](?:{parameters})=)[^&\s`'\x22<>)]+")).ok()
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
    fn what_s3_says_is_taken_out_of_its_xml() {
        let body = "403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>ExpiredToken</Code>\n<Message>The token has expired.</Message></Error>";
        let error =
            Error::storage("list", "s3://acme", object_store::Error::Generic { store: "S3", source: body.into() });
        assert_eq!(
            error.to_string(),
            "cannot list s3://acme: ExpiredToken: The token has expired.; renew the credentials, or name others with --profile"
        );
        let plain = object_store::Error::Generic { store: "S3", source: "no route\nto host".into() };
        assert_eq!(
            Error::storage("read", "s3://acme/x", plain).to_string(),
            "cannot read s3://acme/x: no route; to host"
        );
    }
}
